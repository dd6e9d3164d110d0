/* SPDX-License-Identifier: Apache-2.0
 *
 * field-failures.md F29: the two files of a pair are one job, and nothing resets the modem between them.
 */
#include "tests/unit/upgrade_rig.h"

#include <check.h>

#include "tests/unit/suite_run.h"

#define PAIR                                                                                                                               \
	{                                                                                                                                  \
		.family = FAMILY_MONARCH1, .build = 48829, .size = RIG_IMAGE_SIZE, .second = true, .second_size = RIG_SECOND_SIZE          \
	}
#define PAIR_DIFFERENTIAL                                                                                                                  \
	{                                                                                                                                  \
		.family = FAMILY_MONARCH1, .build = 48829, .size = RIG_IMAGE_SIZE, .second = true, .second_size = RIG_SECOND_SIZE,         \
		.second_base_build = 39529                                                                                                 \
	}

/* After the first file: FIRST is recovery, BETWEEN the application with build 39529. END_STP takes the second file, SECOND is recovery after
 * it, FINAL the application with build 48829. */
enum { FIRST = 6, BETWEEN, AGAIN, END_STP, SECOND, FINAL };

#define APPLICATION(state, release)                                                                                                        \
	SAYS(IN(state), "AT+SMOD?", "2"), SAYS(IN(state), "ATI", "UE5.0.0.0d"), SAYS(IN(state), "ATI1", release),                          \
	    SAYS(IN(state), "AT+CGSN", IMEI)
#define FIRST_FILE                                                                                                                         \
	SAYS(IN(FIRST), "AT+SMOD?", "4"), SAYS(IN(FIRST), "AT+SMUPGRADE?", "+SMUPGRADE: success"),                                         \
	    GOES(IN(FIRST), "AT+SMSWBOOT=1,1", BETWEEN), APPLICATION(BETWEEN, "LR5.1.1.0-39529"), APPLICATION(FINAL, "LR5.2.0.0-48829"),   \
	    SAYS(IN(FINAL), "AT+SMUPGRADE?", "No report")
#define SECOND_ON_THE_FLY                                                                                                                  \
	GOES(IN(BETWEEN), "AT+SMSWBOOT=3,1", AGAIN), SAYS(IN(AGAIN) | IN(SECOND), "AT+SMOD?", "4"), GOES(IN(AGAIN), SMSTPU, END_STP),      \
	    SAYS(IN(SECOND), "AT+SMUPGRADE?", "+SMUPGRADE: success"), GOES(IN(SECOND), "AT+SMSWBOOT=1,1", FINAL)
#define SESSIONS                                                                                                                           \
	{                                                                                                                                  \
		{                                                                                                                          \
			END_STP, SECOND, AGAIN, 8192                                                                                       \
		}                                                                                                                          \
	}
#define PAIR_RUN .stp_next = FIRST, .more_stp = SESSIONS, .firmware = PAIR

