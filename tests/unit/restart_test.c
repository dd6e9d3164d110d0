/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/queue_private.h"
#include "tests/unit/suite_run.h"

/* The daemon that lives, and what a kill -9 of it would leave. */
static struct fixture fixture, left;

static void set_up(void)
{
	fixture_make(&fixture, 3);
	fixture_start(&fixture);
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

static struct job submit_and_hold(size_t number, enum upgrade_phase phase)
{
	fixture_modem(number)->gated = true;
	fixture_modem(number)->gate = phase;
	struct job job = fixture_submit(&fixture, number);
	return fixture_await(&fixture, job.id, JOB_RUNNING, upgrade_phase_name(phase));
}

static void set_interruptions(struct fixture *at, const char *id, unsigned count)
{
	struct job_row row;
	struct job_fault fault = {0};
	struct store *store = NULL;
	ck_assert_int_eq(store_open(at->config.state_dir, &fault, &store), 0);
	ck_assert_int_eq(store_job_get(store, id, &row, &fault), 0);
	row.job.interruptions = count;
	ck_assert_int_eq(store_job_update(store, &row, &fault), 0);
	store_close(store);
}

START_TEST(what_ran_when_the_daemon_died_is_queued_again)
{
	struct gateway_counts counts;
	struct job running = submit_and_hold(0, PHASE_APPLY);
	struct job_request request = fixture_request(1);
	struct job_fault fault = {0};
	struct job waiting;
	request.not_before_ms = FIXTURE_START_MS + 1000;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &waiting, &fault), 0);
	fixture_copy(&fixture, &left);
	fixture_start(&left);

	struct job job = fixture_job(&left, running.id);
	ck_assert_int_eq(job.state, JOB_QUEUED);
	ck_assert_uint_eq(job.interruptions, 1);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_str_eq(job.phase, "apply");
	ck_assert_str_eq(job.from_release, "LR5.1.1.0-38638");
	ck_assert(!job.can_cancel);
	ck_assert_int_eq(fixture_job(&left, waiting.id).state, JOB_WAITING);
	ck_assert_uint_eq(fixture_job(&left, waiting.id).interruptions, 0);
	gateway_counts(left.gateway, &counts);
	ck_assert_uint_eq(counts.queued, 1);
	ck_assert_uint_eq(counts.waiting, 1);

	/* It still holds its firmware and its device, and is carried to its end from where it was. */
	ck_assert_int_eq(gateway_remove_firmware(left.gateway, "test.dup", &fault), -EPROTO);
	request = fixture_request(0);
	ck_assert_int_eq(gateway_submit(left.gateway, &request, "test.dup", &waiting, &fault), -EPROTO);
	ck_assert_str_eq(fault.job, running.id);
	fixture_open_gate(0);
	fixture_await(&fixture, running.id, JOB_SUCCEEDED, NULL);
	fixture_open_gate(0);
	job = fixture_await(&left, running.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_APPLY);
	ck_assert_str_eq(fixture_modem(0)->expected_imei, "355000000000000");
	ck_assert_str_eq(job.from_release, "LR5.1.1.0-38638");
	ck_assert_uint_eq(job.interruptions, 1);
	fixture_clear(&left);
}
END_TEST

static const struct {
	unsigned before;
	enum job_state after;
} interruption_rows[] = {{3, JOB_QUEUED}, {4, JOB_FAILED}};

/* The bundle went out whole in the run that died; the next one only looks. */
START_TEST(a_job_that_ends_well_is_at_100_percent)
{
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_TRANSFER;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await_point_of_no_return(&fixture, job.id);
	ck_assert_double_eq(fixture_job(&fixture, job.id).progress.percent, 0.0);
	fixture_copy(&fixture, &left);
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_modem(0)->gated = false;
	fixture_modem(0)->sends_nothing = true;
	fixture_start(&left);
	job = fixture_await(&left, job.id, JOB_SUCCEEDED, NULL);
	ck_assert(job.progress.known);
	ck_assert_double_eq(job.progress.percent, 100.0);
	ck_assert_uint_eq(job.progress.bytes_total, 35);
	ck_assert_uint_eq(job.progress.bytes_done, 35);
	fixture_clear(&left);
}
END_TEST

