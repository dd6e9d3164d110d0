/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* So many ends are remembered for clients that come back, and the runs of the daemon of which they are. */
#define FORGET_ENDINGS "DELETE FROM endings WHERE number <= (SELECT max(number) FROM endings) - 20000"
#define FORGET_EPOCHS  "DELETE FROM epochs WHERE rowid <= (SELECT max(rowid) FROM epochs) - 1000"

static const char insert_epoch[] = "INSERT INTO epochs (epoch, after) SELECT ?1, coalesce(max(number), 0) FROM endings";
static const char insert_job[] = "INSERT OR REPLACE INTO endings (job, epoch, head) VALUES (?1, ?2, ?3)";
static const char insert_campaign[] = "INSERT OR REPLACE INTO endings (campaign, epoch, head) VALUES (?1, ?2, ?3)";
/* Between two ends of jobs stands what ended without one. */
static const char select_order[] = "SELECT coalesce((SELECT 2 * number FROM endings WHERE job = ?1),"
				   " (SELECT 2 * seq + 1 FROM sqlite_sequence WHERE name = 'endings'), 1)";
static const char select_endings[] = "SELECT number, job, campaign FROM endings WHERE number > ?1"
				     " AND number > (SELECT after FROM epochs WHERE epoch = ?2) AND NOT (epoch = ?2 AND head < ?3)"
				     " ORDER BY number LIMIT ?4";

static int note(struct store *store, const char *sql, const char *id, uint64_t told_before, struct job_fault *ret_fault)
{
	if (store->epoch[0] == '\0')
		return 0;
	sqlite3_stmt *statement = store_statement(&store->writer, sql, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, id);
	store_bind_text(&binder, store->epoch);
	store_bind_int(&binder, (int64_t)told_before);
	return binder.error == SQLITE_OK ? store_run(&store->writer, statement, ret_fault) : store_failed(&store->writer, ret_fault);
}

int store_ending_note(struct store *store, const struct job_row *row, struct job_fault *ret_fault)
{
	return note(store, insert_job, row->job.id, row->told_before, ret_fault);
}

int store_ending_note_campaign(struct store *store, const char *campaign, uint64_t told_before, struct job_fault *ret_fault)
{
	return note(store, insert_campaign, campaign, told_before, ret_fault);
}

int store_ending_order(struct store *store, const char *job, int64_t *ret, struct job_fault *ret_fault)
{
	int step = SQLITE_ERROR;
	store_read_begin(store);
	struct store_binder binder = {.statement = store_statement(&store->reader, select_order, ret_fault), .next = 1};
	if (binder.statement != NULL) {
		store_bind_text(&binder, job);
		step = sqlite3_step(binder.statement);
		if (step == SQLITE_ROW)
			*ret = sqlite3_column_int64(binder.statement, 0);
		else
			store_failed(&store->reader, ret_fault);
		sqlite3_reset(binder.statement);
	}
	store_read_end(store);
	return step == SQLITE_ROW ? 0 : -EPROTO;
}

static int write_epoch(struct store *store, struct job_fault *ret_fault)
{
	sqlite3_stmt *statement = store_statement(&store->writer, insert_epoch, ret_fault);
	if (statement == NULL)
		return -EPROTO;
	struct store_binder binder = {.statement = statement, .next = 1};
	store_bind_text(&binder, store->epoch);
	if (binder.error != SQLITE_OK || sqlite3_exec(store->writer.db, FORGET_ENDINGS ";" FORGET_EPOCHS, NULL, NULL, NULL) != SQLITE_OK)
		return store_failed(&store->writer, ret_fault);
	return store_run(&store->writer, statement, ret_fault);
}

int store_epoch_begin(struct store *store, const char *epoch, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	if (result < 0)
		return result;
	snprintf(store->epoch, sizeof(store->epoch), "%s", epoch);
	return store_write_end(store, write_epoch(store, ret_fault), ret_fault);
}

int store_endings_after(struct store *store, const struct endings_seen *seen, struct ending *ret, size_t room, size_t *ret_count,
			struct job_fault *ret_fault)
{
	int step = SQLITE_ERROR;
	*ret_count = 0;
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, select_endings, ret_fault);
	if (statement != NULL) {
		struct store_binder binder = {.statement = statement, .next = 1};
		store_bind_int(&binder, seen->number);
		store_bind_text(&binder, seen->epoch);
		store_bind_int(&binder, seen->seq > ENDINGS_SLACK ? (int64_t)(seen->seq - ENDINGS_SLACK) : 0);
		store_bind_int(&binder, (int64_t)room);
		while ((step = sqlite3_step(statement)) == SQLITE_ROW && *ret_count < room) {
			struct store_reader reader = {.statement = statement};
			struct ending *ending = &ret[(*ret_count)++];
			ending->number = store_read_int(&reader);
			store_read_text(&reader, ending->job, sizeof(ending->job));
			store_read_text(&reader, ending->campaign, sizeof(ending->campaign));
		}
		if (step != SQLITE_DONE)
			store_failed(&store->reader, ret_fault);
		sqlite3_reset(statement);
	}
	store_read_end(store);
	return step == SQLITE_DONE ? 0 : -EPROTO;
}
