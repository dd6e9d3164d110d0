/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_case.h"
#include "tests/unit/suite_run.h"

#define NOW_MS    INT64_C(1700000000000)
#define DAY_MS    INT64_C(86400000)
#define COUNT(of) (sizeof(of) / sizeof((of)[0]))

static struct store_case at;
static struct job_fault fault;

static void set_up(void)
{
	store_case_make(&at);
}

static void tear_down(void)
{
	store_case_clear(&at);
}

static struct job_row old_row(const char *id, enum job_state state)
{
	struct job_row row = store_case_row(id, "a", state);
	row.job.request.kind = JOB_PROBE;
	row.job.finished_at_ms = job_state_terminal(state) ? NOW_MS - 10 * DAY_MS : 0;
	return row;
}

static struct job_prune everything(void)
{
	return (struct job_prune){
	    .ended_before_ms = NOW_MS - 5 * DAY_MS, .recent_from_ms = NOW_MS - DAY_MS, .now_ms = NOW_MS, .surplus = 0};
}

/* All steps; returns how many. */
static unsigned prune_all(struct job_prune *prune)
{
	unsigned steps = 0;
	while (!prune->at_end) {
		int result = store_jobs_prune(at.store, prune, &fault);
		ck_assert_msg(result == 0, "%s", fault.message);
		steps++;
	}
	return steps;
}

static void check_left(const char *wanted)
{
	struct job_filter filter = {.limit = 100};
	struct job *jobs = NULL;
	size_t count = 0;
	char next[JOB_ID_SIZE], ids[200] = "";
	ck_assert_int_eq(store_job_list(at.store, &filter, &jobs, &count, next, &fault), 0);
	for (size_t i = count; i-- > 0;) {
		strcat(ids, jobs[i].id);
		strcat(ids, " ");
	}
	free(jobs);
	ck_assert_str_eq(ids, wanted);
}

/* What a job did, in the order of the ids 01, 02 … */
struct past {
	enum job_state state;
	enum job_kind kind;
	bool ran, sent;
};

static void insert_pasts(const struct past *pasts, size_t count)
{
	char id[JOB_ID_SIZE];
	for (size_t i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "0%zu", i + 1);
		struct job_row row = old_row(id, pasts[i].state);
		row.job.request.kind = pasts[i].kind;
		row.past_return = pasts[i].sent;
		row.aside = !job_state_terminal(pasts[i].state);
		strcpy(row.furthest_phase, pasts[i].ran ? "connect" : "");
		store_case_insert(&at, &row);
	}
}

START_TEST(what_tells_of_the_modem_stays)
{
	static const struct past pasts[] = {
	    {JOB_SUCCEEDED, JOB_UPGRADE, true, true}, {JOB_SUCCEEDED, JOB_UPGRADE, true, false}, {JOB_FAILED, JOB_UPGRADE, true, true},
	    {JOB_FAILED, JOB_UPGRADE, true, true},    {JOB_FAILED, JOB_UPGRADE, true, false},    {JOB_FAILED, JOB_UPGRADE, true, false},
	    {JOB_FAILED, JOB_UPGRADE, false, false},  {JOB_SUCCEEDED, JOB_PROBE, true, false},
	};
	struct job_prune prune = everything();
	bool begun = false;
	insert_pasts(pasts, COUNT(pasts));
	struct job_row never_ran = old_row("09", JOB_FAILED);
	never_ran.job.request.kind = JOB_UPGRADE;
	strcpy(never_ran.job.request.device, "b");
	store_case_insert(&at, &never_ran);
	prune_all(&prune);
	check_left("02 04 06 ");
	ck_assert_int_eq(store_job_begun_before(at.store, "a", "", &begun, &fault), 0);
	ck_assert(begun);
}
END_TEST

