/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/registry_rig.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"

#define CROWD 128u

static struct registry_rig rig;

static void set_up(void)
{
	rig_make(&rig);
}

static void tear_down(void)
{
	rig_clear(&rig);
}

static void check_shared(const char *id, const char *path)
{
	struct device_entry *entries = NULL;
	size_t count = 0;
	char expected[128];
	snprintf(expected, sizeof(expected), "two boards carry the serial number py1; this one is on port %s of USB", path);
	ck_assert_int_eq(device_history_list(rig.history, id, 10, &entries, &count, &rig.fault), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(entries[0].type, "serial-shared");
	ck_assert_str_eq(entries[0].detail, expected);
	free(entries);
}

static bool settle(int64_t later_ms)
{
	return registry_settle_serials(rig.registry, clock_now_ms() + later_ms);
}

START_TEST(a_second_board_with_one_serial_is_called_by_its_place)
{
	struct usb_port first = rig_plug(&rig, "1-1", "ttyACM0", "py1"), second = rig_plug(&rig, "1-2", "ttyACM1", "py1");
	rig_came(&rig, &first);
	rig_came(&rig, &second);
	rig_check_ids(&rig, "py1 usb-0000-00-14.0-2");
	ck_assert_str_eq(rig_get(&rig, "py1").port, first.node);
	ck_assert_str_eq(rig_get(&rig, "usb-0000-00-14.0-2").port, second.node);
	check_shared("py1", "1-1");
	check_shared("usb-0000-00-14.0-2", "1-2");
	/* Neither is there as it was; the serial says nothing any more, as they were there together for long. */
	ck_assert(!settle(SERIAL_OVERLAP_MS));
	rig_unplug(&rig, &first);
	rig_unplug(&rig, &second);
	rig_restart(&rig);
	first = rig_plug(&rig, "1-3", "ttyACM0", "py1");
	rig_came(&rig, &first);
	rig_check_ids(&rig, "py1 usb-0000-00-14.0-2 usb-0000-00-14.0-3");
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_ABSENT);
	/* Where it was known under its serial, that is what it is called. */
	rig_unplug(&rig, &first);
	first = rig_plug(&rig, "1-1", "ttyACM0", "py1");
	rig_came(&rig, &first);
	ck_assert_str_eq(rig_get(&rig, "py1").port, first.node);
	check_shared("py1", "1-1");
}
END_TEST

#define GUEST "usb-0000-00-14.0-2"

/* The kernel tells of the new place before it has taken leave of the old one. */
static void overlap(struct usb_port *ret_old, struct usb_port *ret_new)
{
	*ret_old = rig_plug(&rig, "1-1", "ttyACM0", "py1");
	rig_came(&rig, ret_old);
	*ret_new = rig_plug(&rig, "1-2", "ttyACM1", "py1");
	rig_came(&rig, ret_new);
	rig_check_ids(&rig, "py1 " GUEST);
}

static void check_single(const char *expected)
{
	struct device_entry *entries = NULL;
	size_t count = 0;
	ck_assert_int_eq(device_history_list(rig.history, "py1", 10, &entries, &count, &rig.fault), 0);
	ck_assert_uint_ge(count, 1);
	ck_assert_str_eq(entries[0].type, "serial-single");
	ck_assert_str_eq(entries[0].detail, expected);
	free(entries);
}

static void give_alias(const char *id)
{
	struct device device;
	const struct device_patch patch = {.set_alias = true, .alias = "left"};
	ck_assert_int_eq(registry_patch(rig.registry, id, &patch, &device, &rig.fault), 0);
}

static void learn_imei(const char *id, const char *imei)
{
	bool news;
	struct modem_info info = {.boot_mode = BOOT_MODE_FFF, .family = FAMILY_MONARCH1};
	const struct registry_lesson lesson = {.job = "", .now_ms = RIG_NOW_MS};
	snprintf(info.imei, sizeof(info.imei), "%s", imei);
	ck_assert_int_eq(registry_learn(rig.registry, id, &info, &lesson, &news, &rig.fault), 0);
}

