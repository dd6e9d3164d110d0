/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/doctor_facts.h"
#include "daemon/usb_board.h"
#include "tests/unit/suite_run.h"

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

START_TEST(credentials_of_a_process)
{
	struct credentials who;

	ck_assert(credentials_parse(
	    "Name:\tdupgated\nUid:\t1000\t998\t998\t998\nGid:\t1000\t996\t996\t996\nFDSize:\t64\nGroups:\t20 996 44 \nNStgid:\t7\n", &who));
	ck_assert_uint_eq(who.uid, 998);
	ck_assert_uint_eq(who.gid, 996);
	ck_assert_uint_eq(who.group_count, 3);
	ck_assert(credentials_in_group(&who, 20) && credentials_in_group(&who, 44) && credentials_in_group(&who, 996));
	ck_assert(!credentials_in_group(&who, 7) && !credentials_in_group(&who, 1000));
	ck_assert(credentials_parse("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\n", &who));
	ck_assert_uint_eq(who.group_count, 0);
	ck_assert(!credentials_parse("Gid:\t0\t0\t0\t0\nGroups:\t\n", &who));
	ck_assert(!credentials_parse("Uid:\t0\t0\nGid:\t0\nGroups:\t\n", &who));
	ck_assert(!credentials_parse("Uid:\t0\t0\nGid:\t0\t0\n", &who));
	ck_assert(!credentials_parse("", &who));
}
END_TEST

static const struct {
	uid_t uid;
	gid_t gid, group;
	mode_t mode; /* of a file of user 5, group 20 */
	bool may;
} uses[] = {
    {0, 0, 0, 0000, true},       {998, 996, 20, 0660, true}, {998, 20, 0, 0660, true},    {998, 996, 0, 0660, false},
    {998, 996, 20, 0640, false}, {998, 996, 0, 0666, true},  {998, 996, 20, 0606, false}, {5, 5, 20, 0060, false},
    {5, 5, 0, 0600, true},       {998, 996, 0, 0662, false},
};

START_TEST(permission_bits)
{
	const struct credentials who = {.uid = uses[_i].uid, .gid = uses[_i].gid, .group_count = 1, .groups = {uses[_i].group}};
	const struct stat file = {.st_uid = 5, .st_gid = 20, .st_mode = S_IFCHR | uses[_i].mode};

	ck_assert_int_eq(credentials_may_use(&who, &file), uses[_i].may);
}
END_TEST

START_TEST(kernel_releases)
{
	ck_assert(kernel_at_least("6.0.0", 6, 0) && kernel_at_least("6.1.0-18-amd64", 6, 0) && kernel_at_least("10.2", 6, 5));
	ck_assert(!kernel_at_least("5.10.0-28-arm64", 6, 0) && !kernel_at_least("6.0.12", 6, 1) && kernel_at_least("6.10", 6, 9));
	ck_assert(!kernel_at_least("", 6, 0) && !kernel_at_least("6", 6, 0) && !kernel_at_least("x.y", 0, 0));
}
END_TEST

START_TEST(boards_of_protocol_md)
{
	static const uint16_t application[] = {0xf012, 0xf013, 0xef38, 0xef98, 0xed14}, dfu[] = {0xf011, 0xf014, 0xef37, 0xef99, 0xed15};

	for (size_t i = 0; i < 5; i++) {
		ck_assert_int_eq(board_fact_find(0x04d8, application[i])->kind, BOARD_KNOWN);
		ck_assert_int_eq(board_fact_find(0x04d8, dfu[i])->kind, BOARD_DFU);
		ck_assert_str_eq(board_fact_find(0x04d8, dfu[i])->name, board_fact_find(0x04d8, application[i])->name);
	}
	ck_assert_str_eq(board_fact_find(0x04d8, 0xef98)->name, "Expansion Board 3");
	ck_assert_str_eq(board_fact_find(0x03eb, 0x2175)->profile, "avr-iot");
	ck_assert_str_eq(board_fact_find(0x303a, 0x1001)->profile, "walter");
	ck_assert_int_eq(board_fact_find(0x303a, 0x1001)->kind, BOARD_MAYBE);
	ck_assert_ptr_null(board_fact_find(0x0403, 0x6001));
	ck_assert_ptr_null(board_fact_find(0x0403, 0xf012));
}
END_TEST

