/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/job_resume.h"
#include "daemon/queue_private.h"
#include "tests/unit/suite_run.h"

/* What a job does about what its earlier runs left: the point of no return, the way back, a port that goes away. */

static struct fixture fixture;
static struct job_fault fault;
static char hidden[300];

static void set_up(void)
{
	fixture_make(&fixture, 2);
	fixture_start(&fixture);
	snprintf(hidden, sizeof(hidden), "%s.away", fixture.config.devices[0].port);
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

static void unplug(void)
{
	ck_assert_int_eq(rename(fixture.config.devices[0].port, hidden), 0);
}

static void replug(void)
{
	ck_assert_int_eq(rename(hidden, fixture.config.devices[0].port), 0);
	gateway_check_ports(fixture.gateway);
}

static void fail_in(enum upgrade_phase phase, enum fault_code code)
{
	fixture_modem(0)->fault = code;
	fixture_modem(0)->fault_phase = phase;
}

/* A job whose first attempt ended in that phase, and waits for the second. */
static struct job waiting_after(enum upgrade_phase phase)
{
	fail_in(phase, FAULT_STP_NO_ANSWER);
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, upgrade_phase_name(phase));
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	return job;
}

static void refuses_cancel(const char *id, const char *word)
{
	struct job job;
	ck_assert(!fixture_job(&fixture, id).can_cancel);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, id, &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "past-point-of-no-return");
	ck_assert_msg(strstr(fault.message, word) != NULL, "%s", fault.message);
}

START_TEST(what_was_sent_stays_sent_in_all_later_states)
{
	struct job job = waiting_after(PHASE_TRANSFER);
	refuses_cancel(job.id, "waiting");
	unplug();
	gateway_check_ports(fixture.gateway);
	fixture_advance(6000);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	refuses_cancel(job.id, "waiting");
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_IDENTIFY;
	replug();
	fixture_await(&fixture, job.id, JOB_RUNNING, "identify");
	refuses_cancel(job.id, "running");
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_TRANSFER);
	ck_assert(fixture_modem(0)->sent_before);
	fixture_open_gate(0);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert(!job.can_cancel);
	ck_assert_uint_eq(job.attempt, 2);
}
END_TEST

static const enum upgrade_phase marks[] = {PHASE_PREPARE, PHASE_SWITCH};

START_TEST(a_waiting_job_brings_its_modem_back_before_it_is_cancelled)
{
	struct job cancelled;
	struct job job = waiting_after(marks[_i]);
	ck_assert(job.can_cancel);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), 0);
	ck_assert_int_eq(cancelled.state, JOB_QUEUED);
	ck_assert(!cancelled.can_cancel);
	ck_assert_str_eq(cancelled.detail, "cancelled: the modem is brought back to its application");
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), 0);
	job = fixture_await(&fixture, job.id, JOB_CANCELLED, "identify");
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, marks[_i]);
	ck_assert(!fixture_modem(0)->sent_before);
	ck_assert_int_eq(fixture_modem(0)->reached, PHASE_IDENTIFY);
	ck_assert_str_eq(job.detail, "");
	ck_assert_ptr_null(job.fault.kind);
}
END_TEST

START_TEST(a_modem_that_did_not_come_back_is_told)
{
	struct job cancelled;
	struct job job = waiting_after(PHASE_SWITCH);
	fixture_modem(0)->found_in_recovery = true;
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), 0);
	job = fixture_await(&fixture, job.id, JOB_CANCELLED, NULL);
	ck_assert_str_eq(job.detail, "cancelled; the modem is not back in its application: it was last seen in the boot mode recovery");
}
END_TEST