START_TEST(a_board_at_two_places_for_a_moment_is_one)
{
	struct usb_port old, new;
	overlap(&old, &new);
	give_alias("py1");
	rig_unplug(&rig, &old);
	rig_check_ids(&rig, "py1");
	for (int restarted = 0; restarted < 2; restarted++) {
		struct device device = rig_get(&rig, "py1");
		ck_assert_str_eq(device.port, new.node);
		ck_assert_str_eq(device.usb.path, "1-2");
		ck_assert_str_eq(device.alias, "left");
		ck_assert_int_eq(device.state, restarted ? DEVICE_ABSENT : DEVICE_UNKNOWN);
		check_single("one board carries the serial number py1: it is on port 1-2 of USB, and was on 1-1");
		rig_restart(&rig);
		rig_check_ids(&rig, "py1");
	}
	/* The serial number says again who it is. */
	rig_vanish(&new);
	new = rig_plug(&rig, "2-7", "ttyACM5", "py1");
	rig_came(&rig, &new);
	rig_check_ids(&rig, "py1");
	ck_assert_str_eq(rig_get(&rig, "py1").port, new.node);
	ck_assert(registry_knows_by_serial(rig.registry, "py1"));
}
END_TEST

START_TEST(the_place_that_was_first_may_be_the_one_that_is_left)
{
	struct usb_port old, new;
	overlap(&old, &new);
	rig_unplug(&rig, &new);
	rig_check_ids(&rig, "py1");
	ck_assert_str_eq(rig_get(&rig, "py1").port, old.node);
	check_single("one board carries the serial number py1: it is on port 1-1 of USB");
	ck_assert(registry_knows_by_serial(rig.registry, "py1"));
}
END_TEST

/* All that are there are told at once, after events were lost. */
START_TEST(a_second_look_heals_a_serial_too)
{
	struct usb_port old, new;
	overlap(&old, &new);
	rig_vanish(&old);
	ck_assert_int_eq(registry_ports_are(rig.registry, &new, 1, &rig.fault), 0);
	rig_check_ids(&rig, "py1");
	ck_assert_str_eq(rig_get(&rig, "py1").port, new.node);
}
END_TEST

START_TEST(what_has_work_at_the_second_place_is_waited_for)
{
	struct usb_port old, new;
	overlap(&old, &new);
	registry_set_job(rig.registry, GUEST, "01jnm8z5x4d3kq6y7w2v9t0r1s", false);
	rig_unplug(&rig, &old);
	ck_assert_str_eq(rig_get(&rig, GUEST).port, new.node);
	ck_assert(!settle(2 * SERIAL_OVERLAP_MS));
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_ABSENT);
	registry_set_job(rig.registry, GUEST, "", false);
	ck_assert(settle(3 * SERIAL_OVERLAP_MS));
	rig_check_ids(&rig, "py1");
	ck_assert_str_eq(rig_get(&rig, "py1").port, new.node);
	ck_assert(!settle(4 * SERIAL_OVERLAP_MS));
}
END_TEST

/* Whoever gave it a name knows of two. */
START_TEST(a_second_device_that_somebody_named_is_one)
{
	struct usb_port old, new;
	overlap(&old, &new);
	give_alias(GUEST);
	rig_unplug(&rig, &old);
	ck_assert(!settle(0));
	ck_assert_str_eq(rig_get(&rig, GUEST).port, new.node);
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_ABSENT);
}
END_TEST

START_TEST(two_that_were_there_together_for_long_are_two)
{
	struct usb_port old, new;
	overlap(&old, &new);
	ck_assert(!settle(SERIAL_OVERLAP_MS - 1000));
	rig_restart(&rig); /* it is not certain yet, hence not kept */
	ck_assert_int_eq(registry_ports_are(rig.registry, (struct usb_port[]){old, new}, 2, &rig.fault), 0);
	rig_check_ids(&rig, "py1 " GUEST);
	ck_assert(!settle(SERIAL_OVERLAP_MS));
	rig_unplug(&rig, &old);
	ck_assert(!settle(9 * SERIAL_OVERLAP_MS));
	rig_check_ids(&rig, "py1 " GUEST);
	ck_assert_str_eq(rig_get(&rig, GUEST).port, new.node);
	ck_assert(!registry_knows_by_serial(rig.registry, "py1"));
}
END_TEST

START_TEST(two_modems_are_two_boards)
{
	struct usb_port old, new;
	overlap(&old, &new);
	learn_imei("py1", "355000000000001");
	learn_imei(GUEST, "355000000000002");
	rig_unplug(&rig, &old);
	ck_assert(!settle(1000));
	rig_check_ids(&rig, "py1 " GUEST);
	ck_assert_str_eq(rig_get(&rig, GUEST).port, new.node);
}
END_TEST

