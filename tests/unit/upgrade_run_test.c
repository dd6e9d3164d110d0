/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake_modem.h"
#include "transport/modem/upgrade_run.h"
#include "transport/modem/upgrade_steps.h"

static const struct modem_timings quick = {
    .probe_ms = 60,
    .alive_probe_ms = 60,
    .escape_guard_ms = 20,
    .escape_after_ms = 20,
    .refusal_pause_ms = 30,
    .settle_ms = 20,
    .unchanged_ms = 60,
    .poll_pause_ms = 20,
    .flush_ms = 20,
    .stp_answer_ms = 1000,
    .no_report_ms = 100,
    .identity_ms = 100,
    .bring_back_ms = 200,
};

#define OK     "\r\nOK\r\n"
#define ERROR  "\r\nERROR\r\n"
#define IMEI   "354347091234567"
#define SMSTPU "AT+SMSTPU=\"ON_THE_FLY\""

/* The life of a modem that is upgraded. STP is a state of its own. */
enum { APP = 1, RECOVERY, STP, DONE, NEW };

#define SAYS(states, command, text)                                                                                                        \
	{                                                                                                                                  \
		.in = states, .expect = command, .answer = "\r\n" text "\r\n\r\nOK\r\n"                                                    \
	}
#define GOES(states, command, state)                                                                                                       \
	{                                                                                                                                  \
		.in = states, .expect = command, .answer = OK, .next = state                                                               \
	}

#define COMMON_RULES                                                                                                                       \
	{.expect = "AT", .answer = OK}, {.expect = "ATE0", .answer = OK}, {.expect = "AT+SMLOG?", .answer = OK},                           \
	    {.expect = "AT+SQNSUPGRADENTF=\"started\"", .answer = OK}, {.expect = "AT+SQNSUPGRADENTF=\"success\"", .answer = OK},          \
	    {.expect = "AT+CPSMS=0", .answer = OK}, SAYS(IN(APP) | IN(NEW), "AT+SMOD?", "2"),                                              \
	    SAYS(IN(RECOVERY) | IN(DONE), "AT+SMOD?", "4"), SAYS(IN(APP) | IN(NEW), "AT+CGSN", IMEI),                                      \
	    GOES(IN(APP), "AT+SMSWBOOT=3,1", RECOVERY), GOES(IN(RECOVERY), SMSTPU, STP), GOES(IN(RECOVERY), "AT+SMSWBOOT=1,1", APP),       \
	    SAYS(IN(DONE) | IN(NEW), "AT+SMUPGRADE?", "+SMUPGRADE: success"), GOES(IN(DONE), "AT+SMSWBOOT=1,1", NEW),                      \
	{                                                                                                                                  \
		.expect = "AT^RESET", .answer = OK                                                                                         \
	}

static const struct fake_rule monarch1[] = {
    COMMON_RULES,
    {.expect = "AT+BIND=AT", .answer = OK},
    {.expect = "AT+SQNWL=\"sqndcc\",2", .answer = OK},
    {.expect = "AT+CFUN=4", .answer = OK},
    SAYS(IN(APP) | IN(NEW), "ATI", "SEQUANS Communications\r\nVZM20Q\r\nUE5.0.0.0d"),
    SAYS(IN(APP), "ATI1", "UE5.0.0.0d\r\nLR5.1.1.0-38638"),
    SAYS(IN(NEW), "ATI1", "UE5.0.0.0d\r\nLR5.1.1.0-39529"),
    {0},
};

static const struct fake_rule monarch2[] = {
    COMMON_RULES,
    {.expect = "AT+CFUN=5", .answer = OK},
    SAYS(IN(APP) | IN(NEW), "ATI", "SEQUANS Communications\r\nGM02S"),
    SAYS(IN(APP), "ATI1", "UE8.0.5.13\r\nLR8.0.5.13-59577"),
    SAYS(IN(NEW), "ATI1", "UE8.2.1.0\r\nLR8.2.1.0-61488"),
    {0},
};

