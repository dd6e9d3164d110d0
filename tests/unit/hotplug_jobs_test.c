/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/gateway_fixture.h"
#include "tests/unit/suite_run.h"

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

/* It is there at modem1, and somebody has named it or not. */
static struct usb_port start_with_adapter(bool named)
{
	struct job_fault fault = {0};
	fixture_start(&fixture);
	struct usb_port port = adapter_at(&fixture, "elsewhere/modem1");
	port.named = named;
	ck_assert_int_eq(registry_port_came(fixture.gateway->registry, &port, &fault), 0);
	return port;
}

START_TEST(nothing_is_asked_of_an_offered_adapter)
{
	struct job job;
	struct device device;
	struct job_fault fault = {0};
	struct job_request request = {.kind = JOB_PROBE, .device = "dn01"};
	struct device_patch patch = {.set_profile = true, .profile = "monarch1"};
	start_with_adapter(false);
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
	struct usb_port port = start_with_adapter(true);
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
	struct usb_port port = start_with_adapter(true);
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

/* A board with a directory of the kernel that is there. */
static struct usb_port plug_board(const char *node, const char *serial, const char *path)
{
	struct job_fault fault = {0};
	struct usb_port port = adapter_at(&fixture, node);
	port.named = true;
	snprintf(port.serial, sizeof(port.serial), "%s", serial);
	snprintf(port.path, sizeof(port.path), "%s", path);
	snprintf(port.syspath, sizeof(port.syspath), "%s/sys-%s-%c", fixture.directory, path, node[strlen(node) - 1]);
	ck_assert_int_eq(mkdir(port.syspath, 0700), 0);
	ck_assert_int_eq(registry_port_came(fixture.gateway->registry, &port, &fault), 0);
	return port;
}

static void upgrade_to_no_bridge(const char *device)
{
	struct job job;
	struct job_fault fault = {0};
	struct job_request request = {.kind = JOB_UPGRADE, .device = ""};
	snprintf(request.device, sizeof(request.device), "%s", device);
	fixture_modem(1)->fault = FAULT_BOARD_NO_BRIDGE;
	fixture_modem(1)->fault_phase = PHASE_CONNECT;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_modem(1)->fault = FAULT_NONE;
}

/* A board with a serial of its own carries the modem that it carried, one that is known by its place may have been changed. */
START_TEST(a_serial_vouches_for_the_build_behind_it)
{
	static const struct {
		const char *serial, *id;
		uint32_t build;
		enum modem_family family;
	} boards[] = {{"DN01", "dn01", 38638, FAMILY_MONARCH1}, {"", "usb-0000-00-14.0-1", 0, FAMILY_UNKNOWN}};
	struct job job;
	struct job_fault fault = {0};
	struct job_request request = {.kind = JOB_PROBE};
	fixture_start(&fixture);
	plug_board("elsewhere/modem1", boards[_i].serial, "1-1");
	snprintf(request.device, sizeof(request.device), "%s", boards[_i].id);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "", &job, &fault), 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	upgrade_to_no_bridge(boards[_i].id);
	ck_assert_uint_eq(fixture_modem(1)->from_build, boards[_i].build);
	ck_assert_int_eq(fixture_modem(1)->from_family, boards[_i].family);
	/* The same serial elsewhere: it says of neither which one it is. */
	plug_board("elsewhere/modem3", boards[_i].serial, "1-2");
	upgrade_to_no_bridge(boards[_i].id);
	ck_assert_uint_eq(fixture_modem(1)->from_build, 0);
}
END_TEST

static struct job begin_gated(enum job_kind kind, enum upgrade_phase gate, const char *phase)
{
	struct job job;
	struct job_fault fault = {0};
	struct job_request request = {.kind = kind, .device = "dn01"};
	fixture_modem(1)->gated = true;
	fixture_modem(1)->gate = gate;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, kind == JOB_UPGRADE ? "test.dup" : "", &job, &fault), 0);
	return fixture_await(&fixture, job.id, JOB_RUNNING, phase);
}

