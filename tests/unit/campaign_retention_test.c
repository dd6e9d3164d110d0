/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_retention.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/campaigns.h"
#include "tests/unit/campaign_case.h"
#include "tests/unit/one_gateway.h"
#include "tests/unit/state_sql.h"
#include "tests/unit/suite_run.h"

#define DAY_MS INT64_C(86400000)

static const struct campaign_order order = {.offline = OFFLINE_WAIT, .max_parallel = 1};

static void set_up(void)
{
	fixture_make(&fixture, 3);
	fixture.config.history_keep_days = 30;
	fixture_start(&fixture);
}

static struct campaign run_one(void)
{
	struct campaign campaign = case_run(&fixture, &order);
	campaign = case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_settle(&fixture);
	return campaign;
}

/* The clock is put, and nobody puts it back. */
static void pass_days(struct fixture *of, int64_t days)
{
	fixture_advance(days * DAY_MS);
	ck_assert_int_eq(gateway_prune_jobs(of->gateway), fixture_now() + RETENTION_SETTLE_MS);
	fixture_advance(RETENTION_SETTLE_MS);
}

/* One step; false: there is nothing more to do for long. */
static bool step(struct fixture *of)
{
	int64_t wait_ms = gateway_prune_jobs(of->gateway) - fixture_now();
	if (wait_ms <= RETENTION_PAUSE_MS)
		fixture_advance(wait_ms);
	return wait_ms <= RETENTION_PAUSE_MS;
}

static void step_all(struct fixture *of)
{
	while (step(of))
		;
}

/* As everybody sees it: there with all of its report, or not at all. */
static bool is_kept(struct fixture *of, const char *id, size_t members)
{
	bool more, listed = false;
	size_t count = 0;
	struct campaign campaign, *list = NULL;
	struct campaign_report report;
	int result = gateway_campaign(of->gateway, id, &campaign, &fault);
	ck_assert(result == 0 || strcmp(fault.kind->code, "not-found") == 0);
	ck_assert_int_eq(gateway_campaigns(of->gateway, "", 100, &list, &count, &more, &fault), 0);
	for (size_t i = 0; i < count; i++)
		listed |= strcmp(list[i].id, id) == 0;
	free(list);
	ck_assert_int_eq(listed, result == 0);
	ck_assert_int_eq(gateway_campaign_report(of->gateway, id, &(struct campaign_page){0}, &report, &fault), result);
	ck_assert_uint_eq(report.count, result == 0 ? members : 0);
	campaign_report_clear(&report);
	return result == 0;
}

static int64_t rows_of(struct fixture *of, const char *id)
{
	char sql[400];
	snprintf(sql, sizeof(sql),
		 "SELECT (SELECT count(*) FROM campaigns WHERE id = '%s') + (SELECT count(*) FROM campaign_members WHERE campaign = '%s')"
		 " + (SELECT count(*) FROM campaign_waves WHERE campaign = '%s') + (SELECT count(*) FROM endings WHERE campaign = '%s')",
		 id, id, id, id);
	return state_ask(of->config.state_dir, sql);
}

/* How often it was told that this one is removed. */
static unsigned told_removed(struct fixture *of, uint64_t *seen, const char *id)
{
	struct event *batch[16];
	unsigned told = 0;
	int count;
	while ((count = event_bus_read(of->gateway->events, *seen, batch, 16)) > 0) {
		*seen = batch[count - 1]->seq;
		for (int i = 0; i < count; i++) {
			told += batch[i]->type == EVENT_CAMPAIGN_REMOVED && strcmp(batch[i]->campaign_now->id, id) == 0;
			event_unref(batch[i]);
		}
	}
	ck_assert_int_eq(count, 0);
	return told;
}

static void multiply_members(const char *id, unsigned count)
{
	char sql[1200];
	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
		 " INSERT INTO campaign_members (campaign, device, wave, state, reason, job, previous, withdrawn, from_release, to_release,"
		 " attempts, started_at_ms, finished_at_ms, fault_code, fault_message, fault_evidence, position)"
		 " SELECT campaign, 'more' || i, wave, state, reason, '', '', 0, '', '', 1, 1, 1, '', '', '', i"
		 " FROM n, campaign_members WHERE campaign = '%s' AND device = 'modem0'",
		 count - 1, id);
	state_sql(fixture.config.state_dir, sql);
}

