/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaign_plan.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define DEVICES 10u
#define COUNT(n)                                                                                                                           \
	{                                                                                                                                  \
		.kind = WAVE_COUNT, .number = (n)                                                                                          \
	}
#define PERCENT(n)                                                                                                                         \
	{                                                                                                                                  \
		.kind = WAVE_PERCENT, .number = (n)                                                                                        \
	}
#define SELECT(s)                                                                                                                          \
	{                                                                                                                                  \
		.kind = WAVE_SELECTOR, .selector = (s)                                                                                     \
	}

/* d0 … d9, the even ones in rack 0. The wave of each device as a digit; `-`: in none. */
static const struct {
	size_t count;
	struct campaign_wave waves[3];
	const char *expected;
} splits[] = {
    {1, {PERCENT(100)}, "0000000000"},
    {1, {COUNT(4)}, "0000------"},
    {2, {COUNT(1), PERCENT(100)}, "0111111111"},
    {3, {COUNT(2), PERCENT(25), PERCENT(100)}, "0011122222"}, /* a quarter of ten is three */
    {3, {PERCENT(33), PERCENT(33), PERCENT(34)}, "0000111122"},
    {2,
     {SELECT("rack=1"), COUNT(3)},
     "101010"
     "-0-0"},
    {2, {COUNT(3), SELECT("rack=0")}, "000-1-1-1-"},
    {3, {SELECT("rack=9"), COUNT(20), COUNT(1)}, "1111111111"},
    {2, {SELECT(""), COUNT(1)}, "0000000000"},
};

static void make_devices(struct device *devices)
{
	memset(devices, 0, DEVICES * sizeof(*devices));
	for (size_t i = 0; i < DEVICES; i++) {
		snprintf(devices[i].id, sizeof(devices[i].id), "d%zu", i);
		devices[i].label_count = 1;
		strcpy(devices[i].labels[0].key, "rack");
		strcpy(devices[i].labels[0].value, i % 2 == 0 ? "0" : "1");
	}
}

START_TEST(waves_take_their_devices)
{
	static struct device devices[DEVICES];
	struct campaign_order order = {.wave_count = splits[_i].count};
	struct job_fault fault = {0};
	int waves[DEVICES];
	char seen[DEVICES + 1] = "";
	make_devices(devices);
	memcpy(order.waves, splits[_i].waves, sizeof(splits[_i].waves));
	ck_assert_int_eq(campaign_split(&order, devices, DEVICES, waves, &fault), 0);
	for (size_t i = 0; i < DEVICES; i++)
		seen[i] = waves[i] < 0 ? '-' : (char)('0' + waves[i]);
	ck_assert_str_eq(seen, splits[_i].expected);
}
END_TEST

