/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/one_gateway.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/queue_private.h"
#include "daemon/retry_wait.h"
#include "tests/unit/suite_run.h"

#define GATE_AT(number, where)                                                                                                             \
	do {                                                                                                                               \
		fixture_modem(number)->gated = true;                                                                                       \
		fixture_modem(number)->gate = (where);                                                                                     \
	} while (0)

static void set_up(void)
{
	one_gateway_start(4);
}

/* The job events from the beginning, as words; progress is left out. */
static void read_story(const char *id, char *ret, size_t ret_size)
{
	struct event *events[64];
	uint64_t after = 0;
	size_t length = 0;
	int count;
	ret[0] = '\0';
	while ((count = event_bus_read(gateway_events(fixture.gateway), after, events, 64)) > 0) {
		for (int i = 0; i < count; i++) {
			const struct event *event = events[i];
			after = event->seq;
			if (event->topic == TOPIC_JOB && strcmp(event->job, id) == 0)
				length += (size_t)snprintf(ret + length, ret_size - length, "%s %s %s%s%s%s|", event_type_name(event->type),
							   job_state_name(event->job_now->state), event->job_now->phase,
							   event->job_now->waiting_for != WAIT_NOTHING ? " for " : "",
							   job_wait_name(event->job_now->waiting_for),
							   event->job_now->can_cancel ? "" : " fixed");
			event_unref(events[i]);
		}
	}
	ck_assert_int_eq(count, 0);
}

/* Which of "busy", "begins", "free" and "ends" was told in which order, of a device and its job; each once in a row. */
static void read_ends(const char *id, const char *device, char *ret, size_t ret_size)
{
	struct event *events[64];
	uint64_t after = 0;
	const char *last = "";
	int count;
	ret[0] = '\0';
	while ((count = event_bus_read(gateway_events(fixture.gateway), after, events, 64)) > 0) {
		for (int i = 0; i < count; i++) {
			const struct event *event = events[i];
			const char *told = last;
			after = event->seq;
			if (event->type == EVENT_JOB_FINISHED && strcmp(event->job, id) == 0)
				told = "ends ";
			else if (event->topic == TOPIC_JOB && strcmp(event->job, id) == 0 && event->job_now->state == JOB_RUNNING)
				told = strcmp(last, "busy ") == 0 ? last : "begins ";
			else if (event->type == EVENT_DEVICE_CHANGED && strcmp(event->device, device) == 0)
				told = event->device_now->state == DEVICE_BUSY ? "busy " : "free ";
			if (strcmp(told, last) != 0)
				strncat(ret, told, ret_size - strlen(ret) - 1);
			last = told;
			event_unref(events[i]);
		}
	}
	ck_assert_int_eq(count, 0);
}

/* What the transfer's events said of borders. */
static void border_details(const char *id, char *ret, size_t ret_size)
{
	struct event *events[64];
	uint64_t after = 0;
	size_t length = 0;
	int count;
	ret[0] = '\0';
	while ((count = event_bus_read(gateway_events(fixture.gateway), after, events, 64)) > 0) {
		for (int i = 0; i < count; i++) {
			const struct event *event = events[i];
			after = event->seq;
			if (event->type == EVENT_JOB_CHANGED && strcmp(event->job, id) == 0 &&
			    strstr(event->job_now->detail, "erases flash") != NULL)
				length += (size_t)snprintf(ret + length, ret_size - length, "%s|", event->job_now->detail);
			event_unref(events[i]);
		}
	}
	ck_assert_int_eq(count, 0);
}

static struct job_row row_on_disk(const char *id)
{
	struct job_row row;
	ck_assert_int_eq(store_job_get(fixture.gateway->store, id, &row, &fault), 0);
	return row;
}

static enum device_state state_of_device(const char *id, char job[JOB_ID_SIZE])
{
	struct device device;
	ck_assert_int_eq(gateway_device(fixture.gateway, id, &device, &fault), 0);
	memcpy(job, device.job, JOB_ID_SIZE);
	return device.state;
}