#define CATM1_39529                                                                                                                        \
	{                                                                                                                                  \
		.family = FAMILY_MONARCH1, .release = "LR5.1.1.0-39529", .build = 39529, .size = 40000                                     \
	}
#define GM02_61488                                                                                                                         \
	{                                                                                                                                  \
		.family = FAMILY_MONARCH2, .build = 61488, .size = 40000                                                                   \
	}

#define PREPARE_M1 "AT+BIND=AT | ATE0 | AT+SMLOG? | AT+SQNSUPGRADENTF=\"started\" | AT+SQNWL=\"sqndcc\",2 | AT+CPSMS=0 | AT+CFUN=4 | "
#define SEND       "AT+SMOD? | " SMSTPU " | "
#define IDENTIFY   "ATE0 | ATI | ATI1 | AT+CGSN | "
#define ENDED      "AT+SMUPGRADE? | AT+SMOD? | AT+SMSWBOOT=1,1 | AT+SMOD? | AT+SMOD? | " IDENTIFY "AT+SQNSUPGRADENTF=\"success\" | "

struct row {
	const char *name;
	const struct fake_rule *rules; /* NULL: monarch1 */
	struct fake_rule overrides[8];
	int start;           /* 0: APP */
	uint8_t stp_version; /* 0: 1 */
	int stp_next;        /* 0: DONE */
	int stp_again;
	const char *profile; /* NULL: auto */
	struct upgrade_firmware firmware;
	struct upgrade_options options;
	const char *expected_imei;
	bool cancel; /* at the point of no return */
	int phase_error;
	enum upgrade_phase phase_error_at;
	bool refuse_stp;

	int r;
	enum fault_code code;
	const char *text;
	const char *evidence;
	bool verified;
	int sessions;       /* that brought the image */
	const char *phases; /* first letters, with a digit of the steps; s: switch; a + after a phase that has a detail */
	const char *log;    /* without plain AT; NULL: not looked at */
	const char *log_has;
	const char *log_lacks;
	const char *note_has;
	int state; /* of the modem afterwards; 0: not looked at */
};

