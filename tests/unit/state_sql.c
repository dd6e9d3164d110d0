/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/state_sql.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>

#define PATIENCE_MS 10000

static sqlite3 *open_database(const char *state_dir)
{
	char path[300];
	sqlite3 *db = NULL;
	snprintf(path, sizeof(path), "%s/dupgate.db", state_dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_busy_timeout(db, PATIENCE_MS), SQLITE_OK);
	return db;
}

void state_sql(const char *state_dir, const char *sql)
{
	sqlite3 *db = open_database(state_dir);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

int64_t state_ask(const char *state_dir, const char *sql)
{
	sqlite3 *db = open_database(state_dir);
	sqlite3_stmt *statement = NULL;
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return number;
}
