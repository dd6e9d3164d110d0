/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fake_modem.h"
#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/modem/modem.h"

static const struct modem_timings quick = {
    .probe_ms = 60,
    .alive_probe_ms = 60,
    .refusal_pause_ms = 60,
    .settle_ms = 20,
    .unchanged_ms = 80,
    .poll_pause_ms = 20,
};

#define OK    "\r\nOK\r\n"
#define ERROR "\r\nERROR\r\n"
#define ALIVE                                                                                                                              \
	{                                                                                                                                  \
		.expect = "AT", .answer = OK                                                                                               \
	}
#define MODE(state, number)                                                                                                                \
	{                                                                                                                                  \
		.in = IN(state), .expect = "AT+SMOD?", .answer = "\r\n" number "\r\nOK\r\n"                                                \
	}

struct row {
	const char *name;
	struct fake_rule rules[10];
	enum boot_mode wanted; /* BOOT_MODE_FFH: recovery */
	enum modem_family family;
	enum fault_code code;
	const char *text;
	const char *evidence;
	uint32_t rate_bps;
	uint32_t boot_budget_s; /* 0: 1 */
	const char *log;        /* without the plain AT */
};

static const struct row rows[] = {
    {.name = "the ordinary switch",
     .rules = {ALIVE, MODE(1, "2"), MODE(2, "4"), {.in = IN(1), .expect = "AT+SMSWBOOT=3,1", .answer = OK, .next = 2}},
     .log = "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | "},
    {.name = "back to the application",
     .wanted = BOOT_MODE_FFF,
     .rules = {ALIVE, MODE(1, "4"), MODE(2, "2"), {.in = IN(1), .expect = "AT+SMSWBOOT=1,1", .answer = OK, .next = 2}},
     .log = "AT+SMOD? | AT+SMSWBOOT=1,1 | AT+SMOD? | "},
    {.name = "there already", .rules = {ALIVE, MODE(1, "4")}, .log = "AT+SMOD? | "},
    {.name = "F10: the one form refused, the other taken",
     .rules = {ALIVE,
	       MODE(1, "2"),
	       MODE(2, "4"),
	       {.in = IN(1), .expect = "AT+SMSWBOOT=3,1", .answer = ERROR},
	       {.in = IN(1), .expect = "AT+SMSWBOOT=3,0", .answer = OK},
	       {.in = IN(1), .expect = "AT^RESET", .answer = "\r\nOK\r\n\r\n+SHUTDOWN\r\n", .next = 2}},
     .log = "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMSWBOOT=3,0 | AT^RESET | AT+SMOD? | "},
    {.name = "F09: both forms refused, three times",
     .rules = {ALIVE,
	       MODE(1, "2"),
	       {.expect = "AT+SMSWBOOT=3,1", .answer = ERROR},
	       {.expect = "AT+SMSWBOOT=3,0", .answer = "\r\n+CME ERROR: 4\r\n"}},
     .code = FAULT_BOOT_MODE_REFUSED,
     .text = "in boot mode 2 (fff) refuses to switch to 4 (recovery)",
     .evidence = "AT+SMSWBOOT=3,0: +CME ERROR: 4",
     .log = "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMSWBOOT=3,0 | AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMSWBOOT=3,0 | "
	    "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMSWBOOT=3,0 | "},
    {.name = "F09: refused and there all the same",
     .rules = {ALIVE,
	       MODE(1, "2"),
	       MODE(2, "4"),
	       {.expect = "AT+SMSWBOOT=3,1", .answer = ERROR},
	       {.expect = "AT+SMSWBOOT=3,0", .answer = ERROR, .next = 2}},
     .log = "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMSWBOOT=3,0 | AT+SMOD? | "},
    {.name = "the answer is lost and the switch is not",
     .rules = {ALIVE, MODE(1, "2"), MODE(2, "4"), {.in = IN(1), .expect = "AT+SMSWBOOT=3,1", .next = 2}},
     .log = "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | "},
    {.name = "another rate after the restart",
     .rules = {{.in = IN(1), .expect = "AT", .answer = OK, .rate_bps = 921600},
	       {.in = IN(2), .expect = "AT", .answer = OK, .rate_bps = 115200},
	       MODE(1, "2"),
	       {.in = IN(2), .expect = "AT+SMOD?", .answer = "\r\n4\r\nOK\r\n", .rate_bps = 115200},
	       {.in = IN(1), .expect = "AT+SMSWBOOT=3,1", .answer = OK, .next = 2}},
     .rate_bps = 115200,
     .log = "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | "},
    {.name = "+SYSSTART alone is no proof",
     .rules = {ALIVE, MODE(1, "2"), {.in = IN(1), .expect = "AT+SMSWBOOT=3,1", .answer = "\r\nOK\r\n\r\n+SYSSTART\r\n"}},
     .code = FAULT_BOOT_MODE_UNCHANGED,
     .text = "stays in boot mode 2 (fff) instead of 4 (recovery)"},
    {.name = "never seen again",
     .rules = {{.in = IN(1), .expect = "AT", .answer = OK},
	       MODE(1, "2"),
	       {.in = IN(1), .expect = "AT+SMSWBOOT=3,1", .answer = OK, .next = 2}},
     .code = FAULT_RESTART_TIMEOUT,
     .text = "did not come to boot mode 4 (recovery) in 1 s",
     .log = "AT+SMOD? | AT+SMSWBOOT=3,1 | "},
    {.name = "F51: Monarch 2 answers ERROR to everything",
     .family = FAMILY_MONARCH2,
     .rules = {{.in = IN(1), .expect = "AT", .answer = OK},
	       MODE(1, "2"),
	       {.in = IN(1), .expect = "AT+SMSWBOOT=3,1", .answer = OK, .next = 2},
	       {.in = IN(2), .expect = "AT", .answer = ERROR},
	       {.in = IN(2), .expect = "AT+SMOD?", .answer = ERROR}},
     .log = "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | AT+SMOD? | AT+SMOD? | AT+SMOD? | AT+SMOD? | "},
    {.name = "F51: back to the application, and ERROR to everything again",
     .wanted = BOOT_MODE_FFF,
     .family = FAMILY_MONARCH2,
     .rules = {{.in = IN(1), .expect = "AT", .answer = OK},
	       MODE(1, "4"),
	       {.in = IN(1), .expect = "AT+SMSWBOOT=1,1", .answer = OK, .next = 2},
	       {.in = IN(2), .expect = "AT", .answer = ERROR},
	       {.in = IN(2), .expect = "AT+SMOD?", .answer = ERROR},
	       {.in = IN(2), .expect = "AT+SMSWBOOT=1,1", .answer = ERROR},
	       {.in = IN(2), .expect = "AT+SMSWBOOT=1,0", .answer = ERROR}},
     .boot_budget_s = 20,
     .code = FAULT_BOOT_MODE_REFUSED,
     .text = "the modem in boot mode 4 (recovery) refuses to switch to 2 (fff)"},
    {.name = "Monarch 2 that is in its application answers ERROR",
     .family = FAMILY_MONARCH2,
     .rules = {{.in = IN(1), .expect = "AT", .answer = OK},
	       MODE(1, "2"),
	       {.in = IN(1), .expect = "AT+SMSWBOOT=3,1", .answer = OK, .next = 2},
	       {.in = IN(2), .expect = "AT", .answer = "\r\n+SYSSTART\r\n\r\nERROR\r\n"},
	       {.in = IN(2), .expect = "AT+SMOD?", .answer = ERROR}},
     .code = FAULT_RESTART_TIMEOUT,
     .text = "did not come to boot mode 4"},
    {.name = "the port goes away",
     .rules = {ALIVE, MODE(1, "2"), {.expect = "AT+SMSWBOOT=3,1", .hang_up = true}},
     .code = FAULT_PORT_GONE,
     .text = "the port is gone"},
};

