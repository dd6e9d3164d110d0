/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/campaign_case.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/one_gateway.h"
#include "tests/unit/state_sql.h"
#include "tests/unit/suite_run.h"

/* What people ask of a campaign, when it stops by itself, and what a daemon that dies leaves of it. */

#define DEVICES   FIXTURE_MODEMS
#define SECOND_MS INT64_C(1000)

static void set_up(void)
{
	one_gateway_start(DEVICES);
}

static void set_parallel(unsigned jobs)
{
	fixture_stop(&fixture);
	fixture.config.max_parallel = jobs;
	fixture_start(&fixture);
}

static void break_devices(const char *which)
{
	for (size_t i = 0; i < strlen(which); i++)
		case_break(i, which[i] == 'f');
}

/* 'f': the device fails. It stops exactly there, however the clock goes between one end and the next. */
static const struct {
	struct campaign_stop_rules rules;
	const char *devices, *states, *reason;
	int64_t step_ms;
} stops[] = {
    {{.failed = 2}, "fsfsss", "fsfccc", "2 failed: it stops after 2", SECOND_MS},
    {{.failed = 3}, "fsfsss", "fsfsss", "4 succeeded, 2 failed", SECOND_MS},
    {{.consecutive = 2}, "fsffss", "fsffcc", "2 failed one after the other: it stops after 2", SECOND_MS},
    {{.consecutive = 3}, "ffsffs", "ffsffs", "2 succeeded, 4 failed", SECOND_MS},
    {{.percent = 50}, "sfsffs", "sfsffc", "3 of 6 failed: it stops after 50 %", SECOND_MS},
    {{.percent = 51}, "sfsffs", "sfsffs", "3 succeeded, 3 failed", SECOND_MS},
    {{.consecutive = 2}, "fsffss", "fsffcc", "2 failed one after the other: it stops after 2", 0},
    {{.consecutive = 2}, "fsffss", "fsffcc", "2 failed one after the other: it stops after 2", -SECOND_MS},
    {{.consecutive = 2}, "fsfsfs", "fsfsfs", "3 succeeded, 3 failed", -SECOND_MS},
};

START_TEST(it_stops_exactly_there)
{
	const struct campaign_order order = {.stop_after = stops[_i].rules, .max_parallel = 1};
	bool whole = strchr(stops[_i].states, 'c') == NULL;
	break_devices(stops[_i].devices);
	for (size_t i = 0; i < DEVICES; i++)
		case_hold(i, true);
	struct campaign campaign = case_run(&fixture, &order);
	for (size_t i = 0; i < DEVICES && stops[_i].states[i] != 'c'; i++) {
		char now[DEVICES + 1];
		memcpy(now, stops[_i].states, i);
		memset(now + i, 'q', DEVICES - i);
		now[i] = 'r';
		now[DEVICES] = '\0';
		case_await_states(&fixture, campaign.id, now);
		fixture_advance(stops[_i].step_ms);
		fixture_open_gate(i);
	}
	struct campaign now = case_await(&fixture, campaign.id, whole ? CAMPAIGN_FINISHED : CAMPAIGN_STOPPED);
	case_await_states(&fixture, campaign.id, stops[_i].states);
	ck_assert_ptr_nonnull(strstr(now.reason, stops[_i].reason));
	ck_assert_int_eq(now.finished_at_ms, fixture_now());
	struct campaign_member last = case_member(&fixture, campaign.id, DEVICES - 1);
	if (!whole)
		ck_assert_str_eq(last.reason, "the campaign was stopped before its turn");
}
END_TEST

START_TEST(a_pause_takes_back_what_has_not_begun)
{
	set_parallel(1);
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.max_parallel = 3});
	case_await_states(&fixture, campaign.id, "rqqqqq");
	case_settle_turns(&fixture);
	struct campaign_member second = case_member(&fixture, campaign.id, 1);
	ck_assert_int_eq(fixture_job(&fixture, second.job).state, JOB_QUEUED);
	struct campaign now = case_direct(&fixture, campaign.id, CAMPAIGN_PAUSE);
	ck_assert_int_eq(now.state, CAMPAIGN_PAUSED);
	case_settle_turns(&fixture);
	ck_assert_int_eq(fixture_job(&fixture, second.job).state, JOB_CANCELLED);
	ck_assert_str_eq(case_member(&fixture, campaign.id, 1).job, "");
	fixture_open_gate(0);
	case_await_states(&fixture, campaign.id, "sqqqqq");
	case_settle(&fixture);
	ck_assert_int_eq(case_now(&fixture, campaign.id).state, CAMPAIGN_PAUSED);
	ck_assert_uint_eq(fixture_modem(1)->runs, 0);
	case_direct(&fixture, campaign.id, CAMPAIGN_RESUME);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "6 succeeded");
	ck_assert_str_ne(case_member(&fixture, campaign.id, 1).job, second.job);
}
END_TEST

