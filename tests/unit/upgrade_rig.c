/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/upgrade_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
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
    .helper_start_ms = 300,
    .smupgrade_ms = 300,
    .bring_back_ms = 200,
};

#define COMMON_RULES                                                                                                                       \
	{.expect = "AT", .answer = OK}, {.expect = "ATE0", .answer = OK}, {.expect = "AT+SMLOG?", .answer = OK},                           \
	    {.expect = "AT+SQNSUPGRADENTF=\"started\"", .answer = OK}, {.expect = "AT+SQNSUPGRADENTF=\"success\"", .answer = OK},          \
	    {.expect = "AT+CPSMS=0", .answer = OK}, SAYS(IN(APP) | IN(NEW), "AT+CEREG?", "+CEREG: 1,0"),                                   \
	    SAYS(IN(APP) | IN(NEW), "AT+SMOD?", "2"), SAYS(IN(RECOVERY) | IN(DONE), "AT+SMOD?", "4"),                                      \
	    SAYS(IN(APP) | IN(NEW), "AT+CGSN", IMEI), GOES(IN(APP), "AT+SMSWBOOT=3,1", RECOVERY), GOES(IN(RECOVERY), SMSTPU, STP),         \
	    GOES(IN(RECOVERY), "AT+SMSWBOOT=1,1", APP), SAYS(IN(RECOVERY), "AT+SMUPGRADE?", "No report"),                                  \
	    SAYS(IN(DONE) | IN(NEW), "AT+SMUPGRADE?", "+SMUPGRADE: success"), GOES(IN(DONE), "AT+SMSWBOOT=1,1", NEW),                      \
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
	char details[2048];
	int crossings;
	int power_cycles;
	struct fake_modem *fake;
	int cancel_fd;
	uint64_t done;
	bool backwards;
	struct modem_info modem;
	enum upgrade_way way; /* as told last */
};

static int hear_phase(void *context, enum upgrade_phase phase, size_t step, size_t steps, const char *detail)
{
	struct ears *ears = context;
	size_t used = strlen(ears->phases);

	ck_assert_uint_ge(step, 1);
	ck_assert_uint_le(step, steps);
	if (ears->row->phase_error && phase == ears->row->phase_error_at)
		return ears->row->phase_error;
	if ((ears->row->cancel_at || ears->row->cancel_at_connect) && phase == ears->row->cancel_at)
		ck_assert_int_eq(eventfd_write(ears->cancel_fd, 1), 0);
	size_t told = strlen(ears->details);
	snprintf(ears->details + told, sizeof(ears->details) - told, "%s\n", detail);
	snprintf(ears->phases + used, sizeof(ears->phases) - used, "%c%zu%s", upgrade_phase_name(phase)[0], steps, detail[0] ? "+" : "");
	return 0;
}

static void hear_progress(void *context, const struct stp_progress *progress)
{
	struct ears *ears = context;

	ears->backwards = ears->backwards || progress->bytes_done < ears->done;
	ears->done = progress->bytes_done;
	ck_assert_uint_eq(progress->bytes_total, RIG_IMAGE_SIZE + (ears->row->firmware.second ? RIG_SECOND_SIZE : 0));
}

static void hear_modem(void *context, const struct modem_info *info)
{
	((struct ears *)context)->modem = *info;
}

static void hear_way(void *context, enum upgrade_way way)
{
	((struct ears *)context)->way = way;
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

/* A modem that is helped by it comes up in its application. */
static int hear_power(void *context, const struct power_watch *watch, struct fault *ret_fault)
{
	struct ears *ears = context;

	ck_assert_ptr_null(watch);
	ears->power_cycles++;
	if (ears->row->power == POWER_NOT_NOW)
		snprintf(ret_fault->message, sizeof(ret_fault->message), "its hub has other work");
	if (ears->row->power == POWER_NOT_NOW)
		return -EAGAIN;
	if (ears->row->power == POWER_FAILS)
		return fault_set(ret_fault, FAULT_POWER_CYCLE_FAILED, "the command ended with 1");
	if (ears->row->power == POWER_CURES)
		fake_modem_power_cycle(ears->fake, APP);
	return 0;
}

struct image *rig_image_of(size_t size, bool is_elf)
{
	char path[] = "/tmp/upgrade_run_test.XXXXXX";
	struct image *image = NULL;
	uint8_t bytes[RIG_IMAGE_SIZE];
	int fd = mkstemp(path);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)((i * i >> 7) + size);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	ck_assert_int_eq(image_open(path, is_elf, !is_elf, NULL, 0, &image), 0);
	unlink(path);
	return image;
}

