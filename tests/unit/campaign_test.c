/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/campaign_case.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/one_gateway.h"
#include "tests/unit/suite_run.h"

/* The course of a campaign: who is in it, whose turn it is, what it waits for. Clock and modems stand until the test moves them. */

#define DEVICES   4u
#define SECOND_MS INT64_C(1000)
#define HOUR_MS   INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)
#define DAY_MS    INT64_C(86400000)
#define NEW       "LR5.1.1.0-39529"

static void set_up(void)
{
	one_gateway_start(DEVICES);
}

static void set_rack(size_t device, const char *rack)
{
	struct device changed;
	struct device_patch patch = {.set_labels = true, .label_count = 1, .labels = {{.key = "rack"}}};
	strcpy(patch.labels[0].value, rack);
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, fixture.config.devices[device].id, &patch, &changed, &fault), 0);
}

static unsigned count_jobs(const char *campaign)
{
	struct job_filter filter = {.limit = 100};
	struct job *jobs = NULL;
	size_t count = 0;
	char next[JOB_ID_SIZE];
	strcpy(filter.campaign, campaign);
	ck_assert_int_eq(gateway_jobs(fixture.gateway, &filter, &jobs, &count, next, &fault), 0);
	free(jobs);
	return (unsigned)count;
}

static void check_reason(const char *campaign, size_t device, const char *reason)
{
	struct campaign_member member = case_member(&fixture, campaign, device);
	ck_assert_str_eq(member.reason, reason);
}

START_TEST(waves_follow_one_another_when_they_are_approved)
{
	const struct campaign_order order = {.pause_after_wave = true,
					     .wave_count = 3,
					     .waves = {{.kind = WAVE_COUNT, .number = 1},
						       {.kind = WAVE_PERCENT, .number = 25},
						       {.kind = WAVE_SELECTOR, .selector = "rack=1"}}};
	struct campaign campaign = case_create(&fixture, &order);
	ck_assert_int_eq(campaign.state, CAMPAIGN_DRAFT);
	case_settle(&fixture);
	ck_assert_uint_eq(fixture_modem(0)->runs, 0);
	case_direct(&fixture, campaign.id, CAMPAIGN_START);
	struct campaign now = case_await(&fixture, campaign.id, CAMPAIGN_WAITING);
	case_settle(&fixture);
	ck_assert_str_eq(now.reason, "wave 1 of 3 is done: approve the next one");
	ck_assert_int_eq(now.order.waves[0].state, WAVE_DONE);
	ck_assert_int_eq(now.order.waves[1].state, WAVE_PENDING);
	case_await_states(&fixture, campaign.id, "sqkq");
	check_reason(campaign.id, 2, "it is in no wave");
	case_direct(&fixture, campaign.id, CAMPAIGN_APPROVE);
	case_await(&fixture, campaign.id, CAMPAIGN_WAITING);
	case_await_states(&fixture, campaign.id, "sskq");
	ck_assert_uint_eq(case_now(&fixture, campaign.id).wave, 1);
	case_direct(&fixture, campaign.id, CAMPAIGN_APPROVE);
	now = case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_str_eq(now.reason, "3 succeeded, 1 skipped");
}
END_TEST

START_TEST(members_are_those_of_the_start)
{
	const struct campaign_order order = {.selector = "rack=0", .max_parallel = 1};
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &order);
	case_await_states(&fixture, campaign.id, "rq");
	set_rack(1, "0");
	set_rack(2, "9");
	case_settle_turns(&fixture);
	fixture_open_gate(0);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_await_states(&fixture, campaign.id, "ss");
	ck_assert_uint_eq(fixture_modem(2)->runs, 1);
	ck_assert_uint_eq(fixture_modem(1)->runs, 0);
}
END_TEST

