/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_notes.h"

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store.h"
#include "tests/unit/suite_run.h"

static char directory[128], state_dir[160], database[200];
static struct store *store;
static struct job_fault fault;

static void make_directory(void)
{
	const char *parent = getenv("TMPDIR");
	snprintf(directory, sizeof(directory), "%s/store-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(state_dir, sizeof(state_dir), "%s/a/state", directory);
	snprintf(database, sizeof(database), "%s/dupgate.db", state_dir);
}

static void open_store(void)
{
	int result = store_open(state_dir, &fault, &store);
	ck_assert_msg(result == 0, "%s", fault.message);
}

static void set_up(void)
{
	make_directory();
	open_store();
}

static void tear_down(void)
{
	char command[400];
	store_close(store);
	store = NULL;
	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", directory, directory);
	ck_assert_int_eq(system(command), 0);
}

static void run_sql(const char *sql)
{
	sqlite3 *db = NULL;
	ck_assert_int_eq(sqlite3_open(database, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static int64_t ask_sql(const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	ck_assert_int_eq(sqlite3_open(database, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static void add_device(const char *id)
{
	struct device_row row;
	snprintf(row.id, sizeof(row.id), "%s", id);
	ck_assert_int_eq(store_devices_load(store, &row, 1, &fault), 0);
}

static struct job_row make_row(const char *id, const char *device, enum job_state state)
{
	struct job_row row = {.job = {.state = state, .attempt = 1, .progress.eta_s = -1}};
	strcpy(row.job.id, id);
	strcpy(row.job.request.device, device);
	strcpy(row.job.request.way, "auto");
	return row;
}

static void check_request(const struct job_request *back, const struct job_request *request)
{
	ck_assert_int_eq(back->kind, request->kind);
	ck_assert_str_eq(back->device, request->device);
	ck_assert_str_eq(back->firmware, request->firmware);
	ck_assert_str_eq(back->firmware_name, request->firmware_name);
	ck_assert_str_eq(back->helper, request->helper);
	ck_assert_str_eq(back->way, request->way);
	ck_assert_int_eq(back->force, request->force);
	ck_assert_int_eq(back->allow_downgrade, request->allow_downgrade);
	ck_assert_int_eq(back->allow_branch_switch, request->allow_branch_switch);
	ck_assert_str_eq(back->second, request->second);
	ck_assert_int_eq(back->priority, request->priority);
	ck_assert_uint_eq(back->rate_bps, request->rate_bps);
	ck_assert_int_eq(back->not_before_ms, request->not_before_ms);
	ck_assert_int_eq(back->deadline_ms, request->deadline_ms);
	ck_assert_uint_eq(back->attempts, request->attempts);
	ck_assert_str_eq(back->retry_of, request->retry_of);
}

static void check_job(const struct job *back, const struct job *job)
{
	ck_assert_str_eq(back->id, job->id);
	ck_assert_int_eq(back->state, job->state);
	ck_assert_str_eq(back->phase, job->phase);
	ck_assert_str_eq(back->detail, job->detail);
	ck_assert_int_eq(back->waiting_for, job->waiting_for);
	ck_assert_str_eq(back->from_release, job->from_release);
	ck_assert_str_eq(back->to_release, job->to_release);
	ck_assert(back->progress.known);
	ck_assert_uint_eq(back->progress.bytes_done, job->progress.bytes_done);
	ck_assert_uint_eq(back->progress.bytes_total, job->progress.bytes_total);
	ck_assert_double_eq(back->progress.percent, job->progress.percent);
	ck_assert_int_eq(back->progress.eta_s, -1);
	ck_assert_str_eq(back->progress.part, job->progress.part);
	ck_assert_uint_eq(back->step, job->step);
	ck_assert_uint_eq(back->steps, job->steps);
	ck_assert_int_eq(back->can_cancel, job->can_cancel);
	ck_assert_uint_eq(back->attempt, job->attempt);
	ck_assert_uint_eq(back->attempts_max, job->attempts_max);
	ck_assert_int_eq(back->waiting_since_ms, job->waiting_since_ms);
	ck_assert_uint_eq(back->interruptions, job->interruptions);
	ck_assert_int_eq(back->created_at_ms, job->created_at_ms);
	ck_assert_int_eq(back->started_at_ms, job->started_at_ms);
	ck_assert_int_eq(back->finished_at_ms, job->finished_at_ms);
	ck_assert_int_eq(back->not_before_ms, job->not_before_ms);
	ck_assert_int_eq(back->verified, job->verified);
	ck_assert_ptr_eq(back->fault.kind, job->fault.kind);
	ck_assert_str_eq(back->fault.message, job->fault.message);
	ck_assert_str_eq(back->fault.evidence, job->fault.evidence);
	ck_assert_uint_eq(back->note_count, job->note_count);
	for (size_t i = 0; i < job->note_count; i++)
		ck_assert_str_eq(back->notes[i], job->notes[i]);
}

static void fill_request(struct job_request *request)
{
	request->kind = JOB_PROBE;
	memset(request->firmware, 'a', 64);
	strcpy(request->firmware_name, "it's \"x\"; DROP TABLE jobs.dup");
	memset(request->helper, 'b', 64);
	memset(request->second, 'c', 64);
	request->allow_branch_switch = true;
	strcpy(request->way, "fff");
	request->force = true;
	request->priority = -7;
	request->rate_bps = 3000000;
	request->not_before_ms = 11;
	request->deadline_ms = 12;
	request->attempts = 13;
	strcpy(request->retry_of, "01");
}

START_TEST(every_member_of_a_job_comes_back)
{
	struct job_row row = make_row("01", "bench-1", JOB_WAITING), back;
	struct job *job = &row.job;
	add_device("bench-1");
	ck_assert_int_eq(store_job_insert(store, &row, &fault), 0);
	strcpy(job->id, "02");
	job->state = JOB_FAILED;
	fill_request(&job->request);
	strcpy(job->phase, "transfer");
	strcpy(row.furthest_phase, "apply");
	strcpy(job->detail, "detail");
	job->waiting_for = WAIT_RETRY;
	strcpy(job->from_release, "LR1");
	strcpy(job->to_release, "LR2");
	job->progress =
	    (struct job_progress){.known = true, .bytes_done = 5, .bytes_total = 1u << 31, .percent = 12.5, .eta_s = -1, .part = "fff"};
	job->step = 3;
	job->steps = 8;
	row.cancel_requested = true;
	job->attempt = 2;
	job->attempts_max = 14;
	job->waiting_since_ms = 1700000000006;
	job->interruptions = 4;
	job->created_at_ms = 1700000000001;
	job->started_at_ms = 1700000000002;
	job->finished_at_ms = 1700000000003;
	job->not_before_ms = 1700000000004;
	job->verified = true;
	job_fault_set(&job->fault, "stp-refused", "a sentence");
	strcpy(job->fault.evidence, "61 62");
	job_note_add(job, "the helper is left out");
	job_note_add(job, "the modem is slow");
	row.past_return = row.no_way_back = true;
	row.port_losses = 3;
	row.absent_since_ms = 1700000000005;
	strcpy(row.url, "https://alice:secret@firmware.example/a.dup?it's");
	memset(row.url_sha256, 'd', 64);
	strcpy(job->download, "0195512f5c1a3d90a1b2");
	ck_assert_int_eq(store_job_insert(store, &row, &fault), 0);
	ck_assert_int_eq(store_job_get(store, "02", &back, &fault), 0);
	check_request(&back.job.request, &job->request);
	check_job(&back.job, job);
	ck_assert_str_eq(back.furthest_phase, "apply");
	ck_assert(back.cancel_requested);
	ck_assert(back.past_return);
	ck_assert(back.no_way_back);
	ck_assert_uint_eq(back.port_losses, 3);
	ck_assert_int_eq(back.absent_since_ms, 1700000000005);
	ck_assert_str_eq(back.url, row.url);
	ck_assert_str_eq(back.url_sha256, row.url_sha256);
	ck_assert_str_eq(back.job.download, job->download);
}
END_TEST

START_TEST(a_wanted_download_is_kept_until_it_has_ended)
{
	bool kept = true;
	ck_assert_int_eq(store_download_kept(store, "a", &kept, &fault), 0);
	ck_assert(!kept);
	ck_assert_int_eq(store_download_keep(store, "a", &fault), 0);
	ck_assert_int_eq(store_download_keep(store, "a", &fault), 0);
	store_close(store);
	open_store();
	ck_assert_int_eq(store_download_kept(store, "a", &kept, &fault), 0);
	ck_assert(kept);
	ck_assert_int_eq(store_download_forget(store, "b", &fault), 0);
	ck_assert_int_eq(store_download_kept(store, "a", &kept, &fault), 0);
	ck_assert(kept);
	ck_assert_int_eq(store_download_forget(store, "a", &fault), 0);
	ck_assert_int_eq(store_download_kept(store, "a", &kept, &fault), 0);
	ck_assert(!kept);
}
END_TEST

START_TEST(what_was_committed_outlives_the_process)
{
	struct job_row row = make_row("01", "bench-1", JOB_QUEUED), back;
	add_device("bench-1");
	ck_assert_int_eq(store_job_insert(store, &row, &fault), 0);
	row.job.state = JOB_RUNNING;
	strcpy(row.job.phase, "apply");
	ck_assert_int_eq(store_job_update(store, &row, &fault), 0);
	store_close(store);
	open_store();
	ck_assert_int_eq(store_job_get(store, "01", &back, &fault), 0);
	ck_assert_int_eq(back.job.state, JOB_RUNNING);
	ck_assert_str_eq(back.job.phase, "apply");
	ck_assert_int_eq(store_job_get(store, "03", &back, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
}
END_TEST

START_TEST(the_database_itself_refuses_a_second_unfinished_job)
{
	char why[200];
	struct job_row row = make_row("01", "bench-1", JOB_RUNNING);
	add_device("bench-1");
	ck_assert_int_eq(store_job_insert(store, &row, &fault), 0);
	row = make_row("02", "bench-1", JOB_QUEUED);
	ck_assert_int_eq(store_job_insert(store, &row, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "infrastructure-error");
	ck_assert(!store_healthy(store, why, sizeof(why)));
	row = make_row("02", "nobody", JOB_QUEUED);
	ck_assert_int_eq(store_job_insert(store, &row, &fault), -EPROTO);
	row = make_row("02", "bench-1", JOB_FAILED);
	ck_assert_int_eq(store_job_insert(store, &row, &fault), 0);
	ck_assert(store_healthy(store, why, sizeof(why)));
}
END_TEST

START_TEST(a_device_keeps_what_was_learnt_and_set)
{
	struct device_row row, back;
	snprintf(row.id, sizeof(row.id), "%s", "bench-1");
	ck_assert_int_eq(store_devices_load(store, &row, 1, &fault), 0);
	ck_assert_int_eq(row.modem.boot_mode, -1);
	ck_assert_uint_eq(row.label_count, 0);
	strcpy(row.alias, "the one on the left");
	row.maintenance = row.labels_patched = true;
	row.label_count = 2;
	row.labels[0] = (struct label){"rack", "1"};
	row.labels[1] = (struct label){"bench", ""};
	row.modem = (struct device_modem){4, "recovery", "monarch1", "UE5.0.0.0d", "LR5.1.1.0-39529", 39529, "355000000000001", 921600};
	row.seen_at_ms = 1700000000000;
	ck_assert_int_eq(store_device_save(store, &row, &fault), 0);
	row.label_count = 1;
	ck_assert_int_eq(store_device_save(store, &row, &fault), 0);
	store_close(store);
	open_store();
	snprintf(back.id, sizeof(back.id), "%s", "bench-1");
	ck_assert_int_eq(store_devices_load(store, &back, 1, &fault), 0);
	ck_assert_str_eq(back.alias, "the one on the left");
	ck_assert(back.maintenance && back.labels_patched);
	ck_assert_uint_eq(back.label_count, 1);
	ck_assert_str_eq(back.labels[0].key, "rack");
	ck_assert_str_eq(back.labels[0].value, "1");
	ck_assert_int_eq(back.modem.boot_mode, 4);
	ck_assert_str_eq(back.modem.boot_mode_name, "recovery");
	ck_assert_str_eq(back.modem.family, "monarch1");
	ck_assert_str_eq(back.modem.ue, "UE5.0.0.0d");
	ck_assert_str_eq(back.modem.release, "LR5.1.1.0-39529");
	ck_assert_uint_eq(back.modem.build, 39529);
	ck_assert_str_eq(back.modem.imei, "355000000000001");
	ck_assert_uint_eq(back.modem.rate_bps, 921600);
	ck_assert_int_eq(back.seen_at_ms, 1700000000000);
}
END_TEST

START_TEST(a_database_of_the_first_moment_is_brought_up_to_date)
{
	store_close(store);
	store = NULL;
	ck_assert_int_eq(unlink(database), 0);
	run_sql("PRAGMA user_version = 0"); /* an empty file */
	open_store();
	ck_assert_int_ge(ask_sql("PRAGMA user_version"), 1);
	ck_assert_int_eq(
	    ask_sql("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('jobs', 'devices', 'device_labels')"), 3);
}
END_TEST

/* What the first release made. */
static const char first_schema[] =
    "CREATE TABLE devices ("
    " id TEXT PRIMARY KEY, alias TEXT NOT NULL DEFAULT '', maintenance INTEGER NOT NULL DEFAULT 0, labels_patched INTEGER NOT NULL DEFAULT "
    "0,"
    " boot_mode INTEGER NOT NULL DEFAULT -1, boot_mode_name TEXT NOT NULL DEFAULT '', family TEXT NOT NULL DEFAULT '',"
    " ue TEXT NOT NULL DEFAULT '', release TEXT NOT NULL DEFAULT '', build INTEGER NOT NULL DEFAULT 0, imei TEXT NOT NULL DEFAULT '',"
    " rate_bps INTEGER NOT NULL DEFAULT 0, seen_at_ms INTEGER NOT NULL DEFAULT 0"
    ") WITHOUT ROWID;"
    "CREATE TABLE device_labels ("
    " device TEXT NOT NULL REFERENCES devices(id) ON DELETE CASCADE, position INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (device, position), UNIQUE (device, key)"
    ") WITHOUT ROWID;"
    "CREATE TABLE jobs ("
    " id TEXT PRIMARY KEY, kind TEXT NOT NULL, device TEXT NOT NULL REFERENCES devices(id), firmware TEXT NOT NULL, firmware_name TEXT NOT "
    "NULL,"
    " helper TEXT NOT NULL, way TEXT NOT NULL, force INTEGER NOT NULL, allow_downgrade INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " rate_bps INTEGER NOT NULL, wanted_at_ms INTEGER NOT NULL, retry_of TEXT REFERENCES jobs(id),"
    " state TEXT NOT NULL CHECK (state IN ('queued', 'waiting', 'running', 'succeeded', 'failed', 'cancelled')),"
    " phase TEXT NOT NULL, furthest_phase TEXT NOT NULL, detail TEXT NOT NULL, waiting_for TEXT NOT NULL, from_release TEXT NOT NULL,"
    " to_release TEXT NOT NULL, bytes_done INTEGER NOT NULL, bytes_total INTEGER NOT NULL, percent REAL NOT NULL, part TEXT NOT NULL,"
    " step INTEGER NOT NULL, steps INTEGER NOT NULL, can_cancel INTEGER NOT NULL, cancel_requested INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL, interruptions INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, started_at_ms INTEGER NOT NULL,"
    " finished_at_ms INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, verified INTEGER NOT NULL, fault_code TEXT NOT NULL,"
    " fault_message TEXT NOT NULL, fault_evidence TEXT NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE UNIQUE INDEX jobs_unfinished ON jobs(device) WHERE state IN ('queued', 'waiting', 'running');"
    "CREATE INDEX jobs_of_device ON jobs(device, id);"
    "CREATE INDEX jobs_by_state ON jobs(state, id);";

static const struct {
	const char *furthest_phase;
	bool sent;
} old_rows[] = {{"switch", false}, {"transfer", true}, {"verify", true}};

/* It did not say what was sent: where something may have been, it is taken so. */
START_TEST(a_job_of_the_first_release_is_brought_up_to_date)
{
	char sql[700];
	struct job_row row;
	store_close(store);
	store = NULL;
	ck_assert_int_eq(unlink(database), 0);
	run_sql(first_schema);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO devices (id) VALUES ('bench-1');"
		 "INSERT INTO jobs VALUES ('01', 'upgrade', 'bench-1', '', '', '', 'auto', 0, 0, 0, 0, 0, NULL, 'waiting', 'connect', '%s',"
		 " '', 'retry', '', '', 0, 0, 0, '', 1, 8, 1, 0, 2, 0, 1, 2, 0, 3, 0, 'port-gone', 'gone', '');"
		 "PRAGMA user_version = 1",
		 old_rows[_i].furthest_phase);
	run_sql(sql);
	open_store();
	ck_assert_int_eq(store_job_get(store, "01", &row, &fault), 0);
	ck_assert_int_eq(row.past_return, old_rows[_i].sent);
	ck_assert_int_eq(row.no_way_back, old_rows[_i].sent);
	ck_assert_int_eq(row.job.can_cancel, !old_rows[_i].sent);
	ck_assert_str_eq(row.job.fault.message, "gone");
	ck_assert_uint_eq(row.job.note_count, 0);
	ck_assert_str_eq(row.job.request.second, "");
	ck_assert_uint_eq(row.job.attempts_max, 3);
	ck_assert_str_eq(row.url, "");
	ck_assert_str_eq(row.job.download, "");
}
END_TEST

START_TEST(the_newest_upgrade_that_ran_is_found)
{
	char id[JOB_ID_SIZE] = "x";
	add_device("a");
	add_device("b");
	ck_assert_int_eq(store_job_newest_upgrade(store, "a", id, &fault), 0);
	ck_assert_str_eq(id, "");
	for (unsigned i = 1; i <= 5; i++) {
		char name[JOB_ID_SIZE];
		snprintf(name, sizeof(name), "0%u", i);
		struct job_row row = make_row(name, i == 5 ? "b" : "a", JOB_FAILED);
		row.job.request.kind = i == 3 ? JOB_PROBE : JOB_UPGRADE;
		strcpy(row.furthest_phase, i == 4 ? "" : "connect");
		ck_assert_int_eq(store_job_insert(store, &row, &fault), 0);
	}
	ck_assert_int_eq(store_job_newest_upgrade(store, "a", id, &fault), 0);
	ck_assert_str_eq(id, "02");
}
END_TEST

START_TEST(a_newer_database_is_refused_and_left_alone)
{
	store_close(store);
	store = NULL;
	run_sql("PRAGMA user_version = 900");
	ck_assert_int_eq(store_open(state_dir, &fault, &store), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "infrastructure-error");
	ck_assert_ptr_nonnull(strstr(fault.message, database));
	ck_assert_ptr_nonnull(strstr(fault.message, "newer dupgate"));
	ck_assert_int_eq(ask_sql("PRAGMA user_version"), 900);
}
END_TEST

START_TEST(a_file_that_is_no_database_is_refused)
{
	char bytes[4096];
	store_close(store);
	store = NULL;
	memset(bytes, 'x', sizeof(bytes));
	FILE *stream = fopen(database, "we");
	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fwrite(bytes, 1, sizeof(bytes), stream), sizeof(bytes));
	ck_assert_int_eq(fclose(stream), 0);
	open_store();
	ck_assert_ptr_nonnull(strstr(store_lost(store), database));
	ck_assert_ptr_nonnull(strstr(store_lost(store), "not a database"));
	ck_assert_int_eq(ask_sql("SELECT count(*) FROM jobs"), 0);
}
END_TEST

START_TEST(two_daemons_do_not_share_a_state_folder)
{
	char pid[32];
	struct store *second = NULL;
	ck_assert_int_eq(store_open(state_dir, &fault, &second), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "infrastructure-error");
	ck_assert_ptr_nonnull(strstr(fault.message, state_dir));
	snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
	ck_assert_ptr_nonnull(strstr(fault.message, pid));
	store_close(store);
	open_store();
}
END_TEST

START_TEST(a_state_folder_that_cannot_be_is_named)
{
	char file[180], below[200];
	struct store *other = NULL;
	snprintf(file, sizeof(file), "%s/file", directory);
	snprintf(below, sizeof(below), "%s/state", file);
	FILE *stream = fopen(file, "we");
	ck_assert_ptr_nonnull(stream);
	fclose(stream);
	ck_assert_int_eq(store_open(below, &fault, &other), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "infrastructure-error");
	ck_assert_ptr_nonnull(strstr(fault.message, below));
	ck_assert_int_eq(store_open(file, &fault, &other), -EPROTO);
	ck_assert_ptr_nonnull(strstr(fault.message, "is no folder"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tcase = tcase_create("store");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, every_member_of_a_job_comes_back);
	tcase_add_test(tcase, a_wanted_download_is_kept_until_it_has_ended);
	tcase_add_test(tcase, what_was_committed_outlives_the_process);
	tcase_add_test(tcase, the_database_itself_refuses_a_second_unfinished_job);
	tcase_add_test(tcase, a_device_keeps_what_was_learnt_and_set);
	tcase_add_test(tcase, a_database_of_the_first_moment_is_brought_up_to_date);
	tcase_add_loop_test(tcase, a_job_of_the_first_release_is_brought_up_to_date, 0, sizeof(old_rows) / sizeof(old_rows[0]));
	tcase_add_test(tcase, the_newest_upgrade_that_ran_is_found);
	tcase_add_test(tcase, a_newer_database_is_refused_and_left_alone);
	tcase_add_test(tcase, a_file_that_is_no_database_is_refused);
	tcase_add_test(tcase, two_daemons_do_not_share_a_state_folder);
	tcase_add_test(tcase, a_state_folder_that_cannot_be_is_named);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
