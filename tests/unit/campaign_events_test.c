/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/campaign_case.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/snapshot.h"
#include "tests/unit/one_gateway.h"
#include "tests/unit/suite_run.h"

/* What is told of a campaign while it goes on, and to whom it is told that it ended. The clock stands until the test moves it. */

static uint64_t seen;

static void set_up(void)
{
	one_gateway_start(FIXTURE_MODEMS);
	seen = event_bus_head(fixture.gateway->events);
}

/* How many events there are of campaigns since this was asked last; the newest one's campaign. */
static unsigned told(struct campaign *ret)
{
	struct event *batch[16];
	unsigned events = 0;
	int count;
	while ((count = event_bus_read(fixture.gateway->events, seen, batch, 16)) > 0) {
		seen = batch[count - 1]->seq;
		for (int i = 0; i < count; i++) {
			events += batch[i]->topic == TOPIC_CAMPAIGN;
			if (batch[i]->topic == TOPIC_CAMPAIGN)
				*ret = *batch[i]->campaign_now;
			event_unref(batch[i]);
		}
	}
	ck_assert_int_eq(count, 0);
	return events;
}

START_TEST(what_changes_within_a_moment_is_told_once)
{
	struct campaign now;
	for (size_t i = 3; i < FIXTURE_MODEMS; i++)
		case_hold(i, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.max_parallel = 1});
	case_await_states(&fixture, campaign.id, "sssrqq");
	ck_assert_uint_eq(told(&now), 1);
	ck_assert_uint_eq(now.counts.queued, FIXTURE_MODEMS);
	/* Nothing else has to happen for it to be told. */
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + 250);
	fixture_advance(249);
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(told(&now), 0);
	fixture_advance(1);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	ck_assert_uint_eq(told(&now), 1);
	const struct campaign_counts counts = {.total = 6, .queued = 2, .running = 1, .succeeded = 3};
	ck_assert_mem_eq(&now.counts, &counts, sizeof(counts));
}
END_TEST

START_TEST(a_clock_set_back_silences_nobody)
{
	struct campaign now;
	case_hold(1, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.max_parallel = 1});
	case_await_states(&fixture, campaign.id, "srqqqq");
	ck_assert_uint_eq(told(&now), 1);
	fixture_advance(-86400000);
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(told(&now), 1);
	ck_assert_uint_eq(now.counts.succeeded, 1);
}
END_TEST

START_TEST(steps_are_told_at_once)
{
	struct campaign now;
	const struct campaign_order order = {
	    .pause_after_wave = true, .wave_count = 2, .waves = {{.number = 2}, {.kind = WAVE_PERCENT, .number = 100}}};
	struct campaign campaign = case_run(&fixture, &order);
	ck_assert_uint_eq(told(&now), 1);
	case_await(&fixture, campaign.id, CAMPAIGN_WAITING);
	ck_assert_uint_eq(told(&now), 1);
	ck_assert_int_eq(now.state, CAMPAIGN_WAITING);
	ck_assert_uint_eq(now.counts.succeeded, 2);
	case_direct(&fixture, campaign.id, CAMPAIGN_PAUSE);
	ck_assert_uint_eq(told(&now), 1);
	ck_assert_int_eq(now.state, CAMPAIGN_PAUSED);
	case_direct(&fixture, campaign.id, CAMPAIGN_RESUME);
	case_await(&fixture, campaign.id, CAMPAIGN_WAITING);
	told(&now);
	case_direct(&fixture, campaign.id, CAMPAIGN_APPROVE);
	ck_assert_uint_eq(told(&now), 1);
	ck_assert_int_eq(now.state, CAMPAIGN_RUNNING);
	ck_assert_int_eq(now.order.waves[1].state, WAVE_RUNNING);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	ck_assert_uint_eq(told(&now), 1);
	ck_assert_str_eq(now.reason, "6 succeeded");
}
END_TEST

/* The job that goes on after the stop ends as the campaign leaves the memory. */
START_TEST(the_last_counts_are_told)
{
	struct campaign now;
	case_hold(0, true);
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){.max_parallel = 1});
	case_await_states(&fixture, campaign.id, "rqqqqq");
	case_direct(&fixture, campaign.id, CAMPAIGN_STOP);
	told(&now);
	ck_assert_int_eq(now.state, CAMPAIGN_STOPPED);
	ck_assert_uint_eq(now.counts.running, 1);
	fixture_open_gate(0);
	case_await_states(&fixture, campaign.id, "sccccc");
	ck_assert_uint_eq(told(&now), 1);
	ck_assert_uint_eq(now.counts.succeeded, 1);
	ck_assert_uint_eq(now.counts.running, 0);
}
END_TEST

/* What a client is told that has the event 0 of this run. */
static char *missed(const char *epoch, const struct sse_filter *filter)
{
	struct missed_end ends[16];
	struct endings_seen from = {.seq = 0};
	size_t count = 0;
	strcpy(from.epoch, epoch);
	ck_assert_int_eq(gateway_missed_ends(fixture.gateway, &from, ends, 16, &count, &fault), 0);
	return snapshot_ends_block(filter, ends, count);
}

/* The events of campaigns alone, and that of the end of this one. */
static void check_missed(const char *epoch, const char *campaign, const char *state)
{
	char head[80], tail[80];
	struct sse_filter filter = {.topics = TOPIC_CAMPAIGN};
	char *text = missed(epoch, &filter);
	snprintf(head, sizeof(head), "event: campaign\ndata: {\"type\":\"campaign-changed\",\"campaign\":\"%s\",", campaign);
	snprintf(tail, sizeof(tail), "\"state\":\"%s\"", state);
	ck_assert_msg(strncmp(text, head, strlen(head)) == 0, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, tail));
	ck_assert_ptr_null(strstr(text + 1, "event:"));
	free(text);
}

START_TEST(who_was_away_is_told_of_the_end)
{
	char epoch[EPOCH_SIZE];
	struct campaign campaign = case_run(&fixture, &(struct campaign_order){0});
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	strcpy(epoch, event_bus_epoch(fixture.gateway->events));
	check_missed(epoch, campaign.id, "finished");
	fixture_stop(&fixture);
	fixture_start(&fixture);
	check_missed(epoch, campaign.id, "finished");
	struct sse_filter filter = {.topics = TOPICS_ALL, .device = "modem0"};
	char *text = missed(epoch, &filter);
	ck_assert_ptr_null(strstr(text, "event: campaign"));
	ck_assert_ptr_nonnull(strstr(text, "event: job\n"));
	free(text);
	/* Tried again, it ends again: after the other end. */
	case_break(0, true);
	campaign = case_run(&fixture, &(struct campaign_order){.request = {.force = true}, .stop_after = {.failed = 1}, .max_parallel = 1});
	case_await(&fixture, campaign.id, CAMPAIGN_STOPPED);
	strcpy(epoch, event_bus_epoch(fixture.gateway->events));
	check_missed(epoch, campaign.id, "stopped");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("campaign_events");
	TCase *tests = tcase_create("events");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, one_gateway_clear);
	tcase_add_test(tests, what_changes_within_a_moment_is_told_once);
	tcase_add_test(tests, a_clock_set_back_silences_nobody);
	tcase_add_test(tests, steps_are_told_at_once);
	tcase_add_test(tests, the_last_counts_are_told);
	tcase_add_test(tests, who_was_away_is_told_of_the_end);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
