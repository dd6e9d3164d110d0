/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char insert_device[] = "INSERT OR IGNORE INTO devices (id) VALUES (?1)";
static const char select_device[] =
    "SELECT alias, maintenance, labels_patched, boot_mode, boot_mode_name, family, ue, release, build, imei, rate_bps, seen_at_ms,"
    " hotplugged, offered, port, profile, found_profile, board, usb_vid, usb_pid, usb_serial, usb_controller, usb_path, usb_interface,"
    " failures, quarantined_at_ms, quarantine_code, taken_for_ffh"
    " FROM devices WHERE id = ?1";
static const char update_device[] =
    "UPDATE devices SET (alias, maintenance, labels_patched, boot_mode, boot_mode_name, family, ue, release, build, imei, rate_bps,"
    " seen_at_ms, hotplugged, offered, port, profile, found_profile, board, usb_vid, usb_pid, usb_serial, usb_controller, usb_path,"
    " usb_interface, failures, quarantined_at_ms, quarantine_code, taken_for_ffh) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
    "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,"
    " ?24, ?25, ?26, ?27, ?28) WHERE id = ?29";
static const char select_hotplugged[] = "SELECT id FROM devices WHERE hotplugged AND id > ?1 ORDER BY id LIMIT 1";
static const char delete_labels[] = "DELETE FROM device_labels WHERE device = ?1";
static const char insert_label[] = "INSERT INTO device_labels (device, position, key, value) VALUES (?1, ?2, ?3, ?4)";
static const char select_labels[] = "SELECT key, value FROM device_labels WHERE device = ?1 ORDER BY position";

static const char insert_serial[] = "INSERT OR IGNORE INTO shared_serials (vid, pid, serial) VALUES (?1, ?2, ?3)";
static const char delete_serial[] = "DELETE FROM shared_serials WHERE vid = ?1 AND pid = ?2 AND serial = ?3";
static const char delete_unused[] = "DELETE FROM devices WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE device = ?1)"
				    " AND NOT EXISTS (SELECT 1 FROM leases WHERE device = ?1)"
				    " AND NOT EXISTS (SELECT 1 FROM campaign_members WHERE device = ?1)";
static const char select_serials[] = "SELECT vid, pid, serial FROM shared_serials ORDER BY serial, vid, pid";

static void read_usb(struct store_reader *reader, struct device_row *ret)
{
	ret->hotplugged = store_read_int(reader) != 0;
	ret->offered = store_read_int(reader) != 0;
	store_read_text(reader, ret->port, sizeof(ret->port));
	store_read_text(reader, ret->profile, sizeof(ret->profile));
	store_read_text(reader, ret->found_profile, sizeof(ret->found_profile));
	store_read_text(reader, ret->board, sizeof(ret->board));
	ret->usb.vid = (uint16_t)store_read_int(reader);
	ret->usb.pid = (uint16_t)store_read_int(reader);
	store_read_text(reader, ret->usb.serial, sizeof(ret->usb.serial));
	store_read_text(reader, ret->controller, sizeof(ret->controller));
	store_read_text(reader, ret->usb.path, sizeof(ret->usb.path));
	ret->usb.interface = (uint8_t)store_read_int(reader);
	ret->usb.known = ret->usb.path[0] != '\0';
}

static int read_facts(struct store *store, struct device_row *ret, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, select_device, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, ret->id);
	int step = sqlite3_step(statement);
	int result = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_failed(&store->writer, ret_fault);
	if (step == SQLITE_ROW) {
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
		read_usb(&reader, ret);
		ret->quarantine.failures = (uint32_t)store_read_int(&reader);
		ret->quarantine.since_ms = store_read_int(&reader);
		store_read_text(&reader, ret->quarantine.code, sizeof(ret->quarantine.code));
		ret->taken_for_ffh = store_read_int(&reader) != 0;
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

static int read_row(struct store *store, const char *id, struct device_row *ret, struct job_fault *ret_fault)
{
	*ret = (struct device_row){.modem.boot_mode = -1};
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	int result = read_facts(store, ret, ret_fault);
	return result < 0 ? result : read_labels(store, ret, ret_fault);
}

int store_devices_load(struct store *store, struct device_row *rows, size_t count, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	for (size_t i = 0; result == 0 && i < count; i++) {
		char id[DEVICE_ID_SIZE];
		memcpy(id, rows[i].id, sizeof(id));
		result = store_run_for(store, insert_device, id, ret_fault);
		if (result == 0)
			result = read_row(store, id, &rows[i], ret_fault);
	}
	return store_write_end(store, result, ret_fault);
}

int store_device_peek(struct store *store, const char *id, struct device_row *ret, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	return result < 0 ? result : store_write_end(store, read_row(store, id, ret, ret_fault), ret_fault);
}

/* The id after `id`, in its place; "" after the last. */
static int next_hotplugged(struct store *store, char id[DEVICE_ID_SIZE], struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, select_hotplugged, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	char after[DEVICE_ID_SIZE];
	memcpy(after, id, sizeof(after));
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, after);
	int step = sqlite3_step(statement);
	struct store_reader reader = {.statement = statement};
	id[0] = '\0';
	if (step == SQLITE_ROW)
		store_read_text(&reader, id, DEVICE_ID_SIZE);
	int result = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_failed(&store->writer, ret_fault);
	sqlite3_reset(statement);
	return result;
}

