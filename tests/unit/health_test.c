/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/gateway_fixture.h"

static struct fixture fixture;
static struct job_fault fault;

static void set_up(void)
{
	fixture_make(&fixture, 3);
	fixture_start(&fixture);
	memset(&fault, 0, sizeof(fault));
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

static struct job probe(size_t device)
{
	struct job job = {0};
	struct job_request request = fixture_request(device);
	request.kind = JOB_PROBE;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &job, &fault), 0);
	return job;
}

static struct job end_upgrade(size_t device, enum fault_code code, enum upgrade_phase phase)
{
	fixture_modem(device)->fault = code;
	fixture_modem(device)->fault_phase = phase;
	struct job job = fixture_submit(&fixture, device);
	return fixture_await(&fixture, job.id, code == FAULT_NONE ? JOB_SUCCEEDED : JOB_FAILED, NULL);
}

/* What one job began is known to the next ones, also past one that did not come to it. */
START_TEST(a_begun_bundle_is_remembered_until_one_ends_well)
{
	struct fake_modem *modem = fixture_modem(0);
	end_upgrade(0, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	ck_assert(!modem->begun_before);
	end_upgrade(0, FAULT_APPLY_FAILED, PHASE_APPLY);
	ck_assert(!modem->begun_before);
	end_upgrade(0, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	ck_assert(modem->begun_before);
	end_upgrade(0, FAULT_NONE, PHASE_CONNECT);
	ck_assert(modem->begun_before);
	end_upgrade(1, FAULT_NONE, PHASE_CONNECT);
	ck_assert(!fixture_modem(1)->begun_before);
	end_upgrade(0, FAULT_NONE, PHASE_CONNECT);
	ck_assert(!modem->begun_before);
}
END_TEST

START_TEST(the_build_is_known_from_before)
{
	struct job job = probe(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	end_upgrade(0, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	ck_assert_uint_eq(fixture_modem(0)->from_build, 38638);
	end_upgrade(1, FAULT_BOARD_NO_BRIDGE, PHASE_CONNECT);
	ck_assert_uint_eq(fixture_modem(1)->from_build, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *tcase = tcase_create("health");
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_begun_bundle_is_remembered_until_one_ends_well);
	tcase_add_test(tcase, the_build_is_known_from_before);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
