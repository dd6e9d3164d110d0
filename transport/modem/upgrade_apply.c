/* SPDX-License-Identifier: Apache-2.0
 *
 * The phase apply: what the modem says of the bundle that it got. protocol.md 3 and 7.
 */
#include "transport/modem/upgrade_steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transport/clock.h"

/* A bad bundle is refused each time, a stray ERROR is not. */
#define SMUPGRADE_TRIES 2

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
		if (contains(line, "not success") || contains(line, "unsuccess"))
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

int upgrade_reset(struct upgrade *upgrade, int64_t budget_ms)
{
	struct modem *modem = &upgrade->modem;
	int64_t deadline_ms = clock_deadline_ms(budget_ms);
	struct at_reply reply;

	modem->application_started = false;
	int r = at_command(modem->at, "AT^RESET", modem->profile->command_timeout_ms, &reply);
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	r = at_session_listen(modem->at, modem->timings->settle_ms, NULL);
	if (r < 0)
		return r;
	at_session_reset(modem->at);
	return modem_await_alive(modem, deadline_ms - clock_now_ms());
}

/* A failed apply of an earlier run: the bundle goes once more, from the boot mode that the modem is in. A differential only goes in the
 * application: what runs there after a restart decides. */
static int not_applied(const struct upgrade *upgrade)
{
	return upgrade->resumed && upgrade->request->firmware->base_build == 0 ? UPGRADE_AGAIN : 0;
}

/* No report comes from a modem that never had the whole bundle, and from one that is at work in its application again. */
static int judge_no_report(struct upgrade *upgrade, bool *ret_done)
{
	enum boot_mode mode;
	int r;

	*ret_done = true;
	if (upgrade->resumed)
		return not_applied(upgrade);
	/* Of a boot ROM package nobody has seen one: FFH, and the helper in it, tell. */
	if (upgrade->apply == REPORT_ERROR || upgrade_step_now(upgrade)->action == ACTION_SEND_BOOT_ROM)
		return 0;
	r = modem_ask_boot_mode(&upgrade->modem, &mode);
	*ret_done = r == 0 && mode == BOOT_MODE_FFF;
	return r == -ETIMEDOUT ? 0 : r;
}

struct report_wait {
	int64_t deadline_ms;
	int64_t no_report_deadline_ms;
	bool reset_done;
	bool done;
};

/* field-failures.md F50. */
static int not_success(struct upgrade *upgrade, struct report_wait *wait)
{
	wait->done = wait->reset_done || upgrade->modem.reset_forbidden;
	if (wait->done)
		return not_applied(upgrade);
	wait->reset_done = true;
	upgrade_say(upgrade, "the modem reports no success yet: one restart, then it is asked again");
	return upgrade_reset(upgrade, wait->deadline_ms - clock_now_ms());
}

/* AT+SMUPGRADE that was answered with OK needs no other report. */
static bool accepted(struct upgrade *upgrade)
{
	if (upgrade->accepted)
		upgrade->apply = REPORT_SUCCESS;
	return upgrade->accepted;
}

