/* SPDX-License-Identifier: Apache-2.0
 *
 * The wall clock is set a day forward or back: what lasts for so long lasts as long as before, what is due at a moment follows the clock.
 */
#include "daemon/clock_watch.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/leases.h"
#include "daemon/queue_private.h"
#include "daemon/wall_clock.h"
#include "tests/unit/campaign_case.h"
#include "tests/unit/suite_run.h"

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    INT64_C(86400000)

#define SLACK_MS INT64_C(60000)

static _Atomic int64_t set_by_ms;

/* In place of that of the library, in this program alone. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int result = (int)syscall(SYS_clock_gettime, clock, ret);
	if (clock == CLOCK_REALTIME)
		ret->tv_sec += set_by_ms / 1000;
	return result;
}

static struct fixture fixture;
static struct job_fault fault;
static const int64_t steps_ms[] = {DAY_MS, -DAY_MS};

static void set_up(void)
{
	fixture_make(&fixture, 4);
	fixture.config.attempts = 3;
	fixture_start(&fixture);
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

/* As the main loop sees it, some time after the last turn. */
static void step(int64_t by_ms)
{
	fixture_advance(by_ms);
	gateway_clock_stepped(fixture.gateway, by_ms);
	gateway_turn(fixture.gateway);
}

static void start_again(void)
{
	fixture_stop(&fixture);
	fixture_start(&fixture);
	gateway_turn(fixture.gateway);
}

static const struct {
	int64_t wall_ms, running_ms; /* since the last look */
	int64_t step_ms;
} looks[] = {
    {0, 0, 0},       {5000, 5000, 0},    {DAY_MS, DAY_MS, 0}, /* the machine slept */
    {5999, 5000, 0}, {6000, 5000, 1000}, {4001, 5000, 0},     {4000, 5000, -1000}, {DAY_MS + 10, 10, DAY_MS}, {10 - DAY_MS, 10, -DAY_MS},
};

START_TEST(a_step_is_told_once)
{
	struct clock_watch watch = {.wall_ms = FIXTURE_START_MS, .running_ms = 77};
	int64_t wall_ms = FIXTURE_START_MS + looks[_i].wall_ms, running_ms = 77 + looks[_i].running_ms;
	ck_assert_int_eq(clock_watch_look(&watch, wall_ms, running_ms), looks[_i].step_ms);
	if (looks[_i].step_ms != 0)
		ck_assert_int_eq(clock_watch_look(&watch, wall_ms + 500, running_ms + 500), 0);
}
END_TEST

START_TEST(small_steps_add_up)
{
	struct clock_watch watch = {.wall_ms = 0, .running_ms = 0};
	ck_assert_int_eq(clock_watch_look(&watch, 1600, 1000), 0);
	ck_assert_int_eq(clock_watch_look(&watch, 3200, 2000), 1200);
	ck_assert_int_eq(clock_watch_look(&watch, 4800, 3000), 0);
}
END_TEST

static int64_t real_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_now(int64_t ms)
{
	int64_t off_ms = ms - real_ms();
	return off_ms > -SLACK_MS && off_ms < SLACK_MS;
}

/* Nothing that is done between the set and the look takes the one for time that passed. */
START_TEST(the_clock_of_the_daemon_is_that_of_the_machine_from_the_look_on)
{
	struct clock_watch watch = {0};
	ck_assert(is_now(wall_clock_now_ms()));
	ck_assert_int_eq(wall_clock_look(&watch), 0);
	ck_assert(is_now(wall_clock_now_ms()));
	set_by_ms = steps_ms[_i];
	ck_assert(is_now(wall_clock_now_ms() + steps_ms[_i]));
	int64_t step_ms = wall_clock_look(&watch) - steps_ms[_i];
	ck_assert(step_ms > -SLACK_MS && step_ms < SLACK_MS);
	ck_assert(is_now(wall_clock_now_ms()));
	ck_assert_int_eq(wall_clock_look(&watch), 0);
	set_by_ms = 0;
}
END_TEST

static struct job retrying(void)
{
	fixture_modem(0)->fault = FAULT_MODEM_SILENT;
	fixture_modem(0)->fault_phase = PHASE_CONNECT;
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, WAIT_RETRY);
	fixture_await_idle(&fixture);
	return fixture_job(&fixture, job.id);
}