/* dupctl talks to the daemon by HTTP alone and has a table of its own: this holds the two together. */
START_TEST(boards_of_the_daemon)
{
	for (unsigned vendor = 0; vendor <= 0xffff; vendor++)
		for (unsigned product = 0; product <= 0xffff;
		     product += vendor == 0x04d8 || vendor == 0x03eb || vendor == 0x303a ? 1 : 0xff) {
			const struct board_fact *fact = board_fact_find((uint16_t)vendor, (uint16_t)product);
			enum board_kind kind = fact ? fact->kind : BOARD_UNKNOWN;
			struct usb_board board;

			usb_board_find(NULL, 0, (uint16_t)vendor, (uint16_t)product, 0, &board);
			if (board.hidden != (kind == BOARD_DFU) || board.named != (kind == BOARD_KNOWN) ||
			    (!board.named && !board.hidden && strcmp(board.profile, fact ? fact->profile : "") != 0))
				ck_abort_msg("%04x:%04x", vendor, product);
		}
}
END_TEST

START_TEST(configuration)
{
	struct configuration_facts *facts = calloc(1, sizeof(*facts));
	char many[20000] = "";

	configuration_parse("", facts);
	ck_assert_str_eq(facts->state_dir, "/var/lib/dupgate");
	ck_assert_str_eq(facts->cache_dir, "/var/cache/dupgate");
	configuration_parse(
	    "state_dir = /no\n[daemon]\n;cache_dir = /no\n# state_dir = /no\n state_dir=/a b \t; here\n"
	    "cache_dir = /c;d ; there\nodd line\n[device bench-1]\nport = /dev/ttyUSB0 ;x\n[device two]\nport=rfc2217://h:1\n"
	    "[device three]\nport = /t/three",
	    facts);
	ck_assert_str_eq(facts->state_dir, "/a b");
	ck_assert_str_eq(facts->cache_dir, "/c;d");
	ck_assert_uint_eq(facts->device_count, 2);
	ck_assert_str_eq(facts->devices[0].id, "bench-1");
	ck_assert_str_eq(facts->devices[0].port, "/dev/ttyUSB0");
	ck_assert_str_eq(facts->devices[1].port, "/t/three");
	configuration_parse(
	    "[board lab]\nusb = 0403:6001,10c4:EA60 ; two\nprofile = auto\n[board x]\nusb = 1:2, nonsense\n[profile y]\nusb = 3:4\n",
	    facts);
	ck_assert_uint_eq(facts->board_count, 3);
	ck_assert(configuration_names_board(facts, 0x0403, 0x6001) && configuration_names_board(facts, 0x10c4, 0xea60));
	ck_assert(configuration_names_board(facts, 1, 2) && !configuration_names_board(facts, 3, 4));
	configuration_parse("[profile x]\nport = /no\n[host h]\nstate_dir = /no\n[daemo", facts);
	ck_assert_uint_eq(facts->device_count, 0);
	ck_assert_str_eq(facts->state_dir, "/var/lib/dupgate");
	for (size_t i = 0; i < 130; i++)
		strcat(many, "[device d]\nport = /p\n");
	strcat(many, "[daemon]\nstate_dir = /");
	memset(many + strlen(many), 'x', 900);
	configuration_parse(many, facts);
	ck_assert_uint_eq(facts->device_count, 128);
	ck_assert_uint_eq(strlen(facts->state_dir), 255);
	free(facts);
}
END_TEST

START_TEST(rules)
{
	ck_assert(rules_set("# x\n\nENV{ID_DUPGATE}!=\"1\", GOTO=\"end\"\n  ENV{ID_MM_DEVICE_IGNORE}=\"1\"\n", "ID_MM_DEVICE_IGNORE"));
	ck_assert(!rules_set("#ENV{ID_MM_DEVICE_IGNORE}=\"1\"\n  # ENV{ID_MM_DEVICE_IGNORE}=\"1\"\nGROUP=\"x\"\n", "ID_MM_DEVICE_IGNORE"));
	ck_assert(!rules_set("ENV{ID_MM_DEVICE_IGNORE}==\"1\", GOTO=\"end\"\n", "ID_MM_DEVICE_IGNORE"));
	ck_assert(!rules_set("A\n#ENV{ID_MM_DEVICE_IGNORE}=\"1\"", "ID_MM_DEVICE_IGNORE"));
	ck_assert(!rules_set("", "ID_MM_DEVICE_IGNORE"));
}
END_TEST

