/* SPDX-License-Identifier: Apache-2.0
 *
 * What keeps a job from beginning though its device is there: limits, the turns of others, maintenance; and its deadline, when that lasts too long.
 */
#include "tests/unit/gateway_fixture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/queue_private.h"
#include "tests/unit/suite_run.h"

static struct fixture fixture;

/* Each test starts it with the configuration that it needs. */
static void set_up(void)
{
	fixture_make(&fixture, FIXTURE_MODEMS);
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

static void hold(size_t number, enum upgrade_phase phase)
{
	fixture_modem(number)->gated = true;
	fixture_modem(number)->gate = phase;
}

static struct job submit_of(size_t device, const char *campaign, int64_t deadline_ms)
{
	struct job job;
	struct job_fault fault = {0};
	struct job_request request = fixture_request(device);
	snprintf(request.campaign, sizeof(request.campaign), "%s", campaign);
	request.deadline_ms = deadline_ms;
	int result = gateway_submit(fixture.gateway, &request, fixture.sha256, &job, &fault);
	ck_assert_msg(result == 0, "%s", fault.message);
	return job;
}

static void set_maintenance(const char *device, bool maintenance)
{
	struct device now;
	struct job_fault fault = {0};
	const struct device_patch patch = {.set_maintenance = true, .maintenance = maintenance};
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, device, &patch, &now, &fault), 0);
}

static struct job_row row_on_disk(const char *id)
{
	struct job_row row;
	struct job_fault fault = {0};
	ck_assert_int_eq(store_job_get(fixture.gateway->store, id, &row, &fault), 0);
	return row;
}

static void turn(void)
{
	gateway_turn(fixture.gateway);
}

static enum job_state state_of(const char *id)
{
	return fixture_job(&fixture, id).state;
}

