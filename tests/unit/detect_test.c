/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/fake_modem.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/modem/modem.h"

static const struct modem_timings quick = {
    .probe_ms = 80,
    .alive_probe_ms = 120,
    .escape_guard_ms = 80,
    .escape_after_ms = 60,
    .escape_growth_ms = 40,
    .poll_pause_ms = 20,
    .flush_ms = 20,
};

#define OK         "\r\nOK\r\n"
#define DEAF_ROUND "+++ | AT | AT | "
#define MODE2                                                                                                                              \
	{                                                                                                                                  \
		0, "AT+SMOD?", "\r\n2\r\nOK\r\n", 0, 0, 0, false, NULL                                                                     \
	}

struct row {
	const char *name;
	const char *rates;
	const char *transfer_rate; /* NULL: what follows from the rates */
	struct fake_rule rules[9];
	enum fault_code code;
	const char *text;     /* in the message */
	const char *evidence; /* in the evidence */
	const char *lacks;    /* not in the message */
	uint32_t rate_bps;
	enum boot_mode mode;
	const char *log; /* what came, exactly; NULL: not looked at */
	const char *family;
	enum modem_family likely_family;
};

static const struct row rows[] = {
    {.name = "healthy",
     .rates = "921600,115200",
     .rules = {{.expect = "AT", .answer = OK, .rate_bps = 921600}, MODE2},
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF,
     .log = "AT | AT+SMOD? | "},
    {.name = "echo at the right rate",
     .rates = "921600,115200",
     .rules = {{.expect = "AT", .answer = "AT\r\r\nOK\r\n", .rate_bps = 921600},
	       {.expect = "AT+SMOD?", .answer = "AT+SMOD?\r\r\n2\r\n\r\nOK\r\n"}},
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF,
     .log = "AT | AT+SMOD? | "},
    {.name = "F05: only at 115200, in recovery",
     .rates = "921600,115200",
     .rules = {{.expect = "AT", .answer = OK, .rate_bps = 115200},
	       {.expect = "AT+SMOD?", .answer = "\r\n4\r\n\r\nOK\r\n", .rate_bps = 115200}},
     .rate_bps = 115200,
     .mode = BOOT_MODE_RECOVERY,
     .log = "AT | AT | AT | AT+SMOD? | "},
    {.name = "F06: FFH without the leading line end",
     .rates = "115200",
     .rules = {{.expect = "AT", .answer = "OK\r\n"}, {.expect = "AT+SMOD?", .answer = "0\r\nOK\r\n"}},
     .rate_bps = 115200,
     .mode = BOOT_MODE_FFH,
     .log = "AT | AT+SMOD? | "},
    {.name = "raised by a host that was killed",
     .rates = "115200",
     .transfer_rate = "921600",
     .rules = {{.expect = "AT", .answer = OK, .rate_bps = 921600}, MODE2},
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF,
     .log = "AT | AT | AT | AT+SMOD? | "},
    {.name = "E: FFH",
     .rates = "921600,115200",
     .rules = {{.in = IN(1), .expect = "AT", .answer = "ERROR\r\n", .rate_bps = 115200, .next = 2},
	       {.in = IN(2), .expect = "AT", .answer = "OK\r\n", .rate_bps = 115200},
	       {.expect = "AT+SMOD?", .answer = "0\r\nOK\r\n", .rate_bps = 115200}},
     .rate_bps = 115200,
     .mode = BOOT_MODE_FFH,
     .log = "AT | AT | AT | AT | AT+SMOD? | "},
    {.name = "E: wrong rate first",
     .rates = "921600,115200",
     .rules = {{.in = IN(1), .expect = "AT", .answer = "\xfe\xfd\xfe\xfe\xfe\xfe\xfe\xfe\xfe", .rate_bps = 115200, .next = 2},
	       {.in = IN(2), .expect = "AT", .answer = "\xfe\xfd\xfe", .rate_bps = 115200, .next = 3},
	       {.in = IN(3), .expect = "AT", .answer = "\r\nERROR\r\n", .rate_bps = 921600, .next = 4},
	       {.in = IN(4), .expect = "AT", .answer = OK, .rate_bps = 921600},
	       MODE2},
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF,
     .log = "AT | AT | AT | AT | +++ | +++ | AT | AT | AT+SMOD? | "},
    {.name = "F02: only NULs",
     .rates = "921600,115200",
     .rules = {{.expect = "AT", .answer = "\0\0\0", .answer_length = 3}},
     .code = FAULT_MODEM_UNPOWERED,
     .text = "only NUL bytes at 921600, 115200 bit/s",
     .evidence = "921600 bit/s: \\x00\\x00\\x00",
     .log = "AT | AT | AT | AT | "},
    {.name = "F03: alive at another rate",
     .rates = "115200",
     .rules = {{.expect = "AT", .answer = "\xfe\xfd\xfe\xfe"}},
     .code = FAULT_MODEM_WRONG_RATE,
     .text = "another rate than 115200",
     .evidence = "115200 bit/s: \\xfe\\xfd\\xfe\\xfe"},
    {.name = "F04: ERROR, then OK",
     .rates = "921600",
     .rules = {{.in = IN(1), .expect = "AT", .answer = "\r\nERROR\r\n", .next = 2}, {.in = IN(2), .expect = "AT", .answer = OK}, MODE2},
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF,
     .log = "AT | AT | AT+SMOD? | "},
    {.name = "F12: asleep, the first AT only wakes it",
     .rates = "921600",
     .rules = {{.in = IN(1), .expect = "AT", .next = 2}, {.in = IN(2), .expect = "AT", .answer = OK}, MODE2},
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF,
     .log = "AT | AT | AT+SMOD? | "},
    {.name = "F07: data mode",
     .rates = "921600",
     .rules = {{.in = IN(1), .expect = "+++", .answer = OK, .next = 2}, {.in = IN(2), .expect = "AT", .answer = OK}, MODE2},
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF,
     .log = "AT | AT | +++ | AT | AT+SMOD? | "},
    {.name = "data mode that does not end",
     .rates = "921600",
     .rules = {{.expect = "AT", .answer = "~\xff}#\xc0!}!"}},
     .code = FAULT_MODEM_IN_DATA_MODE,
     .text = "+++ does not end it",
     .evidence = "~\\xff}#\\xc0!",
     .log = "AT | AT | " DEAF_ROUND DEAF_ROUND DEAF_ROUND DEAF_ROUND DEAF_ROUND},
    {.name = "F07: data mode that ends in the fifth round",
     .rates = "921600",
     .rules = {{.expect = "AT", .answer = "~\xff}#\xc0!}!", .in = IN(1) | IN(2) | IN(3) | IN(4) | IN(5)},
	       {.in = IN(1), .expect = "+++", .next = 2},
	       {.in = IN(2), .expect = "+++", .next = 3},
	       {.in = IN(3), .expect = "+++", .next = 4},
	       {.in = IN(4), .expect = "+++", .next = 5},
	       {.in = IN(5), .expect = "+++", .answer = OK, .next = 6},
	       {.in = IN(6), .expect = "AT", .answer = OK},
	       MODE2},
     .rate_bps = 921600,
     .mode = BOOT_MODE_FFF},
    {.name = "no modem: something talks",
     .rates = "115200",
     .rules = {{.expect = "AT", .answer = "NameError: name 'AT' isn't defined\r\n>>> "}},
     .code = FAULT_MODEM_SILENT,
     .text = "something that is no modem",
     .evidence = "NameError"},
    {.name = "F01: silent",
     .rates = "921600",
     .rules = {{.expect = "nothing"}},
     .code = FAULT_MODEM_SILENT,
     .text = "no answer to AT at 921600 bit/s",
     .evidence = "921600 bit/s: nothing"},
    {.name = "unsolicited lines between",
     .rates = "921600",
     .rules = {{.expect = "AT", .answer = "\r\n+CEREG: 2\r\n\r\nOK\r\n"},
	       {.expect = "AT+SMOD?", .answer = "\r\n+SYSSTART\r\n\r\n4\r\n\r\n+CEREG: 1\r\n\r\nOK\r\n"}},
     .rate_bps = 921600,
     .mode = BOOT_MODE_RECOVERY},
    {.name = "the mode is answered late",
     .rates = "921600",
     .rules = {{.expect = "AT", .answer = OK},
	       {.in = IN(1), .expect = "AT+SMOD?", .answer = "\r\nERROR\r\n", .next = 2},
	       {.in = IN(2), .expect = "AT+SMOD?", .next = 3},
	       {.in = IN(3), .expect = "AT+SMOD?", .answer = "\r\n4\r\nOK\r\n"}},
     .rate_bps = 921600,
     .mode = BOOT_MODE_RECOVERY,
     .log = "AT | AT+SMOD? | AT+SMOD? | AT | AT+SMOD? | "},
    {.name = "ERROR to everything",
     .rates = "921600",
     .rules = {{.expect = "AT", .answer = "\r\nERROR\r\n"}, {.expect = "AT+SMOD?", .answer = "\r\nERROR\r\n"}},
     .code = FAULT_MODEM_ANSWERS_ERROR,
     .text = "without a boot mode 3 times; a Monarch 2 modem in recovery may answer so",
     .evidence = "ERROR",
     .log = "AT | AT | AT+SMOD? | AT+SMOD? | AT+SMOD? | "},
    {.name = "ERROR to everything on Monarch 2 is recovery",
     .rates = "115200",
     .family = "monarch2",
     .rules = {{.expect = "AT", .answer = "\r\nERROR\r\n"}, {.expect = "AT+SMOD?", .answer = "\r\nERROR\r\n"}},
     .rate_bps = 115200,
     .mode = BOOT_MODE_RECOVERY,
     .log = "AT | AT | AT+SMOD? | AT+SMOD? | AT+SMOD? | AT+SMOD? | AT+SMOD? | "},
    {.name = "F51: nothing says which family, but the firmware is a Monarch 2's",
     .rates = "115200",
     .likely_family = FAMILY_MONARCH2,
     .rules = {{.expect = "AT", .answer = "\r\nERROR\r\n"}, {.expect = "AT+SMOD?", .answer = "\r\nERROR\r\n"}},
     .rate_bps = 115200,
     .mode = BOOT_MODE_RECOVERY},
    {.name = "the profile's word outweighs the firmware's",
     .rates = "115200",
     .family = "monarch1",
     .likely_family = FAMILY_MONARCH2,
     .rules = {{.expect = "AT", .answer = "\r\nERROR\r\n"}, {.expect = "AT+SMOD?", .answer = "\r\nERROR\r\n"}},
     .code = FAULT_MODEM_ANSWERS_ERROR,
     .text = "without a boot mode 3 times",
     .lacks = "Monarch 2"},
    {.name = "but not after +SYSSTART",
     .rates = "115200",
     .family = "monarch2",
     .rules = {{.expect = "AT", .answer = "\r\n+SYSSTART\r\n\r\nERROR\r\n"}, {.expect = "AT+SMOD?", .answer = "\r\nERROR\r\n"}},
     .code = FAULT_MODEM_ANSWERS_ERROR,
     .text = "without a boot mode"},
    {.name = "no number that is a mode",
     .rates = "921600",
     .rules = {{.expect = "AT", .answer = OK}, {.expect = "AT+SMOD?", .answer = "\r\n7\r\n2,2\r\nOK\r\n"}},
     .code = FAULT_MODEM_ANSWERS_ERROR,
     .text = "without a boot mode"},
    {.name = "AT but no mode",
     .rates = "921600",
     .rules = {{.expect = "AT", .answer = OK}},
     .code = FAULT_MODEM_SILENT,
     .text = "not AT+SMOD?"},
    {.name = "the port goes away",
     .rates = "921600",
     .rules = {{.expect = "AT", .hang_up = true}},
     .code = FAULT_PORT_GONE,
     .text = "the port is gone"},
};

