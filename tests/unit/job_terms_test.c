/* SPDX-License-Identifier: Apache-2.0
 *
 * What a job is given with its request: how many attempts, until when; and since when it waits.
 */
#include "tests/unit/one_gateway.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

static void set_up(void)
{
	one_gateway_start(2);
}

static struct job submit(const struct job_request *request)
{
	struct job job;
	int result = gateway_submit(fixture.gateway, request, fixture.sha256, &job, &fault);
	ck_assert_msg(result == 0, "%s", fault.message);
	return job;
}

static struct job_row row_on_disk(const char *id)
{
	struct job_row row;
	ck_assert_int_eq(store_job_get(fixture.gateway->store, id, &row, &fault), 0);
	return row;
}

/* Every wait for a retry is shorter than this. */
static void let_a_retry_begin(const char *id)
{
	ck_assert_int_eq(fixture_await(&fixture, id, JOB_WAITING, NULL).waiting_for, WAIT_RETRY);
	fixture_await_idle(&fixture);
	fixture_advance(400000);
}

static const unsigned own_attempts[] = {1, 2, 5};

START_TEST(a_job_gets_its_own_number_of_attempts)
{
	struct job_request request = fixture_request(0);
	fixture_modem(0)->fault = FAULT_MODEM_SILENT;
	fixture_modem(0)->fault_phase = PHASE_CONNECT;
	request.attempts = own_attempts[_i];
	struct job job = submit(&request);
	ck_assert_uint_eq(job.attempts_max, own_attempts[_i]);
	for (unsigned i = 1; i < own_attempts[_i]; i++)
		let_a_retry_begin(job.id);
	job = fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_uint_eq(job.attempt, own_attempts[_i]);
	ck_assert_uint_eq(fixture_modem(0)->runs, own_attempts[_i]);
	fixture_await_idle(&fixture);

	struct job retry;
	fixture_modem(0)->fault = FAULT_NONE;
	ck_assert_int_eq(gateway_retry(fixture.gateway, job.id, NULL, false, &retry, &fault), 0);
	ck_assert_uint_eq(retry.attempts_max, own_attempts[_i]);
	ck_assert_uint_eq(row_on_disk(retry.id).job.request.attempts, own_attempts[_i]);
	fixture_await(&fixture, retry.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(without_a_number_the_configuration_has_it)
{
	struct job_request request = fixture_request(0);
	request.not_before_ms = fixture_now() + 1000;
	struct job job = submit(&request);
	ck_assert_uint_eq(job.attempts_max, fixture.config.attempts);
	ck_assert_uint_eq(row_on_disk(job.id).job.attempts_max, fixture.config.attempts);
	ck_assert_uint_eq(row_on_disk(job.id).job.request.attempts, 0);
}
END_TEST

static const struct {
	unsigned attempts;
	int64_t deadline_in_ms, not_before_in_ms;
	const char *says;
} bad_terms[] = {{21, 0, 0, "attempts is between 1 and 20"},
		 {0, 0, 0, "the deadline has passed already"},
		 {0, -1, 0, "the deadline has passed already"},
		 {0, 60000, 60000, "not_before is not before the deadline: no attempt could ever begin"}};

START_TEST(bad_terms_are_refused)
{
	struct job_request request = fixture_request(0);
	struct job job;
	request.attempts = bad_terms[_i].attempts;
	request.deadline_ms = request.attempts > 0 ? 0 : fixture_now() + bad_terms[_i].deadline_in_ms;
	request.not_before_ms = bad_terms[_i].not_before_in_ms > 0 ? fixture_now() + bad_terms[_i].not_before_in_ms : 0;
	ck_assert_int_lt(gateway_submit(fixture.gateway, &request, fixture.sha256, &job, &fault), 0);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_str_eq(fault.message, bad_terms[_i].says);
}
END_TEST

START_TEST(a_deadline_is_kept_but_not_by_the_retry)
{
	struct job_request request = fixture_request(0);
	struct job retry;
	request.deadline_ms = fixture_now() + 60000;
	struct job job = submit(&request);
	ck_assert_int_eq(row_on_disk(job.id).job.request.deadline_ms, request.deadline_ms);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	fixture_await_idle(&fixture);
	fixture_advance(120000);
	ck_assert_int_eq(gateway_retry(fixture.gateway, job.id, NULL, false, &retry, &fault), 0);
	ck_assert_int_eq(retry.request.deadline_ms, 0);
}
END_TEST

static void remove_port(size_t device)
{
	char id[16];
	struct device found;
	snprintf(id, sizeof(id), "modem%zu", device);
	ck_assert_int_eq(gateway_device(fixture.gateway, id, &found, &fault), 0);
	ck_assert_int_eq(unlink(found.port), 0);
	(void)registry_check_port(fixture.gateway->registry, id);
}

START_TEST(since_when_it_waits_is_told_of_each_reason)
{
	struct job_request request = fixture_request(0);
	request.not_before_ms = fixture_now() + 5000;
	struct job job = submit(&request);
	ck_assert_int_eq(job.waiting_for, WAIT_TIME);
	ck_assert_int_eq(job.waiting_since_ms, FIXTURE_START_MS);
	remove_port(0);
	fixture_advance(2000);
	gateway_turn(fixture.gateway);
	ck_assert_int_eq(fixture_job(&fixture, job.id).waiting_since_ms, FIXTURE_START_MS);

	/* Another reason begins. */
	fixture_advance(3000);
	gateway_turn(fixture.gateway);
	job = fixture_job(&fixture, job.id);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	ck_assert_int_eq(job.waiting_since_ms, FIXTURE_START_MS + 5000);

	/* A restart is none. */
	fixture_advance(1000);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	gateway_turn(fixture.gateway);
	job = fixture_job(&fixture, job.id);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	ck_assert_int_eq(job.waiting_since_ms, FIXTURE_START_MS + 5000);
}
END_TEST

START_TEST(what_does_not_wait_has_waited_since_never)
{
	struct job_request request = fixture_request(0);
	request.not_before_ms = fixture_now() + 5000;
	struct job job = submit(&request);
	fixture_advance(5000);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(job.waiting_since_ms, 0);
	ck_assert_int_eq(submit(&(struct job_request){.kind = JOB_PROBE, .device = "modem1", .way = "auto"}).waiting_since_ms, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job_terms");
	TCase *tcase = tcase_create("job_terms");
	tcase_add_checked_fixture(tcase, set_up, one_gateway_clear);
	tcase_add_loop_test(tcase, a_job_gets_its_own_number_of_attempts, 0, sizeof(own_attempts) / sizeof(own_attempts[0]));
	tcase_add_test(tcase, without_a_number_the_configuration_has_it);
	tcase_add_loop_test(tcase, bad_terms_are_refused, 0, sizeof(bad_terms) / sizeof(bad_terms[0]));
	tcase_add_test(tcase, a_deadline_is_kept_but_not_by_the_retry);
	tcase_add_test(tcase, since_when_it_waits_is_told_of_each_reason);
	tcase_add_test(tcase, what_does_not_wait_has_waited_since_never);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