START_TEST(a_cancelled_run_that_loses_its_port_says_what_it_leaves)
{
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_SWITCH;
	fixture_modem(0)->deaf = true;
	fail_in(PHASE_SWITCH, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "switch");
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &job, &fault), 0);
	fixture_open_gate(0);
	job = fixture_await(&fixture, job.id, JOB_CANCELLED, NULL);
	ck_assert_str_eq(job.detail, "cancelled without its modem, which may be outside its application: probe it");
	ck_assert_str_eq(job.fault.kind->code, "port-gone");
}
END_TEST

START_TEST(a_waiting_job_without_its_modem_is_cancelled_at_once)
{
	struct job job = waiting_after(PHASE_SWITCH);
	unplug();
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &job, &fault), 0);
	ck_assert_int_eq(job.state, JOB_CANCELLED);
	ck_assert_str_eq(job.detail, "cancelled without its modem, which may be outside its application: probe it");
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
}
END_TEST

START_TEST(a_modem_that_leaves_before_it_is_brought_back_is_not_waited_for)
{
	struct job job = waiting_after(PHASE_SWITCH);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &job, &fault), 0);
	unplug();
	gateway_check_ports(fixture.gateway);
	job = fixture_await(&fixture, job.id, JOB_CANCELLED, NULL);
	ck_assert_ptr_nonnull(strstr(job.detail, "without its modem"));
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
}
END_TEST

/* A modem that was in recovery when the job came to it is left there. */
START_TEST(what_was_found_outside_is_not_brought_back)
{
	fixture_modem(0)->found_in_recovery = true;
	struct job job = waiting_after(PHASE_SWITCH);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &job, &fault), 0);
	ck_assert_int_eq(job.state, JOB_CANCELLED);
	ck_assert_str_eq(job.detail, "");
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
}
END_TEST

START_TEST(the_engine_is_told_what_it_must_leave_alone)
{
	fixture_modem(0)->found_in_recovery = true;
	struct job job = waiting_after(PHASE_SWITCH);
	ck_assert(!fixture_modem(0)->sent_before);
	fixture_advance(6000);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_SWITCH);
	ck_assert(fixture_modem(0)->sent_before);
}
END_TEST

START_TEST(a_port_that_went_away_costs_no_attempt)
{
	unplug();
	gateway_check_ports(fixture.gateway);
	replug();
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_APPLY;
	fail_in(PHASE_APPLY, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "apply");
	unplug();
	fixture_open_gate(0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	ck_assert_int_eq(job.not_before_ms, 0);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_uint_eq(job.interruptions, 0);
	ck_assert_str_eq(job.fault.kind->code, "port-gone");
	ck_assert_str_eq(job.detail, "the port went away; the job goes on when it is back");
	ck_assert_str_eq(job.notes[job.note_count - 1],
			 "the port went away 1 time, the last time in the phase apply; at most 10 are taken");
	fixture_await_idle(&fixture);
	fixture_modem(0)->gated = false;
	fixture_modem(0)->fault = FAULT_NONE;
	replug();
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_APPLY);
	ck_assert_str_eq(job.detail, "");
}
END_TEST

/* The node may be there a moment longer than the device, or be there again already. */
START_TEST(a_port_that_is_still_there_is_looked_at_a_moment_later)
{
	fail_in(PHASE_TRANSFER, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	fixture_await_idle(&fixture);
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + 500);
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_advance(500);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
}
END_TEST

START_TEST(a_port_that_cannot_be_opened_costs_attempts)
{
	fail_in(PHASE_CONNECT, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, WAIT_RETRY);
	ck_assert_uint_eq(job.attempt, 2);
	ck_assert_uint_eq(job.note_count, 0);
}
END_TEST

