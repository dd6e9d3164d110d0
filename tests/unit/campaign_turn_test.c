/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/campaign_case.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/one_gateway.h"
#include "tests/unit/state_sql.h"
#include "tests/unit/suite_run.h"

/* What a campaign of many devices costs: how much a turn does, what is counted where. A window that is shut keeps all jobs from running. */

#define DEVICES  100u
#define SUBMITS  32u /* in a turn */
#define PARALLEL 1024u

static void set_up(void)
{
	one_gateway_start(DEVICES);
}

static const struct campaign_page all;

static struct campaign run_shut(const char *selector)
{
	/* The clock of the fixture stands at 22:13:20. */
	struct campaign_order order = {.max_parallel = PARALLEL};
	strcpy(order.selector, selector);
	ck_assert(window_parse("daily 23:00 2h UTC", &order.window));
	return case_run(&fixture, &order);
}

/* Members with a job; each has its own. */
static unsigned count_jobs(const char *campaign)
{
	struct campaign_report report;
	unsigned jobs = 0;
	ck_assert_int_eq(gateway_campaign_report(fixture.gateway, campaign, &all, &report, &fault), 0);
	for (size_t i = 0; i < report.count; i++) {
		if (report.members[i].job[0] == '\0')
			continue;
		jobs++;
		ck_assert_str_eq(fixture_job(&fixture, report.members[i].job).request.device, report.members[i].device);
	}
	campaign_report_clear(&report);
	return jobs;
}

/* A turn is due without anything else happening. */
static bool turn_is_due(void)
{
	struct pollfd fd = {.fd = gateway_wake_fd(fixture.gateway), .events = POLLIN};
	return poll(&fd, 1, 0) == 1;
}

START_TEST(many_devices_get_their_jobs_over_several_turns)
{
	struct campaign campaign = run_shut("");
	for (unsigned expected = SUBMITS; expected < DEVICES; expected += SUBMITS) {
		gateway_turn(fixture.gateway);
		ck_assert_uint_eq(count_jobs(campaign.id), expected);
		ck_assert(turn_is_due());
	}
	case_settle_turns(&fixture);
	ck_assert_uint_eq(count_jobs(campaign.id), DEVICES);
	ck_assert_uint_eq(case_now(&fixture, campaign.id).counts.waiting, DEVICES);
}
END_TEST

START_TEST(all_campaigns_share_the_turn)
{
	struct campaign even = run_shut("rack=0"), odd = run_shut("rack=1");
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(count_jobs(even.id), SUBMITS);
	ck_assert_uint_eq(count_jobs(odd.id), 0);
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(count_jobs(even.id), DEVICES / 2);
	ck_assert_uint_eq(count_jobs(odd.id), 2 * SUBMITS - DEVICES / 2);
	case_settle_turns(&fixture);
	ck_assert_uint_eq(count_jobs(odd.id), DEVICES / 2);
}
END_TEST

static void check_wave(const struct campaign *campaign, size_t number, uint32_t devices, enum wave_state state)
{
	const struct campaign_wave *wave = &campaign->order.waves[number];
	ck_assert_uint_eq(wave->devices, devices);
	ck_assert_uint_eq(wave->finished, devices);
	ck_assert_int_eq(wave->state, state);
}

static void check_ended(const struct campaign *campaign)
{
	const struct campaign_counts expected = {.total = DEVICES, .succeeded = 1, .failed = 2, .cancelled = 67, .skipped = 30};
	ck_assert_mem_eq(&campaign->counts, &expected, sizeof(expected));
	check_wave(campaign, 0, 40, WAVE_DONE);
	check_wave(campaign, 1, 30, WAVE_PENDING);
	ck_assert_int_eq(campaign->state, CAMPAIGN_STOPPED);
}

