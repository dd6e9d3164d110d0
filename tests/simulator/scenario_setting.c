/* SPDX-License-Identifier: Apache-2.0 */
/* What a modem is like from its start on: the settings of a scenario, by a table. */
#include <string.h>

#include "tests/simulator/scenario.h"
#include "tests/simulator/scenario_place.h"

#define NAMES(table)  (sizeof(table) / sizeof((table)[0]))
#define FIELD(member) offsetof(struct setting, member)
#define DAY_MS        86400000

enum kind { KIND_NAME, KIND_NUMBER, KIND_FLAG, KIND_TEXT };

struct setting_row {
	const char *key;
	enum kind kind;
	size_t offset;
	const char *const *names; /* by value; ends with NULL */
	json_int_t least, most;
};

static const char *const starts[] = {"command", "data", "unpowered", "silent", NULL};
static const char *const rate_policies[] = {"default", "junk", "silence", NULL};
static const char *const board_starts[] = {"idle", "busy", NULL};
static const char *const ipr_policies[] = {"obey", "refuse", "ignore", NULL};
static const char *const ends[] = {"stay", "restart", NULL};

static const struct setting_row rows[] = {
    {"start", KIND_NAME, FIELD(start), starts, 0, 0},
    {"wrong_rate", KIND_NAME, FIELD(wrong_rate), rate_policies, 0, 0},
    {"stp_idle_ms", KIND_NUMBER, FIELD(stp_idle_ms), NULL, 1, DAY_MS},
    {"board", KIND_NAME, FIELD(board_busy), board_starts, 0, 0},
    {"mirror_drop", KIND_NUMBER, FIELD(mirror_drop), NULL, 2, INT64_MAX},
    {"mirror_buffer", KIND_NUMBER, FIELD(mirror_buffer), NULL, 1, INT64_MAX},
    {"ipr", KIND_NAME, FIELD(ipr), ipr_policies, 0, 0},
    {"passes", KIND_NUMBER, FIELD(passes), NULL, 1, 9},
    {"recovery_errors", KIND_FLAG, FIELD(recovery_errors), NULL, 0, 0},
    {"report_until_reset", KIND_TEXT, FIELD(report_until_reset), NULL, 0, 0},
    {"report_busy_ms", KIND_NUMBER, FIELD(report_busy_ms), NULL, 1, DAY_MS},
    {"break_ms", KIND_NUMBER, FIELD(break_ms), NULL, 1, DAY_MS},
    {"fragile", KIND_FLAG, FIELD(fragile), NULL, 0, 0},
    {"attached", KIND_FLAG, FIELD(attached), NULL, 0, 0},
    {"sleep_ms", KIND_NUMBER, FIELD(sleep_ms), NULL, 1, DAY_MS},
    {"after_upgrade", KIND_NAME, FIELD(restart_after_upgrade), ends, 0, 0},
};

static size_t count_names(const char *const *names)
{
	size_t count = 0;

	while (names[count])
		count++;
	return count;
}

static bool read_member(const struct place *place, json_t *object, const struct setting_row *row, struct setting *setting)
{
	json_t *value = json_object_get(object, row->key);
	void *field = (char *)setting + row->offset;

	switch (row->kind) {
	case KIND_NAME:
		return place_name(place, value, row->key, row->names, count_names(row->names), field);
	case KIND_NUMBER:
		if (json_integer_value(value) > row->most)
			return place_wrong(place, "\"%s\": at most %lld", row->key, (long long)row->most);
		return place_number(place, object, row->key, row->least, field);
	case KIND_FLAG:
		if (!json_is_boolean(value))
			return place_wrong(place, "\"%s\": true or false is needed", row->key);
		*(uint64_t *)field = json_is_true(value) ? 1 : 0;
		return true;
	case KIND_TEXT:
		return place_text(place, value, row->key, field);
	}
	return false;
}

static const struct setting_row *find_row(const char *key)
{
	for (size_t i = 0; i < NAMES(rows); i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

bool scenario_read_setting(const struct place *place, json_t *object, struct setting *ret)
{
	const char *key;
	json_t *value;

	*ret = (struct setting){0};
	if (!json_is_object(object))
		return place_wrong(place, "an object is needed");
	if (!place_modem(place, object, &ret->modem))
		return false;
	json_object_foreach(object, key, value)
	{
		const struct setting_row *row = find_row(key);

		if (!row && strcmp(key, "modem") != 0)
			return place_wrong(place, "unknown key \"%s\"", key);
		if (row && !read_member(place, object, row, ret))
			return false;
		if (row)
			ret->given |= 1U << (row - rows);
	}
	return true;
}

static void merge(struct setting *sum, const struct setting *one)
{
	for (size_t i = 0; i < NAMES(rows); i++) {
		size_t size = rows[i].kind == KIND_TEXT ? SCENARIO_TEXT_MAX : sizeof(uint64_t);

		if (one->given & 1U << i)
			memcpy((char *)sum + rows[i].offset, (const char *)one + rows[i].offset, size);
	}
}

struct setting scenario_settings(const struct scenario *scenario, unsigned modem)
{
	struct setting sum = {.modem = (int)modem};

	for (size_t i = 0; i < scenario->setting_count; i++) {
		const struct setting *one = &scenario->settings[i];

		if (one->modem == SCENARIO_ALL || one->modem == (int)modem)
			merge(&sum, one);
	}
	return sum;
}