START_TEST(the_wait_before_a_retry_is_as_long_as_before)
{
	struct job job = retrying();
	int64_t due_ms = job.not_before_ms + steps_ms[_i], waits_ms = job.not_before_ms - fixture_now();
	step(steps_ms[_i]);
	struct job now = fixture_job(&fixture, job.id);
	ck_assert_int_eq(now.state, JOB_WAITING);
	ck_assert_int_eq(now.not_before_ms, due_ms);
	ck_assert_int_eq(now.waiting_since_ms, job.waiting_since_ms + steps_ms[_i]);
	ck_assert_int_eq(gateway_turn(fixture.gateway), due_ms);
	start_again();
	ck_assert_int_eq(fixture_job(&fixture, job.id).not_before_ms, due_ms);
	ck_assert_int_eq(fixture_job(&fixture, job.id).waiting_since_ms, job.waiting_since_ms + steps_ms[_i]);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_advance(waits_ms - 1);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
	fixture_advance(1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(fixture_modem(0)->runs, 2);
}
END_TEST

/* Nobody ran when the clock was set: only a wait that is longer than any can be noticed. */
START_TEST(a_retry_waits_no_day_when_the_clock_was_set_back_meanwhile)
{
	struct job job = retrying();
	int64_t waits_ms = job.not_before_ms - fixture_now();
	fixture_stop(&fixture);
	fixture_advance(-DAY_MS);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_start(&fixture);
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + waits_ms);
	struct job now = fixture_job(&fixture, job.id);
	ck_assert_int_eq(now.not_before_ms, fixture_now() + waits_ms);
	ck_assert_int_le(now.waiting_since_ms, fixture_now());
	fixture_advance(waits_ms);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_moment_that_was_stated_follows_the_clock)
{
	struct job job, late;
	struct job_request request = fixture_request(0), other = fixture_request(1);
	int64_t moment_ms = fixture_now() + HOUR_MS;
	request.not_before_ms = other.not_before_ms = moment_ms;
	other.deadline_ms = moment_ms + HOUR_MS;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, fixture.sha256, &job, &fault), 0);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &other, fixture.sha256, &late, &fault), 0);
	gateway_turn(fixture.gateway);
	step(-DAY_MS);
	ck_assert_int_eq(fixture_job(&fixture, job.id).not_before_ms, moment_ms);
	ck_assert_int_eq(gateway_turn(fixture.gateway), moment_ms);
	step(2 * DAY_MS);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	late = fixture_job(&fixture, late.id);
	ck_assert_int_eq(late.state, JOB_FAILED);
	ck_assert_str_eq(late.fault.kind->code, "deadline-passed");
	ck_assert_uint_eq(fixture_modem(1)->runs, 0);
}
END_TEST

START_TEST(a_lease_is_as_long_as_before)
{
	struct device device;
	struct lease_grant made;
	const struct lease_order order = {.holder = "alice", .reason = "", .ttl_s = 3600};
	ck_assert_int_eq(gateway_grant_lease(fixture.gateway, "modem0", &order, &made, &fault), 0);
	fixture_advance(HOUR_MS / 4);
	step(steps_ms[_i]);
	int64_t end_ms = fixture_now() + HOUR_MS * 3 / 4;
	ck_assert_int_eq(gateway_turn(fixture.gateway), end_ms);
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem0", &device, &fault), 0);
	ck_assert_str_eq(device.lease.holder, "alice");
	ck_assert_int_eq(device.lease.expires_at_ms, end_ms);
	ck_assert_int_eq(device.lease.since_ms, end_ms - HOUR_MS);
	start_again();
	ck_assert_int_eq(gateway_check_lease(fixture.gateway, "modem0", NULL, &fault), -EPROTO);
	ck_assert_int_eq(gateway_check_lease(fixture.gateway, "modem0", made.token, &fault), 0);
	fixture_advance(HOUR_MS * 3 / 4 - 1);
	ck_assert_int_eq(gateway_turn(fixture.gateway), end_ms);
	fixture_advance(1);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	ck_assert_int_eq(gateway_check_lease(fixture.gateway, "modem0", NULL, &fault), 0);
}
END_TEST