START_TEST(a_bad_selector_of_a_wave_is_refused)
{
	static struct device devices[DEVICES];
	struct campaign_order order = {.wave_count = 1, .waves = {SELECT("rack in (")}};
	struct job_fault fault = {0};
	int waves[DEVICES];
	make_devices(devices);
	ck_assert_int_eq(campaign_split(&order, devices, DEVICES, waves, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
}
END_TEST

/* What is true of the device, and what becomes of it. */
static const struct {
	const char *release, *job, *holder;
	bool offered, maintenance, quarantined, force, absent, stranded;
	enum campaign_offline offline;
	enum member_verdict verdict;
	const char *reason;
} devices_to_judge[] = {
    {.verdict = VERDICT_GO, .reason = ""},
    {.release = "LR1", .verdict = VERDICT_GO, .reason = ""},
    {.release = "LR2", .verdict = VERDICT_DONE, .reason = "it has LR2 already"},
    {.release = "LR2", .absent = true, .offline = OFFLINE_FAIL, .verdict = VERDICT_DONE, .reason = "it has LR2 already"},
    {.release = "LR2", .maintenance = true, .verdict = VERDICT_DONE, .reason = "it has LR2 already"},
    {.release = "LR2", .force = true, .verdict = VERDICT_GO, .reason = ""},
    {.release = "LR2", .stranded = true, .verdict = VERDICT_GO, .reason = ""},
    {.release = "LR2", .job = "j1", .verdict = VERDICT_WAIT, .reason = "the device d has the job j1"},
    {.job = "j1", .verdict = VERDICT_WAIT, .reason = "the device d has the job j1"},
    {.holder = "alice", .verdict = VERDICT_WAIT, .reason = "the device d is leased by alice until 2023-11-14T22:13:20Z"},
    {.absent = true, .verdict = VERDICT_WAIT, .reason = "the device d is absent"},
    {.absent = true, .offline = OFFLINE_SKIP, .verdict = VERDICT_SKIP, .reason = "the device d is absent"},
    {.absent = true, .offline = OFFLINE_FAIL, .verdict = VERDICT_FAIL, .reason = "the device d is absent"},
    {.absent = true,
     .holder = "a",
     .offline = OFFLINE_FAIL,
     .verdict = VERDICT_WAIT,
     .reason = "the device d is leased by a until 2023-11-14T22:13:20Z"},
    {.maintenance = true, .verdict = VERDICT_WAIT, .reason = "the device d is in maintenance"},
    {.maintenance = true, .job = "j1", .offline = OFFLINE_SKIP, .verdict = VERDICT_SKIP, .reason = "the device d is in maintenance"},
    {.maintenance = true, .absent = true, .offline = OFFLINE_FAIL, .verdict = VERDICT_FAIL, .reason = "the device d is in maintenance"},
    {.quarantined = true, .verdict = VERDICT_SKIP, .reason = "the device d is quarantined"},
    {.quarantined = true, .force = true, .verdict = VERDICT_GO, .reason = ""},
    {.offered = true, .force = true, .verdict = VERDICT_SKIP, .reason = "the device d is only offered: nobody has given it a profile"},
};

START_TEST(a_device_is_judged)
{
	char reason[200];
	struct campaign campaign = {.release = "LR2"};
	struct device device = {.id = "d", .state = devices_to_judge[_i].stranded ? DEVICE_STRANDED : DEVICE_READY};
	campaign.order.request.force = devices_to_judge[_i].force;
	campaign.order.offline = devices_to_judge[_i].offline;
	device.offered = devices_to_judge[_i].offered;
	device.maintenance = devices_to_judge[_i].maintenance;
	device.quarantine.since_ms = devices_to_judge[_i].quarantined;
	device.lease.expires_at_ms = INT64_C(1700000000000);
	if (devices_to_judge[_i].release != NULL)
		strcpy(device.modem.release, devices_to_judge[_i].release);
	if (devices_to_judge[_i].job != NULL)
		strcpy(device.job, devices_to_judge[_i].job);
	if (devices_to_judge[_i].holder != NULL)
		strcpy(device.lease.holder, devices_to_judge[_i].holder);
	ck_assert_int_eq(campaign_judge(&campaign, &device, !devices_to_judge[_i].absent, reason, sizeof(reason)),
			 devices_to_judge[_i].verdict);
	ck_assert_str_eq(reason, devices_to_judge[_i].reason);
}
END_TEST

START_TEST(a_device_that_is_gone_is_skipped)
{
	char reason[200];
	const struct campaign campaign = {.release = ""};
	ck_assert_int_eq(campaign_judge(&campaign, NULL, false, reason, sizeof(reason)), VERDICT_SKIP);
	ck_assert_str_eq(reason, "there is no such device any more");
	/* A firmware that declares nothing is on no device. */
	const struct device device = {.id = "d"};
	ck_assert_int_eq(campaign_judge(&campaign, &device, true, reason, sizeof(reason)), VERDICT_GO);
}
END_TEST

/* A letter for each member, in the order in which they ended: s succeeded, d done without a job, f failed, k skipped, q queued. */
static size_t make_members(const char *text, struct campaign_member *members)
{
	size_t count = strlen(text);
	for (size_t i = 0; i < count; i++) {
		struct campaign_member *member = &members[i];
		*member = (struct campaign_member){.ended = (int64_t)i + 1};
		member->state = text[i] == 'f'   ? MEMBER_FAILED
				: text[i] == 'k' ? MEMBER_SKIPPED
				: text[i] == 'q' ? MEMBER_QUEUED
						 : MEMBER_SUCCEEDED;
		if (text[i] == 's' || text[i] == 'f')
			strcpy(member->job, "j");
	}
	return count;
}

static const struct {
	struct campaign_stop_rules rules;
	const char *members;
	const char *reason; /* NULL: it goes on */
} stops[] = {
    {{0}, "ffff", NULL},
    {{.failed = 2}, "fqqq", NULL},
    {{.failed = 2}, "fsfq", "2 failed: it stops after 2"},
    {{.consecutive = 2}, "fsfq", NULL},
    {{.consecutive = 2}, "sffq", "2 failed one after the other: it stops after 2"},
    {{.consecutive = 2}, "ffsq", NULL},
    {{.consecutive = 2}, "fdfq", "2 failed one after the other: it stops after 2"}, /* done without a job proves nothing */
    {{.percent = 50}, "fqqq", NULL},
    {{.percent = 50}, "fkkq", "1 of 2 failed: it stops after 50 %"},
    {{.percent = 25}, "fqqq", "1 of 4 failed: it stops after 25 %"},
    {{.percent = 1}, "sqqq", NULL},
};

START_TEST(stop_rules_hold)
{
	char reason[200] = "";
	struct campaign_member members[8];
	size_t count = make_members(stops[_i].members, members);
	const struct campaign_members all = {.now = members, .count = count};
	struct campaign campaign = {.order = {.wave_count = 1, .stop_after = stops[_i].rules}};
	campaign_tally(&campaign, members, count);
	ck_assert_int_eq(campaign_tripped(&campaign, &all, reason, sizeof(reason)), stops[_i].reason != NULL);
	if (stops[_i].reason != NULL)
		ck_assert_str_eq(reason, stops[_i].reason);
}
END_TEST

/* Members in pairs: state letter, wave digit. */
static const struct {
	const char *members;
	uint32_t wave, soak_s;
	bool pause;
	int64_t done_ms;
	enum campaign_step step;
	uint32_t next;
} steps[] = {
    {"q0q1", 0, 0, false, 0, STEP_WORK, 9},
    {"s0q1", 0, 0, false, 0, STEP_ADVANCE, 1},
    {"s0f0q2", 0, 0, false, 0, STEP_ADVANCE, 2}, /* wave 1 is empty */
    {"s0q1", 0, 10, false, 0, STEP_SOAK, 1},
    {"s0q1", 0, 10, true, 100000 - 9999, STEP_SOAK, 1},
    {"s0q1", 0, 10, false, 100000 - 10000, STEP_ADVANCE, 1},
    {"s0q1", 0, 10, true, 100000 - 10000, STEP_ASK, 1},
    {"s0q1", 0, 0, true, 0, STEP_ASK, 1},
    {"q0s1q2", 1, 0, true, 0, STEP_WORK, 9}, /* one of before is tried again */
    {"s0f1k2", 1, 60, true, 0, STEP_FINISH, UINT32_MAX},
    {"s0k1", 0, 60, true, 0, STEP_FINISH, UINT32_MAX},
};

START_TEST(the_next_step_follows)
{
	struct campaign_member members[8];
	char letters[8] = "";
	size_t count = strlen(steps[_i].members) / 2;
	for (size_t i = 0; i < count; i++)
		letters[i] = steps[_i].members[2 * i];
	make_members(letters, members);
	for (size_t i = 0; i < count; i++)
		members[i].wave = steps[_i].members[2 * i + 1] - '0';
	uint32_t wave = 9;
	struct campaign campaign = {.wave = steps[_i].wave,
				    .wave_done_at_ms = steps[_i].done_ms,
				    .order = {.wave_count = 3, .soak_s = steps[_i].soak_s, .pause_after_wave = steps[_i].pause}};
	campaign_tally(&campaign, members, count);
	ck_assert_int_eq(campaign_next(&campaign, 100000, &wave), steps[_i].step);
	ck_assert_uint_eq(wave, steps[_i].next);
}
END_TEST

/* A letter for each member: 1 … 9: shut until then, q queued without a job, j with one, w waits for its device, r runs, s has succeeded; behind a |
 * those of the next wave. */
static const struct {
	const char *members;
	bool full;
	int64_t until_ms;
} shuts[] = {
    {"s3s2", false, 2}, {"s32q", true, 2}, {"s32q", false, 0}, {"3j2", true, 0}, {"3w", true, 0},
    {"3r", true, 0},    {"3|q", false, 3}, {"3|r", false, 0},  {"ss", true, 0},
};

START_TEST(a_campaign_is_shut_when_all_that_is_left_waits_for_its_window)
{
	struct campaign_member members[8] = {0};
	size_t count = 0;
	int wave = 0;
	for (const char *c = shuts[_i].members; *c != '\0'; c++) {
		if (*c == '|') {
			wave++;
			continue;
		}
		struct campaign_member *member = &members[count++];
		member->wave = wave;
		member->state = *c == 'q' || *c == 'j' ? MEMBER_QUEUED
				: *c == 'r'            ? MEMBER_RUNNING
				: *c == 's'            ? MEMBER_SUCCEEDED
						       : MEMBER_WAITING;
		member->shut_until_ms = *c >= '1' && *c <= '9' ? *c - '0' : 0;
		if (*c != 'q' && *c != 'w')
			strcpy(member->job, "j");
	}
	const struct campaign_members all = {.now = members, .count = count};
	struct campaign campaign = {.started_at_ms = 1, .order.wave_count = 2};
	campaign_tally(&campaign, members, count);
	ck_assert_int_eq(campaign_shut_until(&campaign, &all, shuts[_i].full), shuts[_i].until_ms);
}
END_TEST

START_TEST(counts_and_waves_are_told)
{
	char sum[64];
	struct campaign_member members[8];
	size_t count = make_members("sfkqq", members);
	struct campaign campaign = {.started_at_ms = 1, .order.wave_count = 3};
	members[2].wave = -1;
	members[4].wave = 1;
	members[4].state = MEMBER_RUNNING;
	campaign_tally(&campaign, members, count);
	ck_assert_uint_eq(campaign.counts.total, 5);
	ck_assert_uint_eq(campaign.counts.queued, 1);
	ck_assert_uint_eq(campaign.counts.running, 1);
	ck_assert_uint_eq(campaign.order.waves[0].devices, 3);
	ck_assert_uint_eq(campaign.order.waves[0].finished, 2);
	ck_assert_int_eq(campaign.order.waves[0].state, WAVE_RUNNING);
	ck_assert_int_eq(campaign.order.waves[1].state, WAVE_PENDING);
	campaign_sum_up(&campaign, sum, sizeof(sum));
	ck_assert_str_eq(sum, "1 succeeded, 1 failed, 1 skipped");
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *suite = suite_create("campaign_plan");
	TCase *tests = tcase_create("plan");
	tcase_add_loop_test(tests, waves_take_their_devices, 0, ROWS(splits));
	tcase_add_test(tests, a_bad_selector_of_a_wave_is_refused);
	tcase_add_loop_test(tests, a_device_is_judged, 0, ROWS(devices_to_judge));
	tcase_add_test(tests, a_device_that_is_gone_is_skipped);
	tcase_add_loop_test(tests, stop_rules_hold, 0, ROWS(stops));
	tcase_add_loop_test(tests, the_next_step_follows, 0, ROWS(steps));
	tcase_add_loop_test(tests, a_campaign_is_shut_when_all_that_is_left_waits_for_its_window, 0, ROWS(shuts));
	tcase_add_test(tests, counts_and_waves_are_told);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
