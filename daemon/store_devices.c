/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdio.h>

static const char insert_device[] = "INSERT OR IGNORE INTO devices (id) VALUES (?1)";
static const char select_device[] =
    "SELECT alias, maintenance, labels_patched, boot_mode, boot_mode_name, family, ue, release, build, imei,"
    " rate_bps, seen_at_ms FROM devices WHERE id = ?1";
static const char update_device[] =
    "UPDATE devices SET (alias, maintenance, labels_patched, boot_mode, boot_mode_name, family, ue, release,"
    " build, imei, rate_bps, seen_at_ms) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) WHERE id = ?13";
static const char delete_labels[] = "DELETE FROM device_labels WHERE device = ?1";
static const char insert_label[] = "INSERT INTO device_labels (device, position, key, value) VALUES (?1, ?2, ?3, ?4)";
static const char select_labels[] = "SELECT key, value FROM device_labels WHERE device = ?1 ORDER BY position";

/* Runs a statement whose only parameter is the device. */
static int run_for_device(struct store *store, const char *sql, const char *id, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, sql, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, id);
	return store_run(&store->writer, statement, ret_fault);
}

static int read_facts(struct store *store, struct device_row *ret, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, select_device, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, ret->id);
	int result = sqlite3_step(statement) == SQLITE_ROW ? 0 : store_failed(&store->writer, ret_fault);
	if (result == 0) {
		struct store_reader reader = {.statement = statement};
		store_read_text(&reader, ret->alias, sizeof(ret->alias));
		ret->maintenance = store_read_int(&reader) != 0;
		ret->labels_patched = store_read_int(&reader) != 0;
		ret->modem.boot_mode = (int)store_read_int(&reader);
		store_read_text(&reader, ret->modem.boot_mode_name, sizeof(ret->modem.boot_mode_name));
		store_read_text(&reader, ret->modem.family, sizeof(ret->modem.family));
		store_read_text(&reader, ret->modem.ue, sizeof(ret->modem.ue));
		store_read_text(&reader, ret->modem.release, sizeof(ret->modem.release));
		ret->modem.build = (uint32_t)store_read_int(&reader);
		store_read_text(&reader, ret->modem.imei, sizeof(ret->modem.imei));
		ret->modem.rate_bps = (uint32_t)store_read_int(&reader);
		ret->seen_at_ms = store_read_int(&reader);
	}
	sqlite3_reset(statement);
	return result;
}

static int read_labels(struct store *store, struct device_row *ret, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, select_labels, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, ret->id);
	int step = SQLITE_DONE;
	while (ret->label_count < LABELS_MAX && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct store_reader reader = {.statement = statement};
		struct label *label = &ret->labels[ret->label_count++];
		store_read_text(&reader, label->key, sizeof(label->key));
		store_read_text(&reader, label->value, sizeof(label->value));
	}
	int result = step == SQLITE_DONE || step == SQLITE_ROW ? 0 : store_failed(&store->writer, ret_fault);
	sqlite3_reset(statement);
	return result;
}

int store_device_load(struct store *store, const char *id, struct device_row *ret, struct job_fault *ret_fault)
{
	*ret = (struct device_row){.modem.boot_mode = -1};
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	result = run_for_device(store, insert_device, id, ret_fault);
	if (result == 0)
		result = read_facts(store, ret, ret_fault);
	if (result == 0)
		result = read_labels(store, ret, ret_fault);
	return store_write_end(store, result, ret_fault);
}

static int write_facts(struct store *store, const struct device_row *row, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, update_device, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, row->alias);
	store_bind_int(&binder, row->maintenance);
	store_bind_int(&binder, row->labels_patched);
	store_bind_int(&binder, row->modem.boot_mode);
	store_bind_text(&binder, row->modem.boot_mode_name);
	store_bind_text(&binder, row->modem.family);
	store_bind_text(&binder, row->modem.ue);
	store_bind_text(&binder, row->modem.release);
	store_bind_int(&binder, row->modem.build);
	store_bind_text(&binder, row->modem.imei);
	store_bind_int(&binder, row->modem.rate_bps);
	store_bind_int(&binder, row->seen_at_ms);
	store_bind_text(&binder, row->id);
	if (binder.error != SQLITE_OK)
		return store_failed(&store->writer, ret_fault);
	return store_run(&store->writer, statement, ret_fault);
}

static int write_labels(struct store *store, const struct device_row *row, struct job_fault *ret_fault)
{
	int result = run_for_device(store, delete_labels, row->id, ret_fault);
	for (size_t i = 0; result == 0 && i < row->label_count; i++) {
		sqlite3_stmt *statement = store_statement(&store->writer, insert_label, ret_fault);
		if (statement == NULL)
			return -EPROTO;
		struct store_binder binder = {.statement = statement, .next = 1};
		store_bind_text(&binder, row->id);
		store_bind_int(&binder, (int64_t)i);
		store_bind_text(&binder, row->labels[i].key);
		store_bind_text(&binder, row->labels[i].value);
		result = store_run(&store->writer, statement, ret_fault);
	}
	return result;
}

int store_device_save(struct store *store, const struct device_row *row, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	result = write_facts(store, row, ret_fault);
	if (result == 0)
		result = write_labels(store, row, ret_fault);
	return store_write_end(store, result, ret_fault);
}
