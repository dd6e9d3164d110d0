/* SPDX-License-Identifier: Apache-2.0
 *
 * Which campaigns the history is without from now on. One of 10,000 devices is too much for one transaction that others wait for: it is hidden first.
 */
#include "daemon/store_private.h"

#include <errno.h>

#define OUTDATED                                                                                                                           \
	"NOT removed AND state IN ('stopped', 'finished') AND finished_at_ms > 0 AND finished_at_ms < ?1"                                  \
	" AND NOT EXISTS (SELECT 1 FROM campaign_members AS m INDEXED BY campaign_members_open WHERE m.campaign = campaigns.id"            \
	" AND m.state IN ('queued', 'waiting', 'running'))"                                                                                \
	" AND NOT EXISTS (SELECT 1 FROM jobs AS j INDEXED BY jobs_open_of_campaign WHERE j.campaign = campaigns.id"                        \
	" AND j.campaign <> '' AND j." JOB_IS_OPEN ")"

static const char select_outdated[] =
    "SELECT id FROM campaigns INDEXED BY campaigns_ended WHERE " OUTDATED " ORDER BY finished_at_ms LIMIT 1";
static const char hide_campaign[] = "UPDATE campaigns SET removed = 1 WHERE id = ?2 AND " OUTDATED;
static const char forget_ending[] = "DELETE FROM endings WHERE campaign = ?1";
static const char select_hidden[] = "SELECT id FROM campaigns INDEXED BY campaigns_removed WHERE removed LIMIT 1";
static const char delete_members[] =
    "DELETE FROM campaign_members WHERE campaign = ?1 AND device IN (SELECT device FROM campaign_members WHERE campaign = ?1 LIMIT ?2)";
static const char delete_hidden[] = "DELETE FROM campaigns WHERE id = ?1 AND removed";

/* Of a statement of the reader that is bound; "": it gives no row. */
static int read_id(struct store *store, sqlite3_stmt *statement, char ret[JOB_ID_SIZE], struct job_fault *ret_fault)
{
	int step = sqlite3_step(statement);
	struct store_reader reader = {.statement = statement};
	ret[0] = '\0';
	if (step == SQLITE_ROW)
		store_read_text(&reader, ret, JOB_ID_SIZE);
	int result = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_failed(&store->reader, ret_fault);
	sqlite3_reset(statement);
	return result;
}

int store_campaign_outdated(struct store *store, int64_t ended_before_ms, char ret[JOB_ID_SIZE], struct job_fault *ret_fault)
{
	int result = -EPROTO;
	store_read_begin(store);
	struct store_binder binder = {.statement = store_statement(&store->reader, select_outdated, ret_fault), .next = 1};
	if (binder.statement != NULL) {
		store_bind_int(&binder, ended_before_ms);
		result = read_id(store, binder.statement, ret, ret_fault);
	}
	store_read_end(store);
	return result;
}

/* The writer's last statement changed rows: how many. */
static int changed_rows(struct store *store, struct store_binder *binder, struct job_fault *ret_fault)
{
	int result =
	    binder->error == SQLITE_OK ? store_run(&store->writer, binder->statement, ret_fault) : store_failed(&store->writer, ret_fault);
	return result < 0 ? result : sqlite3_changes(store->writer.db);
}

static int hide(struct store *store, const char *id, int64_t ended_before_ms, struct job_fault *ret_fault)
{
	struct store_binder binder = {.statement = store_statement(&store->writer, hide_campaign, ret_fault), .next = 1};
	if (binder.statement == NULL)
		return -EPROTO;
	store_bind_int(&binder, ended_before_ms);
	store_bind_text(&binder, id);
	int hidden = changed_rows(store, &binder, ret_fault);
	int result = hidden > 0 ? store_run_for(store, forget_ending, id, ret_fault) : hidden;
	return result < 0 ? result : hidden;
}

/* The transaction ends with what was counted in it, or its fault. */
static int end_counted(struct store *store, int counted, struct job_fault *ret_fault)
{
	int result = store_write_end(store, counted < 0 ? counted : 0, ret_fault);
	return result < 0 ? result : counted;
}

int store_campaign_hide(struct store *store, const char *id, int64_t ended_before_ms, struct job_fault *ret_fault)
{
	int result = store_write_begin(store, ret_fault);
	return result < 0 ? result : end_counted(store, hide(store, id, ended_before_ms, ret_fault), ret_fault);
}

/* Who reads a report holds the reader over all of it: when this has it, nobody reads one that was there before it was hidden. */
static int find_hidden(struct store *store, char ret[JOB_ID_SIZE], struct job_fault *ret_fault)
{
	store_read_begin(store);
	sqlite3_stmt *statement = store_statement(&store->reader, select_hidden, ret_fault);
	int result = statement != NULL ? read_id(store, statement, ret, ret_fault) : -EPROTO;
	store_read_end(store);
	return result;
}

static int sweep(struct store *store, const char *id, struct job_fault *ret_fault)
{
	struct store_binder binder = {.statement = store_statement(&store->writer, delete_members, ret_fault), .next = 1};
	if (binder.statement == NULL)
		return -EPROTO;
	store_bind_text(&binder, id);
	store_bind_int(&binder, CAMPAIGN_PRUNE_STEP);
	int gone = changed_rows(store, &binder, ret_fault);
	int result = gone >= 0 && gone < (int)CAMPAIGN_PRUNE_STEP ? store_run_for(store, delete_hidden, id, ret_fault) : gone;
	return result < 0 ? result : 1;
}

int store_campaign_sweep(struct store *store, struct job_fault *ret_fault)
{
	char id[JOB_ID_SIZE];
	int result = find_hidden(store, id, ret_fault);
	if (result < 0 || id[0] == '\0')
		return result;
	result = store_write_begin(store, ret_fault);
	return result < 0 ? result : end_counted(store, sweep(store, id, ret_fault), ret_fault);
}
