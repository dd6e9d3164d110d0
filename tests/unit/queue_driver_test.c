/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/gateway_fixture.h"

#include <check.h>
#include <poll.h>
#include <string.h>

#include "daemon/queue_private.h"
#include "tests/unit/suite_run.h"

/* A driver that hangs: what its job says, what goes on beside it, what the stop does about it. */

static struct fixture fixture;
static struct job_fault fault;

static void set_up(void)
{
	fixture_make(&fixture, 3);
	fixture.config.max_parallel = 1;
	fixture_start(&fixture);
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

/* The job of modem 0, whose thread the driver has from now on; nothing but the gate gets it back. */
static struct job stuck_in(enum upgrade_phase phase)
{
	struct fake_modem *modem = fixture_modem(0);
	modem->in_driver = true;
	modem->gated = true;
	modem->deaf = true;
	modem->gate = phase;
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_RUNNING, upgrade_phase_name(phase));
	/* Its thread may not have come to the driver yet; the turn that knows of it has to come back by itself. */
	while (gateway_turn(fixture.gateway) != fixture_now() + 10000)
		ck_assert_uint_eq(gateway_threads(fixture.gateway), 1);
	return job;
}

static void let_go(void)
{
	fixture_open_gate(0);
}

/* The daemon that comes next finds a driver that works. */
static void restart(void)
{
	fixture_stop(&fixture);
	fixture_modem(0)->in_driver = false;
	fixture_modem(0)->gated = false;
	fixture_start(&fixture);
}

static struct job_row on_disk(const char *id)
{
	struct job_row row;
	ck_assert_int_eq(store_job_get(fixture.gateway->store, id, &row, &fault), 0);
	return row;
}

static void says(const char *id, const char *detail)
{
	ck_assert_str_eq(fixture_job(&fixture, id).detail, detail);
}

START_TEST(a_job_says_that_its_driver_hangs)
{
	struct job job = stuck_in(PHASE_CONNECT);
	fixture_advance(9999);
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + 1);
	says(job.id, "");
	fixture_advance(1);
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + 10000);
	says(job.id, "the driver has not opened the port for 10 s: unplug the board");
	fixture_advance(10000);
	gateway_turn(fixture.gateway);
	says(job.id, "the driver has not opened the port for 20 s: unplug the board");
	/* As soon as the driver is back it is no more said, whatever the engine tells next. */
	queued_job_call_driver(fixture.gateway->queue->jobs, NULL, false);
	says(job.id, "");
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	/* The main thread sleeps: who enters a driver wakes it, so that it can look in time. */
	struct pollfd wake = {.fd = gateway_wake_fd(fixture.gateway), .events = POLLIN};
	ck_assert_int_eq(poll(&wake, 1, 0), 0);
	queued_job_call_driver(fixture.gateway->queue->jobs, "closed", false);
	ck_assert_int_eq(poll(&wake, 1, 0), 1);
	queued_job_call_driver(fixture.gateway->queue->jobs, NULL, false);
	let_go();
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_str_eq(job.detail, "");
	fixture_await_idle(&fixture);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
}
END_TEST

START_TEST(it_takes_the_place_of_no_other_job)
{
	struct job job = stuck_in(PHASE_CONNECT), other = fixture_submit(&fixture, 1);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, other.id).state, JOB_QUEUED);
	fixture_advance(10000);
	fixture_await(&fixture, other.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_RUNNING);
	/* Once it is let go, there is one place again. */
	fixture_modem(1)->gated = true;
	fixture_modem(1)->gate = PHASE_CONNECT;
	let_go();
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	other = fixture_submit(&fixture, 1);
	fixture_await(&fixture, other.id, JOB_RUNNING, "connect");
	struct job third = fixture_submit(&fixture, 2);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, third.id).state, JOB_QUEUED);
	fixture_open_gate(1);
	fixture_await(&fixture, third.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_cancel_is_answered_and_takes_effect_when_the_driver_lets_go)
{
	struct job job = stuck_in(PHASE_CONNECT), answer;
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &answer, &fault), 0);
	ck_assert_int_eq(answer.state, JOB_RUNNING);
	fixture_advance(12000);
	gateway_turn(fixture.gateway);
	says(job.id, "cancelled; the driver has not opened the port for 12 s: unplug the board");
	let_go();
	fixture_await(&fixture, job.id, JOB_CANCELLED, NULL);
}
END_TEST

