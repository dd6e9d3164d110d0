/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hotplug.h"

#include <check.h>
#include <errno.h>
#include <libudev.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/registry_rig.h"
#include "tests/unit/suite_run.h"

#define TTYS_MAX   4u
#define EVENTS_MAX 8u

/* libudev as a script: what the linker finds here comes before the library. A tty, its interface and its board are one struct, told apart by kind. */
enum face { NO_DEVICE, TTY, INTERFACE, BOARD, ROOT_HUB, CONTROLLER };
struct udev_device {
	enum face kind;
	const char *action;
	struct fake_tty *tty;
};
struct fake_tty {
	char node[128], syspath[128], path[16], interface_name[24], serial[32], interface[4], class[4], tag[8], tag_profile[32];
	bool there, unfinished;
	struct udev_device faces[CONTROLLER + 1];
};

static struct registry_rig rig;
static struct hotplug *hotplug;
static struct fake_tty ttys[TTYS_MAX];
static struct {
	int error; /* instead of an event */
	struct udev_device device;
} events[EVENTS_MAX];
static size_t event_count, event_next, scans;
static int monitor_fd;

struct udev *udev_new(void)
{
	return (struct udev *)ttys;
}

struct udev *udev_unref(struct udev *udev)
{
	(void)udev;
	return NULL;
}

struct udev_monitor *udev_monitor_new_from_netlink(struct udev *udev, const char *name)
{
	(void)name;
	return (struct udev_monitor *)udev;
}

int udev_monitor_set_receive_buffer_size(struct udev_monitor *monitor, int size)
{
	(void)monitor;
	return size > 1024 * 1024 ? 0 : -EINVAL;
}

int udev_monitor_filter_add_match_subsystem_devtype(struct udev_monitor *monitor, const char *subsystem, const char *devtype)
{
	(void)monitor;
	return strcmp(subsystem, "tty") == 0 && devtype == NULL ? 0 : -EINVAL;
}

int udev_monitor_enable_receiving(struct udev_monitor *monitor)
{
	(void)monitor;
	return 0;
}

int udev_monitor_get_fd(struct udev_monitor *monitor)
{
	(void)monitor;
	return monitor_fd;
}

struct udev_monitor *udev_monitor_unref(struct udev_monitor *monitor)
{
	(void)monitor;
	return NULL;
}

struct udev_device *udev_monitor_receive_device(struct udev_monitor *monitor)
{
	(void)monitor;
	eventfd_t ignored;
	if (event_next == event_count) {
		(void)eventfd_read(monitor_fd, &ignored);
		errno = EAGAIN;
		return NULL;
	}
	errno = events[event_next].error;
	struct udev_device *device = &events[event_next++].device;
	return errno == 0 ? device : NULL;
}

struct udev_device *udev_device_unref(struct udev_device *device)
{
	(void)device;
	return NULL;
}

int udev_device_get_is_initialized(struct udev_device *device)
{
	return !device->tty->unfinished;
}

static struct udev_device *face(struct fake_tty *tty, enum face kind)
{
	tty->faces[kind] = (struct udev_device){.kind = kind, .tty = tty};
	return &tty->faces[kind];
}

struct udev_device *udev_device_new_from_syspath(struct udev *udev, const char *syspath)
{
	(void)udev;
	for (size_t i = 0; i < TTYS_MAX; i++)
		if (ttys[i].there && strcmp(ttys[i].syspath, syspath) == 0)
			return face(&ttys[i], TTY);
	return NULL;
}

struct udev_device *udev_device_new_from_subsystem_sysname(struct udev *udev, const char *subsystem, const char *sysname)
{
	(void)udev;
	for (size_t i = 0; i < TTYS_MAX && strcmp(subsystem, "usb") == 0; i++)
		if (ttys[i].there && strcmp(ttys[i].interface_name, sysname) == 0)
			return face(&ttys[i], INTERFACE);
	return NULL;
}

