/* SPDX-License-Identifier: Apache-2.0
 *
 * The ladder of restarts on a scripted peer; whoever switches the power is scripted, too.
 */
#include "transport/modem/restart_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "tests/unit/upgrade_rig.h"

/* MUTE says nothing; FRESH is an application that has just started. */
enum { MUTE = 6, FRESH, LOCKED };
#define SYSSTART "\r\n+SYSSTART\r\n"

enum switching {
	NO_SWITCH,
	TAKES_PORT, /* the port goes and comes back */
	MUTES,      /* the port stays, the modem is silent meanwhile */
	ANNOUNCES,  /* the port stays, the modem says +SYSSTART */
	STARTS,     /* the port stays, the modem answers afterwards */
	NOTHING,    /* switches something else */
	NOT_NOW,
	BREAKS,
	CANCELLED,
};

struct restart_case {
	const char *name;
	enum restart_rung rung;
	int start; /* 0: APP */
	struct fake_rule overrides[8];
	const char *profile; /* NULL: auto */
	bool may_be_at_work;
	enum switching switching;

	int r;
	enum fault_code code;
	const char *text;     /* in the message */
	const char *evidence; /* in the evidence */
	const char *note;
	const char *log_has, *log_lacks;
	int switched;   /* how often */
	int modem_told; /* how often */
};

static const struct restart_case rows[] = {
    {.name = "AT^RESET restarts it",
     .rung = RESTART_BY_RESET,
     .overrides = {{.in = IN(APP), .expect = "AT^RESET", .answer = OK, .next = NEW}},
     .note = "restarted by AT^RESET",
     .log_has = "AT^RESET | AT+SMOD? | " IDENTIFY,
     .modem_told = 2},
    {.name = "FFH does not know AT^RESET",
     .rung = RESTART_BY_RESET,
     .start = LOCKED,
     .overrides = {SAYS(IN(LOCKED), "AT+SMOD?", "0"), {.in = IN(LOCKED), .expect = "AT^RESET", .answer = ERROR}},
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "the modem was not restarted: AT^RESET: it was answered with ERROR",
     .modem_told = 1},
    {.name = "a silent modem cannot be told to restart",
     .rung = RESTART_BY_RESET,
     .start = MUTE,
     .overrides = {{.in = IN(MUTE), .expect = "AT"}},
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "AT^RESET: the modem does not answer",
     .note = "before: no answer to AT",
     .log_lacks = "AT^RESET"},
    {.name = "it does not come back from AT^RESET",
     .rung = RESTART_BY_RESET,
     .overrides = {{.in = IN(APP), .expect = "AT^RESET", .answer = OK, .next = MUTE}, {.in = IN(MUTE), .expect = "AT"}},
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "AT^RESET: the modem did not come back in 1 s",
     .modem_told = 1},
    {.name = "a port without modem lines",
     .rung = RESTART_BY_LINES,
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "the modem lines: the port has none",
     .modem_told = 1},
    {.name = "lines that belong to the board",
     .rung = RESTART_BY_LINES,
     .profile = "walter",
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "the device's profile names none that restart it (restart_lines)",
     .modem_told = 1},
    {.name = "no means to switch the power",
     .rung = RESTART_BY_POWER,
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "its power: the device has no means to switch it",
     .modem_told = 1},
    {.name = "F01: silent, and its power brings it back",
     .rung = RESTART_BY_POWER,
     .start = MUTE,
     .overrides = {{.in = IN(MUTE), .expect = "AT"}},
     .switching = STARTS,
     .switched = 1,
     .note = "restarted by its power",
     .modem_told = 1},
    {.name = "power that does not bring it back",
     .rung = RESTART_BY_POWER,
     .start = MUTE,
     .overrides = {{.in = IN(MUTE), .expect = "AT"}},
     .switching = TAKES_PORT,
     .switched = 1,
     .r = -EPROTO,
     .code = FAULT_MODEM_SILENT,
     .text = "no answer to AT"},
    {.name = "the port went and came back", .rung = RESTART_BY_POWER, .switching = TAKES_PORT, .switched = 1, .modem_told = 2},
    {.name = "the port stayed, the modem was silent",
     .rung = RESTART_BY_POWER,
     .overrides = {{.in = IN(MUTE), .expect = "AT"}},
     .switching = MUTES,
     .switched = 1,
     .note = "restarted by its power",
     .modem_told = 2},
    {.name = "the port stayed, the modem said that it starts",
     .rung = RESTART_BY_POWER,
     .overrides = {{.in = IN(FRESH), .expect = "AT", .answer = SYSSTART OK, .next = APP}},
     .switching = ANNOUNCES,
     .switched = 1,
     .note = "restarted by its power",
     .modem_told = 2},
    {.name = "what is switched is not its power",
     .rung = RESTART_BY_POWER,
     .switching = NOTHING,
     .switched = 1,
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "the port stayed, the modem answered all the time and did not start anew",
     .modem_told = 1},
    {.name = "not now",
     .rung = RESTART_BY_POWER,
     .switching = NOT_NOW,
     .switched = 1,
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "the modem was not restarted: its power: its hub has other work",
     .modem_told = 1},
    {.name = "a switch that fails",
     .rung = RESTART_BY_POWER,
     .switching = BREAKS,
     .switched = 1,
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "the command ended with 1",
     .modem_told = 1},
    {.name = "cancelled", .rung = RESTART_BY_POWER, .switching = CANCELLED, .switched = 1, .r = -ECANCELED, .modem_told = 1},
    {.name = "the gentlest that helps is enough",
     .rung = RESTART_BY_ANY,
     .overrides = {{.in = IN(APP), .expect = "AT^RESET", .answer = OK, .next = NEW}},
     .switching = TAKES_PORT,
     .note = "restarted by AT^RESET",
     .modem_told = 2},
    {.name = "it climbs to the power",
     .rung = RESTART_BY_ANY,
     .overrides = {{.in = IN(APP), .expect = "AT^RESET", .answer = ERROR}},
     .switching = TAKES_PORT,
     .switched = 1,
     .note = "restarted by its power",
     .log_has = "AT^RESET",
     .modem_told = 2},
    {.name = "no rung helps",
     .rung = RESTART_BY_ANY,
     .start = MUTE,
     .overrides = {{.in = IN(MUTE), .expect = "AT"}},
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "the modem was not restarted",
     .evidence =
	 "AT^RESET: the modem does not answer; the modem lines: the port has none; its power: the device has no means to switch it"},
    {.name = "F47: not while it may be at work",
     .rung = RESTART_BY_ANY,
     .may_be_at_work = true,
     .switching = TAKES_PORT,
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "it may still be at work, and is left alone",
     .log_lacks = "AT"},
};