START_TEST(a_stop_ends_what_has_not_begun)
{
	set_parallel(1);
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.max_parallel = 3});
	case_await_states(&fixture, campaign.id, "rqqqqq");
	case_settle_turns(&fixture);
	case_direct(&fixture, campaign.id, CAMPAIGN_STOP);
	case_await_states(&fixture, campaign.id, "rccccc");
	ck_assert_str_eq(case_member(&fixture, campaign.id, 1).reason, "the campaign was stopped before it began");
	ck_assert_str_eq(case_member(&fixture, campaign.id, 5).reason, "the campaign was stopped before its turn");
	fixture_open_gate(0);
	case_await_states(&fixture, campaign.id, "sccccc");
	ck_assert_int_eq(case_now(&fixture, campaign.id).counts.succeeded, 1);
	ck_assert_int_eq(case_now(&fixture, campaign.id).state, CAMPAIGN_STOPPED);
}
END_TEST

START_TEST(a_job_that_a_person_cancels_is_not_made_again)
{
	struct job job;
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.selector = "id=modem0"});
	case_await_states(&fixture, campaign.id, "r");
	ck_assert_int_eq(gateway_cancel(fixture.gateway, case_member(&fixture, campaign.id, 0).job, &job, &fault), 0);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "1 cancelled");
	ck_assert_str_eq(case_member(&fixture, campaign.id, 0).reason, "its job was cancelled");
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
}
END_TEST

START_TEST(the_failed_ones_are_tried_again)
{
	break_devices("fsssss");
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){0});
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "5 succeeded, 1 failed");
	struct campaign_member failed = case_member(&fixture, campaign.id, 0);
	ck_assert_str_eq(failed.fault->code, "modem-unpowered");
	ck_assert_str_eq(failed.fault_evidence, "seen");
	case_settle(&fixture);
	break_devices("ssssss");
	struct campaign now = case_direct(&fixture, campaign.id, CAMPAIGN_RETRY);
	ck_assert_int_eq(now.state, CAMPAIGN_RUNNING);
	ck_assert_int_eq(now.finished_at_ms, 0);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "6 succeeded");
	struct campaign_member member = case_member(&fixture, campaign.id, 0);
	ck_assert_ptr_null(member.fault);
	ck_assert_str_eq(fixture_job(&fixture, member.job).request.retry_of, failed.job);
	ck_assert_uint_eq(fixture_modem(1)->runs, 1);
	fault = case_refused(&fixture, campaign.id, CAMPAIGN_RETRY);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
}
END_TEST

/* Retention has taken the job that failed: what its campaign keeps is enough. */
START_TEST(a_retry_does_without_the_job_before)
{
	break_devices("fsssss");
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){0});
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_settle(&fixture);
	state_sql(fixture.config.state_dir, "PRAGMA foreign_keys = ON; DELETE FROM jobs");
	ck_assert_str_eq(case_member(&fixture, campaign.id, 0).fault->code, "modem-unpowered");
	break_devices("ssssss");
	case_direct(&fixture, campaign.id, CAMPAIGN_RETRY);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "6 succeeded");
	ck_assert_str_eq(fixture_job(&fixture, case_member(&fixture, campaign.id, 0).job).request.retry_of, "");
}
END_TEST