START_TEST(what_an_unfinished_job_will_look_back_at_stays)
{
	static const struct past pasts[] = {
	    {JOB_SUCCEEDED, JOB_UPGRADE, true, true}, {JOB_FAILED, JOB_UPGRADE, true, true},    {JOB_WAITING, JOB_UPGRADE, false, false},
	    {JOB_RUNNING, JOB_UPGRADE, true, true},   {JOB_QUEUED, JOB_PROBE, false, false},    {JOB_SUCCEEDED, JOB_UPGRADE, true, true},
	    {JOB_FAILED, JOB_UPGRADE, true, true},    {JOB_SUCCEEDED, JOB_UPGRADE, true, true},
	};
	struct job_prune prune = everything();
	insert_pasts(pasts, COUNT(pasts));
	prune_all(&prune);
	check_left("02 03 04 05 08 ");
}
END_TEST

START_TEST(the_newest_that_ended_stays_beside_one_that_runs)
{
	static const struct past pasts[] = {
	    {JOB_FAILED, JOB_UPGRADE, true, false}, {JOB_FAILED, JOB_UPGRADE, true, false}, {JOB_RUNNING, JOB_UPGRADE, true, true}};
	struct job_prune prune = everything();
	insert_pasts(pasts, COUNT(pasts));
	prune_all(&prune);
	check_left("02 03 ");
}
END_TEST

static void insert_campaign(const char *id, enum campaign_state state, enum member_state member_state)
{
	struct campaign campaign = {.state = state, .order = {.wave_count = 1, .request = {.way = "auto"}}};
	struct campaign_member member = {.device = "a", .state = member_state};
	const struct campaign_change change = {.campaign = &campaign, .members = &member, .count = 1};
	snprintf(campaign.id, sizeof(campaign.id), "%s", id);
	int result = store_campaign_save(at.store, &change, &fault);
	ck_assert_msg(result == 0, "%s", fault.message);
}

START_TEST(a_campaign_that_goes_on_keeps_its_jobs)
{
	static const char *const campaigns[] = {"running", "stopped", "finished", "gone", "draft", "paused", "waiting"};
	struct job_prune prune = everything();
	char id[JOB_ID_SIZE];
	insert_campaign("running", CAMPAIGN_RUNNING, MEMBER_SUCCEEDED);
	insert_campaign("stopped", CAMPAIGN_STOPPED, MEMBER_RUNNING); /* it stops when this one is done */
	insert_campaign("finished", CAMPAIGN_FINISHED, MEMBER_FAILED);
	insert_campaign("draft", CAMPAIGN_DRAFT, MEMBER_FAILED);
	insert_campaign("paused", CAMPAIGN_PAUSED, MEMBER_FAILED);
	insert_campaign("waiting", CAMPAIGN_WAITING, MEMBER_FAILED);
	for (size_t i = 0; i < COUNT(campaigns); i++) {
		snprintf(id, sizeof(id), "0%zu", i + 1);
		struct job_row row = old_row(id, JOB_FAILED);
		strcpy(row.job.request.campaign, campaigns[i]);
		store_case_insert(&at, &row);
	}
	prune_all(&prune);
	check_left("01 02 05 06 07 ");
	/* The report of the one that ended still names its job. */
	ck_assert_int_eq(store_case_ask(&at, "SELECT count(*) FROM campaign_members WHERE campaign = 'finished' AND job = '03'"), 1);
}
END_TEST

static void set_ended(const char *where)
{
	char sql[200];
	snprintf(sql, sizeof(sql), "UPDATE campaigns SET finished_at_ms = %lld WHERE %s", (long long)(NOW_MS - 10 * DAY_MS), where);
	store_case_sql(&at, sql);
}

