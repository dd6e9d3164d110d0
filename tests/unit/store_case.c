/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_case.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void store_case_reopen(struct store_case *at)
{
	struct job_fault fault = {0};
	store_close(at->store);
	at->store = NULL;
	int result = store_open(at->directory, &fault, &at->store);
	ck_assert_msg(result == 0, "%s", fault.message);
}

static void add_device(struct store_case *at, const char *id)
{
	struct device_row row = {0};
	struct job_fault fault;
	snprintf(row.id, sizeof(row.id), "%s", id);
	ck_assert_int_eq(store_devices_load(at->store, &row, 1, &fault), 0);
}

void store_case_make(struct store_case *at)
{
	const char *parent = getenv("TMPDIR");
	*at = (struct store_case){0};
	snprintf(at->directory, sizeof(at->directory), "%s/store-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(at->directory));
	store_case_reopen(at);
	add_device(at, "a");
	add_device(at, "b");
}

void store_case_clear(struct store_case *at)
{
	char command[200];
	store_close(at->store);
	at->store = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", at->directory);
	ck_assert_int_eq(system(command), 0);
}

struct job_row store_case_row(const char *id, const char *device, enum job_state state)
{
	struct job_row row = {.job = {.state = state, .attempt = 1, .progress.eta_s = -1}};
	snprintf(row.job.id, sizeof(row.job.id), "%s", id);
	snprintf(row.job.request.device, sizeof(row.job.request.device), "%s", device);
	strcpy(row.job.request.way, "auto");
	return row;
}

void store_case_insert(struct store_case *at, const struct job_row *row)
{
	struct job_fault fault = {0};
	ck_assert_msg(store_job_insert(at->store, row, &fault) == 0, "%s", fault.message);
}

void store_case_multiply(struct store_case *at, const char *id, unsigned count)
{
	char sql[700];
	int length = snprintf(sql, sizeof(sql),
			      "BEGIN; CREATE TEMP TABLE one AS SELECT * FROM jobs WHERE id = '%s'; CREATE TEMP TABLE more AS"
			      " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
			      " SELECT printf('j%%08d', i) AS new_id, one.* FROM n, one; UPDATE more SET id = new_id;"
			      " ALTER TABLE more DROP COLUMN new_id; INSERT INTO jobs SELECT * FROM more;"
			      " DROP TABLE one; DROP TABLE more; COMMIT",
			      id, count);
	ck_assert_int_lt(length, (int)sizeof(sql));
	store_case_sql(at, sql);
}

void store_case_sql(struct store_case *at, const char *sql)
{
	ck_assert_msg(sqlite3_exec(at->store->writer.db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(at->store->writer.db));
}

int64_t store_case_ask(struct store_case *at, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	ck_assert_msg(sqlite3_prepare_v2(at->store->writer.db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
		      sqlite3_errmsg(at->store->writer.db));
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}