START_TEST(a_job_that_is_gone_does_not_hold_the_campaign_up)
{
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.selector = "id=modem0"});
	case_await_states(&fixture, campaign.id, "r");
	fixture_stop(&fixture);
	state_sql(fixture.config.state_dir, "DELETE FROM jobs");
	fixture_start(&fixture);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "1 failed");
	struct campaign_member member = case_member(&fixture, campaign.id, 0);
	ck_assert_str_eq(member.fault->code, "outcome-unknown");
	ck_assert_str_eq(member.reason, member.fault->title);
	ck_assert_str_eq(member.fault_message, "what became of the device modem0 is not known");
	ck_assert_ptr_nonnull(strstr(member.fault_evidence, member.job));
	case_hold(0, false);
	case_direct(&fixture, campaign.id, CAMPAIGN_RETRY);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "1 succeeded");
}
END_TEST

static const struct {
	enum campaign_verb verb;
	const char *said;
} refusals[] = {
    {CAMPAIGN_PAUSE, "is draft and cannot be paused: only one that runs or waits can be"},
    {CAMPAIGN_RESUME, "is draft and cannot be resumed: only one that is paused can be"},
    {CAMPAIGN_STOP, "is draft and cannot be stopped: only one that goes on can be"},
    {CAMPAIGN_APPROVE, "is draft and cannot be approved: only one that waits between two waves can be"},
    {CAMPAIGN_RETRY, "is draft and cannot be retried: only one that has started can be"},
};

START_TEST(a_draft_only_starts)
{
	struct campaign draft = case_create(&fixture, &(struct campaign_order){0});
	fault = case_refused(&fixture, draft.id, refusals[_i].verb);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_ptr_nonnull(strstr(fault.message, refusals[_i].said));
	ck_assert_int_eq(gateway_remove_campaign(fixture.gateway, draft.id, &fault), 0);
	fault = case_refused(&fixture, draft.id, CAMPAIGN_START);
	ck_assert_str_eq(fault.kind->code, "not-found");
}
END_TEST

#define VERB(name) (1u << CAMPAIGN_##name)

static const struct {
	enum campaign_state state;
	unsigned refused;
} ill_timed[] = {
    {CAMPAIGN_RUNNING, VERB(START) | VERB(RESUME) | VERB(APPROVE)},
    {CAMPAIGN_PAUSED, VERB(START) | VERB(PAUSE) | VERB(APPROVE)},
    {CAMPAIGN_WAITING, VERB(START) | VERB(RESUME)},
    {CAMPAIGN_STOPPED, VERB(START) | VERB(PAUSE) | VERB(RESUME) | VERB(STOP) | VERB(APPROVE)},
    {CAMPAIGN_FINISHED, VERB(START) | VERB(PAUSE) | VERB(RESUME) | VERB(STOP) | VERB(APPROVE)},
};

/* A campaign of two waves that has come to this state. */
static struct campaign bring_to(enum campaign_state state)
{
	const struct campaign_order order = {
	    .pause_after_wave = true, .wave_count = 2, .waves = {{.number = 1}, {.kind = WAVE_PERCENT, .number = 100}}};
	case_hold(0, state == CAMPAIGN_RUNNING);
	struct campaign campaign = case_run(&fixture, &order);
	if (state != CAMPAIGN_RUNNING)
		case_await(&fixture, campaign.id, CAMPAIGN_WAITING);
	if (state == CAMPAIGN_PAUSED || state == CAMPAIGN_STOPPED)
		case_direct(&fixture, campaign.id, state == CAMPAIGN_PAUSED ? CAMPAIGN_PAUSE : CAMPAIGN_STOP);
	if (state == CAMPAIGN_FINISHED)
		case_direct(&fixture, campaign.id, CAMPAIGN_APPROVE);
	return case_await(&fixture, campaign.id, state);
}

START_TEST(a_verb_that_does_not_fit_is_refused)
{
	char said[80];
	struct campaign campaign = bring_to(ill_timed[_i].state);
	snprintf(said, sizeof(said), "is %s and cannot be ", campaign_state_name(campaign.state));
	for (int verb = CAMPAIGN_START; verb < CAMPAIGN_RETRY; verb++) {
		if ((ill_timed[_i].refused & 1u << verb) == 0)
			continue;
		fault = case_refused(&fixture, campaign.id, (enum campaign_verb)verb);
		ck_assert_str_eq(fault.kind->code, "invalid-request");
		ck_assert_ptr_nonnull(strstr(fault.message, said));
	}
	fault = case_refused(&fixture, campaign.id, CAMPAIGN_RETRY);
	ck_assert_ptr_nonnull(strstr(fault.message, "has failed"));
	struct campaign now = case_now(&fixture, campaign.id);
	ck_assert_int_eq(now.state, campaign.state);
	ck_assert_mem_eq(&now.counts, &campaign.counts, sizeof(now.counts));
}
END_TEST