START_TEST(an_upgrade_runs_from_submit_to_verified)
{
	char story[2048], device_job[JOB_ID_SIZE];
	struct job job = fixture_submit(&fixture, 0);
	ck_assert_int_eq(job.state, JOB_QUEUED);
	ck_assert_str_eq(job.request.firmware, fixture.sha256);
	ck_assert_str_eq(job.request.firmware_name, "test.dup");
	ck_assert_str_eq(job.request.way, "auto");
	ck_assert_str_eq(job.to_release, "LR5.1.1.0-39529");
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_int_eq(job.created_at_ms, FIXTURE_START_MS);

	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_str_eq(job.phase, "verify");
	ck_assert_str_eq(job.from_release, "LR5.1.1.0-38638");
	ck_assert_str_eq(job.to_release, "LR5.1.1.0-39529");
	ck_assert(job.verified);
	ck_assert(!job.can_cancel);
	ck_assert_ptr_null(job.fault.kind);
	ck_assert_int_eq(job.finished_at_ms, FIXTURE_START_MS);
	ck_assert_uint_eq(job.progress.bytes_done, 1000);
	ck_assert_double_eq(job.progress.percent, 100.0);
	ck_assert(fixture_modem(0)->had_image);
	read_story(job.id, story, sizeof(story));
	ck_assert_str_eq(story, "job-created queued |job-changed running |job-changed running connect|job-changed running identify|"
				"job-changed running identify|job-changed running prepare|job-changed running switch|"
				"job-changed running transfer|job-changed running transfer fixed|job-changed running transfer fixed|"
				"job-changed running transfer fixed|job-changed running apply fixed|job-changed running restart fixed|"
				"job-changed running verify fixed|job-finished succeeded verify fixed|");
	fixture_await_idle(&fixture);
	struct job_row row = row_on_disk(job.id);
	ck_assert_int_eq(row.job.state, JOB_SUCCEEDED);
	ck_assert_double_eq(row.job.progress.percent, 100.0);
	ck_assert_str_eq(row.furthest_phase, "verify");
	ck_assert_int_eq(state_of_device("modem0", device_job), DEVICE_READY);
	ck_assert_str_eq(device_job, "");
}
END_TEST

START_TEST(who_sees_a_job_end_finds_its_device_free)
{
	char story[256];
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	read_ends(job.id, "modem0", story, sizeof(story));
	ck_assert_str_eq(story, "free begins busy free ends ");
}
END_TEST

START_TEST(a_probe_makes_the_modem_known)
{
	struct job job = {0};
	struct device device;
	struct job_request request = fixture_request(1);
	request.kind = JOB_PROBE;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, NULL, &job, &fault), 0);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, "identify");
	ck_assert(!fixture_modem(1)->had_image);
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem1", &device, &fault), 0);
	ck_assert_int_eq(device.modem.boot_mode, 2);
	ck_assert_str_eq(device.modem.boot_mode_name, "fff");
	ck_assert_str_eq(device.modem.imei, "355000000000001");
	ck_assert_str_eq(device.modem.family, "monarch1");
	ck_assert_uint_eq(device.modem.rate_bps, 921600);
	ck_assert_int_eq(device.seen_at_ms, FIXTURE_START_MS);
}
END_TEST

START_TEST(a_device_takes_one_job_at_a_time)
{
	char device_job[JOB_ID_SIZE];
	struct job second = {0};
	struct job_request request = fixture_request(0);
	GATE_AT(0, PHASE_CONNECT);
	struct job job = fixture_submit(&fixture, 0);
	ck_assert_int_eq(state_of_device("modem0", device_job), DEVICE_UNKNOWN);
	ck_assert_str_eq(device_job, job.id);
	fixture_await(&fixture, job.id, JOB_RUNNING, "connect");
	ck_assert_int_eq(state_of_device("modem0", device_job), DEVICE_BUSY);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &second, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_str_eq(fault.job, job.id);
	ck_assert_ptr_nonnull(strstr(fault.message, job.id));
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &second, &fault), 0);
}
END_TEST

