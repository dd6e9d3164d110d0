/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/board_rig.h"
#include "tests/unit/suite_run.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

#define MC "MC+BRIDGEMODE=PERMANENT"

static const struct board_row rows[] = {
    {.name = "direct: nothing is done",
     .profile = "monarch1",
     .rules = {{.expect = "AT", .answer = OK}, {.expect = "AT+SMOD?", .answer = "\r\n2\r\nOK\r\n"}},
     .log = "AT+SMOD? | ",
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "avr-iot: the bridge command",
     .profile = "avr-iot",
     .rules = {{.in = IN(REPL), .expect = MC, .answer = OK, .next = MIRROR},
	       {.in = IN(MIRROR), .expect = "AT", .answer = OK},
	       {.in = IN(MIRROR), .expect = "AT+SMOD?", .answer = "\r\n2\r\nOK\r\n"}},
     .log = MC " | AT+SMOD? | ",
     .rate_bps = 115200,
     .mode = BOOT_MODE_FFF},
    {.name = "avr-iot: bridges already",
     .profile = "avr-iot",
     .rules = {{.expect = "AT", .answer = OK}, {.expect = "AT+SMOD?", .answer = "\r\n2\r\nOK\r\n"}},
     .log = "AT+SMOD? | AT+SMOD? | ",
     .rate_bps = 115200,
     .mode = BOOT_MODE_FFF},
    {.name = "avr-iot: a console that answers AT is no modem",
     .profile = "avr-iot",
     .rules = {{.in = IN(REPL), .expect = "AT", .answer = OK},
	       {.in = IN(REPL), .expect = "AT+SMOD?", .answer = "\r\nERROR\r\n"},
	       {.in = IN(REPL), .expect = MC, .answer = OK, .next = MIRROR},
	       {.in = IN(MIRROR), .expect = "AT", .answer = OK},
	       {.in = IN(MIRROR), .expect = "AT+SMOD?", .answer = "\r\n4\r\nOK\r\n"}},
     .log = "AT+SMOD? | " MC " | AT+SMOD? | ",
     .rate_bps = 115200,
     .mode = BOOT_MODE_RECOVERY},
    {.name = "avr-iot: refused",
     .profile = "avr-iot",
     .rules = {{.expect = MC, .answer = "\r\nERROR\r\n"}},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the board's bridge command: \"ERROR\" came, not \"OK\"",
     .evidence = "\\r\\nERROR",
     .log = MC " | ",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "avr-iot: a modem that answers ERROR to everything",
     .profile = "avr-iot",
     .rules = {{.expect = "AT", .answer = "\r\nERROR\r\n"},
	       {.expect = "AT+SMOD?", .answer = "\r\nERROR\r\n"},
	       {.expect = MC, .answer = "\r\nERROR\r\n"}},
     .rate_bps = 115200,
     .mode = BOOT_MODE_RECOVERY},
    {.name = "chat: a script with two rates",
     .profile = "monarch2",
     .keys = {"board", "chat", "board_rate", "9600", "chat", "TIMEOUT 2 ABORT denied '' \\r login: root\\r", "chat",
	      "'# ' bridge\\x20on\\r CONNECT", "chat", "RATE 115200"},
     .rules = {{.in = IN(REPL), .expect = "", .answer = "\r\nlogin: ", .rate_bps = 9600, .next = BUSY},
	       {.in = IN(BUSY), .expect = "root", .answer = "root\r\nWelcome\r\n# ", .rate_bps = 9600},
	       {.in = IN(BUSY), .expect = "bridge on", .answer = "bridge on\r\nCONNECT", .rate_bps = 9600, .next = MIRROR},
	       {.in = IN(MIRROR), .expect = "AT", .answer = OK, .rate_bps = 115200},
	       {.in = IN(MIRROR), .expect = "AT+SMOD?", .answer = "\r\n2\r\nOK\r\n", .rate_bps = 115200}},
     .log = " | root | bridge on | AT+SMOD? | ",
     .rate_bps = 115200,
     .mode = BOOT_MODE_FFF},
    {.name = "chat: bridges already, and the script is not said",
     .profile = "monarch2",
     .keys = {"board", "chat", "board_rate", "9600", "bridge_rate", "921600", "chat", "'' \\x03 x bridge\\r"},
     .start = MIRROR,
     .rules = {MODEM},
     .log = "AT+SMOD? | AT+SMOD? | ",
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "chat: abort",
     .profile = "monarch2",
     .keys = {"board", "chat", "chat", "ABORT denied '' \\r login: root\\r", "chat", "'' '' # bridge\\r"},
     .rules = {{.expect = "", .answer = "\r\nlogin: "}, {.expect = "root", .answer = "root\r\nAccess denied\r\n"}},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "line 2 of the chat script: \"denied\" came, not \"#\"",
     .evidence = "root\\r\\nAccess denied",
     .log = " | root | ",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "chat: something else came",
     .profile = "monarch2",
     .keys = {"board", "chat", "chat", "TIMEOUT 1 '' \\r login: root\\r"},
     .rules = {{.expect = "", .answer = "\r\nPassword: \x1b[0m"}},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "line 1 of the chat script: \"login:\" did not come within 1 s, but \"\\r\\nPassword: \\x1b[0m\"",
     .evidence = "\\r\\nPassword: \\x1b[0m",
     .log = " | ",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "chat: nothing came",
     .profile = "monarch2",
     .keys = {"board", "chat", "chat", "TIMEOUT 1", "chat", "'' \\r login: root\\r"},
     .rules = {{.expect = "nothing"}},
     .r_detect = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "line 2 of the chat script: nothing came within 1 s, not \"login:\"",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "chat: an answer once, and then none",
     .profile = "monarch2",
     .keys = {"board", "chat", "chat", "TIMEOUT 1 '' \\r login: root\\r # go"},
     .rules = {{.expect = "", .answer = "login:"}},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "line 1 of the chat script: nothing came within 1 s, not \"#\"",
     .log = " | root | ",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "chat: the script goes through and no modem is there",
     .profile = "monarch2",
     .keys = {"board", "chat", "bridge_rate", "115200", "chat", "'' \\r login:"},
     .rules = {{.expect = "", .answer = "login:"}},
     .silence = true,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the chat script went through, but no modem answers behind the board at 115200 bit/s",
     .mode = BOOT_MODE_UNKNOWN},
};

START_TEST(a_board_is_opened_or_says_why_not)
{
	board_row_run(&rows[_i]);
}
END_TEST

START_TEST(boards_that_stay_changed_say_what_to_do)
{
	ck_assert_ptr_null(board_farewell(profile_builtin("monarch1")));
	ck_assert_ptr_null(board_farewell(profile_builtin("auto")));
	ck_assert_ptr_nonnull(strstr(board_farewell(profile_builtin("pycom")), "USB power"));
	ck_assert_ptr_nonnull(strstr(board_farewell(profile_builtin("avr-iot")), "Reset the board"));
	/* A job's note has 119 bytes: what is cut off is what the technician was to do. */
	ck_assert_uint_le(strlen(board_farewell(profile_builtin("pycom"))), 119);
	ck_assert_uint_le(strlen(board_farewell(profile_builtin("avr-iot"))), 119);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("board_script");
	TCase *tcase = tcase_create("board_script");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_board_is_opened_or_says_why_not, 0, (int)COUNT_OF(rows));
	tcase_add_test(tcase, boards_that_stay_changed_say_what_to_do);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
