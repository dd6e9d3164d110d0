/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of how long upgrades take, and what is told by it.
 */
#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/attempts.h"
#include "daemon/durations.h"
#include "tests/unit/one_gateway.h"
#include "tests/unit/state_sql.h"
#include "tests/unit/suite_run.h"

static struct duration *durations;
static size_t duration_count;

static void set_up(void)
{
	one_gateway_start(2);
}

static void tear_down(void)
{
	free(durations);
	fixture_clear(&fixture);
}

/* So many attempts of a job of modem0 that took 1 s, its number times 200 s and 2 s; the first three needed a helper. Of an odd number the way is not
 * known. Such as failed, and such as sent nothing, are there besides. */
static void start_with_attempts(unsigned count)
{
	char sql[1000];
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	snprintf(
	    sql, sizeof(sql),
	    "DELETE FROM attempts; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
	    " INSERT INTO attempts SELECT '%s', i, 1, 2, 'succeeded', 'verify', 1000,"
	    " 'connect 1000 ' || iif(i > 3, '', 'helper 0 ') || 'transfer ' || (i * 200000) || ' verify 2000', 0, '', '', '', 'monarch1',"
	    " iif(i %% 2, '', 'fff') FROM n;"
	    "INSERT INTO attempts VALUES ('%s', 1001, 1, 2, 'failed', 'transfer', 10, 'connect 9 transfer 9', 0, '', '', '', '', 'fff');"
	    "INSERT INTO attempts VALUES ('%s', 1002, 1, 2, 'succeeded', 'verify', 0, 'connect 9 verify 9', 0, '', '', '', '', '')",
	    count, job.id, job.id, job.id);
	state_sql(fixture.config.state_dir, sql);
	fixture_stop(&fixture);
	fixture_start(&fixture);
}

static void list(const char *family)
{
	free(durations);
	durations = NULL;
	ck_assert_int_eq(gateway_durations(fixture.gateway, family, &durations, &duration_count, &fault), 0);
}

static void assert_way(size_t index, const char *way, const char *phase, unsigned count, uint32_t median_ms, uint32_t p90_ms)
{
	ck_assert_uint_lt(index, duration_count);
	ck_assert_str_eq(durations[index].family, "monarch1");
	ck_assert_str_eq(durations[index].way, way);
	ck_assert_str_eq(durations[index].phase, phase);
	ck_assert_uint_eq(durations[index].count, count);
	ck_assert_uint_eq(durations[index].median_ms, median_ms);
	ck_assert_uint_eq(durations[index].p90_ms, p90_ms);
}

static void assert_duration(size_t index, const char *phase, unsigned count, uint32_t median_ms, uint32_t p90_ms)
{
	assert_way(index, "", phase, count, median_ms, p90_ms);
}

START_TEST(what_succeeded_tells_how_long_it_takes)
{
	start_with_attempts(10);
	list("monarch1");
	ck_assert_uint_eq(duration_count, 10);
	assert_duration(0, "", 10, 1003000, 1803000);
	assert_duration(1, "connect", 10, 1000, 1000);
	assert_duration(2, "helper", 3, 0, 0);
	assert_duration(3, "transfer", 10, 1000000, 1800000);
	assert_duration(4, "verify", 10, 2000, 2000);
	assert_way(5, "fff", "", 5, 1203000, 2003000); /* 2, 4, 6, 8, 10 */
	assert_way(6, "fff", "connect", 5, 1000, 1000);
	assert_way(7, "fff", "helper", 1, 0, 0);
	assert_way(8, "fff", "transfer", 5, 1200000, 2000000);
	assert_way(9, "fff", "verify", 5, 2000, 2000);
	list(NULL);
	ck_assert_uint_eq(duration_count, 10);
	list("monarch2");
	ck_assert_uint_eq(duration_count, 0);
	ck_assert_int_lt(gateway_durations(fixture.gateway, "unknown", &durations, &duration_count, &fault), 0);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
}
END_TEST

