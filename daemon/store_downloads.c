/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>

static int change(struct store *store, const char *sql, const char *id, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	sqlite3_stmt *statement = store_statement(&store->writer, sql, ret_fault);
	if (statement != NULL) {
		struct store_binder binder = {.statement = statement, .next = 1};
		store_bind_text(&binder, id);
		result =
		    binder.error == SQLITE_OK ? store_run(&store->writer, statement, ret_fault) : store_failed(&store->writer, ret_fault);
	}
	return store_write_end(store, statement != NULL ? result : -EPROTO, ret_fault);
}

int store_download_keep(struct store *store, const char *id, struct job_fault *ret_fault)
{
	return change(store, "INSERT OR IGNORE INTO kept_downloads (id) VALUES (?1)", id, ret_fault);
}

int store_download_forget(struct store *store, const char *id, struct job_fault *ret_fault)
{
	return change(store, "DELETE FROM kept_downloads WHERE id = ?1", id, ret_fault);
}

int store_download_kept(struct store *store, const char *id, bool *ret, struct job_fault *ret_fault)
{
	int result = -EPROTO, step = SQLITE_ERROR;
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, "SELECT 1 FROM kept_downloads WHERE id = ?1", ret_fault);
	if (statement != NULL) {
		struct store_binder binder = {.statement = statement, .next = 1};
		store_bind_text(&binder, id);
		step = sqlite3_step(statement);
		result = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_failed(&store->reader, ret_fault);
		sqlite3_reset(statement);
	}
	store_read_end(store);
	*ret = step == SQLITE_ROW;
	return result;
}
