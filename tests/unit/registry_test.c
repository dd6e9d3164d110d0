/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/registry_rig.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"

static struct registry_rig rig;

static void set_up(void)
{
	rig_make(&rig);
}

static void tear_down(void)
{
	rig_clear(&rig);
}

START_TEST(a_board_that_comes_is_a_device)
{
	struct usb_port port = rig_plug(&rig, "1-1.4", "ttyACM0", "Py41dEF9");
	rig_came(&rig, &port);
	struct device device = rig_get(&rig, "py41def9");
	ck_assert_str_eq(device.port, port.node);
	ck_assert_str_eq(device.profile, "pycom");
	ck_assert_str_eq(device.board, "pysense");
	ck_assert(!device.offered && device.usb.known);
	ck_assert_uint_eq(device.usb.vid, 0x04d8);
	ck_assert_uint_eq(device.usb.pid, 0xf012);
	ck_assert_str_eq(device.usb.serial, "Py41dEF9");
	ck_assert_str_eq(device.usb.path, "1-1.4");
	ck_assert_int_eq(device.state, DEVICE_UNKNOWN);
	ck_assert_int_eq(device.modem.boot_mode, -1);
	ck_assert(registry_present(rig.registry, "py41def9"));
	ck_assert_ptr_eq(registry_profile(rig.registry, "py41def9"), profile_builtin("pycom"));
	rig_check_ids(&rig, "py41def9");
}
END_TEST

START_TEST(one_that_left_is_absent_and_keeps_what_is_known)
{
	struct usb_port port = rig_plug(&rig, "1-1.4", "ttyACM0", "py1");
	struct modem_info info = {.boot_mode = BOOT_MODE_FFF, .imei = "355000000000001"};
	const struct registry_lesson lesson = {.job = "", .now_ms = 5};
	bool news = false;
	struct device_patch patch = {.set_alias = true, .alias = "left", .set_labels = true, .label_count = 1, .labels = {{"rack", "7"}}};
	struct device device;
	rig_came(&rig, &port);
	ck_assert_int_eq(registry_learn(rig.registry, "py1", &info, &lesson, &news, &rig.fault), 0);
	ck_assert_int_eq(registry_patch(rig.registry, "py1", &patch, &device, &rig.fault), 0);
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_READY);
	rig_unplug(&rig, &port);
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_ABSENT);
	ck_assert(!registry_present(rig.registry, "py1"));
	rig_restart(&rig);
	device = rig_get(&rig, "py1");
	ck_assert_int_eq(device.state, DEVICE_ABSENT);
	ck_assert_str_eq(device.alias, "left");
	ck_assert_str_eq(device.labels[0].value, "7");
	ck_assert_str_eq(device.modem.imei, "355000000000001");
	ck_assert_str_eq(device.profile, "pycom");
	ck_assert_str_eq(device.board, "pysense");
	ck_assert_str_eq(device.port, port.node);
	ck_assert_str_eq(device.usb.path, "1-1.4");
	ck_assert(!device.offered);
}
END_TEST

START_TEST(one_that_comes_back_elsewhere_is_the_same)
{
	struct usb_port port = rig_plug(&rig, "1-1.4", "ttyACM0", "py1");
	rig_came(&rig, &port);
	rig_unplug(&rig, &port);
	port = rig_plug(&rig, "2-3", "ttyACM3", "py1");
	rig_came(&rig, &port);
	ck_assert_str_eq(rig_get(&rig, "py1").port, port.node);
	ck_assert_str_eq(rig_get(&rig, "py1").usb.path, "2-3");
	rig_check_ids(&rig, "py1");
	rig_restart(&rig);
	ck_assert_str_eq(rig_get(&rig, "py1").port, port.node);
	ck_assert_str_eq(rig_get(&rig, "py1").usb.path, "2-3");
}
END_TEST

START_TEST(it_comes_back_before_it_was_told_that_it_left)
{
	struct usb_port before = rig_plug(&rig, "1-1.4", "ttyACM0", "py1");
	rig_came(&rig, &before);
	rig_vanish(&before);
	struct usb_port after = rig_plug(&rig, "1-1.5", "ttyACM3", "py1");
	rig_came(&rig, &after);
	registry_port_left(rig.registry, before.syspath);
	ck_assert(registry_present(rig.registry, "py1"));
	ck_assert_str_eq(rig_get(&rig, "py1").port, after.node);
	rig_check_ids(&rig, "py1");
}
END_TEST

static int give_profile(const char *id, const char *profile)
{
	struct device_patch patch = {.set_profile = true};
	struct device device;
	snprintf(patch.profile, sizeof(patch.profile), "%s", profile);
	return registry_patch(rig.registry, id, &patch, &device, &rig.fault);
}

