/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONGEST_WAIT_S (30 * 24 * 3600)

void format_duration(struct text *text, int64_t seconds)
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 60)
		text_addf(text, "%" PRId64 " s", seconds);
	else if (seconds < 3600)
		text_addf(text, "%" PRId64 " m %02" PRId64 " s", seconds / 60, seconds % 60);
	else
		text_addf(text, "%" PRId64 " h %02" PRId64 " m", seconds / 3600, seconds / 60 % 60);
}

void format_size(struct text *text, int64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double value = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000) {
		text_addf(text, "%" PRId64 " B", bytes);
		return;
	}
	for (; value >= 999.95 && unit < 3; unit++)
		value /= 1000;
	text_addf(text, "%.1f %s", value, units[unit]);
}

void format_rate(struct text *text, int64_t bits_per_second)
{
	text_addf(text, "%.1f kB/s", (double)bits_per_second / 8000);
}

bool parse_integer(const char *argument, int64_t least, int64_t most, int64_t *ret)
{
	char *end;
	long long value;

	if (!strchr("+-0123456789", argument[0]) || argument[0] == '\0')
		return false;
	errno = 0;
	value = strtoll(argument, &end, 10);
	if (errno != 0 || end == argument || *end != '\0' || value < least || value > most)
		return false;
	*ret = value;
	return true;
}

bool parse_duration(const char *argument, int64_t *ret_seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
	size_t length = strlen(argument);
	int64_t factor = 1, count;
	char digits[16];

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && length > 0; i++) {
		if (argument[length - 1] == units[i].unit) {
			factor = units[i].seconds;
			length--;
			break;
		}
	}
	if (length == 0 || length >= sizeof(digits) || argument[0] < '0' || argument[0] > '9')
		return false;
	memcpy(digits, argument, length);
	digits[length] = '\0';
	if (!parse_integer(digits, 1, LONGEST_WAIT_S / factor, &count))
		return false;
	*ret_seconds = count * factor;
	return true;
}

/* "Z", "+01:00" → seconds to take off. */
static bool parse_offset(const char *zone, int64_t *ret_seconds)
{
	struct tm fields = {0};
	const char *rest = *zone == '+' || *zone == '-' ? strptime(zone + 1, "%H:%M", &fields) : NULL;

	*ret_seconds = (fields.tm_hour * 60 + fields.tm_min) * (*zone == '-' ? -60 : 60);
	return strcmp(zone, "Z") == 0 || (rest && *rest == '\0' && strlen(zone) == 6);
}

bool parse_time(const char *argument, int64_t *ret_seconds)
{
	struct tm fields = {0};
	const char *rest = strptime(argument, "%Y-%m-%dT%H:%M:%S", &fields);
	int64_t offset;

	if (!rest)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!parse_offset(rest, &offset))
		return false;
	*ret_seconds = timegm(&fields) - offset;
	return true;
}

void format_time(struct text *text, int64_t seconds)
{
	time_t moment = (time_t)seconds;
	char formatted[32];
	struct tm fields;

	if (gmtime_r(&moment, &fields) && strftime(formatted, sizeof(formatted), "%Y-%m-%dT%H:%M:%SZ", &fields) > 0)
		text_add(text, formatted);
}
