/* SPDX-License-Identifier: Apache-2.0
 *
 * What cancel, retry and priority mean beyond the simple cases: jobs that wait, terms that the new job does not have, jobs that run.
 */
#include "tests/unit/one_gateway.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

#define HOUR_MS INT64_C(3600000)

static void set_up(void)
{
	fixture_make(&fixture, 3);
	fixture.config.max_parallel = 1;
	fixture_start(&fixture);
	memset(&fault, 0, sizeof(fault));
}

static struct job submit(const struct job_request *request)
{
	struct job job = {0};
	int result = gateway_submit(fixture.gateway, request, fixture.sha256, &job, &fault);
	ck_assert_msg(result == 0, "%s", fault.message);
	return job;
}

static void remove_port(void)
{
	ck_assert_int_eq(unlink(fixture.config.devices[0].port), 0);
	(void)registry_check_port(fixture.gateway->registry, "modem0");
}

static struct job wait_for(enum job_wait reason)
{
	struct job_request request = fixture_request(0);
	if (reason == WAIT_DEVICE)
		remove_port();
	if (reason == WAIT_TIME)
		request.not_before_ms = fixture_now() + HOUR_MS;
	if (reason == WAIT_RETRY) {
		fixture_modem(0)->fault = FAULT_MODEM_SILENT;
		fixture_modem(0)->fault_phase = PHASE_CONNECT;
	}
	struct job job = fixture_await(&fixture, submit(&request).id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, reason);
	fixture_await_idle(&fixture);
	return job;
}

static const enum job_wait waits[] = {WAIT_DEVICE, WAIT_TIME, WAIT_RETRY};

START_TEST(a_waiting_job_is_cancelled_at_once_and_for_good)
{
	struct job job = wait_for(waits[_i]), cancelled, other;
	unsigned runs = fixture_modem(0)->runs;
	ck_assert(job.can_cancel);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), 0);
	ck_assert_int_eq(cancelled.state, JOB_CANCELLED);
	ck_assert_int_eq(cancelled.waiting_for, WAIT_NOTHING);
	ck_assert_int_eq(cancelled.finished_at_ms, fixture_now());
	/* What it waited for makes no difference any more, and its place is free. */
	fixture_advance(2 * HOUR_MS);
	gateway_turn(fixture.gateway);
	fixture_await_idle(&fixture);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_CANCELLED);
	ck_assert_uint_eq(fixture_modem(0)->runs, runs);
	const struct job_request request = fixture_request(0);
	other = submit(&request);
	ck_assert_str_ne(other.id, job.id);
}
END_TEST

START_TEST(a_retry_asks_for_the_same_but_now_and_alone)
{
	struct job job, again;
	struct job_request request = fixture_request(0);
	request.not_before_ms = fixture_now() + HOUR_MS;
	request.deadline_ms = fixture_now() + 2 * HOUR_MS;
	request.priority = -5;
	request.attempts = 2;
	request.force = true;
	request.allow_downgrade = true;
	snprintf(request.campaign, sizeof(request.campaign), "c");
	job = submit(&request);
	ck_assert_int_eq(job.state, JOB_WAITING);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &job, &fault), 0);
	ck_assert_int_eq(gateway_retry(fixture.gateway, job.id, NULL, false, &again, &fault), 0);
	ck_assert_str_eq(again.request.retry_of, job.id);
	ck_assert_int_eq(again.state, JOB_QUEUED);
	ck_assert_int_eq(again.not_before_ms, 0);
	ck_assert_int_eq(again.request.not_before_ms, 0);
	ck_assert_int_eq(again.request.deadline_ms, 0);
	ck_assert_str_eq(again.request.campaign, "");
	ck_assert_int_eq(again.request.priority, -5);
	ck_assert_uint_eq(again.attempts_max, 2);
	ck_assert_uint_eq(again.attempt, 1);
	ck_assert(again.request.force && again.request.allow_downgrade);
	ck_assert_str_eq(again.request.firmware, fixture.sha256);
	fixture_await(&fixture, again.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_CANCELLED);
	/* One that succeeded can be asked for again as well. */
	ck_assert_int_eq(gateway_retry(fixture.gateway, again.id, NULL, false, &job, &fault), 0);
	ck_assert_str_eq(job.request.retry_of, again.id);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_higher_priority_stops_nothing)
{
	struct job_request low = fixture_request(0), usual = fixture_request(1), high = fixture_request(2);
	low.priority = -100;
	high.priority = 100;
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_IDENTIFY;
	struct job first = submit(&low);
	fixture_await(&fixture, first.id, JOB_RUNNING, "identify");
	struct job second = submit(&usual), third = submit(&high);
	for (int i = 0; i < 3; i++) {
		fixture_advance(HOUR_MS);
		queue_wake(fixture.gateway->queue);
		gateway_turn(fixture.gateway);
		ck_assert_int_eq(fixture_job(&fixture, first.id).state, JOB_RUNNING);
		ck_assert_int_eq(fixture_job(&fixture, third.id).state, JOB_QUEUED);
	}
	fixture_modem(2)->gated = true;
	fixture_modem(2)->gate = PHASE_IDENTIFY;
	fixture_open_gate(0);
	first = fixture_await(&fixture, first.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
	ck_assert_uint_eq(first.interruptions, 0);
	fixture_await(&fixture, third.id, JOB_RUNNING, "identify");
	ck_assert_int_eq(fixture_job(&fixture, second.id).state, JOB_QUEUED);
	fixture_open_gate(2);
	fixture_await(&fixture, second.id, JOB_SUCCEEDED, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job_verbs");
	TCase *tests = tcase_create("verbs");
	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, set_up, one_gateway_clear);
	tcase_add_loop_test(tests, a_waiting_job_is_cancelled_at_once_and_for_good, 0, (int)(sizeof(waits) / sizeof(waits[0])));
	tcase_add_test(tests, a_retry_asks_for_the_same_but_now_and_alone);
	tcase_add_test(tests, a_higher_priority_stops_nothing);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
