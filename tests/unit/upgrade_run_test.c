/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/upgrade_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

static const struct upgrade_case rows[] = {
    {.name = "procedure A",
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .phases = "c8i8p8s8t8a8r8v8",
     .log = "AT+SMOD? | " IDENTIFY "AT+SMOD? | " PREPARE_M1 "AT+SMOD? | " IDENTIFY "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | " SEND ENDED,
     .state = NEW},
    {.name = "procedure B",
     .rules = rig_monarch2,
     .stp_version = 2,
     .firmware = GM02_61488,
     .verified = true,
     .sessions = 1,
     .phases = "c8i8p8s8t8a8r8v8",
     .log = "AT+SMOD? | " IDENTIFY
	    "AT+SMOD? | ATE0 | AT+SMLOG? | AT+SQNSUPGRADENTF=\"started\" | AT+CPSMS=0 | AT+CFUN=5 | AT+SMOD? | " IDENTIFY
	    "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | " SEND ENDED,
     .state = NEW},
    {.name = "from recovery",
     .start = RECOVERY,
     .firmware = CATM1_39529,
     .options = {.from_build = 38638},
     .verified = true,
     .sessions = 1,
     .phases = "c8i8t6a6r6v6",
     .log = "AT+SMOD? | ATE0 | AT+SMOD? | AT+SMUPGRADE? | " SEND ENDED,
     .state = NEW},
    {.name = "raised for the transfer, and restored to what the application had",
     .rate_bps = 115200,
     .overrides = {{.expect = "AT+IPR=921600", .answer = OK}, {.expect = "AT+IPR=115200", .answer = OK}},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_has = "AT+SMSWBOOT=3,1 | AT+SMOD? | AT+IPR=921600 | AT+SMOD? | " SMSTPU " | AT+SMUPGRADE? | AT+SMOD? | AT+SMSWBOOT=1,1 | "
		"AT+SMOD? | AT+SMOD? | " IDENTIFY "AT+CEREG? | AT+SQNSUPGRADENTF=\"success\" | AT+IPR=115200 | ",
     .state = NEW},
    {.name = "raised in recovery: the application keeps its own rate",
     .start = RECOVERY,
     .rate_bps = 115200,
     .overrides = {{.expect = "AT+IPR=921600", .answer = OK}},
     .firmware = CATM1_39529,
     .options = {.from_build = 38638},
     .verified = true,
     .sessions = 1,
     .log_has = "AT+IPR=921600",
     .log_lacks = "AT+IPR=115200",
     .state = NEW},
    {.name = "behind a board that bridges already: its farewell is said once",
     .profile = "pycom",
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .note_once = "Take the board's USB power",
     .state = NEW},
    {.name = "behind a board, and refused: the farewell is said too",
     .profile = "pycom",
     .firmware = {.family = FAMILY_MONARCH1, .build = 38638},
     .r = -EPROTO,
     .code = FAULT_ALREADY_INSTALLED,
     .note_once = "Take the board's USB power",
     .state = APP},
    {.name = "what is not fatal is passed over",
     .overrides = {{.expect = "AT+BIND=AT", .answer = ERROR},
		   {.expect = "AT+SMLOG?", .answer = ERROR},
		   {.expect = "AT+SQNSUPGRADENTF=\"started\"", .answer = ERROR},
		   {.expect = "AT+SQNWL=\"sqndcc\",2", .answer = ERROR},
		   {.expect = "AT+CPSMS=0", .answer = ERROR},
		   {.expect = "AT+SQNSUPGRADENTF=\"success\"", .answer = ERROR}},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .state = NEW},
    {.name = "a radio that does not go quiet",
     .overrides = {{.expect = "AT+CFUN=4", .answer = ERROR}},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_MODEM_ANSWERS_ERROR,
     .text = "prepare: AT+CFUN=4 was refused 3 times",
     .evidence = "ERROR",
     .log_has = "AT+CFUN=4 | AT+CFUN=4 | AT+CFUN=4 | AT+SMOD? | AT^RESET | ",
     .log_lacks = "SMSWBOOT",
     .note_has = "brought back to its application",
     .state = APP},
    {.name = "already installed",
     .firmware = {.family = FAMILY_MONARCH1, .build = 38638},
     .r = -EPROTO,
     .code = FAULT_ALREADY_INSTALLED,
     .text = "already runs LR5.1.1.0-38638",
     .phases = "c8i8",
     .log = "AT+SMOD? | " IDENTIFY,
     .state = APP},
    {.name = "F20: another modem",
     .firmware = CATM1_39529,
     .expected_imei = "354347099999999",
     .r = -EPROTO,
     .code = FAULT_IDENTITY_CHANGED,
     .text = "identify: another modem: its IMEI is " IMEI " and was 354347099999999",
     .log_lacks = "CFUN",
     .state = APP},
    {.name = "F20: the modem is swapped before the switch",
     .overrides = {{.in = IN(APP), .expect = "AT+CFUN=4", .answer = OK, .next = NEW}, SAYS(IN(NEW), "AT+CGSN", "354347090000000")},
     .firmware = CATM1_39529,
     .expected_imei = IMEI,
     .r = -EPROTO,
     .code = FAULT_IDENTITY_CHANGED,
     .text = "switch: another modem",
     .log_lacks = "SMSWBOOT"},
    {.name = "cancelled before the first block",
     .firmware = CATM1_39529,
     .cancel = true,
     .r = -ECANCELED,
     .phases = "c8i8p8s8t8",
     .log_has = "AT+SMSWBOOT=1,1 | ",
     .note_has = "brought back to its application",
     .state = APP},
    {.name = "the store cannot say the phase",
     .firmware = CATM1_39529,
     .phase_error = -ENOSPC,
     .phase_error_at = PHASE_SWITCH,
     .r = -ENOSPC,
     .log_lacks = "SMSWBOOT",
     .note_has = "brought back",
     .state = APP},
    {.name = "a port that is gone brings nothing back",
     .overrides = {{.in = IN(APP), .expect = "AT+CFUN=4", .hang_up = true}},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_PORT_GONE,
     .phases = "c8i8p8",
     .note_lacks = "brought back"},
    {.name = "F37: in the application after all",
     .overrides = {{.in = IN(RECOVERY), .expect = SMSTPU, .answer = ERROR, .next = 6},
		   SAYS(IN(6), "AT+SMOD?", "2"),
		   SAYS(IN(6), "ATI1", "UE5.0.0.0d\r\nLR5.1.1.0-38638"),
		   SAYS(IN(6), "AT+CGSN", IMEI),
		   GOES(IN(6), "AT+SMSWBOOT=3,1", 7),
		   SAYS(IN(7), "AT+SMOD?", "4"),
		   GOES(IN(7), SMSTPU, STP)},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_has = SMSTPU " | AT+SMOD? | AT+SMOD? | " IDENTIFY "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | AT+SMOD? | " SMSTPU " | ",
     .state = NEW},
    {.name = "the OK of AT+SMSTPU is lost",
     .overrides = {{.in = IN(RECOVERY), .expect = SMSTPU, .next = STP}, SAYS(IN(6), "AT+SMOD?", "4"), GOES(IN(6), SMSTPU, STP)},
     .stp_idle = 6,
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_has = SMSTPU " | ",
     .state = NEW},
    {.name = "F40: silent while it erases",
     .deaf_once = true,
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .phases = "c8i8p8s8t8t8+t8a8r8v8",
     .state = NEW},
    {.name = "no STP",
     .overrides = {{.in = IN(RECOVERY), .expect = SMSTPU, .answer = ERROR}},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_STP_REFUSED,
     .text = "transfer: " SMSTPU " was not answered with OK 3 times",
     .evidence = "ERROR",
     .note_has = "brought back",
     .state = APP},
    {.name = "F38: no session",
     .refuse_stp = true,
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_STP_REFUSED,
     .text = "transfer: the modem refused to open a session",
     .note_has = "could not be brought back"},
    {.name = "F49: the report takes its time",
     .overrides = {{.in = IN(DONE), .expect = "AT+SMUPGRADE?", .answer = "\r\nNo report\r\n\r\nOK\r\n", .next = 6},
		   {.in = IN(6), .expect = "AT+SMUPGRADE?", .answer = "\r\n+SMUPGRADE: on-going\r\n\r\nOK\r\n", .next = 7},
		   {.in = IN(7), .expect = "AT+SMUPGRADE?", .answer = OK, .next = 8},
		   {.in = IN(8), .expect = "AT+SMUPGRADE?", .answer = "\0\r\nOK\r\n", .answer_length = 7, .next = 9},
		   {.in = IN(9), .expect = "AT+SMUPGRADE?", .answer = "\r\n+SMUPGRADE: success\r\n\r\nOK\r\n", .next = DONE}},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .state = NEW},
    {.name = "F49: no report for ever",
     .overrides = {SAYS(IN(DONE), "AT+SMUPGRADE?", "No report")},
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_TIMEOUT,
     .text = "apply: the modem did not report the end of the apply in 1 s",
     .evidence = "No report",
     .state = DONE},
    {.name = "silent after the transfer",
     .overrides = {{.in = IN(DONE), .expect = "AT"}},
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_TIMEOUT,
     .text = "in 1 s",
     .state = DONE},
    {.name = "silent after the transfer: no farewell that would cut its power",
     .profile = "pycom",
     .overrides = {{.in = IN(DONE), .expect = "AT"}},
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_TIMEOUT,
     .note_lacks = "USB power",
     .state = DONE},
    {.name = "an earlier run has sent something: no farewell either",
     .profile = "pycom",
     .start = RECOVERY,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_TRANSFER, .sent = true},
     .cancel = true,
     .r = -ECANCELED,
     .note_lacks = "USB power",
     .state = RECOVERY},
    {.name = "F46: no report, but at work in its application",
     .stp_next = NEW,
     .overrides = {SAYS(IN(NEW), "AT+SMUPGRADE?", "No report")},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_lacks = "AT+SMSWBOOT=1,1",
     .state = NEW},
    {.name = "F50: not success until one more reset",
     .overrides = {SAYS(IN(DONE), "AT+SMUPGRADE?", "+SMUPGRADE: not success"), GOES(IN(DONE), "AT^RESET", NEW)},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_has = "AT+SMUPGRADE? | AT^RESET | AT+SMUPGRADE? | ",
     .note_has = "one restart",
     .state = NEW},
    {.name = "F60: failed for the modem, but the release is there",
     .overrides = {SAYS(IN(DONE), "AT+SMUPGRADE?", "+SMUPGRADE: fail 3")},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .note_has = "reports: +SMUPGRADE: fail 3",
     .state = NEW},
    {.name = "F54: the first boot loader stays at the factory build",
     .overrides =
	 {SAYS(IN(NEW), "ATI1", "UE5.0.0.0d"),
	  SAYS(IN(NEW), "AT!=\"showver\"",
	       "    Bootloader0  : 5.1.1.0 [33080]\r\n    Bootloader1* : 5.1.1.0 [39529]\r\n    Software     : 5.1.1.0 [39529] by robot")},
     .firmware = {.family = FAMILY_MONARCH1, .build = 39529},
     .verified = true,
     .sessions = 1,
     .state = NEW},
    {.name = "failed, and the old release is there",
     .overrides = {SAYS(IN(DONE), "AT+SMUPGRADE?", "+SMUPGRADE: fail 3"), GOES(IN(DONE), "AT+SMSWBOOT=1,1", APP)},
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .text = "verify: the modem does not confirm the upgrade and is in boot mode 2 (fff) with LR5.1.1.0-38638",
     .evidence = "+SMUPGRADE: fail 3",
     .state = APP},
    {.name = "failed, and the release that is sent again was there before",
     .overrides = {SAYS(IN(DONE), "AT+SMUPGRADE?", "+SMUPGRADE: fail 3"), SAYS(IN(APP), "ATI1", "LR5.1.1.0-39529")},
     .firmware = CATM1_39529,
     .options = {.force = true},
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .text = "verify: the modem does not confirm the upgrade and is in boot mode 2 (fff) with LR5.1.1.0-39529",
     .evidence = "+SMUPGRADE: fail 3",
     .state = NEW},
    {.name = "failed, and it stays in recovery",
     .overrides = {SAYS(IN(DONE), "AT+SMUPGRADE?", "+SMUPGRADE: fail 3"), {.in = IN(DONE), .expect = "AT+SMSWBOOT=1,1", .answer = OK}},
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .text = "restart: the modem does not confirm the upgrade and is in boot mode 4 (recovery)",
     .state = DONE},
    {.name = "F51: Monarch 2 in recovery again, the same bundle once more",
     .rules = rig_monarch2,
     .stp_version = 2,
     .stp_again = 6,
     .overrides = {{.in = IN(DONE), .expect = "AT+SMSWBOOT=1,1", .answer = OK},
		   GOES(IN(DONE), SMSTPU, STP),
		   SAYS(IN(6), "AT+SMOD?", "4"),
		   SAYS(IN(6), "AT+SMUPGRADE?", "+SMUPGRADE: success"),
		   GOES(IN(6), "AT+SMSWBOOT=1,1", NEW)},
     .firmware = GM02_61488,
     .verified = true,
     .sessions = 2,
     .again = true,
     .phases = "c8i8p8s8t8a8r8t6+a6+r6+v6+",
     .note_has = "the same bundle is sent once more",
     .state = NEW},
    {.name = "F51: ERROR to everything, and only the firmware says that it is a Monarch 2",
     .rules = rig_monarch2,
     .start = RECOVERY,
     .stp_version = 2,
     .overrides = {{.in = IN(RECOVERY), .expect = "AT", .answer = ERROR}, {.in = IN(RECOVERY), .expect = "AT+SMOD?", .answer = ERROR}},
     .firmware = GM02_61488,
     .verified = true,
     .sessions = 1,
     .state = NEW},
    {.name = "Monarch 2 that never leaves recovery: twice and no more",
     .rules = rig_monarch2,
     .stp_version = 2,
     .overrides = {{.in = IN(DONE), .expect = "AT+SMSWBOOT=1,1", .answer = OK}, GOES(IN(DONE), SMSTPU, STP)},
     .firmware = GM02_61488,
     .sessions = 2,
     .again = true,
     .r = -EPROTO,
     .code = FAULT_BOOT_MODE_UNCHANGED,
     .text = "restart: the modem stays in boot mode 4 (recovery) instead of 2 (fff)",
     .phases = "c8i8p8s8t8a8r8t6+a6+r6+",
     .state = DONE},
    {.name = "Monarch 1 that never leaves recovery: once",
     .overrides = {{.in = IN(DONE), .expect = "AT+SMSWBOOT=1,1", .answer = OK}},
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_BOOT_MODE_UNCHANGED,
     .text = "restart: ",
     .state = DONE},
    {.name = "another release than declared",
     .firmware = {.family = FAMILY_MONARCH1, .release = "LR5.1.1.0-39999", .build = 39999},
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_RELEASE_MISMATCH,
     .text = "verify: the modem runs LR5.1.1.0-39529 and the firmware declares LR5.1.1.0-39999 (build 39999)",
     .state = NEW},
    {.name = "nothing declared: done, not verified",
     .firmware = {.family = FAMILY_MONARCH1},
     .verified = false,
     .sessions = 1,
     .state = NEW},
    {.name = "another IMEI afterwards",
     .overrides = {SAYS(IN(NEW), "AT+CGSN", "354347090000000")},
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_IDENTITY_CHANGED,
     .text = "verify: another modem: its IMEI is 354347090000000 and was " IMEI,
     .state = NEW},
    {.name = "the device's IMEI counts where recovery tells none",
     .start = RECOVERY,
     .firmware = CATM1_39529,
     .options = {.from_build = 38638},
     .expected_imei = "354347099999999",
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_IDENTITY_CHANGED,
     .text = "verify: another modem",
     .state = NEW},
    {.name = "neither recovery nor the firmware tells a family, and the modem told it before",
     .start = RECOVERY,
     .firmware = {.release = "LR5.1.1.0-39529", .build = 39529},
     .options = {.from_family = FAMILY_MONARCH1, .from_build = 38638},
     .verified = true,
     .sessions = 1,
     .state = NEW},
    {.name = "nobody ever told a family",
     .start = RECOVERY,
     .firmware = {.release = "LR5.1.1.0-39529", .build = 39529},
     .r = -EPROTO,
     .code = FAULT_BUNDLE_WRONG_FAMILY,
     .text = "neither the modem's family nor the bundle's is known",
     .state = RECOVERY},
    {.name = "a modem in recovery that told another family before",
     .start = RECOVERY,
     .firmware = CATM1_39529,
     .options = {.from_family = FAMILY_MONARCH2},
     .r = -EPROTO,
     .code = FAULT_BUNDLE_WRONG_FAMILY,
     .text = "the bundle is for monarch1 and the modem is a monarch2",
     .state = RECOVERY},
};

