/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdlib.h>

static const char save_power[] = "UPDATE devices SET (powered_at_ms, power_off) = (?1, ?2) WHERE id = ?3";
static const char select_power[] = "SELECT id, powered_at_ms, power_off FROM devices WHERE id = ?1";
static const char select_off[] = "SELECT id, powered_at_ms, power_off FROM devices WHERE power_off <> '' ORDER BY id";

static void read_power(sqlite3_stmt *statement, struct power_row *ret)
{
	struct store_reader reader = {.statement = statement};
	store_read_text(&reader, ret->device, sizeof(ret->device));
	ret->switched_at_ms = store_read_int(&reader);
	store_read_text(&reader, ret->off, sizeof(ret->off));
}

int store_power_load(struct store *store, const char *device, struct power_row *ret, struct job_fault *ret_fault)
{
	int result = -EPROTO;
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, select_power, ret_fault);
	if (statement != NULL) {
		struct store_binder binder = {.statement = statement, .next = 1};
		store_bind_text(&binder, device);
		int step = sqlite3_step(statement);
		if (step == SQLITE_ROW)
			read_power(statement, ret);
		else if (step == SQLITE_DONE)
			job_fault_set(ret_fault, "not-found", "there is no device %s", device);
		else
			store_failed(&store->reader, ret_fault);
		result = step == SQLITE_ROW ? 0 : -EPROTO;
		sqlite3_reset(statement);
	}
	store_read_end(store);
	return result;
}

static int write_power(struct store *store, const struct power_row *row, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, save_power, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_int(&binder, row->switched_at_ms);
	store_bind_text(&binder, row->off);
	store_bind_text(&binder, row->device);
	return binder.error == SQLITE_OK ? store_run(&store->writer, statement, ret_fault) : store_failed(&store->writer, ret_fault);
}

int store_power_save(struct store *store, const struct power_row *row, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	return result < 0 ? result : store_write_end(store, write_power(store, row, ret_fault), ret_fault);
}

static int read_all(sqlite3_stmt *statement, struct store *store, struct power_row **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	int step;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct power_row *more = reallocarray(*ret, *ret_count + 1, sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		*ret = more;
		read_power(statement, &more[(*ret_count)++]);
	}
	return step == SQLITE_DONE ? 0 : store_failed(&store->reader, ret_fault);
}

int store_power_list_off(struct store *store, struct power_row **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	int result = -EPROTO;
	*ret = NULL;
	*ret_count = 0;
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, select_off, ret_fault);
	if (statement != NULL) {
		result = read_all(statement, store, ret, ret_count, ret_fault);
		sqlite3_reset(statement);
	}
	store_read_end(store);
	if (result < 0) {
		free(*ret);
		*ret = NULL;
		*ret_count = 0;
	}
	return result;
}
