/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_retention.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/job_id.h"
#include "daemon/transcript_file.h"
#include "tests/unit/campaign_case.h"
#include "tests/unit/one_gateway.h"
#include "tests/unit/state_sql.h"
#include "tests/unit/suite_run.h"

#define DAY_MS INT64_C(86400000)

static void set_up(void)
{
	fixture_make(&fixture, 3);
	fixture.config.history_keep_days = 30;
	fixture_start(&fixture);
}

static struct job run_one(size_t device)
{
	struct job job = fixture_submit(&fixture, device);
	return fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}

/* So many turns as are due until there is nothing to do for long. */
static unsigned turn_all(void)
{
	unsigned turns = 0;
	int64_t due_ms;
	while ((due_ms = gateway_prune_jobs(fixture.gateway)) - fixture_now() <= RETENTION_PAUSE_MS) {
		fixture_advance(due_ms - fixture_now());
		turns++;
	}
	return turns;
}

/* The clock is put, and nobody puts it back. */
static void pass_days(int64_t days)
{
	fixture_advance(days * DAY_MS);
	ck_assert_int_eq(gateway_prune_jobs(fixture.gateway), fixture_now() + RETENTION_SETTLE_MS);
	fixture_advance(RETENTION_SETTLE_MS);
}

static bool has_transcript(const char *job)
{
	char path[400];
	snprintf(path, sizeof(path), "%s/%s.log", store_transcript_dir(fixture.gateway->store), job);
	return access(path, F_OK) == 0;
}

static void make_file(const char *name)
{
	char path[400];
	snprintf(path, sizeof(path), "%s/%s", store_transcript_dir(fixture.gateway->store), name);
	FILE *stream = fopen(path, "we");
	ck_assert_ptr_nonnull(stream);
	fclose(stream);
}

static bool is_kept(const char *id)
{
	struct job job;
	int result = gateway_job(fixture.gateway, id, &job, &fault);
	ck_assert(result == 0 || strcmp(fault.kind->code, "not-found") == 0);
	return result == 0;
}