START_TEST(each_modem_ends_as_it_should)
{
	rig_run(&rows[_i]);
}
END_TEST

START_TEST(results_tell_before_and_after)
{
	struct fake_modem *fake = rig_start_monarch1();
	const struct upgrade_firmware firmware = CATM1_39529;
	struct profile profile = rig_profile("monarch1");
	struct image *image = rig_image();
	struct transcript *transcript = NULL;
	struct upgrade_result result;

	ck_assert_int_eq(transcript_new(NULL, NULL, &transcript), 0);
	struct upgrade_request request = {.port = fake_modem_port(fake),
					  .profile = &profile,
					  .firmware = &firmware,
					  .image = image,
					  .cancel_fd = -1,
					  .transcript = transcript,
					  .timings = &rig_timings};
	ck_assert_int_eq(upgrade_run(&request, NULL, &result), 0);
	fake_modem_stop(fake);
	ck_assert_str_eq(result.before.release, "LR5.1.1.0-38638");
	ck_assert_str_eq(result.before.imei, IMEI);
	ck_assert_str_eq(result.after.release, "LR5.1.1.0-39529");
	ck_assert_uint_eq(result.after.build, 39529);
	ck_assert_int_eq(result.after.boot_mode, BOOT_MODE_FFF);
	ck_assert_uint_eq(result.stp.version, 1);
	ck_assert_uint_eq(result.stp.block_size, 2016);
	ck_assert_uint_eq(result.stp.blocks, (RIG_IMAGE_SIZE + 2015) / 2016);
	char *text = transcript_text(transcript, NULL);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, " > AT+SMSWBOOT=3,1\n"));
	ck_assert_ptr_nonnull(strstr(text, " < +SMUPGRADE: success\n"));
	ck_assert_ptr_nonnull(strstr(text, " # stp: version 1, plain, blocks of 2016, 20 blocks, "));
	ck_assert_ptr_null(strstr(text, "fast"));
	free(text);
	transcript_free(transcript);
	image_free(image);
	fake_modem_free(fake);
}
END_TEST

