/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of the store, by nobody else.
 */
#ifndef DAEMON_STORE_PRIVATE_H
#define DAEMON_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "daemon/store.h"

/* One connection with its statements: prepared once, reset after each use. */
struct store_connection {
	pthread_mutex_t lock;
	sqlite3 *db;
	struct store_statement {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[128];
};

struct store {
	char database[320];
	char epoch[EPOCH_SIZE]; /* of this run of the daemon; "" until it is told */
	char transcript_dir[320];
	int lock_fd;
	struct store_connection writer;
	struct store_connection reader;
	pthread_mutex_t health_lock;
	char damage[320];           /* found while running, under health_lock; "": none */
	char lost[1400];            /* of a database that was kept aside at start, or before; "": none */
	char trouble[512];          /* why the last write failed; "" when it did not */
	pthread_key_t errand;       /* the struct errand of a thread */
	unsigned audit_entries_max; /* 0: no bound */
};

/* The transaction of a change, and the errand of this thread that goes with it, *ret NULL for none: begin_write or begin_campaign, and when that gave 0,
 * end_write: as store_write_begin() and store_write_end(), with the errand in the same transaction. `job` is what is changed, NULL: no job. */
int store_errand_begin_write(struct store *store, enum errand_change change, const struct job *job, struct errand **ret,
			     struct job_fault *ret_fault);
int store_errand_begin_campaign(struct store *store, const struct campaign *campaign, struct errand **ret, struct job_fault *ret_fault);
int store_errand_end_write(struct store *store, struct errand *errand, int result, struct job_fault *ret_fault);
int store_audit_write(struct store *store, struct audit_entry *entry, struct job_fault *ret_fault);

/* Some of what is from before_ms or older, as `sql` (?1: before_ms, ?2: limit) takes it away; `oldest` reads when the oldest is from, 0 for none. */
struct store_prune {
	const char *sql, *oldest;
	int64_t before_ms;
	unsigned limit;
};
int store_prune(struct store *store, const struct store_prune *prune, int64_t *ret_oldest_ms, struct job_fault *ret_fault);

/* The one list of columns, in the order in which store_jobs.c binds and reads them. */
#define JOB_COLUMNS                                                                                                                        \
	"kind, device, firmware, firmware_name, helper, way, force, allow_downgrade, priority, rate_bps, wanted_at_ms, retry_of, state, "  \
	"phase, furthest_phase, detail, waiting_for, from_release, to_release, bytes_done, bytes_total, percent, part, step, steps, "      \
	"can_cancel, cancel_requested, attempt, interruptions, created_at_ms, started_at_ms, finished_at_ms, not_before_ms, verified, "    \
	"fault_code, fault_message, fault_evidence, second, allow_branch_switch, past_return, no_way_back, port_losses, "                  \
	"absent_since_ms, notes, url, url_sha256, download, lease, aside, recover, rung, requested_by, campaign, start_window, "           \
	"waiting_since_ms, deadline_ms, own_attempts, attempts_max, runs, id"
/* What jobs_open is an index of. */
#define JOB_IS_OPEN "state IN ('queued', 'waiting', 'running')"

/* Collects the jobs that a statement of JOB_COLUMNS gives, as struct job_row or, without what only the queue needs, as struct job. Resets it. Caller
 * frees *ret. */
int store_read_jobs(struct store_connection *connection, sqlite3_stmt *statement, bool whole_rows, void **ret, size_t *ret_count,
		    struct job_fault *ret_fault);

/* The schema up to date, or a fault: newer database, no database, damaged. */
int store_migrate(sqlite3 *db, const char *path, struct job_fault *ret_fault);

/* A transaction on one connection: its lock is held from begin to end. end commits when result is 0, else rolls back; it returns result, or
 * what the commit failed with. */
int store_write_begin(struct store *store, struct job_fault *ret_fault);
int store_write_end(struct store *store, int result, struct job_fault *ret_fault);
void store_read_begin(struct store *store);
void store_read_end(struct store *store);

/* A prepared statement, ready to be bound; sql is a literal and the key. NULL with the fault filled. */
sqlite3_stmt *store_statement(struct store_connection *connection, const char *sql, struct job_fault *ret_fault);

/* Steps a statement that gives no rows. Resets it. */
int store_run(struct store_connection *connection, sqlite3_stmt *statement, struct job_fault *ret_fault);
/* The same of the writer's statement whose only parameter is the text `key`. */
int store_run_for(struct store *store, const char *sql, const char *key, struct job_fault *ret_fault);

/* Fills the fault from the connection's last error. Always -EPROTO. */
int store_failed(struct store_connection *connection, struct job_fault *ret_fault);

/* Damage (store_damage.c): the last call on the connection met it. */
bool store_is_damage(sqlite3 *db);
/* Looks for it for a bounded time. False, and what was found, when there is some. */
bool store_check(sqlite3 *db, char *ret_evidence, size_t size);
/* Renames the database and its log, closes the writing connection and says in store->lost what is lost. */
int store_set_aside(struct store *store, const char *state_dir, const char *evidence, struct job_fault *ret_fault);
/* After a call that failed: damage makes the store refuse all changes, and the next start set the file aside. */
void store_note_damage(struct store *store, sqlite3 *db);
bool store_was_marked(const struct store *store, char *ret_evidence, size_t size);
void store_remember_lost(struct store *store, const char *state_dir);

/* Within the transaction that stores the terminal state of a job, or that of a campaign; told_before: the newest event before that of the end. Do nothing as
 * long as no epoch has begun. */
int store_ending_note(struct store *store, const struct job_row *row, struct job_fault *ret_fault);
int store_ending_note_campaign(struct store *store, const char *campaign, uint64_t told_before, struct job_fault *ret_fault);

/* Within the transaction that stores the job: row->run, which is under way or ends with it. */
int store_attempt_write(struct store *store, const struct job_row *row, struct job_fault *ret_fault);

/* Parameters and columns in order. Text is bound as a copy-free pointer: it lives until the statement is reset. */
struct store_binder {
	sqlite3_stmt *statement;
	int next; /* of the parameter, from 1 */
	int error;
};
void store_bind_text(struct store_binder *binder, const char *text);
void store_bind_text_or_null(struct store_binder *binder, const char *text); /* "" is NULL */
void store_bind_int(struct store_binder *binder, int64_t value);
void store_bind_real(struct store_binder *binder, double value);

struct store_reader {
	sqlite3_stmt *statement;
	int next; /* of the column, from 0 */
};
void store_read_text(struct store_reader *reader, char *ret, size_t ret_size);
int64_t store_read_int(struct store_reader *reader);
double store_read_real(struct store_reader *reader);

#endif
