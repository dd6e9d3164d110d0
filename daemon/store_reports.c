/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <string.h>

/* The one list of columns, in the order of bind_facts() and read_facts(). */
#define REPORT_COLUMNS                                                                                                                     \
	"device, job, read_at_ms, complete, boot_mode, boot_mode_name, family, ue, release, build, imei, rate_bps, software_version, "     \
	"software_build, software_built, nv_info"

static const char insert_report[] =
    "INSERT INTO reports (" REPORT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
static const char delete_report[] = "DELETE FROM reports WHERE device = ?1";
static const char insert_row[] =
    "INSERT INTO report_rows (device, position, part, name, value, number, running) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
/* One statement, so that a probe that ends meanwhile cannot mix two reports. A report without rows gives one row of NULLs. */
static const char select_report[] = "SELECT " REPORT_COLUMNS ", part, name, value, number, running FROM reports"
				    " LEFT JOIN (SELECT device AS of, position, part, name, value, number, running FROM report_rows)"
				    " ON of = device WHERE device = ?1 ORDER BY position";

static int write_facts(struct store *store, const struct device_report *report, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, insert_report, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, report->device);
	store_bind_text(&binder, report->job);
	store_bind_int(&binder, report->read_at_ms);
	store_bind_int(&binder, report->complete);
	store_bind_int(&binder, report->modem.boot_mode);
	store_bind_text(&binder, report->modem.boot_mode_name);
	store_bind_text(&binder, report->modem.family);
	store_bind_text(&binder, report->modem.ue);
	store_bind_text(&binder, report->modem.release);
	store_bind_int(&binder, report->modem.build);
	store_bind_text(&binder, report->modem.imei);
	store_bind_int(&binder, report->modem.rate_bps);
	store_bind_text(&binder, report->software_version);
	store_bind_int(&binder, report->software_build);
	store_bind_text(&binder, report->software_built);
	store_bind_text(&binder, report->nv_info);
	if (binder.error != SQLITE_OK)
		return store_failed(&store->writer, ret_fault);
	return store_run(&store->writer, statement, ret_fault);
}

static int write_row(struct store *store, const struct device_report *report, size_t position, struct job_fault *ret_fault)
{
	const struct report_row *row = &report->rows[position];
	sqlite3_stmt *statement = store_statement(&store->writer, insert_row, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, report->device);
	store_bind_int(&binder, (int64_t)position);
	store_bind_text(&binder, report_part_name(row->part));
	store_bind_text(&binder, row->name);
	store_bind_text(&binder, row->value);
	store_bind_int(&binder, row->number);
	store_bind_int(&binder, row->running);
	if (binder.error != SQLITE_OK)
		return store_failed(&store->writer, ret_fault);
	return store_run(&store->writer, statement, ret_fault);
}

static int forget(struct store *store, const char *device, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, delete_report, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, device);
	return store_run(&store->writer, statement, ret_fault);
}

int store_report_save(struct store *store, const struct device_report *report, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	result = forget(store, report->device, ret_fault);
	if (result == 0)
		result = write_facts(store, report, ret_fault);
	for (size_t i = 0; result == 0 && i < report->row_count; i++)
		result = write_row(store, report, i, ret_fault);
	return store_write_end(store, result, ret_fault);
}

static void read_facts(struct store_reader *reader, struct device_report *ret)
{
	store_read_text(reader, ret->device, sizeof(ret->device));
	store_read_text(reader, ret->job, sizeof(ret->job));
	ret->read_at_ms = store_read_int(reader);
	ret->complete = store_read_int(reader) != 0;
	ret->modem.boot_mode = (int)store_read_int(reader);
	store_read_text(reader, ret->modem.boot_mode_name, sizeof(ret->modem.boot_mode_name));
	store_read_text(reader, ret->modem.family, sizeof(ret->modem.family));
	store_read_text(reader, ret->modem.ue, sizeof(ret->modem.ue));
	store_read_text(reader, ret->modem.release, sizeof(ret->modem.release));
	ret->modem.build = (uint32_t)store_read_int(reader);
	store_read_text(reader, ret->modem.imei, sizeof(ret->modem.imei));
	ret->modem.rate_bps = (uint32_t)store_read_int(reader);
	store_read_text(reader, ret->software_version, sizeof(ret->software_version));
	ret->software_build = (uint32_t)store_read_int(reader);
	store_read_text(reader, ret->software_built, sizeof(ret->software_built));
	store_read_text(reader, ret->nv_info, sizeof(ret->nv_info));
}

static void read_row(struct store_reader *reader, struct device_report *ret)
{
	char part[32];
	struct report_row *row = &ret->rows[ret->row_count];
	store_read_text(reader, part, sizeof(part));
	store_read_text(reader, row->name, sizeof(row->name));
	store_read_text(reader, row->value, sizeof(row->value));
	row->number = (uint32_t)store_read_int(reader);
	row->running = store_read_int(reader) != 0;
	ret->row_count += report_part_parse(part, &row->part);
}

static int read_report(struct store *store, const char *device, struct device_report *ret, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->reader, select_report, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, device);
	int step = SQLITE_DONE;
	while (ret->row_count < REPORT_ROWS_MAX && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct store_reader reader = {.statement = statement};
		read_facts(&reader, ret);
		read_row(&reader, ret);
	}
	int result = step == SQLITE_DONE || step == SQLITE_ROW ? 0 : store_failed(&store->reader, ret_fault);
	sqlite3_reset(statement);
	if (result == 0 && ret->device[0] == '\0')
		result = job_fault_set(ret_fault, "not-found", "there is no report of %s: none of its probes has ended well yet", device);
	return result;
}

int store_report_load(struct store *store, const char *device, struct device_report *ret, struct job_fault *ret_fault)
{
	memset(ret, 0, sizeof(*ret));
	store_read_begin(store);
	int result = read_report(store, device, ret, ret_fault);
	store_read_end(store);
	return result;
}
