/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/campaign_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/dupctl/format.h"

#define DEVICES_MOST   1000000
#define WINDOW_WORDS   4u
#define WORD_SIZE      64u
#define SELECTOR_BYTES 255u

static const char *const stop_rules[] = {"failed", "consecutive", "percent"};
static const char *const window_members[WINDOW_WORDS] = {"days", "from", "length", "zone"};

static int order_refuse(struct text *error, const char *option, const char *value, const char *wanted)
{
	text_addf(error, "--%s does not take '", option);
	text_add_clean(error, value);
	text_addf(error, "': %s", wanted);
	return -EINVAL;
}

/* The next of the words that `separators` part, copied: false when there is none, or it is too long. */
static bool word_next(const char **at, const char *separators, char ret[static WORD_SIZE])
{
	size_t length;

	*at += strspn(*at, separators);
	length = strcspn(*at, separators);
	if (length == 0 || length >= WORD_SIZE)
		return false;
	memcpy(ret, *at, length);
	ret[length] = '\0';
	*at += length;
	return true;
}

/* "5" and "25%" are numbers, whatever else is a selector. NULL with a sentence. */
static json_t *wave_parse(const char *wave, struct text *error)
{
	size_t digits = strspn(wave, "0123456789");
	char number[WORD_SIZE] = "";
	int64_t value = 0;

	if (digits > 0 && digits < sizeof(number) && (wave[digits] == '\0' || strcmp(wave + digits, "%") == 0)) {
		bool percent = wave[digits] == '%';

		memcpy(number, wave, digits);
		if (parse_integer(number, 1, percent ? 100 : DEVICES_MOST, &value))
			return json_pack("{s:I}", percent ? "percent" : "count", (json_int_t)value);
		order_refuse(error, "wave", wave, percent ? "1% to 100%" : "a wave has at least one device");
		return NULL;
	}
	json_t *selector = strlen(wave) <= SELECTOR_BYTES ? json_pack("{s:s}", "selector", wave) : NULL;

	if (!selector)
		order_refuse(error, "wave", wave, "a selector is UTF-8 of at most 255 bytes");
	return selector;
}

static json_t *waves_parse(const struct option_list *waves, struct text *error)
{
	json_t *array = json_array();

	for (size_t i = 0; i < waves->count; i++) {
		json_t *wave = wave_parse(waves->values[i], error);

		if (!wave) {
			json_decref(array);
			return NULL;
		}
		json_array_append_new(array, wave);
	}
	return array;
}

static bool stop_rule_parse(char *rule, json_t *rules)
{
	char *value = strchr(rule, '=');
	int64_t number;

	if (!value)
		return false;
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(stop_rules) / sizeof(stop_rules[0]); i++) {
		int64_t most = strcmp(stop_rules[i], "percent") == 0 ? 100 : DEVICES_MOST;

		if (strcmp(stop_rules[i], rule) == 0 && !json_object_get(rules, rule) && parse_integer(value, 1, most, &number))
			return json_object_set_new(rules, rule, json_integer(number)) == 0;
	}
	return false;
}

static json_t *stop_after_parse(const char *value, struct text *error)
{
	json_t *rules = json_object();
	const char *at = value;
	char rule[WORD_SIZE];
	bool good = true;

	while (good && *at)
		good = word_next(&at, ", ", rule) && stop_rule_parse(rule, rules);
	if (good && json_object_size(rules) > 0)
		return rules;
	json_decref(rules);
	order_refuse(error, "stop-after", value,
		     "it wants failed=N, consecutive=N and percent=N (1 to 100), one or more, with commas between");
	return NULL;
}

/* A name, or four words. */
static json_t *window_parse(const char *value, struct text *error)
{
	const char *at = value;
	json_t *window;
	char word[WORD_SIZE];
	size_t count = 0;

	if (!strpbrk(value, " \t"))
		return json_string(value);
	window = json_object();
	while (count < WINDOW_WORDS && word_next(&at, " \t", word))
		json_object_set_new(window, window_members[count++], json_string(word));
	if (count == WINDOW_WORDS && json_object_size(window) == WINDOW_WORDS && at[strspn(at, " \t")] == '\0')
		return window;
	json_decref(window);
	order_refuse(error, "window", value, "it wants the name of one, or DAYS FROM LENGTH ZONE like 'mon-fri 22:00 6h Europe/Paris'");
	return NULL;
}

/* What is no UTF-8 would be missing from the request. */
static bool text_fits(const char *value)
{
	uint32_t character;
	size_t length = 1;

	for (; value && *value && length > 0; value += length)
		length = utf8_decode(value, &character);
	return length > 0;
}

int campaign_order_check(const struct options *options, struct text *error)
{
	json_t *waves = waves_parse(&options->waves, error);
	json_t *rules = waves && options->stop_after ? stop_after_parse(options->stop_after, error) : NULL;
	json_t *window = waves && options->window && text_fits(options->window) ? window_parse(options->window, error) : NULL;

	if (waves && !(text_fits(options->name) && text_fits(options->helper) && text_fits(options->second) && text_fits(options->window)))
		text_add(error, "names are UTF-8");
	json_decref(waves);
	json_decref(rules);
	json_decref(window);
	return error->length > 0 ? -EINVAL : 0;
}

static void member_add(json_t *body, const char *member, const char *value)
{
	if (value)
		json_object_set_new(body, member, json_string(value));
}

static void number_add(json_t *body, const char *member, struct optional_number number)
{
	if (number.set)
		json_object_set_new(body, member, json_integer(number.value));
}

static void flag_add(json_t *body, const char *member, bool set)
{
	if (set)
		json_object_set_new(body, member, json_true());
}

void order_terms_add(json_t *body, const struct options *options)
{
	int64_t seconds;

	number_add(body, "attempts", options->attempts);
	if (options->deadline && parse_duration(options->deadline, &seconds)) {
		text_owned moment = {0};

		format_time(&moment, (int64_t)time(NULL) + seconds);
		member_add(body, "deadline", moment.bytes);
	} else {
		member_add(body, "deadline", options->deadline);
	}
}

json_t *upgrade_order_body(const struct options *options)
{
	json_t *body = json_object();

	member_add(body, "helper", options->helper);
	member_add(body, "second", options->second);
	member_add(body, "way", options->way);
	flag_add(body, "force", options->force);
	flag_add(body, "allow_downgrade", options->allow_downgrade);
	flag_add(body, "allow_branch_switch", options->allow_branch_switch);
	number_add(body, "priority", options->priority);
	number_add(body, "rate", options->rate);
	order_terms_add(body, options);
	return body;
}

json_t *campaign_order_body(const struct options *options)
{
	json_t *body = upgrade_order_body(options);
	struct text error = {0};

	member_add(body, "name", options->name);
	member_add(body, "firmware", options->firmware);
	member_add(body, "selector", options->selector ? options->selector : "");
	number_add(body, "max_parallel", options->max_parallel);
	member_add(body, "offline", options->offline);
	if (options->stop_after)
		json_object_set_new(body, "stop_after", stop_after_parse(options->stop_after, &error));
	if (options->window)
		json_object_set_new(body, "window", window_parse(options->window, &error));
	if (options->waves.count > 0)
		json_object_set_new(body, "waves", waves_parse(&options->waves, &error));
	flag_add(body, "pause_after_wave", options->pause_after_wave);
	number_add(body, "soak_s", options->soak_s);
	flag_add(body, "dry_run", options->dry_run);
	text_clear(&error);
	return body;
}
