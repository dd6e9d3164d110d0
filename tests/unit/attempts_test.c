/* SPDX-License-Identifier: Apache-2.0
 *
 * The attempts of a job as they are kept.
 */
#include "daemon/attempts.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/gateway_fixture.h"
#include "tests/unit/suite_run.h"

/* The daemon that lives, and what a kill -9 of it would leave. */
static struct fixture fixture, left;
static struct job_attempt *attempts;
static size_t attempt_count;

static void set_up(void)
{
	fixture_make(&fixture, 2);
	fixture_start(&fixture);
}

static void tear_down(void)
{
	free(attempts);
	fixture_clear(&fixture);
}

static void list(struct fixture *at, const char *job)
{
	struct job_fault fault = {0};
	free(attempts);
	attempts = NULL;
	ck_assert_int_eq(gateway_attempts(at->gateway, job, &attempts, &attempt_count, &fault), 0);
}

static char *transcript(struct fixture *at, const char *job, uint32_t number)
{
	char *text = NULL;
	struct job_fault fault = {0};
	int result = gateway_attempt_transcript(at->gateway, job, number, &text, &fault);
	ck_assert_msg(result == 0, "%s", fault.message);
	return text;
}

/* The names of the phases, one after the other. */
static void phase_names(const struct job_attempt *attempt, char *ret, size_t size)
{
	size_t used = 0;
	ret[0] = '\0';
	for (size_t i = 0; i < attempt->phase_count; i++)
		used += (size_t)snprintf(ret + used, size - used, "%s|", attempt->phases[i].name);
}

START_TEST(each_attempt_is_kept_with_its_fault_and_its_transcript)
{
	char names[128];
	fixture_modem(0)->fault = FAULT_MODEM_SILENT;
	fixture_modem(0)->fault_phase = PHASE_SWITCH;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_advance(6000);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	list(&fixture, job.id);
	ck_assert_uint_eq(attempt_count, 2);

	ck_assert_uint_eq(attempts[0].number, 1);
	ck_assert_int_eq(attempts[0].outcome, ATTEMPT_FAILED);
	ck_assert_int_eq(attempts[0].started_at_ms, FIXTURE_START_MS);
	ck_assert_int_eq(attempts[0].finished_at_ms, FIXTURE_START_MS);
	ck_assert_str_eq(attempts[0].phase, "switch");
	ck_assert_uint_eq(attempts[0].bytes_done, 0);
	ck_assert_str_eq(attempts[0].fault.kind->code, "modem-silent");
	ck_assert_str_eq(attempts[0].fault.message, "the script says so");
	ck_assert_str_eq(attempts[0].fault.evidence, "seen");
	phase_names(&attempts[0], names, sizeof(names));
	ck_assert_str_eq(names, "connect|identify|prepare|switch|");

	ck_assert_uint_eq(attempts[1].number, 2);
	ck_assert_int_eq(attempts[1].outcome, ATTEMPT_SUCCEEDED);
	ck_assert_int_eq(attempts[1].started_at_ms, FIXTURE_START_MS + 6000);
	ck_assert_str_eq(attempts[1].phase, "verify");
	ck_assert_uint_eq(attempts[1].bytes_done, 1000);
	ck_assert_ptr_null(attempts[1].fault.kind);
	phase_names(&attempts[1], names, sizeof(names));
	ck_assert_str_eq(names, "connect|identify|prepare|switch|transfer|apply|restart|verify|");

	char *first = transcript(&fixture, job.id, 1), *second = transcript(&fixture, job.id, 2), *whole = NULL;
	struct job_fault fault = {0};
	ck_assert_int_eq(gateway_transcript(fixture.gateway, job.id, &whole, &fault), 0);
	ck_assert_ptr_nonnull(strstr(first, "run ends: modem-silent"));
	ck_assert_ptr_nonnull(strstr(second, "run 2 of modem0"));
	ck_assert_ptr_nonnull(strstr(second, "run ends: done"));
	ck_assert_uint_eq(strlen(first) + strlen(second), strlen(whole));
	ck_assert_int_eq(strncmp(whole, first, strlen(first)), 0);
	ck_assert_str_eq(whole + strlen(first), second);
	free(first);
	free(second);
	free(whole);
}
END_TEST