struct hand {
	const struct restart_case *row;
	struct fake_modem *fake;
	int switched, modem_told;
	char phases[64], notes[2048];
};

static int hear_phase(void *context, enum upgrade_phase phase, size_t step, size_t steps, const char *detail)
{
	struct hand *hand = context;
	size_t used = strlen(hand->phases);
	(void)detail;
	snprintf(hand->phases + used, sizeof(hand->phases) - used, "%c%zu%zu", upgrade_phase_name(phase)[0], step, steps);
	return 0;
}

static void hear_modem(void *context, const struct modem_info *info)
{
	struct hand *hand = context;
	if (info->boot_mode != BOOT_MODE_UNKNOWN && info->rate_bps != 0)
		hand->modem_told++;
}

static void hear_note(void *context, const char *text)
{
	struct hand *hand = context;
	size_t used = strlen(hand->notes);
	snprintf(hand->notes + used, sizeof(hand->notes) - used, "%s\n", text);
}

/* Long enough for the silences that tell of a modem without power. */
static void look_for_a_while(const struct power_watch *watch)
{
	for (int i = 0; i < 85; i++)
		watch->look(watch->context);
}

static int switch_power(void *context, const struct power_watch *watch, struct fault *ret_fault)
{
	struct hand *hand = context;
	ck_assert_ptr_nonnull(watch);
	hand->switched++;
	switch (hand->row->switching) {
	case NO_SWITCH:
	case NOTHING:
		look_for_a_while(watch);
		return 0;
	case TAKES_PORT:
		watch->let_go(watch->context);
		watch->look(watch->context);
		return 0;
	case MUTES:
		fake_modem_power_cycle(hand->fake, MUTE);
		look_for_a_while(watch);
		fake_modem_power_cycle(hand->fake, APP);
		return 0;
	case ANNOUNCES:
		fake_modem_power_cycle(hand->fake, FRESH);
		look_for_a_while(watch);
		return 0;
	case STARTS:
		fake_modem_power_cycle(hand->fake, APP);
		return 0;
	case NOT_NOW:
		snprintf(ret_fault->message, sizeof(ret_fault->message), "its hub has other work");
		return -EAGAIN;
	case BREAKS:
		return fault_set(ret_fault, FAULT_POWER_CYCLE_FAILED, "the command ended with 1");
	case CANCELLED:
		return -ECANCELED;
	}
	return 0;
}

