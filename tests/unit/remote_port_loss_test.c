/* SPDX-License-Identifier: Apache-2.0
 *
 * What a job does about a port over the network that cannot be opened: nobody sees such a port come back but who opens it.
 */
#include "tests/unit/gateway_fixture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "daemon/queue_private.h"
#include "daemon/retry_wait.h"
#include "tests/unit/suite_run.h"

#define DAY_MS INT64_C(86400000)

static struct fixture fixture;
static struct job_fault fault;

static void set_up(void)
{
	fixture_make(&fixture, 1);
	snprintf(fixture.config.devices[0].port, sizeof(fixture.config.devices[0].port), "rfc2217://modem0:4001");
	fixture_start(&fixture);
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

static void fail_in(enum upgrade_phase phase, enum fault_code code)
{
	fixture_modem(0)->fault = code;
	fixture_modem(0)->fault_phase = phase;
}

/* A job whose connection was lost in that phase, and which now finds the port closed. */
static struct job lost_in(enum upgrade_phase phase, enum fault_code then)
{
	fail_in(phase, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, upgrade_phase_name(phase));
	fixture_await_idle(&fixture);
	fail_in(PHASE_CONNECT, then);
	return job;
}

/* Lets the next run begin and end; the pause before the one after it. */
static int64_t pause_after_run(unsigned runs)
{
	while (fixture_modem(0)->runs < runs) {
		gateway_turn(fixture.gateway);
		fixture_await_idle(&fixture);
	}
	int64_t due_ms = gateway_turn(fixture.gateway);
	ck_assert_uint_eq(fixture_modem(0)->runs, runs);
	return due_ms - fixture_now();
}

static void assert_waits(const char *id, const char *code)
{
	struct job job = fixture_job(&fixture, id);
	ck_assert_int_eq(job.state, JOB_WAITING);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_str_eq(job.fault.kind->code, code);
	ck_assert_str_eq(job.detail, "the port cannot be opened: it is tried again until it can");
	ck_assert_uint_eq(job.note_count, 1);
	ck_assert_ptr_nonnull(strstr(job.notes[0], "the port went away 1 time,"));
}

static const struct {
	enum upgrade_phase phase;
	enum fault_code code;
} losses[] = {{PHASE_SWITCH, FAULT_PORT_GONE}, {PHASE_TRANSFER, FAULT_PORT_GONE}, {PHASE_TRANSFER, FAULT_PORT_IN_USE}};

START_TEST(a_job_waits_longer_and_longer_for_its_server)
{
	static const int64_t pauses_ms[] = {1000, 1000, 1000, 1500, 2250, 3375};
	struct job job = lost_in(losses[_i].phase, losses[_i].code);
	fixture_advance(500);
	for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
		ck_assert_int_eq(pause_after_run((unsigned)i + 2), pauses_ms[i]);
		assert_waits(job.id, fault_code_name(losses[_i].code));
		fixture_advance(pauses_ms[i]);
	}
	fixture_advance(DAY_MS / 2);
	ck_assert_int_eq(pause_after_run(8), 60000);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_advance(60000);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, losses[_i].phase);
}
END_TEST

START_TEST(the_next_loss_begins_anew)
{
	struct job job = lost_in(PHASE_TRANSFER, FAULT_PORT_GONE);
	fixture_advance(500);
	pause_after_run(2);
	fixture_advance(DAY_MS / 2);
	ck_assert_int_eq(pause_after_run(3), 60000);
	fail_in(PHASE_APPLY, FAULT_PORT_GONE);
	fixture_advance(60000);
	ck_assert_int_eq(pause_after_run(4), 500);
	job = fixture_job(&fixture, job.id);
	ck_assert_ptr_nonnull(strstr(job.notes[0], "the port went away 2 times, the last time in the phase apply"));
	fail_in(PHASE_CONNECT, FAULT_PORT_GONE);
	fixture_advance(500);
	ck_assert_int_eq(pause_after_run(5), 1000);
}
END_TEST