START_TEST(a_job_that_never_ran_has_none)
{
	struct job_request request = fixture_request(0);
	struct job_fault fault = {0};
	struct job job;
	char *text = NULL;
	request.not_before_ms = fixture_now() + 1000;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, fixture.sha256, &job, &fault), 0);
	list(&fixture, job.id);
	ck_assert_uint_eq(attempt_count, 0);
	ck_assert_int_lt(gateway_attempt_transcript(fixture.gateway, job.id, 1, &text, &fault), 0);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_int_lt(gateway_attempts(fixture.gateway, "01jnm8z5x4d3kq6y7w2v9t0r1s", &attempts, &attempt_count, &fault), 0);
	ck_assert_str_eq(fault.kind->code, "not-found");
}
END_TEST

START_TEST(what_a_crash_cut_off_is_interrupted)
{
	char names[128];
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_PREPARE;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "prepare");
	list(&fixture, job.id);
	ck_assert_uint_eq(attempt_count, 1);
	ck_assert_int_eq(attempts[0].outcome, ATTEMPT_RUNNING);
	ck_assert_int_eq(attempts[0].finished_at_ms, 0);
	fixture_copy(&fixture, &left);
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_modem(0)->gated = false;

	fixture_start(&left);
	list(&left, job.id);
	ck_assert_uint_eq(attempt_count, 1);
	ck_assert_int_eq(attempts[0].outcome, ATTEMPT_INTERRUPTED);
	ck_assert_str_eq(attempts[0].phase, "prepare");
	ck_assert_int_eq(attempts[0].finished_at_ms, 0);
	phase_names(&attempts[0], names, sizeof(names));
	ck_assert_str_eq(names, "connect|identify|prepare|");
	fixture_await(&left, job.id, JOB_SUCCEEDED, NULL);
	list(&left, job.id);
	ck_assert_uint_eq(attempt_count, 2);
	ck_assert_int_eq(attempts[0].outcome, ATTEMPT_INTERRUPTED);
	ck_assert_int_eq(attempts[1].outcome, ATTEMPT_SUCCEEDED);
	ck_assert_uint_eq(fixture_job(&left, job.id).attempt, 1);
	fixture_clear(&left);
}
END_TEST

START_TEST(what_the_ordered_stop_put_back_is_interrupted)
{
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_PREPARE;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "prepare");
	fixture_advance(3000);
	fixture_stop(&fixture);
	fixture_modem(0)->gated = false;
	fixture_start(&fixture);
	list(&fixture, job.id);
	ck_assert_uint_eq(attempt_count, 1);
	ck_assert_int_eq(attempts[0].outcome, ATTEMPT_INTERRUPTED);
	ck_assert_int_eq(attempts[0].finished_at_ms, FIXTURE_START_MS + 3000);
	ck_assert_ptr_null(attempts[0].fault.kind);
}
END_TEST

START_TEST(a_cancelled_attempt_says_so)
{
	struct job_fault fault = {0};
	struct job job;
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_IDENTIFY;
	job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "identify");
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &job, &fault), 0);
	fixture_await(&fixture, job.id, JOB_CANCELLED, NULL);
	list(&fixture, job.id);
	ck_assert_uint_eq(attempt_count, 1);
	ck_assert_int_eq(attempts[0].outcome, ATTEMPT_CANCELLED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attempts");
	TCase *tcase = tcase_create("attempts");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, each_attempt_is_kept_with_its_fault_and_its_transcript);
	tcase_add_test(tcase, a_job_that_never_ran_has_none);
	tcase_add_test(tcase, what_a_crash_cut_off_is_interrupted);
	tcase_add_test(tcase, what_the_ordered_stop_put_back_is_interrupted);
	tcase_add_test(tcase, a_cancelled_attempt_says_so);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