START_TEST(a_job_is_not_taken_up_for_ever)
{
	struct job running = submit_and_hold(0, PHASE_SWITCH);
	fixture_copy(&fixture, &left);
	set_interruptions(&left, running.id, interruption_rows[_i].before);
	fixture_start(&left);
	struct job job = fixture_job(&left, running.id);
	ck_assert_int_eq(job.state, interruption_rows[_i].after);
	ck_assert_uint_eq(job.interruptions, interruption_rows[_i].before + 1);
	if (job.state == JOB_FAILED) {
		ck_assert_str_eq(job.fault.kind->code, "interrupted");
		ck_assert_ptr_nonnull(strstr(job.fault.message, "switch"));
	}
	fixture_clear(&left);
}
END_TEST

/* The modem is out of its application: a run brings it back before the job is let go. */
START_TEST(a_cancel_that_was_accepted_holds_over_a_crash)
{
	struct job cancelled;
	struct job_fault fault = {0};
	fixture_modem(0)->deaf = true;
	struct job running = submit_and_hold(0, PHASE_SWITCH);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, running.id, &cancelled, &fault), 0);
	ck_assert_int_eq(cancelled.state, JOB_RUNNING);
	ck_assert(!cancelled.can_cancel);
	fixture_copy(&fixture, &left);
	fixture_open_gate(0);
	fixture_await(&fixture, running.id, JOB_CANCELLED, NULL);
	fixture_modem(0)->gated = false;
	fixture_start(&left);
	struct job job = fixture_job(&left, running.id);
	ck_assert_int_eq(job.state, JOB_QUEUED);
	ck_assert(!job.can_cancel);
	ck_assert_str_eq(job.detail, "cancelled: the modem is brought back to its application");
	job = fixture_await(&left, running.id, JOB_CANCELLED, NULL);
	ck_assert_ptr_null(job.fault.kind);
	ck_assert_uint_eq(job.interruptions, 1);
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_SWITCH);
	ck_assert_int_eq(fixture_modem(0)->reached, PHASE_IDENTIFY);
	fixture_clear(&left);
}
END_TEST

/* The run that took the modem out of its application is gone, and was told nothing of a cancel. */
START_TEST(a_cancel_after_a_crash_brings_the_modem_back)
{
	struct job job;
	struct job_fault fault = {0};
	struct job running = submit_and_hold(0, PHASE_SWITCH);
	fixture_copy(&fixture, &left);
	fixture_open_gate(0);
	fixture_await(&fixture, running.id, JOB_SUCCEEDED, NULL);
	fixture_modem(0)->gated = false;
	fixture_start(&left);
	ck_assert_int_eq(gateway_cancel(left.gateway, running.id, &job, &fault), 0);
	ck_assert_int_eq(job.state, JOB_QUEUED);
	ck_assert_str_eq(job.detail, "cancelled: the modem is brought back to its application");
	fixture_await(&left, running.id, JOB_CANCELLED, "identify");
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_SWITCH);
	ck_assert_int_eq(fixture_modem(0)->reached, PHASE_IDENTIFY);
	fixture_clear(&left);
}
END_TEST

START_TEST(a_cancelled_job_is_not_brought_back_for_ever)
{
	struct job cancelled;
	struct job_fault fault = {0};
	fixture_modem(0)->deaf = true;
	struct job running = submit_and_hold(0, PHASE_SWITCH);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, running.id, &cancelled, &fault), 0);
	fixture_copy(&fixture, &left);
	set_interruptions(&left, running.id, 4);
	fixture_start(&left);
	struct job job = fixture_job(&left, running.id);
	ck_assert_int_eq(job.state, JOB_CANCELLED);
	ck_assert_ptr_nonnull(strstr(job.detail, "outside its application"));
	fixture_clear(&left);
	fixture_open_gate(0);
	fixture_await(&fixture, running.id, JOB_CANCELLED, NULL);
}
END_TEST

/* Nothing was done to the modem yet. */
START_TEST(a_cancel_in_connect_needs_no_run_after_a_crash)
{
	struct job cancelled;
	struct job_fault fault = {0};
	fixture_modem(0)->deaf = true;
	struct job running = submit_and_hold(0, PHASE_CONNECT);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, running.id, &cancelled, &fault), 0);
	fixture_copy(&fixture, &left);
	fixture_start(&left);
	ck_assert_int_eq(fixture_job(&left, running.id).state, JOB_CANCELLED);
	fixture_clear(&left);
	fixture_open_gate(0);
	fixture_await(&fixture, running.id, JOB_CANCELLED, NULL);
}
END_TEST

