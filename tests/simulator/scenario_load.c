/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/scenario.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/scenario_place.h"

#define IN(trigger)  (1U << (trigger))
#define ON_ANY       0x7fU
#define ON_FRAMES    (IN(TRIGGER_FRAME) | IN(TRIGGER_BLOCK) | IN(TRIGGER_BYTES))
#define NAMES(table) (sizeof(table) / sizeof((table)[0]))
#define DAMAGE_KEYS  "count of part"

enum { DURATION_MAX_MS = 86400000, RATE_MAX = 4000000 };

struct verb_row {
	const char *name;
	enum verb verb;
	unsigned triggers; /* what it can wait for */
	const char *keys;  /* what it takes besides modem, when, do and times */
	const char *needs; /* the one of them it cannot be without */
};

static const struct verb_row verbs[] = {
    {"drop", VERB_DROP, ON_ANY, DAMAGE_KEYS, NULL},
    {"corrupt", VERB_CORRUPT, ON_ANY, DAMAGE_KEYS, NULL},
    {"delay", VERB_DELAY, ON_ANY, "ms", "ms"},
    {"nack", VERB_NACK, ON_FRAMES, "", NULL},
    {"not-understood", VERB_NOT_UNDERSTOOD, ON_FRAMES, "", NULL},
    {"silence", VERB_SILENCE, ON_ANY, "ms", NULL},
    {"error", VERB_ERROR, IN(TRIGGER_COMMAND) | ON_FRAMES, "", NULL},
    {"noise", VERB_NOISE, ON_ANY, "count", NULL},
    {"text", VERB_TEXT, ON_ANY, "text", "text"},
    {"hang-up", VERB_HANG_UP, ON_ANY, "ms as", NULL},
    {"power-loss", VERB_POWER_LOSS, ON_ANY, "ms as", NULL},
    {"answer", VERB_ANSWER, IN(TRIGGER_COMMAND), "text", "text"},
    {"rate", VERB_RATE, ON_ANY, "bps", "bps"},
    {"break", VERB_BREAK, ON_ANY, "ms", NULL},
    {"stall", VERB_STALL, IN(TRIGGER_RECORD), "ms", "ms"},
    {"residue", VERB_RESIDUE, IN(TRIGGER_BLOCK) | IN(TRIGGER_BYTES), "count", "count"},
    {"refuse-session", VERB_REFUSE_SESSION, IN(TRIGGER_FRAME), "", NULL},
    {"stale-ok", VERB_STALE_OK, IN(TRIGGER_COMMAND), "", NULL},
    {"board-reset", VERB_BOARD_RESET, ON_ANY, "", NULL},
};

static const char *const frame_names[] = {"reset", "open", "cmd", "block", "data-type"};
static const char *const state_names[] = {"application", "recovery", "data",    "stp",    "apply", "restart",
					  "ffh",         "mtools",   "updater", "helper", "dead"};
static const char *const trigger_names[] = {"command", "frame", "block", "bytes", "record", "state", "at_ms"};

/* What has an end by nature cannot last for ever. */
static bool read_duration(const struct place *place, json_t *object, struct rule *rule)
{
	bool endless = rule->verb == VERB_SILENCE || rule->verb == VERB_HANG_UP || rule->verb == VERB_POWER_LOSS;

	rule->ms_given = json_object_get(object, "ms") != NULL;
	if (endless && !place_endless(place, object, "ms", "forever", &rule->ms))
		return false;
	if (!endless && !place_number(place, object, "ms", 0, &rule->ms))
		return false;
	if (rule->ms != UINT64_MAX && rule->ms > DURATION_MAX_MS)
		return place_wrong(place, "\"ms\": at most %d", DURATION_MAX_MS);
	return true;
}

static bool read_block(const struct place *place, json_t *when, json_t *value, struct rule *rule)
{
	static const char *const words[] = {"first", "middle", "last"};
	static const uint64_t numbers[] = {1, BLOCK_MIDDLE, BLOCK_LAST};
	uint64_t index = 0;

	if (!json_is_string(value))
		return place_number(place, when, "block", 1, &rule->number);
	if (!place_name(place, value, "block", words, NAMES(words), &index))
		return false;
	rule->number = numbers[index];
	return true;
}

