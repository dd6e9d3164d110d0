/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdlib.h>

/* So many entries go with a new one when there are more than are kept: a bound that was lowered is reached step by step. */
#define PRUNED_WITH_ONE 8

#define AUDIT_COLUMNS "at_ms, token, user, uid, pid, address, method, path, device, job, firmware, campaign, lease, status, code, id"

static const char insert_entry[] =
    "INSERT INTO audit (at_ms, token, user, uid, pid, address, method, path, device, job, firmware, campaign, lease, status, code)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
static const char amend_entry[] = "UPDATE audit SET (status, code) = (?2, ?3) WHERE id = ?1";
static const char prune_more[] = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id <= ?1 ORDER BY id LIMIT ?2)";
static const char prune_old[] = "DELETE FROM audit WHERE at_ms <= ?1 AND id IN (SELECT id FROM audit ORDER BY id LIMIT ?2)";
static const char select_oldest[] = "SELECT at_ms FROM audit ORDER BY id LIMIT 1";
static const char list_all[] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
static const char list_of_device[] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE device = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2";

static void bind_who(struct store_binder *binder, const struct actor *who)
{
	bool local = who->uid != AUDIT_WHO_UNKNOWN_USER;
	store_bind_text(binder, who->token);
	store_bind_text(binder, who->user);
	store_bind_int(binder, local ? (int64_t)who->uid : -1);
	store_bind_int(binder, who->pid);
	store_bind_text(binder, who->address);
}

static int keep_bound(struct store *store, int64_t newest, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, prune_more, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_int(&binder, newest - store->audit_entries_max);
	store_bind_int(&binder, PRUNED_WITH_ONE);
	return store_run(&store->writer, statement, ret_fault);
}

int store_audit_write(struct store *store, struct audit_entry *entry, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, insert_entry, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_int(&binder, entry->at_ms);
	bind_who(&binder, &entry->who);
	store_bind_text(&binder, entry->method);
	store_bind_text(&binder, entry->path);
	store_bind_text(&binder, entry->device);
	store_bind_text(&binder, entry->job);
	store_bind_text(&binder, entry->firmware);
	store_bind_text(&binder, entry->campaign);
	store_bind_text(&binder, entry->lease);
	store_bind_int(&binder, entry->status);
	store_bind_text(&binder, entry->code);
	int result = store_run(&store->writer, statement, ret_fault);
	if (result < 0)
		return result;
	entry->id = sqlite3_last_insert_rowid(store->writer.db);
	return store->audit_entries_max > 0 ? keep_bound(store, entry->id, ret_fault) : 0;
}

int store_audit_amend(struct store *store, const struct audit_entry *entry, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	sqlite3_stmt *statement = store_statement(&store->writer, amend_entry, ret_fault);
	struct store_binder binder = {.statement = statement, .next = 1};
	if (statement != NULL) {
		store_bind_int(&binder, entry->id);
		store_bind_int(&binder, entry->status);
		store_bind_text(&binder, entry->code);
		result = store_run(&store->writer, statement, ret_fault);
	} else {
		result = -EPROTO;
	}
	return store_write_end(store, result, ret_fault);
}

static void read_entry(sqlite3_stmt *statement, struct audit_entry *ret)
{
	struct store_reader reader = {.statement = statement};
	ret->at_ms = store_read_int(&reader);
	store_read_text(&reader, ret->who.token, sizeof(ret->who.token));
	store_read_text(&reader, ret->who.user, sizeof(ret->who.user));
	ret->who.uid = (uint32_t)store_read_int(&reader); /* -1 is the unknown one */
	ret->who.pid = (int32_t)store_read_int(&reader);
	store_read_text(&reader, ret->who.address, sizeof(ret->who.address));
	store_read_text(&reader, ret->method, sizeof(ret->method));
	store_read_text(&reader, ret->path, sizeof(ret->path));
	store_read_text(&reader, ret->device, sizeof(ret->device));
	store_read_text(&reader, ret->job, sizeof(ret->job));
	store_read_text(&reader, ret->firmware, sizeof(ret->firmware));
	store_read_text(&reader, ret->campaign, sizeof(ret->campaign));
	store_read_text(&reader, ret->lease, sizeof(ret->lease));
	ret->status = (int)store_read_int(&reader);
	store_read_text(&reader, ret->code, sizeof(ret->code));
	ret->id = store_read_int(&reader);
}

static int read_entries(struct store *store, const struct audit_filter *filter, struct audit_entry *ret, size_t *ret_count,
			struct job_fault *ret_fault)
{
	bool all = filter->device[0] == '\0';
	sqlite3_stmt *statement = store_statement(&store->reader, all ? list_all : list_of_device, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_int(&binder, filter->before > 0 ? filter->before : INT64_MAX);
	store_bind_int(&binder, (int64_t)filter->limit + 1);
	if (!all)
		store_bind_text(&binder, filter->device);
	int step = SQLITE_DONE;
	while (*ret_count <= filter->limit && (step = sqlite3_step(statement)) == SQLITE_ROW)
		read_entry(statement, &ret[(*ret_count)++]);
	int result = step == SQLITE_DONE || step == SQLITE_ROW ? 0 : store_failed(&store->reader, ret_fault);
	sqlite3_reset(statement);
	return result;
}

int store_audit_list(struct store *store, const struct audit_filter *filter, struct audit_entry **ret, size_t *ret_count, bool *ret_more,
		     struct job_fault *ret_fault)
{
	/* A row more than asked for tells that there are more. */
	struct audit_entry *entries = calloc((size_t)filter->limit + 1, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	*ret_count = 0;
	store_read_begin(store);
	int result = read_entries(store, filter, entries, ret_count, ret_fault);
	store_read_end(store);
	if (result < 0) {
		free(entries);
		return result;
	}
	*ret_more = *ret_count > filter->limit;
	*ret_count -= *ret_more;
	*ret = entries;
	return 0;
}

void store_audit_keep(struct store *store, unsigned entries_max)
{
	store->audit_entries_max = entries_max;
}

int store_audit_prune(struct store *store, int64_t before_ms, unsigned limit, int64_t *ret_oldest_ms, struct job_fault *ret_fault)
{
	const struct store_prune what = {.sql = prune_old, .oldest = select_oldest, .before_ms = before_ms, .limit = limit};
	return store_prune(store, &what, ret_oldest_ms, ret_fault);
}