/* However long the kernel had it at both. */
START_TEST(one_modem_is_one_board)
{
	struct usb_port old, new;
	overlap(&old, &new);
	learn_imei("py1", "355000000000001");
	ck_assert(!settle(SERIAL_OVERLAP_MS));
	rig_unplug(&rig, &old);
	rig_check_ids(&rig, "py1 " GUEST);
	rig_restart(&rig);
	rig_came(&rig, &new);
	ck_assert_str_eq(rig_get(&rig, GUEST).port, new.node);
	learn_imei(GUEST, "355000000000001");
	ck_assert(settle(0));
	ck_assert_str_eq(rig_get(&rig, "py1").port, new.node);
	ck_assert_int_eq(rig_get(&rig, GUEST).state, DEVICE_ABSENT); /* its modem answered there: it has a past */
	rig_restart(&rig);
	rig_came(&rig, &new);
	ck_assert_str_eq(rig_get(&rig, "py1").port, new.node);
}
END_TEST

START_TEST(two_at_once_with_one_serial_are_called_by_their_places)
{
	struct usb_port ports[] = {rig_plug(&rig, "1-1", "ttyACM0", "py1"), rig_plug(&rig, "1-2", "ttyACM1", "py1")};
	ck_assert_int_eq(registry_ports_came(rig.registry, ports, 2, &rig.fault), 0);
	rig_check_ids(&rig, "usb-0000-00-14.0-1 usb-0000-00-14.0-2");
	check_shared("usb-0000-00-14.0-1", "1-1");
	check_shared("usb-0000-00-14.0-2", "1-2");
}
END_TEST

START_TEST(interfaces_of_one_board_share_no_serial)
{
	struct usb_port ports[] = {rig_plug(&rig, "1-1", "ttyACM0", "py1"), rig_plug(&rig, "1-1", "ttyACM1", "py1")};
	ports[1].interface = 2;
	rig_came(&rig, &ports[0]);
	rig_came(&rig, &ports[1]);
	rig_check_ids(&rig, "py1 py1-if02");
	ck_assert_uint_eq(rig_get(&rig, "py1-if02").usb.interface, 2);
	ck_assert_str_eq(rig_get(&rig, "py1-if02").port, ports[1].node);
	rig_unplug(&rig, &ports[0]);
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_ABSENT);
	ck_assert_int_eq(rig_get(&rig, "py1-if02").state, DEVICE_UNKNOWN);
}
END_TEST

START_TEST(ids_that_would_be_one_are_told_apart)
{
	struct usb_port lower = rig_plug(&rig, "1-1", "ttyACM0", "py1"), upper = rig_plug(&rig, "1-2", "ttyACM1", "PY1");
	struct usb_port cable = rig_plug_adapter(&rig, "1-3", "ttyUSB0", "py1");
	rig_came(&rig, &upper);
	rig_came(&rig, &lower);
	/* The digits of "py1". */
	rig_check_ids(&rig, "py1 py1-ed46ae7d");
	ck_assert_str_eq(rig_get(&rig, "py1").usb.serial, "PY1");
	rig_came(&rig, &cable);
	rig_check_ids(&rig, "py1 py1-ed46ae7d usb-0000-00-14.0-3");
	rig_unplug(&rig, &upper);
	rig_unplug(&rig, &lower);
	rig_restart(&rig);
	lower = rig_plug(&rig, "2-7", "ttyACM0", "py1");
	rig_came(&rig, &lower);
	ck_assert_str_eq(rig_get(&rig, "py1-ed46ae7d").port, lower.node);
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_ABSENT);
}
END_TEST

START_TEST(a_board_without_a_serial_is_its_place)
{
	struct usb_port port = rig_plug(&rig, "1-1", "ttyACM0", "");
	rig_came(&rig, &port);
	ck_assert_str_eq(rig_get(&rig, "usb-0000-00-14.0-1").usb.serial, "");
	rig_unplug(&rig, &port);
	port = rig_plug(&rig, "2-1", "ttyACM4", "");
	rig_came(&rig, &port);
	rig_check_ids(&rig, "usb-0000-00-14.0-1");
	ck_assert_str_eq(rig_get(&rig, "usb-0000-00-14.0-1").port, port.node);
	rig_unplug(&rig, &port);
	port = rig_plug(&rig, "1-1.2", "ttyACM0", "");
	rig_came(&rig, &port);
	rig_check_ids(&rig, "usb-0000-00-14.0-1 usb-0000-00-14.0-1.2");
}
END_TEST