static bool read_trigger_value(const struct place *place, json_t *when, struct rule *rule)
{
	const char *key = trigger_names[rule->trigger];
	json_t *value = json_object_get(when, key);

	switch (rule->trigger) {
	case TRIGGER_COMMAND:
		return place_text(place, value, key, rule->command);
	case TRIGGER_FRAME:
		return place_name(place, value, key, frame_names, NAMES(frame_names), &rule->number);
	case TRIGGER_STATE:
		return place_name(place, value, key, state_names, NAMES(state_names), &rule->number);
	case TRIGGER_BLOCK:
		return read_block(place, when, value, rule);
	case TRIGGER_RECORD:
		return place_number(place, when, key, 0, &rule->number) && place_number(place, when, "before", 1, &rule->before);
	case TRIGGER_BYTES:
	case TRIGGER_AT_MS:
		return place_number(place, when, key, 0, &rule->number);
	}
	return false;
}

static bool read_mode(const struct place *place, json_t *when, struct rule *rule)
{
	uint64_t mode = 0;

	if (!json_object_get(when, "mode"))
		return true;
	if (!place_number(place, when, "mode", 0, &mode))
		return false;
	rule->mode = (int)mode;
	return mode <= 4 || place_wrong(place, "\"mode\": a boot mode from 0 to 4 is needed");
}

static bool read_when(const struct place *place, json_t *when, struct rule *rule)
{
	unsigned found = 0;

	if (place->order) {
		rule->trigger = TRIGGER_AT_MS;
		return true;
	}
	if (!when && rule->verb == VERB_REFUSE_SESSION) {
		rule->trigger = TRIGGER_FRAME;
		rule->number = 1;
		return true;
	}
	if (!when)
		return place_wrong(place, "\"when\" is missing");
	if (!place_keys_known(place, when, "command frame block bytes record state at_ms", "nth mode before"))
		return false;
	for (size_t i = 0; i < NAMES(trigger_names); i++)
		if (json_object_get(when, trigger_names[i])) {
			rule->trigger = (enum trigger)i;
			found++;
		}
	if (found != 1)
		return place_wrong(place, "\"when\": exactly one of command, frame, block, bytes, record, state, at_ms is needed");
	if (json_object_get(when, "before") && rule->trigger != TRIGGER_RECORD)
		return place_wrong(place, "\"before\": only a record has a place before it");
	return place_number(place, when, "nth", 1, &rule->nth) && read_mode(place, when, rule) && read_trigger_value(place, when, rule);
}

/* The name of a port is one file in the folder of the ports. */
static bool read_name(const struct place *place, json_t *object, struct rule *rule)
{
	const char *name = json_string_value(json_object_get(object, "as"));
	size_t length = name ? strlen(name) : 0;

	if (!json_object_get(object, "as"))
		return true;
	if (length == 0 || length >= sizeof(rule->as) || name[0] == '.' || strchr(name, '/'))
		return place_wrong(place, "\"as\": a file name of 1 to %zu bytes is needed", sizeof(rule->as) - 1);
	memcpy(rule->as, name, length + 1);
	return true;
}

static bool read_rate(const struct place *place, json_t *object, struct rule *rule)
{
	if (!place_number(place, object, "bps", 300, &rule->rate))
		return false;
	return rule->rate <= RATE_MAX || place_wrong(place, "\"bps\": at most %d", RATE_MAX);
}

/* The very bytes, of which there may be none and which may be NUL. */
static bool read_answer(const struct place *place, json_t *object, struct rule *rule)
{
	json_t *value = json_object_get(object, "text");

	rule->text_length = json_string_length(value);
	if (!json_is_string(value) || rule->text_length >= sizeof(rule->text))
		return place_wrong(place, "\"text\": a text of 0 to %zu bytes is needed", sizeof(rule->text) - 1);
	memcpy(rule->text, json_string_value(value), rule->text_length);
	return true;
}

static bool read_details(const struct place *place, json_t *object, struct rule *rule)
{
	if (!read_name(place, object, rule) || !read_rate(place, object, rule))
		return false;
	if (rule->verb == VERB_ANSWER)
		return read_answer(place, object, rule);
	return rule->verb != VERB_TEXT || place_text(place, json_object_get(object, "text"), "text", rule->text);
}

static bool read_damage(const struct place *place, json_t *object, struct rule *rule)
{
	static const char *const directions[] = {"incoming", "outgoing"};
	static const char *const parts[] = {"payload", "header"};
	unsigned late = IN(TRIGGER_COMMAND) | IN(TRIGGER_RECORD) | IN(TRIGGER_STATE);
	json_t *of = json_object_get(object, "of");
	json_t *part = json_object_get(object, "part");
	uint64_t index = 0;

	rule->of = late & IN(rule->trigger) ? DIRECTION_OUTGOING : DIRECTION_INCOMING;
	if (of && !place_name(place, of, "of", directions, NAMES(directions), &index))
		return false;
	if (of)
		rule->of = index == 0 ? DIRECTION_INCOMING : DIRECTION_OUTGOING;
	if (rule->of == DIRECTION_INCOMING && late & IN(rule->trigger))
		return place_wrong(place, "\"of\": what came in has been taken by then; use \"outgoing\"");
	index = 0;
	if (part && !place_name(place, part, "part", parts, NAMES(parts), &index))
		return false;
	rule->header = index == 1;
	if (rule->header && !(ON_FRAMES & IN(rule->trigger)))
		return place_wrong(place, "\"part\": only frames have a header");
	return true;
}