static void check_that_nothing_was_sent(const char *id, enum upgrade_phase reached)
{
	struct device device;
	struct job_fault fault;
	fixture_open_gate(1);
	struct job job = fixture_await(&fixture, id, JOB_WAITING, NULL);
	ck_assert_int_eq(job.waiting_for, WAIT_DEVICE);
	ck_assert_str_eq(job.fault.kind->code, "port-gone");
	ck_assert_ptr_nonnull(strstr(job.fault.message, "dn01 is not behind the port "));
	ck_assert(job.can_cancel);
	ck_assert_int_eq(fixture_modem(1)->reached, reached);
	fixture_await_idle(&fixture);
	plug_board("elsewhere/modem3", "DN01", "1-7");
	fixture_await(&fixture, id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(fixture_modem(1)->runs, 1);
	ck_assert_uint_eq(fixture_modem(3)->runs, 1);
	ck_assert_int_eq(registry_get(fixture.gateway->registry, "dn01", &device, &fault), 0);
	ck_assert_str_eq(device.modem.imei, "355000000000003");
}

START_TEST(a_node_that_is_another_boards_by_now_is_not_asked)
{
	fixture_start(&fixture);
	struct usb_port port = plug_board("elsewhere/modem1", "DN01", "1-1");
	struct job job = begin_gated(JOB_PROBE, PHASE_CONNECT, "connect");
	ck_assert_int_eq(rmdir(port.syspath), 0);
	registry_port_left(fixture.gateway->registry, port.syspath);
	plug_board("elsewhere/modem1", "DN02", "1-2");
	check_that_nothing_was_sent(job.id, PHASE_CONNECT);
}
END_TEST

START_TEST(no_bundle_goes_to_a_port_that_the_kernel_does_not_have_any_more)
{
	fixture_start(&fixture);
	fixture_modem(1)->forgets_imei = fixture_modem(3)->forgets_imei = true;
	fixture_modem(3)->imei = "355000000000003";
	struct usb_port port = plug_board("elsewhere/modem1", "DN01", "1-1");
	struct job job = begin_gated(JOB_UPGRADE, PHASE_PREPARE, "prepare");
	/* Nobody has told yet. */
	ck_assert_int_eq(rmdir(port.syspath), 0);
	check_that_nothing_was_sent(job.id, PHASE_TRANSFER);
}
END_TEST

START_TEST(what_another_board_tells_is_not_taken_for_this_one)
{
	struct device device;
	struct job_fault fault;
	fixture_start(&fixture);
	struct usb_port port = plug_board("elsewhere/modem1", "DN01", "1-1");
	struct job job = begin_gated(JOB_PROBE, PHASE_IDENTIFY, "identify");
	ck_assert_int_eq(rmdir(port.syspath), 0);
	fixture_open_gate(1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(registry_get(fixture.gateway->registry, "dn01", &device, &fault), 0);
	ck_assert_str_eq(device.modem.imei, "");
}
END_TEST

static void make_node(const struct usb_port *port)
{
	char folder[sizeof(port->node)];
	snprintf(folder, sizeof(folder), "%s", port->node);
	*strrchr(folder, '/') = '\0';
	ck_assert(mkdir(folder, 0700) == 0 || errno == EEXIST);
	int fd = open(port->node, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

/* It waited for its port, which was another one again before it was opened: that is as if it had gone under the job. */
START_TEST(a_port_that_moved_before_it_was_opened_is_lost)
{
	struct job job;
	struct job_fault fault = {0};
	struct job_request request = {.kind = JOB_UPGRADE, .device = "dn01"};
	struct usb_port port = start_with_adapter(true);
	*fixture_modem(1) =
	    (struct fake_modem){.gated = true, .gate = PHASE_CONNECT, .fault = FAULT_PORT_GONE, .fault_phase = PHASE_CONNECT};
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "connect");
	registry_port_left(fixture.gateway->registry, port.syspath);
	port = adapter_at(&fixture, "elsewhere/modem3");
	port.named = true;
	make_node(&port);
	ck_assert_int_eq(registry_port_came(fixture.gateway->registry, &port, &fault), 0);
	fixture_open_gate(1);
	job = fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_uint_eq(job.attempt, 1);
	ck_assert_uint_eq(fixture_modem(1)->runs, 1);
	ck_assert_uint_eq(fixture_modem(3)->runs, 1);
	ck_assert_str_eq(job.notes[0], "the port went away 1 time, the last time in the phase connect; at most 10 are taken");
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
	tcase_add_loop_test(tcase, a_serial_vouches_for_the_build_behind_it, 0, 2);
	tcase_add_test(tcase, a_node_that_is_another_boards_by_now_is_not_asked);
	tcase_add_test(tcase, no_bundle_goes_to_a_port_that_the_kernel_does_not_have_any_more);
	tcase_add_test(tcase, what_another_board_tells_is_not_taken_for_this_one);
	tcase_add_test(tcase, a_port_that_moved_before_it_was_opened_is_lost);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
