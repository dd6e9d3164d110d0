/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/unit/board_rig.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/modem/upgrade_run.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

#define UNAME    "import os; os.uname()"
#define LTE      "from network import LTE"
#define MODE     "LTE.modem_upgrade_mode()"
#define SQNS     "import sqnsupgrade"
#define RAISE    "sqnsupgrade.uart(True)"
#define RAISED   "Preparing modem for upgrade...\r\nGoing into MIRROR mode... please close this terminal to resume the upgrade via UART"
#define FILE1    "Traceback (most recent call last):\r\n  File \"<stdin>\", line 1, in <module>\r\n"
#define PROMPT   "\r\n>>> "
#define BREAK    "\r\nTraceback (most recent call last):\r\n  File \"main.py\", line 7, in <module>\r\nKeyboardInterrupt: \r\n>>> "
#define RELEASED "(sysname='GPy', nodename='GPy', release='1.20.2.r6', version='v1.11', machine='GPy with ESP32', pybytes='1.7.1')\r\n"

/* The board's own console at 115200. */
#define SAID(line, text)                                                                                                                   \
	{                                                                                                                                  \
		.in = IN(REPL), .expect = line, .answer = line "\r\n" text ">>> ", .rate_bps = 115200                                      \
	}
#define OPENS(line, text)                                                                                                                  \
	{                                                                                                                                  \
		.in = IN(REPL), .expect = line, .answer = line "\r\n" text, .rate_bps = 115200, .next = MIRROR                             \
	}
#define BREAKS                                                                                                                             \
	{                                                                                                                                  \
		.in = IN(REPL), .expect = "^C", .answer = PROMPT, .rate_bps = 115200                                                       \
	}