static int run(struct hand *hand, struct upgrade_result *ret)
{
	const struct restart_case *row = hand->row;
	struct profile profile = *profile_builtin(row->profile ? row->profile : "auto");
	struct modem_timings timings = rig_timings;
	const struct upgrade_events events = {.phase = hear_phase,
					      .modem = hear_modem,
					      .note = hear_note,
					      .power_cycle = row->switching == NO_SWITCH ? NULL : switch_power,
					      .context = hand};
	timings.verdict_ms = 1;
	profile.rates[0] = 921600;
	profile.rates[1] = 0;
	profile.boot_budget_s = 1;
	const struct upgrade_request request = {.port = fake_modem_port(hand->fake),
						.profile = &profile,
						.last_boot_mode = BOOT_MODE_UNKNOWN,
						.expected_imei = "another",
						.may_be_at_work = row->may_be_at_work,
						.cancel_fd = -1,
						.timings = &timings};
	return restart_run(&request, row->rung, &events, ret);
}

START_TEST(each_restart_ends_as_it_should)
{
	const struct restart_case *row = &rows[_i];
	struct fake_script script = {.overrides = row->overrides, .rules = rig_monarch1, .start = row->start ? row->start : APP};
	struct hand hand = {.row = row, .fake = fake_modem_start(&script)};
	struct upgrade_result result;
	int r = run(&hand, &result);
	fake_modem_stop(hand.fake);
	const char *log = fake_modem_log(hand.fake);
	ck_assert_msg(r == row->r && result.fault.code == row->code, "%s: %d, %s: %s (%s)", row->name, r,
		      fault_code_name(result.fault.code), result.fault.message, result.fault.evidence);
	ck_assert_msg(!row->text || strstr(result.fault.message, row->text), "%s: %s", row->name, result.fault.message);
	ck_assert_msg(!row->evidence || strcmp(result.fault.evidence, row->evidence) == 0, "%s: %s", row->name, result.fault.evidence);
	ck_assert_msg(!row->note || strstr(hand.notes, row->note), "%s: %s", row->name, hand.notes);
	ck_assert_msg(hand.switched == row->switched && hand.modem_told == row->modem_told, "%s: switched %d, told %d", row->name,
		      hand.switched, hand.modem_told);
	ck_assert_str_eq(hand.phases, row->may_be_at_work ? "" : "c12r22");
	ck_assert_msg(!row->log_lacks || !strstr(log, row->log_lacks), "%s: %s", row->name, log);
	ck_assert_msg(!row->log_has || strstr(fake_modem_log_without_at(hand.fake), row->log_has), "%s: %s", row->name, log);
	fake_modem_free(hand.fake);
}
END_TEST

START_TEST(rungs_have_names)
{
	enum restart_rung rung;
	ck_assert_str_eq(restart_rung_name(RESTART_BY_ANY), "auto");
	ck_assert(restart_rung_parse("lines", &rung));
	ck_assert_int_eq(rung, RESTART_BY_LINES);
	ck_assert(!restart_rung_parse("", &rung));
	ck_assert(!restart_rung_parse("usb", &rung));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restart_run");
	TCase *tcase = tcase_create("ladder");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, each_restart_ends_as_it_should, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tcase, rungs_have_names);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