START_TEST(a_port_that_goes_away_again_and_again_comes_to_an_end)
{
	fail_in(PHASE_TRANSFER, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	for (unsigned loss = 1; loss < PORT_LOSSES_MAX; loss++) {
		job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
		fixture_await_idle(&fixture);
		ck_assert_uint_eq(fixture_modem(0)->runs, loss);
		ck_assert_int_eq(strstr(job.detail, "power supply") != NULL, loss >= 3);
		ck_assert_int_eq(strstr(job.fault.message, "power supply") != NULL, loss >= 3);
		fixture_advance(500);
	}
	job = fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_str_eq(job.fault.kind->code, "port-gone");
	ck_assert_str_eq(job.fault.message, "the script says so; the port went away 10 times in this job: the power supply or the USB hub "
					    "is too weak, or the cable is loose");
	ck_assert_str_eq(job.fault.evidence, "seen");
	ck_assert_ptr_nonnull(strstr(job.fault.kind->remedy, "powered hub"));
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_uint_eq(fixture_modem(0)->runs, 10);
	ck_assert_uint_eq(job.note_count, 1);
	ck_assert_str_eq(job.notes[0], "the port went away 10 times, the last time in the phase transfer; at most 10 are taken");
}
END_TEST

/* It cannot be cancelled, so it must not keep a device that never comes back. */
START_TEST(the_wait_for_a_port_ends_where_a_cancel_is_refused)
{
	struct job job = waiting_after(PHASE_TRANSFER);
	unplug();
	gateway_check_ports(fixture.gateway);
	fixture_advance(6000);
	ck_assert_int_eq(fixture_await(&fixture, job.id, JOB_WAITING, NULL).waiting_for, WAIT_DEVICE);
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + 86400000);
	fixture_advance(86400000 - 1);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
	/* The count goes on over a restart. */
	fixture_stop(&fixture);
	fixture_start(&fixture);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
	fixture_advance(1);
	gateway_turn(fixture.gateway);
	job = fixture_job(&fixture, job.id);
	ck_assert_int_eq(job.state, JOB_FAILED);
	ck_assert_str_eq(job.fault.kind->code, "port-gone");
	ck_assert_ptr_nonnull(strstr(job.fault.message, "24 hours"));
}
END_TEST

START_TEST(every_absence_is_counted_by_itself)
{
	struct job job = waiting_after(PHASE_TRANSFER);
	for (unsigned absence = 0; absence < 2; absence++) {
		unplug();
		gateway_check_ports(fixture.gateway);
		fixture_advance(6000 << absence * 2);
		ck_assert_int_eq(fixture_await(&fixture, job.id, JOB_WAITING, NULL).waiting_for, WAIT_DEVICE);
		fixture_advance(80000000);
		gateway_turn(fixture.gateway);
		ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
		fail_in(PHASE_CONNECT, FAULT_STP_NO_ANSWER);
		replug();
		job = fixture_await(&fixture, job.id, absence == 0 ? JOB_WAITING : JOB_FAILED, "connect");
		fixture_await_idle(&fixture);
	}
	ck_assert_str_eq(job.fault.kind->code, "stp-no-answer");
	ck_assert_uint_eq(job.attempt, 3);
}
END_TEST

START_TEST(a_port_that_is_gone_when_it_is_opened_is_waited_for)
{
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_CONNECT;
	fail_in(PHASE_CONNECT, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "connect");
	unplug();
	fixture_open_gate(0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	ck_assert_uint_eq(job.attempt, 1);
}
END_TEST

START_TEST(a_job_that_can_be_cancelled_waits_for_its_port_as_long_as_it_takes)
{
	struct job job = waiting_after(PHASE_SWITCH);
	unplug();
	gateway_check_ports(fixture.gateway);
	fixture_advance(6000);
	ck_assert_int_eq(fixture_await(&fixture, job.id, JOB_WAITING, NULL).waiting_for, WAIT_DEVICE);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	fixture_advance(10 * 86400000LL);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
}
END_TEST

static const struct {
	enum upgrade_phase phase;
	enum fault_code code;
	enum job_state state;
} passing_rows[] = {
    {PHASE_SWITCH, FAULT_PORT_IN_USE, JOB_FAILED},     {PHASE_TRANSFER, FAULT_PORT_IN_USE, JOB_WAITING},
    {PHASE_SWITCH, FAULT_MODEM_UNPOWERED, JOB_FAILED}, {PHASE_TRANSFER, FAULT_MODEM_UNPOWERED, JOB_WAITING},
    {PHASE_TRANSFER, FAULT_APPLY_FAILED, JOB_FAILED},
};

START_TEST(what_keeps_from_the_modem_may_pass_once_something_was_sent)
{
	fail_in(passing_rows[_i].phase, passing_rows[_i].code);
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, passing_rows[_i].state, NULL);
	ck_assert_str_eq(job.fault.kind->code, fault_code_name(passing_rows[_i].code));
}
END_TEST

