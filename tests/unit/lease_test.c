/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/one_gateway.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/device_history.h"
#include "daemon/leases.h"
#include "tests/unit/suite_run.h"

#define HOUR_MS INT64_C(3600000)
#define END     "2023-11-14T23:13:20Z" /* an hour after the start of the fixture's clock */

static void set_up(void)
{
	one_gateway_start(2);
}

static const struct lease_order by_alice = {.holder = "alice", .reason = "", .ttl_s = 3600};

static int ask(const struct lease_order *order, struct lease_grant *ret)
{
	fault = (struct job_fault){0};
	return gateway_grant_lease(fixture.gateway, "modem0", order, ret, &fault);
}

static struct lease_grant grant(const struct lease_order *order)
{
	struct lease_grant made;
	ck_assert_msg(ask(order, &made) == 0, "%s", fault.message);
	return made;
}

static struct device_lease shown(void)
{
	struct device device;
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem0", &device, &fault), 0);
	return device.lease;
}

static int check_token(const char *token)
{
	fault = (struct job_fault){0};
	return gateway_check_lease(fixture.gateway, "modem0", token, &fault);
}

static int release(const char *token, bool force, const char *reason)
{
	fault = (struct job_fault){0};
	return gateway_release_lease(fixture.gateway, "modem0", token, force, reason, &fault);
}

static void ck_refused(int result, const char *code, const char *message)
{
	ck_assert_int_eq(result, -EPROTO);
	ck_assert_str_eq(fault.kind->code, code);
	ck_assert_str_eq(fault.message, message);
}

/* The newest entry of the history. */
static void ck_noted(const char *type, const char *detail)
{
	struct device_entry *entries = NULL;
	size_t count = 0;
	ck_assert_int_eq(device_history_list(fixture.gateway->history, "modem0", 1, &entries, &count, &fault), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entries[0].type, type);
	ck_assert_str_eq(entries[0].detail, detail);
	free(entries);
}