START_TEST(no_more_run_at_once_than_max_parallel)
{
	struct gateway_counts counts;
	struct job jobs[4];
	fixture_stop(&fixture);
	fixture.config.max_parallel = 2;
	fixture_start(&fixture);
	for (size_t i = 0; i < 4; i++) {
		GATE_AT(i, PHASE_PREPARE);
		jobs[i] = fixture_submit(&fixture, i);
	}
	fixture_await(&fixture, jobs[0].id, JOB_RUNNING, "prepare");
	fixture_await(&fixture, jobs[1].id, JOB_RUNNING, "prepare");
	gateway_turn(fixture.gateway);
	gateway_counts(fixture.gateway, &counts);
	ck_assert_uint_eq(counts.running, 2);
	ck_assert_uint_eq(counts.queued, 2);
	ck_assert_uint_eq(counts.devices, 4);
	fixture_open_gate(1);
	fixture_await(&fixture, jobs[2].id, JOB_RUNNING, "prepare");
	ck_assert_int_eq(fixture_job(&fixture, jobs[3].id).state, JOB_QUEUED);
}
END_TEST

START_TEST(priority_goes_first_then_age)
{
	struct job jobs[4];
	static const int priorities[] = {0, 5, 5, 0};
	fixture_stop(&fixture);
	fixture.config.max_parallel = 1;
	fixture_start(&fixture);
	for (size_t i = 0; i < 4; i++) {
		struct job_request request = fixture_request(i);
		request.priority = priorities[i];
		GATE_AT(i, PHASE_CONNECT);
		ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &jobs[i], &fault), 0);
	}
	static const size_t order[] = {1, 2, 0, 3};
	for (size_t i = 0; i < 4; i++) {
		fixture_await(&fixture, jobs[order[i]].id, JOB_RUNNING, "connect");
		for (size_t later = i + 1; later < 4; later++)
			ck_assert_int_eq(fixture_job(&fixture, jobs[order[later]].id).state, JOB_QUEUED);
		fixture_open_gate(order[i]);
		fixture_await(&fixture, jobs[order[i]].id, JOB_SUCCEEDED, NULL);
	}
}
END_TEST

START_TEST(a_queued_job_is_cancelled_at_once)
{
	struct job job = fixture_submit(&fixture, 0), cancelled;
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), 0);
	ck_assert_int_eq(cancelled.state, JOB_CANCELLED);
	ck_assert_int_eq(row_on_disk(job.id).job.state, JOB_CANCELLED);
	fixture_await_idle(&fixture);
	ck_assert_uint_eq(fixture_modem(0)->runs, 0);
	/* Asked again it is what it is; what ended otherwise cannot be. */
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), 0);
	job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_SUCCEEDED);
}
END_TEST

/* How long the modem may be silent is the profile's; nobody knows how long it will apply what it has. */
START_TEST(a_border_tells_its_patience_and_an_apply_no_end)
{
	char text[4096];
	GATE_AT(0, PHASE_APPLY);
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_RUNNING, "apply");
	ck_assert(job.progress.known);
	ck_assert_int_eq(job.progress.eta_s, -1);
	ck_assert_uint_eq(job.progress.rate_bps, 0);
	ck_assert_str_eq(job.detail, "");
	border_details(job.id, text, sizeof(text));
	ck_assert_str_eq(text, "the modem may be silent while it erases flash, this is normal for up to 120 s|");
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_running_job_is_cancelled_before_the_point_of_no_return)
{
	struct job cancelled;
	GATE_AT(0, PHASE_SWITCH);
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_RUNNING, "switch");
	ck_assert(job.can_cancel);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), 0);
	ck_assert(row_on_disk(job.id).cancel_requested);
	job = fixture_await(&fixture, job.id, JOB_CANCELLED, "switch");
	ck_assert_ptr_null(job.fault.kind);
	ck_assert_str_eq(job.detail, "");
	ck_assert_uint_eq(fixture_modem(0)->runs, 1);
}
END_TEST

