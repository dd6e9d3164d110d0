/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/time_zone.h"

#define DAY_S   86400
#define GRACE_S 60u
#define ALL     0x7Fu

static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const char days_problem[] = "days are sun, mon, tue, wed, thu, fri, sat: a list (sat,sun), a range (mon-fri), or daily";
static const char from_problem[] = "from is a time of the day, 00:00 to 23:59";
static const char length_problem[] = "length is 5 minutes to 7 days: 6h, 90m, 1h30m";
static const char zone_problem[] = "zone is the name of a time zone, as Europe/Paris or UTC";

static int day_named(const char *text, size_t length)
{
	for (int i = 0; i < 7; i++)
		if (length == 3 && memcmp(text, day_names[i], 3) == 0)
			return i;
	return -1;
}

static bool add_days(const char *term, size_t length, uint8_t *days)
{
	if (length == 5 && memcmp(term, "daily", 5) == 0) {
		*days = ALL;
		return true;
	}
	int from = day_named(term, length < 3 ? length : 3), to = from;
	if (length == 7 && term[3] == '-')
		to = day_named(term + 4, 3);
	else if (length != 3)
		return false;
	if (from < 0 || to < 0)
		return false;
	for (int day = from;; day = (day + 1) % 7) {
		*days |= (uint8_t)(1u << day);
		if (day == to)
			return true;
	}
}

static const char *set_days(struct window *window, const char *value)
{
	window->days = 0;
	for (const char *term = value;; term++) {
		size_t length = strcspn(term, ",");
		size_t skipped = strspn(term, " ");
		size_t end = length;
		while (end > skipped && term[end - 1] == ' ')
			end--;
		if (skipped >= end || !add_days(term + skipped, end - skipped, &window->days))
			return days_problem;
		term += length;
		if (*term == '\0')
			return NULL;
	}
}

static bool take_digits(const char **text, size_t most, uint32_t *ret)
{
	size_t count = 0;
	for (*ret = 0; count < most && **text >= '0' && **text <= '9'; count++, (*text)++)
		*ret = *ret * 10 + (uint32_t)(**text - '0');
	return count > 0;
}

static const char *set_from(struct window *window, const char *value)
{
	uint32_t hours, minutes;
	const char *colon = strchr(value, ':');
	if (!take_digits(&value, 2, &hours) || value != colon || strlen(colon) != 3)
		return from_problem;
	value++;
	if (!take_digits(&value, 2, &minutes) || *value != '\0' || hours > 23 || minutes > 59)
		return from_problem;
	window->from_s = hours * 3600 + minutes * 60;
	return NULL;
}

static const char *set_length(struct window *window, const char *value)
{
	uint32_t number, total_s = 0;
	const char *unit = "hm";
	while (*value != '\0') {
		if (!take_digits(&value, 5, &number) || *value == '\0' || strchr(unit, *value) == NULL)
			return length_problem;
		total_s += number * (*value == 'h' ? 3600u : 60u);
		unit = *value == 'h' ? "m" : ""; /* hours before minutes, each once */
		value++;
	}
	if (total_s < WINDOW_LENGTH_MIN_S || total_s > WINDOW_LENGTH_MAX_S)
		return length_problem;
	window->length_s = total_s;
	return NULL;
}

static const char *set_zone(struct window *window, const char *value)
{
	if (value[0] == '\0' || strlen(value) >= sizeof(window->zone) || strpbrk(value, " \t") != NULL)
		return zone_problem;
	memcpy(window->zone, value, strlen(value) + 1);
	return NULL;
}

const char *window_set(struct window *window, const char *key, const char *value)
{
	static const struct {
		const char *key;
		const char *(*set)(struct window *window, const char *value);
	} keys[] = {{"days", set_days}, {"from", set_from}, {"length", set_length}, {"zone", set_zone}};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].set(window, value);
	return "a window has days, from, length and zone";
}

