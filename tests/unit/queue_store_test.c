/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/one_gateway.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/state_sql.h"
#include "tests/unit/suite_run.h"

/* A disk that says no at a chosen moment: a trigger that refuses one change of a job. */

static void set_up(void)
{
	one_gateway_start(1);
}

#define REFUSE(condition)                                                                                                                  \
	state_sql(fixture.config.state_dir,                                                                                                \
		  "CREATE TRIGGER refuse BEFORE UPDATE ON jobs WHEN " condition " BEGIN SELECT RAISE(ABORT, 'the disk says no'); END")

static void allow(void)
{
	state_sql(fixture.config.state_dir, "DROP TRIGGER refuse");
}

START_TEST(an_end_that_cannot_be_stored_is_stored_later)
{
	char why[300];
	REFUSE("new.state = 'succeeded'");
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "verify");
	fixture_await_idle(&fixture);
	/* Not on the disk, so not to be seen; not lost either, and the device stays its own. */
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_RUNNING);
	ck_assert(!gateway_ready(fixture.gateway, why, sizeof(why)));
	ck_assert_ptr_nonnull(strstr(why, "the disk says no"));
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + 1000);
	allow();
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_SUCCEEDED);
	ck_assert(gateway_ready(fixture.gateway, why, sizeof(why)));
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
}
END_TEST

START_TEST(a_start_that_cannot_be_stored_is_no_start)
{
	REFUSE("new.state = 'running'");
	struct job job = fixture_submit(&fixture, 0);
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + 1000);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_QUEUED);
	ck_assert_uint_eq(gateway_threads(fixture.gateway), 0);
	ck_assert_uint_eq(fixture_modem(0)->runs, 0);
	allow();
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

static const struct {
	const char *phase, *seen_phase;
} phases[] = {{"switch", "prepare"}, {"transfer", "switch"}};

START_TEST(a_phase_that_cannot_be_stored_is_not_begun)
{
	char sql[200];
	snprintf(sql, sizeof(sql),
		 "CREATE TRIGGER refuse BEFORE UPDATE ON jobs WHEN new.phase = '%s' BEGIN SELECT RAISE(ABORT, 'the disk says no'); END",
		 phases[_i].phase);
	state_sql(fixture.config.state_dir, sql);
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, phases[_i].seen_phase);
	ck_assert_str_eq(job.fault.kind->code, "infrastructure-error");
	ck_assert_ptr_nonnull(strstr(job.fault.message, "the disk says no"));
	ck_assert_int_eq(job.waiting_for, WAIT_RETRY);
}
END_TEST

/* Stopping there would leave the modem without a firmware; that the disk says no is told, and stored with the next change. */
START_TEST(a_phase_after_the_point_of_no_return_goes_on_without_the_disk)
{
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_APPLY;
	REFUSE("new.phase = 'apply'");
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_RUNNING, "apply");
	ck_assert_uint_eq(job.note_count, 1);
	ck_assert_ptr_nonnull(strstr(job.notes[0], "apply could not be stored"));
	allow();
	fixture_open_gate(0);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, "verify");
	ck_assert_uint_eq(job.note_count, 1);
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
}
END_TEST

START_TEST(a_refusal_that_was_passed_over_does_not_hide_the_fault)
{
	fixture_modem(0)->fault = FAULT_APPLY_FAILED;
	fixture_modem(0)->fault_phase = PHASE_RESTART;
	REFUSE("new.phase = 'apply'");
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_str_eq(job.fault.kind->code, "apply-failed");
	ck_assert_str_eq(job.fault.message, "the script says so");
}
END_TEST

/* That it was passed is on the disk since the first attempt. */
START_TEST(a_later_attempt_passes_the_point_of_no_return_without_the_disk)
{
	fixture_modem(0)->fault = FAULT_TRANSFER_STALLED;
	fixture_modem(0)->fault_phase = PHASE_TRANSFER;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_advance(6000);
	REFUSE("new.phase = 'transfer' AND old.phase = 'switch'");
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(job.attempt, 2);
}
END_TEST

START_TEST(a_note_that_cannot_be_stored_is_shown_all_the_same)
{
	fixture_modem(0)->note = "the helper is not needed";
	REFUSE("new.notes <> '' AND new.phase = 'prepare'");
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(job.note_count, 1);
	ck_assert_str_eq(job.notes[0], "the helper is not needed");
}
END_TEST

START_TEST(a_point_of_no_return_that_cannot_be_stored_is_not_passed)
{
	REFUSE("new.phase = 'transfer' AND new.can_cancel = 0");
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, "transfer");
	ck_assert_str_eq(job.fault.kind->code, "infrastructure-error");
	ck_assert(job.can_cancel);
}
END_TEST

START_TEST(a_cancel_that_cannot_be_stored_is_not_accepted)
{
	struct job cancelled;
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_SWITCH;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "switch");
	REFUSE("new.cancel_requested");
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "infrastructure-error");
	ck_assert(fixture_job(&fixture, job.id).can_cancel);
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue and store");
	TCase *tcase = tcase_create("a disk that says no");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, one_gateway_clear);
	tcase_add_test(tcase, an_end_that_cannot_be_stored_is_stored_later);
	tcase_add_test(tcase, a_start_that_cannot_be_stored_is_no_start);
	tcase_add_loop_test(tcase, a_phase_that_cannot_be_stored_is_not_begun, 0, sizeof(phases) / sizeof(phases[0]));
	tcase_add_test(tcase, a_phase_after_the_point_of_no_return_goes_on_without_the_disk);
	tcase_add_test(tcase, a_refusal_that_was_passed_over_does_not_hide_the_fault);
	tcase_add_test(tcase, a_later_attempt_passes_the_point_of_no_return_without_the_disk);
	tcase_add_test(tcase, a_note_that_cannot_be_stored_is_shown_all_the_same);
	tcase_add_test(tcase, a_point_of_no_return_that_cannot_be_stored_is_not_passed);
	tcase_add_test(tcase, a_cancel_that_cannot_be_stored_is_not_accepted);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
