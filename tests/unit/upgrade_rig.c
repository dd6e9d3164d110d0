/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/upgrade_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct modem_timings rig_timings = {
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

#define COMMON_RULES                                                                                                                       \
	{.expect = "AT", .answer = OK}, {.expect = "ATE0", .answer = OK}, {.expect = "AT+SMLOG?", .answer = OK},                           \
	    {.expect = "AT+SQNSUPGRADENTF=\"started\"", .answer = OK}, {.expect = "AT+SQNSUPGRADENTF=\"success\"", .answer = OK},          \
	    {.expect = "AT+CPSMS=0", .answer = OK}, SAYS(IN(APP) | IN(NEW), "AT+CEREG?", "+CEREG: 1,0"),                                   \
	    SAYS(IN(APP) | IN(NEW), "AT+SMOD?", "2"), SAYS(IN(RECOVERY) | IN(DONE), "AT+SMOD?", "4"),                                      \
	    SAYS(IN(APP) | IN(NEW), "AT+CGSN", IMEI), GOES(IN(APP), "AT+SMSWBOOT=3,1", RECOVERY), GOES(IN(RECOVERY), SMSTPU, STP),         \
	    GOES(IN(RECOVERY), "AT+SMSWBOOT=1,1", APP), SAYS(IN(DONE) | IN(NEW), "AT+SMUPGRADE?", "+SMUPGRADE: success"),                  \
	    GOES(IN(DONE), "AT+SMSWBOOT=1,1", NEW),                                                                                        \
	{                                                                                                                                  \
		.expect = "AT^RESET", .answer = OK                                                                                         \
	}

const struct fake_rule rig_monarch1[] = {
    COMMON_RULES,
    {.expect = "AT+BIND=AT", .answer = OK},
    {.expect = "AT+SQNWL=\"sqndcc\",2", .answer = OK},
    {.expect = "AT+CFUN=4", .answer = OK},
    SAYS(IN(APP) | IN(NEW), "ATI", "SEQUANS Communications\r\nVZM20Q\r\nUE5.0.0.0d"),
    SAYS(IN(APP), "ATI1", "UE5.0.0.0d\r\nLR5.1.1.0-38638"),
    SAYS(IN(NEW), "ATI1", "UE5.0.0.0d\r\nLR5.1.1.0-39529"),
    {0},
};

const struct fake_rule rig_monarch2[] = {
    COMMON_RULES,
    {.expect = "AT+CFUN=5", .answer = OK},
    SAYS(IN(APP) | IN(NEW), "ATI", "SEQUANS Communications\r\nGM02S"),
    SAYS(IN(APP), "ATI1", "UE8.0.5.13\r\nLR8.0.5.13-59577"),
    SAYS(IN(NEW), "ATI1", "UE8.2.1.0\r\nLR8.2.1.0-61488"),
    {0},
};

struct ears {
	const struct upgrade_case *row;
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
	ck_assert_uint_eq(progress->bytes_total, RIG_IMAGE_SIZE);
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

struct image *rig_image(void)
{
	char path[] = "/tmp/upgrade_run_test.XXXXXX";
	struct image *image = NULL;
	uint8_t bytes[RIG_IMAGE_SIZE];
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

static void check_result(const struct upgrade_case *row, int r, const struct upgrade_result *result, const struct ears *ears)
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

static void check_modem(const struct upgrade_case *row, struct fake_modem *fake, const struct stp_source *source)
{
	const char *log = fake_modem_log_without_at(fake);
	size_t length = 0;
	const uint8_t *received = fake_modem_received(fake, &length);

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

struct profile rig_profile(const char *name)
{
	struct profile profile = *profile_builtin(name ? name : "auto");

	profile.rates[0] = 921600;
	profile.rates[1] = 0;
	profile.command_timeout_ms = 200;
	profile.boot_budget_s = 2;
	profile.apply_budget_s = 1;
	return profile;
}

void rig_run(const struct upgrade_case *row)
{
	struct fake_script script = {.overrides = row->overrides,
				     .rules = row->rules ? row->rules : rig_monarch1,
				     .start = row->start ? row->start : APP,
				     .stp = STP,
				     .stp_next = row->stp_next ? row->stp_next : DONE,
				     .stp_idle = row->stp_idle ? row->stp_idle : RECOVERY,
				     .stp_again = row->stp_again,
				     .deaf_once = row->deaf_once,
				     .stp_version = row->stp_version ? row->stp_version : 1,
				     .refuse = row->refuse_stp};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = rig_profile(row->profile);
	struct image *image = rig_image();
	struct ears ears = {.row = row};
	struct upgrade_events events = {.phase = hear_phase,
					.progress = hear_progress,
					.modem = hear_modem,
					.note = hear_note,
					.point_of_no_return = hear_no_return,
					.context = &ears};
	struct modem_timings timings = rig_timings;
	timings.stp_answer_ms = row->deaf_once ? 100 : rig_timings.stp_answer_ms;
	struct upgrade_request request = {.port = fake_modem_port(fake),
					  .profile = &profile,
					  .expected_imei = row->expected_imei,
					  .firmware = &row->firmware,
					  .options = row->options,
					  .image = image,
					  .cancel_fd = -1,
					  .timings = &timings};
	struct upgrade_result result;
	int r = upgrade_run(&request, &events, &result);

	fake_modem_stop(fake);
	check_result(row, r, &result, &ears);
	check_modem(row, fake, image_source(image));
	image_free(image);
	fake_modem_free(fake);
}

struct fake_modem *rig_start_monarch1(void)
{
	struct fake_script script = {
	    .rules = rig_monarch1, .start = APP, .stp = STP, .stp_next = DONE, .stp_idle = RECOVERY, .stp_version = 1};

	return fake_modem_start(&script);
}