struct image *rig_image(void)
{
	return rig_image_of(RIG_IMAGE_SIZE, false);
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
	ck_assert_msg(result->sent == (row->sessions > 0 && !row->unsent), "%s: sent", row->name);
	if (row->phases)
		ck_assert_msg(strcmp(ears->phases, row->phases) == 0, "%s: %s", row->name, ears->phases);
	if (row->note_lacks)
		ck_assert_msg(strstr(ears->notes, row->note_lacks) == NULL, "%s: %s", row->name, ears->notes);
	if (row->note_has)
		ck_assert_msg(strstr(ears->notes, row->note_has) != NULL, "%s: %s", row->name, ears->notes);
	if (row->detail_has)
		ck_assert_msg(strstr(ears->details, row->detail_has) != NULL, "%s: %s", row->name, ears->details);
	const char *once = row->note_once ? strstr(ears->notes, row->note_once) : NULL;
	ck_assert_msg(!row->note_once || (once && !strstr(once + 1, row->note_once)), "%s: %s", row->name, ears->notes);
	ck_assert_int_le(ears->crossings, 1);
	ck_assert_msg(ears->backwards == row->again, "%s: progress", row->name);
	ck_assert_msg(ears->power_cycles == row->power_cycles, "%s: %d power cycles", row->name, ears->power_cycles);
	ck_assert_int_eq(ears->modem.boot_mode, result->after.boot_mode);
}

/* What came last is the bundle, or its second file. */
static void check_received(const struct upgrade_case *row, const struct fake_modem *fake, const struct stp_source *source)
{
	size_t length = 0;
	const uint8_t *received = fake_modem_received(fake, &length);

	for (int i = 0; i < row->sessions && i < 4; i++)
		ck_assert_msg(row->bytes[i] == 0 || fake_modem_session_bytes(fake, i) == row->bytes[i], "%s: %zu bytes", row->name,
			      fake_modem_session_bytes(fake, i));
	ck_assert_msg(row->largest_block == 0 || fake_modem_session_block(fake, 0) == row->largest_block, "%s: block", row->name);
	if (row->sessions == 0 || row->unsent || row->part_only)
		return;
	if (row->stp_version == 2) {
		ck_assert_uint_eq(fake_modem_data_type(fake), 5);
		ck_assert_uint_eq(length, source->compressed_size);
		ck_assert_mem_eq(received, source->compressed, length);
		return;
	}
	ck_assert_uint_eq(length, source->plain_size);
	ck_assert_mem_eq(received, source->plain, length);
}

/* Told is the way that the modem saw; none where the application shows at once that there is nothing to send. Of a pair it is that of the first. */
static void check_way(const struct upgrade_case *row, const struct ears *ears, const char *log)
{
	bool stored = strstr(log, "AT+SMSTPU | ") != NULL;
	bool asked = row->options.way == WAY_LEGACY && !row->start;
	enum upgrade_way seen = stored ? WAY_FFF : asked ? WAY_LEGACY : WAY_ON_THE_FLY;

	if (row->firmware.second)
		return;
	if (stored || strstr(log, SMSTPU) != NULL)
		ck_assert_msg(ears->way == seen, "%s: told %s, %s", row->name, upgrade_way_name(ears->way), log);
	else if (row->r == 0 && !row->start)
		ck_assert_msg(ears->way == WAY_AUTO, "%s: told %s, %s", row->name, upgrade_way_name(ears->way), log);
}