START_TEST(what_ended_too_long_ago_goes_with_its_report)
{
	struct campaign old = run_one();
	ck_assert_int_eq(rows_of(&fixture, old.id), 6); /* itself, three devices, its wave, its end */
	pass_days(&fixture, 10);
	struct campaign young = run_one();
	uint64_t seen = event_bus_head(fixture.gateway->events);
	pass_days(&fixture, 20);
	step_all(&fixture);
	ck_assert(!is_kept(&fixture, old.id, 0));
	ck_assert_int_eq(rows_of(&fixture, old.id), 0);
	ck_assert_uint_eq(told_removed(&fixture, &seen, old.id), 1);
	ck_assert_str_eq(case_refused(&fixture, old.id, CAMPAIGN_RETRY).kind->code, "not-found");
	ck_assert(is_kept(&fixture, young.id, 3));
	ck_assert_int_eq(rows_of(&fixture, young.id), 6);
	/* An hour later it looks again; the young one has nine days left. */
	fixture_advance(RETENTION_EVERY_MS);
	step_all(&fixture);
	ck_assert(is_kept(&fixture, young.id, 3));
	ck_assert_uint_eq(told_removed(&fixture, &seen, young.id), 0);
}
END_TEST

START_TEST(what_goes_on_stays_with_the_jobs_that_it_needs)
{
	struct campaign draft = case_create(&fixture, &order);
	case_hold(1, true);
	struct campaign paused = case_run(&fixture, &order);
	case_await_states(&fixture, paused.id, "srq");
	case_direct(&fixture, paused.id, CAMPAIGN_PAUSE);
	case_hold(1, false);
	fixture_open_gate(1);
	case_await_states(&fixture, paused.id, "ssq");
	struct campaign_member done = case_member(&fixture, paused.id, 0);
	for (unsigned i = 0; i < 2; i++) { /* else it would be the newest that ran */
		struct job job = fixture_submit(&fixture, 0);
		fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	}
	pass_days(&fixture, 400);
	step_all(&fixture);
	ck_assert(is_kept(&fixture, draft.id, 0));
	ck_assert(is_kept(&fixture, paused.id, 3));
	ck_assert_str_eq(fixture_job(&fixture, done.job).request.campaign, paused.id);
	case_direct(&fixture, paused.id, CAMPAIGN_RESUME);
	case_await(&fixture, paused.id, CAMPAIGN_FINISHED);
	ck_assert_str_eq(case_member(&fixture, paused.id, 0).job, done.job);
}
END_TEST

START_TEST(one_that_was_stopped_stays_until_its_last_job_has_ended)
{
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &order);
	case_await_states(&fixture, campaign.id, "rqq");
	case_direct(&fixture, campaign.id, CAMPAIGN_STOP);
	case_await_states(&fixture, campaign.id, "rcc");
	pass_days(&fixture, 31);
	step_all(&fixture);
	ck_assert(is_kept(&fixture, campaign.id, 3));
	case_hold(0, false);
	fixture_open_gate(0);
	case_await_states(&fixture, campaign.id, "scc");
	case_settle(&fixture);
	ck_assert(is_kept(&fixture, campaign.id, 3));
	fixture_advance(RETENTION_EVERY_MS);
	step_all(&fixture);
	ck_assert(!is_kept(&fixture, campaign.id, 0));
	ck_assert_int_eq(rows_of(&fixture, campaign.id), 0);
}
END_TEST