START_TEST(a_device_that_is_gone_after_a_restart_is_skipped)
{
	const struct campaign_order order = {.max_parallel = 1};
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &order);
	case_await_states(&fixture, campaign.id, "rqqq");
	fixture_stop(&fixture);
	case_hold(0, false);
	fixture.config.device_count = DEVICES - 1;
	fixture_start(&fixture);
	struct campaign now = case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_await_states(&fixture, campaign.id, "sssk");
	ck_assert_str_eq(now.reason, "3 succeeded, 1 skipped");
	check_reason(campaign.id, 3, "there is no such device any more");
}
END_TEST

START_TEST(so_many_run_at_a_time)
{
	const struct campaign_order order = {.max_parallel = 2};
	for (size_t i = 0; i < DEVICES; i++)
		case_hold(i, true);
	struct campaign campaign = case_run(&fixture, &order);
	case_await_states(&fixture, campaign.id, "rrqq");
	case_settle_turns(&fixture);
	ck_assert_uint_eq(count_jobs(campaign.id), 2);
	fixture_open_gate(1);
	case_await_states(&fixture, campaign.id, "rsrq");
	case_settle_turns(&fixture);
	ck_assert_uint_eq(count_jobs(campaign.id), 3);
	for (size_t i = 0; i < DEVICES; i++)
		fixture_open_gate(i);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_uint_eq(count_jobs(campaign.id), 4);
}
END_TEST

START_TEST(what_waits_for_its_device_takes_no_place)
{
	const struct campaign_order order = {.max_parallel = 1};
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &order);
	case_await_states(&fixture, campaign.id, "rqqq");
	/* It goes away with its job: the job waits, and another one has the place. */
	fixture_modem(0)->fault = FAULT_PORT_GONE;
	fixture_modem(0)->fault_phase = PHASE_CONNECT;
	case_unplug(&fixture, 0);
	fixture_open_gate(0);
	case_await_states(&fixture, campaign.id, "wsss");
	ck_assert_str_ne(case_member(&fixture, campaign.id, 0).reason, "");
	ck_assert_int_eq(case_now(&fixture, campaign.id).state, CAMPAIGN_RUNNING);
	fixture_modem(0)->fault = FAULT_NONE;
	case_hold(0, false);
	case_plug(&fixture, 0);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_await_states(&fixture, campaign.id, "ssss");
}
END_TEST

static const struct {
	enum campaign_offline offline;
	const char *states, *end;
} absences[] = {
    {OFFLINE_WAIT, "wsss", "4 succeeded"},
    {OFFLINE_SKIP, "ksss", "3 succeeded, 1 skipped"},
    {OFFLINE_FAIL, "fsss", "3 succeeded, 1 failed"},
};

START_TEST(an_absent_device_is_dealt_with)
{
	const struct campaign_order order = {.offline = absences[_i].offline, .max_parallel = 1};
	case_unplug(&fixture, 0);
	struct campaign campaign = case_run(&fixture, &order);
	case_await_states(&fixture, campaign.id, absences[_i].states);
	struct campaign_member member = case_member(&fixture, campaign.id, 0);
	ck_assert_ptr_nonnull(strstr(member.reason, "the device modem0 is absent"));
	ck_assert_str_eq(member.job, "");
	ck_assert_int_eq(member.fault != NULL, absences[_i].offline == OFFLINE_FAIL);
	if (member.fault != NULL)
		ck_assert_str_eq(member.fault->code, "port-gone");
	if (absences[_i].offline == OFFLINE_WAIT)
		ck_assert_int_eq(case_now(&fixture, campaign.id).state, CAMPAIGN_RUNNING);
	case_plug(&fixture, 0);
	struct campaign now = case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_str_eq(now.reason, absences[_i].end);
	ck_assert_uint_eq(fixture_modem(0)->runs, absences[_i].offline == OFFLINE_WAIT);
}
END_TEST