struct udev_device *udev_device_get_parent_with_subsystem_devtype(struct udev_device *device, const char *subsystem, const char *devtype)
{
	bool usb = strcmp(subsystem, "usb") == 0;
	if (usb && device->kind == TTY && strcmp(devtype, "usb_interface") == 0)
		return face(device->tty, INTERFACE);
	if (usb && device->kind == BOARD)
		return face(device->tty, ROOT_HUB);
	return usb && device->kind < BOARD ? face(device->tty, BOARD) : NULL;
}

struct udev_device *udev_device_get_parent(struct udev_device *device)
{
	return device->kind == ROOT_HUB ? face(device->tty, CONTROLLER) : NULL;
}

const char *udev_device_get_sysname(struct udev_device *device)
{
	const char *const names[] = {"", "", device->tty->interface_name, device->tty->path, "usb1", "0000:00:14.0"};
	return names[device->kind];
}

const char *udev_device_get_syspath(struct udev_device *device)
{
	return device->tty->syspath;
}

const char *udev_device_get_devnode(struct udev_device *device)
{
	return device->tty->node;
}

const char *udev_device_get_action(struct udev_device *device)
{
	return device->action;
}

struct udev *udev_device_get_udev(struct udev_device *device)
{
	(void)device;
	return (struct udev *)ttys;
}

static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

const char *udev_device_get_property_value(struct udev_device *device, const char *key)
{
	if (strcmp(key, "ID_DUPGATE") == 0)
		return or_null(device->tty->tag);
	return strcmp(key, "ID_DUPGATE_PROFILE") == 0 ? or_null(device->tty->tag_profile) : NULL;
}

const char *udev_device_get_sysattr_value(struct udev_device *device, const char *name)
{
	const struct fake_tty *tty = device->tty;
	const struct {
		enum face kind;
		const char *name, *value;
	} attributes[] = {
	    {INTERFACE, "bInterfaceNumber", tty->interface},
	    {INTERFACE, "bInterfaceClass", tty->class},
	    {BOARD, "idVendor", "0403"},
	    {BOARD, "idProduct", "6011"},
	    {BOARD, "serial", tty->serial},
	};
	for (size_t i = 0; tty->there && i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].kind == device->kind && strcmp(attributes[i].name, name) == 0)
			return or_null(attributes[i].value);
	return NULL;
}

struct udev_enumerate *udev_enumerate_new(struct udev *udev)
{
	scans++;
	return (struct udev_enumerate *)udev;
}

int udev_enumerate_add_match_subsystem(struct udev_enumerate *list, const char *subsystem)
{
	(void)list;
	return strcmp(subsystem, "tty") == 0 ? 0 : -EINVAL;
}

int udev_enumerate_scan_devices(struct udev_enumerate *list)
{
	(void)list;
	return 0;
}

static struct udev_list_entry *next_there(const struct fake_tty *tty)
{
	while (tty < ttys + TTYS_MAX && !tty->there)
		tty++;
	return tty < ttys + TTYS_MAX ? (struct udev_list_entry *)&ttys[tty - ttys] : NULL;
}

struct udev_list_entry *udev_enumerate_get_list_entry(struct udev_enumerate *list)
{
	(void)list;
	return next_there(ttys);
}

struct udev_list_entry *udev_list_entry_get_next(struct udev_list_entry *entry)
{
	return next_there((struct fake_tty *)entry + 1);
}

const char *udev_list_entry_get_name(struct udev_list_entry *entry)
{
	return ((struct fake_tty *)entry)->syspath;
}

struct udev_enumerate *udev_enumerate_unref(struct udev_enumerate *list)
{
	(void)list;
	return NULL;
}

static void plug(size_t index, const char *path, unsigned interface, const char *serial)
{
	struct fake_tty *tty = &ttys[index];
	char node[16];
	snprintf(node, sizeof(node), "ttyUSB%zu", index);
	struct usb_port port = rig_plug_adapter(&rig, path, node, serial);
	*tty = (struct fake_tty){.there = true, .class = "ff"};
	snprintf(tty->node, sizeof(tty->node), "%.*s", (int)sizeof(tty->node) - 1, port.node);
	snprintf(tty->syspath, sizeof(tty->syspath), "%.*s", (int)sizeof(tty->syspath) - 1, port.syspath);
	snprintf(tty->path, sizeof(tty->path), "%s", path);
	snprintf(tty->interface_name, sizeof(tty->interface_name), "%s:1.%u", path, interface);
	snprintf(tty->interface, sizeof(tty->interface), "%02x", interface);
	snprintf(tty->serial, sizeof(tty->serial), "%s", serial);
}