START_TEST(a_large_one_goes_in_small_steps_and_after_a_crash_goes_on)
{
	struct fixture after;
	struct campaign campaign = run_one();
	multiply_members(campaign.id, 3 * CAMPAIGN_PRUNE_STEP);
	ck_assert(is_kept(&fixture, campaign.id, 3 * CAMPAIGN_PRUNE_STEP));
	pass_days(&fixture, 31);
	while (is_kept(&fixture, campaign.id, 3 * CAMPAIGN_PRUNE_STEP))
		ck_assert(step(&fixture));
	/* It is gone at once, before any of its devices, and its end with it. */
	ck_assert_int_eq(rows_of(&fixture, campaign.id), 2 + 3 * CAMPAIGN_PRUNE_STEP);
	ck_assert(step(&fixture));
	ck_assert_int_eq(rows_of(&fixture, campaign.id), 2 + 2 * CAMPAIGN_PRUNE_STEP);
	ck_assert(!is_kept(&fixture, campaign.id, 0));
	fixture_copy(&fixture, &after);
	after.config.history_keep_days = 0; /* what began is brought to its end */
	fixture_start(&after);
	ck_assert(!is_kept(&after, campaign.id, 0));
	fixture_advance(RETENTION_SETTLE_MS);
	while (rows_of(&after, campaign.id) == 2 + 2 * CAMPAIGN_PRUNE_STEP)
		ck_assert(step(&after));
	ck_assert_int_eq(rows_of(&after, campaign.id), 2 + CAMPAIGN_PRUNE_STEP);
	step_all(&after);
	ck_assert_int_eq(rows_of(&after, campaign.id), 0);
	fixture_clear(&after);
}
END_TEST

START_TEST(a_disk_that_says_no_leaves_all_of_it)
{
	struct campaign campaign = run_one();
	uint64_t seen = event_bus_head(fixture.gateway->events);
	state_sql(fixture.config.state_dir, "CREATE TRIGGER refuse BEFORE DELETE ON endings WHEN old.campaign IS NOT NULL"
					    " BEGIN SELECT RAISE(ABORT, 'the disk says no'); END");
	pass_days(&fixture, 31);
	step_all(&fixture);
	ck_assert(is_kept(&fixture, campaign.id, 3));
	ck_assert_uint_eq(told_removed(&fixture, &seen, campaign.id), 0);
	state_sql(fixture.config.state_dir, "DROP TRIGGER refuse");
	fixture_advance(RETENTION_EVERY_MS);
	step_all(&fixture);
	ck_assert(!is_kept(&fixture, campaign.id, 0));
	ck_assert_uint_eq(told_removed(&fixture, &seen, campaign.id), 1);
}
END_TEST

START_TEST(one_that_was_just_looked_up_goes_from_memory_too)
{
	struct campaign campaign = run_one();
	pass_days(&fixture, 31);
	ck_assert_str_eq(case_refused(&fixture, campaign.id, CAMPAIGN_PAUSE).kind->code, "invalid-request");
	step_all(&fixture);
	ck_assert(!is_kept(&fixture, campaign.id, 0));
	case_settle_turns(&fixture);
	ck_assert(!is_kept(&fixture, campaign.id, 0));
}
END_TEST

START_TEST(one_that_is_tried_again_is_young_again)
{
	case_break(0, true);
	struct campaign campaign = run_one();
	case_break(0, false);
	pass_days(&fixture, 31);
	case_direct(&fixture, campaign.id, CAMPAIGN_RETRY);
	step_all(&fixture);
	ck_assert(is_kept(&fixture, campaign.id, 3));
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_settle(&fixture);
	fixture_advance(RETENTION_EVERY_MS);
	step_all(&fixture);
	ck_assert(is_kept(&fixture, campaign.id, 3));
}
END_TEST

START_TEST(without_a_bound_of_days_it_stays)
{
	fixture.config.history_keep_days = 0;
	fixture.config.history_keep_jobs = 1;
	struct campaign campaign = run_one();
	pass_days(&fixture, 9999);
	step_all(&fixture);
	ck_assert(is_kept(&fixture, campaign.id, 3));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("campaign_retention");
	TCase *tcase = tcase_create("campaign_retention");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, one_gateway_clear);
	tcase_add_test(tcase, what_ended_too_long_ago_goes_with_its_report);
	tcase_add_test(tcase, what_goes_on_stays_with_the_jobs_that_it_needs);
	tcase_add_test(tcase, one_that_was_stopped_stays_until_its_last_job_has_ended);
	tcase_add_test(tcase, a_large_one_goes_in_small_steps_and_after_a_crash_goes_on);
	tcase_add_test(tcase, a_disk_that_says_no_leaves_all_of_it);
	tcase_add_test(tcase, one_that_was_just_looked_up_goes_from_memory_too);
	tcase_add_test(tcase, one_that_is_tried_again_is_young_again);
	tcase_add_test(tcase, without_a_bound_of_days_it_stays);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