static const struct board_row rows[] = {
    {.name = "pycom: from the prompt to the modem",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, ""), OPENS(MODE, ""), MODEM},
     .log = "^C | ^C | " UNAME " | " LTE " | " MODE " | AT+SMOD? | ",
     .release = "1.20.2.r6",
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "pycom: the mirror is open already",
     .profile = "pycom",
     .start = MIRROR,
     .rules = {MODEM},
     .log = "AT+SMOD? | ",
     .release = "",
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "pycom: a mirrored modem that answers ERROR is left alone too",
     .profile = "pycom",
     .start = MIRROR,
     .rules = {BRIDGED("AT", "ERROR\r\n"), BRIDGED("AT+SMOD?", "4\r\nOK\r\n")},
     .log = "AT+SMOD? | ",
     .rate_bps = 921600,
     .mode = BOOT_MODE_RECOVERY},
    {.name = "pycom: a script runs and prints its traceback",
     .profile = "pycom",
     .rules = {{.in = IN(REPL), .expect = "^C", .answer = BREAK, .rate_bps = 115200},
	       SAID(UNAME, RELEASED),
	       SAID(LTE, ""),
	       OPENS(MODE, ""),
	       MODEM},
     .log = "^C | ^C | " UNAME " | " LTE " | " MODE " | AT+SMOD? | ",
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "pycom: the prompt shows itself after Enter",
     .profile = "pycom",
     .rules = {{.in = IN(REPL), .expect = "", .answer = PROMPT, .rate_bps = 115200},
	       SAID(UNAME, RELEASED),
	       SAID(LTE, ""),
	       OPENS(MODE, ""),
	       MODEM},
     .log = "^C | ^C |  | " UNAME " | " LTE " | " MODE " | AT+SMOD? | ",
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "pycom: a tool left its raw prompt",
     .profile = "pycom",
     .rules = {{.in = IN(REPL), .expect = "^C", .answer = "\r\n>", .rate_bps = 115200},
	       {.in = IN(REPL), .expect = "^B", .answer = "\r\nMicroPython v1.11\r\n>>> ", .rate_bps = 115200},
	       SAID(UNAME, RELEASED),
	       SAID(LTE, ""),
	       OPENS(MODE, ""),
	       MODEM},
     .log = "^C | ^C |  | ^C | ^C | ^B | " UNAME " | " LTE " | " MODE " | AT+SMOD? | ",
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "pycom: a firmware that tells no release",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, FILE1 "ImportError: no module named 'os'\r\n"), SAID(LTE, ""), OPENS(MODE, ""), MODEM},
     .log = "^C | ^C | " UNAME " | " LTE " | " MODE " | AT+SMOD? | ",
     .release = "",
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "pycom: both rates are those of the profile",
     .profile = "pycom",
     .keys = {"board_rate", "57600", "bridge_rate", "460800"},
     .rules = {{.in = IN(REPL), .expect = "^C", .answer = PROMPT, .rate_bps = 57600},
	       {.in = IN(REPL), .expect = UNAME, .answer = UNAME "\r\n" RELEASED ">>> ", .rate_bps = 57600},
	       {.in = IN(REPL), .expect = LTE, .answer = LTE "\r\n>>> ", .rate_bps = 57600},
	       {.in = IN(REPL), .expect = MODE, .answer = MODE "\r\n", .rate_bps = 57600, .next = MIRROR},
	       {.in = IN(MIRROR), .expect = "AT", .answer = OK, .rate_bps = 460800},
	       {.in = IN(MIRROR), .expect = "AT+SMOD?", .answer = "\r\n2\r\nOK\r\n", .rate_bps = 460800}},
     .log = "^C | ^C | " UNAME " | " LTE " | " MODE " | AT+SMOD? | ",
     .rate_bps = 460800,
     .mode = BOOT_MODE_FFF},
    {.name = "pycom: a modem in FFH is raised by the board",
     .profile = "pycom",
     .ffh = true,
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(SQNS, ""), OPENS(RAISE, RAISED), BRIDGED("AT", "OK\r\n"),
	       BRIDGED("AT+SMOD?", "0\r\nOK\r\n")},
     .log = "^C | ^C | " UNAME " | " SQNS " | " RAISE " | AT+SMOD? | ",
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFH},
    {.name = "pycom: so is one that was left in recovery",
     .profile = "pycom",
     .recovery = true,
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(SQNS, ""), OPENS(RAISE, RAISED), BRIDGED("AT", "\r\nOK\r\n"),
	       BRIDGED("AT+SMOD?", "\r\n4\r\n\r\nOK\r\n")},
     .log = "^C | ^C | " UNAME " | " SQNS " | " RAISE " | AT+SMOD? | ",
     .rate_bps = 921600,
     .mode = BOOT_MODE_RECOVERY},
    {.name = "pycom: a firmware that cannot raise the modem mirrors it as it is",
     .profile = "pycom",
     .recovery = true,
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(SQNS, FILE1 "ImportError: no module named 'sqnsupgrade'\r\n"), SAID(LTE, ""),
	       OPENS(MODE, ""), BRIDGED("AT", OK), BRIDGED("AT+SMOD?", "\r\n4\r\n\r\nOK\r\n")},
     .log = "^C | ^C | " UNAME " | " SQNS " | " LTE " | " MODE " | AT+SMOD? | ",
     .rate_bps = 921600,
     .mode = BOOT_MODE_RECOVERY},
    {.name = "F17: too old by its release",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, "(sysname='FiPy', release='1.17.5.b6')\r\n")},
     .r = -EPROTO,
     .code = FAULT_BOARD_TOO_OLD,
     .text = "the board's firmware is 1.17.5.b6, and its modem can be reached from 1.18.1 on",
     .evidence = "(sysname='FiPy', release='1.17.5.b6')",
     .log = "^C | ^C | " UNAME " | ",
     .release = "1.17.5.b6",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "F17: too old by its traceback",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, ""),
	       SAID(MODE, FILE1 "AttributeError: type object 'LTE' has no attribute 'modem_upgrade_mode'\r\n")},
     .r = -EPROTO,
     .code = FAULT_BOARD_TOO_OLD,
     .text = "the board's firmware 1.20.2.r6 has no way to its modem: it needs 1.18.1",
     .evidence = "AttributeError: type object 'LTE' has no attribute 'modem_upgrade_mode'",
     .log = "^C | ^C | " UNAME " | " LTE " | " MODE " | ",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "pycom: a board without a modem",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, FILE1 "ImportError: cannot import name LTE\r\n")},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the board does not open its mirror: \"" LTE "\" fails",
     .evidence = "ImportError: cannot import name LTE",
     .log = "^C | ^C | " UNAME " | " LTE " | ",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "pycom: another traceback, with bytes that no terminal should see",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, ""), SAID(MODE, FILE1 "OSError: \x1b[2Jmodem\xff busy\r\n")},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "\"" MODE "\" fails",
     .evidence = "OSError: ?[2Jmodem? busy",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "pycom: the call comes back",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, ""), SAID(MODE, "modem not ready\r\n")},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "\"" MODE "\" comes back to the prompt",
     .evidence = "modem not ready",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "pycom: a line is never answered",
     .profile = "pycom",
     .rules = {BREAKS, {.in = IN(REPL), .expect = UNAME, .answer = UNAME "\r\nhm", .rate_bps = 115200}},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the board's prompt does not come back after \"" UNAME "\"",
     .evidence = UNAME "\\r\\nhm",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "pycom: uart(True) says no word of a mirror",
     .profile = "pycom",
     .ffh = true,
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(SQNS, ""), OPENS(RAISE, "Preparing modem for upgrade...\r\n")},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "does not come back after \"" RAISE "\"",
     .evidence = "Preparing modem",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "F18: the modem is out of a fixed mirror's reach",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, ""), OPENS(MODE, "")},
     .silence = true,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the mirror is open at 921600 bit/s and the modem does not answer: it hangs or has no power, or it is at 115200 behind a "
	     "mirror that cannot follow, as in FFH; take the board's USB power away and give it back, the next try raises the modem's rate "
	     "first",
     .mode = BOOT_MODE_FFH},
    {.name = "F18: the same, and the modem is heard",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, ""), OPENS(MODE, ""), BRIDGED("AT", "\xfe\xfd\xfe\xfe")},
     .r_detect = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the modem talks at another rate: it is at 115200",
     .evidence = "\\xfe\\xfd\\xfe\\xfe",
     .mode = BOOT_MODE_FFH},
    {.name = "F18: something else talks there",
     .profile = "pycom",
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, ""), OPENS(MODE, ""), BRIDGED("AT", "$GPGGA,123519,4807.038,N\r\n")},
     .silence = true,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "something else than the modem talks there",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "F18: raised in vain",
     .profile = "pycom",
     .ffh = true,
     .rules = {BREAKS, SAID(UNAME, RELEASED), SAID(SQNS, ""), OPENS(RAISE, RAISED "\r\n")},
     .silence = true,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the modem does not answer there, though the board raised its rate",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "F18: the mirror closes again",
     .profile = "pycom",
     .rules = {BREAKS,
	       SAID(UNAME, RELEASED),
	       SAID(LTE, ""),
	       OPENS(MODE, ""),
	       {.in = IN(MIRROR), .expect = "^C", .answer = "\r\nOSError: no modem\r\n>>> ", .rate_bps = 115200}},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the board is at its prompt again: its mirror did not open",
     .evidence = "OSError: no modem",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "pycom: the modem behind a fresh mirror is in data mode",
     .profile = "pycom",
     .rules = {BREAKS,
	       SAID(UNAME, RELEASED),
	       SAID(LTE, ""),
	       OPENS(MODE, ""),
	       {.in = IN(MIRROR), .expect = "+++", .answer = OK, .rate_bps = 921600, .next = LATER},
	       {.in = IN(LATER), .expect = "AT", .answer = OK, .rate_bps = 921600},
	       {.in = IN(LATER), .expect = "AT+SMOD?", .answer = "\r\n2\r\nOK\r\n", .rate_bps = 921600}},
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "pycom: nothing at all",
     .profile = "pycom",
     .rules = {{.expect = "nothing"}},
     .r_detect = -EPROTO,
     .code = FAULT_MODEM_SILENT,
     .text = "neither the board's prompt at 115200 bit/s nor the modem behind a mirror at 921600 bit/s answers",
     .evidence = "921600 bit/s: nothing",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "pycom: an open mirror, and junk behind it",
     .profile = "pycom",
     .start = MIRROR,
     .rules = {BRIDGED("AT", "\xfe\xfd\xfe\xfe")},
     .silence = true,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the modem talks at another rate: it is at 115200",
     .mode = BOOT_MODE_FFH},
    {.name = "pycom: only NULs",
     .profile = "pycom",
     .rules = {{.expect = "AT", .answer = "\0\0", .answer_length = 2}},
     .r_detect = -EPROTO,
     .code = FAULT_MODEM_UNPOWERED,
     .text = "only NUL bytes",
     .mode = BOOT_MODE_UNKNOWN},
    {.name = "pycom: a script that nothing ends",
     .profile = "pycom",
     .rules = {{.expect = "^C", .answer = "temperature 21\r\n", .rate_bps = 115200}},
     .r = -EPROTO,
     .code = FAULT_BOARD_NO_BRIDGE,
     .text = "the board talks at 115200 bit/s and comes to no prompt",
     .evidence = "temperature 21\\r\\n",
     .mode = BOOT_MODE_UNKNOWN},
};