START_TEST(a_serial_of_any_bytes_is_kept_readable)
{
	struct usb_port port = rig_plug(&rig, "1-1", "ttyACM0", "a/b \xff");
	rig_came(&rig, &port);
	rig_restart(&rig);
	struct device device = rig_get(&rig, "a-b---ae449dd7");
	ck_assert_str_eq(device.usb.serial, "a/b \\xff");
	rig_came(&rig, &port);
	rig_check_ids(&rig, "a-b---ae449dd7");
}
END_TEST

START_TEST(the_last_byte_of_a_long_serial_counts)
{
	char one[379], other[379]; /* the longest that there is */
	memset(one, 'a', sizeof(one) - 1);
	one[sizeof(one) - 1] = '\0';
	memcpy(other, one, sizeof(one));
	other[sizeof(other) - 2] = 'b';
	struct usb_port ports[] = {rig_plug(&rig, "1-1", "ttyACM0", one), rig_plug(&rig, "1-2", "ttyACM1", other)};
	ck_assert_int_eq(registry_ports_came(rig.registry, ports, 2, &rig.fault), 0);
	ck_assert_uint_eq(registry_count(rig.registry), 2);
	struct device *devices = NULL;
	size_t count = 0;
	ck_assert_int_eq(registry_list(rig.registry, &devices, &count), 0);
	ck_assert_int_eq(strncmp(devices[0].id, "aaaa", 4), 0);
	ck_assert_int_eq(strncmp(devices[1].id, "aaaa", 4), 0);
	ck_assert_str_ne(devices[0].usb.serial, devices[1].usb.serial);
	free(devices);
}
END_TEST

static void name_port(size_t index, const char *id, const char *node)
{
	struct config_device *section = &rig.sections[index];
	*section = (struct config_device){.profile = "monarch1", .label_count = 1, .labels = {{"rack", "9"}}};
	snprintf(section->id, sizeof(section->id), "%s", id);
	if (node != NULL)
		snprintf(section->port, sizeof(section->port), "%s/%s", rig.folder, node);
	rig.config.device_count = index + 1;
	rig_restart(&rig);
}

START_TEST(a_port_that_the_configuration_names_is_that_device)
{
	char link[96];
	struct usb_port port = rig_plug(&rig, "1-1", "ttyACM0", "py1");
	snprintf(link, sizeof(link), "%s/by-id", rig.folder);
	ck_assert_int_eq(symlink("ttyACM0", link), 0);
	name_port(0, "bench", _i == 0 ? "ttyACM0" : "by-id");
	rig_came(&rig, &port);
	rig_check_ids(&rig, "bench");
	struct device device = rig_get(&rig, "bench");
	ck_assert_str_eq(device.profile, "monarch1");
	ck_assert_str_eq(device.board, "pysense");
	ck_assert_str_eq(device.usb.serial, "py1");
	ck_assert(!device.offered);
	ck_assert(registry_present(rig.registry, "bench"));
	rig_unplug(&rig, &port);
	ck_assert_int_eq(rig_get(&rig, "bench").state, DEVICE_ABSENT);
	ck_assert_str_eq(rig_get(&rig, "bench").usb.serial, "py1");
	/* Elsewhere it is not that port. */
	port = rig_plug(&rig, "1-1", "ttyACM1", "py1");
	rig_came(&rig, &port);
	rig_check_ids(&rig, "bench py1");
	ck_assert_int_eq(rig_get(&rig, "bench").state, DEVICE_ABSENT);
}
END_TEST

START_TEST(a_section_without_a_port_describes_the_board_of_that_id)
{
	name_port(0, "dn01", NULL);
	rig_check_ids(&rig, "dn01");
	ck_assert_int_eq(rig_get(&rig, "dn01").state, DEVICE_ABSENT);
	struct usb_port port = rig_plug_adapter(&rig, "1-1", "ttyUSB0", "DN01"), other = rig_plug(&rig, "1-2", "ttyACM0", "a1");
	rig_came(&rig, &other);
	rig_came(&rig, &port);
	rig_check_ids(&rig, "dn01 a1");
	struct device device = rig_get(&rig, "dn01");
	ck_assert(!device.offered);
	ck_assert_str_eq(device.profile, "monarch1");
	ck_assert_str_eq(device.labels[0].value, "9");
	ck_assert_str_eq(device.port, port.node);
	strcpy(rig.sections[0].profile, "");
	rig_restart(&rig);
	strcpy(port.profile, "walter");
	rig_came(&rig, &port);
	ck_assert_str_eq(rig_get(&rig, "dn01").profile, "walter");
}
END_TEST

