/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An answer whose day is over may still be there. */
static const char insert_answer[] =
    "INSERT OR REPLACE INTO answers (key, who, method, path, request, status, location, body, created_at_ms)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
static const char select_answer[] = "SELECT request, status, location, body FROM answers"
				    " WHERE key = ?1 AND who = ?2 AND method = ?3 AND path = ?4 AND created_at_ms > ?5";
static const char prune_answers[] =
    "DELETE FROM answers WHERE (key, who, method, path) IN"
    " (SELECT key, who, method, path FROM answers WHERE created_at_ms <= ?1 ORDER BY created_at_ms LIMIT ?2)";
static const char select_oldest_answer[] = "SELECT min(created_at_ms) FROM answers";

void store_begin_errand(struct store *store, struct errand *errand)
{
	(void)pthread_setspecific(store->errand, errand);
}

void store_end_errand(struct store *store)
{
	(void)pthread_setspecific(store->errand, NULL);
}

bool store_errand_who(struct store *store, char ret[REQUESTED_BY_SIZE])
{
	const struct errand *errand = pthread_getspecific(store->errand);
	if (errand != NULL)
		actor_name(&errand->entry.who, ret);
	return errand != NULL;
}

static int take_job(struct errand *errand, const struct job *job)
{
	struct audit_entry *entry = &errand->entry;
	memcpy(entry->job, job->id, sizeof(entry->job));
	memcpy(entry->device, job->request.device, sizeof(entry->device));
	memcpy(entry->firmware, job->request.firmware, sizeof(entry->firmware));
	if (errand->key[0] == '\0' || errand->show_job == NULL)
		return 0;
	kept_answer_clear(&errand->answer);
	return errand->show_job(job, &errand->answer);
}

static int take(struct store *store, enum errand_change change, const struct job *job, struct errand **ret)
{
	struct errand *errand = pthread_getspecific(store->errand);
	*ret = errand != NULL && errand->change == change && !errand->written ? errand : NULL;
	return *ret != NULL && job != NULL ? take_job(errand, job) : 0;
}

static int take_for_campaign(struct store *store, const struct campaign *campaign, struct errand **ret)
{
	int result = take(store, ERRAND_CAMPAIGN, NULL, ret);
	struct errand *errand = *ret;
	if (result < 0 || errand == NULL)
		return result;
	memcpy(errand->entry.campaign, campaign->id, sizeof(errand->entry.campaign));
	memcpy(errand->entry.firmware, campaign->order.request.firmware, sizeof(errand->entry.firmware));
	if (errand->key[0] == '\0' || errand->show_campaign == NULL)
		return 0;
	kept_answer_clear(&errand->answer);
	return errand->show_campaign(campaign, errand->entry.status, &errand->answer);
}

static void bind_scope(struct store_binder *binder, const struct errand *errand, const char *who)
{
	store_bind_text(binder, errand->key);
	store_bind_text(binder, who);
	store_bind_text(binder, errand->entry.method);
	store_bind_text(binder, errand->entry.path);
}

