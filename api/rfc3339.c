/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rfc3339.h"

#include <stdio.h>
#include <time.h>

#define MS_PER_S INT64_C(1000)

static void format_second(int64_t unix_s, char *ret, size_t size)
{
	time_t when = (time_t)unix_s;
	struct tm tm;
	if (gmtime_r(&when, &tm) == NULL || strftime(ret, size, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		snprintf(ret, size, "1970-01-01T00:00:00");
}

void rfc3339_from_ms(int64_t unix_ms, char ret[static RFC3339_SIZE])
{
	char second[24];
	format_second(unix_ms / MS_PER_S, second, sizeof(second));
	snprintf(ret, RFC3339_SIZE, "%s.%03uZ", second, (unsigned)(unix_ms % MS_PER_S) % 1000u);
}

void rfc3339_from_s(int64_t unix_s, char ret[static RFC3339_SIZE])
{
	char second[24];
	format_second(unix_s, second, sizeof(second));
	snprintf(ret, RFC3339_SIZE, "%sZ", second);
}

/* Exactly `digits` digits from *text on, moved past; -1 when there are fewer or the number is out of its range. */
static int take_number(const char **text, int digits, int min, int max)
{
	int value = 0;
	for (int i = 0; i < digits; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return -1;
		value = value * 10 + (**text - '0');
	}
	return value < min || value > max ? -1 : value;
}

static bool take_char(const char **text, const char *any_of)
{
	for (; *any_of != '\0'; any_of++)
		if (**text == *any_of) {
			(*text)++;
			return true;
		}
	return false;
}

static bool take_date(const char **text, struct tm *ret)
{
	int year = take_number(text, 4, 1970, 9999);
	if (year < 0 || !take_char(text, "-"))
		return false;
	int month = take_number(text, 2, 1, 12);
	if (month < 0 || !take_char(text, "-"))
		return false;
	int day = take_number(text, 2, 1, 31);
	ret->tm_year = year - 1900;
	ret->tm_mon = month - 1;
	ret->tm_mday = day;
	return day > 0;
}

static bool take_time(const char **text, struct tm *ret)
{
	ret->tm_hour = take_number(text, 2, 0, 23);
	if (ret->tm_hour < 0 || !take_char(text, ":"))
		return false;
	ret->tm_min = take_number(text, 2, 0, 59);
	if (ret->tm_min < 0 || !take_char(text, ":"))
		return false;
	ret->tm_sec = take_number(text, 2, 0, 60);
	return ret->tm_sec >= 0;
}

static bool take_fraction(const char **text, int64_t *ret_ms)
{
	*ret_ms = 0;
	if (!take_char(text, "."))
		return true;
	int digits = 0;
	for (int64_t weight = 100; **text >= '0' && **text <= '9'; (*text)++, digits++, weight /= 10)
		*ret_ms += weight * (**text - '0');
	return digits >= 1 && digits <= 9;
}

static bool take_offset(const char **text, int64_t *ret_s)
{
	*ret_s = 0;
	if (take_char(text, "Zz"))
		return true;
	int sign = **text == '-' ? -1 : 1;
	if (!take_char(text, "+-"))
		return false;
	int hours = take_number(text, 2, 0, 23);
	if (hours < 0 || !take_char(text, ":"))
		return false;
	int minutes = take_number(text, 2, 0, 59);
	*ret_s = (int64_t)sign * (hours * 3600 + minutes * 60);
	return minutes >= 0;
}

bool rfc3339_parse(const char *text, int64_t *ret_unix_ms)
{
	struct tm tm = {0};
	int64_t fraction_ms, offset_s;
	if (!take_date(&text, &tm) || !take_char(&text, "Tt") || !take_time(&text, &tm) || !take_fraction(&text, &fraction_ms) ||
	    !take_offset(&text, &offset_s) || *text != '\0')
		return false;
	int day = tm.tm_mday, month = tm.tm_mon;
	bool leap_second = tm.tm_sec == 60;
	int64_t unix_s = timegm(&tm) - offset_s;
	/* timegm() turns 30 February into March. */
	if (!leap_second && (tm.tm_mday != day || tm.tm_mon != month))
		return false;
	*ret_unix_ms = unix_s * MS_PER_S + fraction_ms;
	return unix_s >= 0;
}