static struct profile make_profile(enum modem_family family)
{
	struct profile profile = *profile_builtin("auto");

	profile.family = family;
	profile.command_timeout_ms = 150;
	profile.boot_budget_s = 1;
	return profile;
}

START_TEST(each_switch_ends_as_it_should)
{
	const struct row *row = &rows[_i];
	struct fake_script script = {.rules = row->rules, .start = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile(row->family);
	profile.boot_budget_s = row->boot_budget_s ? row->boot_budget_s : profile.boot_budget_s;
	enum boot_mode wanted = row->wanted == BOOT_MODE_FFH ? BOOT_MODE_RECOVERY : row->wanted;
	struct fault fault = {0};
	struct modem modem;

	ck_assert_int_eq(modem_open(&modem, fake_modem_port(fake), &profile, 0, NULL, -1, &fault), 0);
	modem.timings = &quick;
	int r = modem_switch_boot_mode(&modem, wanted, &fault);
	fake_modem_stop(fake);
	ck_assert_msg(fault.code == row->code, "%s: %s: %s", row->name, fault_code_name(fault.code), fault.message);
	ck_assert_int_eq(r, row->code ? -EPROTO : 0);
	if (row->text)
		ck_assert_msg(strstr(fault.message, row->text) != NULL, "%s: %s", row->name, fault.message);
	if (row->evidence)
		ck_assert_msg(strcmp(fault.evidence, row->evidence) == 0, "%s: %s", row->name, fault.evidence);
	if (r == 0)
		ck_assert_msg(modem.info.boot_mode == wanted, "%s: %s", row->name, boot_mode_name(modem.info.boot_mode));
	if (row->rate_bps)
		ck_assert_uint_eq(modem.info.rate_bps, row->rate_bps);
	const char *log = fake_modem_log_without_at(fake);
	if (row->log)
		ck_assert_msg(strcmp(log, row->log) == 0, "%s: %s", row->name, log);
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

START_TEST(the_other_form_waits_after_the_refusal)
{
	const struct fake_rule rules[] = {ALIVE,
					  MODE(1, "2"),
					  MODE(2, "4"),
					  {.expect = "AT+SMSWBOOT=3,1", .answer = ERROR},
					  {.expect = "AT+SMSWBOOT=3,0", .answer = OK},
					  {.expect = "AT^RESET", .answer = OK, .next = 2},
					  {0}};
	struct fake_script script = {.rules = rules, .start = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile(FAMILY_MONARCH1);
	struct modem_timings slow = quick;
	struct fault fault = {0};
	struct modem modem;

	slow.refusal_pause_ms = 400;
	ck_assert_int_eq(modem_open(&modem, fake_modem_port(fake), &profile, 0, NULL, -1, &fault), 0);
	modem.timings = &slow;
	int64_t started_ms = clock_now_ms();
	ck_assert_int_eq(modem_switch_boot_mode(&modem, BOOT_MODE_RECOVERY, &fault), 0);
	ck_assert_int_ge(clock_now_ms() - started_ms, 400);
	fake_modem_stop(fake);
	modem_close(&modem);
	fake_modem_free(fake);
}
END_TEST

START_TEST(real_waits_are_the_protocol_s)
{
	ck_assert_int_eq(modem_timings_default.refusal_pause_ms, 5000);
	ck_assert_int_eq(modem_timings_default.settle_ms, 3000);
	ck_assert_int_eq(modem_timings_default.escape_guard_ms, 1000);
	ck_assert_int_eq(modem_timings_default.escape_after_ms, 1150);
	ck_assert_int_eq(modem_timings_default.flush_ms, 200);
}
END_TEST

START_TEST(boot_modes_have_names)
{
	static const char *const names[] = {"unknown", "ffh", "mtools", "fff", "updater", "recovery"};

	for (int mode = -1; mode <= 4; mode++)
		ck_assert_str_eq(boot_mode_name((enum boot_mode)mode), names[mode + 1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("boot_mode");
	TCase *tcase = tcase_create("boot_mode");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, each_switch_ends_as_it_should, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tcase, the_other_form_waits_after_the_refusal);
	tcase_add_test(tcase, real_waits_are_the_protocol_s);
	tcase_add_test(tcase, boot_modes_have_names);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