START_TEST(a_lease_has_a_holder_an_end_and_a_token)
{
	const struct lease_order order = {.holder = "Žofie / ci-7", .reason = "nightly run", .ttl_s = 3600};
	struct lease_grant made = grant(&order);
	ck_assert(!made.renewed);
	ck_assert_str_eq(made.lease.holder, "Žofie / ci-7");
	ck_assert_str_eq(made.lease.reason, "nightly run");
	ck_assert_int_eq(made.lease.since_ms, FIXTURE_START_MS);
	ck_assert_int_eq(made.lease.expires_at_ms, FIXTURE_START_MS + HOUR_MS);
	ck_assert_uint_eq(strlen(made.token), 22);
	ck_assert_uint_eq(strspn(made.token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 22);
	struct device_lease seen = shown();
	ck_assert_str_eq(seen.holder, "Žofie / ci-7");
	ck_assert_str_eq(seen.reason, "nightly run");
	ck_assert_int_eq(seen.since_ms, FIXTURE_START_MS);
	ck_assert_int_eq(seen.expires_at_ms, FIXTURE_START_MS + HOUR_MS);
	ck_noted("leased", "Žofie / ci-7 holds it until " END ": nightly run");
}
END_TEST

START_TEST(two_leases_have_two_tokens)
{
	struct lease_grant first = grant(&by_alice), other;
	ck_assert_int_eq(gateway_grant_lease(fixture.gateway, "modem1", &by_alice, &other, &fault), 0);
	ck_assert_str_ne(first.token, other.token);
	ck_assert_int_eq(gateway_check_lease(fixture.gateway, "modem1", first.token, &fault), -EPROTO);
	ck_assert_int_eq(gateway_check_lease(fixture.gateway, "modem1", other.token, &fault), 0);
}
END_TEST

START_TEST(a_leased_device_is_acted_on_with_its_token_alone)
{
	char several[128], longer[LEASE_TOKEN_SIZE + 8];
	ck_assert_int_eq(check_token(NULL), 0);
	ck_assert_int_eq(check_token("0123456789012345678901"), 0); /* nobody holds it */
	struct lease_grant made = grant(&by_alice);
	ck_refused(check_token(NULL), "device-leased", "the device modem0 is leased by alice until " END);
	ck_assert_str_eq(fault.evidence, "");
	ck_assert_str_eq(job_fault_remedy(&fault),
			 "Ask alice to give it back, wait until " END
			 " (a job can: --if-leased wait), or take it over: dupctl lease modem0 --takeover --reason WHY.");
	ck_refused(check_token("0123456789012345678901"), "device-leased", "the device modem0 is leased by alice until " END);
	ck_assert_str_eq(fault.evidence, "the token that came is not that of this lease");
	ck_assert_int_eq(check_token(""), -EPROTO);
	snprintf(longer, sizeof(longer), "%sA", made.token);
	ck_assert_int_eq(check_token(longer), -EPROTO);
	ck_assert_int_eq(check_token(made.token + 1), -EPROTO);
	ck_assert_int_eq(check_token(made.token), 0);
	snprintf(several, sizeof(several), "0123456789012345678901,, x, %s , y", made.token);
	ck_assert_int_eq(check_token(several), 0);
	/* The other device is nobody's. */
	ck_assert_int_eq(gateway_check_lease(fixture.gateway, "modem1", NULL, &fault), 0);
}
END_TEST

START_TEST(the_token_is_not_on_the_disk)
{
	static const char *const names[] = {"dupgate.db", "dupgate.db-wal"};
	struct lease_grant made = grant(&by_alice);
	bool found_holder = false;
	for (size_t i = 0; i < 2; i++) {
		char path[512];
		snprintf(path, sizeof(path), "%s/%s", fixture.config.state_dir, names[i]);
		FILE *file = fopen(path, "re");
		ck_assert_ptr_nonnull(file);
		static char bytes[1 << 20];
		size_t length = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		ck_assert_uint_lt(length, sizeof(bytes));
		ck_assert_ptr_null(memmem(bytes, length, made.token, strlen(made.token)));
		found_holder = found_holder || memmem(bytes, length, "alice", 5) != NULL;
	}
	ck_assert(found_holder);
}
END_TEST

START_TEST(the_token_renews)
{
	struct lease_grant made = grant(&by_alice);
	struct lease_order again = {.holder = "alice", .reason = "", .ttl_s = 60, .token = made.token};
	fixture_advance(HOUR_MS - 1);
	struct lease_grant renewed = grant(&again);
	ck_assert(renewed.renewed);
	ck_assert_str_eq(renewed.token, made.token);
	ck_assert_int_eq(renewed.lease.since_ms, FIXTURE_START_MS);
	ck_assert_int_eq(shown().expires_at_ms, FIXTURE_START_MS + HOUR_MS - 1 + 60000);
	ck_assert_int_eq(check_token(made.token), 0);
	ck_noted("leased", "alice holds it until " END); /* a renewal is no news */
	again.holder = "bob";
	ck_refused(ask(&again, &renewed), "invalid-request", "the lease is that of alice: who renews it does not become another holder");
	again = (struct lease_order){.holder = "alice", .reason = "still at it", .ttl_s = 60, .token = made.token};
	ck_assert_str_eq(grant(&again).lease.reason, "still at it");
	again.reason = "";
	ck_assert_str_eq(grant(&again).lease.reason, "still at it");
}
END_TEST

START_TEST(another_is_refused_or_takes_over_with_a_reason)
{
	struct lease_grant made = grant(&by_alice), taken;
	struct lease_order order = {.holder = "bob", .reason = "", .ttl_s = 3600};
	ck_refused(ask(&order, &taken), "device-leased", "the device modem0 is leased by alice until " END);
	ck_assert_str_eq(taken.token, "");
	order.takeover = true;
	ck_refused(ask(&order, &taken), "invalid-request", "to take the lease of alice over there must be a reason");
	ck_assert_str_eq(shown().holder, "alice");
	order.reason = "the board smokes";
	taken = grant(&order);
	ck_assert(!taken.renewed);
	ck_assert_str_ne(taken.token, made.token);
	ck_assert_str_eq(shown().holder, "bob");
	ck_assert_int_eq(check_token(made.token), -EPROTO);
	ck_assert_int_eq(check_token(taken.token), 0);
	ck_noted("lease-taken-over", "bob took it over from alice: the board smokes");
	/* The same name is not the same lease. */
	order = (struct lease_order){.holder = "bob", .reason = "", .ttl_s = 3600};
	ck_assert_int_eq(ask(&order, &taken), -EPROTO);
}
END_TEST

START_TEST(a_takeover_of_nothing_is_a_lease)
{
	const struct lease_order order = {.holder = "bob", .reason = "", .ttl_s = 3600, .takeover = true};
	ck_assert_str_eq(grant(&order).lease.holder, "bob");
	ck_noted("leased", "bob holds it until " END);
}
END_TEST

START_TEST(it_is_given_back_or_ended_by_force)
{
	ck_refused(release(NULL, false, ""), "not-found", "nobody holds the device modem0");
	struct lease_grant made = grant(&by_alice);
	ck_refused(release(NULL, false, ""), "device-leased", "the device modem0 is leased by alice until " END);
	ck_refused(release(NULL, false, "because"), "device-leased", "the device modem0 is leased by alice until " END);
	ck_assert_int_eq(release(made.token, false, ""), 0);
	ck_assert_str_eq(shown().holder, "");
	ck_assert_int_eq(check_token(NULL), 0);
	ck_noted("lease-ended", "the lease of alice was given back");
	ck_refused(release(made.token, false, ""), "not-found", "nobody holds the device modem0");

	grant(&by_alice);
	ck_refused(release(NULL, true, ""), "invalid-request", "to end the lease of alice by force there must be a reason");
	ck_refused(release(NULL, true, "line\nend"), "invalid-request",
		   "a reason has at most 127 bytes, no control characters, and no blank at either end");
	ck_assert_str_eq(shown().holder, "alice");
	ck_assert_int_eq(release(NULL, true, "alice is on holiday"), 0);
	ck_assert_str_eq(shown().holder, "");
	ck_noted("lease-ended", "the lease of alice was ended by force: alice is on holiday");
	ck_assert_int_eq(gateway_release_lease(fixture.gateway, "nobody", NULL, true, "x", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
}
END_TEST

START_TEST(it_expires_by_itself)
{
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	struct lease_grant made = grant(&by_alice), other;
	const struct lease_order shorter = {.holder = "bob", .reason = "", .ttl_s = 60};
	ck_assert_int_eq(gateway_turn(fixture.gateway), FIXTURE_START_MS + HOUR_MS);
	ck_assert_int_eq(gateway_grant_lease(fixture.gateway, "modem1", &shorter, &other, &fault), 0);
	ck_assert_int_eq(gateway_turn(fixture.gateway), FIXTURE_START_MS + 60000);
	fixture_advance(60000);
	ck_assert_int_eq(gateway_turn(fixture.gateway), FIXTURE_START_MS + HOUR_MS);
	fixture_advance(HOUR_MS - 60001);
	ck_assert_int_eq(gateway_turn(fixture.gateway), FIXTURE_START_MS + HOUR_MS);
	ck_assert_str_eq(shown().holder, "alice");
	ck_assert_int_eq(check_token(NULL), -EPROTO);
	fixture_advance(1);
	ck_assert_int_eq(check_token(NULL), 0); /* at once, whenever the turn comes */
	uint64_t head = event_bus_head(gateway_events(fixture.gateway));
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	ck_assert_uint_gt(event_bus_head(gateway_events(fixture.gateway)), head);
	ck_assert_str_eq(shown().holder, "");
	ck_noted("lease-ended", "the lease of alice expired");
	/* Its token is worth nothing now, and makes a new lease. */
	const struct lease_order again = {.holder = "alice", .reason = "", .ttl_s = 60, .token = made.token};
	struct lease_grant anew = grant(&again);
	ck_assert(!anew.renewed);
	ck_assert_str_ne(anew.token, made.token);
}
END_TEST

START_TEST(it_survives_a_restart_and_a_kill)
{
	struct fixture after;
	struct lease_grant made = grant(&by_alice);
	fixture_copy(&fixture, &after);
	fixture_stop(&fixture);
	fixture_start(&after);
	struct device device;
	ck_assert_int_eq(gateway_device(after.gateway, "modem0", &device, &fault), 0);
	ck_assert_str_eq(device.lease.holder, "alice");
	ck_assert_int_eq(device.lease.expires_at_ms, FIXTURE_START_MS + HOUR_MS);
	ck_assert_int_eq(gateway_check_lease(after.gateway, "modem0", made.token, &fault), 0);
	ck_assert_int_eq(gateway_check_lease(after.gateway, "modem0", NULL, &fault), -EPROTO);
	ck_assert_int_eq(gateway_turn(after.gateway), FIXTURE_START_MS + HOUR_MS);
	fixture_clear(&after);
}
END_TEST

START_TEST(it_expires_while_nobody_is_there)
{
	grant(&by_alice);
	fixture_stop(&fixture);
	fixture_advance(HOUR_MS);
	fixture_start(&fixture);
	ck_assert_str_eq(shown().holder, "");
	ck_noted("lease-ended", "the lease of alice expired");
	fixture_stop(&fixture);
	fixture_advance(-HOUR_MS); /* it is not on the disk any more either */
	fixture_start(&fixture);
	ck_assert_str_eq(shown().holder, "");
}
END_TEST

START_TEST(a_clock_that_is_set_back_makes_it_no_longer)
{
	struct lease_grant made = grant(&by_alice);
	fixture_advance(-10 * HOUR_MS);
	int64_t now_ms = fixture_now();
	ck_assert_int_eq(gateway_turn(fixture.gateway), now_ms + HOUR_MS);
	ck_assert_int_eq(shown().expires_at_ms, now_ms + HOUR_MS);
	ck_assert_int_eq(shown().since_ms, now_ms);
	ck_assert_int_eq(check_token(made.token), 0);
	/* And not by half of what is left either. */
	fixture_advance(HOUR_MS / 2);
	ck_assert_int_eq(gateway_turn(fixture.gateway), now_ms + HOUR_MS);
	fixture_advance(HOUR_MS / 2);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	ck_assert_str_eq(shown().holder, "");
}
END_TEST

START_TEST(a_clock_that_is_corrected_by_little_leaves_it_as_it_was_granted)
{
	struct lease_grant made = grant(&by_alice);
	fixture_advance(-999);
	ck_assert_int_eq(gateway_turn(fixture.gateway), FIXTURE_START_MS + HOUR_MS);
	ck_assert_int_eq(shown().since_ms, FIXTURE_START_MS);
	ck_assert_int_eq(shown().expires_at_ms, FIXTURE_START_MS + HOUR_MS);
	ck_assert_int_eq(check_token(made.token), 0);
}
END_TEST

static const char blank[] = "a holder has 1 to 63 bytes, no control characters, and no blank at either end";
static const struct {
	const char *holder, *reason;
	uint32_t ttl_s;
	const char *message; /* NULL: granted */
} orders[] = {
    {"", "", 60, blank},
    {" alice", "", 60, blank},
    {"alice ", "", 60, blank},
    {"al\tice", "", 60, blank},
    {"al\x7f"
     "ice",
     "", 60, blank},
    {"al\xc2\x9bice", "", 60, blank},
    {"0123456789012345678901234567890123456789012345678901234567890123", "", 60, blank},
    {"012345678901234567890123456789012345678901234567890123456789012", "", 60, NULL},
    {"\xc2\xa0x", "", 60, NULL},
    {"alice", "", 0, "a lease is for 1 to 2592000 seconds (30 days)"},
    {"alice", "", 2592001, "a lease is for 1 to 2592000 seconds (30 days)"},
    {"alice", "", 2592000, NULL},
    {"alice", "", 1, NULL},
    {"alice", "a\nb", 60, "a reason has at most 127 bytes, no control characters, and no blank at either end"},
};

START_TEST(what_a_lease_may_be)
{
	const struct lease_order order = {.holder = orders[_i].holder, .reason = orders[_i].reason, .ttl_s = orders[_i].ttl_s};
	struct lease_grant made;
	int result = ask(&order, &made);
	if (orders[_i].message == NULL) {
		ck_assert_msg(result == 0, "%s", fault.message);
		ck_assert_str_eq(shown().holder, orders[_i].holder);
		ck_assert_int_eq(shown().expires_at_ms, FIXTURE_START_MS + (int64_t)orders[_i].ttl_s * 1000);
		return;
	}
	ck_refused(result, "invalid-request", orders[_i].message);
	ck_assert_str_eq(shown().holder, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lease");
	TCase *tests = tcase_create("leases");
	tcase_add_checked_fixture(tests, set_up, one_gateway_clear);
	tcase_add_test(tests, a_lease_has_a_holder_an_end_and_a_token);
	tcase_add_test(tests, two_leases_have_two_tokens);
	tcase_add_test(tests, a_leased_device_is_acted_on_with_its_token_alone);
	tcase_add_test(tests, the_token_is_not_on_the_disk);
	tcase_add_test(tests, the_token_renews);
	tcase_add_test(tests, another_is_refused_or_takes_over_with_a_reason);
	tcase_add_test(tests, a_takeover_of_nothing_is_a_lease);
	tcase_add_test(tests, it_is_given_back_or_ended_by_force);
	tcase_add_test(tests, it_expires_by_itself);
	tcase_add_test(tests, it_survives_a_restart_and_a_kill);
	tcase_add_test(tests, it_expires_while_nobody_is_there);
	tcase_add_test(tests, a_clock_that_is_set_back_makes_it_no_longer);
	tcase_add_test(tests, a_clock_that_is_corrected_by_little_leaves_it_as_it_was_granted);
	tcase_add_loop_test(tests, what_a_lease_may_be, 0, (int)(sizeof(orders) / sizeof(orders[0])));
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