static int hear_phase(void *context, enum upgrade_phase phase, size_t step, size_t steps, const char *detail)
{
	char *phases = context;
	size_t used = strlen(phases);

	snprintf(phases + used, 64 - used, "%s %zu of %zu%s, ", upgrade_phase_name(phase), step, steps, detail);
	return 0;
}

START_TEST(a_probe_asks_and_changes_nothing)
{
	static const struct fake_rule showver[] = {SAYS(0, "AT!=\"showver\"", "Bootloader0* : [59577]\r\nSoftware :"), {0}};
	struct fake_script script = {.overrides = showver, .rules = rig_monarch2, .start = APP};
	struct fake_modem *fake = fake_modem_start(&script);
	char phases[64] = "";
	struct upgrade_events events = {.phase = hear_phase, .context = phases};
	struct profile profile = rig_profile(NULL);
	struct upgrade_request request = {.port = fake_modem_port(fake), .profile = &profile, .cancel_fd = -1, .timings = &rig_timings};
	struct upgrade_result result;

	ck_assert_int_eq(probe_run(&request, &events, &result), 0);
	fake_modem_stop(fake);
	ck_assert_str_eq(phases, "connect 1 of 2, identify 2 of 2, ");
	ck_assert_str_eq(fake_modem_log(fake), "AT | AT+SMOD? | " IDENTIFY "AT!=\"showver\" | AT+CEREG? | ");
	ck_assert_str_eq(result.after.release, "LR8.0.5.13-59577");
	ck_assert_int_eq(result.after.family, FAMILY_MONARCH2);
	ck_assert_uint_eq(result.after.rate_bps, 921600);
	ck_assert_str_eq(result.after.imei, IMEI);
	fake_modem_free(fake);
}
END_TEST

START_TEST(no_port_is_a_fault_of_connect)
{
	struct profile profile = rig_profile(NULL);
	struct upgrade_request request = {.port = "/nonexistent/modem", .profile = &profile, .cancel_fd = -1};
	struct upgrade_result result;

	ck_assert_int_eq(probe_run(&request, NULL, &result), -EPROTO);
	ck_assert_int_eq(result.fault.code, FAULT_PORT_GONE);
	ck_assert_msg(strncmp(result.fault.message, "connect: ", 9) == 0, "%s", result.fault.message);
	ck_assert_int_eq(result.after.boot_mode, BOOT_MODE_UNKNOWN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade_run");
	TCase *tcase = tcase_create("upgrade_run");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, each_modem_ends_as_it_should, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tcase, results_tell_before_and_after);
	tcase_add_test(tcase, a_probe_asks_and_changes_nothing);
	tcase_add_test(tcase, no_port_is_a_fault_of_connect);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