START_TEST(what_has_started_stays)
{
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.selector = "id=modem0"});
	ck_assert_int_eq(gateway_remove_campaign(fixture.gateway, campaign.id, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	case_await_states(&fixture, campaign.id, "r");
	fixture_open_gate(0);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_int_eq(gateway_remove_campaign(fixture.gateway, campaign.id, &fault), -EPROTO);
}
END_TEST

START_TEST(its_firmware_is_kept_while_it_goes_on)
{
	case_break(0, true);
	struct campaign campaign = case_create(&fixture, &(struct campaign_order){.selector = "id=modem0"});
	ck_assert_int_lt(gateway_remove_firmware(fixture.gateway, "test.dup", &fault), 0);
	case_direct(&fixture, campaign.id, CAMPAIGN_START);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_settle(&fixture);
	ck_assert_int_eq(gateway_remove_firmware(fixture.gateway, "test.dup", &fault), 0);
	/* A retry would only fail, and says so at once. */
	fault = case_refused(&fixture, campaign.id, CAMPAIGN_RETRY);
	ck_assert_str_eq(fault.kind->code, "not-found");
	case_settle(&fixture);
	ck_assert_int_eq(case_now(&fixture, campaign.id).state, CAMPAIGN_FINISHED);
	case_await_states(&fixture, campaign.id, "f");
}
END_TEST

/* What the disk says no to. */
static const char *const refused_changes[] = {
    "INSERT ON jobs",
    "UPDATE ON campaigns",
    "UPDATE OF state ON campaign_members WHEN new.state = 'succeeded'",
};

START_TEST(a_disk_that_says_no_loses_nothing)
{
	char sql[200];
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.max_parallel = 1});
	case_await_states(&fixture, campaign.id, "rqqqqq");
	snprintf(sql, sizeof(sql), "CREATE TRIGGER refuse BEFORE %s BEGIN SELECT RAISE(ABORT, 'the disk says no'); END",
		 refused_changes[_i]);
	state_sql(fixture.config.state_dir, sql);
	fixture_open_gate(0);
	fixture_await(&fixture, case_member(&fixture, campaign.id, 0).job, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	fixture_advance(SECOND_MS); /* by then all is told */
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + SECOND_MS);
	ck_assert_uint_eq(fixture_modem(1)->runs, 0);
	state_sql(fixture.config.state_dir, "DROP TRIGGER refuse");
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "6 succeeded");
	for (size_t i = 0; i < DEVICES; i++)
		ck_assert_uint_eq(fixture_modem(i)->runs, 1);
}
END_TEST

START_TEST(a_verb_that_is_not_stored_did_nothing)
{
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.max_parallel = 2});
	case_hold(1, true);
	case_await_states(&fixture, campaign.id, "rrqqqq");
	state_sql(fixture.config.state_dir,
		  "CREATE TRIGGER refuse BEFORE UPDATE ON campaigns BEGIN SELECT RAISE(ABORT, 'the disk says no'); END");
	fault = case_refused(&fixture, campaign.id, CAMPAIGN_STOP);
	ck_assert_str_eq(fault.kind->code, "infrastructure-error");
	ck_assert_int_eq(case_now(&fixture, campaign.id).state, CAMPAIGN_RUNNING);
	state_sql(fixture.config.state_dir, "DROP TRIGGER refuse");
	case_hold(0, false);
	case_hold(1, false);
	fixture_open_gate(0);
	fixture_open_gate(1);
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "6 succeeded");
}
END_TEST

/* As a request of this token has it done. */
static struct campaign direct_as(const char *token, const char *id, enum campaign_verb verb)
{
	struct errand errand = {.change = ERRAND_CAMPAIGN, .entry = {.method = "POST", .path = "/x", .status = 200}};
	strcpy(errand.entry.who.token, token);
	gateway_begin_errand(fixture.gateway, &errand);
	struct campaign campaign = case_direct(&fixture, id, verb);
	gateway_end_errand(fixture.gateway, &errand, 200, "");
	return campaign;
}