START_TEST(a_board_is_opened_or_says_why_not)
{
	board_row_run(&rows[_i]);
}
END_TEST

/* In each of the waits of a dialogue. */
static const struct fake_rule waits[][4] = {
    {{.expect = "nothing"}},
    {BREAKS},
    {BREAKS, SAID(UNAME, RELEASED)},
    {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, "")},
};

START_TEST(a_cancel_ends_every_wait_at_once)
{
	struct fake_script script = {.rules = waits[_i], .start = REPL};
	struct fake_modem *peer = fake_modem_start(&script);
	struct modem_timings patient = board_timings;
	struct profile profile = *profile_builtin("pycom");
	struct modem modem;
	struct fault fault = {.code = FAULT_NONE};
	struct itimerspec soon = {.it_value.tv_nsec = 400000000};
	int cancel_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	patient.board_prompt_ms = patient.board_reply_ms = patient.bridge_ms = 60000;
	ck_assert_int_eq(modem_open(&modem, fake_modem_port(peer), &profile, 0, NULL, cancel_fd, &fault), 0);
	modem.timings = &patient;
	ck_assert_int_eq(timerfd_settime(cancel_fd, 0, &soon, NULL), 0);
	int64_t begun_ms = clock_now_ms();
	ck_assert_int_eq(board_open_bridge(&modem, BOOT_MODE_UNKNOWN, &fault), -ECANCELED);
	ck_assert_int_lt(clock_now_ms() - begun_ms, 20000);
	modem_close(&modem);
	fake_modem_stop(peer);
	fake_modem_free(peer);
	close(cancel_fd);
}
END_TEST

