/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/time_zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX    65536u
#define HEADER_SIZE 44u
#define DAY_S       86400

/* "M3.5.0/2": the fifth (that is, last) Sunday of March at two. */
struct yearly {
	int month, week, weekday, at_s;
};

struct time_zone {
	size_t count;
	int64_t *at_s; /* from when on each offset holds */
	int32_t *offset_s;
	int32_t first_s; /* before all of them */
	/* What holds after the last of them, from the text at the end of the file. */
	bool has_rule, has_summer;
	int32_t winter_s, summer_s;
	struct yearly begin, end;
};

struct counts {
	uint32_t isut, isstd, leap, time, type, character;
};

static uint32_t read_32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t read_64(const uint8_t *bytes)
{
	return (int64_t)((uint64_t)read_32(bytes) << 32 | read_32(bytes + 4));
}

static bool read_header(const uint8_t *bytes, size_t length, struct counts *ret)
{
	if (length < HEADER_SIZE || memcmp(bytes, "TZif", 4) != 0)
		return false;
	*ret = (struct counts){read_32(bytes + 20), read_32(bytes + 24), read_32(bytes + 28),
			       read_32(bytes + 32), read_32(bytes + 36), read_32(bytes + 40)};
	/* A file with leap seconds counts another time than ours. */
	return ret->leap == 0 && ret->isut < FILE_MAX && ret->isstd < FILE_MAX && ret->time < FILE_MAX && ret->type < FILE_MAX &&
	       ret->character < FILE_MAX;
}

static size_t block_size(const struct counts *counts, size_t time_size)
{
	return counts->time * (time_size + 1) + counts->type * 6 + counts->character + counts->isstd + counts->isut;
}

static bool read_transitions(const uint8_t *block, const struct counts *counts, struct time_zone *zone)
{
	const uint8_t *kinds = block + counts->time * 8;
	const uint8_t *types = kinds + counts->time;
	zone->first_s = (int32_t)read_32(types);
	for (size_t i = 0; i < counts->time; i++) {
		if (kinds[i] >= counts->type)
			return false;
		zone->at_s[i] = read_64(block + i * 8);
		zone->offset_s[i] = (int32_t)read_32(types + kinds[i] * 6);
	}
	zone->count = counts->time;
	return true;
}

/* "CET", or "<+03>". */
static bool skip_name(const char **text)
{
	const char *from = *text;
	if (*from == '<') {
		*text = strchr(from, '>');
		return *text != NULL && (*text)++ != NULL;
	}
	while ((**text >= 'A' && **text <= 'Z') || (**text >= 'a' && **text <= 'z'))
		(*text)++;
	return *text - from >= 3;
}

static bool take_number(const char **text, int *ret)
{
	char *end = NULL;
	if (**text < '0' || **text > '9')
		return false;
	long number = strtol(*text, &end, 10);
	*text = end;
	*ret = (int)number;
	return number <= 366;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(const char **text, int *ret)
{
	int sign = **text == '-' ? -1 : 1, parts[3] = {0};
	*text += **text == '-' || **text == '+';
	if (!take_number(text, &parts[0]))
		return false;
	for (int i = 1; i < 3 && **text == ':'; i++) {
		(*text)++;
		if (!take_number(text, &parts[i]))
			return false;
	}
	*ret = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
	return true;
}

static bool take_yearly(const char **text, struct yearly *ret)
{
	ret->at_s = 7200;
	if (strncmp(*text, ",M", 2) != 0)
		return false;
	*text += 2;
	if (!take_number(text, &ret->month) || *(*text)++ != '.' || !take_number(text, &ret->week) || *(*text)++ != '.' ||
	    !take_number(text, &ret->weekday))
		return false;
	if (ret->month < 1 || ret->month > 12 || ret->week < 1 || ret->week > 5 || ret->weekday > 6)
		return false;
	if (**text != '/')
		return true;
	(*text)++;
	return take_time(text, &ret->at_s);
}

/* "CET-1CEST,M3.5.0,M10.5.0/3", where west is positive. What is not understood leaves the last offset of the table in force. */
static void read_rule(const char *text, struct time_zone *zone)
{
	int west_s;
	if (!skip_name(&text) || !take_time(&text, &west_s))
		return;
	zone->winter_s = -west_s;
	zone->has_rule = *text == '\0';
	if (*text == '\0' || !skip_name(&text))
		return;
	zone->summer_s = zone->winter_s + 3600;
	if (*text != ',' && take_time(&text, &west_s))
		zone->summer_s = -west_s;
	zone->has_summer = take_yearly(&text, &zone->begin) && take_yearly(&text, &zone->end) && *text == '\0';
	zone->has_rule = zone->has_summer;
}

static void read_footer(const uint8_t *bytes, size_t length, struct time_zone *zone)
{
	char text[128];
	const uint8_t *end = length > 1 && bytes[0] == '\n' ? memchr(bytes + 1, '\n', length - 1) : NULL;
	if (end == NULL || (size_t)(end - bytes) > sizeof(text))
		return;
	size_t size = (size_t)(end - bytes) - 1;
	memcpy(text, bytes + 1, size);
	text[size] = '\0';
	read_rule(text, zone);
}

int time_zone_parse(const uint8_t *bytes, size_t length, struct time_zone **ret)
{
	struct counts old, counts;
	if (!read_header(bytes, length, &old) || bytes[4] < '2')
		return -EINVAL;
	size_t skipped = HEADER_SIZE + block_size(&old, 4);
	if (skipped > length || !read_header(bytes + skipped, length - skipped, &counts) || counts.type == 0)
		return -EINVAL;
	const uint8_t *block = bytes + skipped + HEADER_SIZE;
	size_t left = length - skipped - HEADER_SIZE, size = block_size(&counts, 8);
	if (size > left)
		return -EINVAL;
	struct time_zone *zone = calloc(1, sizeof(*zone));
	if (zone == NULL)
		return -ENOMEM;
	zone->at_s = calloc(counts.time + 1, sizeof(*zone->at_s));
	zone->offset_s = calloc(counts.time + 1, sizeof(*zone->offset_s));
	int result = zone->at_s == NULL || zone->offset_s == NULL ? -ENOMEM : 0;
	if (result == 0 && !read_transitions(block, &counts, zone))
		result = -EINVAL;
	if (result < 0) {
		time_zone_free(zone);
		return result;
	}
	read_footer(block + size, left - size, zone);
	*ret = zone;
	return 0;
}

void time_zone_free(struct time_zone *zone)
{
	if (zone == NULL)
		return;
	free(zone->at_s);
	free(zone->offset_s);
	free(zone);
}

static bool is_zone_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	return name[0] != '\0' && name[0] != '/' && name[strspn(name, letters)] == '\0';
}

