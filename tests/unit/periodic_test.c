/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/gateway_fixture.h"
#include "tests/unit/suite_run.h"

#define EVERY_S  60
#define DEVICES  3u
#define EVERY_MS (EVERY_S * 1000)

static struct fixture fixture;
static struct job_fault fault;

static void start(unsigned probe_every_s)
{
	fixture_make(&fixture, DEVICES);
	fixture.config.health.probe_every_s = probe_every_s;
	fixture_start(&fixture);
	gateway_turn(fixture.gateway);
	memset(&fault, 0, sizeof(fault));
}

static void set_up(void)
{
	start(EVERY_S);
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

static unsigned all_runs(void)
{
	unsigned runs = 0;
	for (size_t i = 0; i < DEVICES; i++)
		runs += fixture_modem(i)->runs;
	return runs;
}

/* A period, a second at a time; what is due in each is done before the next. Returns in how many of them something was. */
static unsigned pass_period(void)
{
	unsigned busy_seconds = 0;
	for (int i = 0; i < EVERY_S; i++) {
		unsigned before = all_runs();
		fixture_advance(1000);
		fixture_await_idle(&fixture);
		gateway_turn(fixture.gateway);
		busy_seconds += all_runs() != before;
	}
	return busy_seconds;
}

static struct device get_device(size_t number)
{
	struct device device;
	struct job_request named = fixture_request(number);
	ck_assert_int_eq(gateway_device(fixture.gateway, named.device, &device, &fault), 0);
	return device;
}

/* Of a device, the newest in *ret_newest. */
static size_t count_jobs(size_t number, struct job *ret_newest)
{
	struct job *jobs = NULL;
	struct job_request named = fixture_request(number);
	struct job_filter filter = {.limit = 0};
	size_t count = 0;
	char next[JOB_ID_SIZE];
	memcpy(filter.device, named.device, sizeof(filter.device));
	ck_assert_int_eq(gateway_jobs(fixture.gateway, &filter, &jobs, &count, next, &fault), 0);
	if (count > 0)
		*ret_newest = jobs[0];
	free(jobs);
	return count;
}

static void learn_all(void)
{
	pass_period();
	for (size_t i = 0; i < DEVICES; i++)
		fixture_modem(i)->runs = 0;
}

START_TEST(each_idle_device_is_probed_once_in_a_period_at_its_own_moment)
{
	ck_assert_uint_ge(pass_period(), 2); /* not all in one */
	for (size_t i = 0; i < DEVICES; i++)
		ck_assert_uint_eq(fixture_modem(i)->runs, 1);
	pass_period();
	for (size_t i = 0; i < DEVICES; i++)
		ck_assert_uint_eq(fixture_modem(i)->runs, 2);
}
END_TEST

START_TEST(zero_is_never)
{
	fixture_clear(&fixture);
	start(0);
	fixture_advance(INT64_C(86400000));
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	ck_assert_uint_eq(all_runs(), 0);
}
END_TEST

START_TEST(the_next_moment_is_told_and_nothing_wakes_before_it)
{
	int64_t due_ms = gateway_turn(fixture.gateway);
	ck_assert_int_gt(due_ms, fixture_now());
	ck_assert_int_le(due_ms, fixture_now() + EVERY_MS);
	fixture_advance(due_ms - 1 - fixture_now());
	ck_assert_int_eq(gateway_turn(fixture.gateway), due_ms);
	ck_assert_uint_eq(all_runs(), 0);
	fixture_advance(1);
	gateway_turn(fixture.gateway);
	fixture_await_idle(&fixture);
	ck_assert_uint_ge(all_runs(), 1);
}
END_TEST

START_TEST(a_clock_that_jumps_makes_no_burst)
{
	fixture_advance(100 * EVERY_MS);
	gateway_turn(fixture.gateway);
	fixture_await_idle(&fixture);
	ck_assert_uint_eq(all_runs(), 0);
	pass_period();
	ck_assert_uint_eq(all_runs(), DEVICES);
}
END_TEST

/* The first one learns what the modem is; nobody needs a record of those after it. */
START_TEST(what_found_nothing_is_not_kept)
{
	struct job newest, again;
	struct device_report report;
	char *text = NULL;
	pass_period();
	ck_assert_uint_eq(count_jobs(0, &newest), 1);
	ck_assert_int_eq(newest.state, JOB_SUCCEEDED);
	ck_assert_int_eq(newest.request.kind, JOB_PROBE);
	ck_assert_int_eq(get_device(0).state, DEVICE_READY);
	ck_assert_int_eq(gateway_transcript(fixture.gateway, newest.id, &text, &fault), 0);
	free(text);
	uint64_t finished = 0;
	struct event *events[64];
	int count = event_bus_read(gateway_events(fixture.gateway), 0, events, 64);
	for (int i = 0; i < count; i++) {
		finished += events[i]->type == EVENT_JOB_FINISHED;
		ck_assert_int_ne(events[i]->type, EVENT_JOB_CREATED);
		event_unref(events[i]);
	}
	ck_assert_uint_eq(finished, DEVICES);
	pass_period();
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
	ck_assert_uint_eq(count_jobs(0, &again), 1);
	ck_assert_int_eq(gateway_report(fixture.gateway, "modem0", &report, &fault), 0);
	ck_assert_str_eq(report.job, newest.id);
	ck_assert_str_eq(get_device(0).job, "");
}
END_TEST

START_TEST(a_failure_is_kept_once_and_so_is_its_end)
{
	struct job newest;
	learn_all();
	fixture_modem(0)->fault = FAULT_MODEM_SILENT;
	pass_period();
	ck_assert_uint_eq(count_jobs(0, &newest), 2);
	ck_assert_int_eq(newest.state, JOB_FAILED);
	ck_assert_str_eq(newest.fault.kind->code, "modem-silent");
	pass_period();
	ck_assert_uint_eq(fixture_modem(0)->runs, 2); /* no second attempt in a turn */
	ck_assert_uint_eq(count_jobs(0, &newest), 2);
	fixture_modem(0)->fault = FAULT_MODEM_UNPOWERED;
	pass_period();
	ck_assert_uint_eq(count_jobs(0, &newest), 3);
	fixture_modem(0)->fault = FAULT_NONE;
	pass_period();
	ck_assert_uint_eq(count_jobs(0, &newest), 4);
	ck_assert_int_eq(newest.state, JOB_SUCCEEDED);
	pass_period();
	ck_assert_uint_eq(count_jobs(0, &newest), 4);
	ck_assert_uint_eq(get_device(0).quarantine.failures, 0);
}
END_TEST

/* Nobody asked for it, so nobody accepts what it finds. */
START_TEST(another_modem_is_noted_and_not_accepted)
{
	struct device_entry *entries = NULL;
	size_t count = 0;
	char before[20];
	learn_all();
	snprintf(before, sizeof(before), "%s", get_device(0).modem.imei);
	fixture_modem(0)->imei = "359999999999999";
	pass_period();
	ck_assert_str_eq(get_device(0).modem.imei, before);
	ck_assert_int_eq(gateway_history(fixture.gateway, "modem0", 5, &entries, &count, &fault), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entries[0].type, "imei-changed");
	free(entries);
}
END_TEST

static void put_in_maintenance(void)
{
	struct device device;
	const struct device_patch patch = {.set_maintenance = true, .maintenance = true};
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem0", &patch, &device, &fault), 0);
}

static void lease(void)
{
	struct lease_grant grant;
	const struct lease_order order = {.holder = "ci", .reason = "", .ttl_s = 10 * EVERY_S};
	ck_assert_int_eq(gateway_grant_lease(fixture.gateway, "modem0", &order, &grant, &fault), 0);
}

static void give_a_job(void)
{
	struct job job;
	struct job_request request = fixture_request(0);
	request.kind = JOB_PROBE;
	request.not_before_ms = fixture_now() + 100 * EVERY_MS;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &job, &fault), 0);
}

