/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rfc3339.h"
#include "api/routes.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"

static const struct {
	const char *method, *path, *pattern, *parameter;
} found[] = {
    {"GET", "/devices", "/devices", ""},
    {"HEAD", "/devices", "/devices", ""},
    {"GET", "/devices/bench-1", "/devices/{id}", "bench-1"},
    {"PATCH", "/devices/bench-1", "/devices/{id}", "bench-1"},
    {"POST", "/devices/bench-1/upgrade", "/devices/{id}/upgrade", "bench-1"},
    {"GET", "/jobs/j1/events", "/jobs/{id}/events", "j1"},
    {"DELETE", "/jobs/events", "/jobs/{id}", "events"},
    {"GET", "/firmware/a%20b%2e%C3%A9", "/firmware/{sha256}", "a b.\xc3\xa9"},
    {"GET", "/firmware/a%2541", "/firmware/{sha256}", "a%41"},
    {"GET", "/openapi.yaml", "/openapi.yaml", ""},
};

START_TEST(route_is_found)
{
	struct exchange exchange = {0};
	const struct route *route = NULL;
	ck_assert_int_eq(route_find(&exchange, found[_i].method, found[_i].path, &route), 0);
	ck_assert_str_eq(route->pattern, found[_i].pattern);
	ck_assert_str_eq(route->method, strcmp(found[_i].method, "HEAD") == 0 ? "GET" : found[_i].method);
	ck_assert_str_eq(exchange.parameter, found[_i].parameter);
	ck_assert_str_eq(exchange.answer.allow, "");
}
END_TEST

static const struct {
	const char *method, *path;
	int status;
	const char *code, *allow;
} refused[] = {
    {"GET", "/", 404, "not-found", ""},
    {"GET", "", 404, "not-found", ""},
    {"GET", "/device", 404, "not-found", ""},
    {"GET", "/devicesx", 404, "not-found", ""},
    {"GET", "/devices/", 404, "not-found", ""},
    {"GET", "/devices/a/", 404, "not-found", ""},
    {"GET", "/devices//upgrade", 404, "not-found", ""},
    {"GET", "/devices/../jobs", 404, "not-found", ""},
    {"GET", "/Devices", 404, "not-found", ""},
    {"GET", "/devices%2Fa", 404, "not-found", ""},
    {"GET", "http://127.0.0.1/devices", 404, "not-found", ""},
    {"GET", "/devices/..", 400, "invalid-request", ""},
    {"GET", "/devices/.", 400, "invalid-request", ""},
    {"GET", "/devices/%2e%2E", 400, "invalid-request", ""},
    {"GET", "/devices/..%2fpasswd", 400, "invalid-request", ""},
    {"GET", "/devices/a%00b", 400, "invalid-request", ""},
    {"GET", "/devices/%", 400, "invalid-request", ""},
    {"GET", "/devices/%4", 400, "invalid-request", ""},
    {"GET", "/devices/%zz", 400, "invalid-request", ""},
    {"GET", "/devices/a%0ab", 400, "invalid-request", ""},
    {"GET", "/devices/a%7fb", 400, "invalid-request", ""},
    {"GET", "/devices/a%ff", 400, "invalid-request", ""},
    {"GET", "/devices/a%c0%af", 400, "invalid-request", ""},
    {"POST", "/devices", 405, "invalid-request", "GET, HEAD"},
    {"OPTIONS", "/devices/b", 405, "invalid-request", "GET, HEAD, PATCH"},
    {"get", "/devices/b", 405, "invalid-request", "GET, HEAD, PATCH"},
    {"PUT", "/firmware/b", 405, "invalid-request", "GET, HEAD, PATCH, DELETE"},
    {"GET", "/devices/b/probe", 405, "invalid-request", "POST"},
    {"HEAD", "/devices/b/probe", 405, "invalid-request", "POST"},
};

