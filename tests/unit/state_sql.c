/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/state_sql.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>

#define PATIENCE_MS 10000

void state_sql(const char *state_dir, const char *sql)
{
	char path[300];
	sqlite3 *db = NULL;
	snprintf(path, sizeof(path), "%s/dupgate.db", state_dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_busy_timeout(db, PATIENCE_MS), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}