START_TEST(nothing_is_cancelled_after_the_point_of_no_return)
{
	struct job refused;
	GATE_AT(0, PHASE_TRANSFER);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await_point_of_no_return(&fixture, job.id);
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &refused, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "past-point-of-no-return");
	ck_assert_ptr_nonnull(strstr(fault.message, "transfer"));
	ck_assert(!row_on_disk(job.id).cancel_requested);
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

/* A cancel that comes between the last look at the descriptor and the first block: the question itself says no. */
START_TEST(the_point_of_no_return_sees_a_cancel)
{
	struct job cancelled;
	GATE_AT(0, PHASE_SWITCH);
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "switch");
	fixture_modem(0)->deaf = true;
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), 0);
	fixture_open_gate(0);
	job = fixture_await(&fixture, job.id, JOB_CANCELLED, "transfer");
	ck_assert_uint_eq(job.progress.bytes_done, 0);
}
END_TEST

static const struct fault_row {
	enum fault_code code;
	bool retried;
} fault_rows[] = {
    {FAULT_MODEM_SILENT, true},       {FAULT_STP_NO_ANSWER, true},        {FAULT_MODEM_UNPOWERED, false},
    {FAULT_ALREADY_INSTALLED, false}, {FAULT_BUNDLE_WRONG_FAMILY, false},
};

START_TEST(the_class_of_a_fault_decides_about_another_attempt)
{
	const struct fault_row *row = &fault_rows[_i];
	fixture_modem(0)->fault = row->code;
	fixture_modem(0)->fault_phase = PHASE_PREPARE;
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, row->retried ? JOB_WAITING : JOB_FAILED, NULL);
	ck_assert_str_eq(job.fault.kind->code, fault_code_name(row->code));
	ck_assert_str_eq(job.fault.message, "the script says so");
	ck_assert_int_eq(job.waiting_for, row->retried ? WAIT_RETRY : WAIT_NOTHING);
	ck_assert_uint_eq(job.attempt, row->retried ? 2 : 1);
}
END_TEST

START_TEST(attempts_wait_longer_and_come_to_an_end)
{
	fixture_modem(0)->fault = FAULT_RESTART_TIMEOUT;
	fixture_modem(0)->fault_phase = PHASE_APPLY;
	struct job job = fixture_submit(&fixture, 0);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	int64_t first_ms = job.not_before_ms - fixture_now();
	ck_assert_int_eq(first_ms, retry_wait_ms(job.id, 1));
	fixture_await_idle(&fixture);
	fixture_advance(first_ms - 1);
	ck_assert_int_eq(gateway_turn(fixture.gateway), fixture_now() + 1);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
	fixture_advance(1);
	gateway_turn(fixture.gateway);
	ck_assert_int_ne(fixture_job(&fixture, job.id).attempt, 1);
	fixture_await_idle(&fixture);
	job = fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	ck_assert_uint_eq(job.attempt, 3);
	ck_assert_int_eq(job.not_before_ms, fixture_now() + retry_wait_ms(job.id, 2));
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_APPLY);
	fixture_advance(18000);
	job = fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_str_eq(job.fault.kind->code, "restart-timeout");
	ck_assert_uint_eq(job.attempt, 3);
	ck_assert_uint_eq(fixture_modem(0)->runs, 3);
}
END_TEST

