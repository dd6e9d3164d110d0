/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/usb_board.h"

#include <check.h>
#include <string.h>

#include "tests/unit/suite_run.h"

static const struct usb_board_rule rules[] = {
    {.name = "our-board", .ids = {{0x1234, 0x0001}, {0x0403, 0x6015}}, .id_count = 2, .interface = -1, .profile = "monarch2"},
    {.name = "quad", .ids = {{0x0403, 0x6011}}, .id_count = 1, .interface = 2, .profile = "slow-lab"},
    {.name = "our-pysense", .ids = {{0x04d8, 0xf012}}, .id_count = 1, .interface = -1, .profile = "pycom"},
};

static const struct board_case {
	uint16_t vid, pid;
	uint8_t interface;
	size_t rule_count;
	bool hidden, named;
	const char *name, *profile;
	int own_interface;
} board_cases[] = {
    {0x04d8, 0xf012, 0, 0, false, true, "pysense", "pycom", -1},
    {0x04d8, 0xf013, 0, 0, false, true, "pytrack", "pycom", -1},
    {0x04d8, 0xef38, 0, 0, false, true, "pyscan", "pycom", -1},
    {0x04d8, 0xef98, 0, 0, false, true, "expansion-board-3", "pycom", -1},
    {0x04d8, 0xed14, 0, 0, false, true, "pygate", "pycom", -1},
    {0x04d8, 0xf011, 0, 0, true, false, "", "", -1},
    {0x04d8, 0xf014, 0, 0, true, false, "", "", -1},
    {0x04d8, 0xef37, 0, 0, true, false, "", "", -1},
    {0x04d8, 0xef99, 0, 0, true, false, "", "", -1},
    {0x04d8, 0xed15, 0, 0, true, false, "", "", -1},
    {0x03eb, 0x2175, 1, 0, false, false, "", "avr-iot", -1},
    {0x303a, 0x1001, 0, 0, false, false, "", "walter", -1},
    {0x0403, 0x6015, 0, 0, false, false, "", "", -1},
    {0x0403, 0x6015, 0, 3, false, true, "our-board", "monarch2", -1},
    {0x1234, 0x0001, 7, 3, false, true, "our-board", "monarch2", -1},
    {0x0403, 0x6011, 2, 3, false, true, "quad", "slow-lab", 2},
    {0x0403, 0x6011, 1, 3, false, false, "", "", 2},
    {0x04d8, 0xf012, 0, 3, false, true, "our-pysense", "pycom", -1},
};

START_TEST(a_board_is_known_by_its_ids)
{
	const struct board_case *row = &board_cases[_i];
	struct usb_board board;
	usb_board_find(rules, row->rule_count, row->vid, row->pid, row->interface, &board);
	ck_assert_int_eq(board.hidden, row->hidden);
	ck_assert_int_eq(board.named, row->named);
	ck_assert_str_eq(board.name, row->name);
	ck_assert_str_eq(board.profile, row->profile);
	ck_assert_int_eq(board.own_interface, row->own_interface);
}
END_TEST

#define LONG_57 "123456789012345678901234567890123456789012345678901234567"

/* The digits are the first of SHA-256 over the bytes, as sha256sum says. */
static const struct id_case {
	const char *serial;
	uint8_t interface, own;
	bool digest;
	const char *id;
} id_cases[] = {
    {"Py41dEF9", 0, 0, false, "py41def9"},
    {"PY41DEF9", 0, 0, false, "py41def9"},
    {"py41def9", 0, 0, true, "py41def9-4b82879f"},
    {"A5.0_2-8", 0, 0, false, "a5.0_2-8"},
    {"A5", 1, 0, false, "a5-if01"},
    {"A5", 0, 1, false, "a5-if00"},
    {"A5", 1, 1, false, "a5"},
    {"A5", 255, 0, false, "a5-if255"},
    {"DN 01", 0, 0, false, "dn-01-1ca554d7"},
    {"DN/01", 0, 0, false, "dn-01-8905dffe"},
    {"DN/01", 3, 0, false, "dn-01-8905dffe-if03"},
    {"..", 0, 0, false, "..-5ec1f7e7"},
    {".", 2, 0, false, ".-cdb4ee2a-if02"},
    {"\xff\xfe", 0, 0, false, "usb-b3d510ef"},
    {"-A5", 0, 0, false, "a5-ca0740ae"},
    {LONG_57, 255, 0, false, LONG_57 "-if255"},
    {LONG_57 "8", 255, 0, false, "123456789012345678901234567890123456789012345678-11721949-if255"},
};