START_TEST(a_port_that_goes_away_is_said_as_such)
{
	const struct fake_rule rules[] = {BREAKS, {.expect = UNAME, .answer = "import", .hang_up = true}, {.expect = NULL}};
	struct fake_script script = {.rules = rules, .start = REPL};
	struct fake_modem *peer = fake_modem_start(&script);
	struct modem modem;
	struct fault fault = {.code = FAULT_NONE};

	ck_assert_int_eq(modem_open(&modem, fake_modem_port(peer), profile_builtin("pycom"), 0, NULL, -1, &fault), 0);
	modem.timings = &board_timings;
	ck_assert_int_eq(board_open_bridge(&modem, BOOT_MODE_UNKNOWN, &fault), -EPROTO);
	ck_assert_str_eq(fault_code_name(fault.code), "port-gone");
	modem_close(&modem);
	fake_modem_stop(peer);
	fake_modem_free(peer);
}
END_TEST

START_TEST(what_was_said_is_in_the_transcript)
{
	const struct fake_rule rules[] = {BREAKS, SAID(UNAME, RELEASED), SAID(LTE, ""), OPENS(MODE, ""), MODEM, {.expect = NULL}};
	struct fake_script script = {.rules = rules, .start = REPL};
	struct fake_modem *peer = fake_modem_start(&script);
	struct transcript *transcript;
	struct modem modem;
	struct fault fault = {.code = FAULT_NONE};

	ck_assert_int_eq(transcript_new(NULL, NULL, &transcript), 0);
	ck_assert_int_eq(modem_open(&modem, fake_modem_port(peer), profile_builtin("pycom"), 0, transcript, -1, &fault), 0);
	modem.timings = &board_timings;
	ck_assert_int_eq(board_open_bridge(&modem, BOOT_MODE_UNKNOWN, &fault), 0);
	modem_close(&modem);
	fake_modem_stop(peer);
	fake_modem_free(peer);
	char *text = transcript_text(transcript, NULL);
	ck_assert_ptr_nonnull(strstr(text, "> \\x03\\x03\n"));
	ck_assert_ptr_nonnull(strstr(text, "> " MODE "\n"));
	ck_assert_ptr_nonnull(strstr(text, "release='1.20.2.r6'"));
	ck_assert_ptr_nonnull(strstr(text, "# the board's mirror is open\n"));
	ck_assert_ptr_null(strstr(text, "LTE()")); /* F14, F16: hangs for ever on a modem in mode 0 or 4 */
	free(text);
	transcript_free(transcript);
}
END_TEST