static struct job retry(const char *id)
{
	struct job again;
	int result = gateway_retry(fixture.gateway, id, NULL, false, &again, &fault);
	ck_assert_msg(result == 0, "%s", fault.message);
	return again;
}

START_TEST(a_retry_goes_on_where_the_failed_job_came_to)
{
	fail_in(PHASE_APPLY, FAULT_APPLY_FAILED);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_SWITCH;
	struct job again = retry(job.id);
	ck_assert(again.can_cancel);
	/* What it ran before decides how a modem that tells no release any more may be upgraded. */
	ck_assert_str_ne(again.from_release, "");
	again = fixture_await(&fixture, again.id, JOB_RUNNING, "switch");
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_APPLY);
	ck_assert(fixture_modem(0)->sent_before);
	/* Nothing was sent in this one: it may be cancelled; the modem stays as it was found. */
	ck_assert(again.can_cancel);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, again.id, &again, &fault), 0);
	again = fixture_await(&fixture, again.id, JOB_CANCELLED, NULL);
	ck_assert_str_eq(again.detail, "");
}
END_TEST

static bool next_probe_spares_the_power(void)
{
	struct job_request request = fixture_request(0);
	struct job job;
	request.kind = JOB_PROBE;
	request.firmware[0] = '\0';
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &job, &fault), 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	return fixture_modem(0)->may_be_at_work;
}

START_TEST(a_modem_that_may_be_at_work_keeps_its_power_in_the_next_job)
{
	ck_assert(!next_probe_spares_the_power());
	fail_in(PHASE_APPLY, FAULT_APPLY_TIMEOUT);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_await_idle(&fixture);
	ck_assert(!fixture_modem(0)->may_be_at_work);
	fixture_modem(0)->fault = FAULT_NONE;
	ck_assert(next_probe_spares_the_power());
	fixture_advance(3600000);
	ck_assert(!next_probe_spares_the_power());
	job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	ck_assert(!next_probe_spares_the_power());
	fail_in(PHASE_CONNECT, FAULT_APPLY_TIMEOUT);
	job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	ck_assert(!next_probe_spares_the_power());
}
END_TEST

/* It is silent because it is at work: a job that finds it so changes nothing of that. */
START_TEST(a_job_that_does_not_reach_a_modem_at_work_leaves_it_its_power)
{
	fail_in(PHASE_APPLY, FAULT_APPLY_TIMEOUT);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_await_idle(&fixture);
	fail_in(PHASE_CONNECT, FAULT_MODEM_UNPOWERED);
	struct job again = retry(job.id);
	fixture_await(&fixture, again.id, JOB_FAILED, NULL);
	fixture_await_idle(&fixture);
	struct job newer = fixture_submit(&fixture, 0);
	fixture_await(&fixture, newer.id, JOB_FAILED, NULL);
	fixture_await_idle(&fixture);
	ck_assert(fixture_modem(0)->may_be_at_work);
	ck_assert_int_eq(queue_refuse_cut(fixture.gateway->queue, "modem0", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "past-point-of-no-return");
	fixture_advance(3600000);
	ck_assert_int_eq(queue_refuse_cut(fixture.gateway->queue, "modem0", &fault), 0);
}
END_TEST

START_TEST(a_cancel_waits_for_a_port_that_has_just_come_back)
{
	fail_in(PHASE_SWITCH, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &job, &fault), 0);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
	fixture_advance(500);
	job = fixture_await(&fixture, job.id, JOB_CANCELLED, NULL);
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
	ck_assert_str_eq(job.detail, "");
}
END_TEST

