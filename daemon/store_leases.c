/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdlib.h>

static const char save_lease[] = "INSERT OR REPLACE INTO leases (device, id, holder, reason, token_hash, since_ms, expires_at_ms, ttl_ms)"
				 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char delete_lease[] = "DELETE FROM leases WHERE device = ?1";
static const char select_leases[] = "SELECT device, id, holder, reason, token_hash, since_ms, expires_at_ms, ttl_ms FROM leases";

static int write_lease(struct store *store, const struct lease_row *row, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, save_lease, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, row->device);
	store_bind_text(&binder, row->id);
	store_bind_text(&binder, row->lease.holder);
	store_bind_text(&binder, row->lease.reason);
	store_bind_text(&binder, row->token_hash);
	store_bind_int(&binder, row->lease.since_ms);
	store_bind_int(&binder, row->lease.expires_at_ms);
	store_bind_int(&binder, row->ttl_ms);
	return binder.error == SQLITE_OK ? store_run(&store->writer, statement, ret_fault) : store_failed(&store->writer, ret_fault);
}

int store_lease_save(struct store *store, const struct lease_row *row, struct job_fault *ret_fault)
{
	struct errand *errand;
	int result = store_errand_begin_write(store, ERRAND_LEASE, NULL, &errand, ret_fault);
	if (result < 0)
		return result;
	result = write_lease(store, row, ret_fault);
	return store_errand_end_write(store, errand, result, ret_fault);
}

int store_lease_remove(struct store *store, const char *device, struct job_fault *ret_fault)
{
	struct errand *errand;
	int result = store_errand_begin_write(store, ERRAND_LEASE, NULL, &errand, ret_fault);
	if (result < 0)
		return result;
	result = store_run_for(store, delete_lease, device, ret_fault);
	return store_errand_end_write(store, errand, result, ret_fault);
}

int store_lease_expire(struct store *store, const char *device, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	return result < 0 ? result : store_write_end(store, store_run_for(store, delete_lease, device, ret_fault), ret_fault);
}

int store_lease_shorten(struct store *store, const struct lease_row *row, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	return result < 0 ? result : store_write_end(store, write_lease(store, row, ret_fault), ret_fault);
}

static void read_lease(sqlite3_stmt *statement, struct lease_row *ret)
{
	struct store_reader reader = {.statement = statement};
	*ret = (struct lease_row){0};
	store_read_text(&reader, ret->device, sizeof(ret->device));
	store_read_text(&reader, ret->id, sizeof(ret->id));
	store_read_text(&reader, ret->lease.holder, sizeof(ret->lease.holder));
	store_read_text(&reader, ret->lease.reason, sizeof(ret->lease.reason));
	store_read_text(&reader, ret->token_hash, sizeof(ret->token_hash));
	ret->lease.since_ms = store_read_int(&reader);
	ret->lease.expires_at_ms = store_read_int(&reader);
	ret->ttl_ms = store_read_int(&reader);
}

static int read_all(struct store *store, struct lease_row **rows, size_t *count, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->reader, select_leases, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	int step = SQLITE_DONE, result = 0;
	while (result == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct lease_row *grown = reallocarray(*rows, *count + 1, sizeof(*grown));
		if (grown == NULL) {
			result = -ENOMEM;
			break;
		}
		*rows = grown;
		read_lease(statement, &grown[(*count)++]);
	}
	if (result == 0 && step != SQLITE_DONE)
		result = store_failed(&store->reader, ret_fault);
	sqlite3_reset(statement);
	return result;
}

int store_lease_list(struct store *store, struct lease_row **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	struct lease_row *rows = NULL;
	size_t count = 0;
	store_read_begin(store);
	int result = read_all(store, &rows, &count, ret_fault);
	store_read_end(store);
	if (result < 0) {
		free(rows);
		return result;
	}
	*ret = rows;
	*ret_count = count;
	return 0;
}