struct technician {
	struct fake_modem *peer;
	int power_cycles;
	int boot_mode; /* as last heard */
	enum boot_mode last_boot_mode;
	int start; /* of the board */
	char notes[2048];
};

static int cycle_power(void *context, const struct power_watch *watch, struct fault *ret_fault)
{
	struct technician *technician = context;

	(void)ret_fault;
	ck_assert_ptr_null(watch);
	technician->power_cycles++;
	fake_modem_power_cycle(technician->peer, LATER);
	return 0;
}

static void hear_modem(void *context, const struct modem_info *info)
{
	struct technician *technician = context;

	technician->boot_mode = info->boot_mode;
}

static void hear_note(void *context, const char *text)
{
	struct technician *technician = context;
	size_t used = strlen(technician->notes);

	snprintf(technician->notes + used, sizeof(technician->notes) - used, "%s\n", text);
}

enum { RAISES_IN_VAIN = LATER + 1, SILENT };

/* Before the power cycle a plain mirror that does not reach the modem, after it the way that raises the modem. */
static const struct fake_rule out_of_reach[] = {
    BREAKS,
    SAID(UNAME, RELEASED),
    SAID(LTE, ""),
    OPENS(MODE, ""),
    {.in = IN(LATER), .expect = "^C", .answer = PROMPT, .rate_bps = 115200},
    {.in = IN(LATER), .expect = UNAME, .answer = UNAME "\r\n" RELEASED ">>> ", .rate_bps = 115200},
    {.in = IN(LATER), .expect = SQNS, .answer = SQNS "\r\n>>> ", .rate_bps = 115200},
    {.in = IN(LATER), .expect = RAISE, .answer = RAISE "\r\n" RAISED, .rate_bps = 115200, .next = BUSY},
    {.in = IN(RAISES_IN_VAIN), .expect = "^C", .answer = PROMPT, .rate_bps = 115200},
    {.in = IN(RAISES_IN_VAIN), .expect = UNAME, .answer = UNAME "\r\n" RELEASED ">>> ", .rate_bps = 115200},
    {.in = IN(RAISES_IN_VAIN), .expect = SQNS, .answer = SQNS "\r\n>>> ", .rate_bps = 115200},
    {.in = IN(RAISES_IN_VAIN), .expect = RAISE, .answer = RAISE "\r\n" RAISED, .rate_bps = 115200, .next = SILENT},
    {.in = IN(BUSY), .expect = "AT", .answer = "OK\r\n", .rate_bps = 921600},
    {.in = IN(BUSY), .expect = "AT+SMOD?", .answer = "0\r\nOK\r\n", .rate_bps = 921600},
    {.expect = NULL},
};

