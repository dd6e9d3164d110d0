/* SPDX-License-Identifier: Apache-2.0 */
#include "api/errands.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/gateway_fixture.h"
#include "tests/unit/suite_run.h"

#define DAY_MS  INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)

static struct fixture fixture;
static struct job_fault fault;
static struct errand_desk *desk;
static const struct actor anna = {.token = "anna", .uid = AUDIT_WHO_UNKNOWN_USER, .address = "192.0.2.1"};

static void set_up(void)
{
	fixture_make(&fixture, 2);
	fixture.config.audit_keep_days = 2;
	fixture.config.audit_keep_entries = 3;
	fixture_start(&fixture);
	memset(&fault, 0, sizeof(fault));
	ck_assert_int_eq(errand_desk_new(&desk), 0);
}

static void tear_down(void)
{
	errand_desk_free(desk);
	fixture_clear(&fixture);
}

static struct errand_terms terms_of(const char *key)
{
	return (struct errand_terms){
	    .method = "POST", .path = "/devices/modem0/probe", .pattern = "/devices/{id}/probe", .key = key, .who = &anna};
}

static struct exchange exchange_of(const char *body)
{
	return (struct exchange){.gateway = fixture.gateway, .body = body, .body_length = strlen(body)};
}

static struct job probe(void)
{
	struct job job = {0};
	struct job_request request = fixture_request(0);
	request.kind = JOB_PROBE;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &job, &fault), 0);
	return job;
}

/* One whole request that makes a probe; the answer's status. */
static int ask(const char *key, const char *body)
{
	struct errand_visit visit;
	struct exchange exchange = exchange_of(body);
	const struct errand_terms terms = terms_of(key);
	int entered = errand_enter(&visit, desk, &exchange, &terms);
	if (entered == 0) {
		struct job job = probe();
		entered = exchange_new_job(&exchange, &job);
		fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
		errand_leave(&visit, true);
	} else {
		if (entered < 0)
			exchange_problem(&exchange, entered);
		errand_leave(&visit, false);
	}
	int status = exchange.answer.status + (exchange.answer.replayed ? 1000 : 0);
	exchange_clear(&exchange);
	return status;
}

static size_t count_audit(struct audit_entry *ret_newest)
{
	const struct audit_filter filter = {.limit = AUDIT_LIMIT_MAX};
	struct audit_entry *entries = NULL;
	size_t count = 0;
	bool more;
	ck_assert_int_eq(gateway_audit(fixture.gateway, &filter, &entries, &count, &more, &fault), 0);
	ck_assert(!more);
	if (ret_newest != NULL && count > 0)
		*ret_newest = entries[0];
	free(entries);
	return count;
}

START_TEST(a_key_makes_one_job)
{
	struct audit_entry entry;
	ck_assert_int_eq(ask("k", "{}"), 202);
	ck_assert_int_eq(ask("k", "{}"), 1202);
	ck_assert_int_eq(ask("k", "{ }"), 422);
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
	ck_assert_uint_eq(count_audit(&entry), 1);
	ck_assert_str_eq(entry.who.token, "anna");
	ck_assert_uint_eq(entry.who.uid, AUDIT_WHO_UNKNOWN_USER);
	ck_assert_str_eq(entry.device, "modem0");
	ck_assert_str_eq(fixture_job(&fixture, entry.job).request.requested_by, "token:anna");
	ck_assert_int_eq(ask("other", "{}"), 202);
	ck_assert_int_eq(ask(NULL, "{}"), 202);
	ck_assert_uint_eq(fixture_modem(0)->runs, 3);
}
END_TEST

/* A request for an upgrade that waits; what is answered. */
static char *ask_for_upgrade(const char *key)
{
	struct job job;
	struct errand_visit visit;
	struct exchange exchange = exchange_of("{}");
	struct job_request request = fixture_request(0);
	request.not_before_ms = fixture_now() + HOUR_MS;
	const struct errand_terms terms = {
	    .method = "POST", .path = "/devices/modem0/upgrade", .pattern = "/devices/{id}/upgrade", .key = key, .who = &anna};
	int entered = errand_enter(&visit, desk, &exchange, &terms);
	if (entered == 0) {
		ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
		ck_assert_int_eq(exchange_new_job(&exchange, &job), 0);
	}
	errand_leave(&visit, entered == 0);
	char *body = strdup(exchange.answer.body);
	exchange_clear(&exchange);
	return body;
}