/* How much was read; -EINVAL for a file that is too big to be one. */
static ssize_t read_file(const char *path, uint8_t *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	ssize_t got = 1;
	size_t length = 0;
	while (got > 0 && length < FILE_MAX) {
		got = read(fd, ret + length, FILE_MAX - length);
		length += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	if (got < 0)
		return -ENOENT; /* a folder: "Europe" */
	return length < FILE_MAX ? (ssize_t)length : -EINVAL;
}

int time_zone_load(const char *name, struct time_zone **ret)
{
	char path[160];
	if (strcmp(name, "UTC") == 0) {
		*ret = calloc(1, sizeof(**ret));
		return *ret != NULL ? 0 : -ENOMEM;
	}
	if (!is_zone_name(name) || snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name) >= (int)sizeof(path))
		return -ENOENT;
	uint8_t *bytes = malloc(FILE_MAX);
	if (bytes == NULL)
		return -ENOMEM;
	ssize_t length = read_file(path, bytes);
	int result = length < 0 ? (int)length : time_zone_parse(bytes, (size_t)length, ret);
	free(bytes);
	return result;
}

static bool is_leap_year(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_before_year(int64_t year)
{
	int64_t past = year - 1;
	return (year - 1970) * 365 + (past / 4 - 492) - (past / 100 - 19) + (past / 400 - 4);
}

static int64_t year_of(int64_t unix_s)
{
	int64_t year = 1970 + unix_s / (365 * DAY_S);
	while (days_before_year(year) * DAY_S > unix_s)
		year--;
	return year;
}

/* By the clocks of the zone. */
static int64_t moment_in_year(const struct yearly *rule, int64_t year)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t day = days_before_year(year);
	for (int month = 1; month < rule->month; month++)
		day += lengths[month - 1] + (month == 2 && is_leap_year(year));
	int length = lengths[rule->month - 1] + (rule->month == 2 && is_leap_year(year));
	int first = (int)((day + 4) % 7); /* 1970-01-01 was a Thursday */
	int offset = (rule->weekday - first + 7) % 7 + (rule->week - 1) * 7;
	while (offset >= length)
		offset -= 7;
	return (day + offset) * DAY_S + rule->at_s;
}

static int32_t offset_by_rule(const struct time_zone *zone, int64_t unix_s)
{
	if (!zone->has_summer)
		return zone->winter_s;
	int64_t year = year_of(unix_s + zone->winter_s);
	int64_t begin_s = moment_in_year(&zone->begin, year) - zone->winter_s;
	int64_t end_s = moment_in_year(&zone->end, year) - zone->summer_s;
	bool summer = begin_s < end_s ? unix_s >= begin_s && unix_s < end_s : unix_s >= begin_s || unix_s < end_s;
	return summer ? zone->summer_s : zone->winter_s;
}

int32_t time_zone_offset_s(const struct time_zone *zone, int64_t unix_s)
{
	size_t low = 0, high = zone->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (zone->at_s[middle] <= unix_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->count && zone->has_rule)
		return offset_by_rule(zone, unix_s);
	return low == 0 ? zone->first_s : zone->offset_s[low - 1];
}

int64_t time_zone_unix_s(const struct time_zone *zone, int64_t local_s)
{
	int32_t before_s = time_zone_offset_s(zone, local_s - DAY_S), after_s = time_zone_offset_s(zone, local_s + DAY_S);
	if (time_zone_offset_s(zone, local_s - before_s) == before_s)
		return local_s - before_s;
	if (time_zone_offset_s(zone, local_s - after_s) == after_s)
		return local_s - after_s;
	/* Skipped: the moment of the jump, which is within the day on either side. */
	int64_t low = local_s - DAY_S, high = local_s + DAY_S;
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		if (time_zone_offset_s(zone, middle) == before_s)
			low = middle;
		else
			high = middle;
	}
	return high;
}
