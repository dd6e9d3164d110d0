/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/window.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/moment.h"
#include "daemon/time_zone.h"
#include "tests/unit/suite_run.h"

static int64_t unix_ms(const char *text)
{
	struct tm tm = {0};
	ck_assert_ptr_nonnull(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm));
	return (int64_t)timegm(&tm) * 1000;
}

/* When a job of fifteen minutes that is there at `now` begins. Clocks in Paris went forward on 2026-03-29 and go back on 2026-10-25, both at 01:00 UTC. */
static const struct {
	const char *window, *now, *begins;
} starts[] = {
    {"daily 22:00 6h UTC", "2026-03-02T12:00:00Z", "2026-03-02T22:00:00Z"},
    {"daily 22:00 6h UTC", "2026-03-02T23:30:00Z", "2026-03-02T23:30:00Z"},
    {"daily 22:00 6h UTC", "2026-03-03T03:45:00Z", "2026-03-03T03:45:00Z"},
    {"daily 22:00 6h UTC", "2026-03-03T03:45:01Z", "2026-03-03T22:00:00Z"},   /* it would not fit */
    {"mon-fri 22:00 6h UTC", "2026-03-07T01:00:00Z", "2026-03-07T01:00:00Z"}, /* Friday's, on Saturday morning */
    {"mon-fri 22:00 6h UTC", "2026-03-07T12:00:00Z", "2026-03-09T22:00:00Z"},
    {"sun 00:00 168h UTC", "2026-03-07T12:00:00Z", "2026-03-07T12:00:00Z"},
    {"sat 10:00 5m UTC", "2026-03-07T10:01:00Z", "2026-03-07T10:01:00Z"}, /* longer than the window: a minute late at most */
    {"sat 10:00 5m UTC", "2026-03-07T10:01:01Z", "2026-03-14T10:00:00Z"},
    {"daily 22:00 1h Europe/Paris", "2026-01-10T12:00:00Z", "2026-01-10T21:00:00Z"},
    {"daily 22:00 1h Europe/Paris", "2026-07-10T12:00:00Z", "2026-07-10T20:00:00Z"},
    {"sun 02:30 1h Europe/Paris", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"}, /* 02:30 is skipped: 03:00 summer time */
    {"sun 02:30 1h Europe/Paris", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"}, /* the first of the two */
    {"sat 23:00 6h Europe/Paris", "2026-10-25T02:45:00Z",
     "2026-10-25T02:45:00Z"}, /* six hours that pass: 21:00 to 03:00 UTC and no later */
    {"daily 01:00 30m Europe/Paris", "2040-07-01T12:00:00Z", "2040-07-01T23:00:00Z"}, /* beyond the table of the file */
    {"daily 01:00 30m Europe/Paris", "2040-12-01T12:00:00Z", "2040-12-02T00:00:00Z"},
    {"daily 01:00 30m America/New_York", "2026-07-01T12:00:00Z", "2026-07-02T05:00:00Z"},
    {"daily 01:00 30m Asia/Kolkata", "2026-07-01T12:00:00Z", "2026-07-01T19:30:00Z"},
    {"daily 01:00 30m Australia/Sydney", "2045-01-01T12:00:00Z", "2045-01-01T14:00:00Z"}, /* summer over the end of the year */
};

START_TEST(a_job_begins_when_it_fits)
{
	struct window window;
	struct time_zone *zone = NULL;
	char seen[MOMENT_SIZE];
	ck_assert(window_parse(starts[_i].window, &window));
	ck_assert_int_eq(time_zone_load(window.zone, &zone), 0);
	moment_text(window_next_start_ms(&window, zone, unix_ms(starts[_i].now), JOB_USUAL_S), seen);
	time_zone_free(zone);
	ck_assert_str_eq(seen, starts[_i].begins);
}
END_TEST

START_TEST(the_c_library_agrees_on_every_hour)
{
	static const char *const zones[] = {"Europe/Paris",        "America/New_York",  "Asia/Kolkata",
					    "Australia/Lord_Howe", "Africa/Casablanca", "Europe/Dublin"};
	struct time_zone *zone = NULL;
	ck_assert_int_eq(time_zone_load(zones[_i], &zone), 0);
	ck_assert_int_eq(setenv("TZ", zones[_i], 1), 0);
	tzset();
	for (int64_t at = unix_ms("1975-01-01T00:00:00Z") / 1000; at < unix_ms("2060-01-01T00:00:00Z") / 1000; at += 3600) {
		struct tm tm;
		const time_t clock = at;
		localtime_r(&clock, &tm);
		ck_assert_msg(time_zone_offset_s(zone, at) == tm.tm_gmtoff, "%s at %lld: %d, not %ld", zones[_i], (long long)at,
			      time_zone_offset_s(zone, at), tm.tm_gmtoff);
	}
	time_zone_free(zone);
}
END_TEST

static const char *const not_zones[] = {"",         "Mars/Base", "Europe", "../../../etc/passwd", "/etc/passwd", "Europe/Paris ",
					"zone.tab", "tzdata.zi"};

START_TEST(what_is_no_zone_is_refused)
{
	struct time_zone *zone = NULL;
	int result = time_zone_load(not_zones[_i], &zone);
	ck_assert_msg(result == -ENOENT || result == -EINVAL, "\"%s\": %d", not_zones[_i], result);
	ck_assert_ptr_null(zone);
}
END_TEST

START_TEST(a_file_that_is_cut_off_is_refused)
{
	uint8_t bytes[64] = "TZif2";
	struct time_zone *zone = NULL;
	for (size_t length = 0; length < sizeof(bytes); length++)
		ck_assert_int_eq(time_zone_parse(bytes, length, &zone), -EINVAL);
}
END_TEST

static const struct {
	const char *key, *value, *shown; /* shown NULL: refused */
} values[] = {
    {"days", "mon-fri", "mon-fri"},
    {"days", "sat,sun", "sat,sun"},
    {"days", "sun, sat", "sat,sun"},
    {"days", "fri-mon", "mon,fri-sun"},
    {"days", "daily", "daily"},
    {"days", "mon-sun", "daily"},
    {"days", "wed", "wed"},
    {"days", "mon,wed-fri", "mon,wed-fri"},
    {"days", "", NULL},
    {"days", "monday", NULL},
    {"days", "mon,", NULL},
    {"days", "mon-", NULL},
    {"from", "22:00", "22:00"},
    {"from", "7:05", "07:05"},
    {"from", "24:00", NULL},
    {"from", "22:60", NULL},
    {"from", "22", NULL},
    {"from", "22:0", NULL},
    {"from", "", NULL},
    {"length", "6h", "6h"},
    {"length", "90m", "1h30m"},
    {"length", "1h30m", "1h30m"},
    {"length", "5m", "5m"},
    {"length", "168h", "168h"},
    {"length", "4m", NULL},
    {"length", "169h", NULL},
    {"length", "6", NULL},
    {"length", "30m1h", NULL},
    {"length", "", NULL},
    {"zone", "Europe/Paris", "Europe/Paris"},
    {"zone", "", NULL},
    {"zone", "a b", NULL},
    {"start", "22:00", NULL},
};

START_TEST(values_are_read_and_shown)
{
	char shown[64] = "";
	struct window window = WINDOW_EMPTY;
	const char *key = values[_i].key;
	const char *problem = window_set(&window, key, values[_i].value);
	ck_assert_msg((problem == NULL) == (values[_i].shown != NULL), "%s = %s: %s", key, values[_i].value, problem);
	if (problem != NULL)
		return;
	if (strcmp(key, "days") == 0)
		window_days_text(&window, shown, sizeof(shown));
	else if (strcmp(key, "from") == 0)
		window_from_text(&window, shown, sizeof(shown));
	else if (strcmp(key, "length") == 0)
		window_length_text(&window, shown, sizeof(shown));
	else
		strcpy(shown, window.zone);
	ck_assert_str_eq(shown, values[_i].shown);
}
END_TEST

START_TEST(a_window_is_one_line)
{
	char text[WINDOW_TEXT_SIZE];
	struct window window, again;
	ck_assert(window_parse("mon-fri 22:00 6h30m Europe/Paris night", &window));
	ck_assert_str_eq(window.name, "night");
	ck_assert_uint_eq(window.days, 0x3E);
	ck_assert_uint_eq(window.from_s, 22 * 3600);
	ck_assert_uint_eq(window.length_s, 23400);
	window_text(&window, text, sizeof(text));
	ck_assert_str_eq(text, "mon-fri 22:00 6h30m Europe/Paris night");
	ck_assert(window_parse("sat 01:00 1h UTC", &again));
	ck_assert_str_eq(again.name, "");
	ck_assert(!window_parse("sat 01:00 1h", &again));
	window = WINDOW_EMPTY;
	ck_assert_ptr_nonnull(window_problem(&window));
	ck_assert_ptr_null(window_set(&window, "days", "sat"));
	ck_assert_ptr_null(window_set(&window, "length", "1h"));
	ck_assert_ptr_null(window_set(&window, "zone", "UTC"));
	ck_assert_ptr_nonnull(window_problem(&window)); /* from is missing, and no midnight */
	ck_assert_ptr_null(window_set(&window, "from", "00:00"));
	ck_assert_ptr_null(window_problem(&window));
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *suite = suite_create("window");
	TCase *tests = tcase_create("windows");
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_job_begins_when_it_fits, 0, ROWS(starts));
	tcase_add_loop_test(tests, the_c_library_agrees_on_every_hour, 0, 6);
	tcase_add_loop_test(tests, what_is_no_zone_is_refused, 0, ROWS(not_zones));
	tcase_add_test(tests, a_file_that_is_cut_off_is_refused);
	tcase_add_loop_test(tests, values_are_read_and_shown, 0, ROWS(values));
	tcase_add_test(tests, a_window_is_one_line);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
