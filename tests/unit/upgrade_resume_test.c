/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs that end before they are done, and jobs that come back.
 */
#include "tests/unit/upgrade_rig.h"

#include <check.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const struct upgrade_case rows[] = {
    {.name = "resumed after the transfer",
     .start = DONE,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY},
     .verified = true,
     .sessions = 0,
     .phases = "c8i8a5r5v5",
     .log = "AT+SMOD? | ATE0 | " ENDED,
     .state = NEW},
    {.name = "resumed after the transfer, cancelled meanwhile",
     .start = DONE,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY},
     .cancel = true,
     .r = -ECANCELED,
     .log = "AT+SMOD? | ATE0 | ",
     .state = DONE},
    {.name = "resumed after a transfer that was lost",
     .start = RECOVERY,
     .overrides = {SAYS(IN(RECOVERY), "AT+SMUPGRADE?", "No report")},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY},
     .verified = true,
     .sessions = 1,
     .phases = "c8i8a5t6+a6+r6+v6+",
     .state = NEW},
    {.name = "resumed after an apply that failed",
     .start = RECOVERY,
     .overrides = {SAYS(IN(RECOVERY), "AT+SMUPGRADE?", "fail")},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_RESTART},
     .verified = true,
     .sessions = 1,
     .phases = "c8i8a5t6+a6+r6+v6+",
     .state = NEW},
    {.name = "resumed, and the success was that of an older upgrade: nothing starts",
     .start = 6,
     .overrides = {SAYS(IN(6), "AT+SMOD?", "4"),
		   SAYS(IN(6), "AT+SMUPGRADE?", "+SMUPGRADE: success"),
		   {.in = IN(6), .expect = "AT+SMSWBOOT=1,1", .answer = OK},
		   GOES(IN(6), SMSTPU, STP)},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY, .sent = true},
     .verified = true,
     .sessions = 1,
     .phases = "c8i8a5r5t6+a6+r6+v6+",
     .state = NEW},
    {.name = "resumed, and the success was that of an older upgrade: the old release starts",
     .start = 6,
     .overrides = {SAYS(IN(6), "AT+SMOD?", "4"), SAYS(IN(6), "AT+SMUPGRADE?", "+SMUPGRADE: success"), GOES(IN(6), "AT+SMSWBOOT=1,1", APP)},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY, .sent = true},
     .verified = true,
     .sessions = 1,
     .phases = "c8i8a5r5v5p8+s8+t8+a8+r8+v8+",
     .state = NEW},
    {.name = "resumed when all was done",
     .start = NEW,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_RESTART},
     .verified = true,
     .phases = "c8i8v3",
     .log = "AT+SMOD? | " IDENTIFY "AT+SMOD? | " IDENTIFY "AT+CEREG? | AT+SQNSUPGRADENTF=\"success\" | ",
     .state = NEW},
    {.name = "resumed when the application has just started: it is given time",
     .start = 6,
     .overrides = {SAYS(IN(6) | IN(7) | IN(8), "AT+SMOD?", "2"),
		   {.in = IN(6), .expect = "AT+CGSN", .answer = ERROR, .next = 7},
		   {.in = IN(7), .expect = "AT+CGSN", .answer = ERROR, .next = 8},
		   {.in = IN(8), .expect = "AT+CGSN", .answer = ERROR, .next = 9},
		   {.in = IN(9), .expect = "AT+CGSN", .answer = ERROR, .next = NEW},
		   SAYS(IN(6) | IN(7) | IN(8) | IN(9), "ATI", "UE5.0.0.0d"),
		   SAYS(IN(6) | IN(7) | IN(8) | IN(9), "ATI1", "LR5.1.1.0-38638"),
		   SAYS(IN(9), "AT+SMOD?", "2")},
     .firmware = CATM1_39529,
     .expected_imei = IMEI,
     .options = {.resume_phase = PHASE_SWITCH, .force = true},
     .identity_ms = 3000,
     .cancel_at = PHASE_PREPARE,
     .r = -ECANCELED,
     .phases = "c8i8p8"},
    {.name = "an IMEI that is not told is no other modem",
     .overrides = {{.in = IN(APP), .expect = "AT+CGSN", .answer = ERROR}},
     .firmware = CATM1_39529,
     .expected_imei = IMEI,
     .r = -EPROTO,
     .code = FAULT_MODEM_ANSWERS_ERROR,
     .text = "identify: the modem does not tell its IMEI, which was " IMEI,
     .log_lacks = "CFUN",
     .state = APP},
    {.name = "in recovery, and what was sent is applied: no second transfer",
     .start = DONE,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER, .sent = true},
     .verified = true,
     .log = "AT+SMOD? | ATE0 | AT+SMOD? | AT+SMUPGRADE? | " ENDED,
     .state = NEW},
    {.name = "in recovery, still at work: waited for",
     .start = 6,
     .overrides = {SAYS(IN(6) | IN(7), "AT+SMOD?", "4"),
		   {.in = IN(6), .expect = "AT+SMUPGRADE?", .answer = "\r\n+SMUPGRADE: on-going\r\n\r\nOK\r\n", .next = 7},
		   {.in = IN(7), .expect = "AT+SMUPGRADE?", .answer = OK, .next = DONE}},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER, .sent = true},
     .verified = true,
     .log_has = "AT+SMUPGRADE? | AT+SMUPGRADE? | AT+SMUPGRADE? | AT+SMUPGRADE? | AT+SMOD? | AT+SMSWBOOT=1,1",
     .note_has = "still at work on what was sent before: +SMUPGRADE: on-going",
     .state = NEW},
    {.name = "in recovery, still at work: not cancelled, not switched",
     .start = RECOVERY,
     .overrides = {SAYS(IN(RECOVERY), "AT+SMUPGRADE?", "+SMUPGRADE: on-going")},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER},
     .cancel = true,
     .r = -ECANCELED,
     .log = "AT+SMOD? | ATE0 | AT+SMOD? | AT+SMUPGRADE? | ",
     .state = RECOVERY},
    {.name = "a helper runs, still at work: waited for, and no second transfer",
     .start = 6,
     .overrides = {SAYS(IN(6) | IN(7), "AT+SMOD?", "1"),
		   {.in = IN(6), .expect = "AT+SMUPGRADE?", .answer = "\r\n+SMUPGRADE: on-going\r\n\r\nOK\r\n", .next = 7},
		   {.in = IN(7), .expect = "AT+SMUPGRADE?", .answer = OK, .next = DONE}},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER, .sent = true},
     .verified = true,
     .log_lacks = "SMSTPU",
     .state = NEW},
    {.name = "a helper runs, and all was sent: its report counts",
     .start = 6,
     .overrides = {SAYS(IN(6), "AT+SMOD?", "1"), SAYS(IN(6), "AT+SMUPGRADE?", "+SMUPGRADE: success"), GOES(IN(6), "AT+SMSWBOOT=1,1", NEW)},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY, .sent = true},
     .verified = true,
     .phases = "c8i8a5r5v5",
     .state = NEW},
    {.name = "a first run meets a modem at work on another's bundle: waited for",
     .start = 6,
     .overrides = {SAYS(IN(6), "AT+SMOD?", "4"),
		   {.in = IN(6), .expect = "AT+SMUPGRADE?", .answer = "\r\n+SMUPGRADE: on-going\r\n\r\nOK\r\n", .next = 7},
		   SAYS(IN(7), "AT+SMOD?", "4"),
		   SAYS(IN(7), "AT+SMUPGRADE?", "+SMUPGRADE: success"),
		   GOES(IN(7), SMSTPU, STP)},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .note_has = "still at work on what was sent before: +SMUPGRADE: on-going",
     .log_has = "AT+SMUPGRADE? | AT+SMUPGRADE? | AT+SMOD? | " SMSTPU,
     .state = NEW},
    {.name = "F28: in recovery nobody sees which build it is",
     .start = RECOVERY,
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .note_has = "found in boot mode 4 (recovery), where no build is told",
     .state = NEW},
    {.name = "a build that was told before needs no such note",
     .start = RECOVERY,
     .firmware = CATM1_39529,
     .options = {.from_build = 38638},
     .verified = true,
     .sessions = 1,
     .note_lacks = "no build is told",
     .state = NEW},
    {.name = "resumed, and silent: connect says what it waits for",
     .start = 6,
     .overrides = {{.in = IN(6), .expect = "AT"}},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER, .sent = true},
     .r = -EPROTO,
     .code = FAULT_MODEM_SILENT,
     .apply_budget_s = 4,
     .detail_has =
	 "leave its power on, the modem may be at work on what was sent; up to 4 s are waited (no answer to AT at 921600 bit/s)\n",
     .phases = "c8c8+",
     .state = 6},
    {.name = "the boot ROM of an earlier run gets the same time",
     .start = 6,
     .overrides = {{.in = IN(6), .expect = "AT"}},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_HELPER, .sent = true},
     .r = -EPROTO,
     .code = FAULT_MODEM_SILENT,
     .apply_budget_s = 4,
     .detail_has = "up to 4 s are waited",
     .state = 6},
    {.name = "silent after a switch, and nothing was sent",
     .start = 6,
     .overrides = {{.in = IN(6), .expect = "AT"}},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_SWITCH},
     .r = -EPROTO,
     .code = FAULT_MODEM_SILENT,
     .detail_has = "the modem may be restarting; up to 2 s are waited",
     .state = 6},
    {.name = "in recovery, at work for ever",
     .start = RECOVERY,
     .overrides = {SAYS(IN(RECOVERY), "AT+SMUPGRADE?", "+SMUPGRADE: on-going")},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER},
     .r = -EPROTO,
     .code = FAULT_APPLY_TIMEOUT,
     .evidence = "+SMUPGRADE: on-going",
     .log_lacks = "SMSTPU",
     .state = RECOVERY},
    {.name = "in recovery, and the success was that of an older upgrade",
     .start = 6,
     .overrides = {SAYS(IN(6), "AT+SMOD?", "4"), SAYS(IN(6), "AT+SMUPGRADE?", "+SMUPGRADE: success"), GOES(IN(6), "AT+SMSWBOOT=1,1", APP)},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER, .sent = true},
     .verified = true,
     .sessions = 1,
     .phases = "c8i8t6a6r6v6p8+s8+t8+a8+r8+v8+",
     .state = NEW},
    {.name = "in recovery, and nothing declared: a report is not trusted",
     .start = 6,
     .overrides = {SAYS(IN(6), "AT+SMOD?", "4"), SAYS(IN(6), "AT+SMUPGRADE?", "+SMUPGRADE: success"), GOES(IN(6), SMSTPU, STP)},
     .firmware = {.family = FAMILY_MONARCH1},
     .options = {.resume_phase = PHASE_TRANSFER, .sent = true},
     .sessions = 1,
     .state = NEW},
    {.name = "an apply that says on-going and then one ERROR is not over",
     .start = DONE,
     .overrides = {{.in = IN(DONE), .expect = "AT+SMUPGRADE?", .answer = "\r\non-going\r\n\r\nOK\r\n", .next = 6},
		   SAYS(IN(6) | IN(7) | IN(8), "AT+SMOD?", "4"),
		   {.in = IN(6), .expect = "AT+SMUPGRADE?", .answer = "\r\non-going\r\n\r\nOK\r\n", .next = 7},
		   {.in = IN(7), .expect = "AT+SMUPGRADE?", .answer = ERROR, .next = 8},
		   SAYS(IN(8), "AT+SMUPGRADE?", "success"),
		   GOES(IN(8), "AT+SMSWBOOT=1,1", NEW)},
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY},
     .no_report_ms = 650,
     .poll_pause_ms = 400,
     .apply_budget_s = 10,
     .verified = true,
     .phases = "c8i8a5r5v5",
     .state = NEW},
    {.name = "the store cannot say the apply: the job goes on",
     .firmware = CATM1_39529,
     .phase_error = -ENOSPC,
     .phase_error_at = PHASE_APPLY,
     .verified = true,
     .sessions = 1,
     .note_has = "the phase apply could not be stored (No space left on device): the job goes on",
     .state = NEW},
    {.name = "planned for recovery, and found in the application at the transfer",
     .start = RECOVERY,
     .overrides = {{.in = IN(RECOVERY), .expect = "ATE0", .answer = OK, .next = APP}},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .phases = "c8i8t6p8s8t8a8r8v8",
     .note_has = "the modem is in boot mode 2 (fff): planned anew from there",
     .log_has = "AT+SMOD? | ATE0 | AT+SMOD? | AT+SMOD? | " IDENTIFY "AT+SMOD? | " PREPARE_M1,
     .state = NEW},
    {.name = "planned for recovery, and another modem is in the application",
     .start = RECOVERY,
     .overrides = {{.in = IN(RECOVERY), .expect = "ATE0", .answer = OK, .next = APP}},
     .firmware = CATM1_39529,
     .expected_imei = "354347099999999",
     .r = -EPROTO,
     .code = FAULT_IDENTITY_CHANGED,
     .log_lacks = "CFUN",
     .state = APP},
    {.name = "planned for recovery, and the application forbids it",
     .start = RECOVERY,
     .overrides = {{.in = IN(RECOVERY), .expect = "ATE0", .answer = OK, .next = APP}},
     .firmware = {.family = FAMILY_MONARCH1, .build = 33988},
     .r = -EPROTO,
     .code = FAULT_DOWNGRADE_REFUSED,
     .log_lacks = "CFUN",
     .state = APP},
    {.name = "a modem that falls back into its application at each AT+SMSTPU",
     .overrides = {{.in = IN(RECOVERY), .expect = SMSTPU, .answer = ERROR, .next = APP}},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_STP_REFUSED,
     .text = "was not answered with OK 3 times",
     .state = APP},
    {.name = "cancelled in a later run: an earlier one took it out of its application",
     .start = RECOVERY,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER},
     .cancel_at = PHASE_CONNECT,
     .cancel_at_connect = true,
     .r = -ECANCELED,
     .log_has = "AT+SMSWBOOT=1,1 | ",
     .note_has = "brought back",
     .state = APP},
    {.name = "cancelled in a later run: something was sent",
     .start = RECOVERY,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER, .sent = true},
     .cancel = true,
     .r = -ECANCELED,
     .log_lacks = "SMSWBOOT",
     .state = RECOVERY},
    {.name = "refused in a later run: the radio was off",
     .firmware = {.family = FAMILY_MONARCH1, .build = 33988},
     .options = {.resume_phase = PHASE_PREPARE},
     .r = -EPROTO,
     .code = FAULT_DOWNGRADE_REFUSED,
     .log_has = "AT^RESET | ",
     .state = APP},
    {.name = "another modem in a later run is left alone",
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_PREPARE},
     .expected_imei = "354347099999999",
     .r = -EPROTO,
     .code = FAULT_IDENTITY_CHANGED,
     .log_lacks = "AT^RESET",
     .state = APP},
};

