/* SPDX-License-Identifier: Apache-2.0
 *
 * A store over a temporary folder, with jobs that are written straight into it.
 */
#ifndef TESTS_STORE_CASE_H
#define TESTS_STORE_CASE_H

#include "daemon/store_private.h"

struct store_case {
	char directory[128];
	struct store *store;
};

/* With the devices "a" and "b". */
void store_case_make(struct store_case *at);
/* Closes it and opens it again, as a daemon that comes back. */
void store_case_reopen(struct store_case *at);
void store_case_clear(struct store_case *at);

struct job_row store_case_row(const char *id, const char *device, enum job_state state);
void store_case_insert(struct store_case *at, const struct job_row *row);
/* So many more jobs as the one that is there alone, with the ids that follow in the order of their numbers: "j00000001" … */
void store_case_multiply(struct store_case *at, const char *id, unsigned count);

/* On its database. ask: the first number of the first row. */
void store_case_sql(struct store_case *at, const char *sql);
int64_t store_case_ask(struct store_case *at, const char *sql);

#endif
