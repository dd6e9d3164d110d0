/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdlib.h>

static const char insert_entry[] = "INSERT INTO device_history (device, at_ms, type, detail, job) VALUES (?1, ?2, ?3, ?4, ?5)";
/* All that is older than the ?2 newest. */
static const char prune_entries[] = "DELETE FROM device_history WHERE device = ?1 AND id <="
				    " (SELECT id FROM device_history WHERE device = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
static const char select_entries[] = "SELECT id, at_ms, type, detail, job FROM device_history WHERE device = ?1 ORDER BY id DESC LIMIT ?2";

static int write_entry(struct store *store, const char *device, struct device_entry *entry, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, insert_entry, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, device);
	store_bind_int(&binder, entry->at_ms);
	store_bind_text(&binder, entry->type);
	store_bind_text(&binder, entry->detail);
	store_bind_text(&binder, entry->job);
	int result = store_run(&store->writer, statement, ret_fault);
	if (result == 0)
		entry->id = sqlite3_last_insert_rowid(store->writer.db);
	return result;
}

static int prune(struct store *store, const char *device, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, prune_entries, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, device);
	store_bind_int(&binder, DEVICE_HISTORY_MAX);
	return store_run(&store->writer, statement, ret_fault);
}

int store_history_add(struct store *store, const char *device, struct device_entry *entry, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	result = write_entry(store, device, entry, ret_fault);
	if (result == 0)
		result = prune(store, device, ret_fault);
	result = store_write_end(store, result, ret_fault);
	if (result < 0)
		entry->id = 0;
	return result;
}

static int read_entries(struct store *store, const char *device, unsigned limit, struct device_entry *ret, size_t *ret_count,
			struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->reader, select_entries, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, device);
	store_bind_int(&binder, limit);
	int step = SQLITE_DONE;
	while (*ret_count < limit && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct store_reader reader = {.statement = statement};
		struct device_entry *entry = &ret[(*ret_count)++];
		entry->id = store_read_int(&reader);
		entry->at_ms = store_read_int(&reader);
		store_read_text(&reader, entry->type, sizeof(entry->type));
		store_read_text(&reader, entry->detail, sizeof(entry->detail));
		store_read_text(&reader, entry->job, sizeof(entry->job));
	}
	int result = step == SQLITE_DONE || step == SQLITE_ROW ? 0 : store_failed(&store->reader, ret_fault);
	sqlite3_reset(statement);
	return result;
}

int store_history_list(struct store *store, const char *device, unsigned limit, struct device_entry **ret, size_t *ret_count,
		       struct job_fault *ret_fault)
{
	struct device_entry *entries = calloc(limit + 1, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	*ret_count = 0;
	store_read_begin(store);
	int result = read_entries(store, device, limit, entries, ret_count, ret_fault);
	store_read_end(store);
	if (result < 0) {
		free(entries);
		return result;
	}
	*ret = entries;
	return 0;
}
