/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs on a device that somebody holds.
 */
#include "tests/unit/one_gateway.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

#define HOUR_S  3600u
#define HOUR_MS INT64_C(3600000)

static void set_up(void)
{
	one_gateway_start(2);
}

static struct lease_grant lease_as(const char *holder, bool takeover)
{
	const struct lease_order order = {.holder = holder, .reason = takeover ? "urgent" : "", .ttl_s = HOUR_S, .takeover = takeover};
	struct lease_grant made;
	ck_assert_msg(gateway_grant_lease(fixture.gateway, "modem0", &order, &made, &fault) == 0, "%s", fault.message);
	return made;
}

/* An upgrade of modem0 with this token, that waits or does not. */
static int submit(const char *token, bool wait, struct job *ret)
{
	struct job_request request = fixture_request(0);
	request.wait_for_lease = wait;
	gateway_own_lease(fixture.gateway, "modem0", token, request.lease);
	fault = (struct job_fault){0};
	return gateway_submit(fixture.gateway, &request, "test.dup", ret, &fault);
}

static struct job submitted(const char *token, bool wait)
{
	struct job job;
	ck_assert_msg(submit(token, wait, &job) == 0, "%s", fault.message);
	return job;
}

static void ck_waits_for_the_lease(const char *id)
{
	gateway_turn(fixture.gateway);
	struct job job = fixture_job(&fixture, id);
	ck_assert_int_eq(job.state, JOB_WAITING);
	ck_assert_int_eq(job.waiting_for, WAIT_LEASE);
	ck_assert(job.can_cancel);
}

static void ck_device_job(const char *id)
{
	struct device device;
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem0", &device, &fault), 0);
	ck_assert_str_eq(device.job, id);
}

START_TEST(the_holder_works_and_others_are_refused)
{
	struct lease_grant made = lease_as("alice", false);
	struct job job;
	ck_assert_int_eq(submit(NULL, false, &job), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-leased");
	ck_assert_str_eq(fault.message, "the device modem0 is leased by alice until 2023-11-14T23:13:20Z");
	ck_assert_int_eq(submit("0123456789012345678901", false, &job), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-leased");
	job = submitted(made.token, false);
	ck_assert_uint_gt(strlen(job.request.lease), 0);
	ck_assert_int_eq(fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL).attempt, 1);
	/* The other device is free. */
	struct job other = fixture_submit(&fixture, 1);
	fixture_await(&fixture, other.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(who_waits_goes_on_when_the_lease_is_given_back)
{
	struct lease_grant made = lease_as("alice", false);
	struct job job = submitted(NULL, true);
	ck_assert_int_eq(job.state, JOB_WAITING);
	ck_waits_for_the_lease(job.id);
	ck_device_job("");
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "modem0", made.token, false, "", &fault), 0);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_QUEUED);
	ck_device_job(job.id);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_device_job("");
}
END_TEST

