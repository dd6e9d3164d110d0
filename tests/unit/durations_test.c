/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of how long upgrades take, and what is told by it.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/attempts.h"
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

/* So many attempts of a job of modem0 that took 1 s, its number times 200 s and 2 s; the first three needed a helper. Such as failed, and such as
 * sent nothing, are there besides. */
static void start_with_attempts(unsigned count)
{
	char sql[1000];
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	snprintf(sql, sizeof(sql),
		 "DELETE FROM attempts; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
		 " INSERT INTO attempts SELECT '%s', i, 1, 2, 'succeeded', 'verify', 1000,"
		 " 'connect 1000 ' || iif(i > 3, '', 'helper 0 ') || 'transfer ' || (i * 200000) || ' verify 2000', 0, '', '', '' FROM n;"
		 "INSERT INTO attempts VALUES ('%s', 1001, 1, 2, 'failed', 'transfer', 10, 'connect 9 transfer 9', 0, '', '', '');"
		 "INSERT INTO attempts VALUES ('%s', 1002, 1, 2, 'succeeded', 'verify', 0, 'connect 9 verify 9', 0, '', '', '')",
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

static void assert_duration(size_t index, const char *phase, unsigned count, uint32_t median_ms, uint32_t p90_ms)
{
	ck_assert_uint_lt(index, duration_count);
	ck_assert_str_eq(durations[index].family, "monarch1");
	ck_assert_str_eq(durations[index].phase, phase);
	ck_assert_uint_eq(durations[index].count, count);
	ck_assert_uint_eq(durations[index].median_ms, median_ms);
	ck_assert_uint_eq(durations[index].p90_ms, p90_ms);
}

START_TEST(what_succeeded_tells_how_long_it_takes)
{
	start_with_attempts(10);
	list("monarch1");
	ck_assert_uint_eq(duration_count, 5);
	assert_duration(0, "", 10, 1003000, 1803000);
	assert_duration(1, "connect", 10, 1000, 1000);
	assert_duration(2, "helper", 3, 0, 0);
	assert_duration(3, "transfer", 10, 1000000, 1800000);
	assert_duration(4, "verify", 10, 2000, 2000);
	list(NULL);
	ck_assert_uint_eq(duration_count, 5);
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
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