static int probe(struct technician *technician, bool has_power, struct upgrade_result *ret)
{
	struct fake_script script = {.rules = out_of_reach, .start = technician->start ? technician->start : REPL};
	struct upgrade_events events = {
	    .modem = hear_modem, .note = hear_note, .power_cycle = has_power ? cycle_power : NULL, .context = technician};
	struct upgrade_request request = {
	    .profile = profile_builtin("pycom"), .last_boot_mode = technician->last_boot_mode, .cancel_fd = -1, .timings = &board_timings};

	technician->peer = fake_modem_start(&script);
	technician->boot_mode = BOOT_MODE_UNKNOWN;
	request.port = fake_modem_port(technician->peer);
	int r = probe_run(&request, &events, ret);
	fake_modem_stop(technician->peer);
	fake_modem_free(technician->peer);
	return r;
}

START_TEST(after_a_power_cycle_the_board_raises_what_was_out_of_reach)
{
	struct technician technician = {.last_boot_mode = BOOT_MODE_FFF};
	struct upgrade_result result;

	ck_assert_int_eq(probe(&technician, true, &result), 0);
	ck_assert_int_eq(technician.power_cycles, 1);
	ck_assert_int_eq(technician.boot_mode, BOOT_MODE_FFH);
	ck_assert_ptr_nonnull(strstr(technician.notes, "the board's own firmware is 1.20.2.r6\n"));
	ck_assert_ptr_nonnull(strstr(technician.notes, board_farewell(profile_builtin("pycom"))));
}
END_TEST

START_TEST(without_a_power_method_the_next_run_is_told_the_way)
{
	struct technician technician = {.last_boot_mode = BOOT_MODE_FFF};
	struct upgrade_result result;

	ck_assert_int_eq(probe(&technician, false, &result), -EPROTO);
	ck_assert_str_eq(fault_code_name(result.fault.code), "board-no-bridge");
	ck_assert_int_eq(result.after.boot_mode, BOOT_MODE_FFH);
	ck_assert_int_eq(technician.boot_mode, BOOT_MODE_UNKNOWN);
	ck_assert(!result.boot_mode_refuted);
	ck_assert_ptr_nonnull(strstr(technician.notes, board_farewell(profile_builtin("pycom"))));
}
END_TEST

START_TEST(what_was_raised_in_vain_is_not_raised_again)
{
	struct technician technician = {.last_boot_mode = BOOT_MODE_FFH, .start = RAISES_IN_VAIN};
	struct upgrade_result result;

	ck_assert_int_eq(probe(&technician, false, &result), -EPROTO);
	ck_assert_str_eq(fault_code_name(result.fault.code), "board-no-bridge");
	ck_assert_ptr_nonnull(strstr(result.fault.message, "though the board raised its rate"));
	ck_assert(result.boot_mode_refuted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("board");
	TCase *tcase = tcase_create("board");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_board_is_opened_or_says_why_not, 0, (int)COUNT_OF(rows));
	tcase_add_loop_test(tcase, a_cancel_ends_every_wait_at_once, 0, (int)COUNT_OF(waits));
	tcase_add_test(tcase, a_port_that_goes_away_is_said_as_such);
	tcase_add_test(tcase, after_a_power_cycle_the_board_raises_what_was_out_of_reach);
	tcase_add_test(tcase, without_a_power_method_the_next_run_is_told_the_way);
	tcase_add_test(tcase, what_was_raised_in_vain_is_not_raised_again);
	tcase_add_test(tcase, what_was_said_is_in_the_transcript);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