START_TEST(route_is_refused)
{
	struct exchange exchange = {0};
	const struct route *route = NULL;
	ck_assert_int_eq(route_find(&exchange, refused[_i].method, refused[_i].path, &route), -EPROTO);
	ck_assert_ptr_null(route);
	exchange_problem(&exchange, -EPROTO);
	ck_assert_int_eq(exchange.answer.status, refused[_i].status);
	ck_assert_str_eq(exchange.fault.kind->code, refused[_i].code);
	ck_assert_str_eq(exchange.answer.allow, refused[_i].allow);
	ck_assert_str_eq(exchange.answer.content_type, "application/problem+json");
	exchange_clear(&exchange);
}
END_TEST

START_TEST(id_longer_than_any_is_not_found)
{
	struct exchange exchange = {0};
	const struct route *route = NULL;
	char path[400];
	snprintf(path, sizeof(path), "/devices/%0255d", 0);
	ck_assert_int_eq(route_find(&exchange, "GET", path, &route), 0);
	ck_assert_uint_eq(strlen(exchange.parameter), 255);
	snprintf(path, sizeof(path), "/devices/%0256d", 0);
	ck_assert_int_eq(route_find(&exchange, "GET", path, &route), -EPROTO);
	ck_assert_str_eq(exchange.fault.kind->code, "not-found");
}
END_TEST

static const struct route *route_of(const char *path)
{
	struct exchange exchange = {0};
	const struct route *route = NULL;
	ck_assert_int_eq(route_find(&exchange, "GET", path, &route), 0);
	return route;
}

START_TEST(query_is_decoded_once)
{
	struct exchange exchange = {0};
	ck_assert_int_eq(route_take_query(&exchange, route_of("/devices"), "selec%74or", "rack%3D1%252c"), 0);
	ck_assert_str_eq(exchange_query(&exchange, "selector"), "rack=1%2c");
	ck_assert_ptr_null(exchange_query(&exchange, "rack"));
}
END_TEST

static const struct {
	const char *path, *name, *value, *member;
} bad_queries[] = {
    {"/devices", "selektor", "x", "selektor"},
    {"/devices", "", "x", ""},
    {"/devices", "selector", "%00", "selector"},
    {"/devices", "selector", "%ff", "selector"},
    {"/devices", "%00", "x", ""},
    {"/healthz", "verbose", "", "verbose"},
    {"/jobs", "limits", "1", "limits"},
    {"/jobs", "campaigns", "c", "campaigns"},
};

START_TEST(bad_query_is_refused_by_name)
{
	struct exchange exchange = {0};
	ck_assert_int_eq(route_take_query(&exchange, route_of(bad_queries[_i].path), bad_queries[_i].name, bad_queries[_i].value), -EPROTO);
	ck_assert_str_eq(exchange.member, bad_queries[_i].member);
	ck_assert_str_eq(exchange.fault.kind->code, "invalid-request");
	ck_assert_uint_eq(exchange.query_count, 0);
}
END_TEST

START_TEST(query_given_twice_is_refused)
{
	struct exchange exchange = {0};
	const struct route *jobs = route_of("/jobs");
	ck_assert_int_eq(route_take_query(&exchange, jobs, "limit", "1"), 0);
	ck_assert_int_eq(route_take_query(&exchange, jobs, "limit", "1"), -EPROTO);
	ck_assert_str_eq(exchange.fault.message, "limit is given twice");
}
END_TEST

START_TEST(numbers_are_plain_digits_in_their_range)
{
	static const struct {
		const char *text;
		int result;
		uint32_t value;
	} rows[] = {{"1", 0, 1},        {"500", 0, 500},      {"0", -EPROTO, 7},   {"501", -EPROTO, 7},
		    {"-1", -EPROTO, 7}, {"+1", -EPROTO, 7},   {" 1", -EPROTO, 7},  {"1x", -EPROTO, 7},
		    {"", -EPROTO, 7},   {"0x10", -EPROTO, 7}, {"1e2", -EPROTO, 7}, {"99999999999999999999999", -EPROTO, 7}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct exchange exchange = {0};
		uint32_t value = 7;
		ck_assert_int_eq(route_take_query(&exchange, route_of("/jobs"), "limit", rows[i].text), 0);
		ck_assert_int_eq(exchange_query_number(&exchange, "limit", 1, 500, &value), rows[i].result);
		ck_assert_uint_eq(value, rows[i].value);
	}
}
END_TEST