START_TEST(who_waits_goes_on_when_the_lease_expires)
{
	lease_as("alice", false);
	struct job job = submitted(NULL, true);
	ck_waits_for_the_lease(job.id);
	ck_assert_int_eq(gateway_turn(fixture.gateway), FIXTURE_START_MS + HOUR_MS);
	fixture_advance(HOUR_MS - 1);
	ck_waits_for_the_lease(job.id);
	fixture_advance(1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_device_that_is_free_is_not_waited_for)
{
	struct job job = submitted(NULL, true);
	ck_assert_int_eq(job.state, JOB_QUEUED);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(who_waits_is_not_in_the_holders_way)
{
	struct lease_grant made = lease_as("alice", false);
	struct job waits = submitted(NULL, true), job;
	/* One is enough. */
	ck_assert_int_eq(submit(NULL, true, &job), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_str_eq(fault.job, waits.id);
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_IDENTIFY;
	struct job own = submitted(made.token, false);
	fixture_await(&fixture, own.id, JOB_RUNNING, "identify");
	ck_device_job(own.id);
	ck_assert_int_eq(submit(made.token, false, &job), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_str_eq(fault.job, own.id);
	/* The lease ends before the holder's job: the other still waits, until that has ended too. */
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "modem0", made.token, false, "", &fault), 0);
	ck_waits_for_the_lease(waits.id);
	ck_device_job(own.id);
	fixture_open_gate(0);
	fixture_await(&fixture, own.id, JOB_SUCCEEDED, NULL);
	fixture_modem(0)->gated = false;
	fixture_await(&fixture, waits.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
}
END_TEST

START_TEST(who_waits_may_be_cancelled_by_everybody)
{
	struct lease_grant made = lease_as("alice", false);
	struct job waits = submitted(NULL, true), own = submitted(made.token, false), gone;
	ck_assert_int_eq(gateway_check_job_lease(fixture.gateway, waits.id, NULL, &fault), 0);
	ck_assert_int_eq(gateway_check_job_lease(fixture.gateway, own.id, NULL, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-leased");
	ck_assert_int_eq(gateway_check_job_lease(fixture.gateway, own.id, made.token, &fault), 0);
	ck_assert_int_eq(gateway_check_job_lease(fixture.gateway, "no id", NULL, &fault), 0);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, waits.id, &gone, &fault), 0);
	ck_assert_int_eq(gone.state, JOB_CANCELLED);
	ck_device_job(own.id);
	fixture_await(&fixture, own.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(gateway_check_job_lease(fixture.gateway, own.id, NULL, &fault), 0);
}
END_TEST

START_TEST(what_was_queued_before_the_lease_steps_aside)
{
	struct job job = fixture_submit(&fixture, 0); /* no turn yet */
	ck_device_job(job.id);
	struct lease_grant made = lease_as("alice", false);
	ck_assert_int_eq(fixture_job(&fixture, job.id).waiting_for, WAIT_LEASE);
	ck_device_job("");
	struct job own = submitted(made.token, false);
	fixture_await(&fixture, own.id, JOB_SUCCEEDED, NULL);
	ck_waits_for_the_lease(job.id);
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "modem0", NULL, true, "done", &fault), 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(what_runs_is_not_touched)
{
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_IDENTIFY;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "identify");
	lease_as("alice", false);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_RUNNING);
	ck_device_job(job.id);
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

/* Between two attempts the modem may be in the middle of things. */
START_TEST(what_has_begun_is_not_touched_between_attempts)
{
	fixture_modem(0)->fault = FAULT_STP_NO_ANSWER;
	fixture_modem(0)->fault_phase = PHASE_TRANSFER;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_WAITING, "transfer");
	lease_as("alice", false);
	ck_assert_int_eq(fixture_job(&fixture, job.id).waiting_for, WAIT_RETRY);
	ck_device_job(job.id);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_advance(6000);
	ck_assert_uint_eq(fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL).attempt, 2);
}
END_TEST

START_TEST(a_job_outlives_its_lease)
{
	struct lease_grant made = lease_as("alice", false);
	ck_assert_int_eq(unlink(fixture.config.devices[0].port), 0);
	gateway_check_ports(fixture.gateway);
	struct job job = submitted(made.token, false);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	fixture_advance(HOUR_MS);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).waiting_for, WAIT_DEVICE);
	ck_assert_int_eq(symlink("/dev/null", fixture.config.devices[0].port), 0);
	gateway_check_ports(fixture.gateway);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_job_of_a_lease_that_was_taken_over_waits_for_the_new_one)
{
	struct lease_grant made = lease_as("alice", false);
	struct job job = submitted(made.token, false);
	struct lease_grant taken = lease_as("bob", true);
	ck_waits_for_the_lease(job.id);
	struct job own = submitted(taken.token, false);
	fixture_await(&fixture, own.id, JOB_SUCCEEDED, NULL);
	ck_waits_for_the_lease(job.id);
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "modem0", taken.token, false, "", &fault), 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(of_several_that_wait_the_first_goes_first)
{
	struct job first = fixture_submit(&fixture, 0);
	struct lease_grant made = lease_as("alice", false);
	struct job second = submitted(made.token, false);
	lease_as("bob", true);
	ck_waits_for_the_lease(first.id);
	ck_waits_for_the_lease(second.id);
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_IDENTIFY;
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "modem0", NULL, true, "done", &fault), 0);
	fixture_await(&fixture, first.id, JOB_RUNNING, "identify");
	ck_waits_for_the_lease(second.id);
	fixture_open_gate(0);
	fixture_await(&fixture, first.id, JOB_SUCCEEDED, NULL);
	fixture_modem(0)->gated = false;
	fixture_await(&fixture, second.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(its_time_is_not_forgotten)
{
	struct job job;
	struct job_request request = fixture_request(0);
	lease_as("alice", false);
	request.wait_for_lease = true;
	request.not_before_ms = FIXTURE_START_MS + 2 * HOUR_MS;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	ck_waits_for_the_lease(job.id);
	fixture_advance(HOUR_MS);
	ck_assert_int_eq(gateway_turn(fixture.gateway), FIXTURE_START_MS + 2 * HOUR_MS);
	job = fixture_job(&fixture, job.id);
	ck_assert_int_eq(job.waiting_for, WAIT_TIME);
	ck_assert_int_eq(job.not_before_ms, FIXTURE_START_MS + 2 * HOUR_MS);
	ck_device_job(job.id);
	/* Nor when it steps aside while it waits for it. */
	struct lease_grant made = lease_as("bob", false);
	ck_assert_int_eq(fixture_job(&fixture, job.id).waiting_for, WAIT_LEASE);
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "modem0", made.token, false, "", &fault), 0);
	ck_assert_int_eq(fixture_job(&fixture, job.id).waiting_for, WAIT_TIME);
	fixture_advance(HOUR_MS - 1);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).waiting_for, WAIT_TIME);
	fixture_advance(1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

static void ck_waits(const char *id, enum job_wait reason, const char *detail)
{
	gateway_turn(fixture.gateway);
	struct job job = fixture_job(&fixture, id);
	ck_assert_int_eq(job.state, reason != WAIT_NOTHING ? JOB_WAITING : JOB_QUEUED);
	ck_assert_int_eq(job.waiting_for, reason);
	ck_assert_str_eq(job.detail, detail);
}

START_TEST(what_it_waited_for_before_is_told_no_more)
{
	struct device device;
	const struct device_patch in = {.set_maintenance = true, .maintenance = true}, out = {.set_maintenance = true};
	struct job job = submitted(NULL, false);
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem0", &in, &device, &fault), 0);
	ck_waits(job.id, WAIT_DEVICE, "the device is in maintenance");
	struct lease_grant made = lease_as("bob", false);
	ck_waits(job.id, WAIT_LEASE, "");
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "modem0", made.token, false, "", &fault), 0);
	ck_waits(job.id, WAIT_DEVICE, "the device is in maintenance");
	made = lease_as("bob", false);
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem0", &out, &device, &fault), 0);
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "modem0", made.token, false, "", &fault), 0);
	job = fixture_job(&fixture, job.id);
	ck_assert_int_eq(job.state, JOB_QUEUED);
	ck_assert_str_eq(job.detail, "");
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(its_window_is_told_again)
{
	static const char opens[] = "it may begin at 2023-11-15T01:00:00Z, in the window night";
	struct job job;
	struct job_request request = fixture_request(0);
	strcpy(request.window, "daily 01:00 6h UTC night");
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	ck_waits(job.id, WAIT_TIME, opens);
	struct lease_grant made = lease_as("bob", false);
	ck_waits(job.id, WAIT_LEASE, "");
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "modem0", made.token, false, "", &fault), 0);
	ck_waits(job.id, WAIT_TIME, opens);
	ck_device_job(job.id);
}
END_TEST