START_TEST(an_id_of_the_configuration_is_not_taken_by_a_board)
{
	name_port(0, "py1", "modem");
	struct usb_port port = rig_plug(&rig, "1-1", "ttyACM0", "PY1");
	rig_came(&rig, &port);
	rig_check_ids(&rig, "py1 py1-787f3b3f");
	ck_assert(!rig_get(&rig, "py1").usb.known);
	ck_assert_str_eq(rig_get(&rig, "py1-787f3b3f").port, port.node);
}
END_TEST

START_TEST(one_that_lost_its_section_keeps_what_people_said)
{
	struct device_patch patch = {.set_alias = true, .alias = "left"};
	struct device device;
	name_port(0, "py1", "modem");
	ck_assert_int_eq(registry_patch(rig.registry, "py1", &patch, &device, &rig.fault), 0);
	rig.config.device_count = 0;
	rig_restart(&rig);
	rig_check_ids(&rig, "");
	struct usb_port port = rig_plug(&rig, "1-1", "ttyACM0", "PY1");
	rig_came(&rig, &port);
	ck_assert_str_eq(rig_get(&rig, "py1").alias, "left");
}
END_TEST

START_TEST(a_look_at_all_ports_finds_who_left_unseen)
{
	struct usb_port ports[] = {rig_plug(&rig, "1-1", "ttyACM0", "py1"), rig_plug(&rig, "1-2", "ttyACM1", "py2"),
				   rig_plug(&rig, "1-3", "ttyACM2", "py3")};
	ck_assert_int_eq(registry_ports_are(rig.registry, ports, 2, &rig.fault), 0);
	rig_check_ids(&rig, "py1 py2");
	ck_assert_int_eq(registry_ports_are(rig.registry, ports + 1, 2, &rig.fault), 0);
	rig_check_ids(&rig, "py1 py2 py3");
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_ABSENT);
	ck_assert_int_eq(rig_get(&rig, "py2").state, DEVICE_UNKNOWN);
	uint64_t before = event_bus_head(rig.events);
	ck_assert_int_eq(registry_ports_are(rig.registry, ports + 1, 2, &rig.fault), 0);
	ck_assert_uint_eq(event_bus_head(rig.events), before);
	ck_assert_int_eq(registry_ports_are(rig.registry, ports, 0, &rig.fault), 0);
	ck_assert_int_eq(rig_get(&rig, "py2").state, DEVICE_ABSENT);
	ck_assert_int_eq(rig_get(&rig, "py3").state, DEVICE_ABSENT);
}
END_TEST

START_TEST(another_board_in_its_place_is_another_device)
{
	struct usb_port port = rig_plug(&rig, "1-1", "ttyACM0", "py1");
	rig_came(&rig, &port);
	strcpy(port.serial, "py2");
	ck_assert_int_eq(registry_ports_are(rig.registry, &port, 1, &rig.fault), 0);
	rig_check_ids(&rig, "py1 py2");
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_ABSENT);
	ck_assert_str_eq(rig_get(&rig, "py2").port, port.node);
}
END_TEST

START_TEST(a_node_is_only_one_boards)
{
	struct usb_port before = rig_plug(&rig, "1-1", "ttyACM0", "py1");
	rig_came(&rig, &before);
	rig_vanish(&before);
	struct usb_port after = rig_plug(&rig, "1-2", "ttyACM0", "py2");
	rig_came(&rig, &after);
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_ABSENT);
	registry_port_left(rig.registry, before.syspath);
	ck_assert_int_eq(rig_get(&rig, "py2").state, DEVICE_UNKNOWN);
}
END_TEST

START_TEST(what_is_said_of_a_port_last_is_true)
{
	struct usb_port ports[2] = {rig_plug_adapter(&rig, "1-1", "ttyUSB0", "dn1")};
	ports[1] = ports[0];
	ports[1].named = true;
	strcpy(ports[1].profile, "monarch2");
	ck_assert_int_eq(registry_ports_came(rig.registry, ports, 2, &rig.fault), 0);
	rig_check_ids(&rig, "dn1");
	ck_assert_str_eq(rig_get(&rig, "dn1").profile, "monarch2");
	ck_assert(!rig_get(&rig, "dn1").offered);
}
END_TEST