START_TEST(a_release_that_is_there_counts_as_done)
{
	struct campaign first = case_run(&fixture, &(struct campaign_order){.selector = "rack=0"});
	case_await(&fixture, first.id, CAMPAIGN_FINISHED);
	struct campaign second = case_run(&fixture, &(struct campaign_order){0});
	struct campaign now = case_await(&fixture, second.id, CAMPAIGN_FINISHED);
	ck_assert_str_eq(now.reason, "4 succeeded");
	struct campaign_member member = case_member(&fixture, second.id, 0);
	ck_assert_str_eq(member.reason, "it has " NEW " already");
	ck_assert_str_eq(member.job, "");
	ck_assert_str_eq(member.to_release, NEW);
	ck_assert_uint_eq(count_jobs(second.id), 2);
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
	/* Unless it is to be done all the same. */
	struct campaign third = case_run(&fixture, &(struct campaign_order){.request.force = true, .selector = "id=modem0"});
	case_await(&fixture, third.id, CAMPAIGN_FINISHED);
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
}
END_TEST

START_TEST(a_leased_device_is_waited_for)
{
	struct lease_grant grant;
	const struct lease_order lease = {.holder = "alice", .reason = "", .ttl_s = 3600};
	ck_assert_int_eq(gateway_grant_lease(fixture.gateway, "modem1", &lease, &grant, &fault), 0);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.max_parallel = 1});
	case_await_states(&fixture, campaign.id, "swss");
	ck_assert_ptr_nonnull(strstr(case_member(&fixture, campaign.id, 1).reason, "the device modem1 is leased by alice until "));
	case_settle(&fixture);
	fixture_advance(HOUR_MS);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_uint_eq(fixture_modem(1)->runs, 1);
}
END_TEST

START_TEST(who_still_waits_at_the_deadline_has_failed)
{
	struct lease_grant grant;
	const struct lease_order lease = {.holder = "alice", .reason = "", .ttl_s = 3600};
	const struct campaign_order order = {.max_parallel = 1, .request.deadline_ms = fixture_now() + MINUTE_MS};
	ck_assert_int_eq(gateway_grant_lease(fixture.gateway, "modem1", &lease, &grant, &fault), 0);
	struct campaign campaign = case_run(&fixture, &order);
	case_await_states(&fixture, campaign.id, "swss");
	fixture_advance(1000); /* all is told by then */
	case_settle(&fixture);
	ck_assert_int_eq(gateway_turn(fixture.gateway), order.request.deadline_ms);
	fixture_advance(MINUTE_MS);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "3 succeeded, 1 failed");
	struct campaign_member member = case_member(&fixture, campaign.id, 1);
	ck_assert_str_eq(member.fault->code, "deadline-passed");
	ck_assert_str_eq(member.fault_message,
			 "no job of the device modem1 could begin before the deadline of the campaign, 2023-11-14T22:14:20Z");
	ck_assert_ptr_nonnull(strstr(member.fault_evidence, "the device modem1 is leased by alice until "));
	/* Tried once more it has no deadline, as a job, also after a restart. */
	ck_assert_int_eq(case_direct(&fixture, campaign.id, CAMPAIGN_RETRY).order.request.deadline_ms, 0);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	ck_assert_int_eq(case_now(&fixture, campaign.id).order.request.deadline_ms, 0);
	case_await_states(&fixture, campaign.id, "swss");
	fixture_advance(HOUR_MS);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_uint_eq(fixture_modem(1)->runs, 1);
}
END_TEST

START_TEST(a_draft_whose_deadline_has_passed_is_not_started)
{
	const struct campaign_order order = {.request.deadline_ms = fixture_now() + MINUTE_MS};
	struct campaign campaign = case_create(&fixture, &order);
	fixture_advance(MINUTE_MS);
	fault = case_refused(&fixture, campaign.id, CAMPAIGN_START);
	ck_assert_str_eq(fault.kind->code, "deadline-passed");
	ck_assert_ptr_nonnull(strstr(fault.message, " cannot be started: its deadline, 2023-11-14T22:14:20Z, has passed"));
	ck_assert_ptr_nonnull(strstr(fault.remedy, "later deadline"));
	ck_assert_ptr_nonnull(strstr(fault.remedy, campaign.id));
	ck_assert_int_eq(case_now(&fixture, campaign.id).state, CAMPAIGN_DRAFT);
	ck_assert_int_eq(gateway_remove_campaign(fixture.gateway, campaign.id, &fault), 0);
}
END_TEST