START_TEST(a_campaign_goes_only_when_nothing_of_it_goes_on)
{
	static const enum campaign_state unfinished[] = {CAMPAIGN_DRAFT, CAMPAIGN_RUNNING, CAMPAIGN_PAUSED, CAMPAIGN_WAITING};
	static const enum member_state open[] = {MEMBER_QUEUED, MEMBER_WAITING, MEMBER_RUNNING};
	int64_t before_ms = NOW_MS - 10 * DAY_MS + 1;
	char id[JOB_ID_SIZE];
	for (size_t i = 0; i < COUNT(unfinished); i++)
		insert_campaign(campaign_state_name(unfinished[i]), unfinished[i], MEMBER_FAILED);
	for (size_t i = 0; i < COUNT(open); i++)
		insert_campaign(member_state_name(open[i]), CAMPAIGN_STOPPED, open[i]);
	insert_campaign("its job", CAMPAIGN_FINISHED, MEMBER_SUCCEEDED);
	struct job_row row = old_row("01", JOB_QUEUED);
	strcpy(row.job.request.campaign, "its job");
	store_case_insert(&at, &row);
	insert_campaign("no end", CAMPAIGN_FINISHED, MEMBER_SUCCEEDED);
	set_ended("id <> 'no end'");
	ck_assert_int_eq(store_campaign_outdated(at.store, before_ms, id, &fault), 0);
	ck_assert_str_eq(id, "");
	ck_assert_int_eq(store_campaign_hide(at.store, "its job", before_ms, &fault), 0);
	ck_assert_int_eq(store_campaign_hide(at.store, "running", before_ms, &fault), 0);
	insert_campaign("over", CAMPAIGN_STOPPED, MEMBER_CANCELLED);
	set_ended("id = 'over'");
	ck_assert_int_eq(store_campaign_outdated(at.store, before_ms - 1, id, &fault), 0);
	ck_assert_str_eq(id, "");
	ck_assert_int_eq(store_campaign_outdated(at.store, before_ms, id, &fault), 0);
	ck_assert_str_eq(id, "over");
	ck_assert_int_eq(store_case_ask(&at, "SELECT count(*) FROM campaigns WHERE removed"), 0);
}
END_TEST

static void insert_ended(const char *id, int64_t finished_at_ms)
{
	struct job_row row = old_row(id, JOB_SUCCEEDED);
	row.job.finished_at_ms = finished_at_ms;
	store_case_insert(&at, &row);
}

START_TEST(the_oldest_go_first_and_what_just_ended_stays)
{
	int64_t ended = 0;
	insert_ended("01", NOW_MS - 3600000); /* it waited for long */
	insert_ended("02", NOW_MS - 4 * DAY_MS);
	insert_ended("03", NOW_MS + DAY_MS); /* by a clock that ran ahead */
	insert_ended("04", NOW_MS - 4 * DAY_MS);
	insert_ended("05", NOW_MS - 6 * DAY_MS);
	insert_ended("06", NOW_MS - 4 * DAY_MS);
	struct job_row row = old_row("07", JOB_QUEUED);
	store_case_insert(&at, &row);
	ck_assert_int_eq(store_jobs_count_ended(at.store, &ended, &fault), 0);
	ck_assert_int_eq(ended, 6);
	struct job_prune prune = everything();
	prune.surplus = 2;
	prune_all(&prune);
	check_left("01 04 06 07 "); /* 02 and 03 for the number, 05 for its age */
	ck_assert_uint_eq(prune.surplus, 0);
	struct job_prune by_number = everything();
	by_number.ended_before_ms = 0;
	by_number.surplus = 100;
	prune_all(&by_number);
	check_left("01 07 ");
	ck_assert_uint_eq(by_number.surplus, 98);
}
END_TEST

START_TEST(each_step_is_small_and_goes_on_behind_the_last)
{
	struct job_row row = old_row("i", JOB_SUCCEEDED);
	store_case_insert(&at, &row);
	store_case_multiply(&at, "i", 1200);
	store_case_sql(&at, "UPDATE jobs SET finished_at_ms = 1700000000000 WHERE id BETWEEN 'j00000041' AND 'j00001160'");
	struct job_prune prune = everything();
	ck_assert_int_eq(store_jobs_prune(at.store, &prune, &fault), 0);
	ck_assert_uint_eq(prune.count, JOB_PRUNE_STEP);
	ck_assert_str_eq(prune.gone[0], "i");
	ck_assert_str_eq(prune.after, "j00000019");
	ck_assert_int_eq(store_jobs_prune(at.store, &prune, &fault), 0);
	ck_assert_str_eq(prune.after, "j00000039");
	ck_assert_int_eq(store_jobs_prune(at.store, &prune, &fault), 0);
	ck_assert_uint_eq(prune.count, 1);
	ck_assert_str_eq(prune.after, "j00000539"); /* all 500 were looked at */
	ck_assert(!prune.at_end);
	ck_assert_uint_eq(prune_all(&prune), 4); /* 500, two that find 20, and the end */
	ck_assert_int_eq(store_case_ask(&at, "SELECT count(*) FROM jobs"), 1120);
}
END_TEST