/* No cable and no hub is to blame. */
START_TEST(again_and_again_it_is_the_network)
{
	fail_in(PHASE_TRANSFER, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	for (unsigned loss = 1; loss < 3; loss++) {
		ck_assert_int_eq(pause_after_run(loss), 500);
		fixture_advance(500);
	}
	pause_after_run(3);
	job = fixture_job(&fixture, job.id);
	ck_assert_str_eq(job.detail, "the port went away 3 times: look at the network, the server of the port, and what is behind it");
	ck_assert_str_eq(job.fault.message,
			 "the script says so; the port went away 3 times in this job: the network, the server of the port, or "
			 "what is behind it is not reliable");
	ck_assert_str_eq(job.fault.evidence, "seen");
}
END_TEST

START_TEST(a_day_is_the_end_of_what_cannot_be_cancelled)
{
	struct job job = lost_in(PHASE_TRANSFER, FAULT_PORT_GONE);
	fixture_advance(500);
	pause_after_run(2);
	fixture_advance(DAY_MS - 30000);
	ck_assert_int_eq(pause_after_run(3), 30000);
	fixture_advance(30000);
	job = fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_str_eq(job.fault.message, "the port was away for 24 hours; the modem still waits for the rest of the bundle");
	ck_assert_uint_eq(fixture_modem(0)->runs, 3);
}
END_TEST

START_TEST(a_server_that_was_never_reached_costs_attempts)
{
	fail_in(PHASE_CONNECT, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	for (unsigned attempt = 2; attempt <= 3; attempt++) {
		job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
		fixture_await_idle(&fixture);
		ck_assert_int_eq(job.waiting_for, WAIT_RETRY);
		ck_assert_uint_eq(job.attempt, attempt);
		fixture_advance(18000);
	}
	job = fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_str_eq(job.fault.kind->code, "port-gone");
	ck_assert_uint_eq(fixture_modem(0)->runs, 3);
}
END_TEST

/* A node that is there and cannot be opened is no server that is away. */
START_TEST(a_tty_costs_attempts)
{
	tear_down();
	fixture_make(&fixture, 1);
	fixture_start(&fixture);
	struct job job = lost_in(PHASE_TRANSFER, FAULT_PORT_GONE);
	fixture_advance(500);
	ck_assert_int_eq(pause_after_run(2), retry_wait_ms(job.id, 1));
	job = fixture_job(&fixture, job.id);
	ck_assert_int_eq(job.waiting_for, WAIT_RETRY);
	ck_assert_uint_eq(job.attempt, 2);
}
END_TEST

START_TEST(another_fault_is_no_closed_port)
{
	struct job job = lost_in(PHASE_TRANSFER, FAULT_MODEM_SILENT);
	fixture_advance(500);
	ck_assert_int_eq(pause_after_run(2), retry_wait_ms(job.id, 1));
	job = fixture_job(&fixture, job.id);
	ck_assert_int_eq(job.waiting_for, WAIT_RETRY);
	ck_assert_uint_eq(job.attempt, 2);
}
END_TEST

START_TEST(a_job_that_waits_for_its_server_is_cancelled)
{
	struct job job = lost_in(PHASE_SWITCH, FAULT_PORT_GONE);
	fixture_advance(500);
	pause_after_run(2);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &job, &fault), 0);
	job = fixture_await(&fixture, job.id, JOB_CANCELLED, NULL);
	ck_assert_str_eq(job.detail, "cancelled without its modem, which may be outside its application: probe it");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("remote_port_loss");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, a_job_waits_longer_and_longer_for_its_server, 0, sizeof(losses) / sizeof(losses[0]));
	tcase_add_test(cases, the_next_loss_begins_anew);
	tcase_add_test(cases, again_and_again_it_is_the_network);
	tcase_add_test(cases, a_day_is_the_end_of_what_cannot_be_cancelled);
	tcase_add_test(cases, a_server_that_was_never_reached_costs_attempts);
	tcase_add_test(cases, a_tty_costs_attempts);
	tcase_add_test(cases, another_fault_is_no_closed_port);
	tcase_add_test(cases, a_job_that_waits_for_its_server_is_cancelled);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