START_TEST(the_end_of_maintenance_is_waited_for)
{
	case_set_maintenance(&fixture, 0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){0});
	case_await_states(&fixture, campaign.id, "wsss");
	ck_assert_str_eq(case_member(&fixture, campaign.id, 0).reason, "the device modem0 is in maintenance");
	case_set_maintenance(&fixture, 0, false);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "4 succeeded");
}
END_TEST

START_TEST(maintenance_fails_a_device_that_must_be_there)
{
	case_set_maintenance(&fixture, 0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.offline = OFFLINE_FAIL});
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "3 succeeded, 1 failed");
	struct campaign_member member = case_member(&fixture, campaign.id, 0);
	ck_assert_str_eq(member.fault->code, "device-busy");
	ck_assert_str_eq(member.fault_message, "the device modem0 is in maintenance");
}
END_TEST

START_TEST(who_is_not_to_be_waited_for_is_skipped)
{
	case_set_maintenance(&fixture, 0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.offline = OFFLINE_SKIP});
	struct campaign now = case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_str_eq(now.reason, "3 succeeded, 1 skipped");
	ck_assert_ptr_nonnull(strstr(case_member(&fixture, campaign.id, 0).reason, "the device modem0 is in maintenance"));
}
END_TEST

START_TEST(a_quarantined_device_is_skipped_unless_it_is_forced)
{
	fixture_stop(&fixture);
	fixture.config.health.quarantine_after = 1;
	fixture_start(&fixture);
	case_break(0, true);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	case_break(0, false);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.selector = "id=modem0"});
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_ptr_nonnull(strstr(case_member(&fixture, campaign.id, 0).reason, "the device modem0 is quarantined"));
	campaign = case_run(&fixture, &(struct campaign_order){.selector = "id=modem0", .request.force = true});
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "1 succeeded");
}
END_TEST

START_TEST(a_busy_device_is_waited_for)
{
	case_hold(0, true);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "connect");
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.request.force = true});
	case_await_states(&fixture, campaign.id, "wsss");
	char reason[200];
	snprintf(reason, sizeof(reason), "the device modem0 has the job %s", job.id);
	check_reason(campaign.id, 0, reason);
	case_hold(0, false);
	fixture_open_gate(0);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
}
END_TEST

START_TEST(two_campaigns_share_a_device_one_after_the_other)
{
	const struct campaign_order order = {.request.force = true, .selector = "id=modem0"};
	case_hold(0, true);
	struct campaign one = case_run(&fixture, &order), two = case_run(&fixture, &order);
	case_await_states(&fixture, one.id, "r");
	case_await_states(&fixture, two.id, "w");
	fixture_open_gate(0);
	case_await(&fixture, one.id, CAMPAIGN_FINISHED);
	case_await_states(&fixture, two.id, "r");
	ck_assert_uint_eq(count_jobs(one.id), 1);
	fixture_open_gate(0);
	case_await(&fixture, two.id, CAMPAIGN_FINISHED);
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
}
END_TEST

/* Each row moves the clock in the soak of a minute, by so much, and then again. */
static const struct {
	int64_t first_ms;
	bool over; /* it goes on after that */
	int64_t then_ms;
	bool restarts;
} soaks[] = {
    {59999, false, 1, false},       {60000, true, 0, false}, {DAY_MS, true, 0, false},
    {-DAY_MS, false, 60000, false}, /* it soaks from then on, not for a day */
    {30000, false, 30000, true},    {DAY_MS, true, 0, true}, {-DAY_MS, false, 60000, true},
};