START_TEST(what_was_sent_is_known_after_a_crash)
{
	struct job refused;
	struct job_fault fault = {0};
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_TRANSFER;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await_point_of_no_return(&fixture, job.id);
	fixture_copy(&fixture, &left);
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_modem(0)->gate = PHASE_CONNECT;
	fixture_start(&left);
	ck_assert(!fixture_job(&left, job.id).can_cancel);
	ck_assert_int_eq(gateway_cancel(left.gateway, job.id, &refused, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "past-point-of-no-return");
	fixture_await(&left, job.id, JOB_RUNNING, "connect");
	ck_assert(!fixture_job(&left, job.id).can_cancel);
	ck_assert_int_eq(gateway_cancel(left.gateway, job.id, &refused, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "past-point-of-no-return");
	ck_assert_ptr_nonnull(strstr(fault.message, "running"));
	fixture_open_gate(0);
	fixture_await(&left, job.id, JOB_SUCCEEDED, NULL);
	fixture_clear(&left);
}
END_TEST

/* A run that has not sent anything itself may be stopped, though the job as a whole may not be cancelled. */
START_TEST(a_stop_puts_back_a_run_that_looks_for_its_modem)
{
	fixture_modem(0)->fault = FAULT_TRANSFER_STALLED;
	fixture_modem(0)->fault_phase = PHASE_APPLY;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	fixture_await_idle(&fixture);
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_CONNECT;
	fixture_advance(6000);
	fixture_await(&fixture, job.id, JOB_RUNNING, "connect");
	gateway_stop(fixture.gateway);
	job = fixture_await(&fixture, job.id, JOB_QUEUED, NULL);
	ck_assert(!job.can_cancel);
	ck_assert_uint_eq(job.attempt, 2);
	fixture_await_idle(&fixture);
}
END_TEST

START_TEST(the_last_good_rate_and_boot_mode_outlive_the_daemon)
{
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(fixture_modem(0)->last_rate_bps, 0);
	ck_assert_int_eq(fixture_modem(0)->last_boot_mode, BOOT_MODE_UNKNOWN);
	fixture_await_idle(&fixture);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(fixture_modem(0)->last_rate_bps, 921600);
	ck_assert_int_eq(fixture_modem(0)->last_boot_mode, BOOT_MODE_FFF);
}
END_TEST

START_TEST(a_boot_mode_that_the_board_refutes_is_forgotten)
{
	struct job_fault fault;
	struct device device;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_BOARD_NO_BRIDGE;
	job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_await_idle(&fixture);
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem0", &device, &fault), 0);
	ck_assert_int_eq(device.modem.boot_mode, BOOT_MODE_FFF);
	fixture_modem(0)->boot_mode_refuted = true;
	job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_int_eq(fixture_modem(0)->last_boot_mode, BOOT_MODE_FFF);
	fixture_await_idle(&fixture);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_int_eq(fixture_modem(0)->last_boot_mode, BOOT_MODE_UNKNOWN);
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem0", &device, &fault), 0);
	ck_assert_str_eq(device.modem.boot_mode_name, "");
}
END_TEST

START_TEST(a_firmware_that_vanished_fails_its_job)
{
	char objects[300], command[400];
	struct job running = submit_and_hold(0, PHASE_SWITCH);
	fixture_copy(&fixture, &left);
	snprintf(objects, sizeof(objects), "%s/cache", left.directory);
	snprintf(command, sizeof(command), "rm -rf %s", objects);
	ck_assert_int_eq(system(command), 0);
	fixture_start(&left);
	struct job job = fixture_job(&left, running.id);
	ck_assert_int_eq(job.state, JOB_FAILED);
	ck_assert_str_eq(job.fault.kind->code, "not-found");
	fixture_clear(&left);
}
END_TEST

START_TEST(a_device_that_is_configured_no_more_fails_its_job)
{
	struct job running = submit_and_hold(2, PHASE_SWITCH);
	fixture_copy(&fixture, &left);
	left.config.device_count = 2;
	fixture_start(&left);
	struct job job = fixture_job(&left, running.id);
	ck_assert_int_eq(job.state, JOB_FAILED);
	ck_assert_str_eq(job.fault.kind->code, "not-found");
	ck_assert_ptr_nonnull(strstr(job.fault.message, "modem2"));
	fixture_clear(&left);
}
END_TEST

/* A job that never came to hold its firmware must not let go of it for another one. */
START_TEST(a_job_without_ground_lets_go_of_nothing)
{
	struct job_fault fault = {0};
	struct job running = submit_and_hold(0, PHASE_SWITCH);
	struct job lost = submit_and_hold(2, PHASE_SWITCH);
	fixture_copy(&fixture, &left);
	left.config.device_count = 2;
	fixture_start(&left);
	ck_assert_int_eq(fixture_job(&left, lost.id).state, JOB_FAILED);
	ck_assert_int_eq(fixture_job(&left, running.id).state, JOB_QUEUED);
	ck_assert_int_eq(gateway_remove_firmware(left.gateway, "test.dup", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	fixture_clear(&left);
}
END_TEST

START_TEST(the_ordered_stop_puts_back_what_can_be_put_back)
{
	char why[64];
	struct job before = submit_and_hold(0, PHASE_SWITCH);
	struct job after = submit_and_hold(1, PHASE_APPLY);
	struct job queued = fixture_submit(&fixture, 2);
	gateway_stop(fixture.gateway);
	ck_assert(!gateway_ready(fixture.gateway, why, sizeof(why)));
	fixture_await(&fixture, before.id, JOB_QUEUED, NULL);
	ck_assert_int_eq(fixture_job(&fixture, after.id).state, JOB_RUNNING);
	fixture_open_gate(1);
	fixture_await(&fixture, after.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	ck_assert_uint_eq(fixture_modem(2)->runs, 0);
	fixture_stop(&fixture);

	fixture_modem(0)->gated = false;
	fixture_start(&fixture);
	struct job job = fixture_job(&fixture, before.id);
	ck_assert_int_eq(job.state, JOB_QUEUED);
	ck_assert_uint_eq(job.interruptions, 0);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert(job.can_cancel);
	fixture_await(&fixture, before.id, JOB_SUCCEEDED, NULL);
	fixture_await(&fixture, queued.id, JOB_SUCCEEDED, NULL);
}
END_TEST

/* The modem did not come back in time while the stop took it out of its job: that is the stop's doing, not a failed attempt. */
START_TEST(a_stop_costs_no_attempt)
{
	fixture_modem(0)->deaf = true;
	fixture_modem(0)->fault = FAULT_PORT_GONE;
	fixture_modem(0)->fault_phase = PHASE_SWITCH;
	struct job job = submit_and_hold(0, PHASE_SWITCH);
	gateway_stop(fixture.gateway);
	fixture_open_gate(0);
	job = fixture_await(&fixture, job.id, JOB_QUEUED, NULL);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_ptr_null(job.fault.kind);
}
END_TEST

START_TEST(ids_sort_after_those_of_an_earlier_run_even_when_the_clock_steps_back)
{
	struct job first = fixture_submit(&fixture, 0);
	fixture_stop(&fixture);
	fixture_advance(-86400000);
	fixture_start(&fixture);
	struct job second = fixture_submit(&fixture, 1);
	ck_assert_int_lt(strcmp(first.id, second.id), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restart");
	TCase *tcase = tcase_create("restart");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_ran_when_the_daemon_died_is_queued_again);
	tcase_add_test(tcase, a_job_that_ends_well_is_at_100_percent);
	tcase_add_loop_test(tcase, a_job_is_not_taken_up_for_ever, 0, sizeof(interruption_rows) / sizeof(interruption_rows[0]));
	tcase_add_test(tcase, a_cancel_that_was_accepted_holds_over_a_crash);
	tcase_add_test(tcase, a_cancel_after_a_crash_brings_the_modem_back);
	tcase_add_test(tcase, a_cancelled_job_is_not_brought_back_for_ever);
	tcase_add_test(tcase, a_cancel_in_connect_needs_no_run_after_a_crash);
	tcase_add_test(tcase, what_was_sent_is_known_after_a_crash);
	tcase_add_test(tcase, a_stop_puts_back_a_run_that_looks_for_its_modem);
	tcase_add_test(tcase, the_last_good_rate_and_boot_mode_outlive_the_daemon);
	tcase_add_test(tcase, a_boot_mode_that_the_board_refutes_is_forgotten);
	tcase_add_test(tcase, a_firmware_that_vanished_fails_its_job);
	tcase_add_test(tcase, a_device_that_is_configured_no_more_fails_its_job);
	tcase_add_test(tcase, a_job_without_ground_lets_go_of_nothing);
	tcase_add_test(tcase, the_ordered_stop_puts_back_what_can_be_put_back);
	tcase_add_test(tcase, a_stop_costs_no_attempt);
	tcase_add_test(tcase, ids_sort_after_those_of_an_earlier_run_even_when_the_clock_steps_back);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