static const struct row rows[] = {
    {.name = "procedure A",
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .phases = "c8i8p8s8t8a8r8v8",
     .log = "AT+SMOD? | " IDENTIFY "AT+SMOD? | " PREPARE_M1 "AT+SMOD? | " IDENTIFY "AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | " SEND ENDED,
     .state = NEW},
    {.name = "procedure B",
     .rules = monarch2,
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
     .verified = true,
     .sessions = 1,
     .phases = "c8i8t6a6r6v6",
     .log = "AT+SMOD? | ATE0 | " SEND ENDED,
     .state = NEW},
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
     .log_has = "AT+CFUN=4 | AT+CFUN=4 | AT+CFUN=4 | ",
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
    {.name = "F37: in the application after all",
     .overrides = {{.in = IN(RECOVERY), .expect = SMSTPU, .answer = ERROR, .next = 6},
		   SAYS(IN(6), "AT+SMOD?", "2"),
		   GOES(IN(6), "AT+SMSWBOOT=3,1", 7),
		   SAYS(IN(7), "AT+SMOD?", "4"),
		   GOES(IN(7), SMSTPU, STP)},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_has = SMSTPU " | AT+SMOD? | AT+SMOD? | AT+SMSWBOOT=3,1 | AT+SMOD? | " SMSTPU " | ",
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
    {.name = "failed, and the old release is there",
     .overrides = {SAYS(IN(DONE), "AT+SMUPGRADE?", "+SMUPGRADE: fail 3"), GOES(IN(DONE), "AT+SMSWBOOT=1,1", APP)},
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .text = "verify: the modem does not confirm the upgrade and is in boot mode 2 (fff) with LR5.1.1.0-38638",
     .evidence = "+SMUPGRADE: fail 3",
     .state = APP},
    {.name = "failed, and it stays in recovery",
     .overrides = {SAYS(IN(DONE), "AT+SMUPGRADE?", "+SMUPGRADE: fail 3"), {.in = IN(DONE), .expect = "AT+SMSWBOOT=1,1", .answer = OK}},
     .firmware = CATM1_39529,
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_APPLY_FAILED,
     .text = "restart: the modem does not confirm the upgrade and is in boot mode 4 (recovery)",
     .state = DONE},
    {.name = "F51: Monarch 2 in recovery again, the same bundle once more",
     .rules = monarch2,
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
     .phases = "c8i8p8s8t8a8r8t6+a6+r6+v6+",
     .state = NEW},
    {.name = "Monarch 2 that never leaves recovery: twice and no more",
     .rules = monarch2,
     .stp_version = 2,
     .overrides = {{.in = IN(DONE), .expect = "AT+SMSWBOOT=1,1", .answer = OK}, GOES(IN(DONE), SMSTPU, STP)},
     .firmware = GM02_61488,
     .sessions = 2,
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
     .expected_imei = "354347099999999",
     .sessions = 1,
     .r = -EPROTO,
     .code = FAULT_IDENTITY_CHANGED,
     .text = "verify: another modem",
     .state = NEW},
    {.name = "resumed after the transfer",
     .start = DONE,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_APPLY},
     .verified = true,
     .sessions = 0,
     .phases = "c8i8a5r5v5",
     .log = "AT+SMOD? | ATE0 | " ENDED,
     .state = NEW},
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
    {.name = "resumed when all was done",
     .start = NEW,
     .firmware = CATM1_39529,
     .options = {.resume_phase = PHASE_RESTART},
     .verified = true,
     .phases = "c8i8v3",
     .log = "AT+SMOD? | " IDENTIFY "AT+SMOD? | " IDENTIFY "AT+SQNSUPGRADENTF=\"success\" | ",
     .state = NEW},
};

#define IMAGE_SIZE 40000u

struct ears {
	const struct row *row;
	char phases[128];
	char notes[4096];
	int crossings;
	uint64_t done;
	bool backwards;
	struct modem_info modem;
};

static int hear_phase(void *context, enum upgrade_phase phase, size_t step, size_t steps, const char *detail)
{
	struct ears *ears = context;
	size_t used = strlen(ears->phases);

	ck_assert_uint_ge(step, 1);
	ck_assert_uint_le(step, steps);
	if (ears->row->phase_error && phase == ears->row->phase_error_at)
		return ears->row->phase_error;
	snprintf(ears->phases + used, sizeof(ears->phases) - used, "%c%zu%s", upgrade_phase_name(phase)[0], steps, detail[0] ? "+" : "");
	return 0;
}

static void hear_progress(void *context, const struct stp_progress *progress)
{
	struct ears *ears = context;

	ears->backwards = ears->backwards || progress->bytes_done < ears->done;
	ears->done = progress->bytes_done;
	ck_assert_uint_eq(progress->bytes_total, IMAGE_SIZE);
}

static void hear_modem(void *context, const struct modem_info *info)
{
	((struct ears *)context)->modem = *info;
}

static void hear_note(void *context, const char *text)
{
	struct ears *ears = context;
	size_t used = strlen(ears->notes);

	snprintf(ears->notes + used, sizeof(ears->notes) - used, "%s\n", text);
}

static bool hear_no_return(void *context)
{
	struct ears *ears = context;

	ears->crossings++;
	return !ears->row->cancel;
}

static struct image *make_image(void)
{
	char path[] = "/tmp/upgrade_run_test.XXXXXX";
	struct image *image = NULL;
	uint8_t bytes[IMAGE_SIZE];
	int fd = mkstemp(path);

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i >> 7);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
	close(fd);
	ck_assert_int_eq(image_open(path, false, true, NULL, 0, &image), 0);
	unlink(path);
	return image;
}

