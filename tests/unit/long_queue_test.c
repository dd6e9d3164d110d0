/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request, a page and a turn cost must not grow faster than it has to with the jobs that are queued. Processor time is compared, that of a short
 * queue with that of a long one, the least of many times: what else the machine does is in neither.
 */
#include "tests/unit/gateway_fixture.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/queue_private.h"
#include "tests/unit/state_sql.h"
#include "tests/unit/suite_run.h"

#define SHORT 400u
#define LONG  10000u
#define TIMES 40u
#define PAGE  50u

/* Measured: 1.2 to 1.9 for requests and pages, 2 to 3 for each job of a turn, which the caches hold no more. What looks at all jobs costs 3 to 25 times
 * as much, what looks at all of them for each 25 times as much for each. */
#define REQUEST_MAY_GROW 3.5
#define TURN_MAY_GROW    8.0

static struct fixture fixture;

struct costs {
	double request_us, page_us, turn_us;
};

static double processor_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static struct job submit(size_t device, int priority)
{
	struct job job = {0};
	struct job_fault fault = {0};
	struct job_request request = fixture_request(device);
	request.priority = priority;
	int result = gateway_submit(fixture.gateway, &request, fixture.sha256, &job, &fault);
	ck_assert_msg(result == 0, "%s", fault.message);
	return job;
}

static bool is_turn_due(void)
{
	return poll(&(struct pollfd){.fd = gateway_wake_fd(fixture.gateway), .events = POLLIN}, 1, 0) == 1;
}

/* More devices, on a port that is there: none of them runs a job. */
static void add_devices(size_t count)
{
	struct config *config = &fixture.config;
	config->devices = reallocarray(config->devices, count, sizeof(*config->devices));
	ck_assert_ptr_nonnull(config->devices);
	for (; config->device_count < count; config->device_count++) {
		struct config_device *device = &config->devices[config->device_count];
		*device = config->devices[0];
		snprintf(device->id, sizeof(device->id), "modem%zu", config->device_count);
		strcpy(device->port, "/dev/null");
	}
}

/* The first of so many jobs has the only place of a limit; the others are behind it. Most of them and of the devices are made on the disk, as each would
 * be a write of its own. Returns the first. */
static struct job make_queue(unsigned count)
{
	char sql[1024];
	size_t devices = count + TIMES;
	fixture_make(&fixture, 2);
	fixture.config.limits[0] = (struct config_limit){.name = "all", .max_parallel = 1, .selector = "rack"};
	fixture.config.limit_count = 1;
	fixture_start(&fixture);
	struct job front = submit(0, 100);
	submit(1, 0);
	fixture_stop(&fixture);
	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < %zu)"
		 " INSERT INTO devices (id) SELECT 'modem' || n FROM numbers;"
		 "CREATE TABLE copies AS WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < %u)"
		 " SELECT jobs.*, n FROM jobs, numbers WHERE device = 'modem1';"
		 "UPDATE copies SET id = printf('%%026d', n), device = 'modem' || n;"
		 "ALTER TABLE copies DROP COLUMN n; INSERT INTO jobs SELECT * FROM copies; DROP TABLE copies;",
		 devices - 1, count - 1);
	state_sql(fixture.config.state_dir, sql);
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_SWITCH;
	add_devices(devices);
	fixture_start(&fixture);
	return front;
}

/* Turns until nothing is to be done any more. */
static void settle(unsigned count)
{
	struct gateway_counts counts;
	while (is_turn_due())
		gateway_turn(fixture.gateway);
	gateway_counts(fixture.gateway, &counts);
	ck_assert_uint_eq(counts.running, 1);
	ck_assert_uint_eq(counts.queued, count - 1);
}

static void clear(void)
{
	fixture_open_gate(0);
	fixture_clear(&fixture);
}

static void keep_least(double began_us, double *least)
{
	double took = processor_us() - began_us;
	if (*least == 0 || took < *least)
		*least = took;
}

static void read_page(unsigned states)
{
	struct job *jobs = NULL;
	struct job_fault fault;
	size_t count = 0;
	char next[JOB_ID_SIZE];
	const struct job_filter filter = {.limit = PAGE, .states = states};
	ck_assert_int_eq(gateway_jobs(fixture.gateway, &filter, &jobs, &count, next, &fault), 0);
	ck_assert_uint_eq(count, PAGE);
	ck_assert_str_ne(next, "");
	free(jobs);
}

static struct costs measure(unsigned count)
{
	struct costs costs = {0};
	make_queue(count);
	settle(count);
	for (unsigned i = 0; i < TIMES; i++) {
		queue_wake(fixture.gateway->queue);
		double began = processor_us();
		gateway_turn(fixture.gateway);
		keep_least(began, &costs.turn_us);
		began = processor_us();
		read_page(0);
		read_page(JOB_IN_STATE(JOB_QUEUED));
		keep_least(began, &costs.page_us);
		began = processor_us();
		submit(count + i, 0);
		gateway_turn(fixture.gateway);
		keep_least(began, &costs.request_us);
	}
	clear();
	return costs;
}

START_TEST(a_long_queue_costs_a_request_no_more_than_a_short_one)
{
	struct costs few = measure(SHORT), many = measure(LONG);
	ck_assert_double_lt(many.request_us, REQUEST_MAY_GROW * few.request_us);
	ck_assert_double_lt(many.page_us, REQUEST_MAY_GROW * few.page_us);
	ck_assert_double_lt(many.turn_us / LONG, TURN_MAY_GROW * few.turn_us / SHORT);
}
END_TEST

static unsigned count_told(void)
{
	struct job *jobs = NULL;
	struct job_fault fault;
	size_t count = 0;
	char next[JOB_ID_SIZE];
	const struct job_filter filter = {.limit = 500, .states = JOB_IN_STATE(JOB_QUEUED)};
	unsigned told = 0;
	ck_assert_int_eq(gateway_jobs(fixture.gateway, &filter, &jobs, &count, next, &fault), 0);
	ck_assert_uint_eq(count, SHORT - 1);
	for (size_t i = 0; i < count; i++)
		told += strcmp(jobs[i].detail, "the limit all is reached: 1 of 1 jobs run") == 0;
	free(jobs);
	return told;
}

/* All at once would keep every request waiting until they are. */
START_TEST(many_jobs_that_a_limit_holds_up_are_told_in_several_turns)
{
	struct job front = make_queue(SHORT);
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(count_told(), 200);
	ck_assert(is_turn_due());
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(count_told(), SHORT - 1);
	fixture_await(&fixture, front.id, JOB_RUNNING, "switch");
	settle(SHORT);
	uint64_t head = event_bus_head(fixture.gateway->events);
	queue_wake(fixture.gateway->queue);
	gateway_turn(fixture.gateway);
	ck_assert_uint_eq(event_bus_head(fixture.gateway->events), head); /* none is told again */
	clear();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("long_queue");
	TCase *tests = tcase_create("costs");
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_long_queue_costs_a_request_no_more_than_a_short_one);
	tcase_add_test(tests, many_jobs_that_a_limit_holds_up_are_told_in_several_turns);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