START_TEST(the_answer_is_the_first_one_to_the_letter)
{
	struct job before = fixture_submit(&fixture, 0);
	fixture_await(&fixture, before.id, JOB_SUCCEEDED, NULL);
	char *first = ask_for_upgrade("k"), *again = ask_for_upgrade("k");
	ck_assert_ptr_null(strstr(first, "\"expected_s\":null"));
	ck_assert_str_eq(first, again);
	free(first);
	free(again);
}
END_TEST

START_TEST(a_key_that_is_under_way_is_refused)
{
	struct errand_visit first, second, third;
	struct exchange one = exchange_of("{}"), two = exchange_of("{}"), three = exchange_of("{}");
	const struct errand_terms terms = terms_of("k"), others = terms_of("l");
	ck_assert_int_eq(errand_enter(&first, desk, &one, &terms), 0);
	ck_assert_int_eq(errand_enter(&second, desk, &two, &terms), -EPROTO);
	ck_assert_int_eq(two.problem_status, 409);
	ck_assert_uint_eq(two.answer.retry_after_s, 1);
	errand_leave(&second, false);
	ck_assert_int_eq(errand_enter(&third, desk, &three, &others), 0);
	errand_leave(&third, false);
	/* It left without having made anything: the key may come again. */
	ck_assert_int_eq(errand_enter(&second, desk, &two, &terms), -EPROTO);
	errand_leave(&second, false);
	errand_leave(&first, false);
	ck_assert_int_eq(errand_enter(&second, desk, &two, &terms), 0);
	errand_leave(&second, false);
	ck_assert_uint_eq(count_audit(NULL), 0);
}
END_TEST

START_TEST(a_job_of_nobody_has_no_name)
{
	struct job job = probe();
	ck_assert_str_eq(job.request.requested_by, "");
	ck_assert_uint_eq(count_audit(NULL), 0);
}
END_TEST

START_TEST(what_is_over_goes_in_its_time)
{
	ck_assert_int_eq(gateway_prune_errands(fixture.gateway), FIXTURE_START_MS + DAY_MS + HOUR_MS);
	ck_assert_int_eq(ask("k", "{}"), 202);
	int64_t asked_ms = fixture_now();
	fixture_advance(DAY_MS - 1);
	ck_assert_int_eq(ask("k", "{}"), 1202);
	fixture_advance(1);
	ck_assert_int_eq(gateway_prune_errands(fixture.gateway), FIXTURE_START_MS + DAY_MS + HOUR_MS);
	fixture_advance(HOUR_MS);
	/* The key is gone, the line of the audit is next. */
	ck_assert_int_eq(gateway_prune_errands(fixture.gateway), asked_ms + 2 * DAY_MS + HOUR_MS);
	ck_assert_uint_eq(count_audit(NULL), 1);
	fixture_advance(DAY_MS + HOUR_MS);
	gateway_prune_errands(fixture.gateway);
	ck_assert_uint_eq(count_audit(NULL), 0);
	ck_assert_int_ge(fixture_now(), asked_ms + 2 * DAY_MS);
	/* A clock that is put back does not hold it up. */
	ck_assert_int_eq(ask("k", "{}"), 202);
	fixture_advance(-10 * DAY_MS);
	ck_assert_int_eq(gateway_prune_errands(fixture.gateway), asked_ms + 2 * DAY_MS + 2 * HOUR_MS + DAY_MS + HOUR_MS);
}
END_TEST

START_TEST(the_audit_is_bounded)
{
	struct audit_entry entry;
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(ask(NULL, "{}"), 202);
	ck_assert_uint_eq(count_audit(&entry), 3);
	ck_assert_int_eq(entry.id, 5);
}
END_TEST

START_TEST(an_outcome_that_was_not_foreseen_is_told)
{
	struct audit_entry entry;
	struct errand errand = {.change = ERRAND_NEW_JOB, .entry = {.method = "POST", .path = "/x", .who = anna, .status = 202}};
	gateway_begin_errand(fixture.gateway, &errand);
	struct job job = probe();
	gateway_end_errand(fixture.gateway, &errand, 500, "infrastructure-error");
	ck_assert_uint_eq(count_audit(&entry), 1);
	ck_assert_int_eq(entry.status, 500);
	ck_assert_str_eq(entry.code, "infrastructure-error");
	ck_assert_str_eq(entry.job, job.id);
	/* A refusal leaves no line, a failure does. */
	struct errand refused = {.entry = {.method = "POST", .path = "/x", .who = anna}}, failed = refused;
	gateway_begin_errand(fixture.gateway, &refused);
	gateway_end_errand(fixture.gateway, &refused, 409, "device-busy");
	ck_assert_uint_eq(count_audit(NULL), 1);
	gateway_begin_errand(fixture.gateway, &failed);
	gateway_end_errand(fixture.gateway, &failed, 500, "infrastructure-error");
	ck_assert_uint_eq(count_audit(NULL), 2);
}
END_TEST

