/* SPDX-License-Identifier: Apache-2.0
 *
 * Which jobs the history is without from now on. All of a job goes in one transaction: its attempts and its ending by their keys, and what a retry says
 * of it by the trigger job_gone.
 */
#include "daemon/store_private.h"

#include <errno.h>
#include <string.h>

/* So many jobs are looked at in a step at most. */
#define LOOKED_AT "500"

/* What is in a modem is told by the newest upgrade that ran, that sent something or that ended well; for a job that is still to run, by those that are
 * older than the job. */
#define NEWEST_ENDED(what)                                                                                                                 \
	"j.id IS (SELECT max(b.id) FROM jobs AS b WHERE b.device = j.device AND b.kind = 'upgrade' AND " what " AND NOT (b." JOB_IS_OPEN   \
	"))"
#define SENT(b) "(" b ".past_return OR " b ".state = 'succeeded')"
#define TELLS_OF_MODEM                                                                                                                     \
	"j.kind = 'upgrade' AND (" NEWEST_ENDED("b.furthest_phase <> ''") " OR " NEWEST_ENDED(SENT("b")) " OR " NEWEST_ENDED(              \
	    "b.state = 'succeeded'") " OR EXISTS (SELECT 1 FROM jobs AS o INDEXED BY jobs_open_of_device WHERE"                            \
				     " o.device = j.device AND o.id > j.id AND o." JOB_IS_OPEN                                             \
				     " AND j.id = (SELECT max(b.id) FROM jobs AS b WHERE"                                                  \
				     " b.device = o.device AND b.kind = 'upgrade' AND " SENT("b") " AND b.id < o.id)))"

#define CAMPAIGN_GOES_ON                                                                                                                   \
	"j.campaign <> '' AND (EXISTS (SELECT 1 FROM campaigns AS c WHERE c.id = j.campaign AND"                                           \
	" c.state IN ('draft', 'running', 'paused', 'waiting')) OR EXISTS (SELECT 1 FROM campaign_members AS m"                            \
	" INDEXED BY campaign_members_open WHERE m.campaign = j.campaign AND m.state IN ('queued', 'waiting', 'running')))"

static const char select_window_end[] = "SELECT id FROM jobs WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET " LOOKED_AT " - 1";
static const char delete_jobs[] =
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs AS j WHERE id > ?1 AND id <= ?2 AND NOT (" JOB_IS_OPEN ")"
    " AND (finished_at_ms < ?3 OR (?4 > 0 AND NOT (finished_at_ms BETWEEN ?5 AND ?6)))"
    " AND NOT (" TELLS_OF_MODEM ") AND NOT (" CAMPAIGN_GOES_ON ") ORDER BY id LIMIT ?7) RETURNING id";
static const char count_ended[] =
    "SELECT (SELECT count(*) FROM jobs) - (SELECT count(*) FROM jobs INDEXED BY jobs_open WHERE " JOB_IS_OPEN ")";

static int read_window_end(struct store *store, const char *after, char ret[JOB_ID_SIZE], struct job_fault *ret_fault)
{
	struct store_binder binder = {.statement = store_statement(&store->writer, select_window_end, ret_fault), .next = 1};
	if (binder.statement == NULL)
		return -EPROTO;
	store_bind_text(&binder, after);
	int step = sqlite3_step(binder.statement);
	struct store_reader reader = {.statement = binder.statement};
	ret[0] = '\0';
	if (step == SQLITE_ROW)
		store_read_text(&reader, ret, JOB_ID_SIZE);
	int result = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_failed(&store->writer, ret_fault);
	sqlite3_reset(binder.statement);
	return result;
}

static unsigned limit_of(const struct job_prune *prune)
{
	return prune->surplus > 0 && prune->surplus < JOB_PRUNE_STEP ? prune->surplus : JOB_PRUNE_STEP;
}

static int delete_window(struct store *store, struct job_prune *prune, const char *end, struct job_fault *ret_fault)
{
	struct store_binder binder = {.statement = store_statement(&store->writer, delete_jobs, ret_fault), .next = 1};
	int step;
	if (binder.statement == NULL)
		return -EPROTO;
	store_bind_text(&binder, prune->after);
	store_bind_text(&binder, end[0] != '\0' ? end : "~"); /* after every id */
	store_bind_int(&binder, prune->ended_before_ms);
	store_bind_int(&binder, prune->surplus);
	store_bind_int(&binder, prune->recent_from_ms);
	store_bind_int(&binder, prune->now_ms);
	store_bind_int(&binder, limit_of(prune));
	while ((step = sqlite3_step(binder.statement)) == SQLITE_ROW && prune->count < JOB_PRUNE_STEP) {
		struct store_reader reader = {.statement = binder.statement};
		store_read_text(&reader, prune->gone[prune->count++], JOB_ID_SIZE);
	}
	int result = step == SQLITE_DONE ? 0 : store_failed(&store->writer, ret_fault);
	sqlite3_reset(binder.statement);
	return result;
}

/* Behind what was looked at. */
static void move_on(struct job_prune *prune, const char *end)
{
	bool full = prune->count == limit_of(prune);
	for (unsigned i = 0; i < prune->count; i++)
		if (strcmp(prune->gone[i], prune->after) > 0)
			memcpy(prune->after, prune->gone[i], sizeof(prune->after));
	if (!full && end[0] != '\0')
		memcpy(prune->after, end, sizeof(prune->after));
	prune->at_end = !full && end[0] == '\0';
	prune->surplus -= prune->count < prune->surplus ? prune->count : prune->surplus;
}

int store_jobs_prune(struct store *store, struct job_prune *prune, struct job_fault *ret_fault)
{
	char end[JOB_ID_SIZE];
	prune->count = 0;
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	result = read_window_end(store, prune->after, end, ret_fault);
	if (result == 0)
		result = delete_window(store, prune, end, ret_fault);
	result = store_write_end(store, result, ret_fault);
	if (result < 0)
		prune->count = 0;
	else
		move_on(prune, end);
	return result;
}

int store_jobs_count_ended(struct store *store, int64_t *ret, struct job_fault *ret_fault)
{
	int result = -EPROTO;
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, count_ended, ret_fault);
	if (statement != NULL) {
		struct store_reader reader = {.statement = statement};
		result = sqlite3_step(statement) == SQLITE_ROW ? 0 : store_failed(&store->reader, ret_fault);
		if (result == 0)
			*ret = store_read_int(&reader);
		sqlite3_reset(statement);
	}
	store_read_end(store);
	return result;
}