START_TEST(a_kill_changes_nothing)
{
	struct fixture after;
	struct lease_grant made = lease_as("alice", false);
	struct job own = submitted(made.token, false), waits = submitted(NULL, true), other;
	fixture_copy(&fixture, &after);
	fixture_stop(&fixture);
	fixture_start(&after);
	struct device device;
	ck_assert_int_eq(gateway_device(after.gateway, "modem0", &device, &fault), 0);
	ck_assert_str_eq(device.job, own.id);
	fixture_await(&after, own.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(fixture_job(&after, waits.id).waiting_for, WAIT_LEASE);
	struct job_request request = fixture_request(0);
	request.wait_for_lease = true;
	ck_assert_int_eq(gateway_submit(after.gateway, &request, "test.dup", &other, &fault), -EPROTO);
	ck_assert_str_eq(fault.job, waits.id);
	fixture_advance(HOUR_MS);
	fixture_await(&after, waits.id, JOB_SUCCEEDED, NULL);
	fixture_clear(&after);
}
END_TEST

START_TEST(a_lease_that_ends_under_a_kill_makes_no_two_jobs_of_one_place)
{
	struct fixture after;
	struct lease_grant made = lease_as("alice", false);
	struct job own = submitted(made.token, false), waits = submitted(NULL, true);
	fixture_copy(&fixture, &after);
	fixture_stop(&fixture);
	fixture_advance(HOUR_MS);
	fixture_start(&after);
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_IDENTIFY;
	fixture_await(&after, own.id, JOB_RUNNING, "identify");
	ck_assert_int_eq(fixture_job(&after, waits.id).waiting_for, WAIT_LEASE);
	fixture_open_gate(0);
	fixture_await(&after, own.id, JOB_SUCCEEDED, NULL);
	fixture_modem(0)->gated = false;
	fixture_await(&after, waits.id, JOB_SUCCEEDED, NULL);
	fixture_clear(&after);
}
END_TEST

START_TEST(a_retry_is_asked_for_with_the_token_too)
{
	struct job again;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	struct lease_grant made = lease_as("alice", false);
	ck_assert_int_eq(gateway_retry(fixture.gateway, job.id, NULL, false, &again, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-leased");
	ck_assert_int_eq(gateway_retry(fixture.gateway, job.id, NULL, true, &again, &fault), 0);
	ck_waits_for_the_lease(again.id);
	ck_assert_int_eq(gateway_retry(fixture.gateway, job.id, made.token, false, &again, &fault), 0);
	fixture_await(&fixture, again.id, JOB_SUCCEEDED, NULL);
	/* A job of a lease that is over gives its retry no right. */
	lease_as("bob", true);
	ck_assert_int_eq(gateway_retry(fixture.gateway, again.id, made.token, false, &again, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-leased");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lease_jobs");
	TCase *tests = tcase_create("jobs");
	tcase_add_checked_fixture(tests, set_up, one_gateway_clear);
	tcase_add_test(tests, the_holder_works_and_others_are_refused);
	tcase_add_test(tests, who_waits_goes_on_when_the_lease_is_given_back);
	tcase_add_test(tests, who_waits_goes_on_when_the_lease_expires);
	tcase_add_test(tests, a_device_that_is_free_is_not_waited_for);
	tcase_add_test(tests, who_waits_is_not_in_the_holders_way);
	tcase_add_test(tests, who_waits_may_be_cancelled_by_everybody);
	tcase_add_test(tests, what_was_queued_before_the_lease_steps_aside);
	tcase_add_test(tests, what_runs_is_not_touched);
	tcase_add_test(tests, what_has_begun_is_not_touched_between_attempts);
	tcase_add_test(tests, a_job_outlives_its_lease);
	tcase_add_test(tests, a_job_of_a_lease_that_was_taken_over_waits_for_the_new_one);
	tcase_add_test(tests, of_several_that_wait_the_first_goes_first);
	tcase_add_test(tests, its_time_is_not_forgotten);
	tcase_add_test(tests, what_it_waited_for_before_is_told_no_more);
	tcase_add_test(tests, its_window_is_told_again);
	tcase_add_test(tests, a_kill_changes_nothing);
	tcase_add_test(tests, a_lease_that_ends_under_a_kill_makes_no_two_jobs_of_one_place);
	tcase_add_test(tests, a_retry_is_asked_for_with_the_token_too);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