START_TEST(who_paused_or_stopped_it_is_told)
{
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){0});
	ck_assert_str_eq(direct_as("ci", campaign.id, CAMPAIGN_PAUSE).reason, "paused by token:ci");
	ck_assert_str_eq(direct_as("anna", campaign.id, CAMPAIGN_STOP).reason, "stopped by token:anna");
	case_settle(&fixture);
	ck_assert_str_eq(case_now(&fixture, campaign.id).reason, "stopped by token:anna");
}
END_TEST

/* A daemon that is killed in each state; the next one goes on from there. */
static const struct {
	enum campaign_state state;
	const char *states;      /* as it is killed */
	enum campaign_verb verb; /* after the restart; CAMPAIGN_START for a state that needs none but a draft */
	const char *end;
} deaths[] = {
    {CAMPAIGN_DRAFT, "", CAMPAIGN_START, "6 succeeded"},
    {CAMPAIGN_RUNNING, "rrqqqq", CAMPAIGN_PAUSE, "6 succeeded"},
    {CAMPAIGN_PAUSED, "rrqqqq", CAMPAIGN_RESUME, "6 succeeded"},
    {CAMPAIGN_WAITING, "ssqqqq", CAMPAIGN_APPROVE, "6 succeeded"},
    {CAMPAIGN_STOPPED, "rrcccc", CAMPAIGN_STOP, "stopped by a person"},
    {CAMPAIGN_FINISHED, "ssssss", CAMPAIGN_RETRY, "6 succeeded"},
};

static void bring_into(enum campaign_state state, const char *id)
{
	if (state == CAMPAIGN_DRAFT)
		return;
	case_direct(&fixture, id, CAMPAIGN_START);
	if (state == CAMPAIGN_WAITING || state == CAMPAIGN_FINISHED)
		case_await(&fixture, id, CAMPAIGN_WAITING);
	else
		case_await_states(&fixture, id, "rrqqqq");
	if (state == CAMPAIGN_FINISHED)
		case_direct(&fixture, id, CAMPAIGN_APPROVE);
	if (state == CAMPAIGN_PAUSED)
		case_direct(&fixture, id, CAMPAIGN_PAUSE);
	if (state == CAMPAIGN_STOPPED)
		case_direct(&fixture, id, CAMPAIGN_STOP);
	case_await(&fixture, id, state);
}

START_TEST(a_daemon_that_is_killed_goes_on)
{
	struct fixture after;
	enum campaign_state state = deaths[_i].state;
	bool holds = strchr(deaths[_i].states, 'r') != NULL, ended = state == CAMPAIGN_STOPPED || state == CAMPAIGN_FINISHED;
	const struct campaign_order order = {
	    .pause_after_wave = !holds, .wave_count = 2, .waves = {{.number = 2}, {.kind = WAVE_PERCENT, .number = 100}}};
	case_hold(0, holds);
	case_hold(1, holds);
	struct campaign campaign = case_create(&fixture, &order);
	bring_into(state, campaign.id);
	case_await_states(&fixture, campaign.id, deaths[_i].states);
	fixture_copy(&fixture, &after);
	fixture_stop(&fixture);
	case_hold(0, false);
	case_hold(1, false);
	unsigned runs = fixture_modem(0)->runs;
	fixture_start(&after);
	ck_assert_int_eq(case_now(&after, campaign.id).state, state);
	if (!ended && state != CAMPAIGN_RUNNING)
		case_direct(&after, campaign.id, deaths[_i].verb);
	if (state == CAMPAIGN_DRAFT) {
		case_await(&after, campaign.id, CAMPAIGN_WAITING);
		case_direct(&after, campaign.id, CAMPAIGN_APPROVE);
	}
	struct campaign now = case_await(&after, campaign.id, ended ? state : CAMPAIGN_FINISHED);
	case_await_states(&after, campaign.id, state == CAMPAIGN_STOPPED ? "sscccc" : "ssssss");
	ck_assert_str_eq(now.reason, deaths[_i].end);
	ck_assert_uint_eq(fixture_modem(0)->runs, holds || state == CAMPAIGN_DRAFT ? runs + 1 : runs);
	ck_assert_uint_eq(fixture_modem(5)->runs, state != CAMPAIGN_STOPPED);
	fixture_clear(&after);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

/* The end of a member without a job, which the disk says no to: it is seen when it is stored, and not before. */
static const struct {
	enum campaign_offline offline;
	const char *state;
	char end;
} refused_ends[] = {{OFFLINE_SKIP, "skipped", 'k'}, {OFFLINE_FAIL, "failed", 'f'}};

START_TEST(an_end_that_is_refused_is_seen_when_it_is_stored)
{
	char sql[200], states[FIXTURE_MODEMS + 1], expected[] = "s.ssss";
	expected[1] = refused_ends[_i].end;
	case_unplug(&fixture, 1);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.offline = refused_ends[_i].offline});
	snprintf(sql, sizeof(sql),
		 "CREATE TRIGGER refuse BEFORE INSERT ON campaign_members WHEN new.state = '%s' BEGIN SELECT RAISE(ABORT, 'no'); END",
		 refused_ends[_i].state);
	state_sql(fixture.config.state_dir, sql);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + SECOND_MS);
		case_states(&fixture, campaign.id, states);
		ck_assert_str_eq(states, "qqqqqq");
	}
	state_sql(fixture.config.state_dir, "DROP TRIGGER refuse");
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	case_states(&fixture, campaign.id, states);
	ck_assert_str_eq(states, expected);
}
END_TEST