START_TEST(a_retry_of_what_succeeded_begins_anew)
{
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	struct job again = retry(job.id);
	fixture_await(&fixture, again.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_CONNECT);
}
END_TEST

START_TEST(a_retry_of_an_older_job_begins_anew)
{
	fail_in(PHASE_APPLY, FAULT_APPLY_FAILED);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_modem(0)->fault = FAULT_NONE;
	struct job newer = fixture_submit(&fixture, 0);
	fixture_await(&fixture, newer.id, JOB_SUCCEEDED, NULL);
	struct job again = retry(job.id);
	fixture_await(&fixture, again.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_CONNECT);
}
END_TEST

START_TEST(a_transfer_that_begins_anew_is_not_behind_the_job)
{
	struct job job = waiting_after(PHASE_RESTART);
	fail_in(PHASE_TRANSFER, FAULT_STP_NO_ANSWER);
	fixture_advance(6000);
	fixture_await(&fixture, job.id, JOB_WAITING, "transfer");
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_RESTART);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_advance(18000);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_TRANSFER);
}
END_TEST

START_TEST(what_the_engine_notes_stays_with_the_job)
{
	struct job_request request = fixture_request(0);
	struct job job;
	fixture_modem(0)->note = "the helper is not needed";
	request.allow_branch_switch = true;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	ck_assert(fixture_modem(0)->allow_branch_switch);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	job = fixture_job(&fixture, job.id);
	ck_assert_uint_eq(job.note_count, 1);
	ck_assert_str_eq(job.notes[0], "the helper is not needed");
}
END_TEST

START_TEST(every_run_has_its_beginning_and_its_end_in_the_transcript)
{
	char *text = NULL;
	fail_in(PHASE_TRANSFER, FAULT_PORT_GONE);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_advance(500);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(gateway_transcript(fixture.gateway, job.id, &text, &fault), 0);
	const char *begin = strstr(text, "# run begins at 2023-11-14T22:13:20Z: upgrade of modem0, attempt 1, interrupted 0 times before, "
					 "port lost 0 times before, furthest phase none\n");
	ck_assert_msg(begin != NULL, "%s", text);
	const char *end = strstr(begin, "# run ends: port-gone: the script says so\n");
	ck_assert_ptr_nonnull(end);
	begin =
	    strstr(end, "# run begins at 2023-11-14T22:13:20Z: upgrade of modem0, attempt 1, interrupted 0 times before, port lost 1 time "
			"before, furthest phase transfer\n");
	ck_assert_msg(begin != NULL, "%s", end);
	ck_assert_ptr_nonnull(strstr(begin, "# run ends: done\n"));
	free(text);
}
END_TEST

static const struct {
	const char *furthest;
	bool no_way_back;
	bool owes;
} mark_rows[] = {
    {"", false, false},        {"identify", false, false}, {"prepare", false, true}, {"switch", false, true}, {"helper", false, true},
    {"transfer", false, true}, {"transfer", true, false},  {"switch", true, false},  {"verify", true, false},
};

START_TEST(a_job_owes_the_way_back_as_long_as_nothing_was_sent)
{
	struct job_row row = {.no_way_back = mark_rows[_i].no_way_back};
	strcpy(row.furthest_phase, mark_rows[_i].furthest);
	ck_assert_int_eq(job_owes_way_back(&row), mark_rows[_i].owes);
	row.job.request.kind = JOB_PROBE;
	ck_assert(!job_owes_way_back(&row));
}
END_TEST