static int write_answer(struct store *store, const struct errand *errand, struct job_fault *ret_fault)
{
	char who[REQUESTED_BY_SIZE];
	sqlite3_stmt *statement = store_statement(&store->writer, insert_answer, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	actor_name(&errand->entry.who, who);
	bind_scope(&binder, errand, who);
	store_bind_text(&binder, errand->request_sha256);
	store_bind_int(&binder, errand->answer.status);
	store_bind_text(&binder, errand->answer.location);
	store_bind_text(&binder, errand->answer.body != NULL ? errand->answer.body : "");
	store_bind_int(&binder, errand->entry.at_ms);
	return store_run(&store->writer, statement, ret_fault);
}

static int write_errand(struct store *store, struct errand *errand, struct job_fault *ret_fault)
{
	if (errand == NULL)
		return 0;
	int result = store_audit_write(store, &errand->entry, ret_fault);
	if (result == 0 && errand->answer.status != 0)
		result = write_answer(store, errand, ret_fault);
	return result;
}

int store_errand_begin_write(struct store *store, enum errand_change change, const struct job *job, struct errand **ret,
			     struct job_fault *ret_fault)
{
	int result = take(store, change, job, ret);
	return result < 0 ? result : store_write_begin(store, ret_fault);
}

int store_errand_begin_campaign(struct store *store, const struct campaign *campaign, struct errand **ret, struct job_fault *ret_fault)
{
	int result = take_for_campaign(store, campaign, ret);
	return result < 0 ? result : store_write_begin(store, ret_fault);
}

int store_errand_end_write(struct store *store, struct errand *errand, int result, struct job_fault *ret_fault)
{
	if (result == 0)
		result = write_errand(store, errand, ret_fault);
	result = store_write_end(store, result, ret_fault);
	if (errand != NULL && result == 0)
		errand->written = true;
	if (errand != NULL && result < 0) {
		errand->entry.id = 0;
		if (errand->change == ERRAND_NEW_JOB)
			errand->entry.job[0] = '\0'; /* there is none */
		if (errand->change == ERRAND_CAMPAIGN)
			errand->entry.campaign[0] = '\0';
	}
	return result;
}

int store_errand_save(struct store *store, struct errand *errand, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	return result < 0 ? result : store_errand_end_write(store, errand, result, ret_fault);
}

static int read_answer(sqlite3_stmt *statement, char ret_request[65], struct kept_answer *ret)
{
	struct store_reader reader = {.statement = statement};
	store_read_text(&reader, ret_request, 65);
	ret->status = (int)store_read_int(&reader);
	store_read_text(&reader, ret->location, sizeof(ret->location));
	const unsigned char *body = sqlite3_column_text(statement, reader.next);
	ret->body = body != NULL ? strdup((const char *)body) : NULL;
	return ret->body != NULL ? 1 : -ENOMEM;
}

int store_answer_find(struct store *store, const struct errand *errand, char ret_request[65], struct kept_answer *ret,
		      struct job_fault *ret_fault)
{
	char who[REQUESTED_BY_SIZE];
	int result = -EPROTO;
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, select_answer, ret_fault);
	if (statement != NULL) {
		struct store_binder binder = {.statement = statement, .next = 1};
		actor_name(&errand->entry.who, who);
		bind_scope(&binder, errand, who);
		store_bind_int(&binder, errand->entry.at_ms - IDEMPOTENCY_KEPT_MS);
		int step = sqlite3_step(statement);
		if (step == SQLITE_ROW)
			result = read_answer(statement, ret_request, ret);
		else
			result = step == SQLITE_DONE ? 0 : store_failed(&store->reader, ret_fault);
		sqlite3_reset(statement);
	}
	store_read_end(store);
	return result;
}

static int run_prune(struct store *store, const char *sql, int64_t before_ms, unsigned limit, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, sql, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_int(&binder, before_ms);
	store_bind_int(&binder, limit);
	return store_run(&store->writer, statement, ret_fault);
}

static int read_oldest(struct store *store, const char *sql, int64_t *ret_ms, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, sql, ret_fault);
	*ret_ms = 0;
	if (statement == NULL)
		return -EPROTO;
	struct store_reader reader = {.statement = statement};
	int step = sqlite3_step(statement);
	if (step == SQLITE_ROW)
		*ret_ms = store_read_int(&reader);
	int result = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_failed(&store->writer, ret_fault);
	sqlite3_reset(statement);
	return result;
}

int store_prune(struct store *store, const struct store_prune *prune, int64_t *ret_oldest_ms, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	result = read_oldest(store, prune->oldest, ret_oldest_ms, ret_fault);
	/* A transaction that changes nothing costs the disk nothing. */
	if (result == 0 && *ret_oldest_ms != 0 && *ret_oldest_ms <= prune->before_ms) {
		result = run_prune(store, prune->sql, prune->before_ms, prune->limit, ret_fault);
		if (result == 0)
			result = read_oldest(store, prune->oldest, ret_oldest_ms, ret_fault);
	}
	return store_write_end(store, result, ret_fault);
}

int store_answers_prune(struct store *store, int64_t before_ms, unsigned limit, int64_t *ret_oldest_ms, struct job_fault *ret_fault)
{
	const struct store_prune what = {.sql = prune_answers, .oldest = select_oldest_answer, .before_ms = before_ms, .limit = limit};
	return store_prune(store, &what, ret_oldest_ms, ret_fault);
}