START_TEST(the_stop_leaves_it_behind_and_nothing_is_lost)
{
	struct job job = stuck_in(PHASE_CONNECT);
	fixture_advance(60000);
	gateway_stop(fixture.gateway);
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + 10000);
	ck_assert_uint_eq(gateway_threads(fixture.gateway), 1);
	ck_assert_uint_eq(gateway_threads_left(fixture.gateway), 0);
	fixture_advance(10000);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	ck_assert_uint_eq(gateway_threads(fixture.gateway), 0);
	ck_assert_uint_eq(gateway_threads_left(fixture.gateway), 1);
	ck_assert_int_eq(on_disk(job.id).job.state, JOB_QUEUED);
	/* The driver may let go before the process has ended. */
	let_go();
	restart();
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_QUEUED);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(job.interruptions, 0);
	ck_assert_uint_eq(job.attempt, 1);
}
END_TEST

START_TEST(a_cancelled_one_is_cancelled_by_the_stop)
{
	struct job job = stuck_in(PHASE_CONNECT), answer;
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &answer, &fault), 0);
	gateway_stop(fixture.gateway);
	fixture_advance(10000);
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(gateway_threads_left(fixture.gateway), 1);
	ck_assert_int_eq(on_disk(job.id).job.state, JOB_CANCELLED);
	let_go();
}
END_TEST

/* Past the point of no return it stays what it is, and the next start finds out how things stand. */
START_TEST(one_that_was_sending_is_taken_up_as_interrupted)
{
	struct job job = stuck_in(PHASE_VERIFY);
	gateway_stop(fixture.gateway);
	fixture_advance(10000);
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(gateway_threads_left(fixture.gateway), 1);
	ck_assert_int_eq(on_disk(job.id).job.state, JOB_RUNNING);
	let_go();
	restart();
	ck_assert_uint_eq(fixture_job(&fixture, job.id).interruptions, 1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_driver_that_works_is_not_left)
{
	struct fake_modem *modem = fixture_modem(0);
	modem->gated = true;
	modem->deaf = true;
	modem->gate = PHASE_CONNECT;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "connect");
	gateway_stop(fixture.gateway);
	fixture_advance(600000);
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(gateway_threads(fixture.gateway), 1);
	says(job.id, "");
	fixture_open_gate(0);
}
END_TEST

/* Its fault is elsewhere, and there is nothing to unplug. */
START_TEST(a_port_over_the_network_has_no_driver)
{
	fixture_stop(&fixture);
	strcpy(fixture.config.devices[0].port, "tcp://modem0:4001");
	fixture_start(&fixture);
	struct job job = stuck_in(PHASE_CONNECT);
	fixture_advance(10000);
	gateway_turn(fixture.gateway);
	says(job.id, "the port is not opened after 10 s: look whether its host, the network and the name server answer");
	let_go();
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_str_eq(job.detail, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue_driver");
	TCase *tests = tcase_create("driver");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_job_says_that_its_driver_hangs);
	tcase_add_test(tests, a_port_over_the_network_has_no_driver);
	tcase_add_test(tests, it_takes_the_place_of_no_other_job);
	tcase_add_test(tests, a_cancel_is_answered_and_takes_effect_when_the_driver_lets_go);
	tcase_add_test(tests, the_stop_leaves_it_behind_and_nothing_is_lost);
	tcase_add_test(tests, a_cancelled_one_is_cancelled_by_the_stop);
	tcase_add_test(tests, one_that_was_sending_is_taken_up_as_interrupted);
	tcase_add_test(tests, a_driver_that_works_is_not_left);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
