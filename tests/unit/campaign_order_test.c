/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/dupctl/campaign_order.h"
#include "cmd/dupctl/format.h"
#include "tests/unit/suite_run.h"

static const struct options plain = {.verb = VERB_CAMPAIGN_CREATE, .firmware = "f.dup", .all = true};

static void assert_body(const struct options *options, const char *json)
{
	json_t *body = campaign_order_body(options), *wanted = json_loads(json, 0, NULL);
	char *got = json_dumps(body, JSON_SORT_KEYS | JSON_COMPACT);

	ck_assert_ptr_nonnull(wanted);
	ck_assert_msg(json_equal(body, wanted), "%s", got);
	free(got);
	json_decref(body);
	json_decref(wanted);
}

START_TEST(everything_gets_its_member)
{
	struct options o = plain;
	struct text error = {0};

	assert_body(&o, "{\"firmware\": \"f.dup\", \"selector\": \"\"}");
	o.all = false;
	o.selector = "rack=1";
	o.name = "spring";
	o.waves = (struct option_list){{"2", "25%", "rack in (1,2)", "5%x"}, 4};
	o.stop_after = "failed=3, consecutive=2,percent=100";
	o.window = " sat,sun  22:00 6h\tEurope/Paris ";
	o.offline = "skip";
	o.max_parallel = (struct optional_number){true, 8};
	o.soak_s = (struct optional_number){true, 600};
	o.attempts = (struct optional_number){true, 2};
	o.deadline = "2026-01-31T23:00:00+01:00";
	o.pause_after_wave = o.force = o.allow_downgrade = o.allow_branch_switch = o.dry_run = true;
	o.helper = "h";
	o.second = "s";
	o.way = "fff";
	o.priority = (struct optional_number){true, -5};
	o.rate = (struct optional_number){true, 115200};
	ck_assert_int_eq(campaign_order_check(&o, &error), 0);
	assert_body(&o, "{\"firmware\": \"f.dup\", \"selector\": \"rack=1\", \"name\": \"spring\","
			"\"waves\": [{\"count\": 2}, {\"percent\": 25}, {\"selector\": \"rack in (1,2)\"}, {\"selector\": \"5%x\"}],"
			"\"stop_after\": {\"failed\": 3, \"consecutive\": 2, \"percent\": 100},"
			"\"window\": {\"days\": \"sat,sun\", \"from\": \"22:00\", \"length\": \"6h\", \"zone\": \"Europe/Paris\"},"
			"\"offline\": \"skip\", \"max_parallel\": 8, \"soak_s\": 600, \"pause_after_wave\": true, \"force\": true,"
			"\"allow_downgrade\": true, \"allow_branch_switch\": true, \"dry_run\": true, \"helper\": \"h\", \"second\": \"s\","
			"\"way\": \"fff\", \"priority\": -5, \"rate\": 115200, \"attempts\": 2,"
			"\"deadline\": \"2026-01-31T23:00:00+01:00\"}");
}
END_TEST

START_TEST(a_window_can_be_a_name)
{
	struct options o = plain;
	struct text error = {0};

	o.window = "night";
	ck_assert_int_eq(campaign_order_check(&o, &error), 0);
	assert_body(&o, "{\"firmware\": \"f.dup\", \"selector\": \"\", \"window\": \"night\"}");
}
END_TEST

START_TEST(a_deadline_can_count_from_now)
{
	struct options o = plain;
	json_t *body;
	int64_t deadline = 0, now = (int64_t)time(NULL);

	o.deadline = "2h";
	body = campaign_order_body(&o);
	ck_assert(parse_time(json_string_value(json_object_get(body, "deadline")), &deadline));
	ck_assert_int_ge(deadline, now + 7200);
	ck_assert_int_le(deadline, now + 7200 + 600);
	json_decref(body);
}
END_TEST

static const struct {
	const char *wave, *stop_after, *window, *name, *says;
} bad[] = {
    {"0", NULL, NULL, NULL, "--wave does not take '0'"},
    {"0%", NULL, NULL, NULL, "--wave does not take '0%'"},
    {"101%", NULL, NULL, NULL, "--wave does not take '101%'"},
    {"99999999999999999999", NULL, NULL, NULL, "at least one device"},
    {"x=\xff", NULL, NULL, NULL, "UTF-8"},
    {NULL, "", NULL, NULL, "--stop-after does not take ''"},
    {NULL, "failed", NULL, NULL, "--stop-after does not take 'failed'"},
    {NULL, "failed=1,failed=2", NULL, NULL, "--stop-after does not take"},
    {NULL, "errors=1", NULL, NULL, "--stop-after does not take"},
    {NULL, "percent=101", NULL, NULL, "--stop-after does not take"},
    {NULL, "failed=x", NULL, NULL, "--stop-after does not take"},
    {NULL, NULL, "mon 22:00 6h", NULL, "--window does not take"},
    {NULL, NULL, "mon 22:00 6h UTC now", NULL, "--window does not take"},
    {NULL, NULL, "\xff", NULL, "UTF-8"},
    {NULL, NULL, NULL, "\xff", "UTF-8"},
};

START_TEST(what_cannot_be_understood_is_said)
{
	struct options o = plain;
	text_owned error = {0};

	if (bad[_i].wave)
		o.waves = (struct option_list){{bad[_i].wave}, 1};
	o.stop_after = bad[_i].stop_after;
	o.window = bad[_i].window;
	o.name = bad[_i].name;
	ck_assert_int_lt(campaign_order_check(&o, &error), 0);
	ck_assert_msg(strstr(text_bytes(&error), bad[_i].says) != NULL, "%s", text_bytes(&error));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("campaign_order");
	TCase *order = tcase_create("order");

	tcase_add_test(order, everything_gets_its_member);
	tcase_add_test(order, a_window_can_be_a_name);
	tcase_add_test(order, a_deadline_can_count_from_now);
	tcase_add_loop_test(order, what_cannot_be_understood_is_said, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	suite_add_tcase(suite, order);
	return suite_run(suite);
}