/* An attempt that ends is the newest: the first of the ten kept would not give way yet, the first of two hundred does. */
START_TEST(the_newest_two_hundred_count)
{
	start_with_attempts(250);
	list("monarch1");
	assert_duration(0, "", 200, 30003000, 46003000); /* of 51 to 250 */
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	list("monarch1");
	assert_duration(0, "", 200, 30003000, 46003000); /* a short one for the shortest */
	job = fixture_submit(&fixture, 1);               /* another modem of the family */
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	list("monarch1");
	ck_assert_uint_eq(durations[0].count, 200);
	ck_assert_uint_lt(durations[1].median_ms, 1001);
	ck_assert_str_eq(durations[2].phase, "identify"); /* of those two only */
	ck_assert_uint_eq(durations[2].count, 2);
}
END_TEST

START_TEST(a_job_tells_what_is_to_be_expected)
{
	struct job_request request = fixture_request(0);
	struct job job;
	job = fixture_submit(&fixture, 1);
	ck_assert(!job.expected_known); /* of a modem that nobody asked what it is */
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	start_with_attempts(10);
	request.not_before_ms = fixture_now() + 1000;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, fixture.sha256, &job, &fault), 0);
	ck_assert(job.expected_known);
	ck_assert_int_eq(job.expected_s, 1003);
	ck_assert_int_eq(fixture_job(&fixture, job.id).expected_s, 1003);

	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_PREPARE;
	fixture_advance(1000);
	job = fixture_await(&fixture, job.id, JOB_RUNNING, "prepare");
	ck_assert(job.expected_known);
	ck_assert_int_eq(job.expected_s, 1002); /* without a helper, which few needed */

	fixture_modem(1)->gated = true;
	fixture_modem(1)->gate = PHASE_APPLY;
	struct job later = fixture_submit(&fixture, 1);
	later = fixture_await(&fixture, later.id, JOB_RUNNING, "apply");
	ck_assert(later.expected_known);
	ck_assert_int_eq(later.expected_s, 2);
	fixture_open_gate(1);
	fixture_open_gate(0);
	fixture_await(&fixture, later.id, JOB_SUCCEEDED, NULL);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert(!job.expected_known);
}
END_TEST

/* It is 22:13:20. Fifteen minutes, which are taken for want of knowledge, would fit into the window. */
START_TEST(a_job_begins_in_a_window_that_is_long_enough_for_most)
{
	struct job job;
	start_with_attempts(_i == 0 ? 4 : 10);
	struct job_request request = fixture_request(0);
	snprintf(request.window, sizeof(request.window), "daily 22:00 40m UTC");
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, fixture.sha256, &job, &fault), 0);
	job = fixture_await(&fixture, job.id, _i == 0 ? JOB_SUCCEEDED : JOB_WAITING, NULL);
	ck_assert_int_eq(job.not_before_ms, _i == 0 ? 0 : FIXTURE_START_MS + INT64_C(1000) * (86400 - 800));
}
END_TEST

/* The engine tells the way that it takes: it is kept, and from then on only what took the same one counts. */
START_TEST(each_way_has_its_own_durations)
{
	struct job_request request = fixture_request(0);
	struct job job;
	start_with_attempts(10);
	for (int restarted = 0; restarted < 2; restarted++) {
		fixture_modem(1)->way = WAY_ON_THE_FLY;
		if (!restarted) {
			job = fixture_submit(&fixture, 1);
			fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
			fixture_await_idle(&fixture);
		}
		list("monarch1");
		ck_assert_uint_eq(durations[0].count, 11);
		ck_assert_str_eq(durations[10].way, "on-the-fly");
		ck_assert_str_eq(durations[10].phase, "");
		ck_assert_uint_eq(durations[10].count, 1);
		ck_assert_uint_lt(durations[10].median_ms, 1000000);
		ck_assert_str_eq(durations[duration_count - 5].way, "fff");
		ck_assert_uint_eq(durations[duration_count - 5].count, 5);
		fixture_stop(&fixture);
		fixture_start(&fixture);
	}
	request.not_before_ms = fixture_now() + 1000;
	memcpy(request.way, "fff", sizeof("fff"));
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, fixture.sha256, &job, &fault), 0);
	ck_assert_int_eq(job.expected_s, 1203);
	fixture_modem(0)->way = WAY_LEGACY;
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_PREPARE;
	fixture_advance(1000);
	job = fixture_await(&fixture, job.id, JOB_RUNNING, "prepare");
	ck_assert(!job.expected_known); /* what it takes now has never been seen */
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