int store_devices_hotplugged(struct store *store, struct device_row **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	struct device_row *rows = NULL;
	size_t count = 0;
	char id[DEVICE_ID_SIZE] = "";
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	while ((result = next_hotplugged(store, id, ret_fault)) == 0 && id[0] != '\0') {
		struct device_row *grown = reallocarray(rows, count + 1, sizeof(*rows));
		if (grown == NULL) {
			result = job_fault_set(ret_fault, "infrastructure-error", "%s", strerror(ENOMEM));
			break;
		}
		rows = grown;
		result = read_row(store, id, &rows[count++], ret_fault);
		if (result < 0)
			break;
	}
	result = store_write_end(store, result, ret_fault);
	if (result < 0) {
		free(rows);
		return result;
	}
	*ret = rows;
	*ret_count = count;
	return 0;
}

static void bind_usb(struct store_binder *binder, const struct device_row *row)
{
	store_bind_int(binder, row->hotplugged);
	store_bind_int(binder, row->offered);
	store_bind_text(binder, row->port);
	store_bind_text(binder, row->profile);
	store_bind_text(binder, row->found_profile);
	store_bind_text(binder, row->board);
	store_bind_int(binder, row->usb.vid);
	store_bind_int(binder, row->usb.pid);
	store_bind_text(binder, row->usb.serial);
	store_bind_text(binder, row->controller);
	store_bind_text(binder, row->usb.path);
	store_bind_int(binder, row->usb.interface);
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
	bind_usb(&binder, row);
	store_bind_int(&binder, row->quarantine.failures);
	store_bind_int(&binder, row->quarantine.since_ms);
	store_bind_text(&binder, row->quarantine.code);
	store_bind_int(&binder, row->taken_for_ffh);
	store_bind_text(&binder, row->id);
	if (binder.error != SQLITE_OK)
		return store_failed(&store->writer, ret_fault);
	return store_run(&store->writer, statement, ret_fault);
}

static int write_labels(struct store *store, const struct device_row *row, struct job_fault *ret_fault)
{
	int result = store_run_for(store, delete_labels, row->id, ret_fault);
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

int store_devices_save(struct store *store, const struct device_row *rows, size_t count, struct job_fault *ret_fault)
{
	struct errand *errand;
	int result = store_errand_begin_write(store, ERRAND_DEVICE, NULL, &errand, ret_fault);
	if (result < 0)
		return result;
	for (size_t i = 0; result == 0 && i < count; i++) {
		result = store_run_for(store, insert_device, rows[i].id, ret_fault);
		if (result == 0)
			result = write_facts(store, &rows[i], ret_fault);
		if (result == 0)
			result = write_labels(store, &rows[i], ret_fault);
	}
	return store_errand_end_write(store, errand, result, ret_fault);
}

int store_device_save(struct store *store, const struct device_row *row, struct job_fault *ret_fault)
{
	return store_devices_save(store, row, 1, ret_fault);
}

int store_device_forget(struct store *store, const char *id, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	result = store_run_for(store, delete_unused, id, ret_fault);
	bool gone = result == 0 && sqlite3_changes(store->writer.db) > 0;
	result = store_write_end(store, result, ret_fault);
	return result < 0 ? result : gone;
}

static int write_serial(struct store *store, const char *sql, const struct shared_serial *serial, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	sqlite3_stmt *statement = store_statement(&store->writer, sql, ret_fault);
	if (statement != NULL) {
		struct store_binder binder = {.statement = statement, .next = 1};
		store_bind_int(&binder, serial->vid);
		store_bind_int(&binder, serial->pid);
		store_bind_text(&binder, serial->serial);
		result = store_run(&store->writer, statement, ret_fault);
	}
	return store_write_end(store, statement == NULL ? -EPROTO : result, ret_fault);
}

int store_serial_share(struct store *store, const struct shared_serial *serial, struct job_fault *ret_fault)
{
	return write_serial(store, insert_serial, serial, ret_fault);
}

int store_serial_unshare(struct store *store, const struct shared_serial *serial, struct job_fault *ret_fault)
{
	return write_serial(store, delete_serial, serial, ret_fault);
}

static int read_serials(struct store *store, struct shared_serial **serials, size_t *count, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->reader, select_serials, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	int step;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct shared_serial *grown = reallocarray(*serials, *count + 1, sizeof(**serials));
		if (grown == NULL)
			break;
		*serials = grown;
		struct store_reader reader = {.statement = statement};
		struct shared_serial *serial = &grown[(*count)++];
		serial->vid = (uint16_t)store_read_int(&reader);
		serial->pid = (uint16_t)store_read_int(&reader);
		store_read_text(&reader, serial->serial, sizeof(serial->serial));
	}
	int result = step == SQLITE_DONE ? 0 : store_failed(&store->reader, ret_fault);
	sqlite3_reset(statement);
	return result;
}

int store_serials_shared(struct store *store, struct shared_serial **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	struct shared_serial *serials = NULL;
	size_t count = 0;
	store_read_begin(store);
	int result = read_serials(store, &serials, &count, ret_fault);
	store_read_end(store);
	if (result < 0) {
		free(serials);
		return result;
	}
	*ret = serials;
	*ret_count = count;
	return 0;
}
