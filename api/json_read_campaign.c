/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_read_campaign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/json_members.h"

#define COUNT_OF(array)       (sizeof(array) / sizeof((array)[0]))
#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define AT(type, member)      .offset = offsetof(type, member), .size = SIZE_OF(type, member)
#define ORDER(member)         AT(struct campaign_request, order.member)
#define REQUEST(member)       AT(struct campaign_request, order.request.member)
#define DEVICES_MAX           1000000

static const char *const ways[] = {"auto", "on-the-fly", "fff", "legacy", NULL};
static const char *const offline[] = {"wait", "skip", "fail", NULL};

static int member_stop_after(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	static const struct member_rule rules[] = {
	    {"failed", member_number_or_null, AT(struct campaign_stop_rules, failed), .min = 1, .max = DEVICES_MAX},
	    {"consecutive", member_number_or_null, AT(struct campaign_stop_rules, consecutive), .min = 1, .max = DEVICES_MAX},
	    {"percent", member_number_or_null, AT(struct campaign_stop_rules, percent), .min = 1, .max = 100},
	};
	if (!json_is_object(value))
		return read_error_set(ret_error, "%s must be an object", rule->name);
	return json_read_object(value, rules, COUNT_OF(rules), (char *)ret + rule->offset, ret_error);
}

struct wave_request {
	uint32_t count, percent;
	char selector[CAMPAIGN_SELECTOR_SIZE];
};

static int read_wave(json_t *value, struct campaign_wave *ret, struct read_error *ret_error)
{
	static const struct member_rule rules[] = {
	    {"count", member_number, AT(struct wave_request, count), .min = 1, .max = DEVICES_MAX},
	    {"percent", member_number, AT(struct wave_request, percent), .min = 1, .max = 100},
	    {"selector", member_text, AT(struct wave_request, selector)},
	};
	struct wave_request asked = {0};
	if (!json_is_object(value) || json_object_size(value) != 1)
		return read_error_set(ret_error, "a wave is an object with one of count, percent and selector");
	int r = json_read_object(value, rules, COUNT_OF(rules), &asked, ret_error);
	if (r < 0)
		return r;
	*ret = (struct campaign_wave){.kind = asked.count > 0     ? WAVE_COUNT
					      : asked.percent > 0 ? WAVE_PERCENT
								  : WAVE_SELECTOR,
				      .number = asked.count + asked.percent};
	memcpy(ret->selector, asked.selector, sizeof(ret->selector));
	return 0;
}

static int member_waves(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	struct campaign_order *order = &((struct campaign_request *)ret)->order;
	if (!json_is_array(value) || json_array_size(value) == 0 || json_array_size(value) > CAMPAIGN_WAVES_MAX)
		return read_error_set(ret_error, "%s must be an array of 1 to %u waves", rule->name, CAMPAIGN_WAVES_MAX);
	int r = 0;
	for (size_t i = 0; r == 0 && i < json_array_size(value); i++)
		r = read_wave(json_array_get(value, i), &order->waves[order->wave_count++], ret_error);
	return r;
}

static bool is_of_window(const char *key)
{
	static const char *const keys[] = {"days", "from", "length", "zone"};
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

/* The name of one of the configuration, or what such a section would say. */
static int member_window(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	struct campaign_request *request = ret;
	const char *key;
	json_t *text;
	const char *problem = NULL;
	if (json_is_string(value)) {
		const struct member_rule name = {.name = rule->name, AT(struct campaign_request, window_name), .min = 1};
		return member_text(&name, value, ret, ret_error);
	}
	if (!json_is_object(value))
		return read_error_set(ret_error, "%s must be a name or an object", rule->name);
	request->order.window = WINDOW_EMPTY;
	json_object_foreach(value, key, text)
	{
		if (!is_of_window(key))
			return read_error_set(ret_error, "unknown member \"%s\"", key);
		if (problem == NULL)
			problem = json_is_string(text) ? window_set(&request->order.window, key, json_string_value(text))
						       : "days, from, length and zone of a window are strings";
	}
	if (problem == NULL)
		problem = window_problem(&request->order.window);
	return problem != NULL ? read_error_set(ret_error, "%s", problem) : 0;
}

static int member_offline(const struct member_rule *rule, json_t *value, void *ret, struct read_error *ret_error)
{
	char name[8] = "";
	const struct member_rule plain = {.name = rule->name, .offset = 0, .size = sizeof(name), .one_of = offline};
	int r = member_text(&plain, value, name, ret_error);
	if (r == 0)
		(void)campaign_offline_parse(name, &((struct campaign_request *)ret)->order.offline);
	return r;
}

/* The first so many are those of a campaign alone. */
#define OWN_RULES 3u

static const struct member_rule rules[] = {
    {"waves", member_waves, ORDER(waves)},
    {"pause_after_wave", member_bool, ORDER(pause_after_wave)},
    {"soak_s", member_number, ORDER(soak_s), .min = 0, .max = CAMPAIGN_SOAK_MAX_S},
    {"name", member_name, ORDER(name)},
    {"firmware", member_text, AT(struct campaign_request, firmware), .min = 1, .required = true},
    {"selector", member_text, ORDER(selector), .required = true},
    {"helper", member_text, AT(struct campaign_request, helper), .min = 1},
    {"second", member_text, AT(struct campaign_request, second), .min = 1},
    {"way", member_text, REQUEST(way), .one_of = ways},
    {"force", member_bool, REQUEST(force)},
    {"allow_downgrade", member_bool, REQUEST(allow_downgrade)},
    {"allow_branch_switch", member_bool, REQUEST(allow_branch_switch)},
    {"priority", member_number, REQUEST(priority), .min = -100, .max = 100},
    {"rate", member_number, REQUEST(rate_bps), .min = 1200, .max = 4000000},
    {"attempts", member_number, REQUEST(attempts), .min = 1, .max = JOB_ATTEMPTS_MAX},
    {"deadline", member_time, REQUEST(deadline_ms)},
    {"max_parallel", member_number, ORDER(max_parallel), .min = 1, .max = CAMPAIGN_PARALLEL_MAX},
    {"stop_after", member_stop_after, ORDER(stop_after)},
    {"window", member_window, ORDER(window)},
    {"offline", member_offline, ORDER(offline)},
    {"dry_run", member_bool, AT(struct campaign_request, dry_run)},
};

int json_read_campaign(const char *body, size_t length, bool short_form, struct campaign_request *ret, struct read_error *ret_error)
{
	size_t skipped = short_form ? OWN_RULES : 0;
	*ret = (struct campaign_request){.order.request.way = "auto"};
	return json_read_members(body, length, rules + skipped, COUNT_OF(rules) - skipped, ret, ret_error);
}

int json_read_nothing(const char *body, size_t length, struct read_error *ret_error)
{
	return json_read_members(body, length, NULL, 0, NULL, ret_error);
}