START_TEST(each_job_is_taken_up_where_the_modem_is)
{
	rig_run(&rows[_i]);
}
END_TEST

/* A cancel that comes by the descriptor. */
struct canceller {
	int fd;
	bool at_no_return;
};

static int cancel_at_transfer(void *context, enum upgrade_phase phase, size_t step, size_t steps, const char *detail)
{
	const struct canceller *canceller = context;

	(void)step, (void)steps, (void)detail;
	if (phase == PHASE_TRANSFER && !canceller->at_no_return)
		ck_assert_int_eq(eventfd_write(canceller->fd, 1), 0);
	return 0;
}

static bool cancel_at_no_return(void *context)
{
	const struct canceller *canceller = context;

	if (canceller->at_no_return)
		ck_assert_int_eq(eventfd_write(canceller->fd, 1), 0);
	return true;
}

/* Before the point of no return the modem goes back to work; after it the descriptor is not looked at. */
START_TEST(the_cancel_descriptor_is_honest)
{
	struct fake_modem *fake = rig_start_monarch1();
	const struct upgrade_firmware firmware = CATM1_39529;
	struct profile profile = rig_profile("monarch1");
	struct image *image = rig_image();
	struct canceller canceller = {eventfd(0, EFD_CLOEXEC), _i == 1};
	struct upgrade_events events = {.phase = cancel_at_transfer, .point_of_no_return = cancel_at_no_return, .context = &canceller};
	struct upgrade_request request = {.port = fake_modem_port(fake),
					  .profile = &profile,
					  .firmware = &firmware,
					  .image = image,
					  .cancel_fd = canceller.fd,
					  .timings = &rig_timings};
	struct upgrade_result result;

	ck_assert_int_eq(upgrade_run(&request, &events, &result), _i == 1 ? 0 : -ECANCELED);
	fake_modem_stop(fake);
	ck_assert_int_eq(fake_modem_state(fake), _i == 1 ? NEW : APP);
	ck_assert_int_eq(result.sent, _i == 1);
	ck_assert_int_eq(result.after.boot_mode, BOOT_MODE_FFF);
	close(canceller.fd);
	image_free(image);
	fake_modem_free(fake);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade_resume");
	TCase *tcase = tcase_create("upgrade_resume");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, each_job_is_taken_up_where_the_modem_is, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(tcase, the_cancel_descriptor_is_honest, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
