/* SPDX-License-Identifier: Apache-2.0
 *
 * What the actions of an upgrade share, and the table of them. protocol.md 7.
 */
#include "transport/modem/upgrade_steps.h"

#include <errno.h>
#include <string.h>

#include "transport/clock.h"

#define IDENTIFY_TRIES 3
#define REQUIRED_TRIES 3
#define QUIESCE        "" /* stands for the profile's or the family's command */

static const struct dialogue_line prepare_dialogue[] = {
    {"AT+BIND=AT", FAMILY_MONARCH1, false, 0},
    {"ATE0", FAMILY_UNKNOWN, false, 0},
    {"AT+SMLOG?", FAMILY_UNKNOWN, false, 0},
    {"AT+SQNSUPGRADENTF=\"started\"", FAMILY_UNKNOWN, false, 0},
    {"AT+SQNWL=\"sqndcc\",2", FAMILY_MONARCH1, false, 0},
    {"AT+CPSMS=0", FAMILY_UNKNOWN, false, 0},
    {QUIESCE, FAMILY_UNKNOWN, true, 15000},
};

int upgrade_pause(struct upgrade *upgrade)
{
	int r = at_session_listen(upgrade->modem.at, upgrade->modem.timings->poll_pause_ms, NULL);

	return r < 0 ? modem_line_fault(r, upgrade_fault(upgrade)) : 0;
}

/* 0: OK, or not required; else as upgrade_step_run(). */
static int say_line(struct upgrade *upgrade, const struct dialogue_line *line)
{
	struct modem *modem = &upgrade->modem;
	const char *command = line->command[0] ? line->command : profile_quiesce(modem->profile, upgrade->plan.family);
	int64_t timeout_ms = line->timeout_ms ? line->timeout_ms : modem->profile->command_timeout_ms;
	struct at_reply reply;

	for (int tries = 1;; tries++) {
		int r = at_command_ok(modem->at, command, timeout_ms, &reply);
		if (r == 0)
			return 0;
		if (r != -EREMOTEIO && r != -ETIMEDOUT)
			return modem_line_fault(r, upgrade_fault(upgrade));
		if (!line->required) {
			transcript_note(modem->transcript, "%s: %s, which does not matter", command,
					r == -ETIMEDOUT ? "no answer" : reply.final_text);
			return 0;
		}
		if (tries == REQUIRED_TRIES) {
			fault_set(upgrade_fault(upgrade), FAULT_MODEM_ANSWERS_ERROR, "%s was refused %d times", command, tries);
			if (r == -EREMOTEIO)
				fault_set_evidence(upgrade_fault(upgrade), reply.final_text, strlen(reply.final_text));
			return -EPROTO;
		}
		r = upgrade_pause(upgrade);
		if (r < 0)
			return r;
	}
}