START_TEST(units)
{
	ck_assert(unit_adds_group("[Service]\nGroup=dupgate\nSupplementaryGroups=dialout\n", "dialout"));
	ck_assert(unit_adds_group("SupplementaryGroups=plugdev  dialout", "dialout"));
	ck_assert(unit_adds_group("SupplementaryGroups=\nSupplementaryGroups=a dialout b\n", "dialout"));
	ck_assert(!unit_adds_group("SupplementaryGroups=dialouts undialout\nGroup=dialout\n#SupplementaryGroups=dialout\n", "dialout"));
	ck_assert(!unit_adds_group("SupplementaryGroups=plugdev\ndialout\n", "dialout"));
}
END_TEST

static const struct {
	const char *record, *path;
	enum usb_complaint_kind kind;
	int64_t at_us;
	const char *text;
} records[] = {
    {"3,1234,5678901,-;usb 1-1.4: device descriptor read/64, error -71", "1-1.4", USB_COMPLAINT_ENUMERATION, 5678901,
     "device descriptor read/64, error -71"},
    {"3,99,100,-,caller=T1;usb usb1-port4: unable to enumerate USB device", "1-4", USB_COMPLAINT_ENUMERATION, 100,
     "unable to enumerate USB device"},
    {"3,99,100,-;usb 1-1-port4: unable to enumerate USB device", "1-1.4", USB_COMPLAINT_ENUMERATION, 100, "unable to enumerate USB device"},
    {"3,99,100,-;usb 2-1.3-port12: unable to enumerate USB device", "2-1.3.12", USB_COMPLAINT_ENUMERATION, 100,
     "unable to enumerate USB device"},
    {"3,7,8,-;usb 1-2: device not accepting address 5, error -71", "1-2", USB_COMPLAINT_ENUMERATION, 8,
     "device not accepting address 5, error -71"},
    {"3,7,8,-;usb 1-2: can't set config #1, error -32", "1-2", USB_COMPLAINT_ENUMERATION, 8, "can't set config #1, error -32"},
    {"3,7,8,-;xhci_hcd 0000:00:14.0: Error while assigning device slot ID: No Slots Available Error", "0000:00:14.0", USB_COMPLAINT_SLOTS,
     8, "Error while assigning device slot ID: No Slots Available Error"},
    {"6,7,8,-;usb 1-2: new full-speed USB device number 5 using xhci_hcd", NULL, USB_COMPLAINT_NONE, 0, NULL},
    {"6,7,8,-;app: usb 1-2: device not accepting address 5", NULL, USB_COMPLAINT_NONE, 0, NULL},
    {"usb 1-2: device not accepting address 5", NULL, USB_COMPLAINT_NONE, 0, NULL},
    {"3,7,8,-;usb device not accepting address", NULL, USB_COMPLAINT_NONE, 0, NULL},
    {" SUBSYSTEM=usb", NULL, USB_COMPLAINT_NONE, 0, NULL},
    {"", NULL, USB_COMPLAINT_NONE, 0, NULL},
};

START_TEST(kernel_log)
{
	struct usb_complaint complaint;

	ck_assert_int_eq(usb_complaint_parse(records[_i].record, &complaint), records[_i].path != NULL);
	if (!records[_i].path)
		return;
	ck_assert_str_eq(complaint.path, records[_i].path);
	ck_assert_int_eq(complaint.kind, records[_i].kind);
	ck_assert_int_eq(complaint.at_us, records[_i].at_us);
	ck_assert_str_eq(complaint.text, records[_i].text);
}
END_TEST

START_TEST(long_kernel_records)
{
	struct usb_complaint complaint;
	char record[400] = "3,1,2,-;usb ";

	memset(record + strlen(record), '1', 100);
	strcat(record, ": device not accepting address");
	ck_assert(!usb_complaint_parse(record, &complaint));
	strcpy(record, "3,1,2,-;usb 1-2: device not accepting address ");
	memset(record + strlen(record), '5', 200);
	ck_assert(usb_complaint_parse(record, &complaint));
	ck_assert_uint_eq(strlen(complaint.text), sizeof(complaint.text) - 1);
}
END_TEST