START_TEST(an_id_is_made_of_the_serial)
{
	const struct id_case *row = &id_cases[_i];
	char id[DEVICE_ID_SIZE];
	usb_board_id_from_serial(row->serial, row->interface, row->own, row->digest, id);
	ck_assert_str_eq(id, row->id);
	ck_assert(device_id_valid(id));
}
END_TEST

static const struct path_case {
	const char *controller, *path;
	uint8_t interface;
	const char *id;
} path_cases[] = {
    {"0000:00:14.0", "1-1.4", 0, "usb-0000-00-14.0-1.4"},
    {"0000:00:14.0", "2-1.4", 0, "usb-0000-00-14.0-1.4"},
    {"0000:00:14.0", "1-3", 1, "usb-0000-00-14.0-3-if01"},
    {"xhci-hcd.1.auto", "1-1", 0, "usb-xhci-hcd.1.auto-1"},
    {"", "1-1", 0, "usb-1"},
    {"fe980000.usb/x", "1-1", 0, "usb-fe980000.usb-x-1-b804dfee"},
    {"a-controller-whose-name-is-as-long-as-no-name-has-any-reason-to", "1-1.2.3.4", 9,
     "usb-a-controller-whose-name-is-as-long-as-no-nam-ca24cb8d-if09"},
};

START_TEST(an_id_is_made_of_the_path)
{
	const struct path_case *row = &path_cases[_i];
	char id[DEVICE_ID_SIZE];
	usb_board_id_from_path(row->controller, row->path, row->interface, 0, id);
	ck_assert_str_eq(id, row->id);
	ck_assert(device_id_valid(id));
}
END_TEST

#define LONG_63 "123456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *serial, *text;
} text_cases[] = {
    {"", ""},
    {"Py 41/dEF9~", "Py 41/dEF9~"},
    {"a\\b", "a\\x5cb"},
    {"\xc3\xa9\n\x7f", "\\xc3\\xa9\\x0a\\x7f"},
    {LONG_63, LONG_63},
    {LONG_63 "4", "123456789012345678901234567890123456789012345678901234~67649196"},
    {"12345678901234567890123456789012345678901234567890123\xff"
     "456789",
     "12345678901234567890123456789012345678901234567890123\\xff456789"},
    {"12345678901234567890123456789012345678901234567890123\xff"
     "4567890",
     "12345678901234567890123456789012345678901234567890123~d9ef778b"},
};

START_TEST(a_serial_is_shown_as_one_text)
{
	char text[USB_SERIAL_SIZE];
	usb_board_serial_text(text_cases[_i].serial, text);
	ck_assert_str_eq(text, text_cases[_i].text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("usb_board");
	TCase *tcase = tcase_create("usb_board");
	tcase_add_loop_test(tcase, a_board_is_known_by_its_ids, 0, (int)(sizeof(board_cases) / sizeof(board_cases[0])));
	tcase_add_loop_test(tcase, an_id_is_made_of_the_serial, 0, (int)(sizeof(id_cases) / sizeof(id_cases[0])));
	tcase_add_loop_test(tcase, an_id_is_made_of_the_path, 0, (int)(sizeof(path_cases) / sizeof(path_cases[0])));
	tcase_add_loop_test(tcase, a_serial_is_shown_as_one_text, 0, (int)(sizeof(text_cases) / sizeof(text_cases[0])));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
