/* SPDX-License-Identifier: Apache-2.0 */
#include "api/errands.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_view.h"
#include "tests/unit/campaign_case.h"
#include "tests/unit/state_sql.h"
#include "tests/unit/suite_run.h"

/* What a request with an Idempotency-Key did to a campaign, and that it did so, are one thing on the disk. */

static struct fixture fixture;
static struct job_fault fault;
static struct errand_desk *desk;
static const struct actor anna = {.token = "anna", .uid = AUDIT_WHO_UNKNOWN_USER, .address = "192.0.2.1"};
static const struct errand_terms to_create = {.method = "POST", .path = "/campaigns", .pattern = "/campaigns", .key = "k", .who = &anna};
static const struct errand_terms to_upgrade = {.method = "POST", .path = "/upgrades", .pattern = "/upgrades", .key = "k", .who = &anna};

static void set_up(void)
{
	fixture_make(&fixture, 2);
	fixture.config.audit_keep_days = 2;
	fixture_start(&fixture);
	memset(&fault, 0, sizeof(fault));
	ck_assert_int_eq(errand_desk_new(&desk), 0);
}

static void tear_down(void)
{
	errand_desk_free(desk);
	fixture_clear(&fixture);
}

/* A request up to the moment at which its answer would go out; the daemon dies there. */
static struct campaign begin(struct fixture *ret_after, const struct errand_terms *terms,
			     struct campaign (*change)(struct fixture *fixture, const char *id), const char *id)
{
	struct errand_visit visit;
	struct exchange exchange = {.gateway = fixture.gateway, .body = "{}", .body_length = 2};
	ck_assert_int_eq(errand_enter(&visit, desk, &exchange, terms), 0);
	struct campaign campaign = change(&fixture, id);
	fixture_copy(&fixture, ret_after);
	ret_after->config.audit_keep_days = 2;
	errand_leave(&visit, false);
	exchange_clear(&exchange);
	fixture_start(ret_after);
	return campaign;
}

/* The same request to the daemon that came after. */
static void check_replay(struct fixture *after, const struct errand_terms *terms, int status, const char *location,
			 const struct campaign *campaign)
{
	struct errand_visit visit;
	struct exchange exchange = {.gateway = after->gateway, .body = "{}", .body_length = 2};
	ck_assert_int_eq(errand_enter(&visit, desk, &exchange, terms), 1);
	char *body = json_view_campaign(campaign);
	ck_assert(exchange.answer.replayed);
	ck_assert_int_eq(exchange.answer.status, status);
	ck_assert_str_eq(exchange.answer.location, location);
	ck_assert_str_eq(exchange.answer.body, body);
	free(body);
	errand_leave(&visit, false);
	exchange_clear(&exchange);
}

static void newest_entry(struct fixture *of, struct audit_entry *ret)
{
	const struct audit_filter filter = {.limit = 5};
	struct audit_entry *entries = NULL;
	size_t count = 0;
	bool more;
	ck_assert_int_eq(gateway_audit(of->gateway, &filter, &entries, &count, &more, &fault), 0);
	ck_assert_uint_ge(count, 1);
	*ret = entries[0];
	free(entries);
}

static struct campaign make_draft(struct fixture *of, const char *id)
{
	(void)id;
	return case_create(of, &(struct campaign_order){.name = "spring"});
}

static struct campaign make_running(struct fixture *of, const char *id)
{
	(void)id;
	return case_run(of, &(struct campaign_order){.name = "spring"});
}

static struct campaign start_it(struct fixture *of, const char *id)
{
	return case_direct(of, id, CAMPAIGN_START);
}

START_TEST(a_campaign_and_its_key_survive_together)
{
	char location[64];
	struct fixture after;
	struct audit_entry entry;
	bool at_once = _i == 1;
	const struct errand_terms *terms = at_once ? &to_upgrade : &to_create;
	struct campaign campaign = begin(&after, terms, at_once ? make_running : make_draft, "");
	ck_assert_uint_eq(campaign.counts.total, at_once ? 2 : 0);
	ck_assert_str_eq(campaign.order.request.requested_by, "token:anna");
	snprintf(location, sizeof(location), "/campaigns/%s", campaign.id);
	check_replay(&after, terms, at_once ? 202 : 201, location, &campaign);
	newest_entry(&after, &entry);
	ck_assert_str_eq(entry.campaign, campaign.id);
	ck_assert_str_eq(entry.firmware, fixture.sha256);
	ck_assert_int_eq(entry.status, at_once ? 202 : 201);
	ck_assert_str_eq(case_now(&after, campaign.id).order.request.requested_by, "token:anna");
	fixture_clear(&after);
}
END_TEST