static const struct upgrade_case rows[] = {
    {.name = "both on the fly",
     .overrides = {FIRST_FILE, SECOND_ON_THE_FLY},
     PAIR_RUN,
     .verified = true,
     .sessions = 2,
     .bytes = {RIG_IMAGE_SIZE, RIG_SECOND_SIZE},
     .phases = "c8i8p13s13t13a13r13p13+s13+t13+a13+r13+v13",
     .log_has = "AT+SMUPGRADE? | AT+SMOD? | AT+SMSWBOOT=1,1 | AT+SMOD? | " IDENTIFY "AT+SMOD? | " PREPARE_M1 "AT+SMOD? | " IDENTIFY
		"AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | " SEND "AT+SMUPGRADE? | ",
     .log_lacks = "AT^RESET",
     .state = FINAL},
    {.name = "the second is a differential",
     .overrides = {FIRST_FILE, GOES(IN(BETWEEN), "AT+SMSTPU", END_STP), SAYS(IN(SECOND), "AT+SMOD?", "2"),
		   GOES(IN(SECOND), "AT+SMUPGRADE", FINAL)},
     .stp_next = FIRST,
     .more_stp = SESSIONS,
     .firmware = PAIR_DIFFERENTIAL,
     .verified = true,
     .sessions = 2,
     .bytes = {RIG_IMAGE_SIZE, RIG_SECOND_SIZE},
     .log_has = "AT+SMSTPU | AT+SMOD? | AT+SMUPGRADE | AT+SMUPGRADE? | ",
     .log_lacks = "AT^RESET",
     .state = FINAL},
    {.name = "from ffh",
     .start = 12,
     .overrides = {FIRST_FILE,
		   SECOND_ON_THE_FLY,
		   {.in = IN(12), .expect = "AT+SMOD?", .answer = "0\r\nOK\r\n"},
		   {.in = IN(12), .expect = "AT+STP", .answer = "OK\r\n", .next = 13},
		   SAYS(IN(14), "AT+SMOD?", "4"),
		   GOES(IN(14), SMSTPU, STP)},
     .stp_next = FIRST,
     .more_stp = {{END_STP, SECOND, AGAIN, 8192}, {13, 14, 12, 2048}},
     .firmware = {.family = FAMILY_MONARCH1, .build = 48829, .second = true, .helper = true},
     .verified = true,
     .sessions = 3,
     .bytes = {RIG_HELPER_SIZE, RIG_IMAGE_SIZE, RIG_SECOND_SIZE},
     .state = FINAL},
    {.name = "a refused restart between is no reason for a reset",
     .overrides = {{.in = IN(FIRST), .expect = "AT+SMSWBOOT=1,1", .answer = ERROR},
		   {.in = IN(FIRST), .expect = "AT+SMSWBOOT=1,0", .answer = OK},
		   FIRST_FILE,
		   SECOND_ON_THE_FLY},
     PAIR_RUN,
     .power = POWER_CURES,
     .sessions = 1,
     .part_only = true,
     .r = -EPROTO,
     .code = FAULT_BOOT_MODE_REFUSED,
     .text = "restart: the modem in boot mode 4 (recovery) refuses to switch to 2 (fff)",
     .evidence = "AT+SMSWBOOT=1,1: ERROR",
     .log_lacks = "AT^RESET",
     .state = FIRST},
    {.name = "no success yet is no reason for a reset",
     .overrides = {SAYS(IN(FIRST), "AT+SMUPGRADE?", "not success"), FIRST_FILE, SECOND_ON_THE_FLY},
     PAIR_RUN,
     .verified = true,
     .sessions = 2,
     .log_lacks = "AT^RESET",
     .state = FINAL},
    {.name = "another build between",
     .overrides = {APPLICATION(BETWEEN, "LR5.1.1.0-38638"), FIRST_FILE},
     PAIR_RUN,
     .sessions = 1,
     .part_only = true,
     .r = -EPROTO,
     .code = FAULT_RELEASE_MISMATCH,
     .text = "restart: the modem runs LR5.1.1.0-38638 after the first file of the pair, and the second goes on build 39529 only",
     .log_lacks = "AT^RESET",
     .state = BETWEEN},
    {.name = "no build told between",
     .overrides = {SAYS(IN(BETWEEN), "ATI1", "UE5.0.0.0d"), FIRST_FILE},
     PAIR_RUN,
     .sessions = 1,
     .part_only = true,
     .r = -EPROTO,
     .code = FAULT_MODEM_ANSWERS_ERROR,
     .text = "does not tell its release between",
     .log_lacks = "AT^RESET",
     .state = BETWEEN},
    {.name = "another modem between",
     .overrides = {SAYS(IN(BETWEEN), "AT+CGSN", "354347090000000"), FIRST_FILE},
     PAIR_RUN,
     .sessions = 1,
     .part_only = true,
     .r = -EPROTO,
     .code = FAULT_IDENTITY_CHANGED,
     .text = "restart: another modem",
     .state = BETWEEN},
    {.name = "the first file failed",
     .overrides = {SAYS(IN(FIRST), "AT+SMUPGRADE?", "fail 2"), APPLICATION(BETWEEN, "LR5.1.1.0-38638"), FIRST_FILE},
     PAIR_RUN,
     .sessions = 1,
     .part_only = true,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .evidence = "fail 2",
     .state = BETWEEN},
    {.name = "the second is refused: left as it is",
     .overrides = {FIRST_FILE,
		   GOES(IN(BETWEEN), "AT+SMSTPU", END_STP),
		   APPLICATION(SECOND, "LR5.1.1.0-39529"),
		   {.in = IN(SECOND), .expect = "AT+SMUPGRADE", .answer = ERROR}},
     .stp_next = FIRST,
     .more_stp = SESSIONS,
     .firmware = PAIR_DIFFERENTIAL,
     .sessions = 2,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .evidence = "AT+SMUPGRADE: ERROR",
     .log_lacks = "AT^RESET",
     .state = SECOND},
    {.name = "broken off between: the second file",
     .start = BETWEEN,
     .overrides = {FIRST_FILE, SECOND_ON_THE_FLY},
     PAIR_RUN,
     .options = {.resume_phase = PHASE_RESTART, .from_build = 38638, .sent = true},
     .verified = true,
     .sessions = 1,
     .bytes = {RIG_SECOND_SIZE},
     .phases = "c8i8p8+s8+t8+a8+r8+v8",
     .log_lacks = "AT^RESET",
     .state = FINAL},
    {.name = "broken off between, and cancelled: left as it is",
     .start = BETWEEN,
     .overrides = {FIRST_FILE, SECOND_ON_THE_FLY},
     PAIR_RUN,
     .options = {.resume_phase = PHASE_TRANSFER, .from_build = 38638},
     .cancel_at = PHASE_PREPARE,
     .r = -ECANCELED,
     .log_lacks = "AT^RESET",
     .state = BETWEEN},
    {.name = "broken off in recovery: from the first file, whatever was applied",
     .start = FIRST,
     .overrides = {GOES(IN(FIRST), SMSTPU, STP), FIRST_FILE, SECOND_ON_THE_FLY},
     PAIR_RUN,
     .options = {.resume_phase = PHASE_RESTART, .from_build = 38638},
     .verified = true,
     .sessions = 2,
     .bytes = {RIG_IMAGE_SIZE, RIG_SECOND_SIZE},
     .phases = "c8i8t11a11r11p11+s11+t11+a11+r11+v11",
     .log_has = "AT+SMOD? | ATE0 | AT+SMOD? | AT+SMUPGRADE? | AT+SMOD? | " SMSTPU " | ",
     .log_lacks = "AT^RESET",
     .state = FINAL},
};

START_TEST(both_files_or_a_modem_that_is_left_alone)
{
	rig_run(&rows[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade_pair");
	TCase *tcase = tcase_create("upgrade_pair");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, both_files_or_a_modem_that_is_left_alone, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