/* Two waves, and some in none; one is in maintenance, one is absent. Then it is stopped. */
START_TEST(what_has_ended_is_counted_on_the_disk)
{
	struct campaign *list = NULL;
	size_t count = 0;
	bool more;
	struct campaign_order order = {.offline = OFFLINE_FAIL, .wave_count = 2, .waves = {{.number = 40}, {.number = 30}}};
	ck_assert(window_parse("daily 23:00 2h UTC", &order.window));
	case_set_maintenance(&fixture, 0, true);
	case_unplug(&fixture, 1);
	struct campaign campaign = case_run(&fixture, &order);
	case_settle_turns(&fixture);
	case_direct(&fixture, campaign.id, CAMPAIGN_STOP);
	case_settle_turns(&fixture);
	/* Nothing of it is in memory any more. */
	state_sql(fixture.config.state_dir, "UPDATE campaign_members SET state = 'succeeded' WHERE device = 'modem2'");
	struct campaign now = case_now(&fixture, campaign.id);
	check_ended(&now);
	ck_assert_int_eq(gateway_campaigns(fixture.gateway, "", 10, &list, &count, &more, &fault), 0);
	ck_assert_uint_eq(count, 1);
	check_ended(&list[0]);
	free(list);
	struct campaign_report report;
	ck_assert_int_eq(gateway_campaign_report(fixture.gateway, campaign.id, &all, &report, &fault), 0);
	check_ended(&report.campaign);
	campaign_report_clear(&report);
}
END_TEST

static const struct {
	const char *after;
	unsigned limit, first, count;
	bool more;
} pages[] = {
    {"", 0, 0, DEVICES, false},   {"", DEVICES, 0, DEVICES, false}, {"", DEVICES - 1, 0, DEVICES - 1, true}, {"modem0", 1, 1, 1, true},
    {"modem97", 2, 98, 2, false}, {"modem97", 0, 98, 2, false},     {"modem99", 5, 100, 0, false},
};

static void check_page(const char *campaign, size_t row)
{
	char name[DEVICE_ID_SIZE];
	struct campaign_report report;
	struct campaign_page page = {.limit = pages[row].limit};
	strcpy(page.after, pages[row].after);
	ck_assert_int_eq(gateway_campaign_report(fixture.gateway, campaign, &page, &report, &fault), 0);
	ck_assert_uint_eq(report.count, pages[row].count);
	ck_assert_int_eq(report.more, pages[row].more);
	ck_assert_uint_eq(report.campaign.counts.total, DEVICES);
	for (size_t i = 0; i < report.count; i++) {
		snprintf(name, sizeof(name), "modem%zu", pages[row].first + i);
		ck_assert_str_eq(report.members[i].device, name);
		ck_assert_str_eq(report.devices[i].alias, i + pages[row].first == 98 ? "the blue board" : "");
		ck_assert_str_eq(report.devices[i].labels[0].key, "rack");
	}
	campaign_report_clear(&report);
	strcpy(page.after, "modem100");
	ck_assert_int_eq(gateway_campaign_report(fixture.gateway, campaign, &page, &report, &fault), -EPROTO);
	ck_assert_str_eq(fault.message, "\"after\" has a value that is no device of the campaign: modem100");
	campaign_report_clear(&report);
}

/* More events than are kept, between what it waits for and the turn. */
START_TEST(what_was_drowned_by_events_is_not_missed)
{
	struct campaign_order order = {.selector = "id=modem0"};
	case_unplug(&fixture, 0);
	struct campaign campaign = case_run(&fixture, &order);
	case_settle_turns(&fixture);
	ck_assert_uint_eq(case_now(&fixture, campaign.id).counts.waiting, 1);
	uint64_t before = event_bus_head(fixture.gateway->events);
	struct event *first = NULL;
	case_plug(&fixture, 0);
	for (int kept = 1; kept == 1;) {
		event_publish_firmware(fixture.gateway->events, EVENT_FIRMWARE_CHANGED, "");
		kept = event_bus_read(fixture.gateway->events, before, &first, 1);
		if (kept == 1)
			event_unref(first);
	}
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
}
END_TEST

/* From the memory, then from the disk; with what the devices are called by now. */
START_TEST(the_report_has_pages)
{
	struct device changed;
	struct campaign campaign = run_shut("");
	const struct device_patch patch = {.set_alias = true, .alias = "the blue board"};
	case_settle_turns(&fixture);
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem98", &patch, &changed, &fault), 0);
	check_page(campaign.id, (size_t)_i);
	case_direct(&fixture, campaign.id, CAMPAIGN_STOP);
	case_settle_turns(&fixture);
	check_page(campaign.id, (size_t)_i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("campaign_turn");
	TCase *tests = tcase_create("turn");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, one_gateway_clear);
	tcase_add_test(tests, many_devices_get_their_jobs_over_several_turns);
	tcase_add_test(tests, all_campaigns_share_the_turn);
	tcase_add_test(tests, what_has_ended_is_counted_on_the_disk);
	tcase_add_test(tests, what_was_drowned_by_events_is_not_missed);
	tcase_add_loop_test(tests, the_report_has_pages, 0, (int)(sizeof(pages) / sizeof(pages[0])));
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