/* Asks as anna for a lease of the device; 0, or what it was refused with. */
static int ask_for_lease(const char *device)
{
	struct lease_grant made;
	const struct lease_order order = {.holder = "anna", .reason = "", .ttl_s = 60};
	struct errand errand = {.change = ERRAND_LEASE, .entry = {.method = "PUT", .path = "/x", .who = anna, .status = 201}};
	snprintf(errand.entry.device, sizeof(errand.entry.device), "%s", device);
	gateway_begin_errand(fixture.gateway, &errand);
	int result = gateway_grant_lease(fixture.gateway, device, &order, &made, &fault);
	gateway_end_errand(fixture.gateway, &errand, result == 0 ? 201 : 409, result == 0 ? "" : fault.kind->code);
	return result;
}

START_TEST(what_the_clock_ends_is_no_errand)
{
	ck_assert_int_eq(ask_for_lease("modem1"), 0);
	fixture_advance(30000);
	ck_assert_int_eq(ask_for_lease("modem0"), 0);
	ck_assert_uint_eq(count_audit(NULL), 2);
	/* It is this request that finds the lease of modem1 over. */
	fixture_advance(30000);
	ck_assert_int_eq(ask_for_lease("modem0"), -EPROTO);
	ck_assert_uint_eq(count_audit(NULL), 2);
	fixture_advance(-3600000);
	ck_assert_int_eq(ask_for_lease("modem0"), -EPROTO);
	ck_assert_uint_eq(count_audit(NULL), 2);
}
END_TEST

START_TEST(campaigns_are_named)
{
	static const char *const places[][2] = {
	    {"/campaigns/c1/start", ""}, {"/campaigns", "/campaigns/c1"}, {"/upgrades", "/campaigns/c1"}};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct audit_entry entry;
		struct errand_visit visit;
		struct exchange exchange = exchange_of("{}");
		const struct errand_terms terms = {.method = "POST", .path = places[i][0], .pattern = "/other", .who = &anna};
		ck_assert_int_eq(errand_enter(&visit, desk, &exchange, &terms), 0);
		exchange.answer.status = 202;
		snprintf(exchange.answer.location, sizeof(exchange.answer.location), "%s", places[i][1]);
		errand_leave(&visit, true);
		ck_assert_uint_eq(count_audit(&entry), i + 1);
		ck_assert_str_eq(entry.campaign, "c1");
	}
}
END_TEST

START_TEST(names_of_actors)
{
	static const struct {
		struct actor actor;
		const char *name;
	} rows[] = {
	    {{.token = "ci", .uid = 7, .user = "bob", .address = "::1"}, "token:ci"},
	    {{.uid = 7, .user = "bob"}, "user:bob"},
	    {{.uid = 7}, "user:7"},
	    {{.uid = AUDIT_WHO_UNKNOWN_USER, .address = "::1"}, "address:::1"},
	};
	char name[REQUESTED_BY_SIZE], key[300];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		actor_name(&rows[i].actor, name);
		ck_assert_str_eq(name, rows[i].name);
	}
	memset(key, 'k', sizeof(key));
	key[255] = '\0';
	ck_assert_ptr_null(errand_key_problem(key));
	ck_assert_ptr_null(errand_key_problem("a b~"));
	key[255] = 'k';
	key[256] = '\0';
	ck_assert_ptr_nonnull(strstr(errand_key_problem(key), "1 to 255"));
	ck_assert_ptr_nonnull(strstr(errand_key_problem(""), "1 to 255"));
	ck_assert_ptr_nonnull(strstr(errand_key_problem("a\tb"), "printable"));
	ck_assert_ptr_nonnull(strstr(errand_key_problem("caf\xe9"), "printable"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("errand");
	TCase *tests = tcase_create("errands");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_key_makes_one_job);
	tcase_add_test(tests, the_answer_is_the_first_one_to_the_letter);
	tcase_add_test(tests, a_key_that_is_under_way_is_refused);
	tcase_add_test(tests, a_job_of_nobody_has_no_name);
	tcase_add_test(tests, what_is_over_goes_in_its_time);
	tcase_add_test(tests, the_audit_is_bounded);
	tcase_add_test(tests, an_outcome_that_was_not_foreseen_is_told);
	tcase_add_test(tests, what_the_clock_ends_is_no_errand);
	tcase_add_test(tests, campaigns_are_named);
	tcase_add_test(tests, names_of_actors);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