/* Of ten transfers of 200 to 2000 s the median is 1000 s; 2 s follow. known 0: the transfer has told nothing yet. */
static const struct {
	bool known;
	int64_t eta_s;
	uint64_t done, total;
	int64_t since_s, remaining_s;
} transfers[] = {
    {true, 77, 900, 1000, 500, 79},  /* its own rate says it best */
    {true, 0, 1000, 1000, 500, 2},   /* it is over */
    {true, -1, 250, 1000, 500, 752}, /* no rate yet: its part of the usual time */
    {true, -1, 0, 1000, 500, 1002},  /* it begins anew: what was before does not count */
    {true, -1, 0, 0, 400, 602},      /* nobody knows of how much */
    {false, -1, 0, 0, 400, 602},     /* by the clock */
    {false, -1, 0, 0, 5000, 2},      /* it takes longer than most: it is to end at once */
};

START_TEST(a_transfer_tells_what_remains_by_its_progress)
{
	int64_t ms = 0;
	struct job_row row = {.run = {.number = 1, .phases = 1u << PHASE_TRANSFER, .phase_since_ms = 1000000}};
	const struct duration_kind kind = {.family = FAMILY_MONARCH1, .way = WAY_AUTO};
	start_with_attempts(10);
	strcpy(row.job.phase, "transfer");
	row.job.progress = (struct job_progress){.known = transfers[_i].known,
						 .eta_s = transfers[_i].eta_s,
						 .bytes_done = transfers[_i].done,
						 .bytes_total = transfers[_i].total};
	ck_assert(durations_remaining_ms(fixture.gateway->durations, &kind, &row, 1000000 + transfers[_i].since_s * 1000, &ms));
	ck_assert_int_eq(ms, transfers[_i].remaining_s * 1000);
}
END_TEST

/* What a phase took before it was left for another one counts. */
START_TEST(a_phase_that_goes_on_has_used_some_of_its_time)
{
	int64_t ms = 0;
	struct job_row row = {.run = {.number = 1, .phases = 1u << PHASE_VERIFY, .phase_since_ms = 5000}};
	const struct duration_kind kind = {.family = FAMILY_MONARCH1, .way = WAY_FFF};
	start_with_attempts(10);
	strcpy(row.job.phase, "verify");
	row.run.phase_ms[PHASE_VERIFY] = 600;
	ck_assert(durations_remaining_ms(fixture.gateway->durations, &kind, &row, 5900, &ms));
	ck_assert_int_eq(ms, 500);
}
END_TEST

/* It is told by what the database says it does, as its time grows with what is kept only where it reads too much. */
START_TEST(the_start_reads_by_an_index_alone)
{
	char path[300];
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	snprintf(path, sizeof(path), "%s/dupgate.db", fixture.config.state_dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db,
					    "EXPLAIN QUERY PLAN SELECT job FROM attempts WHERE family = ?1 AND family <> '' AND way = ?2"
					    " ORDER BY job DESC, number DESC LIMIT ?3",
					    -1, &statement, NULL),
			 SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	const char *plan = (const char *)sqlite3_column_text(statement, 3);
	ck_assert_msg(strstr(plan, "attempts_telling (family=? AND way=?)") != NULL, "%s", plan);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_DONE); /* nothing is sorted */
	sqlite3_finalize(statement);
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("durations");
	TCase *tests = tcase_create("durations");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_succeeded_tells_how_long_it_takes);
	tcase_add_test(tests, the_newest_two_hundred_count);
	tcase_add_test(tests, a_job_tells_what_is_to_be_expected);
	tcase_add_loop_test(tests, a_job_begins_in_a_window_that_is_long_enough_for_most, 0, 2);
	tcase_add_test(tests, each_way_has_its_own_durations);
	tcase_add_loop_test(tests, a_transfer_tells_what_remains_by_its_progress, 0, sizeof(transfers) / sizeof(transfers[0]));
	tcase_add_test(tests, a_phase_that_goes_on_has_used_some_of_its_time);
	tcase_add_test(tests, the_start_reads_by_an_index_alone);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