int upgrade_say_dialogue(struct upgrade *upgrade, const struct dialogue_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (lines[i].family != FAMILY_UNKNOWN && lines[i].family != upgrade->plan.family)
			continue;
		int r = say_line(upgrade, &lines[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool identity_complete(const struct modem_info *info)
{
	return info->boot_mode != BOOT_MODE_FFF || ((info->release[0] || info->build) && info->imei[0]);
}

int upgrade_check_imei(struct upgrade *upgrade, const char *expected)
{
	const struct modem_info *info = &upgrade->modem.info;

	if (!expected || expected[0] == '\0' || info->boot_mode != BOOT_MODE_FFF || strcmp(expected, info->imei) == 0)
		return 0;
	if (info->imei[0] == '\0')
		return fault_set(upgrade_fault(upgrade), FAULT_MODEM_ANSWERS_ERROR, "the modem does not tell its IMEI, which was %s",
				 expected);
	return fault_set(upgrade_fault(upgrade), FAULT_IDENTITY_CHANGED, "another modem: its IMEI is %s and was %s", info->imei, expected);
}

/* The IMEI of before: a modem that was in RECOVERY told none, but its device may be known. */
const char *upgrade_known_imei(const struct upgrade *upgrade)
{
	return upgrade->result->before.imei[0] ? upgrade->result->before.imei : upgrade->request->expected_imei;
}

/* An IMEI that nobody knew is not waited for. */
static bool nothing_missed(const struct upgrade *upgrade)
{
	const char *imei = upgrade_known_imei(upgrade);

	return upgrade->modem.info.release[0] && (!imei || imei[0] == '\0');
}

static int ask_identity(struct upgrade *upgrade, int64_t deadline_ms, int tries)
{
	for (;;) {
		int r = modem_identify(&upgrade->modem, upgrade_fault(upgrade));
		if (r < 0)
			return r;
		tries--;
		if (identity_complete(&upgrade->modem.info) || (tries <= 0 && (nothing_missed(upgrade) || clock_now_ms() >= deadline_ms)))
			break;
		r = upgrade_pause(upgrade);
		if (r < 0)
			return r;
	}
	upgrade_say_modem(upgrade);
	return 0;
}

int upgrade_await_identity(struct upgrade *upgrade)
{
	return ask_identity(upgrade, clock_deadline_ms(upgrade->modem.timings->identity_ms), IDENTIFY_TRIES);
}

/* An interrupted job and a power cycle meet an application that has just started. */
static bool may_have_just_started(const struct upgrade *upgrade)
{
	return upgrade->request->options.resume_phase >= PHASE_SWITCH || upgrade->power_cycled || upgrade->replans > 0 ||
	       upgrade->options.looked;
}

int upgrade_identify(struct upgrade *upgrade)
{
	int r = may_have_just_started(upgrade) ? upgrade_await_identity(upgrade) : ask_identity(upgrade, 0, IDENTIFY_TRIES);

	if (r == 0)
		r = upgrade_check_imei(upgrade, upgrade->request->expected_imei);
	return r < 0 ? r : upgrade_check_imei(upgrade, upgrade->result->before.imei);
}

int upgrade_quiet(struct upgrade *upgrade)
{
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));

	if (r < 0 || upgrade->modem.info.boot_mode != BOOT_MODE_FFF)
		return r;
	upgrade->quiesced = true;
	return upgrade_say_dialogue(upgrade, prepare_dialogue, sizeof(prepare_dialogue) / sizeof(prepare_dialogue[0]));
}

bool upgrade_cross(struct upgrade *upgrade)
{
	const struct upgrade_events *events = upgrade->events;

	if (!upgrade->crossed) {
		if (events && events->point_of_no_return && !events->point_of_no_return(events->context))
			return false;
		upgrade->crossed = true;
		link_set_cancel_fd(upgrade->modem.link, -1);
	}
	return true;
}

bool upgrade_did(const struct upgrade *upgrade, enum upgrade_action action)
{
	for (size_t i = 0; i < upgrade->step; i++) {
		if (upgrade->plan.steps[i].action == action)
			return true;
	}
	return false;
}

static int (*const step_functions[ACTION_COUNT])(struct upgrade *upgrade) = {
    [ACTION_CONNECT] = upgrade_connect,
    [ACTION_IDENTIFY] = upgrade_identify,
    [ACTION_LOOK] = upgrade_look,
    [ACTION_QUIET] = upgrade_quiet,
    [ACTION_TO_RECOVERY] = upgrade_to_recovery,
    [ACTION_SEND_BOOT_ROM] = upgrade_send_boot_rom,
    [ACTION_TO_FFH] = upgrade_to_ffh,
    [ACTION_START_HELPER] = upgrade_start_helper,
    [ACTION_SEND] = upgrade_send,
    [ACTION_SEND_LEGACY] = upgrade_send_legacy,
    [ACTION_STORE] = upgrade_store,
    [ACTION_AWAIT_APPLY] = upgrade_await_apply,
    [ACTION_APPLY_LEGACY] = upgrade_apply_legacy,
    [ACTION_APPLY_STORED] = upgrade_apply_stored,
    [ACTION_RESTART] = upgrade_restart,
    [ACTION_RESTART_PAIR] = upgrade_restart_pair,
    [ACTION_RESTART_RESET] = upgrade_restart_reset,
    [ACTION_VERIFY] = upgrade_verify,
};

int upgrade_step_run(struct upgrade *upgrade, enum upgrade_action action)
{
	return step_functions[action](upgrade);
}