static const struct {
	const char *rung, *furthest;
	enum job_state state;
	uint32_t runs;
	bool needs;
} cycle_rows[] = {
    {"power", "", JOB_QUEUED, 0, false},        {"power", "restart", JOB_RUNNING, 1, false}, {"power", "restart", JOB_QUEUED, 1, true},
    {"power", "restart", JOB_RUNNING, 2, true}, {"power", "connect", JOB_RUNNING, 2, false}, {"reset", "", JOB_QUEUED, 0, true},
};

/* That may be what brings the port back. */
START_TEST(power_is_given_without_a_port_and_looked_at_with_one)
{
	struct job_row row = {.job = {.request.kind = JOB_POWER_CYCLE, .state = cycle_rows[_i].state}, .runs = cycle_rows[_i].runs};
	strcpy(row.job.request.rung, cycle_rows[_i].rung);
	strcpy(row.furthest_phase, cycle_rows[_i].furthest);
	ck_assert_int_eq(job_needs_port(&row), cycle_rows[_i].needs);
	row.job.request.kind = JOB_PROBE;
	ck_assert(job_needs_port(&row));
}
END_TEST

#define ADD_LOOP(test, rows) tcase_add_loop_test(tcase, test, 0, sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
	Suite *suite = suite_create("recovery");
	TCase *tcase = tcase_create("jobs");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_was_sent_stays_sent_in_all_later_states);
	ADD_LOOP(a_waiting_job_brings_its_modem_back_before_it_is_cancelled, marks);
	tcase_add_test(tcase, a_modem_that_did_not_come_back_is_told);
	tcase_add_test(tcase, a_cancelled_run_that_loses_its_port_says_what_it_leaves);
	tcase_add_test(tcase, a_waiting_job_without_its_modem_is_cancelled_at_once);
	tcase_add_test(tcase, a_modem_that_leaves_before_it_is_brought_back_is_not_waited_for);
	tcase_add_test(tcase, what_was_found_outside_is_not_brought_back);
	tcase_add_test(tcase, the_engine_is_told_what_it_must_leave_alone);
	tcase_add_test(tcase, a_port_that_went_away_costs_no_attempt);
	tcase_add_test(tcase, a_port_that_is_still_there_is_looked_at_a_moment_later);
	tcase_add_test(tcase, a_port_that_cannot_be_opened_costs_attempts);
	tcase_add_test(tcase, a_port_that_goes_away_again_and_again_comes_to_an_end);
	tcase_add_test(tcase, the_wait_for_a_port_ends_where_a_cancel_is_refused);
	tcase_add_test(tcase, every_absence_is_counted_by_itself);
	tcase_add_test(tcase, a_port_that_is_gone_when_it_is_opened_is_waited_for);
	tcase_add_test(tcase, a_job_that_can_be_cancelled_waits_for_its_port_as_long_as_it_takes);
	ADD_LOOP(what_keeps_from_the_modem_may_pass_once_something_was_sent, passing_rows);
	tcase_add_test(tcase, a_retry_goes_on_where_the_failed_job_came_to);
	tcase_add_test(tcase, a_modem_that_may_be_at_work_keeps_its_power_in_the_next_job);
	tcase_add_test(tcase, a_job_that_does_not_reach_a_modem_at_work_leaves_it_its_power);
	tcase_add_test(tcase, a_cancel_waits_for_a_port_that_has_just_come_back);
	tcase_add_test(tcase, a_retry_of_what_succeeded_begins_anew);
	tcase_add_test(tcase, a_retry_of_an_older_job_begins_anew);
	tcase_add_test(tcase, a_transfer_that_begins_anew_is_not_behind_the_job);
	tcase_add_test(tcase, what_the_engine_notes_stays_with_the_job);
	tcase_add_test(tcase, every_run_has_its_beginning_and_its_end_in_the_transcript);
	ADD_LOOP(a_job_owes_the_way_back_as_long_as_nothing_was_sent, mark_rows);
	ADD_LOOP(power_is_given_without_a_port_and_looked_at_with_one, cycle_rows);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