START_TEST(a_job_goes_with_all_that_is_its_own)
{
	struct job_prune prune = everything();
	struct job_row row = old_row("01", JOB_FAILED), again = old_row("02", JOB_QUEUED), back;
	row.run = (struct job_run){.number = 1, .started_at_ms = 1, .finished_at_ms = 2};
	ck_assert_int_eq(store_epoch_begin(at.store, "epoch", &fault), 0);
	store_case_insert(&at, &row);
	strcpy(again.job.request.retry_of, "01");
	store_case_insert(&at, &again);
	ck_assert_int_eq(store_job_get(at.store, "02", &back, &fault), 0);
	ck_assert_str_eq(back.job.request.retry_of, "01");
	ck_assert_int_eq(store_case_ask(&at, "SELECT (SELECT count(*) FROM attempts) + (SELECT count(*) FROM endings)"), 2);
	prune_all(&prune);
	ck_assert_int_eq(store_job_get(at.store, "01", &back, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_int_eq(store_case_ask(&at, "SELECT (SELECT count(*) FROM attempts) + (SELECT count(*) FROM endings)"), 0);
	ck_assert_int_eq(store_job_get(at.store, "02", &back, &fault), 0);
	ck_assert_str_eq(back.job.request.retry_of, "");
	/* Whoever still has its name can go on. */
	ck_assert_int_eq(store_job_update(at.store, &again, &fault), 0);
	strcpy(again.job.id, "03");
	again.aside = true;
	store_case_insert(&at, &again);
	ck_assert_int_eq(store_case_ask(&at, "SELECT count(*) FROM jobs WHERE retry_of IS NULL"), 2);
}
END_TEST

START_TEST(no_step_reads_the_whole_history)
{
	struct job_prune prune = everything();
	size_t searches = 0;
	prune_all(&prune);
	insert_campaign("over", CAMPAIGN_FINISHED, MEMBER_FAILED);
	set_ended("id = 'over'");
	ck_assert_int_eq(store_campaign_hide(at.store, "over", NOW_MS, &fault), 1);
	ck_assert_int_eq(store_campaign_sweep(at.store, &fault), 1);
	for (const struct store_statement *slot = at.store->writer.statements; slot->sql != NULL; slot++) {
		char sql[4096];
		sqlite3_stmt *plan = NULL;
		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", slot->sql);
		ck_assert_int_eq(sqlite3_prepare_v2(at.store->writer.db, sql, -1, &plan, NULL), SQLITE_OK);
		while (sqlite3_step(plan) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(plan, 3);
			ck_assert_msg(strncmp(step, "SCAN", 4) != 0 && strstr(step, "USE TEMP") == NULL, "%s: %s", step, slot->sql);
			searches += strstr(step, "USING COVERING INDEX jobs_ran") != NULL || strstr(step, "jobs_sent") != NULL ||
				    strstr(step, "INDEX jobs_retried") != NULL;
		}
		sqlite3_finalize(plan);
	}
	ck_assert_uint_ge(searches, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job_prune");
	TCase *tcase = tcase_create("job_prune");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_tells_of_the_modem_stays);
	tcase_add_test(tcase, what_an_unfinished_job_will_look_back_at_stays);
	tcase_add_test(tcase, the_newest_that_ended_stays_beside_one_that_runs);
	tcase_add_test(tcase, a_campaign_that_goes_on_keeps_its_jobs);
	tcase_add_test(tcase, a_campaign_goes_only_when_nothing_of_it_goes_on);
	tcase_add_test(tcase, the_oldest_go_first_and_what_just_ended_stays);
	tcase_add_test(tcase, each_step_is_small_and_goes_on_behind_the_last);
	tcase_add_test(tcase, a_job_goes_with_all_that_is_its_own);
	tcase_add_test(tcase, no_step_reads_the_whole_history);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
