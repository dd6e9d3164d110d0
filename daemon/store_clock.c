/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>

/* Each a literal, as the statements are found by it. */
static const char shift_jobs[] = "UPDATE jobs SET waiting_since_ms = waiting_since_ms + ?1 * (waiting_since_ms <> 0),"
				 " absent_since_ms = absent_since_ms + ?1 * (absent_since_ms <> 0),"
				 " not_before_ms = not_before_ms + ?1 * (waiting_for = 'retry')"
				 " WHERE state = 'waiting'";
static const char shift_leases[] = "UPDATE leases SET since_ms = since_ms + ?1, expires_at_ms = expires_at_ms + ?1";
static const char shift_answers[] = "UPDATE answers SET created_at_ms = created_at_ms + ?1";

static const char *statement_of(enum store_times times)
{
	switch (times) {
	case TIMES_OF_JOBS:
		return shift_jobs;
	case TIMES_OF_LEASES:
		return shift_leases;
	case TIMES_OF_ANSWERS:
		return shift_answers;
	}
	return shift_jobs;
}

int store_shift_times(struct store *store, enum store_times times, int64_t by_ms, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	sqlite3_stmt *statement = store_statement(&store->writer, statement_of(times), ret_fault);
	result = statement == NULL ? -EPROTO : 0;
	if (result == 0) {
		struct store_binder binder = {.statement = statement, .next = 1};
		store_bind_int(&binder, by_ms);
		result = store_run(&store->writer, statement, ret_fault);
	}
	return store_write_end(store, result, ret_fault);
}
