/* SPDX-License-Identifier: Apache-2.0
 *
 * The phases apply, restart and verify: what the modem says of the bundle that it got, and what it runs then. protocol.md 3 and 7.
 */
#include "transport/modem/upgrade_steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transport/clock.h"

static bool contains(const char *line, const char *word)
{
	return strcasestr(line, word) != NULL;
}

enum apply_report apply_report_of_reply(const struct at_reply *reply)
{
	if (reply->final != AT_FINAL_OK)
		return REPORT_ERROR;
	for (size_t i = 0; i < reply->line_count; i++) {
		const char *line = reply->lines[i];
		if (contains(line, "not success"))
			return REPORT_NOT_SUCCESS;
		if (contains(line, "success"))
			return REPORT_SUCCESS;
		if (contains(line, "fail"))
			return REPORT_FAIL;
		if (contains(line, "no report"))
			return REPORT_NONE;
	}
	return REPORT_PENDING;
}

static int ask_report(struct upgrade *upgrade, int64_t deadline_ms)
{
	struct modem *modem = &upgrade->modem;
	struct at_reply reply;
	int r = at_command(modem->at, "AT+SMUPGRADE?", modem->profile->command_timeout_ms, &reply);

	if (r == -ETIMEDOUT) {
		upgrade->apply = REPORT_PENDING;
		snprintf(upgrade->apply_text, sizeof(upgrade->apply_text), "no answer");
		return modem_await_alive(modem, deadline_ms - clock_now_ms());
	}
	if (r < 0)
		return r;
	upgrade->apply = apply_report_of_reply(&reply);
	const char *text = reply.line_count > 0 ? reply.lines[0] : reply.final_text;
	fault_escape(upgrade->apply_text, sizeof(upgrade->apply_text), text, strlen(text));
	return 0;
}

static int reset_and_await(struct upgrade *upgrade, int64_t deadline_ms)
{
	struct modem *modem = &upgrade->modem;
	struct at_reply reply;
	int r = at_command(modem->at, "AT^RESET", modem->profile->command_timeout_ms, &reply);

	if (r < 0 && r != -ETIMEDOUT)
		return r;
	r = at_session_listen(modem->at, modem->timings->settle_ms, NULL);
	return r < 0 ? r : modem_await_alive(modem, deadline_ms - clock_now_ms());
}

/* No report comes from a modem that never had the whole bundle, and from one that is at work in its application again. */
static int judge_no_report(struct upgrade *upgrade, bool *ret_done)
{
	enum boot_mode mode;
	int r;

	*ret_done = true;
	if (upgrade->resumed)
		return UPGRADE_AGAIN;
	if (upgrade->apply == REPORT_ERROR)
		return 0;
	r = modem_ask_boot_mode(&upgrade->modem, &mode);
	*ret_done = r == 0 && mode == BOOT_MODE_FFF;
	return r == -ETIMEDOUT ? 0 : r;
}

/* One look at the report. *ret_done: the wait is over. */
static int poll_report(struct upgrade *upgrade, int64_t deadline_ms, int64_t *no_report_deadline_ms, bool *reset_done, bool *ret_done)
{
	int r = ask_report(upgrade, deadline_ms);

	*ret_done = false;
	if (r < 0)
		return r;
	switch (upgrade->apply) {
	case REPORT_SUCCESS:
		*ret_done = true;
		return 0;
	case REPORT_FAIL:
		*ret_done = true;
		return upgrade->resumed ? UPGRADE_AGAIN : 0;
	case REPORT_NOT_SUCCESS:
		*ret_done = *reset_done;
		if (*reset_done)
			return upgrade->resumed ? UPGRADE_AGAIN : 0;
		*reset_done = true;
		upgrade_say(upgrade, "the modem reports no success yet: one restart, then it is asked again");
		return reset_and_await(upgrade, deadline_ms);
	case REPORT_NONE:
	case REPORT_ERROR:
		return clock_now_ms() >= *no_report_deadline_ms ? judge_no_report(upgrade, ret_done) : 0;
	case REPORT_PENDING: /* at work: one ERROR after that is no end, only a row of them is */
		*no_report_deadline_ms = clock_deadline_ms(upgrade->modem.timings->no_report_ms);
		break;
	}
	return 0;
}

static int apply_timeout(struct upgrade *upgrade)
{
	fault_set(upgrade_fault(upgrade), FAULT_APPLY_TIMEOUT, "the modem did not report the end of the apply in %u s",
		  upgrade->request->profile->apply_budget_s);
	fault_set_evidence(upgrade_fault(upgrade), upgrade->apply_text, strlen(upgrade->apply_text));
	return -EPROTO;
}

