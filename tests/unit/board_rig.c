/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/board_rig.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

const struct modem_timings board_timings = {
    .probe_ms = 80,
    .alive_probe_ms = 120,
    .escape_guard_ms = 20,
    .escape_after_ms = 20,
    .poll_pause_ms = 20,
    .flush_ms = 20,
    .board_prompt_ms = 150,
    .board_reply_ms = 500,
    .board_quiet_ms = 60,
    .board_mirror_ms = 700,
    .bridge_ms = 200,
};

static struct profile profile_of(const struct board_row *row)
{
	struct profile profile = *profile_builtin(row->profile);
	char why[128];

	profile.hardware_flow = false;
	profile.command_timeout_ms = 300;
	for (size_t i = 0; i < COUNT_OF(row->keys) && row->keys[i]; i += 2)
		ck_assert_msg(profile_set(&profile, row->keys[i], row->keys[i + 1], why, sizeof(why)) == 0, "%s", why);
	return profile;
}

static int open_and_detect(struct modem *modem, const struct board_row *row, struct fault *fault)
{
	enum boot_mode last = row->ffh ? BOOT_MODE_FFH : row->recovery ? BOOT_MODE_RECOVERY : BOOT_MODE_UNKNOWN;
	int r = board_open_bridge(modem, last, fault);

	ck_assert_msg(r == row->r, "%s: %d, %s", row->name, r, fault->message);
	if (r == 0 && row->silence) {
		*fault = modem->board_silence;
		r = -EPROTO;
	} else if (r == 0) {
		r = modem_detect(modem, 0, fault);
		ck_assert_msg(r == row->r_detect, "%s: %d, %s", row->name, r, fault->message);
	}
	return r;
}

static void check_end(const struct modem *modem, const struct board_row *row, const struct fault *fault, int r)
{
	if (r == 0) {
		ck_assert_uint_eq(modem->info.rate_bps, row->rate_bps);
		ck_assert_uint_eq(link_rate(modem->link), row->rate_bps);
		ck_assert_int_eq(modem->board_silence.code, FAULT_NONE);
	} else {
		ck_assert_str_eq(fault_code_name(fault->code), fault_code_name(row->code));
		ck_assert_msg(strstr(fault->message, row->text) != NULL, "%s: %s", row->name, fault->message);
		ck_assert_msg(!row->evidence || strstr(fault->evidence, row->evidence), "%s: %s", row->name, fault->evidence);
	}
	ck_assert_int_eq(modem->info.boot_mode, row->mode);
	if (row->release)
		ck_assert_str_eq(modem->board_release, row->release);
}

void board_row_run(const struct board_row *row)
{
	struct fake_script script = {.rules = row->rules, .start = row->start ? row->start : REPL};
	struct fake_modem *peer = fake_modem_start(&script);
	struct profile profile = profile_of(row);
	struct modem modem;
	struct fault fault = {.code = FAULT_NONE};

	ck_assert_int_eq(modem_open(&modem, fake_modem_port(peer), &profile, 0, NULL, -1, &fault), 0);
	modem.timings = &board_timings;
	int r = open_and_detect(&modem, row, &fault);
	check_end(&modem, row, &fault, r);
	modem_close(&modem);
	fake_modem_stop(peer);
	if (row->log)
		ck_assert_str_eq(fake_modem_log_without_at(peer), row->log);
	fake_modem_free(peer);
}