const char *window_problem(const struct window *window)
{
	if (window->days == 0 || window->length_s == 0 || window->zone[0] == '\0' || window->from_s == WINDOW_FROM_UNSET)
		return "a window needs days, from, length and zone";
	return NULL;
}

/* Ranges where there are three days or more in a row, the week beginning on Monday. */
void window_days_text(const struct window *window, char *ret, size_t size)
{
	size_t used = 0;
	ret[0] = '\0';
	if (window->days == ALL) {
		snprintf(ret, size, "daily");
		return;
	}
	for (int i = 0; i < 7 && used < size; i++) {
		int last = i;
		if ((window->days >> ((i + 1) % 7) & 1) == 0)
			continue;
		while (last < 6 && (window->days >> ((last + 2) % 7) & 1) != 0)
			last++;
		bool range = last - i >= 2;
		used += (size_t)snprintf(ret + used, size - used, "%s%s%s%s", used > 0 ? "," : "", day_names[(i + 1) % 7], range ? "-" : "",
					 range ? day_names[(last + 1) % 7] : "");
		i = range ? last : i;
	}
}

void window_from_text(const struct window *window, char *ret, size_t size)
{
	snprintf(ret, size, "%02u:%02u", window->from_s / 3600 % 24, window->from_s / 60 % 60);
}

void window_length_text(const struct window *window, char *ret, size_t size)
{
	uint32_t hours = window->length_s / 3600, minutes = window->length_s / 60 % 60;
	size_t used = 0;
	if (hours > 0)
		used = (size_t)snprintf(ret, size, "%uh", hours);
	if ((minutes > 0 || hours == 0) && used < size)
		snprintf(ret + used, size - used, "%um", minutes);
}

void window_text(const struct window *window, char *ret, size_t size)
{
	char days[32], from[8], length[16];
	window_days_text(window, days, sizeof(days));
	window_from_text(window, from, sizeof(from));
	window_length_text(window, length, sizeof(length));
	snprintf(ret, size, "%s %s %s %s%s%s", days, from, length, window->zone, window->name[0] != '\0' ? " " : "", window->name);
}

bool window_parse(const char *text, struct window *ret)
{
	static const char *const keys[] = {"days", "from", "length", "zone"};
	char copy[WINDOW_TEXT_SIZE];
	*ret = (struct window){0};
	if (strlen(text) >= sizeof(copy))
		return false;
	memcpy(copy, text, strlen(text) + 1);
	char *rest = copy;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *word = strsep(&rest, " ");
		if (word == NULL || window_set(ret, keys[i], word) != NULL)
			return false;
	}
	if (rest == NULL)
		return true;
	bool fits = strlen(rest) < sizeof(ret->name);
	if (fits)
		memcpy(ret->name, rest, strlen(rest) + 1);
	return fits;
}

static int64_t floor_day(int64_t local_s)
{
	return local_s / DAY_S - (local_s % DAY_S < 0);
}

int64_t window_next_start_ms(const struct window *window, const struct time_zone *zone, int64_t now_ms, uint32_t usual_s)
{
	int64_t length_ms = (int64_t)window->length_s * 1000;
	uint32_t most_s = window->length_s - GRACE_S;
	int64_t needed_ms = (int64_t)(usual_s < most_s ? usual_s : most_s) * 1000;
	int64_t now_s = now_ms / 1000;
	int64_t today = floor_day(now_s + time_zone_offset_s(zone, now_s));
	int64_t start_ms = now_ms;
	/* One that opened up to a window's length ago may still be open; the next is a week away at most. */
	for (int64_t day = today - (int64_t)(WINDOW_LENGTH_MAX_S / DAY_S) - 1; day <= today + 8; day++) {
		if ((window->days >> ((day + 4) % 7) & 1) == 0)
			continue;
		int64_t open_ms = time_zone_unix_s(zone, day * DAY_S + window->from_s) * 1000;
		start_ms = open_ms > now_ms ? open_ms : now_ms;
		if (start_ms + needed_ms <= open_ms + length_ms)
			break;
	}
	return start_ms;
}