START_TEST(a_wave_soaks_for_its_time)
{
	const struct campaign_order order = {
	    .soak_s = 60, .wave_count = 2, .waves = {{.kind = WAVE_COUNT, .number = 1}, {.kind = WAVE_PERCENT, .number = 100}}};
	struct campaign campaign = case_run(&fixture, &order);
	struct campaign now = case_await(&fixture, campaign.id, CAMPAIGN_WAITING);
	case_settle(&fixture);
	ck_assert_int_eq(now.goes_on_at_ms, fixture_now() + 60 * SECOND_MS);
	ck_assert_ptr_nonnull(strstr(now.reason, "wave 1 of 2 is done: it soaks until 2023-"));
	ck_assert_int_eq(gateway_turn(fixture.gateway), now.goes_on_at_ms);
	if (soaks[_i].restarts) {
		fixture_stop(&fixture);
		fixture_start(&fixture);
	}
	fixture_advance(soaks[_i].first_ms);
	case_settle(&fixture);
	if (!soaks[_i].over) {
		case_await_states(&fixture, campaign.id, "sqqq");
		ck_assert_int_eq(case_now(&fixture, campaign.id).state, CAMPAIGN_WAITING);
		ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + soaks[_i].then_ms);
	}
	fixture_advance(soaks[_i].then_ms);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_await_states(&fixture, campaign.id, "ssss");
}
END_TEST

START_TEST(a_soak_can_be_cut_short)
{
	const struct campaign_order order = {
	    .soak_s = 60, .wave_count = 2, .waves = {{.kind = WAVE_COUNT, .number = 1}, {.kind = WAVE_PERCENT, .number = 100}}};
	struct campaign campaign = case_run(&fixture, &order);
	case_await(&fixture, campaign.id, CAMPAIGN_WAITING);
	case_direct(&fixture, campaign.id, CAMPAIGN_APPROVE);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "4 succeeded");
}
END_TEST

START_TEST(a_window_holds_the_jobs_until_it_opens)
{
	/* The clock of the fixture stands at 22:13:20 on a Tuesday. */
	struct campaign_order order = {.max_parallel = 2};
	ck_assert(window_parse("daily 23:00 2h UTC", &order.window));
	struct campaign campaign = case_run(&fixture, &order);
	case_await_states(&fixture, campaign.id, "wwqq");
	case_settle(&fixture);
	ck_assert_ptr_nonnull(strstr(case_member(&fixture, campaign.id, 0).reason, "it may begin at 2023-11-14T23:00:00Z"));
	ck_assert_uint_eq(fixture_modem(0)->runs, 0);
	struct campaign now = case_now(&fixture, campaign.id);
	ck_assert_int_eq(now.state, CAMPAIGN_RUNNING);
	ck_assert_str_eq(now.reason, "what is left waits for its window: the first may begin at 2023-11-14T23:00:00Z");
	ck_assert_int_eq(now.goes_on_at_ms, INT64_C(1700002800000));
	fixture_advance((46 * 60 + 39) * SECOND_MS);
	case_settle(&fixture);
	ck_assert_uint_eq(fixture_modem(0)->runs, 0);
	case_hold(0, true);
	case_hold(1, true);
	fixture_advance(SECOND_MS);
	case_await_states(&fixture, campaign.id, "rrqq");
	now = case_now(&fixture, campaign.id);
	ck_assert_str_eq(now.reason, "");
	ck_assert_int_eq(now.goes_on_at_ms, 0);
	case_hold(0, false);
	case_hold(1, false);
	fixture_open_gate(0);
	fixture_open_gate(1);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_await_states(&fixture, campaign.id, "ssss");
}
END_TEST