/* The log without the plain AT, of which there are as many as the waits need. */
static void without_at(const char *log, char *ret)
{
	for (const char *end = strstr(log, " | "); end; log = end + 3, end = strstr(log, " | ")) {
		if (end - log == 2 && memcmp(log, "AT", 2) == 0)
			continue;
		memcpy(ret, log, (size_t)(end - log) + 3);
		ret += end - log + 3;
	}
	*ret = '\0';
}

static void check_result(const struct row *row, int r, const struct upgrade_result *result, const struct ears *ears)
{
	ck_assert_msg(r == row->r && result->fault.code == row->code, "%s: %d %s: %s (%s)", row->name, r,
		      fault_code_name(result->fault.code), result->fault.message, result->fault.evidence);
	if (row->text)
		ck_assert_msg(strstr(result->fault.message, row->text) != NULL, "%s: %s", row->name, result->fault.message);
	if (row->evidence)
		ck_assert_msg(strcmp(result->fault.evidence, row->evidence) == 0, "%s: %s", row->name, result->fault.evidence);
	ck_assert_msg(result->verified == row->verified, "%s: verified", row->name);
	ck_assert_msg(result->sent == (row->sessions > 0), "%s: sent", row->name);
	if (row->phases)
		ck_assert_msg(strcmp(ears->phases, row->phases) == 0, "%s: %s", row->name, ears->phases);
	if (row->note_has)
		ck_assert_msg(strstr(ears->notes, row->note_has) != NULL, "%s: %s", row->name, ears->notes);
	ck_assert_int_le(ears->crossings, 1);
	ck_assert_int_eq(ears->backwards, row->sessions > 1);
	ck_assert_int_eq(ears->modem.boot_mode, result->after.boot_mode);
}

static void check_modem(const struct row *row, const struct fake_modem *fake, const struct stp_source *source)
{
	static char log[16384];
	size_t length = 0;
	const uint8_t *received = fake_modem_received(fake, &length);

	without_at(fake_modem_log(fake), log);
	if (row->log)
		ck_assert_msg(strcmp(log, row->log) == 0, "%s: %s", row->name, log);
	if (row->log_has)
		ck_assert_msg(strstr(log, row->log_has) != NULL, "%s: %s", row->name, log);
	if (row->log_lacks)
		ck_assert_msg(strstr(log, row->log_lacks) == NULL, "%s: %s", row->name, log);
	ck_assert_msg(fake_modem_sessions(fake) == row->sessions, "%s: %d sessions", row->name, fake_modem_sessions(fake));
	if (row->state)
		ck_assert_msg(fake_modem_state(fake) == row->state, "%s: state %d, %s", row->name, fake_modem_state(fake), log);
	if (row->sessions > 0 && row->stp_version == 2) {
		ck_assert_uint_eq(fake_modem_data_type(fake), 5);
		ck_assert_uint_eq(length, source->compressed_size);
		ck_assert_mem_eq(received, source->compressed, length);
	} else if (row->sessions > 0) {
		ck_assert_uint_eq(length, source->plain_size);
		ck_assert_mem_eq(received, source->plain, length);
	}
}

static struct profile make_profile(const char *name)
{
	struct profile profile = *profile_builtin(name ? name : "auto");

	profile.rates[0] = 921600;
	profile.rates[1] = 0;
	profile.command_timeout_ms = 200;
	profile.boot_budget_s = 2;
	profile.apply_budget_s = 1;
	return profile;
}