START_TEST(a_campaign_soaks_as_long_as_before)
{
	const struct campaign_order order = {
	    .soak_s = 3600, .wave_count = 2, .waves = {{.kind = WAVE_COUNT, .number = 1}, {.kind = WAVE_PERCENT, .number = 100}}};
	struct campaign campaign = case_run(&fixture, &order);
	case_await(&fixture, campaign.id, CAMPAIGN_WAITING);
	case_settle(&fixture);
	fixture_advance(HOUR_MS / 4);
	step(steps_ms[_i]);
	int64_t end_ms = fixture_now() + HOUR_MS * 3 / 4;
	for (int again = 0; again < 2; again++) {
		struct campaign now = case_now(&fixture, campaign.id);
		ck_assert_int_eq(now.state, CAMPAIGN_WAITING);
		ck_assert_int_eq(now.goes_on_at_ms, end_ms);
		start_again();
	}
	fixture_advance(HOUR_MS * 3 / 4);
	case_await(&fixture, campaign.id, CAMPAIGN_FINISHED);
	case_await_states(&fixture, campaign.id, "ssss");
}
END_TEST

/* It would be ended after a day. */
START_TEST(a_port_may_stay_away_as_long_as_before)
{
	struct fake_modem *modem = fixture_modem(0);
	modem->gated = true;
	modem->gate = PHASE_APPLY;
	modem->fault = FAULT_PORT_GONE;
	modem->fault_phase = PHASE_APPLY;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "apply");
	case_unplug(&fixture, 0);
	fixture_open_gate(0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	fixture_await_idle(&fixture);
	fixture_advance(HOUR_MS);
	step(steps_ms[_i]);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
	start_again();
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
	fixture_advance(23 * HOUR_MS - 1);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
	fixture_advance(1);
	job = fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_str_eq(job.fault.kind->code, "port-gone");
}
END_TEST

/* One of a run before that clock may have been set in is not away for longer than a day from now on either. */
START_TEST(a_port_is_not_away_since_tomorrow)
{
	struct job job = fixture_submit(&fixture, 0);
	struct job_row row;
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(store_job_get(fixture.gateway->store, job.id, &row, &fault), 0);
	row.job.state = JOB_WAITING;
	row.job.waiting_for = WAIT_DEVICE;
	row.absent_since_ms = row.job.waiting_since_ms = fixture_now() + 60003;
	ck_assert(job_row_waits_too_long(&row, fixture_now() + 2));
	ck_assert(!job_row_waits_too_long(&row, fixture_now() + 3)); /* it may have begun after the turn did */
	job_row_shorten_wait(&row, fixture_now());
	ck_assert_int_eq(row.absent_since_ms, fixture_now());
	ck_assert_int_eq(row.job.waiting_since_ms, fixture_now());
}
END_TEST

/* Its power is not to be cut, for an hour that passes. */
START_TEST(a_modem_that_was_left_at_work_is_so_as_long_as_before)
{
	struct fake_modem *modem = fixture_modem(0);
	modem->fault = FAULT_APPLY_FAILED;
	modem->fault_phase = PHASE_APPLY;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_await_idle(&fixture);
	ck_assert(queue_may_be_at_work(fixture.gateway->queue, "modem0", NULL));
	step(steps_ms[_i]);
	fixture_advance(HOUR_MS - 1);
	ck_assert(queue_may_be_at_work(fixture.gateway->queue, "modem0", NULL));
	fixture_advance(1);
	ck_assert(!queue_may_be_at_work(fixture.gateway->queue, "modem0", NULL));
}
END_TEST

/* The time on the disk is all there is then, and at the latest it ended when this run began. */
START_TEST(a_modem_of_an_earlier_run_is_so_for_an_hour)
{
	struct fake_modem *modem = fixture_modem(0);
	modem->fault = FAULT_APPLY_FAILED;
	modem->fault_phase = PHASE_APPLY;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_advance(HOUR_MS / 2);
	start_again();
	step(DAY_MS);
	ck_assert(queue_may_be_at_work(fixture.gateway->queue, "modem0", NULL));
	fixture_advance(HOUR_MS / 2);
	ck_assert(!queue_may_be_at_work(fixture.gateway->queue, "modem0", NULL));
	fixture_stop(&fixture);
	fixture_advance(-3 * DAY_MS);
	fixture_start(&fixture);
	ck_assert(queue_may_be_at_work(fixture.gateway->queue, "modem0", NULL));
	fixture_advance(HOUR_MS);
	ck_assert(!queue_may_be_at_work(fixture.gateway->queue, "modem0", NULL));
}
END_TEST