START_TEST(truth_is_one_of_two_words)
{
	static const struct {
		const char *text;
		int result;
		bool value;
	} rows[] = {{"true", 0, true}, {"false", 0, false}, {"", -EPROTO, false}, {"1", -EPROTO, false}, {"TRUE", -EPROTO, false}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct exchange exchange = {0};
		bool value = false;
		ck_assert_int_eq(route_take_query(&exchange, route_of("/events"), "snapshot", rows[i].text), 0);
		ck_assert_int_eq(exchange_query_bool(&exchange, "snapshot", &value), rows[i].result);
		ck_assert_int_eq(value, rows[i].value);
	}
}
END_TEST

/* A failure without a fault is the gateway's own, not a crash. */
START_TEST(failure_without_a_fault_is_ours)
{
	struct exchange exchange = {0};
	strcpy(exchange.answer.location, "/jobs/x");
	exchange_problem(&exchange, -ENOMEM);
	ck_assert_int_eq(exchange.answer.status, 500);
	ck_assert_str_eq(exchange.fault.kind->code, "infrastructure-error");
	ck_assert_str_eq(exchange.answer.location, "");
	exchange_clear(&exchange);
}
END_TEST

static const struct {
	const char *text;
	bool good;
	int64_t unix_ms;
} times[] = {
    {"1970-01-01T00:00:00Z", true, 0},
    {"2026-03-01T22:00:00Z", true, 1772402400000},
    {"2026-03-01t22:00:00z", true, 1772402400000},
    {"2026-03-01T23:30:00.25+01:30", true, 1772402400250},
    {"2026-03-01T20:00:00.1239-02:00", true, 1772402400123},
    {"2024-02-29T00:00:00Z", true, 1709164800000},
    {"2016-12-31T23:59:60Z", true, 1483228800000},
    {"2026-02-29T00:00:00Z", false, 0},
    {"2026-04-31T00:00:00Z", false, 0},
    {"2026-03-01T22:00:00", false, 0},
    {"2026-03-01 22:00:00Z", false, 0},
    {"2026-03-01", false, 0},
    {"2026-13-01T22:00:00Z", false, 0},
    {"2026-03-01T24:00:00Z", false, 0},
    {"2026-03-01T22:60:00Z", false, 0},
    {"2026-03-01T22:00:00.Z", false, 0},
    {"2026-03-01T22:00:00Zx", false, 0},
    {"2026-03-01T22:00:00+1:00", false, 0},
    {"1969-12-31T23:59:59Z", false, 0},
    {"1970-01-01T00:00:00+01:00", false, 0},
    {"", false, 0},
};

START_TEST(times_are_read)
{
	int64_t unix_ms = 0;
	ck_assert_int_eq(rfc3339_parse(times[_i].text, &unix_ms), times[_i].good);
	if (times[_i].good)
		ck_assert_int_eq(unix_ms, times[_i].unix_ms);
}
END_TEST

START_TEST(times_are_written)
{
	char text[RFC3339_SIZE];
	rfc3339_from_ms(1772402400250, text);
	ck_assert_str_eq(text, "2026-03-01T22:00:00.250Z");
	rfc3339_from_s(1772402400, text);
	ck_assert_str_eq(text, "2026-03-01T22:00:00Z");
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *suite = suite_create("routes");
	TCase *tcase = tcase_create("routes");
	tcase_add_loop_test(tcase, route_is_found, 0, ROWS(found));
	tcase_add_loop_test(tcase, route_is_refused, 0, ROWS(refused));
	tcase_add_test(tcase, id_longer_than_any_is_not_found);
	tcase_add_test(tcase, query_is_decoded_once);
	tcase_add_loop_test(tcase, bad_query_is_refused_by_name, 0, ROWS(bad_queries));
	tcase_add_test(tcase, query_given_twice_is_refused);
	tcase_add_test(tcase, numbers_are_plain_digits_in_their_range);
	tcase_add_test(tcase, truth_is_one_of_two_words);
	tcase_add_test(tcase, failure_without_a_fault_is_ours);
	tcase_add_loop_test(tcase, times_are_read, 0, ROWS(times));
	tcase_add_test(tcase, times_are_written);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