START_TEST(a_node_that_is_gone_is_seen_before_the_kernel_tells)
{
	struct usb_port port = rig_plug(&rig, "1-1", "ttyACM0", "py1");
	rig_came(&rig, &port);
	ck_assert(registry_check_port(rig.registry, "py1"));
	rig_vanish(&port);
	ck_assert(registry_present(rig.registry, "py1"));
	ck_assert(!registry_check_port(rig.registry, "py1"));
	ck_assert(!registry_present(rig.registry, "py1"));
	uint64_t before = event_bus_head(rig.events);
	registry_port_left(rig.registry, port.syspath);
	ck_assert_uint_eq(event_bus_head(rig.events), before);
	/* A node alone brings nothing back: it may be another's. */
	port = rig_plug(&rig, "1-1", "ttyACM0", "py1");
	ck_assert(!registry_check_port(rig.registry, "py1"));
	rig_came(&rig, &port);
	ck_assert(registry_check_port(rig.registry, "py1"));
}
END_TEST

static void plug_crowd(struct usb_port *ports, unsigned first_node)
{
	for (unsigned i = 0; i < CROWD; i++) {
		char path[16], node[16], serial[16];
		snprintf(path, sizeof(path), "1-%u.%u", i / 16, i % 16);
		snprintf(node, sizeof(node), "ttyACM%u", first_node + i);
		snprintf(serial, sizeof(serial), "Py%03u", i);
		ports[i] = rig_plug(&rig, path, node, serial);
	}
}

START_TEST(a_crowd_comes_and_goes_and_comes_elsewhere)
{
	static struct usb_port ports[CROWD];
	char expected[CROWD * 6 + 1] = "";
	int64_t deadline_ms = clock_deadline_ms(60000); /* a machine may be busy: that it takes 3 s at most is a figure */
	plug_crowd(ports, 0);
	ck_assert_int_eq(registry_ports_came(rig.registry, ports, CROWD, &rig.fault), 0);
	for (size_t i = 0; i < CROWD; i++)
		snprintf(expected + strlen(expected), 8, "%spy%03zu", i > 0 ? " " : "", i);
	rig_check_ids(&rig, expected);
	ck_assert_uint_eq(event_bus_head(rig.events), CROWD);
	for (size_t i = 0; i < CROWD; i++)
		rig_unplug(&rig, &ports[i]);
	ck_assert_int_eq(rig_get(&rig, "py100").state, DEVICE_ABSENT);
	plug_crowd(ports, 7);
	ck_assert_int_eq(registry_ports_came(rig.registry, ports, CROWD, &rig.fault), 0);
	rig_check_ids(&rig, expected);
	ck_assert_str_eq(rig_get(&rig, "py100").port, ports[100].node);
	ck_assert_int_eq(rig_get(&rig, "py100").state, DEVICE_UNKNOWN);
	ck_assert_int_lt(clock_now_ms(), deadline_ms);
}
END_TEST