static void check_modem(const struct upgrade_case *row, const struct ears *ears, struct fake_modem *fake)
{
	const char *log = fake_modem_log_without_at(fake);

	check_way(row, ears, log);

	if (row->log)
		ck_assert_msg(strcmp(log, row->log) == 0, "%s: %s", row->name, log);
	if (row->log_has)
		ck_assert_msg(strstr(log, row->log_has) != NULL, "%s: %s", row->name, log);
	if (row->log_lacks)
		ck_assert_msg(strstr(log, row->log_lacks) == NULL, "%s: %s", row->name, log);
	ck_assert_msg(fake_modem_sessions(fake) == row->sessions, "%s: %d sessions", row->name, fake_modem_sessions(fake));
	if (row->state)
		ck_assert_msg(fake_modem_state(fake) == row->state, "%s: state %d, %s", row->name, fake_modem_state(fake), log);
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

static struct fake_modem *start_modem(const struct upgrade_case *row)
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

	memcpy(script.more_stp, row->more_stp, sizeof(script.more_stp));
	return fake_modem_start(&script);
}

struct images {
	struct image *bundle;
	struct image *boot_rom;
	struct image *helper;
	struct image *second;
};

static int run_modem(const struct upgrade_case *row, struct ears *ears, const struct images *images, struct upgrade_result *ret)
{
	struct profile profile = rig_profile(row->profile);
	struct upgrade_events events = {.phase = hear_phase,
					.progress = hear_progress,
					.modem = hear_modem,
					.way = hear_way,
					.note = hear_note,
					.point_of_no_return = hear_no_return,
					.power_cycle = row->power == NO_POWER ? NULL : hear_power,
					.context = ears};
	struct modem_timings timings = rig_timings;
	if (row->poll_pause_ms)
		timings.poll_pause_ms = row->poll_pause_ms;
	if (row->apply_budget_s)
		profile.apply_budget_s = row->apply_budget_s;
	if (row->identity_ms)
		timings.identity_ms = row->identity_ms;
	if (row->no_report_ms)
		timings.no_report_ms = row->no_report_ms;
	if (row->rate_bps)
		profile.rates[0] = row->rate_bps;
	timings.stp_answer_ms = row->deaf_once ? 100 : rig_timings.stp_answer_ms;
	struct upgrade_request request = {.port = fake_modem_port(ears->fake),
					  .profile = &profile,
					  .expected_imei = row->expected_imei,
					  .may_be_at_work = row->may_be_at_work,
					  .firmware = &row->firmware,
					  .options = row->options,
					  .image = images->bundle,
					  .boot_rom = images->boot_rom,
					  .helper = images->helper,
					  .second = images->second,
					  .last_boot_mode = BOOT_MODE_UNKNOWN,
					  .last_family = row->last_family,
					  .cancel_fd = ears->cancel_fd,
					  .timings = &timings};

	return upgrade_run(&request, &events, ret);
}

void rig_run(const struct upgrade_case *row)
{
	struct ears ears = {
	    .row = row, .modem.boot_mode = BOOT_MODE_UNKNOWN, .fake = start_modem(row), .cancel_fd = eventfd(0, EFD_CLOEXEC)};
	struct images images = {.bundle = rig_image(),
				.boot_rom = rig_image_of(RIG_BOOT_ROM_SIZE, false),
				.helper = rig_image_of(RIG_HELPER_SIZE, true),
				.second = rig_image_of(RIG_SECOND_SIZE, false)};
	struct upgrade_result result;
	int r = run_modem(row, &ears, &images, &result);

	fake_modem_stop(ears.fake);
	check_result(row, r, &result, &ears);
	check_modem(row, &ears, ears.fake);
	check_received(row, ears.fake, image_source(row->firmware.second ? images.second : images.bundle));
	image_free(images.bundle);
	image_free(images.boot_rom);
	image_free(images.helper);
	image_free(images.second);
	close(ears.cancel_fd);
	fake_modem_free(ears.fake);
}

struct fake_modem *rig_start_monarch1(void)
{
	struct fake_script script = {
	    .rules = rig_monarch1, .start = APP, .stp = STP, .stp_next = DONE, .stp_idle = RECOVERY, .stp_version = 1};

	return fake_modem_start(&script);
}
