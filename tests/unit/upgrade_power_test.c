/* SPDX-License-Identifier: Apache-2.0
 *
 * Restart and power as a cure: field-failures.md F01, F02, F09, and where they are forbidden: F29, F40, F47.
 */
#include "tests/unit/upgrade_rig.h"

#include <check.h>

#include "tests/unit/suite_run.h"

/* DARK holds its line low, MUTE says nothing. */
enum { DARK = 6, MUTE, STUBBORN };
#define LINE_LOW                                                                                                                           \
	{                                                                                                                                  \
		.in = IN(DARK), .expect = "AT", .answer = "\0\0\0\0", .answer_length = 4                                                   \
	}
#define REFUSES(states)                                                                                                                    \
	{.in = states, .expect = "AT+SMSWBOOT=3,1", .answer = ERROR},                                                                      \
	{                                                                                                                                  \
		.in = states, .expect = "AT+SMSWBOOT=3,0", .answer = ERROR                                                                 \
	}
/* An application that a mere restart does not help. */
#define STUBBORN_LIFE                                                                                                                      \
	REFUSES(IN(STUBBORN)), SAYS(IN(STUBBORN), "AT+SMOD?", "2"), SAYS(IN(STUBBORN), "ATI", "UE5.0.0.0d"),                               \
	    SAYS(IN(STUBBORN), "ATI1", "LR5.1.1.0-38638"), SAYS(IN(STUBBORN), "AT+CGSN", IMEI)
#define REFUSED "AT+SMSWBOOT=3,1 | AT+SMSWBOOT=3,0 | AT+SMOD? | "

static const struct upgrade_case rows[] = {
    {.name = "F02: unpowered, cured by its power",
     .start = DARK,
     .overrides = {LINE_LOW},
     .power = POWER_CURES,
     .power_cycles = 1,
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .note_has = "the modem does not answer: its power is cycled",
     .state = NEW},
    {.name = "F01: silent, cured by its power",
     .start = MUTE,
     .overrides = {{.in = IN(MUTE), .expect = "AT"}},
     .power = POWER_CURES,
     .power_cycles = 1,
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .state = NEW},
    {.name = "power does not help",
     .start = DARK,
     .overrides = {LINE_LOW},
     .power = POWER_HELPS_NOT,
     .power_cycles = 1,
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_MODEM_UNPOWERED,
     .text = "the line is held low; its power was cycled, which did not help",
     .state = DARK},
    {.name = "power cannot be cycled",
     .start = DARK,
     .overrides = {LINE_LOW},
     .power = POWER_FAILS,
     .power_cycles = 1,
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_POWER_CYCLE_FAILED,
     .text = "connect: the command ended with 1",
     .state = DARK},
    {.name = "power may not be cycled now",
     .start = DARK,
     .overrides = {LINE_LOW},
     .power = POWER_NOT_NOW,
     .power_cycles = 1,
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_MODEM_UNPOWERED,
     .text = "the line is held low",
     .note_has = "its power is not cycled: its hub has other work",
     .state = DARK},
    {.name = "no method",
     .start = DARK,
     .overrides = {LINE_LOW},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_MODEM_UNPOWERED,
     .state = DARK},
    {.name = "another verdict is no matter of power",
     .start = DARK,
     .overrides = {{.in = IN(DARK), .expect = "AT", .answer = "\xfe\xfd\xfe\xfe"}},
     .power = POWER_CURES,
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_MODEM_WRONG_RATE,
     .state = DARK},
    {.name = "F40: not in a job that was at its transfer",
     .start = DARK,
     .overrides = {LINE_LOW},
     .power = POWER_CURES,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER},
     .r = -EPROTO,
     .code = FAULT_MODEM_UNPOWERED,
     .state = DARK},
    {.name = "nor where something was sent",
     .start = DARK,
     .overrides = {LINE_LOW},
     .power = POWER_CURES,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_HELPER, .sent = true},
     .r = -EPROTO,
     .code = FAULT_MODEM_UNPOWERED,
     .state = DARK},
    {.name = "F47: nor after another job that failed in its apply, and nobody is told to do so",
     .start = DARK,
     .overrides = {LINE_LOW},
     .power = POWER_CURES,
     .may_be_at_work = true,
     .apply_budget_s = 1200,
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_MODEM_UNPOWERED,
     .text = "; an earlier job failed while this modem took its bundle: leave its power on for 20 minutes",
     .state = DARK},

    {.name = "F09: a refused switch, cured by one restart",
     .overrides = {REFUSES(IN(APP)),
		   {.in = IN(APP), .expect = "AT^RESET", .answer = OK, .next = 9},
		   SAYS(IN(9), "AT+SMOD?", "2"),
		   GOES(IN(9), "AT+SMSWBOOT=3,1", RECOVERY)},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .note_has = "it is restarted once and asked again",
     .log_has =
	 REFUSED REFUSED "AT+SMSWBOOT=3,1 | AT+SMSWBOOT=3,0 | AT^RESET | AT+SMOD? | AT+SMOD? | " PREPARE_M1 "AT+SMOD? | AT+SMSWBOOT=3,1 | ",
     .state = NEW},
    {.name = "F09: a refused switch, no method",
     .start = STUBBORN,
     .overrides = {STUBBORN_LIFE},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_BOOT_MODE_REFUSED,
     .text = "switch: the modem in boot mode 2 (fff) refuses to switch to 4 (recovery)",
     .evidence = "AT+SMSWBOOT=3,0: ERROR",
     .log_has = "AT^RESET",
     .state = STUBBORN},
    {.name = "F09: a refused switch, cured by its power",
     .start = STUBBORN,
     .overrides = {STUBBORN_LIFE},
     .power = POWER_CURES,
     .power_cycles = 1,
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .note_has = "the modem refuses to change its boot mode: its power is cycled",
     .state = NEW},
    {.name = "F09: a refused switch, and power does not help",
     .start = STUBBORN,
     .overrides = {STUBBORN_LIFE},
     .power = POWER_HELPS_NOT,
     .power_cycles = 1,
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_BOOT_MODE_REFUSED,
     .text = "; its power was cycled, which did not help",
     .state = STUBBORN},
    {.name = "F47: no power action once it was sent",
     .overrides = {{.in = IN(DONE), .expect = "AT+SMSWBOOT=1,1", .answer = ERROR},
		   {.in = IN(DONE), .expect = "AT+SMSWBOOT=1,0", .answer = ERROR}},
     .power = POWER_CURES,
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_BOOT_MODE_REFUSED,
     .text = "restart: ",
     .log_has = "AT^RESET",
     .state = DONE},
};

START_TEST(power_is_a_cure_before_anything_is_sent)
{
	rig_run(&rows[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade_power");
	TCase *tcase = tcase_create("upgrade_power");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, power_is_a_cure_before_anything_is_sent, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