START_TEST(a_selector_that_matches_nothing_is_refused)
{
	struct campaign campaign;
	struct campaign_report report;
	const struct campaign_order nobody = {.selector = "rack=7"}, rack = {.selector = "rack=1"};
	ck_assert_int_eq(gateway_create_campaign(fixture.gateway, &nobody, "test.dup", &campaign, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_int_eq(gateway_run_campaign(fixture.gateway, &nobody, "test.dup", &campaign, &fault), -EPROTO);
	ck_assert_int_eq(gateway_try_campaign(fixture.gateway, &nobody, "test.dup", &report, &fault), -EPROTO);
	/* Also when it did match as the draft was made. */
	campaign = case_create(&fixture, &rack);
	set_rack(1, "2");
	set_rack(3, "2");
	fault = case_refused(&fixture, campaign.id, CAMPAIGN_START);
	ck_assert_str_eq(fault.message, "the selector \"rack=1\" matches no device");
	ck_assert_int_eq(case_now(&fixture, campaign.id).state, CAMPAIGN_DRAFT);
}
END_TEST

START_TEST(a_trial_keeps_nothing)
{
	struct campaign_report report;
	struct campaign *list = NULL;
	size_t count = 9;
	bool more;
	const struct campaign_order order = {.wave_count = 1, .waves = {{.kind = WAVE_COUNT, .number = 3}}, .offline = OFFLINE_FAIL};
	case_set_maintenance(&fixture, 0, true);
	case_unplug(&fixture, 1);
	ck_assert_int_eq(gateway_try_campaign(fixture.gateway, &order, "test.dup", &report, &fault), 0);
	ck_assert_uint_eq(report.count, DEVICES);
	ck_assert_int_eq(report.members[0].state, MEMBER_FAILED);
	ck_assert_str_eq(report.members[0].fault->code, "device-busy");
	ck_assert_str_eq(report.members[1].fault->code, "port-gone");
	ck_assert_int_eq(report.members[1].state, MEMBER_FAILED);
	ck_assert_int_eq(report.members[2].state, MEMBER_QUEUED);
	ck_assert_str_eq(report.members[3].reason, "it is in no wave");
	ck_assert_uint_eq(report.campaign.counts.skipped, 1);
	ck_assert_str_eq(report.campaign.id, "");
	campaign_report_clear(&report);
	ck_assert_int_eq(gateway_campaigns(fixture.gateway, "", 10, &list, &count, &more, &fault), 0);
	free(list);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(an_idle_campaign_wakes_nobody)
{
	const struct campaign_order order = {.pause_after_wave = true, .wave_count = 2, .waves = {{.number = 1}, {.number = 3}}};
	struct campaign campaign = case_run(&fixture, &order);
	case_await(&fixture, campaign.id, CAMPAIGN_WAITING);
	case_settle(&fixture);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	case_direct(&fixture, campaign.id, CAMPAIGN_APPROVE);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_settle(&fixture);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *suite = suite_create("campaign");
	TCase *tests = tcase_create("course");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, one_gateway_clear);
	tcase_add_test(tests, waves_follow_one_another_when_they_are_approved);
	tcase_add_test(tests, members_are_those_of_the_start);
	tcase_add_test(tests, a_device_that_is_gone_after_a_restart_is_skipped);
	tcase_add_test(tests, so_many_run_at_a_time);
	tcase_add_test(tests, what_waits_for_its_device_takes_no_place);
	tcase_add_loop_test(tests, an_absent_device_is_dealt_with, 0, ROWS(absences));
	tcase_add_test(tests, a_release_that_is_there_counts_as_done);
	tcase_add_test(tests, a_leased_device_is_waited_for);
	tcase_add_test(tests, who_still_waits_at_the_deadline_has_failed);
	tcase_add_test(tests, a_draft_whose_deadline_has_passed_is_not_started);
	tcase_add_test(tests, the_end_of_maintenance_is_waited_for);
	tcase_add_test(tests, maintenance_fails_a_device_that_must_be_there);
	tcase_add_test(tests, who_is_not_to_be_waited_for_is_skipped);
	tcase_add_test(tests, a_quarantined_device_is_skipped_unless_it_is_forced);
	tcase_add_test(tests, a_busy_device_is_waited_for);
	tcase_add_test(tests, two_campaigns_share_a_device_one_after_the_other);
	tcase_add_loop_test(tests, a_wave_soaks_for_its_time, 0, ROWS(soaks));
	tcase_add_test(tests, a_soak_can_be_cut_short);
	tcase_add_test(tests, a_window_holds_the_jobs_until_it_opens);
	tcase_add_test(tests, a_selector_that_matches_nothing_is_refused);
	tcase_add_test(tests, a_trial_keeps_nothing);
	tcase_add_test(tests, an_idle_campaign_wakes_nobody);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