static void unplug(size_t index)
{
	ttys[index].there = false;
	ck_assert_int_eq(unlink(ttys[index].node), 0);
	ck_assert_int_eq(rmdir(ttys[index].syspath), 0);
}

static void tell(size_t index, const char *action)
{
	ck_assert_uint_lt(event_count, EVENTS_MAX);
	events[event_count++].device = (struct udev_device){.kind = TTY, .action = action, .tty = &ttys[index]};
	ck_assert_int_eq(eventfd_write(monitor_fd, 1), 0);
}

static void lose_events(void)
{
	ck_assert_uint_lt(event_count, EVENTS_MAX);
	events[event_count++].error = ENOBUFS;
	ck_assert_int_eq(eventfd_write(monitor_fd, 1), 0);
}

/* As the main loop does; false when nothing comes. */
static bool take(int timeout_ms)
{
	struct pollfd fd = {.fd = hotplug_fd(hotplug), .events = POLLIN};
	return poll(&fd, 1, timeout_ms) == 1 && hotplug_take(hotplug);
}

static void start(void)
{
	ck_assert_int_eq(hotplug_new(&rig.config, rig.registry, &hotplug), 0);
}

static void set_up(void)
{
	rig_make(&rig);
	memset(ttys, 0, sizeof(ttys));
	memset(events, 0, sizeof(events));
	event_count = event_next = scans = 0;
	monitor_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(monitor_fd, 0);
}

static void tear_down(void)
{
	hotplug_free(hotplug);
	close(monitor_fd);
	rig_clear(&rig);
}

START_TEST(what_is_there_is_found_and_what_comes_is_told)
{
	plug(0, "1-1", 0, "DN0");
	start();
	rig_check_ids(&rig, "dn0");
	ck_assert_str_eq(rig_get(&rig, "dn0").usb.path, "1-1");
	ck_assert_uint_eq(rig_get(&rig, "dn0").usb.pid, 0x6011);
	plug(1, "1-2", 0, "");
	tell(1, "add");
	ck_assert(take(1000));
	rig_check_ids(&rig, "dn0 usb-0000-00-14.0-2");
	unplug(0);
	tell(0, "remove");
	ck_assert(take(1000));
	ck_assert_int_eq(rig_get(&rig, "dn0").state, DEVICE_ABSENT);
	ck_assert_uint_eq(scans, 1);
	ck_assert(!take(0));
}
END_TEST

START_TEST(events_are_taken_in_their_order)
{
	start();
	plug(0, "1-1", 0, "DN0");
	plug(1, "1-2", 0, "DN1");
	tell(0, "add");
	tell(1, "add");
	tell(0, "remove");
	ck_assert(take(1000));
	ck_assert_int_eq(rig_get(&rig, "dn0").state, DEVICE_ABSENT);
	ck_assert_int_eq(rig_get(&rig, "dn1").state, DEVICE_UNKNOWN);
}
END_TEST

START_TEST(lost_events_are_made_up_by_a_look_at_all)
{
	plug(0, "1-1", 0, "DN0");
	start();
	unplug(0);
	plug(1, "1-2", 0, "DN1");
	lose_events();
	ck_assert(take(1000));
	ck_assert_uint_eq(scans, 2);
	rig_check_ids(&rig, "dn0 dn1");
	ck_assert_int_eq(rig_get(&rig, "dn0").state, DEVICE_ABSENT);
	ck_assert_int_eq(rig_get(&rig, "dn1").state, DEVICE_UNKNOWN);
}
END_TEST