START_TEST(each_modem_ends_as_it_should)
{
	const struct row *row = &rows[_i];
	struct fake_script script = {.overrides = row->overrides,
				     .rules = row->rules ? row->rules : monarch1,
				     .start = row->start ? row->start : APP,
				     .stp = STP,
				     .stp_next = row->stp_next ? row->stp_next : DONE,
				     .stp_idle = RECOVERY,
				     .stp_again = row->stp_again,
				     .stp_version = row->stp_version ? row->stp_version : 1,
				     .refuse = row->refuse_stp};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = make_profile(row->profile);
	struct image *image = make_image();
	struct ears ears = {.row = row};
	struct upgrade_events events = {hear_phase, hear_progress, hear_modem, hear_note, hear_no_return, &ears};
	struct upgrade_request request = {.port = fake_modem_port(fake),
					  .profile = &profile,
					  .expected_imei = row->expected_imei,
					  .firmware = &row->firmware,
					  .options = row->options,
					  .image = image,
					  .cancel_fd = -1,
					  .timings = &quick};
	struct upgrade_result result;
	int r = upgrade_run(&request, &events, &result);

	fake_modem_stop(fake);
	check_result(row, r, &result, &ears);
	check_modem(row, fake, image_source(image));
	image_free(image);
	fake_modem_free(fake);
}
END_TEST

START_TEST(results_tell_before_and_after)
{
	struct fake_script script = {.rules = monarch1, .start = APP, .stp = STP, .stp_next = DONE, .stp_idle = RECOVERY, .stp_version = 1};
	struct fake_modem *fake = fake_modem_start(&script);
	const struct upgrade_firmware firmware = CATM1_39529;
	struct profile profile = make_profile("monarch1");
	struct image *image = make_image();
	struct transcript *transcript = NULL;
	struct upgrade_result result;

	ck_assert_int_eq(transcript_new(NULL, NULL, &transcript), 0);
	struct upgrade_request request = {.port = fake_modem_port(fake),
					  .profile = &profile,
					  .firmware = &firmware,
					  .image = image,
					  .cancel_fd = -1,
					  .transcript = transcript,
					  .timings = &quick};
	ck_assert_int_eq(upgrade_run(&request, NULL, &result), 0);
	fake_modem_stop(fake);
	ck_assert_str_eq(result.before.release, "LR5.1.1.0-38638");
	ck_assert_str_eq(result.before.imei, IMEI);
	ck_assert_str_eq(result.after.release, "LR5.1.1.0-39529");
	ck_assert_uint_eq(result.after.build, 39529);
	ck_assert_int_eq(result.after.boot_mode, BOOT_MODE_FFF);
	ck_assert_uint_eq(result.stp.version, 1);
	ck_assert_uint_eq(result.stp.block_size, 2016);
	ck_assert_uint_eq(result.stp.blocks, (IMAGE_SIZE + 2015) / 2016);
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

START_TEST(a_probe_asks_and_changes_nothing)
{
	struct fake_script script = {.rules = monarch2, .start = APP};
	struct fake_modem *fake = fake_modem_start(&script);
	const struct row row = {0};
	struct ears ears = {.row = &row};
	struct upgrade_events events = {hear_phase, hear_progress, hear_modem, hear_note, hear_no_return, &ears};
	struct profile profile = make_profile(NULL);
	struct upgrade_request request = {.port = fake_modem_port(fake), .profile = &profile, .cancel_fd = -1, .timings = &quick};
	struct upgrade_result result;

	ck_assert_int_eq(probe_run(&request, &events, &result), 0);
	fake_modem_stop(fake);
	ck_assert_str_eq(ears.phases, "c2i2");
	ck_assert_str_eq(fake_modem_log(fake), "AT | AT+SMOD? | " IDENTIFY);
	ck_assert_str_eq(result.after.release, "LR8.0.5.13-59577");
	ck_assert_int_eq(result.after.family, FAMILY_MONARCH2);
	ck_assert_uint_eq(result.after.rate_bps, 921600);
	ck_assert_str_eq(ears.modem.imei, IMEI);
	fake_modem_free(fake);
}
END_TEST

START_TEST(no_port_is_a_fault_of_connect)
{
	struct profile profile = make_profile(NULL);
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
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, each_modem_ends_as_it_should, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tcase, results_tell_before_and_after);
	tcase_add_test(tcase, a_probe_asks_and_changes_nothing);
	tcase_add_test(tcase, no_port_is_a_fault_of_connect);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