static void take_the_port_away(void)
{
	ck_assert_int_eq(remove(fixture.config.devices[0].port), 0);
	gateway_check_ports(fixture.gateway);
}

static void quarantine(void)
{
	const struct registry_verdict verdict = {.code = "apply-failed", .quarantine_after = 1, .job = "", .now_ms = 1};
	registry_judge(fixture.gateway->registry, "modem0", &verdict);
}

static void (*const hindrances[])(void) = {put_in_maintenance, lease, give_a_job, take_the_port_away, quarantine};

START_TEST(only_idle_devices_are_probed)
{
	learn_all();
	hindrances[_i]();
	pass_period();
	ck_assert_uint_eq(fixture_modem(0)->runs, 0);
	ck_assert_uint_eq(fixture_modem(1)->runs, 1);
}
END_TEST

/* Asking a modem behind a board ends what runs on the board. */
START_TEST(boards_are_left_alone)
{
	fixture_stop(&fixture);
	strcpy(fixture.config.devices[0].profile, "pycom");
	fixture_start(&fixture);
	gateway_turn(fixture.gateway);
	pass_period();
	ck_assert_uint_eq(fixture_modem(0)->runs, 0);
	ck_assert_uint_eq(fixture_modem(1)->runs, 1);
}
END_TEST