static const struct {
	const char *path, *disable;
} switches[] = {
    {"1-4", "/sys/bus/usb/devices/1-0:1.0/usb1-port4/disable"},
    {"12-3", "/sys/bus/usb/devices/12-0:1.0/usb12-port3/disable"},
    {"1-1.4", "/sys/bus/usb/devices/1-1:1.0/1-1-port4/disable"},
    {"1-1.3.12", "/sys/bus/usb/devices/1-1.3:1.0/1-1.3-port12/disable"},
    {"usb1", NULL},
    {"1-1:1.0", NULL},
    {"-4", NULL},
    {"1-", NULL},
    {"", NULL},
    {"1-../x", NULL},
};

START_TEST(power_switches)
{
	char path[128];

	ck_assert_int_eq(port_disable_path(switches[_i].path, path, sizeof(path)), switches[_i].disable != NULL);
	if (switches[_i].disable) {
		ck_assert_str_eq(path, switches[_i].disable);
		ck_assert(!port_disable_path(switches[_i].path, path, strlen(switches[_i].disable)));
	}
}
END_TEST

START_TEST(slots)
{
	ck_assert_int_eq(slots_verdict(0, 0), VERDICT_GOOD);
	ck_assert_int_eq(slots_verdict(27, 0), VERDICT_GOOD);
	ck_assert_int_eq(slots_verdict(28, 0), VERDICT_NOTE);
	ck_assert_int_eq(slots_verdict(31, 0), VERDICT_NOTE);
	ck_assert_int_eq(slots_verdict(32, 0), VERDICT_BAD);
	ck_assert_int_eq(slots_verdict(33, 0), VERDICT_GOOD);
	ck_assert_int_eq(slots_verdict(33, 64), VERDICT_GOOD);
	ck_assert_int_eq(slots_verdict(60, 64), VERDICT_NOTE);
	ck_assert_int_eq(slots_verdict(64, 64), VERDICT_BAD);
	ck_assert_uint_eq(xhci_slots_parse("CAPLENGTH = 0x01000080\nHCSPARAMS1 = 0x12000140\nHCSPARAMS2 = 0x142000f1\n"), 64);
	ck_assert_uint_eq(xhci_slots_parse("HCSPARAMS2 = 0x142000f1\n"), 0);
}
END_TEST

START_TEST(folders)
{
	struct folder_fact folder = {.free_bytes = 800, .total_bytes = 1000, .free_inodes = 5000, .total_inodes = 10000};

	ck_assert_int_eq(folder_verdict(&folder, 100), VERDICT_GOOD);
	ck_assert_int_eq(folder_verdict(&folder, 101), VERDICT_NOTE);
	ck_assert_int_eq(folder_verdict(&folder, 800), VERDICT_NOTE);
	ck_assert_int_eq(folder_verdict(&folder, 801), VERDICT_BAD);
	folder.free_inodes = 1999;
	ck_assert_int_eq(folder_verdict(&folder, 100), VERDICT_NOTE);
	folder.free_inodes = 99;
	ck_assert_int_eq(folder_verdict(&folder, 100), VERDICT_BAD);
	folder.free_inodes = folder.total_inodes = 0;
	ck_assert_int_eq(folder_verdict(&folder, 100), VERDICT_GOOD);
	folder.read_only = true;
	ck_assert_int_eq(folder_verdict(&folder, 100), VERDICT_BAD);
}
END_TEST

START_TEST(clock_and_names)
{
	ck_assert(!clock_plausible(0) && !clock_plausible(1704067199) && clock_plausible(1704067200));
	ck_assert_str_eq(verdict_name(VERDICT_GOOD), "good");
	ck_assert_str_eq(verdict_name(VERDICT_NOTE), "note");
	ck_assert_str_eq(verdict_name(VERDICT_UNKNOWN), "unknown");
	ck_assert_str_eq(verdict_name(VERDICT_BAD), "bad");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("doctor_facts");
	TCase *tests = tcase_create("facts");

	tcase_add_test(tests, credentials_of_a_process);
	tcase_add_loop_test(tests, permission_bits, 0, ROWS(uses));
	tcase_add_test(tests, kernel_releases);
	tcase_add_test(tests, boards_of_protocol_md);
	tcase_add_test(tests, boards_of_the_daemon);
	tcase_add_test(tests, configuration);
	tcase_add_test(tests, rules);
	tcase_add_test(tests, units);
	tcase_add_loop_test(tests, kernel_log, 0, ROWS(records));
	tcase_add_test(tests, long_kernel_records);
	tcase_add_loop_test(tests, power_switches, 0, ROWS(switches));
	tcase_add_test(tests, slots);
	tcase_add_test(tests, folders);
	tcase_add_test(tests, clock_and_names);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
