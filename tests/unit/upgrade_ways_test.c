/* SPDX-License-Identifier: Apache-2.0
 *
 * Procedures C to F of protocol.md 7 on a scripted peer.
 */
#include "tests/unit/upgrade_rig.h"

#include <check.h>
#include <stdlib.h>

/* FFH answers without the leading CRLF. */
#define FFH_SAYS(states, command, text)                                                                                                    \
	{                                                                                                                                  \
		.in = states, .expect = command, .answer = text "OK\r\n"                                                                   \
	}

#define WITH_HELPER                                                                                                                        \
	{                                                                                                                                  \
		.family = FAMILY_MONARCH1, .release = "LR5.1.1.0-39529", .build = 39529, .size = 40000, .helper = true,                    \
		.helper_family = FAMILY_MONARCH1, .boot_rom = true                                                                         \
	}
#define DIFFERENTIAL                                                                                                                       \
	{                                                                                                                                  \
		.family = FAMILY_MONARCH1, .release = "LR5.1.1.0-39529", .build = 39529, .size = 40000, .base_build = 38638                \
	}

/* The life of a modem in FFH that gets a helper: states FFH, STP of the helper, helper runs. */
enum { FFH = 6, FFH_STP, HELPER, BOOT_ROM_STP, BOOT_ROM, FFH_FAST };
#define FFH_LIFE(mode)                                                                                                                     \
	FFH_SAYS(IN(FFH), "AT+SMOD?", "0\r\n"), {.in = IN(FFH), .expect = "AT+STP", .answer = "OK\r\n", .next = FFH_STP},                  \
	    SAYS(IN(HELPER), "AT+SMOD?", mode), GOES(IN(HELPER), SMSTPU, STP)
#define FFH_SESSIONS                                                                                                                       \
	{                                                                                                                                  \
		{                                                                                                                          \
			FFH_STP, HELPER, FFH, 2048                                                                                         \
		}                                                                                                                          \
	}
#define STARTED "AT+SMOD? | AT+SMOD? | AT+STP | AT+SMOD? | "

/* A factory modem: recovery takes the boot ROM first. */
#define FACTORY_LIFE                                                                                                                       \
	SAYS(IN(APP), "ATI1", "UE5.0.0.0d\r\nLR5.1.1.0-33080"), GOES(IN(RECOVERY), SMSTPU, BOOT_ROM_STP),                                  \
	    SAYS(IN(BOOT_ROM), "AT+SMOD?", "4")
#define FACTORY_SESSIONS                                                                                                                   \
	{                                                                                                                                  \
		{BOOT_ROM_STP, BOOT_ROM, RECOVERY, 8192},                                                                                  \
		{                                                                                                                          \
			FFH_STP, HELPER, FFH, 2048                                                                                         \
		}                                                                                                                          \
	}

/* The way fff: STORED holds a bundle that is not applied. */
enum { STORED = 12, APPLYING };
#define STORE_LIFE                                                                                                                         \
	GOES(IN(APP), "AT+SMSTPU", STP), SAYS(IN(STORED), "AT+SMOD?", "2"), SAYS(IN(STORED), "ATI", "UE5.0.0.0d"),                         \
	    SAYS(IN(STORED), "ATI1", "UE5.0.0.0d\r\nLR5.1.1.0-38638"), SAYS(IN(STORED), "AT+CGSN", IMEI)