/* One look at the report. */
static int poll_report(struct upgrade *upgrade, struct report_wait *wait)
{
	int r = ask_report(upgrade, wait->deadline_ms);

	if (r < 0)
		return r;
	switch (upgrade->apply) {
	case REPORT_SUCCESS:
		wait->done = true;
		return 0;
	case REPORT_FAIL:
		wait->done = true;
		return not_applied(upgrade);
	case REPORT_NOT_SUCCESS:
		return not_success(upgrade, wait);
	case REPORT_NONE:
	case REPORT_ERROR:
		wait->done = accepted(upgrade);
		return !wait->done && clock_now_ms() >= wait->no_report_deadline_ms ? judge_no_report(upgrade, &wait->done) : 0;
	case REPORT_PENDING: /* at work: one ERROR after that is no end, only a row of them is */
		wait->no_report_deadline_ms = clock_deadline_ms(upgrade->modem.timings->no_report_ms);
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

/* Until the modem answers and has told how it went. */
static int await_report(struct upgrade *upgrade, int64_t deadline_ms)
{
	struct report_wait wait = {.deadline_ms = deadline_ms};
	int r = modem_await_alive(&upgrade->modem, deadline_ms - clock_now_ms());

	wait.no_report_deadline_ms = clock_deadline_ms(upgrade->modem.timings->no_report_ms);
	while (r == 0) {
		r = poll_report(upgrade, &wait);
		if (r == 0 && wait.done)
			upgrade_say(upgrade, "the modem reports: %s", upgrade->apply_text);
		if (wait.done)
			return r;
		if (r == 0 && clock_now_ms() >= deadline_ms)
			r = -ETIMEDOUT;
		if (r == 0)
			r = upgrade_pause(upgrade);
	}
	return r == -ETIMEDOUT ? apply_timeout(upgrade) : modem_line_fault(r, upgrade_fault(upgrade));
}

/* The last file of a pair is in: a reset does no harm any more. */
static void allow_reset(struct upgrade *upgrade)
{
	if (upgrade_step_now(upgrade)->file == 1 && upgrade->apply == REPORT_SUCCESS)
		upgrade->modem.reset_forbidden = false;
}

static int64_t apply_deadline_ms(const struct upgrade *upgrade)
{
	return clock_deadline_ms((int64_t)upgrade->request->profile->apply_budget_s * 1000);
}

int upgrade_await_apply(struct upgrade *upgrade)
{
	int r;

	if (!upgrade_cross(upgrade))
		return -ECANCELED;
	r = await_report(upgrade, apply_deadline_ms(upgrade));
	allow_reset(upgrade);
	return r;
}

/* It is at work on what an earlier run sent: no cancel, no restart. */
static int begin_waiting(struct upgrade *upgrade)
{
	if (upgrade->hands_off)
		return 0;
	upgrade->hands_off = true;
	upgrade_say(upgrade, "the modem is still at work on what was sent before: %s", upgrade->apply_text);
	return upgrade_cross(upgrade) ? 0 : -ECANCELED;
}

int upgrade_await_earlier(struct upgrade *upgrade, enum apply_report *ret_report)
{
	int64_t deadline_ms = apply_deadline_ms(upgrade);
	int64_t quiet_deadline_ms = clock_deadline_ms(upgrade->modem.timings->no_report_ms);

	for (;;) {
		int r = ask_report(upgrade, deadline_ms);
		if (r < 0)
			return r == -ETIMEDOUT ? apply_timeout(upgrade) : modem_line_fault(r, upgrade_fault(upgrade));
		bool busy = contains(upgrade->apply_text, "on-going");
		*ret_report = upgrade->apply;
		/* A modem that says nothing at all may be busy as well, but not for ever. */
		if (!busy && (upgrade->apply != REPORT_PENDING || clock_now_ms() >= quiet_deadline_ms))
			break;
		if (clock_now_ms() >= deadline_ms)
			return apply_timeout(upgrade);
		r = busy ? begin_waiting(upgrade) : 0;
		if (r == 0)
			r = upgrade_pause(upgrade);
		if (r < 0)
			return r;
	}
	upgrade->hands_off = false;
	upgrade->apply = REPORT_PENDING;
	return 0;
}

/* It did not hear the command, or not well: nothing is going on and nothing was reported. */
static int unheard(struct upgrade *upgrade, bool *ret_unheard)
{
	int r = modem_await_alive(&upgrade->modem, (int64_t)upgrade->request->profile->apply_budget_s * 1000);

	*ret_unheard = false;
	if (r == 0)
		r = ask_report(upgrade, apply_deadline_ms(upgrade));
	if (r == -ETIMEDOUT)
		return 0; /* the wait for the report says so */
	*ret_unheard = r == 0 && upgrade->apply != REPORT_PENDING && upgrade->apply != REPORT_SUCCESS;
	return r < 0 ? modem_line_fault(r, upgrade_fault(upgrade)) : 0;
}

/* AT+SMUPGRADE: OK after the apply, ERROR for a bad bundle, or nothing while it is at work. *ret_again: it may be asked once more. */
static int ask_smupgrade(struct upgrade *upgrade, bool *ret_refused, bool *ret_again)
{
	struct modem *modem = &upgrade->modem;
	struct at_reply reply;
	int r = at_command(modem->at, "AT+SMUPGRADE", modem->timings->smupgrade_ms, &reply);

	upgrade->accepted = r == 0 && reply.final == AT_FINAL_OK;
	upgrade->unanswered = r == -ETIMEDOUT;
	*ret_refused = *ret_again = r == 0 && !upgrade->accepted;
	if (r == -ETIMEDOUT) {
		transcript_note(modem->transcript, "no answer to AT+SMUPGRADE yet");
		return unheard(upgrade, ret_again);
	}
	/* An older report would tell of another upgrade. The release read back decides: field-failures.md F60. */
	if (*ret_refused)
		snprintf(upgrade->apply_text, sizeof(upgrade->apply_text), "AT+SMUPGRADE: %.40s", reply.final_text);
	return r < 0 ? modem_line_fault(r, upgrade_fault(upgrade)) : 0;
}

int upgrade_say_smupgrade(struct upgrade *upgrade)
{
	bool refused = false;
	bool again = true;

	for (int tries = 0; again && tries < SMUPGRADE_TRIES; tries++) {
		int r = tries > 0 ? upgrade_pause(upgrade) : 0;
		if (r == 0)
			r = ask_smupgrade(upgrade, &refused, &again);
		if (r < 0)
			return r;
	}
	if (!refused)
		return await_report(upgrade, apply_deadline_ms(upgrade));
	upgrade->apply = REPORT_FAIL;
	upgrade_say(upgrade, "the modem refuses what it was sent: %s", upgrade->apply_text);
	return 0;
}

int upgrade_apply_stored(struct upgrade *upgrade)
{
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));

	if (r < 0)
		return r;
	if (upgrade->modem.info.boot_mode != BOOT_MODE_FFF)
		return UPGRADE_REPLAN;
	if (!upgrade_cross(upgrade))
		return -ECANCELED;
	r = upgrade_say_smupgrade(upgrade);
	allow_reset(upgrade);
	return r;
}

static const struct dialogue_line legacy_dialogue[] = {
    {"AT+SMSWBOOT=1,0", FAMILY_UNKNOWN, false, 0},
};

int upgrade_apply_legacy(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	int64_t boot_ms = (int64_t)modem->profile->boot_budget_s * 1000;
	int r = modem_await_alive(modem, boot_ms);

	if (r == 0)
		r = upgrade_say_dialogue(upgrade, legacy_dialogue, 1);
	if (r == 0)
		r = upgrade_reset(upgrade, boot_ms);
	if (r == -ETIMEDOUT)
		return fault_set(upgrade_fault(upgrade), FAULT_RESTART_TIMEOUT, "the modem did not come back in %u s",
				 modem->profile->boot_budget_s);
	return r < 0 ? modem_line_fault(r, upgrade_fault(upgrade)) : upgrade_say_smupgrade(upgrade);
}