START_TEST(what_the_store_refuses_is_tried_again)
{
	start();
	rig_sql(&rig, "CREATE TRIGGER no BEFORE UPDATE ON devices BEGIN SELECT RAISE(ABORT, 'the disk says no'); END");
	plug(0, "1-1", 0, "DN0");
	tell(0, "add");
	ck_assert(take(1000));
	rig_check_ids(&rig, "");
	rig_sql(&rig, "DROP TRIGGER no");
	ck_assert(take(3000));
	rig_check_ids(&rig, "dn0");
	ck_assert(!take(0));
}
END_TEST

START_TEST(one_that_is_gone_when_it_is_told_of_is_no_device)
{
	start();
	plug(0, "1-1", 0, "DN0");
	unplug(0);
	tell(0, "add");
	ck_assert(take(1000));
	rig_check_ids(&rig, "");
}
END_TEST

START_TEST(the_first_interface_of_a_kind_has_the_boards_name)
{
	plug(0, "1-1", 1, "DN0");
	plug(1, "1-1", 3, "DN0");
	plug(2, "1-2", 0, "DN2");
	plug(3, "1-2", 2, "DN2");
	strcpy(ttys[2].class, "02");
	start();
	/* The two of 1-2 are of two kinds: each is the first of its own, and only one can have the name. */
	ck_assert_uint_eq(rig_get(&rig, "dn0").usb.interface, 1);
	ck_assert_uint_eq(rig_get(&rig, "dn0-if03").usb.interface, 3);
	ck_assert_uint_eq(rig_get(&rig, "dn2").usb.interface, 0);
}
END_TEST

static const struct {
	const char *tag, *tag_profile, *profile;
	bool there, offered;
} tags[] = {
    {"", "", "auto", true, true},
    {"1", "", "auto", true, false},
    {"1", "monarch2", "monarch2", true, false},
    {"", "monarch2", "monarch2", true, false},
    {"1", "no-such", "auto", true, true},
    {"0", "", "", false, false},
};

START_TEST(a_tag_of_the_administrator_decides)
{
	plug(0, "1-1", 0, "DN0");
	strcpy(ttys[0].tag, tags[_i].tag);
	strcpy(ttys[0].tag_profile, tags[_i].tag_profile);
	start();
	rig_check_ids(&rig, tags[_i].there ? "dn0" : "");
	if (!tags[_i].there)
		return;
	ck_assert_str_eq(rig_get(&rig, "dn0").profile, tags[_i].profile);
	ck_assert_int_eq(rig_get(&rig, "dn0").offered, tags[_i].offered);
	strcpy(ttys[0].tag, "0");
	tell(0, "change");
	ck_assert(take(1000));
	ck_assert_int_eq(rig_get(&rig, "dn0").state, DEVICE_ABSENT);
}
END_TEST

START_TEST(a_board_of_the_configuration_is_known)
{
	struct usb_board_rule rule = {.name = "quad", .ids = {{0x0403, 0x6011}}, .id_count = 1, .interface = 1, .profile = "monarch2"};
	rig.config.boards = &rule;
	rig.config.board_count = 1;
	plug(0, "1-1", 0, "DN0");
	plug(1, "1-1", 1, "DN0");
	start();
	rig_check_ids(&rig, "dn0 dn0-if00");
	ck_assert_str_eq(rig_get(&rig, "dn0").board, "quad");
	ck_assert_str_eq(rig_get(&rig, "dn0").profile, "monarch2");
	ck_assert(!rig_get(&rig, "dn0").offered && rig_get(&rig, "dn0-if00").offered);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hotplug");
	TCase *tcase = tcase_create("hotplug");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_is_there_is_found_and_what_comes_is_told);
	tcase_add_test(tcase, events_are_taken_in_their_order);
	tcase_add_test(tcase, lost_events_are_made_up_by_a_look_at_all);
	tcase_add_test(tcase, what_the_store_refuses_is_tried_again);
	tcase_add_test(tcase, one_that_is_gone_when_it_is_told_of_is_no_device);
	tcase_add_test(tcase, the_first_interface_of_a_kind_has_the_boards_name);
	tcase_add_loop_test(tcase, a_tag_of_the_administrator_decides, 0, (int)(sizeof(tags) / sizeof(tags[0])));
	tcase_add_test(tcase, a_board_of_the_configuration_is_known);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