static const struct verb_row *find_verb(const struct place *place, json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "do"));

	for (size_t i = 0; name && i < NAMES(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	if (name)
		place_wrong(place, "unknown verb \"%s\"", name);
	else
		place_wrong(place, "\"do\" is missing");
	return NULL;
}

static bool read_rule(const struct place *place, json_t *object, struct rule *rule)
{
	const struct verb_row *row;

	*rule = (struct rule){.mode = SCENARIO_ALL, .nth = 1, .times = 1, .count = UINT64_MAX, .ms = UINT64_MAX};
	if (!json_is_object(object))
		return place_wrong(place, "an object is needed");
	row = find_verb(place, object);
	if (!row || !place_keys_known(place, object, place->order ? "modem do" : "modem when do times", row->keys))
		return false;
	rule->verb = row->verb;
	if (row->needs && !json_object_get(object, row->needs))
		return place_wrong(place, "%s needs \"%s\"", row->name, row->needs);
	if (!place_modem(place, object, &rule->modem) || !read_when(place, json_object_get(object, "when"), rule))
		return false;
	if (!(row->triggers & IN(rule->trigger)))
		return place_wrong(place, "%s cannot wait for \"%s\"", row->name, trigger_names[rule->trigger]);
	if (rule->verb == VERB_REFUSE_SESSION && rule->number != 1)
		return place_wrong(place, "refuse-session can only wait for the frame \"open\"");
	if (!place_endless(place, object, "times", "always", &rule->times) || !read_duration(place, object, rule) ||
	    !place_number(place, object, "count", 1, &rule->count))
		return false;
	return read_details(place, object, rule) && read_damage(place, object, rule);
}

static bool read_rules(struct scenario *scenario, const char *path, json_t *array)
{
	scenario->rules = calloc(json_array_size(array) + 1, sizeof(*scenario->rules));
	if (!scenario->rules)
		return place_wrong(&(struct place){.path = path}, "out of memory");
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct place place = {.path = path, .what = "rule", .number = i + 1};

		if (!read_rule(&place, json_array_get(array, i), &scenario->rules[i]))
			return false;
		scenario->rule_count++;
	}
	return true;
}

static bool read_settings(struct scenario *scenario, const char *path, json_t *array)
{
	scenario->settings = calloc(json_array_size(array) + 1, sizeof(*scenario->settings));
	if (!scenario->settings)
		return place_wrong(&(struct place){.path = path}, "out of memory");
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct place place = {.path = path, .what = "setting", .number = i + 1};

		if (!scenario_read_setting(&place, json_array_get(array, i), &scenario->settings[i]))
			return false;
		scenario->setting_count++;
	}
	return true;
}

static bool read_document(struct scenario *scenario, const char *path, json_t *document)
{
	struct place place = {.path = path};
	json_t *rules = json_is_array(document) ? document : json_object_get(document, "rules");
	json_t *settings = json_is_array(document) ? NULL : json_object_get(document, "settings");

	if (!json_is_array(document) && !place_keys_known(&place, document, "rules settings", ""))
		return false;
	if (rules && !json_is_array(rules))
		return place_wrong(&place, "\"rules\": a list is needed");
	if (settings && !json_is_array(settings))
		return place_wrong(&place, "\"settings\": a list is needed");
	return (!rules || read_rules(scenario, path, rules)) && (!settings || read_settings(scenario, path, settings));
}

bool scenario_read_order(struct rule *ret, const char *line)
{
	struct place place = {.path = "order", .order = true};
	json_error_t error;
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	bool good = object ? read_rule(&place, object, ret) : place_wrong(&place, "%s", error.text);

	json_decref(object);
	return good;
}

bool scenario_load(struct scenario *ret, const char *path)
{
	struct place place = {.path = path};
	json_error_t error;
	json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	bool good;

	*ret = (struct scenario){0};
	if (!document && error.line > 0)
		return place_wrong(&place, "line %d: %s", error.line, error.text);
	if (!document)
		return place_wrong(&place, "%s", error.text);
	good = read_document(ret, path, document);
	json_decref(document);
	if (!good)
		scenario_free(ret);
	return good;
}
