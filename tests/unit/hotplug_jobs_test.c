/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/gateway_fixture.h"

static struct fixture fixture;

static void set_up(void)
{
	fixture_make(&fixture, 4);
}

static void tear_down(void)
{
	fixture_clear(&fixture);
}

/* Modem N of the script is behind a node "…/modemN". */
static struct usb_port adapter_at(struct fixture *with, const char *node)
{
	struct usb_port port = {.vid = 0x0403, .pid = 0x6015, .serial = "DN01", .path = "1-1", .controller = "0000:00:14.0"};
	snprintf(port.node, sizeof(port.node), "%s/%s", with->directory, node);
	snprintf(port.syspath, sizeof(port.syspath), "%s/modem0", with->directory);
	return port;
}

START_TEST(nothing_is_asked_of_an_offered_adapter)
{
	struct job job;
	struct device device;
	struct job_fault fault = {0};
	struct job_request request = {.kind = JOB_PROBE, .device = "dn01"};
	struct device_patch patch = {.set_profile = true, .profile = "monarch1"};
	fixture_start(&fixture);
	struct usb_port port = adapter_at(&fixture, "elsewhere/modem1");
	ck_assert_int_eq(registry_port_came(fixture.gateway->registry, &port, &fault), 0);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	request.kind = JOB_UPGRADE;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "dn01", &patch, &device, &fault), 0);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(fixture_modem(1)->runs, 1);
}
END_TEST

START_TEST(a_waiting_job_of_what_is_only_offered_now_sends_nothing)
{
	struct job job;
	struct job_fault fault = {0};
	struct job_request request = {.kind = JOB_PROBE, .device = "dn01"};
	fixture_start(&fixture);
	struct usb_port port = adapter_at(&fixture, "elsewhere/modem1");
	port.named = true;
	ck_assert_int_eq(registry_port_came(fixture.gateway->registry, &port, &fault), 0);
	registry_port_left(fixture.gateway->registry, port.syspath);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &job, &fault), 0);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	port.named = false;
	ck_assert_int_eq(registry_port_came(fixture.gateway->registry, &port, &fault), 0);
	job = fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	ck_assert_str_eq(job.fault.kind->code, "invalid-request");
	ck_assert_uint_eq(fixture_modem(1)->runs, 0);
}
END_TEST

START_TEST(a_waiting_job_goes_on_at_another_port)
{
	struct job job;
	struct job_fault fault = {0};
	struct job_request request = {.kind = JOB_UPGRADE, .device = "dn01"};
	fixture_start(&fixture);
	struct usb_port port = adapter_at(&fixture, "elsewhere/modem1");
	port.named = true;
	ck_assert_int_eq(registry_port_came(fixture.gateway->registry, &port, &fault), 0);
	registry_port_left(fixture.gateway->registry, port.syspath);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	port = adapter_at(&fixture, "elsewhere/modem3");
	port.named = true;
	ck_assert_int_eq(registry_port_came(fixture.gateway->registry, &port, &fault), 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(fixture_modem(1)->runs, 0);
	ck_assert_uint_eq(fixture_modem(3)->runs, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hotplug and jobs");
	TCase *tcase = tcase_create("hotplug_jobs");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, nothing_is_asked_of_an_offered_adapter);
	tcase_add_test(tcase, a_waiting_job_of_what_is_only_offered_now_sends_nothing);
	tcase_add_test(tcase, a_waiting_job_goes_on_at_another_port);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