int upgrade_step_apply(struct upgrade *upgrade)
{
	int64_t deadline_ms = clock_deadline_ms((int64_t)upgrade->request->profile->apply_budget_s * 1000);
	bool reset_done = false;
	bool done = false;
	int r;

	if (!upgrade_cross(upgrade))
		return -ECANCELED;
	r = modem_await_alive(&upgrade->modem, deadline_ms - clock_now_ms());
	int64_t no_report_deadline_ms = clock_deadline_ms(upgrade->modem.timings->no_report_ms);
	while (r == 0) {
		r = poll_report(upgrade, deadline_ms, &no_report_deadline_ms, &reset_done, &done);
		if (r == 0 && done)
			upgrade_say(upgrade, "the modem reports: %s", upgrade->apply_text);
		if (done)
			return r;
		if (r == 0 && clock_now_ms() >= deadline_ms)
			r = -ETIMEDOUT;
		if (r == 0)
			r = upgrade_pause(upgrade);
	}
	return r == -ETIMEDOUT ? apply_timeout(upgrade) : modem_line_fault(r, upgrade_fault(upgrade));
}

static int apply_failed(struct upgrade *upgrade)
{
	fault_set(upgrade_fault(upgrade), FAULT_APPLY_FAILED, "the modem does not confirm the upgrade and is in boot mode %d (%s) with %s",
		  (int)upgrade->modem.info.boot_mode, boot_mode_name(upgrade->modem.info.boot_mode),
		  upgrade->modem.info.release[0] ? upgrade->modem.info.release : "an unknown release");
	fault_set_evidence(upgrade_fault(upgrade), upgrade->apply_text, strlen(upgrade->apply_text));
	return -EPROTO;
}

int upgrade_step_restart(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	int r = modem_switch_boot_mode(modem, BOOT_MODE_FFF, upgrade_fault(upgrade));

	if (r == 0) {
		upgrade_say_modem(upgrade);
		return 0;
	}
	enum fault_code code = upgrade_fault(upgrade)->code;
	if (r != -EPROTO || (code != FAULT_BOOT_MODE_UNCHANGED && code != FAULT_BOOT_MODE_REFUSED))
		return r;
	/* protocol.md 7 B: one pass may end in RECOVERY again. */
	if (upgrade->plan.family == FAMILY_MONARCH2 && upgrade->pass == 1)
		return UPGRADE_AGAIN;
	return upgrade->apply == REPORT_SUCCESS ? r : apply_failed(upgrade);
}

/* The IMEI of before: a modem that was in RECOVERY told none, but its device may be known. */
static const char *known_imei(const struct upgrade *upgrade)
{
	return upgrade->result->before.imei[0] ? upgrade->result->before.imei : upgrade->request->expected_imei;
}

/* The application may need a moment after its start before it tells who it is. */
static int read_back(struct upgrade *upgrade)
{
	int64_t deadline_ms = clock_deadline_ms(upgrade->modem.timings->identity_ms);
	const char *imei = known_imei(upgrade);

	for (;;) {
		int r = modem_identify(&upgrade->modem, upgrade_fault(upgrade));
		if (r < 0)
			return r;
		const struct modem_info *info = &upgrade->modem.info;
		if (info->release[0] && (info->imei[0] || !imei))
			return 0;
		if (clock_now_ms() >= deadline_ms)
			return 0;
		r = upgrade_pause(upgrade);
		if (r < 0)
			return r;
	}
}

static int check_release(struct upgrade *upgrade)
{
	const struct upgrade_firmware *firmware = upgrade->request->firmware;
	const struct modem_info *info = &upgrade->modem.info;
	bool planned_to_verify_only = upgrade->resumed && upgrade->apply == REPORT_PENDING;

	if (upgrade_firmware_matches(firmware, info)) {
		upgrade->result->verified = true;
		return 0;
	}
	if (upgrade->apply != REPORT_SUCCESS && !planned_to_verify_only)
		return apply_failed(upgrade);
	if (firmware->release[0] == '\0' && firmware->build == 0)
		return 0;
	return fault_set(upgrade_fault(upgrade), FAULT_RELEASE_MISMATCH, "the modem runs %s and the firmware declares %s (build %u)",
			 info->release[0] ? info->release : "an unknown release", firmware->release[0] ? firmware->release : "no release",
			 firmware->build);
}

static const struct dialogue_line verified_dialogue[] = {
    {"AT+SQNSUPGRADENTF=\"success\"", FAMILY_UNKNOWN, false, 0},
};

int upgrade_step_verify(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	int r = modem_settle_boot_mode(modem, upgrade_fault(upgrade));

	if (r < 0)
		return r;
	if (modem->info.boot_mode != BOOT_MODE_FFF)
		return fault_set(upgrade_fault(upgrade), FAULT_RESTART_TIMEOUT, "the modem is in boot mode %d (%s) again",
				 (int)modem->info.boot_mode, boot_mode_name(modem->info.boot_mode));
	r = read_back(upgrade);
	if (r < 0)
		return r;
	upgrade_say_modem(upgrade);
	upgrade_ask_health(upgrade);
	r = upgrade_check_imei(upgrade, known_imei(upgrade));
	if (r == 0)
		r = check_release(upgrade);
	if (r < 0)
		return r;
	return upgrade_say_dialogue(upgrade, verified_dialogue, sizeof(verified_dialogue) / sizeof(verified_dialogue[0]));
}
