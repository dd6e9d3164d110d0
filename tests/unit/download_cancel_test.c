/* SPDX-License-Identifier: Apache-2.0
 *
 * A download that is cancelled: what was answered is on the disk.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/gateway_fixture.h"
#include "tests/unit/state_sql.h"
#include "tests/unit/suite_run.h"

/* Nobody listens there: it waits, and is tried again. */
#define URL "http://127.0.0.1:9/nothing.dup"

static struct fixture fixture;
static struct job_fault fault;

static void set_up(void)
{
	fixture_make(&fixture, 1);
	fixture.config.download = (struct config_download){.allow_http = true, .attempts = 20, .max_parallel = 1, .stall_s = 60};
	fixture_start(&fixture);
	memset(&fault, 0, sizeof(fault));
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

static struct download begin(void)
{
	const struct download_request request = {.url = URL};
	struct download_status *status = NULL;
	struct firmware unused;
	bool was_there;
	ck_assert_int_eq(gateway_begin_download(fixture.gateway, &request, &status, &unused, &was_there, &fault), 0);
	struct download download = status->now;
	download_statuses_free(status, 1);
	return download;
}

static int cancel(const char *id)
{
	struct download_status *status = NULL;
	int result = gateway_cancel_download(fixture.gateway, id, &status, &fault);
	if (result == 0)
		ck_assert_int_eq(status->now.state, DOWNLOAD_CANCELLED);
	download_statuses_free(status, result == 0);
	return result;
}

static enum download_state state_of(const char *id)
{
	struct download_status *status = NULL;
	ck_assert_int_eq(gateway_download(fixture.gateway, id, &status, &fault), 0);
	enum download_state state = status->now.state;
	download_statuses_free(status, 1);
	return state;
}

START_TEST(its_job_has_ended_with_the_answer)
{
	struct job job;
	struct job_row row;
	const struct job_request request = fixture_request(0);
	const struct job_source source = {.url = URL};
	ck_assert_int_eq(gateway_submit_url(fixture.gateway, &request, &source, &job, &fault), 0);
	ck_assert_int_eq(job.waiting_for, WAIT_DOWNLOAD);
	ck_assert_int_eq(cancel(job.download), 0);
	ck_assert_int_eq(store_job_get(fixture.gateway->store, job.id, &row, &fault), 0);
	ck_assert_int_eq(row.job.state, JOB_FAILED);
	ck_assert_str_eq(row.job.fault.kind->code, "download-failed");
	ck_assert_int_eq(cancel(job.download), 0); /* it is */
	ck_assert_int_eq(cancel("nothing"), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
}
END_TEST

START_TEST(a_cancel_that_is_not_stored_did_nothing)
{
	bool kept = false;
	struct download download = begin();
	state_sql(fixture.config.state_dir,
		  "CREATE TRIGGER refuse BEFORE DELETE ON kept_downloads BEGIN SELECT RAISE(ABORT, 'the disk says no'); END");
	ck_assert_int_eq(cancel(download.id), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "infrastructure-error");
	ck_assert_int_ne(state_of(download.id), DOWNLOAD_CANCELLED);
	state_sql(fixture.config.state_dir, "DROP TRIGGER refuse");
	ck_assert_int_eq(cancel(download.id), 0);
	ck_assert_int_eq(store_download_kept(fixture.gateway->store, download.id, &kept, &fault), 0);
	ck_assert(!kept);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("download_cancel");
	TCase *tests = tcase_create("cancel");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, its_job_has_ended_with_the_answer);
	tcase_add_test(tests, a_cancel_that_is_not_stored_did_nothing);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