START_TEST(jobs_that_were_made_are_seen_though_an_end_is_refused)
{
	fixture_stop(&fixture);
	strcpy(fixture.config.devices[1].profile, "monarch2"); /* the bundle is not for it */
	fixture_start(&fixture);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.max_parallel = DEVICES});
	state_sql(fixture.config.state_dir, "CREATE TRIGGER refuse BEFORE INSERT ON campaign_members WHEN new.state = 'failed'"
					    " BEGIN SELECT RAISE(ABORT, 'no'); END");
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + SECOND_MS);
	for (size_t i = 0; i < DEVICES; i++) {
		const struct campaign_member member = case_member(&fixture, campaign.id, i);
		ck_assert_int_eq(member.state, MEMBER_QUEUED);
		ck_assert_int_eq(member.job[0] == '\0', i == 1);
	}
	state_sql(fixture.config.state_dir, "DROP TRIGGER refuse");
	ck_assert_str_eq(case_await(&fixture, campaign.id, CAMPAIGN_FINISHED).reason, "5 succeeded, 1 failed");
	case_await_states(&fixture, campaign.id, "sfssss");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("campaign_verbs");
	TCase *tests = tcase_create("verbs");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, one_gateway_clear);
	tcase_add_loop_test(tests, it_stops_exactly_there, 0, ROWS(stops));
	tcase_add_test(tests, a_pause_takes_back_what_has_not_begun);
	tcase_add_test(tests, a_stop_ends_what_has_not_begun);
	tcase_add_test(tests, a_job_that_a_person_cancels_is_not_made_again);
	tcase_add_test(tests, the_failed_ones_are_tried_again);
	tcase_add_test(tests, a_retry_does_without_the_job_before);
	tcase_add_test(tests, a_job_that_is_gone_does_not_hold_the_campaign_up);
	tcase_add_loop_test(tests, a_draft_only_starts, 0, ROWS(refusals));
	tcase_add_loop_test(tests, a_verb_that_does_not_fit_is_refused, 0, (int)(sizeof(ill_timed) / sizeof(ill_timed[0])));
	tcase_add_test(tests, what_has_started_stays);
	tcase_add_test(tests, its_firmware_is_kept_while_it_goes_on);
	tcase_add_loop_test(tests, a_disk_that_says_no_loses_nothing, 0, ROWS(refused_changes));
	tcase_add_loop_test(tests, an_end_that_is_refused_is_seen_when_it_is_stored, 0, ROWS(refused_ends));
	tcase_add_test(tests, jobs_that_were_made_are_seen_though_an_end_is_refused);
	tcase_add_test(tests, a_verb_that_is_not_stored_did_nothing);
	tcase_add_test(tests, who_paused_or_stopped_it_is_told);
	tcase_add_loop_test(tests, a_daemon_that_is_killed_goes_on, 0, ROWS(deaths));
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