START_TEST(a_retry_is_a_new_job_that_names_the_old_one)
{
	struct job again;
	fixture_modem(0)->fault = FAULT_APPLY_FAILED;
	fixture_modem(0)->fault_phase = PHASE_APPLY;
	struct job_request request = fixture_request(0);
	struct job job;
	request.priority = 7;
	request.rate_bps = 115200;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, fixture.sha256, &job, &fault), 0);
	ck_assert_int_eq(gateway_retry(fixture.gateway, job.id, NULL, false, &again, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_uint_eq(fixture_modem(0)->last_rate_bps, 115200);
	fixture_modem(0)->fault = FAULT_NONE;
	ck_assert_int_eq(gateway_retry(fixture.gateway, job.id, NULL, false, &again, &fault), 0);
	ck_assert_str_ne(again.id, job.id);
	ck_assert_str_eq(again.request.retry_of, job.id);
	ck_assert_int_eq(again.request.priority, 7);
	again = fixture_await(&fixture, again.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_APPLY);
	/* The old one is final, also on the disk. */
	ck_assert_int_eq(row_on_disk(job.id).job.state, JOB_FAILED);
	ck_assert_str_eq(row_on_disk(again.id).job.request.retry_of, job.id);
}
END_TEST

START_TEST(a_job_waits_for_its_time)
{
	struct job job;
	struct job_request request = fixture_request(0);
	request.not_before_ms = FIXTURE_START_MS + 60000;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	ck_assert_int_eq(job.state, JOB_WAITING);
	ck_assert_int_eq(job.waiting_for, WAIT_TIME);
	ck_assert_int_eq(gateway_turn(fixture.gateway), FIXTURE_START_MS + 60000);
	fixture_advance(59999);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).state, JOB_WAITING);
	fixture_advance(1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_job_waits_for_its_port)
{
	char device_job[JOB_ID_SIZE], hidden[300];
	const char *port = fixture.config.devices[0].port;
	snprintf(hidden, sizeof(hidden), "%s.away", port);
	ck_assert_int_eq(rename(port, hidden), 0);
	gateway_check_ports(fixture.gateway);
	ck_assert_int_eq(state_of_device("modem0", device_job), DEVICE_ABSENT);
	struct job job = fixture_submit(&fixture, 0);
	ck_assert_int_eq(job.state, JOB_WAITING);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	ck_assert_int_eq(gateway_turn(fixture.gateway), 0);
	ck_assert_int_eq(rename(hidden, port), 0);
	gateway_check_ports(fixture.gateway);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(a_firmware_in_use_stays)
{
	GATE_AT(0, PHASE_CONNECT);
	struct job job = fixture_submit(&fixture, 0);
	ck_assert_int_eq(gateway_remove_firmware(fixture.gateway, "test.dup", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(gateway_remove_firmware(fixture.gateway, "test.dup", &fault), 0);
}
END_TEST

START_TEST(a_bundle_that_changed_on_the_disk_is_not_sent)
{
	char command[512];
	struct job job = fixture_submit(&fixture, 0);
	snprintf(command, sizeof(command),
		 "find %s/cache -type f -size -200c -name '%.6s*' ! -name '*.json' -exec sh -c 'chmod u+w {}; printf X >>{}' \\;",
		 fixture.directory, fixture.sha256);
	ck_assert_int_eq(system(command), 0);
	job = fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_str_eq(job.fault.kind->code, "digest-mismatch");
	ck_assert_uint_eq(fixture_modem(0)->runs, 0);
}
END_TEST

static const struct {
	enum job_state from, to;
} allowed[] = {
    {JOB_QUEUED, JOB_WAITING},  {JOB_QUEUED, JOB_RUNNING},    {JOB_QUEUED, JOB_FAILED},     {JOB_QUEUED, JOB_CANCELLED},
    {JOB_WAITING, JOB_QUEUED},  {JOB_WAITING, JOB_FAILED},    {JOB_WAITING, JOB_CANCELLED}, {JOB_RUNNING, JOB_QUEUED},
    {JOB_RUNNING, JOB_WAITING}, {JOB_RUNNING, JOB_SUCCEEDED}, {JOB_RUNNING, JOB_FAILED},    {JOB_RUNNING, JOB_CANCELLED},
};

START_TEST(every_transition_is_in_the_table_or_refused)
{
	unsigned count = 0;
	for (int from = JOB_QUEUED; from <= JOB_CANCELLED; from++)
		for (int to = JOB_QUEUED; to <= JOB_CANCELLED; to++)
			count += job_state_may_become((enum job_state)from, (enum job_state)to);
	ck_assert_uint_eq(count, sizeof(allowed) / sizeof(allowed[0]));
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		ck_assert(job_state_may_become(allowed[i].from, allowed[i].to));
}
END_TEST

/* A cancel takes its copy, a block is counted, the cancel is kept: the block still counts. */
START_TEST(a_change_does_not_turn_back_progress)
{
	const struct job_progress progress = {.known = true, .bytes_done = 7, .bytes_total = 10, .percent = 70.0};
	struct job job = fixture_submit(&fixture, 0);
	struct queue *queue = fixture.gateway->queue;
	pthread_mutex_lock(&queue->change);
	struct job_row row = queued_job_row(queue->jobs);
	queued_job_set_progress(queue->jobs, &progress);
	ck_assert_int_eq(queued_job_keep(queue->jobs, &row, EVENT_JOB_CHANGED, &fault), 0);
	pthread_mutex_unlock(&queue->change);
	ck_assert_uint_eq(fixture_job(&fixture, job.id).progress.bytes_done, 7);
	ck_assert_double_eq(fixture_job(&fixture, job.id).progress.percent, 70.0);
}
END_TEST

START_TEST(a_terminal_state_is_final)
{
	GATE_AT(0, PHASE_CONNECT);
	struct job job = fixture_submit(&fixture, 0), cancelled;
	ck_assert_int_eq(gateway_cancel(fixture.gateway, job.id, &cancelled, &fault), 0);
	struct queue *queue = fixture.gateway->queue;
	struct job_row row = queued_job_row(queue->jobs);
	pthread_mutex_lock(&queue->change);
	ck_assert_int_eq(queued_job_set_state(queue->jobs, &row, JOB_QUEUED, &fault), -EPROTO);
	pthread_mutex_unlock(&queue->change);
	ck_assert_int_eq(row_on_disk(job.id).job.state, JOB_CANCELLED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("queue");
	TCase *tcase = tcase_create("jobs");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, one_gateway_clear);
	tcase_add_test(tcase, an_upgrade_runs_from_submit_to_verified);
	tcase_add_test(tcase, who_sees_a_job_end_finds_its_device_free);
	tcase_add_test(tcase, a_probe_makes_the_modem_known);
	tcase_add_test(tcase, a_device_takes_one_job_at_a_time);
	tcase_add_test(tcase, no_more_run_at_once_than_max_parallel);
	tcase_add_test(tcase, priority_goes_first_then_age);
	tcase_add_test(tcase, a_queued_job_is_cancelled_at_once);
	tcase_add_test(tcase, a_border_tells_its_patience_and_an_apply_no_end);
	tcase_add_test(tcase, a_running_job_is_cancelled_before_the_point_of_no_return);
	tcase_add_test(tcase, nothing_is_cancelled_after_the_point_of_no_return);
	tcase_add_test(tcase, the_point_of_no_return_sees_a_cancel);
	tcase_add_loop_test(tcase, the_class_of_a_fault_decides_about_another_attempt, 0, sizeof(fault_rows) / sizeof(fault_rows[0]));
	tcase_add_test(tcase, attempts_wait_longer_and_come_to_an_end);
	tcase_add_test(tcase, a_retry_is_a_new_job_that_names_the_old_one);
	tcase_add_test(tcase, a_job_waits_for_its_time);
	tcase_add_test(tcase, a_job_waits_for_its_port);
	tcase_add_test(tcase, a_firmware_in_use_stays);
	tcase_add_test(tcase, a_bundle_that_changed_on_the_disk_is_not_sent);
	tcase_add_test(tcase, every_transition_is_in_the_table_or_refused);
	tcase_add_test(tcase, a_change_does_not_turn_back_progress);
	tcase_add_test(tcase, a_terminal_state_is_final);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