START_TEST(what_is_too_old_goes_with_its_transcript)
{
	struct job first = run_one(0), second = run_one(0), other = run_one(1);
	struct job_attempt *attempts = NULL;
	size_t count;
	char *text = NULL;
	ck_assert(has_transcript(first.id));
	pass_days(30);
	turn_all();
	ck_assert(!is_kept(first.id));
	ck_assert(!has_transcript(first.id));
	ck_assert_int_eq(gateway_transcript(fixture.gateway, first.id, &text, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_int_eq(gateway_attempts(fixture.gateway, first.id, &attempts, &count, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert(is_kept(second.id) && has_transcript(second.id));
	ck_assert(is_kept(other.id) && has_transcript(other.id));
	/* An hour later it looks again. */
	struct job third = run_one(0);
	fixture_advance(RETENTION_EVERY_MS);
	gateway_prune_jobs(fixture.gateway);
	ck_assert(!is_kept(second.id) && !has_transcript(second.id));
	ck_assert(is_kept(third.id));
}
END_TEST

START_TEST(what_is_not_too_old_stays)
{
	struct job first = run_one(0);
	run_one(0);
	pass_days(29);
	turn_all();
	ck_assert(is_kept(first.id) && has_transcript(first.id));
}
END_TEST

START_TEST(a_clock_that_ran_ahead_costs_nothing_when_it_is_put_right)
{
	struct job first = run_one(0);
	run_one(0);
	turn_all(); /* nothing is due for an hour now */
	fixture_advance(4000 * DAY_MS);
	gateway_prune_jobs(fixture.gateway);
	fixture_advance(RETENTION_SETTLE_MS - 1);
	gateway_prune_jobs(fixture.gateway);
	ck_assert(is_kept(first.id));
	fixture_advance(-4000 * DAY_MS);
	ck_assert_int_eq(gateway_prune_jobs(fixture.gateway), fixture_now() + RETENTION_SETTLE_MS);
	fixture_advance(RETENTION_SETTLE_MS);
	turn_all();
	ck_assert(is_kept(first.id));
}
END_TEST

START_TEST(the_number_is_kept_but_for_the_last_day)
{
	fixture.config.history_keep_days = 0;
	fixture.config.history_keep_jobs = 2;
	struct job jobs[5];
	for (size_t i = 0; i < 5; i++)
		jobs[i] = run_one(0);
	fixture_advance(RETENTION_SETTLE_MS);
	turn_all();
	ck_assert(is_kept(jobs[0].id));
	pass_days(2);
	turn_all();
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(is_kept(jobs[i].id), i >= 3);
}
END_TEST

START_TEST(without_a_bound_nothing_goes)
{
	fixture.config.history_keep_days = 0;
	struct job first = run_one(0);
	run_one(0);
	pass_days(9999);
	ck_assert_uint_eq(turn_all(), 1); /* the files */
	ck_assert(is_kept(first.id) && has_transcript(first.id));
}
END_TEST

START_TEST(what_a_crash_left_is_found_after_the_next_start)
{
	struct job first = run_one(0), second = run_one(0);
	struct job_prune prune = {.ended_before_ms = fixture_now() + 1};
	char stray[JOB_ID_SIZE], name[40];
	fixture_modem(1)->gated = true;
	fixture_modem(1)->gate = PHASE_TRANSFER;
	/* The row of the first went, then the power. */
	ck_assert_int_eq(store_jobs_prune(fixture.gateway->store, &prune, &fault), 0);
	ck_assert_uint_eq(prune.count, 1);
	ck_assert(!is_kept(first.id) && has_transcript(first.id));
	fixture_stop(&fixture);
	fixture_start(&fixture);
	for (unsigned i = 0; i < 2 * RETENTION_FILES; i++) {
		job_id_make(fixture_now(), "", stray);
		snprintf(name, sizeof(name), "%s.log", stray);
		make_file(name);
	}
	make_file("notes.txt");
	make_file("notes-of-just-that-length-.log");
	struct job third = fixture_submit(&fixture, 1);
	fixture_await(&fixture, third.id, JOB_RUNNING, "transfer");
	gateway_prune_jobs(fixture.gateway);
	ck_assert(has_transcript(first.id));
	fixture_advance(RETENTION_SETTLE_MS);
	ck_assert_uint_ge(turn_all(), 3);
	ck_assert(!has_transcript(first.id));
	ck_assert(!has_transcript(stray));
	ck_assert(has_transcript(second.id) && has_transcript(third.id));
	snprintf(name, sizeof(name), "notes-of-just-that-length-");
	ck_assert(has_transcript(name));
	fixture_open_gate(1);
	fixture_await(&fixture, third.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(transcripts_of_a_database_that_lies_aside_stay)
{
	char path[300];
	fixture_stop(&fixture);
	snprintf(path, sizeof(path), "%s/dupgate.db.corrupt-20260101T000000Z", fixture.config.state_dir);
	FILE *stream = fopen(path, "we");
	ck_assert_ptr_nonnull(stream);
	fclose(stream);
	fixture_start(&fixture);
	ck_assert_str_ne(store_lost(fixture.gateway->store), "");
	make_file("01hf7yat00bs81rbf678a1ej8t.log");
	fixture_advance(RETENTION_SETTLE_MS);
	turn_all();
	ck_assert(has_transcript("01hf7yat00bs81rbf678a1ej8t"));
}
END_TEST

START_TEST(a_disk_that_says_no_is_asked_again_later)
{
	struct job first = run_one(0);
	run_one(0);
	state_sql(fixture.config.state_dir,
		  "CREATE TRIGGER refuse BEFORE DELETE ON jobs BEGIN SELECT RAISE(ABORT, 'the disk says no'); END");
	pass_days(31);
	turn_all();
	ck_assert_int_eq(gateway_prune_jobs(fixture.gateway), fixture_now() + RETENTION_EVERY_MS);
	ck_assert(is_kept(first.id) && has_transcript(first.id));
	state_sql(fixture.config.state_dir, "DROP TRIGGER refuse");
	fixture_advance(RETENTION_EVERY_MS);
	turn_all();
	ck_assert(!is_kept(first.id));
}
END_TEST

START_TEST(nothing_goes_while_the_daemon_stops)
{
	struct job first = run_one(0);
	run_one(0);
	pass_days(31);
	gateway_stop(fixture.gateway);
	ck_assert_int_eq(gateway_prune_jobs(fixture.gateway), fixture_now() + RETENTION_EVERY_MS);
	ck_assert(is_kept(first.id));
}
END_TEST

START_TEST(a_campaign_tries_again_without_the_jobs_that_are_gone)
{
	const struct campaign_order order = {.offline = OFFLINE_WAIT};
	fixture.config.history_keep_days = 0; /* by which the campaign would go */
	fixture.config.history_keep_jobs = 1;
	case_break(0, true);
	struct campaign campaign = case_run(&fixture, &order);
	campaign = case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	struct campaign_member before = case_member(&fixture, campaign.id, 0);
	ck_assert_int_eq(before.state, MEMBER_FAILED);
	struct job newest = fixture_submit(&fixture, 0); /* of those that ran */
	fixture_await(&fixture, newest.id, JOB_FAILED, NULL);
	case_break(0, false);
	pass_days(31);
	turn_all();
	ck_assert(!is_kept(before.job));
	struct campaign_member member = case_member(&fixture, campaign.id, 0);
	ck_assert_str_eq(member.job, before.job);
	ck_assert_str_eq(member.fault_message, before.fault_message);
	case_direct(&fixture, campaign.id, CAMPAIGN_RETRY);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	member = case_member(&fixture, campaign.id, 0);
	ck_assert_int_eq(member.state, MEMBER_SUCCEEDED);
	ck_assert_str_eq(fixture_job(&fixture, member.job).request.retry_of, "");
}
END_TEST

START_TEST(a_client_that_was_away_is_told_of_what_is_left)
{
	struct job first = run_one(0), second = run_one(1);
	struct endings_seen seen = {.seq = 0};
	struct missed_end told[1];
	char sql[120];
	size_t count = 0;
	snprintf(seen.epoch, sizeof(seen.epoch), "%s", event_bus_epoch(fixture.gateway->events));
	/* As when it goes after its ending was read. */
	snprintf(sql, sizeof(sql), "DELETE FROM jobs WHERE id = '%s'", first.id);
	state_sql(fixture.config.state_dir, sql);
	ck_assert_int_eq(gateway_missed_ends(fixture.gateway, &seen, told, 1, &count, &fault), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(told[0].job.id, second.id);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job_retention");
	TCase *tcase = tcase_create("job_retention");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, one_gateway_clear);
	tcase_add_test(tcase, what_is_too_old_goes_with_its_transcript);
	tcase_add_test(tcase, what_is_not_too_old_stays);
	tcase_add_test(tcase, a_clock_that_ran_ahead_costs_nothing_when_it_is_put_right);
	tcase_add_test(tcase, the_number_is_kept_but_for_the_last_day);
	tcase_add_test(tcase, without_a_bound_nothing_goes);
	tcase_add_test(tcase, what_a_crash_left_is_found_after_the_next_start);
	tcase_add_test(tcase, transcripts_of_a_database_that_lies_aside_stay);
	tcase_add_test(tcase, a_disk_that_says_no_is_asked_again_later);
	tcase_add_test(tcase, nothing_goes_while_the_daemon_stops);
	tcase_add_test(tcase, a_campaign_tries_again_without_the_jobs_that_are_gone);
	tcase_add_test(tcase, a_client_that_was_away_is_told_of_what_is_left);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