START_TEST(a_job_whose_limit_is_reached_stays_queued_and_holds_nobody_up)
{
	fixture.config.limits[0] = (struct config_limit){.name = "racks", .max_parallel = 1, .each = "rack"};
	fixture.config.limit_count = 1;
	fixture_start(&fixture);
	hold(0, PHASE_SWITCH);
	hold(1, PHASE_SWITCH);
	struct job first = fixture_submit(&fixture, 0), second = fixture_submit(&fixture, 2), other = fixture_submit(&fixture, 1);
	fixture_await(&fixture, first.id, JOB_RUNNING, "switch");
	fixture_await(&fixture, other.id, JOB_RUNNING, "switch");
	turn();
	struct job job = fixture_job(&fixture, second.id);
	ck_assert_int_eq(job.state, JOB_QUEUED);
	ck_assert_str_eq(job.detail, "the limit racks of rack=0 is reached: 1 of 1 jobs run");
	ck_assert_str_eq(fixture_job(&fixture, other.id).detail, "");
	fixture_open_gate(0);
	fixture_await(&fixture, first.id, JOB_SUCCEEDED, NULL);
	job = fixture_await(&fixture, second.id, JOB_SUCCEEDED, NULL);
	ck_assert_str_eq(job.detail, "");
	ck_assert_int_eq(state_of(other.id), JOB_RUNNING);
	fixture_open_gate(1);
	fixture_await(&fixture, other.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(what_held_a_job_up_is_not_told_of_one_that_has_ended)
{
	fixture.config.limits[0] = (struct config_limit){.name = "all", .max_parallel = 1, .selector = "rack"};
	fixture.config.limit_count = 1;
	fixture_start(&fixture);
	hold(0, PHASE_SWITCH);
	struct job first = fixture_submit(&fixture, 0), second = fixture_submit(&fixture, 1), job;
	struct job_fault fault = {0};
	fixture_await(&fixture, first.id, JOB_RUNNING, "switch");
	turn();
	ck_assert_str_eq(fixture_job(&fixture, second.id).detail, "the limit all is reached: 1 of 1 jobs run");
	ck_assert_int_eq(gateway_cancel(fixture.gateway, second.id, &job, &fault), 0);
	ck_assert_int_eq(job.state, JOB_CANCELLED);
	ck_assert_str_eq(job.detail, "");
	ck_assert_str_eq(row_on_disk(second.id).job.detail, "");
	fixture_open_gate(0);
	fixture_await(&fixture, first.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(another_label_leads_to_another_place_at_once)
{
	fixture.config.limits[0] = (struct config_limit){.name = "racks", .max_parallel = 1, .each = "rack"};
	fixture.config.limit_count = 1;
	fixture_start(&fixture);
	hold(0, PHASE_SWITCH);
	struct job first = fixture_submit(&fixture, 0), second = fixture_submit(&fixture, 2);
	fixture_await(&fixture, first.id, JOB_RUNNING, "switch");
	turn();
	ck_assert_int_eq(state_of(second.id), JOB_QUEUED);
	struct device now;
	struct job_fault fault = {0};
	const struct device_patch patch = {.set_labels = true, .label_count = 1, .labels = {{"rack", "9"}}};
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem2", &patch, &now, &fault), 0);
	fixture_await(&fixture, second.id, JOB_SUCCEEDED, NULL);
	fixture_open_gate(0);
	fixture_await(&fixture, first.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_campaign_and_the_others_take_turns)
{
	fixture.config.max_parallel = 2;
	fixture_start(&fixture);
	for (size_t i = 0; i < FIXTURE_MODEMS; i++)
		hold(i, PHASE_SWITCH);
	const struct job big[] = {submit_of(0, "big", 0), submit_of(1, "big", 0), submit_of(2, "big", 0)};
	const struct job small = submit_of(3, "small", 0), own = fixture_submit(&fixture, 4);
	/* Two places: not the two oldest jobs, but one of each of two parties. */
	fixture_await(&fixture, big[0].id, JOB_RUNNING, "switch");
	fixture_await(&fixture, small.id, JOB_RUNNING, "switch");
	ck_assert_int_eq(state_of(big[1].id), JOB_QUEUED);
	/* The place that the big one leaves is not its own again: a party that runs nothing is there. */
	fixture_open_gate(0);
	fixture_await(&fixture, big[0].id, JOB_SUCCEEDED, NULL);
	fixture_await(&fixture, own.id, JOB_RUNNING, "switch");
	ck_assert_int_eq(state_of(big[1].id), JOB_QUEUED);
	fixture_open_gate(3);
	fixture_await(&fixture, big[1].id, JOB_RUNNING, "switch");
	fixture_open_gate(1);
	fixture_open_gate(4);
	fixture_await(&fixture, big[2].id, JOB_RUNNING, "switch");
	fixture_open_gate(2);
	fixture_await(&fixture, big[2].id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_job_waits_while_its_device_is_in_maintenance)
{
	fixture.config.max_parallel = 1;
	fixture_start(&fixture);
	hold(0, PHASE_SWITCH);
	struct job first = fixture_submit(&fixture, 0), second = fixture_submit(&fixture, 1);
	fixture_await(&fixture, first.id, JOB_RUNNING, "switch");
	ck_assert_int_eq(state_of(second.id), JOB_QUEUED);
	set_maintenance("modem1", true);
	turn();
	struct job job = fixture_job(&fixture, second.id);
	ck_assert_int_eq(job.state, JOB_WAITING);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	ck_assert_str_eq(job.detail, "the device is in maintenance");
	ck_assert_int_eq(job.waiting_since_ms, fixture_now());
	ck_assert_int_eq(row_on_disk(second.id).absent_since_ms, 0);
	fixture_open_gate(0);
	fixture_await(&fixture, first.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	ck_assert_int_eq(state_of(second.id), JOB_WAITING);
	set_maintenance("modem1", false);
	job = fixture_await(&fixture, second.id, JOB_SUCCEEDED, NULL);
	ck_assert_str_eq(job.detail, "");
}
END_TEST

START_TEST(maintenance_is_no_absence)
{
	fixture_start(&fixture);
	const char *port = fixture.config.devices[0].port;
	fixture_modem(0)->fault = FAULT_PORT_GONE;
	fixture_modem(0)->fault_phase = PHASE_TRANSFER;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	fixture_await_idle(&fixture);
	ck_assert(row_on_disk(job.id).past_return);
	ck_assert_int_eq(unlink(port), 0);
	gateway_survey_ports(fixture.gateway);
	turn();
	ck_assert_int_ne(row_on_disk(job.id).absent_since_ms, 0);
	set_maintenance("modem0", true);
	turn();
	ck_assert_int_eq(row_on_disk(job.id).absent_since_ms, 0);
	ck_assert_str_eq(fixture_job(&fixture, job.id).detail, IN_MAINTENANCE);
	fixture_advance(2 * ABSENCE_MAX_MS);
	turn();
	ck_assert_int_eq(state_of(job.id), JOB_WAITING);
	/* From now on it is absent. */
	set_maintenance("modem0", false);
	turn();
	ck_assert_int_eq(row_on_disk(job.id).absent_since_ms, fixture_now());
	ck_assert_str_ne(fixture_job(&fixture, job.id).detail, IN_MAINTENANCE);
	fixture_advance(ABSENCE_MAX_MS);
	turn();
	job = fixture_job(&fixture, job.id);
	ck_assert_int_eq(job.state, JOB_FAILED);
	ck_assert_str_eq(job.fault.kind->code, "port-gone");
}
END_TEST

START_TEST(a_waiting_job_ends_at_its_deadline)
{
	fixture_start(&fixture);
	int64_t begun_ms = fixture_now();
	ck_assert_int_eq(unlink(fixture.config.devices[0].port), 0);
	gateway_survey_ports(fixture.gateway);
	struct job job = submit_of(0, "", begun_ms + 60000);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	ck_assert_int_eq(gateway_turn(fixture.gateway), begun_ms + 60000);
	fixture_advance(59999);
	turn();
	ck_assert_int_eq(state_of(job.id), JOB_WAITING);
	fixture_advance(1);
	turn();
	job = row_on_disk(job.id).job;
	ck_assert_int_eq(job.state, JOB_FAILED);
	ck_assert_str_eq(job.fault.kind->code, "deadline-passed");
	ck_assert_str_eq(job.fault.message, "attempt 1 could not begin before the deadline of the job, 2023-11-14T22:14:20Z");
	ck_assert_str_eq(job.fault.evidence, "it waited for: device since 2023-11-14T22:13:20Z");
}
END_TEST

START_TEST(a_queued_job_ends_at_its_deadline_and_one_that_runs_does_not)
{
	fixture.config.max_parallel = 1;
	fixture_start(&fixture);
	hold(0, PHASE_SWITCH);
	int64_t deadline_ms = fixture_now() + 1000;
	struct job first = submit_of(0, "", deadline_ms), second = submit_of(1, "", deadline_ms);
	fixture_await(&fixture, first.id, JOB_RUNNING, "switch");
	ck_assert_int_eq(gateway_turn(fixture.gateway), deadline_ms);
	fixture_advance(1000);
	turn();
	second = fixture_job(&fixture, second.id);
	ck_assert_int_eq(second.state, JOB_FAILED);
	ck_assert_str_eq(second.fault.kind->code, "deadline-passed");
	ck_assert_str_eq(second.fault.evidence, "it was queued since 2023-11-14T22:13:20Z");
	ck_assert_uint_eq(fixture_modem(1)->runs, 0);
	ck_assert_int_eq(state_of(first.id), JOB_RUNNING);
	fixture_open_gate(0);
	fixture_await(&fixture, first.id, JOB_SUCCEEDED, NULL);
}
END_TEST

/* A job with a deadline in 2 s, which waits for its second attempt: that one works. */
static struct job submit_that_fails_first(enum fault_code code, enum upgrade_phase phase)
{
	fixture_modem(0)->fault = code;
	fixture_modem(0)->fault_phase = phase;
	struct job job = submit_of(0, "", fixture_now() + 2000);
	ck_assert_int_eq(fixture_await(&fixture, job.id, JOB_WAITING, NULL).waiting_for, WAIT_RETRY);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	return job;
}

START_TEST(no_other_attempt_begins_after_the_deadline)
{
	fixture_start(&fixture);
	struct job job = submit_that_fails_first(FAULT_MODEM_SILENT, PHASE_CONNECT);
	fixture_advance(2000);
	turn();
	job = fixture_job(&fixture, job.id);
	ck_assert_int_eq(job.state, JOB_FAILED);
	ck_assert_str_eq(job.fault.kind->code, "deadline-passed");
	ck_assert_str_eq(job.fault.evidence, "it waited for: retry since 2023-11-14T22:13:20Z; the attempt before ended with modem-silent");
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
}
END_TEST

START_TEST(past_its_point_of_no_return_a_job_goes_on_whatever_the_deadline)
{
	fixture_start(&fixture);
	struct job job = submit_that_fails_first(FAULT_STP_NO_ANSWER, PHASE_TRANSFER);
	ck_assert(row_on_disk(job.id).past_return);
	fixture_advance(400000);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_modem_out_of_its_application_is_not_left_there_at_the_deadline)
{
	fixture_start(&fixture);
	struct job job = submit_that_fails_first(FAULT_MODEM_SILENT, PHASE_SWITCH);
	ck_assert(!row_on_disk(job.id).past_return);
	fixture_advance(2000);
	ck_assert_int_gt(gateway_turn(fixture.gateway), fixture_now()); /* a deadline that has passed wakes nobody again and again */
	ck_assert_int_eq(state_of(job.id), JOB_WAITING);
	fixture_advance(400000);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_new_job_begins_though_only_it_is_looked_at)
{
	fixture_start(&fixture);
	hold(0, PHASE_SWITCH);
	struct job first = fixture_submit(&fixture, 0);
	fixture_await(&fixture, first.id, JOB_RUNNING, "switch");
	turn(); /* what ran has been told: nothing but the next job wakes */
	turn();
	struct job second = fixture_submit(&fixture, 1);
	turn();
	ck_assert_int_ne(state_of(second.id), JOB_QUEUED);
	fixture_open_gate(0);
	fixture_await(&fixture, second.id, JOB_SUCCEEDED, NULL);
	fixture_await(&fixture, first.id, JOB_SUCCEEDED, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue_wait");
	TCase *tests = tcase_create("wait");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_job_whose_limit_is_reached_stays_queued_and_holds_nobody_up);
	tcase_add_test(tests, what_held_a_job_up_is_not_told_of_one_that_has_ended);
	tcase_add_test(tests, another_label_leads_to_another_place_at_once);
	tcase_add_test(tests, a_campaign_and_the_others_take_turns);
	tcase_add_test(tests, a_job_waits_while_its_device_is_in_maintenance);
	tcase_add_test(tests, maintenance_is_no_absence);
	tcase_add_test(tests, a_waiting_job_ends_at_its_deadline);
	tcase_add_test(tests, a_queued_job_ends_at_its_deadline_and_one_that_runs_does_not);
	tcase_add_test(tests, no_other_attempt_begins_after_the_deadline);
	tcase_add_test(tests, past_its_point_of_no_return_a_job_goes_on_whatever_the_deadline);
	tcase_add_test(tests, a_modem_out_of_its_application_is_not_left_there_at_the_deadline);
	tcase_add_test(tests, a_new_job_begins_though_only_it_is_looked_at);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