static const struct upgrade_case rows[] = {
    {.name = "D: from ffh",
     .start = FFH,
     .overrides = {FFH_LIFE("1")},
     .more_stp = FFH_SESSIONS,
     .firmware = WITH_HELPER,
     .verified = true,
     .sessions = 2,
     .bytes = {RIG_HELPER_SIZE, RIG_IMAGE_SIZE},
     .largest_block = 2016,
     .phases = "c8i8h7+t7a7r7v7",
     .log = "AT+SMOD? | " STARTED SEND ENDED,
     .state = NEW},
    {.name = "D: the helper runs as recovery",
     .start = FFH,
     .overrides = {FFH_LIFE("4")},
     .more_stp = FFH_SESSIONS,
     .firmware = WITH_HELPER,
     .verified = true,
     .sessions = 2,
     .state = NEW},
    {.name = "D: raised to 921600 before AT+STP",
     .start = FFH,
     .rate_bps = 115200,
     .overrides = {{.in = IN(FFH), .expect = "AT", .answer = "OK\r\n", .rate_bps = 115200},
		   {.in = IN(FFH), .expect = "AT"},
		   FFH_SAYS(IN(FFH) | IN(FFH_FAST), "AT+SMOD?", "0\r\n"),
		   {.in = IN(FFH), .expect = "AT+IPR=921600", .answer = "OK\r\n", .next = FFH_FAST, .rate_bps = 115200},
		   {.in = IN(FFH_FAST), .expect = "AT", .answer = "OK\r\n", .rate_bps = 921600},
		   {.in = IN(FFH_FAST), .expect = "AT"},
		   {.in = IN(FFH_FAST), .expect = "AT+STP", .answer = "OK\r\n", .next = FFH_STP, .rate_bps = 921600},
		   SAYS(IN(HELPER), "AT+SMOD?", "1"),
		   GOES(IN(HELPER), SMSTPU, STP)},
     .more_stp = FFH_SESSIONS,
     .firmware = WITH_HELPER,
     .verified = true,
     .sessions = 2,
     .log_has = "AT+SMOD? | AT+SMOD? | AT+IPR=921600 | AT+SMOD? | AT+STP | ",
     .state = NEW},
    {.name = "D: the helper comes up at the other rate",
     .start = FFH,
     .overrides = {FFH_LIFE("1"), {.in = IN(HELPER), .expect = "AT", .answer = OK, .rate_bps = 115200}, {.in = IN(HELPER), .expect = "AT"}},
     .rate_bps = 115200,
     .more_stp = FFH_SESSIONS,
     .firmware = WITH_HELPER,
     .verified = true,
     .sessions = 2,
     .state = NEW},
    {.name = "F48: the helper never answers",
     .start = FFH,
     .overrides = {FFH_LIFE("1"), {.in = IN(HELPER), .expect = "AT"}},
     .more_stp = FFH_SESSIONS,
     .firmware = WITH_HELPER,
     .sessions = 1,
     .unsent = true,
     .r = -EPROTO,
     .code = FAULT_HELPER_NOT_STARTING,
     .text = "helper: the helper was loaded and does not answer AT",
     .state = HELPER},
    {.name = "F48: it stays in ffh",
     .start = FFH,
     .overrides = {FFH_LIFE("0")},
     .more_stp = FFH_SESSIONS,
     .firmware = WITH_HELPER,
     .sessions = 1,
     .unsent = true,
     .r = -EPROTO,
     .code = FAULT_HELPER_NOT_STARTING,
     .text = "boot mode 0 (ffh) still",
     .state = HELPER},
    {.name = "D: AT+STP is refused",
     .start = FFH,
     .overrides = {FFH_SAYS(IN(FFH), "AT+SMOD?", "0\r\n"), {.in = IN(FFH), .expect = "AT+STP", .answer = "ERROR\r\n"}},
     .firmware = WITH_HELPER,
     .r = -EPROTO,
     .code = FAULT_STP_REFUSED,
     .text = "helper: AT+STP was not answered with OK 3 times",
     .evidence = "ERROR",
     .state = FFH},
    {.name = "D: cancelled before the bundle",
     .start = FFH,
     .overrides = {FFH_LIFE("1")},
     .more_stp = FFH_SESSIONS,
     .firmware = WITH_HELPER,
     .cancel = true,
     .sessions = 1,
     .unsent = true,
     .r = -ECANCELED,
     .log_lacks = "SMSWBOOT",
     .state = RECOVERY},
    {.name = "D: cancelled before the helper",
     .start = FFH,
     .overrides = {FFH_LIFE("1")},
     .more_stp = FFH_SESSIONS,
     .firmware = WITH_HELPER,
     .cancel_at = PHASE_HELPER,
     .r = -ECANCELED,
     .log_lacks = "AT+STP",
     .state = FFH},
    {.name = "no helper given",
     .start = FFH,
     .overrides = {FFH_LIFE("1")},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_HELPER_NEEDED,
     .log_lacks = "AT+STP",
     .state = FFH},
    {.name = "F35: the wrong helper",
     .start = FFH,
     .overrides = {FFH_LIFE("1")},
     .firmware = {.family = FAMILY_MONARCH1, .build = 39529, .helper = true, .helper_family = FAMILY_MONARCH2},
     .r = -EPROTO,
     .code = FAULT_HELPER_MISMATCH,
     .log = "AT+SMOD? | ",
     .state = FFH},
    {.name = "F19: a helper that is not needed",
     .firmware = WITH_HELPER,
     .verified = true,
     .sessions = 1,
     .note_has = "the helper is not needed: the modem is in boot mode 2 (fff)",
     .phases = "c8i8p8s8t8a8r8v8",
     .state = NEW},
    {.name = "mode 1: the helper runs already",
     .start = HELPER,
     .overrides = {FFH_LIFE("1")},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .phases = "c8i8t6a6r6v6",
     .state = NEW},
    {.name = "mode 3 is treated like recovery",
     .start = HELPER,
     .overrides = {FFH_LIFE("3")},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .state = NEW},

    {.name = "E: a factory modem",
     .overrides = {FACTORY_LIFE, SAYS(IN(BOOT_ROM), "AT+SMUPGRADE?", "+SMUPGRADE: success"), GOES(IN(BOOT_ROM), "AT+SMSWBOOT=0,1", FFH),
		   FFH_LIFE("1")},
     .more_stp = FACTORY_SESSIONS,
     .firmware = WITH_HELPER,
     .verified = true,
     .sessions = 3,
     .bytes = {RIG_BOOT_ROM_SIZE, RIG_HELPER_SIZE, RIG_IMAGE_SIZE},
     .phases = "c8i8p11s11h11+h11+h11+t11a11r11v11",
     .log_has = "AT+SMSWBOOT=3,1 | AT+SMOD? | AT+SMOD? | AT+SMOD? | " SMSTPU
		" | AT+SMOD? | AT+SMUPGRADE? | AT+SMOD? | AT+SMSWBOOT=0,1 | AT+SMOD? | " STARTED SEND ENDED,
     .state = NEW},
    {.name = "E: AT+SMSWBOOT=0,1 is refused, 0,0 is not",
     .overrides = {FACTORY_LIFE,
		   SAYS(IN(BOOT_ROM), "AT+SMUPGRADE?", "+SMUPGRADE: success"),
		   {.in = IN(BOOT_ROM), .expect = "AT+SMSWBOOT=0,1", .answer = ERROR},
		   {.in = IN(BOOT_ROM), .expect = "AT+SMSWBOOT=0,0", .answer = OK},
		   GOES(IN(BOOT_ROM), "AT^RESET", FFH),
		   FFH_LIFE("1")},
     .more_stp = FACTORY_SESSIONS,
     .firmware = WITH_HELPER,
     .verified = true,
     .sessions = 3,
     .log_has = "AT+SMSWBOOT=0,1 | AT+SMSWBOOT=0,0 | AT^RESET | ",
     .state = NEW},
    {.name = "E: the boot ROM is not taken",
     .overrides = {FACTORY_LIFE, SAYS(IN(BOOT_ROM), "AT+SMUPGRADE?", "+SMUPGRADE: fail 7")},
     .more_stp = FACTORY_SESSIONS,
     .firmware = WITH_HELPER,
     .sessions = 1,
     .part_only = true,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .text = "helper: the modem did not take the boot ROM package",
     .evidence = "+SMUPGRADE: fail 7",
     .bytes = {RIG_BOOT_ROM_SIZE},
     .log_lacks = "AT+SMSWBOOT=0",
     .state = BOOT_ROM},
    {.name = "E: no way back from the boot ROM's first block",
     .overrides = {FACTORY_LIFE},
     .more_stp = FACTORY_SESSIONS,
     .firmware = WITH_HELPER,
     .cancel = true,
     .r = -ECANCELED,
     .log_has = "AT+SMSWBOOT=1,1 | ",
     .state = APP},
    {.name = "F11: back in the application after the boot ROM: planned anew",
     .overrides = {FACTORY_LIFE,
		   SAYS(IN(BOOT_ROM), "AT+SMUPGRADE?", "+SMUPGRADE: success"),
		   {.in = IN(BOOT_ROM), .expect = "AT+SMSWBOOT=0,1", .answer = OK, .next = 20},
		   SAYS(IN(20), "AT+SMOD?", "2"),
		   SAYS(IN(20), "ATI1", "UE5.0.0.0d\r\nLR5.1.1.0-33080"),
		   SAYS(IN(20), "AT+CGSN", IMEI),
		   {.in = IN(20), .expect = "AT+SMSWBOOT=0,1", .answer = ERROR},
		   {.in = IN(20), .expect = "AT+SMSWBOOT=0,0", .answer = ERROR},
		   GOES(IN(20), "AT+SMSWBOOT=3,1", 21),
		   SAYS(IN(21), "AT+SMOD?", "4"),
		   GOES(IN(21), SMSTPU, 22),
		   SAYS(IN(23), "AT+SMOD?", "4"),
		   SAYS(IN(23), "AT+SMUPGRADE?", "+SMUPGRADE: success"),
		   GOES(IN(23), "AT+SMSWBOOT=0,1", FFH),
		   FFH_LIFE("1")},
     .more_stp = {{BOOT_ROM_STP, BOOT_ROM, RECOVERY, 8192}, {FFH_STP, HELPER, FFH, 2048}, {22, 23, 21, 8192}},
     .firmware = WITH_HELPER,
     .verified = true,
     .sessions = 4,
     .bytes = {RIG_BOOT_ROM_SIZE, RIG_BOOT_ROM_SIZE, RIG_HELPER_SIZE, RIG_IMAGE_SIZE},
     .note_has = "the modem is in boot mode 2 (fff): planned anew from there",
     .state = NEW},
    {.name = "E: broken off before the boot ROM",
     .start = RECOVERY,
     .overrides = {FACTORY_LIFE, SAYS(IN(BOOT_ROM), "AT+SMUPGRADE?", "+SMUPGRADE: success"), GOES(IN(BOOT_ROM), "AT+SMSWBOOT=0,1", FFH),
		   FFH_LIFE("1")},
     .more_stp = FACTORY_SESSIONS,
     .firmware = WITH_HELPER,
     .options = {.resume_phase = PHASE_HELPER, .from_build = 33080},
     .verified = true,
     .sessions = 3,
     .phases = "c8i8h9+h9+h9+t9a9r9v9",
     .state = NEW},
    {.name = "E: the boot ROM brings the modem to ffh by itself",
     .overrides = {FACTORY_LIFE, FFH_LIFE("1")},
     .more_stp = {{BOOT_ROM_STP, FFH, RECOVERY, 8192}, {FFH_STP, HELPER, FFH, 2048}},
     .firmware = WITH_HELPER,
     .verified = true,
     .sessions = 3,
     .log_lacks = "AT+SMSWBOOT=0",
     .state = NEW},

    {.name = "C: a differential",
     .overrides = {STORE_LIFE, GOES(IN(STORED), "AT+SMUPGRADE", NEW)},
     .stp_next = STORED,
     .firmware = DIFFERENTIAL,
     .verified = true,
     .sessions = 1,
     .phases = "c8i8p7t7a7r7v7",
     .log = "AT+SMOD? | " IDENTIFY "AT+SMOD? | " PREPARE_M1
	    "AT+SMOD? | AT+SMSTPU | AT+SMOD? | AT+SMUPGRADE | AT+SMUPGRADE? | AT+SMOD? | " IDENTIFY "AT+SMOD? | " IDENTIFY "AT+CEREG? | "
	    "AT+SQNSUPGRADENTF=\"success\" | ",
     .state = NEW},
    {.name = "C: a small bundle, asked for",
     .overrides = {STORE_LIFE, GOES(IN(STORED), "AT+SMUPGRADE", NEW)},
     .stp_next = STORED,
     .firmware = CATM1_39529,
     .options = {.way = WAY_FFF},
     .verified = true,
     .sessions = 1,
     .log_lacks = "SMSWBOOT",
     .state = NEW},
    {.name = "C: the OK of AT+SMUPGRADE comes late, and it restarts",
     .overrides = {STORE_LIFE,
		   {.in = IN(STORED), .expect = "AT+SMUPGRADE", .next = APPLYING},
		   {.in = IN(APPLYING), .expect = "AT", .answer = OK, .next = NEW}},
     .stp_next = STORED,
     .firmware = DIFFERENTIAL,
     .verified = true,
     .sessions = 1,
     .state = NEW},
    {.name = "C: applied, and shown after a reset only",
     .overrides = {STORE_LIFE,
		   {.in = IN(STORED), .expect = "AT+SMUPGRADE", .answer = OK},
		   SAYS(IN(STORED), "AT+SMUPGRADE?", "No report"),
		   GOES(IN(STORED), "AT^RESET", NEW)},
     .stp_next = STORED,
     .firmware = DIFFERENTIAL,
     .verified = true,
     .sessions = 1,
     .log_has = "AT+SMUPGRADE | AT+SMUPGRADE? | AT+SMOD? | " IDENTIFY "AT^RESET | AT+SMOD? | ",
     .state = NEW},
    {.name = "F46: it comes up in recovery",
     .overrides = {STORE_LIFE, GOES(IN(STORED), "AT+SMUPGRADE", DONE)},
     .stp_next = STORED,
     .firmware = DIFFERENTIAL,
     .verified = true,
     .sessions = 1,
     .log_has = "AT+SMSWBOOT=1,1 | ",
     .state = NEW},
    {.name = "C: a bundle that is refused",
     .overrides = {STORE_LIFE,
		   {.in = IN(STORED), .expect = "AT+SMUPGRADE", .answer = ERROR},
		   SAYS(IN(STORED), "AT+SMUPGRADE?", "+SMUPGRADE: success")},
     .stp_next = STORED,
     .firmware = DIFFERENTIAL,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .text = "boot mode 2 (fff) with LR5.1.1.0-38638",
     .evidence = "AT+SMUPGRADE: ERROR",
     .state = STORED},
    {.name = "F60: refused, and yet the new release is there",
     .overrides = {STORE_LIFE, {.in = IN(STORED), .expect = "AT+SMUPGRADE", .answer = ERROR, .next = NEW}},
     .stp_next = STORED,
     .firmware = DIFFERENTIAL,
     .verified = true,
     .sessions = 1,
     .note_has = "the modem refuses what it was sent: AT+SMUPGRADE: ERROR",
     .state = NEW},
    {.name = "C: cancelled once all is stored",
     .overrides = {STORE_LIFE, GOES(IN(STORED), "AT^RESET", APP)},
     .stp_next = STORED,
     .firmware = DIFFERENTIAL,
     .cancel = true,
     .sessions = 1,
     .r = -ECANCELED,
     .log_lacks = "AT+SMUPGRADE",
     .log_has = "AT^RESET | ",
     .note_has = "brought back",
     .state = APP},
    {.name = "C: cancelled when the apply begins, by the descriptor",
     .overrides = {STORE_LIFE, GOES(IN(STORED), "AT^RESET", APP)},
     .stp_next = STORED,
     .firmware = DIFFERENTIAL,
     .cancel_at = PHASE_APPLY,
     .sessions = 1,
     .r = -ECANCELED,
     .log_lacks = "AT+SMUPGRADE",
     .state = APP},
    {.name = "C: an apply that an earlier run began is waited for",
     .start = STORED,
     .overrides = {STORE_LIFE,
		   {.in = IN(STORED), .expect = "AT+SMUPGRADE?", .answer = "\r\non-going\r\n\r\nOK\r\n", .next = APPLYING},
		   SAYS(IN(APPLYING), "AT+SMOD?", "2"),
		   {.in = IN(APPLYING), .expect = "AT+SMUPGRADE?", .answer = "\r\nfail\r\n\r\nOK\r\n", .next = APP}},
     .stp_next = 14,
     .firmware = DIFFERENTIAL,
     .options = {.resume_phase = PHASE_APPLY},
     .cancel = true,
     .r = -ECANCELED,
     .log_lacks = "AT^RESET",
     .note_has = "still at work on what was sent before: on-going",
     .state = APPLYING},

    {.name = "F: the old way",
     .overrides = {GOES(IN(APP), SMSTPU, STP),
		   SAYS(IN(6) | IN(7), "AT+SMOD?", "2"),
		   {.in = IN(6), .expect = "AT+SMSWBOOT=1,0", .answer = OK},
		   GOES(IN(6), "AT^RESET", 7),
		   {.in = IN(7), .expect = "AT+SMUPGRADE", .answer = OK},
		   SAYS(IN(7), "AT+SMUPGRADE?", "No report"),
		   GOES(IN(7), "AT^RESET", NEW)},
     .stp_next = 6,
     .firmware = CATM1_39529,
     .options = {.way = WAY_LEGACY},
     .verified = true,
     .sessions = 1,
     .phases = "c8i8p7t7a7r7v7",
     .log = "AT+SMOD? | " IDENTIFY "AT+SMOD? | " PREPARE_M1 "AT+SMOD? | " SMSTPU
	    " | AT+SMSWBOOT=1,0 | AT^RESET | AT+SMUPGRADE | AT+SMUPGRADE? | AT+SMOD? | AT^RESET | AT+SMOD? | AT+SMOD? | " IDENTIFY
	    "AT+CEREG? | "
	    "AT+SQNSUPGRADENTF=\"success\" | ",
     .state = NEW},
    {.name = "F: refused at the end",
     .overrides = {GOES(IN(APP), SMSTPU, STP),
		   SAYS(IN(6), "AT+SMOD?", "2"),
		   {.in = IN(6), .expect = "AT+SMSWBOOT=1,0", .answer = ERROR},
		   {.in = IN(6), .expect = "AT+SMUPGRADE", .answer = ERROR},
		   SAYS(IN(6), "ATI1", "LR5.1.1.0-38638"),
		   SAYS(IN(6), "AT+CGSN", IMEI)},
     .stp_next = 6,
     .firmware = CATM1_39529,
     .options = {.way = WAY_LEGACY},
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .evidence = "AT+SMUPGRADE: ERROR",
     .state = 6},
};

START_TEST(each_procedure_ends_as_it_should)
{
	rig_run(&rows[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade_ways");
	TCase *tcase = tcase_create("upgrade_ways");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, each_procedure_ends_as_it_should, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