static struct profile make_profile(const char *rates, const char *transfer_rate, const char *family)
{
	struct profile profile = *profile_builtin("auto");
	char why[128];

	ck_assert_int_eq(profile_set(&profile, "rates", rates, why, sizeof(why)), 0);
	if (transfer_rate)
		ck_assert_int_eq(profile_set(&profile, "transfer_rate", transfer_rate, why, sizeof(why)), 0);
	profile.command_timeout_ms = 120;
	if (family)
		ck_assert(modem_family_parse(family, &profile.family));
	return profile;
}

static int detect(struct modem *modem, const char *port, const struct profile *profile, int64_t patience_ms, int cancel_fd,
		  struct fault *fault)
{
	ck_assert_int_eq(modem_open(modem, port, profile, 0, NULL, cancel_fd, fault), 0);
	modem->timings = &quick;
	return modem_detect(modem, patience_ms, fault);
}

START_TEST(each_modem_is_told_apart)
{
	const struct row *row = &rows[_i];
	struct fake_script script = {.rules = row->rules, .start = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile(row->rates, row->transfer_rate, row->family);
	struct fault fault = {0};
	struct modem modem;

	ck_assert_int_eq(modem_open(&modem, fake_modem_port(fake), &profile, 0, NULL, -1, &fault), 0);
	modem.timings = &quick;
	modem.likely_family = row->likely_family;
	int r = modem_detect(&modem, 0, &fault);

	fake_modem_stop(fake);
	ck_assert_msg(fault.code == row->code, "%s: %s: %s", row->name, fault_code_name(fault.code), fault.message);
	ck_assert_int_eq(r, row->code ? -EPROTO : 0);
	if (row->text)
		ck_assert_msg(strstr(fault.message, row->text) != NULL, "%s: %s", row->name, fault.message);
	if (row->lacks)
		ck_assert_msg(strstr(fault.message, row->lacks) == NULL, "%s: %s", row->name, fault.message);
	if (row->evidence)
		ck_assert_msg(strstr(fault.evidence, row->evidence) != NULL, "%s: %s", row->name, fault.evidence);
	if (r == 0) {
		ck_assert_msg(modem.info.rate_bps == row->rate_bps, "%s: %u", row->name, modem.info.rate_bps);
		ck_assert_uint_eq(link_rate(modem.link), row->rate_bps);
		ck_assert_msg(modem.info.boot_mode == row->mode, "%s: %s", row->name, boot_mode_name(modem.info.boot_mode));
	}
	if (row->log)
		ck_assert_msg(strcmp(fake_modem_log(fake), row->log) == 0, "%s: %s", row->name, fake_modem_log(fake));
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

/* A modem that restarts holds its line low for a moment; whoever has patience waits for it. */
START_TEST(a_nul_in_a_late_round_is_no_verdict)
{
	/* Silent through a whole round; the NUL answers the first AT of the next that is understood. */
	const struct fake_rule rules[] = {{.in = IN(1), .expect = "+++", .next = 2},
					  {.in = IN(2), .expect = "AT", .next = 3},
					  {.in = IN(3), .expect = "AT", .next = 4},
					  {.in = IN(4), .expect = "AT", .answer = "\0", .answer_length = 1, .next = 5},
					  {.in = IN(5), .expect = "AT", .answer = OK},
					  MODE2,
					  {0}};
	struct fake_script script = {.rules = rules, .start = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile("921600", NULL, NULL);
	struct fault fault = {0};
	struct modem modem;
	int r = detect(&modem, fake_modem_port(fake), &profile, 60000, -1, &fault);

	fake_modem_stop(fake);
	ck_assert_msg(r == 0, "%s", fault.message);
	ck_assert_int_eq(modem.info.boot_mode, BOOT_MODE_FFF);
	ck_assert_int_eq(fake_modem_count(fake, "+++"), 1);
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

START_TEST(the_last_good_rate_is_tried_first)
{
	const struct fake_rule rules[] = {{.expect = "AT", .answer = OK, .rate_bps = 460800}, MODE2, {0}};
	struct fake_script script = {.rules = rules, .start = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile("921600,115200", NULL, NULL);
	struct fault fault = {0};
	struct modem modem;

	ck_assert_int_eq(modem_open(&modem, fake_modem_port(fake), &profile, 460800, NULL, -1, &fault), 0);
	modem.timings = &quick;
	ck_assert_int_eq(modem_detect(&modem, 0, &fault), 0);
	fake_modem_stop(fake);
	ck_assert_uint_eq(modem.info.rate_bps, 460800);
	ck_assert_str_eq(fake_modem_log(fake), "AT | AT+SMOD? | ");
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

static size_t count_lines(const char *text, const char *line)
{
	size_t count = 0;

	for (; (text = strstr(text, line)) != NULL; text++)
		count++;
	return count;
}

/* What a replay has to know: at which rate the host was, and where the modem was found. */
START_TEST(every_change_of_the_rate_is_in_the_transcript)
{
	const struct fake_rule rules[] = {{.in = IN(1), .expect = "AT", .answer = OK, .rate_bps = 115200},
					  {.in = IN(2), .expect = "AT", .answer = OK, .rate_bps = 921600},
					  {.in = IN(1), .expect = "AT+GO", .answer = OK, .next = 2},
					  MODE2,
					  {0}};
	struct fake_script script = {.rules = rules, .start = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile("921600,115200", NULL, NULL);
	struct transcript *transcript = NULL;
	struct fault fault = {0};
	struct modem modem;

	ck_assert_int_eq(transcript_new(NULL, NULL, &transcript), 0);
	ck_assert_int_eq(modem_open(&modem, fake_modem_port(fake), &profile, 921600, transcript, -1, &fault), 0);
	modem.timings = &quick;
	ck_assert_int_eq(modem_detect(&modem, 0, &fault), 0);
	ck_assert_int_eq(modem_await_alive(&modem, 1000), 0);
	ck_assert_int_eq(at_command_ok(modem.at, "AT+GO", 1000, NULL), 0);
	ck_assert_int_eq(modem_await_alive(&modem, 5000), 0);
	ck_assert_int_eq(modem_await_alive(&modem, 1000), 0);
	fake_modem_stop(fake);
	char *text = transcript_text(transcript, NULL);
	const char *slow = strstr(text, "# line at 115200 bit/s\n");
	const char *found = slow ? strstr(slow, "# alive at 115200 bit/s\n") : NULL;
	const char *fast = found ? strstr(found, "# line at 921600 bit/s\n") : NULL;
	ck_assert_msg(fast && strstr(fast, "# alive at 921600 bit/s\n"), "%s", text);
	ck_assert_msg(count_lines(text, "# line at") == 2 && count_lines(text, "# alive at") == 2, "%s", text);
	free(text);
	modem_close(&modem);
	transcript_free(transcript);
	fake_modem_free(fake);
}
END_TEST

START_TEST(the_escape_stands_in_silence)
{
	const struct fake_rule rules[] = {{.in = IN(1), .expect = "+++", .next = 2},
					  {.in = IN(2), .expect = "+++", .answer = OK, .next = 3},
					  {.in = IN(3), .expect = "AT", .answer = OK},
					  MODE2,
					  {0}};
	struct fake_script script = {.rules = rules, .start = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile("921600", NULL, NULL);
	struct fault fault = {0};
	struct modem modem;

	ck_assert_int_eq(detect(&modem, fake_modem_port(fake), &profile, 9000, -1, &fault), 0);
	fake_modem_stop(fake);
	/* The second round: the wait for AT, 80 ms, and 40 more than the first. */
	ck_assert_int_ge(fake_modem_escape_guard_ms(fake), (int64_t)quick.probe_ms + 80 + 40 - 2);
	ck_assert_int_eq(fake_modem_count(fake, "+++"), 2);
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

/* In the middle of a block; and before OPEN_SESSION, where a RESET is no end. */
static const bool killed_in_block[] = {true, false};

START_TEST(the_session_of_a_killed_host_is_ended)
{
	const struct fake_rule rules[] = {
	    {.in = IN(2), .expect = "AT", .answer = OK}, {.expect = "AT+SMOD?", .answer = "\r\n4\r\nOK\r\n"}, {0}};
	struct fake_script script = {
	    .rules = rules, .start = 1, .stp = 1, .stp_next = 3, .stp_idle = 2, .in_block = killed_in_block[_i], .stp_version = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile("921600", NULL, NULL);
	struct fault fault = {0};
	struct modem modem;
	int r = detect(&modem, fake_modem_port(fake), &profile, 0, -1, &fault);

	fake_modem_stop(fake);
	ck_assert_msg(r == 0, "%s %s", fault.message, fault.evidence);
	ck_assert_int_eq(modem.info.boot_mode, BOOT_MODE_RECOVERY);
	ck_assert_int_eq(fake_modem_state(fake), 2);
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

START_TEST(an_stp_session_that_stays_is_named)
{
	const struct fake_rule rules[] = {{0}};
	struct fake_script script = {.rules = rules, .start = 1, .stp = 1, .stp_next = 2, .stp_idle = 2};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile("921600", NULL, NULL);
	struct fault fault = {0};
	struct modem modem;

	ck_assert_int_eq(detect(&modem, fake_modem_port(fake), &profile, 0, -1, &fault), -EPROTO);
	fake_modem_stop(fake);
	ck_assert_int_eq(fault.code, FAULT_MODEM_SILENT);
	ck_assert_msg(strstr(fault.message, "an STP session was open at 921600") != NULL, "%s", fault.message);
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

START_TEST(cancel_ends_it)
{
	const struct fake_rule rules[] = {{0}};
	struct fake_script script = {.rules = rules, .start = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile("921600", NULL, NULL);
	struct fault fault = {0};
	struct modem modem;
	int cancel_fd = eventfd(1, EFD_CLOEXEC);

	ck_assert_int_eq(detect(&modem, fake_modem_port(fake), &profile, 60000, cancel_fd, &fault), -ECANCELED);
	ck_assert_int_eq(fault.code, FAULT_NONE);
	fake_modem_stop(fake);
	close(cancel_fd);
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

static const struct {
	struct fake_rule rules[8];
	enum boot_mode mode;
	const char *profile_family;
	struct modem_info info;
	const char *log;
} identities[] = {
    {{{.expect = "ATI", .answer = "\r\nSEQUANS Communications\r\nVZM20Q\r\nUEUnknown\r\n\r\nOK\r\n"},
      {.expect = "ATI1", .answer = "\r\nUE5.0.0.0d\r\nLR5.1.1.0-39529\r\n\r\nOK\r\n"},
      {.expect = "AT+CGSN", .answer = "\r\n354347091234567\r\n\r\nOK\r\n"},
      {.expect = "ATE0", .answer = OK}},
     BOOT_MODE_FFF,
     NULL,
     {.family = FAMILY_MONARCH1, .ue = "UE5.0.0.0d", .release = "LR5.1.1.0-39529", .build = 39529, .imei = "354347091234567"},
     "ATE0 | ATI | ATI1 | AT+CGSN | "},
    {{{.expect = "ATI", .answer = "\r\nSEQUANS Communications\r\nGM02S\r\n\r\nOK\r\n"},
      {.expect = "ATI1", .answer = "\r\nERROR\r\n"},
      {.expect = "AT+CGMR", .answer = "\r\nUE8.2.0.3\r\n\r\nOK\r\n"},
      {.expect = "AT+CGSN", .answer = "\r\n35434709123456\r\n\r\nOK\r\n"},
      {.expect = "ATE0", .answer = OK}},
     BOOT_MODE_FFF,
     NULL,
     {.family = FAMILY_MONARCH2, .ue = "UE8.2.0.3"},
     "ATE0 | ATI | ATI1 | AT+CGMR | AT+CGSN | "},
    {{{.expect = "ATI1", .answer = "\r\nUE8.0.5.13\r\nLR8.0.5.13-59577\r\n\r\nOK\r\n"},
      {.expect = "ATI", .answer = "\r\nERROR\r\n"},
      {.expect = "AT+CGSN", .answer = "\r\n354347091234567x\r\n\r\nOK\r\n"},
      {.expect = "ATE0", .answer = OK}},
     BOOT_MODE_FFF,
     "monarch1",
     {.family = FAMILY_MONARCH2, .ue = "UE8.0.5.13", .release = "LR8.0.5.13-59577", .build = 59577},
     "ATE0 | ATI | ATI1 | AT+CGSN | "},
    {{{.expect = "ATE0", .answer = "\r\nERROR\r\n"}}, BOOT_MODE_RECOVERY, "monarch1", {.family = FAMILY_MONARCH1}, "ATE0 | "},
    {{{.expect = "ATE0", .answer = OK}}, BOOT_MODE_FFH, NULL, {.family = FAMILY_UNKNOWN}, ""},
};

START_TEST(each_modem_is_asked_what_it_knows)
{
	struct fake_script script = {.rules = identities[_i].rules, .start = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile("921600", NULL, identities[_i].profile_family);
	const struct modem_info *wanted = &identities[_i].info;
	struct fault fault = {0};
	struct modem modem;

	ck_assert_int_eq(modem_open(&modem, fake_modem_port(fake), &profile, 0, NULL, -1, &fault), 0);
	modem.info.boot_mode = identities[_i].mode;
	ck_assert_int_eq(modem_identify(&modem, &fault), 0);
	fake_modem_stop(fake);
	ck_assert_str_eq(modem.info.ue, wanted->ue);
	ck_assert_str_eq(modem.info.release, wanted->release);
	ck_assert_uint_eq(modem.info.build, wanted->build);
	ck_assert_str_eq(modem.info.imei, wanted->imei);
	ck_assert_int_eq(modem.info.family, wanted->family);
	ck_assert_str_eq(fake_modem_log(fake), identities[_i].log);
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("detect");
	TCase *tcase = tcase_create("detect");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, each_modem_is_told_apart, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tcase, a_nul_in_a_late_round_is_no_verdict);
	tcase_add_test(tcase, the_last_good_rate_is_tried_first);
	tcase_add_test(tcase, every_change_of_the_rate_is_in_the_transcript);
	tcase_add_test(tcase, the_escape_stands_in_silence);
	tcase_add_loop_test(tcase, the_session_of_a_killed_host_is_ended, 0, (int)(sizeof(killed_in_block) / sizeof(killed_in_block[0])));
	tcase_add_test(tcase, an_stp_session_that_stays_is_named);
	tcase_add_test(tcase, cancel_ends_it);
	tcase_add_loop_test(tcase, each_modem_is_asked_what_it_knows, 0, (int)(sizeof(identities) / sizeof(identities[0])));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