START_TEST(a_verb_and_its_key_survive_together)
{
	char path[64];
	struct fixture after;
	struct campaign draft = case_create(&fixture, &(struct campaign_order){0});
	snprintf(path, sizeof(path), "/campaigns/%s/start", draft.id);
	const struct errand_terms terms = {.method = "POST", .path = path, .pattern = "/campaigns/{id}/start", .key = "k", .who = &anna};
	struct campaign campaign = begin(&after, &terms, start_it, draft.id);
	ck_assert_uint_eq(campaign.counts.queued, 2);
	check_replay(&after, &terms, 200, "", &campaign);
	ck_assert_int_eq(case_now(&after, campaign.id).state, CAMPAIGN_RUNNING);
	fixture_clear(&after);
}
END_TEST

START_TEST(what_cannot_be_kept_with_its_key_is_not_made)
{
	struct errand_visit visit;
	struct campaign campaign;
	struct campaign *list = NULL;
	size_t count = 9;
	bool more;
	struct exchange exchange = {.gateway = fixture.gateway, .body = "{}", .body_length = 2};
	const struct campaign_order order = {0};
	state_sql(fixture.config.state_dir,
		  "CREATE TRIGGER refuse BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'the disk says no'); END");
	ck_assert_int_eq(errand_enter(&visit, desk, &exchange, &to_upgrade), 0);
	ck_assert_int_eq(gateway_run_campaign(fixture.gateway, &order, "test.dup", &campaign, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "infrastructure-error");
	ck_assert_str_eq(visit.errand.entry.campaign, "");
	errand_leave(&visit, false);
	exchange_clear(&exchange);
	case_settle(&fixture);
	ck_assert_int_eq(gateway_campaigns(fixture.gateway, "", 10, &list, &count, &more, &fault), 0);
	free(list);
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(fixture_modem(0)->runs + fixture_modem(1)->runs, 0);
	/* The disk says yes again, and so does the same request. */
	state_sql(fixture.config.state_dir, "DROP TRIGGER refuse");
	ck_assert_int_eq(errand_enter(&visit, desk, &exchange, &to_upgrade), 0);
	ck_assert_int_eq(gateway_run_campaign(fixture.gateway, &order, "test.dup", &campaign, &fault), 0);
	ck_assert(visit.errand.written);
	errand_leave(&visit, false);
	exchange_clear(&exchange);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
}
END_TEST

START_TEST(a_removal_is_in_the_audit)
{
	char path[64];
	struct errand_visit visit;
	struct audit_entry entry;
	struct exchange exchange = {.gateway = fixture.gateway};
	struct campaign draft = case_create(&fixture, &(struct campaign_order){0});
	snprintf(path, sizeof(path), "/campaigns/%s", draft.id);
	const struct errand_terms terms = {.method = "DELETE", .path = path, .pattern = "/campaigns/{id}", .who = &anna};
	ck_assert_int_eq(errand_enter(&visit, desk, &exchange, &terms), 0);
	ck_assert_int_eq(gateway_remove_campaign(fixture.gateway, draft.id, &fault), 0);
	ck_assert(visit.errand.written);
	newest_entry(&fixture, &entry);
	ck_assert_str_eq(entry.campaign, draft.id);
	ck_assert_int_eq(entry.status, 204);
	errand_leave(&visit, false);
	exchange_clear(&exchange);
}
END_TEST

START_TEST(jobs_name_who_asked_for_the_campaign)
{
	struct errand_visit visit;
	struct exchange exchange = {.gateway = fixture.gateway, .body = "{}", .body_length = 2};
	ck_assert_int_eq(errand_enter(&visit, desk, &exchange, &to_upgrade), 0);
	struct campaign campaign = make_running(&fixture, "");
	errand_leave(&visit, false);
	exchange_clear(&exchange);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	struct campaign_member member = case_member(&fixture, campaign.id, 1);
	ck_assert_str_eq(fixture_job(&fixture, member.job).request.requested_by, "token:anna");
	ck_assert(member.verified);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("campaign_key");
	TCase *tests = tcase_create("keys");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_campaign_and_its_key_survive_together, 0, 2);
	tcase_add_test(tests, a_verb_and_its_key_survive_together);
	tcase_add_test(tests, what_cannot_be_kept_with_its_key_is_not_made);
	tcase_add_test(tests, a_removal_is_in_the_audit);
	tcase_add_test(tests, jobs_name_who_asked_for_the_campaign);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