static unsigned descriptors(void)
{
	unsigned count = 0;
	DIR *folder = opendir("/proc/self/fd");
	ck_assert_ptr_nonnull(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

/* A flap in every 200 ms of a minute; none of them is worth a write. */
START_TEST(a_flapping_port_leaves_nothing_behind)
{
	struct usb_port port = rig_plug(&rig, "1-1", "ttyACM0", "py1");
	rig_came(&rig, &port);
	unsigned open_before = descriptors();
	uint64_t events_before = event_bus_head(rig.events);
	for (int i = 0; i < 300; i++) {
		rig_unplug(&rig, &port);
		port = rig_plug(&rig, "1-1", "ttyACM0", "py1");
		rig_came(&rig, &port);
	}
	rig_check_ids(&rig, "py1");
	ck_assert_uint_eq(descriptors(), open_before);
	ck_assert_uint_eq(event_bus_head(rig.events) - events_before, 600);
}
END_TEST

static void refuse_writes(bool refuse)
{
	rig_sql(&rig, refuse ? "CREATE TRIGGER no BEFORE UPDATE ON devices BEGIN SELECT RAISE(ABORT, 'the disk says no'); END"
			     : "DROP TRIGGER no");
}

START_TEST(a_new_board_that_cannot_be_looked_up_is_worth_another_look)
{
	struct usb_port port = rig_plug(&rig, "1-1", "ttyACM0", "py1");
	rig_sql(&rig, "ALTER TABLE device_labels RENAME TO away");
	ck_assert_int_eq(registry_port_came(rig.registry, &port, &rig.fault), -EIO);
	rig_check_ids(&rig, "");
	rig_sql(&rig, "ALTER TABLE away RENAME TO device_labels");
	ck_assert_int_eq(registry_ports_are(rig.registry, &port, 1, &rig.fault), 0);
	rig_check_ids(&rig, "py1");
}
END_TEST

START_TEST(without_the_disk_known_boards_come_and_new_ones_wait)
{
	struct usb_port ports[] = {rig_plug(&rig, "1-1", "ttyACM0", "py1"), rig_plug(&rig, "1-2", "ttyACM1", "py2")};
	rig_came(&rig, &ports[0]);
	rig_unplug(&rig, &ports[0]);
	ports[0] = rig_plug(&rig, "1-5", "ttyACM5", "py1");
	refuse_writes(true);
	ck_assert_int_eq(registry_ports_came(rig.registry, ports, 2, &rig.fault), -EPROTO);
	ck_assert_str_eq(rig.fault.kind->code, "infrastructure-error");
	rig_check_ids(&rig, "py1");
	ck_assert_str_eq(rig_get(&rig, "py1").port, ports[0].node);
	ck_assert_int_eq(rig_get(&rig, "py1").state, DEVICE_UNKNOWN);
	refuse_writes(false);
	ck_assert_int_eq(registry_ports_are(rig.registry, ports, 2, &rig.fault), 0);
	rig_check_ids(&rig, "py1 py2");
	rig_restart(&rig);
	rig_check_ids(&rig, "py1 py2");
	ck_assert_str_eq(rig_get(&rig, "py1").port, ports[0].node);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("registry_ports");
	TCase *tcase = tcase_create("registry_ports");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_second_board_with_one_serial_is_called_by_its_place);
	tcase_add_test(tcase, a_board_at_two_places_for_a_moment_is_one);
	tcase_add_test(tcase, the_place_that_was_first_may_be_the_one_that_is_left);
	tcase_add_test(tcase, a_second_look_heals_a_serial_too);
	tcase_add_test(tcase, what_has_work_at_the_second_place_is_waited_for);
	tcase_add_test(tcase, a_second_device_that_somebody_named_is_one);
	tcase_add_test(tcase, two_that_were_there_together_for_long_are_two);
	tcase_add_test(tcase, two_modems_are_two_boards);
	tcase_add_test(tcase, one_modem_is_one_board);
	tcase_add_test(tcase, two_at_once_with_one_serial_are_called_by_their_places);
	tcase_add_test(tcase, interfaces_of_one_board_share_no_serial);
	tcase_add_test(tcase, ids_that_would_be_one_are_told_apart);
	tcase_add_test(tcase, a_board_without_a_serial_is_its_place);
	tcase_add_test(tcase, a_serial_of_any_bytes_is_kept_readable);
	tcase_add_test(tcase, the_last_byte_of_a_long_serial_counts);
	tcase_add_loop_test(tcase, a_port_that_the_configuration_names_is_that_device, 0, 2);
	tcase_add_test(tcase, a_section_without_a_port_describes_the_board_of_that_id);
	tcase_add_test(tcase, an_id_of_the_configuration_is_not_taken_by_a_board);
	tcase_add_test(tcase, one_that_lost_its_section_keeps_what_people_said);
	tcase_add_test(tcase, a_look_at_all_ports_finds_who_left_unseen);
	tcase_add_test(tcase, another_board_in_its_place_is_another_device);
	tcase_add_test(tcase, a_node_is_only_one_boards);
	tcase_add_test(tcase, what_is_said_of_a_port_last_is_true);
	tcase_add_test(tcase, a_node_that_is_gone_is_seen_before_the_kernel_tells);
	tcase_add_test(tcase, a_crowd_comes_and_goes_and_comes_elsewhere);
	tcase_add_test(tcase, a_flapping_port_leaves_nothing_behind);
	tcase_add_test(tcase, without_the_disk_known_boards_come_and_new_ones_wait);
	tcase_add_test(tcase, a_new_board_that_cannot_be_looked_up_is_worth_another_look);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
