/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/registry.h"
#include "transport/clock.h"

/* The kernel's side is a folder: a port is there as long as its directory and its node are. */
static char folder[64];
static struct config config;
static struct config_device sections[4];
static struct store *store;
static struct event_bus *events;
static struct device_history *history;
static struct registry *registry;
static struct job_fault fault;

static int64_t now_ms(void)
{
	return INT64_C(1700000000000);
}

static void open_registry(void)
{
	char state[96];
	snprintf(state, sizeof(state), "%s/state", folder);
	ck_assert_int_eq(store_open(state, &fault, &store), 0);
	ck_assert_int_eq(event_bus_new(4096, &events), 0);
	ck_assert_int_eq(device_history_new(store, events, now_ms, &history), 0);
	int result = registry_new(&config, store, events, history, &fault, &registry);
	ck_assert_msg(result == 0, "%d: %s", result, fault.message);
}

static void close_registry(void)
{
	registry_free(registry);
	device_history_free(history);
	event_bus_free(events);
	store_close(store);
}

static void set_up(void)
{
	const char *parent = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/registry-XXXXXX", parent != NULL ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	config = (struct config){.devices = sections};
	open_registry();
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
	(void)about;
	(void)kind;
	(void)walk;
	return remove(path);
}

static void tear_down(void)
{
	close_registry();
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void restart(void)
{
	close_registry();
	open_registry();
}

/* A Pysense on a port of USB, plugged in. */
static struct usb_port plug(const char *path, unsigned number, const char *serial)
{
	struct usb_port port = {.vid = 0x04d8, .pid = 0xf012, .controller = "0000:00:14.0", .board = "pysense", .profile = "pycom"};
	snprintf(port.path, sizeof(port.path), "%s", path);
	snprintf(port.serial, sizeof(port.serial), "%s", serial);
	snprintf(port.node, sizeof(port.node), "%s/ttyACM%u", folder, number);
	snprintf(port.syspath, sizeof(port.syspath), "%s/sys-%s-ttyACM%u", folder, path, number);
	port.named = true;
	int fd = open(port.node, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(mkdir(port.syspath, 0700), 0);
	return port;
}

/* The kernel has it no more; nobody has told yet. */
static void vanish(const struct usb_port *port)
{
	ck_assert_int_eq(unlink(port->node), 0);
	ck_assert_int_eq(rmdir(port->syspath), 0);
}

static void came(const struct usb_port *port)
{
	ck_assert_int_eq(registry_port_came(registry, port, &fault), 0);
}

static void unplug(const struct usb_port *port)
{
	vanish(port);
	registry_port_left(registry, port->syspath);
}

static struct device get(const char *id)
{
	struct device device = {.state = DEVICE_UNKNOWN};
	int result = registry_get(registry, id, &device, &fault);
	ck_assert_msg(result == 0, "%s: %s", id, fault.message);
	return device;
}

static void check_ids(const char *expected)
{
	char ids[8192] = "";
	struct device *devices = NULL;
	size_t count = 0;
	ck_assert_int_eq(registry_list(registry, &devices, &count), 0);
	for (size_t i = 0; i < count; i++)
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s", i > 0 ? " " : "", devices[i].id);
	free(devices);
	ck_assert_str_eq(ids, expected);
}

START_TEST(a_board_that_comes_is_a_device)
{
	struct usb_port port = plug("1-1.4", 0, "Py41dEF9");
	came(&port);
	struct device device = get("py41def9");
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
	ck_assert(registry_present(registry, "py41def9"));
	ck_assert_ptr_eq(registry_profile(registry, "py41def9"), profile_builtin("pycom"));
	check_ids("py41def9");
}
END_TEST

START_TEST(one_that_left_is_absent_and_keeps_what_is_known)
{
	struct usb_port port = plug("1-1.4", 0, "py1");
	struct modem_info info = {.boot_mode = BOOT_MODE_FFF, .imei = "355000000000001"};
	const struct registry_lesson lesson = {.job = "", .now_ms = 5};
	bool news = false;
	struct device_patch patch = {.set_alias = true, .alias = "left", .set_labels = true, .label_count = 1, .labels = {{"rack", "7"}}};
	struct device device;
	came(&port);
	ck_assert_int_eq(registry_learn(registry, "py1", &info, &lesson, &news, &fault), 0);
	ck_assert_int_eq(registry_patch(registry, "py1", &patch, &device, &fault), 0);
	ck_assert_int_eq(get("py1").state, DEVICE_READY);
	unplug(&port);
	ck_assert_int_eq(get("py1").state, DEVICE_ABSENT);
	ck_assert(!registry_present(registry, "py1"));
	restart();
	device = get("py1");
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
	struct usb_port port = plug("1-1.4", 0, "py1");
	came(&port);
	unplug(&port);
	port = plug("2-3", 3, "py1");
	came(&port);
	ck_assert_str_eq(get("py1").port, port.node);
	ck_assert_str_eq(get("py1").usb.path, "2-3");
	check_ids("py1");
	restart();
	ck_assert_str_eq(get("py1").port, port.node);
	ck_assert_str_eq(get("py1").usb.path, "2-3");
}
END_TEST

START_TEST(it_comes_back_before_it_was_told_that_it_left)
{
	struct usb_port before = plug("1-1.4", 0, "py1");
	came(&before);
	vanish(&before);
	struct usb_port after = plug("1-1.5", 3, "py1");
	came(&after);
	registry_port_left(registry, before.syspath);
	ck_assert(registry_present(registry, "py1"));
	ck_assert_str_eq(get("py1").port, after.node);
	check_ids("py1");
}
END_TEST

static struct usb_port plug_adapter(const char *path, unsigned number, const char *serial)
{
	struct usb_port port = plug(path, number, serial);
	port.vid = 0x0403;
	port.pid = 0x6015;
	port.board[0] = port.profile[0] = '\0';
	port.named = false;
	return port;
}

static int give_profile(const char *id, const char *profile)
{
	struct device_patch patch = {.set_profile = true};
	struct device device;
	snprintf(patch.profile, sizeof(patch.profile), "%s", profile);
	return registry_patch(registry, id, &patch, &device, &fault);
}

START_TEST(an_adapter_is_offered_until_it_is_given_a_profile)
{
	struct device_entry *entries = NULL;
	size_t count = 0;
	struct usb_port port = plug_adapter("1-1", 0, "DN01");
	came(&port);
	struct device device = get("dn01");
	ck_assert(device.offered);
	ck_assert_int_eq(device.state, DEVICE_UNKNOWN);
	ck_assert_str_eq(device.profile, "auto");
	ck_assert_str_eq(device.board, "");
	ck_assert_int_eq(give_profile("dn01", "no-such"), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert(get("dn01").offered);
	ck_assert_int_eq(give_profile("dn01", "monarch2"), 0);
	device = get("dn01");
	ck_assert(!device.offered);
	ck_assert_str_eq(device.profile, "monarch2");
	ck_assert_ptr_eq(registry_profile(registry, "dn01"), profile_builtin("monarch2"));
	ck_assert_int_eq(device_history_list(history, "dn01", 10, &entries, &count, &fault), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entries[0].type, "adopted");
	ck_assert_str_eq(entries[0].detail, "it was given the profile monarch2");
	free(entries);
	restart();
	ck_assert_str_eq(get("dn01").profile, "monarch2");
	came(&port);
	ck_assert_str_eq(get("dn01").profile, "monarch2");
	ck_assert(!get("dn01").offered);
	registry_set_job(registry, "dn01", "01job", false);
	ck_assert_int_eq(give_profile("dn01", ""), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_str_eq(fault.job, "01job");
	ck_assert_str_eq(get("dn01").profile, "monarch2");
	registry_set_job(registry, "dn01", "", false);
	ck_assert_int_eq(give_profile("dn01", ""), 0);
	ck_assert(get("dn01").offered);
	ck_assert_str_eq(get("dn01").profile, "auto");
}
END_TEST

START_TEST(an_offered_one_stays_so_over_a_restart)
{
	struct usb_port port = plug_adapter("1-1", 0, "DN01");
	strcpy(port.profile, "walter");
	came(&port);
	restart();
	ck_assert(get("dn01").offered);
	ck_assert_str_eq(get("dn01").profile, "walter");
	port.named = true;
	strcpy(port.profile, "monarch1");
	came(&port);
	ck_assert(!get("dn01").offered);
	ck_assert_str_eq(get("dn01").profile, "monarch1");
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
	await->result = registry_await_port(registry, "py1", await->present, await->cancel_fd, await->deadline_ms);
	return NULL;
}

START_TEST(who_waits_for_a_port_is_woken)
{
	pthread_t thread;
	struct usb_port port = plug("1-1.4", 0, "py1");
	came(&port);
	for (int i = 0; i < 4; i++) {
		struct await await = {.present = i % 2 == 1, .cancel_fd = -1, .deadline_ms = clock_deadline_ms(10000)};
		ck_assert_int_eq(pthread_create(&thread, NULL, await_port, &await), 0);
		if (await.present) {
			port = plug("1-1.4", 0, "py1");
			came(&port);
		} else {
			unplug(&port);
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
	struct usb_port port = plug("1-1.4", 0, "py1");
	came(&port);
	ck_assert_int_eq(registry_await_port(registry, "py1", true, cancel_fd, clock_now_ms()), 0);
	ck_assert_int_eq(registry_await_port(registry, "py1", false, cancel_fd, clock_deadline_ms(20)), -ETIMEDOUT);
	ck_assert_int_eq(eventfd_write(cancel_fd, 1), 0);
	ck_assert_int_eq(registry_await_port(registry, "py1", false, cancel_fd, clock_deadline_ms(10000)), -ECANCELED);
	ck_assert_int_eq(registry_await_port(registry, "nobody", false, -1, clock_deadline_ms(10000)), -ENODEV);
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
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