START_TEST(an_adapter_is_offered_until_it_is_given_a_profile)
{
	struct device_entry *entries = NULL;
	size_t count = 0;
	struct usb_port port = rig_plug_adapter(&rig, "1-1", "ttyUSB0", "DN01");
	rig_came(&rig, &port);
	struct device device = rig_get(&rig, "dn01");
	ck_assert(device.offered);
	ck_assert_int_eq(device.state, DEVICE_UNKNOWN);
	ck_assert_str_eq(device.profile, "auto");
	ck_assert_str_eq(device.board, "");
	ck_assert_int_eq(give_profile("dn01", "no-such"), -EPROTO);
	ck_assert_str_eq(rig.fault.kind->code, "invalid-request");
	ck_assert(rig_get(&rig, "dn01").offered);
	ck_assert_int_eq(give_profile("dn01", "monarch2"), 0);
	device = rig_get(&rig, "dn01");
	ck_assert(!device.offered);
	ck_assert_str_eq(device.profile, "monarch2");
	ck_assert_ptr_eq(registry_profile(rig.registry, "dn01"), profile_builtin("monarch2"));
	ck_assert_int_eq(device_history_list(rig.history, "dn01", 10, &entries, &count, &rig.fault), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entries[0].type, "adopted");
	ck_assert_str_eq(entries[0].detail, "it was given the profile monarch2");
	free(entries);
	rig_restart(&rig);
	ck_assert_str_eq(rig_get(&rig, "dn01").profile, "monarch2");
	rig_came(&rig, &port);
	ck_assert_str_eq(rig_get(&rig, "dn01").profile, "monarch2");
	ck_assert(!rig_get(&rig, "dn01").offered);
	registry_set_job(rig.registry, "dn01", "01job", false);
	ck_assert_int_eq(give_profile("dn01", ""), -EPROTO);
	ck_assert_str_eq(rig.fault.kind->code, "device-busy");
	ck_assert_str_eq(rig.fault.job, "01job");
	ck_assert_str_eq(rig_get(&rig, "dn01").profile, "monarch2");
	registry_set_job(rig.registry, "dn01", "", false);
	ck_assert_int_eq(give_profile("dn01", ""), 0);
	ck_assert(rig_get(&rig, "dn01").offered);
	ck_assert_str_eq(rig_get(&rig, "dn01").profile, "auto");
}
END_TEST

START_TEST(an_offered_one_stays_so_over_a_restart)
{
	struct usb_port port = rig_plug_adapter(&rig, "1-1", "ttyUSB0", "DN01");
	strcpy(port.profile, "walter");
	rig_came(&rig, &port);
	rig_restart(&rig);
	ck_assert(rig_get(&rig, "dn01").offered);
	ck_assert_str_eq(rig_get(&rig, "dn01").profile, "walter");
	port.named = true;
	strcpy(port.profile, "monarch1");
	rig_came(&rig, &port);
	ck_assert(!rig_get(&rig, "dn01").offered);
	ck_assert_str_eq(rig_get(&rig, "dn01").profile, "monarch1");
}
END_TEST

struct await {
	bool present;
	int cancel_fd, result;
	int64_t deadline_ms;
};

static void *await_port(void *context)
{
	struct await *await = context;
	await->result = registry_await_port(rig.registry, "py1", await->present, await->cancel_fd, await->deadline_ms);
	return NULL;
}

START_TEST(who_waits_for_a_port_is_woken)
{
	pthread_t thread;
	struct usb_port port = rig_plug(&rig, "1-1.4", "ttyACM0", "py1");
	rig_came(&rig, &port);
	for (int i = 0; i < 4; i++) {
		struct await await = {.present = i % 2 == 1, .cancel_fd = -1, .deadline_ms = clock_deadline_ms(10000)};
		ck_assert_int_eq(pthread_create(&thread, NULL, await_port, &await), 0);
		if (await.present) {
			port = rig_plug(&rig, "1-1.4", "ttyACM0", "py1");
			rig_came(&rig, &port);
		} else {
			rig_unplug(&rig, &port);
		}
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		ck_assert_int_eq(await.result, 0);
		ck_assert_int_lt(clock_now_ms(), await.deadline_ms);
	}
}
END_TEST

START_TEST(waiting_for_a_port_ends_in_time_or_when_cancelled)
{
	int cancel_fd = eventfd(0, EFD_CLOEXEC);
	struct usb_port port = rig_plug(&rig, "1-1.4", "ttyACM0", "py1");
	rig_came(&rig, &port);
	ck_assert_int_eq(registry_await_port(rig.registry, "py1", true, cancel_fd, clock_now_ms()), 0);
	ck_assert_int_eq(registry_await_port(rig.registry, "py1", false, cancel_fd, clock_deadline_ms(20)), -ETIMEDOUT);
	ck_assert_int_eq(eventfd_write(cancel_fd, 1), 0);
	ck_assert_int_eq(registry_await_port(rig.registry, "py1", false, cancel_fd, clock_deadline_ms(10000)), -ECANCELED);
	ck_assert_int_eq(registry_await_port(rig.registry, "nobody", false, -1, clock_deadline_ms(10000)), -ENODEV);
	close(cancel_fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("registry");
	TCase *tcase = tcase_create("registry");
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_board_that_comes_is_a_device);
	tcase_add_test(tcase, one_that_left_is_absent_and_keeps_what_is_known);
	tcase_add_test(tcase, one_that_comes_back_elsewhere_is_the_same);
	tcase_add_test(tcase, it_comes_back_before_it_was_told_that_it_left);
	tcase_add_test(tcase, an_adapter_is_offered_until_it_is_given_a_profile);
	tcase_add_test(tcase, an_offered_one_stays_so_over_a_restart);
	tcase_add_test(tcase, who_waits_for_a_port_is_woken);
	tcase_add_test(tcase, waiting_for_a_port_ends_in_time_or_when_cancelled);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