START_TEST(a_key_is_kept_for_a_day_that_passes)
{
	char request[65];
	struct kept_answer answer = {0};
	const struct actor who = {.address = "192.0.2.1"};
	struct errand errand = {.change = ERRAND_NEW_JOB,
				.key = "k",
				.request_sha256 = "d",
				.answer = {.status = 202, .body = strdup("{}")},
				.entry = {.method = "POST", .path = "/x", .who = who, .status = 202}};
	gateway_begin_errand(fixture.gateway, &errand);
	gateway_end_errand(fixture.gateway, &errand, 202, "");
	step(steps_ms[_i]);
	errand.entry.at_ms = fixture_now() + DAY_MS - 1;
	ck_assert_int_eq(store_answer_find(fixture.gateway->store, &errand, request, &answer, &fault), 1);
	ck_assert_int_eq(answer.status, 202);
	kept_answer_clear(&answer);
	errand.entry.at_ms++;
	ck_assert_int_eq(store_answer_find(fixture.gateway->store, &errand, request, &answer, &fault), 0);
}
END_TEST

START_TEST(nothing_is_pruned_for_an_hour)
{
	gateway_prune_errands(fixture.gateway);
	step(2000 * DAY_MS);
	ck_assert_int_eq(gateway_prune_errands(fixture.gateway), fixture_now() + HOUR_MS);
	step(-2000 * DAY_MS);
	ck_assert_int_eq(gateway_prune_errands(fixture.gateway), fixture_now() + HOUR_MS);
}
END_TEST

START_TEST(no_job_ends_before_it_began)
{
	struct job_attempt *attempts = NULL;
	size_t count = 0;
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_TRANSFER;
	struct job job = fixture_submit(&fixture, 0), queued = {0};
	struct job_request request = fixture_request(1);
	request.not_before_ms = fixture_now() + SECOND_MS;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, fixture.sha256, &queued, &fault), 0);
	job = fixture_await(&fixture, job.id, JOB_RUNNING, "transfer");
	step(-DAY_MS);
	fixture_open_gate(0);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(job.started_at_ms, FIXTURE_START_MS);
	ck_assert_int_eq(job.finished_at_ms, FIXTURE_START_MS);
	ck_assert_int_eq(gateway_attempts(fixture.gateway, job.id, &attempts, &count, &fault), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(attempts[0].started_at_ms, FIXTURE_START_MS);
	ck_assert_int_eq(attempts[0].finished_at_ms, FIXTURE_START_MS);
	free(attempts);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, queued.id, &queued, &fault), 0);
	ck_assert_int_eq(queued.finished_at_ms, FIXTURE_START_MS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock_step");
	TCase *watch = tcase_create("watch"), *daemon = tcase_create("daemon");
	const int both = sizeof(steps_ms) / sizeof(steps_ms[0]);
	tcase_add_loop_test(watch, a_step_is_told_once, 0, sizeof(looks) / sizeof(looks[0]));
	tcase_add_test(watch, small_steps_add_up);
	tcase_add_loop_test(watch, the_clock_of_the_daemon_is_that_of_the_machine_from_the_look_on, 0, both);
	suite_add_tcase(suite, watch);
	tcase_add_checked_fixture(daemon, set_up, tear_down);
	tcase_set_timeout(daemon, 60);
	tcase_add_loop_test(daemon, the_wait_before_a_retry_is_as_long_as_before, 0, both);
	tcase_add_test(daemon, a_retry_waits_no_day_when_the_clock_was_set_back_meanwhile);
	tcase_add_test(daemon, a_moment_that_was_stated_follows_the_clock);
	tcase_add_loop_test(daemon, a_lease_is_as_long_as_before, 0, both);
	tcase_add_loop_test(daemon, a_campaign_soaks_as_long_as_before, 0, both);
	tcase_add_loop_test(daemon, a_port_may_stay_away_as_long_as_before, 0, both);
	tcase_add_test(daemon, a_port_is_not_away_since_tomorrow);
	tcase_add_loop_test(daemon, a_modem_that_was_left_at_work_is_so_as_long_as_before, 0, both);
	tcase_add_test(daemon, a_modem_of_an_earlier_run_is_so_for_an_hour);
	tcase_add_loop_test(daemon, a_key_is_kept_for_a_day_that_passes, 0, both);
	tcase_add_test(daemon, nothing_is_pruned_for_an_hour);
	tcase_add_test(daemon, no_job_ends_before_it_began);
	suite_add_tcase(suite, daemon);
	return suite_run(suite);
}
