/* SPDX-License-Identifier: Apache-2.0
 *
 * The database of a daemon under test, behind its back.
 */
#ifndef TESTS_STATE_SQL_H
#define TESTS_STATE_SQL_H

#include <stdint.h>

/* Runs the statements on the database of this folder, which must work; waits for the daemon as long as it is at it itself. */
void state_sql(const char *state_dir, const char *sql);
/* The number that is the first row. */
int64_t state_ask(const char *state_dir, const char *sql);

#endif