/* One device, whose periodic probe stands in its gate. */
static void hold_probe(void)
{
	fixture_clear(&fixture);
	fixture_make(&fixture, 1);
	fixture.config.health.probe_every_s = EVERY_S;
	fixture_start(&fixture);
	gateway_turn(fixture.gateway);
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_IDENTIFY;
	for (int i = 0; i < EVERY_S && gateway_threads(fixture.gateway) == 0; i++) {
		fixture_advance(1000);
		gateway_turn(fixture.gateway);
	}
	ck_assert_uint_eq(gateway_threads(fixture.gateway), 1);
}

START_TEST(a_job_that_comes_is_not_refused_and_goes_on)
{
	struct job newest;
	hold_probe();
	ck_assert_int_ne(get_device(0).state, DEVICE_BUSY);
	struct job job = fixture_submit(&fixture, 0);
	ck_assert_int_eq(job.state, JOB_QUEUED);
	ck_assert_str_eq(get_device(0).job, job.id);
	fixture_await(&fixture, job.id, JOB_RUNNING, "identify");
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
	ck_assert_str_eq(get_device(0).job, job.id);
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	ck_assert_uint_eq(count_jobs(0, &newest), 1);
	ck_assert_str_eq(newest.id, job.id);
}
END_TEST

START_TEST(a_lease_ends_it)
{
	struct job newest;
	hold_probe();
	lease();
	fixture_await_idle(&fixture);
	ck_assert_uint_eq(count_jobs(0, &newest), 0);
}
END_TEST

START_TEST(the_ordered_stop_ends_it)
{
	struct job newest;
	hold_probe();
	gateway_stop(fixture.gateway);
	fixture_await_idle(&fixture);
	fixture_stop(&fixture);
	fixture_modem(0)->gated = false;
	fixture_start(&fixture);
	ck_assert_uint_eq(count_jobs(0, &newest), 0);
}
END_TEST

static void plug(size_t number, const char *path)
{
	struct usb_port port = {.vid = 0x1234, .pid = 1, .named = true, .profile = "monarch1"};
	snprintf(port.node, sizeof(port.node), "%s", fixture.config.devices[number].port);
	snprintf(port.syspath, sizeof(port.syspath), "/sys/%s", path);
	snprintf(port.serial, sizeof(port.serial), "s%zu", number);
	snprintf(port.path, sizeof(port.path), "%s", path);
	ck_assert_int_eq(registry_port_came(fixture.gateway->registry, &port, &fault), 0);
	ck_assert_str_eq(get_device(number).usb.path, path);
}

/* All are due at once: a period that is as short as it can be. */
START_TEST(one_at_a_time_on_a_hub)
{
	fixture_clear(&fixture);
	start(1);
	plug(0, "1-1.1");
	plug(1, "1-1.2");
	plug(2, "1-2.1");
	for (size_t i = 0; i < DEVICES; i++) {
		fixture_modem(i)->gated = true;
		fixture_modem(i)->gate = PHASE_IDENTIFY;
	}
	fixture_advance(1000);
	gateway_turn(fixture.gateway);
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(gateway_threads(fixture.gateway), 2);
	struct gateway_counts counts;
	gateway_counts(fixture.gateway, &counts);
	ck_assert_uint_eq(counts.queued, 1);
	for (size_t i = 0; i < DEVICES; i++)
		fixture_open_gate(i);
	fixture_await_idle(&fixture);
	gateway_turn(fixture.gateway);
	fixture_await_idle(&fixture);
	for (size_t i = 0; i < DEVICES; i++)
		ck_assert_uint_eq(fixture_modem(i)->runs, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("periodic");
	TCase *tcase = tcase_create("periodic");
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, each_idle_device_is_probed_once_in_a_period_at_its_own_moment);
	tcase_add_test(tcase, zero_is_never);
	tcase_add_test(tcase, the_next_moment_is_told_and_nothing_wakes_before_it);
	tcase_add_test(tcase, a_clock_that_jumps_makes_no_burst);
	tcase_add_test(tcase, what_found_nothing_is_not_kept);
	tcase_add_test(tcase, a_failure_is_kept_once_and_so_is_its_end);
	tcase_add_test(tcase, another_modem_is_noted_and_not_accepted);
	tcase_add_loop_test(tcase, only_idle_devices_are_probed, 0, (int)(sizeof(hindrances) / sizeof(hindrances[0])));
	tcase_add_test(tcase, boards_are_left_alone);
	tcase_add_test(tcase, a_job_that_comes_is_not_refused_and_goes_on);
	tcase_add_test(tcase, a_lease_ends_it);
	tcase_add_test(tcase, the_ordered_stop_ends_it);
	tcase_add_test(tcase, one_at_a_time_on_a_hub);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
