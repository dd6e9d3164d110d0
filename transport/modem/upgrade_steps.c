/* SPDX-License-Identifier: Apache-2.0
 *
 * Procedures A and B of protocol.md 7, phase by phase.
 */
#include "transport/modem/upgrade_steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* A modem of an interrupted job may be erasing, applying or restarting: protocol.md 7, Budgets. */
static int64_t connect_patience_ms(const struct upgrade_request *request)
{
	enum upgrade_phase resume = request->options.resume_phase;

	if (resume >= PHASE_TRANSFER)
		return (int64_t)request->profile->apply_budget_s * 1000;
	return resume >= PHASE_SWITCH ? (int64_t)request->profile->boot_budget_s * 1000 : 0;
}

/* For a modem that says nothing of itself. */
static enum modem_family likely_family(const struct upgrade_request *request)
{
	if (request->last_family != FAMILY_UNKNOWN || !request->firmware)
		return request->last_family;
	return request->firmware->family;
}

static int step_connect(struct upgrade *upgrade)
{
	const struct upgrade_request *request = upgrade->request;
	int r = modem_open(&upgrade->modem, request->port, request->profile, request->last_rate_bps, request->transcript,
			   request->cancel_fd, upgrade_fault(upgrade));

	if (r < 0)
		return r;
	if (request->timings)
		upgrade->modem.timings = request->timings;
	upgrade->modem.report = &upgrade->result->report;
	upgrade->modem.likely_family = likely_family(request);
	r = modem_detect(&upgrade->modem, connect_patience_ms(request), upgrade_fault(upgrade));
	if (r < 0)
		return r;
	upgrade_say_modem(upgrade);
	return 0;
}

static bool identity_complete(const struct modem_info *info)
{
	return info->boot_mode != BOOT_MODE_FFF || (info->release[0] && info->imei[0]);
}

int upgrade_check_imei(struct upgrade *upgrade, const char *expected)
{
	const struct modem_info *info = &upgrade->modem.info;

	if (!expected || expected[0] == '\0' || info->boot_mode != BOOT_MODE_FFF || strcmp(expected, info->imei) == 0)
		return 0;
	if (info->imei[0] == '\0')
		return fault_set(upgrade_fault(upgrade), FAULT_IDENTITY_CHANGED, "the modem does not tell its IMEI, which was %s",
				 expected);
	return fault_set(upgrade_fault(upgrade), FAULT_IDENTITY_CHANGED, "another modem: its IMEI is %s and was %s", info->imei, expected);
}

static int step_identify(struct upgrade *upgrade)
{
	for (int tries = 1;; tries++) {
		int r = modem_identify(&upgrade->modem, upgrade_fault(upgrade));
		if (r == 0 && !identity_complete(&upgrade->modem.info) && tries < IDENTIFY_TRIES) {
			r = upgrade_pause(upgrade);
			if (r == 0)
				continue;
		}
		if (r < 0)
			return r;
		upgrade_say_modem(upgrade);
		return upgrade_check_imei(upgrade, upgrade->request->expected_imei);
	}
}

static int step_prepare(struct upgrade *upgrade)
{
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));

	if (r < 0 || upgrade->modem.info.boot_mode != BOOT_MODE_FFF)
		return r;
	upgrade->quiesced = true;
	return upgrade_say_dialogue(upgrade, prepare_dialogue, sizeof(prepare_dialogue) / sizeof(prepare_dialogue[0]));
}

int upgrade_switch_to_recovery(struct upgrade *upgrade)
{
	int r;

	upgrade->switched = true;
	r = modem_switch_boot_mode(&upgrade->modem, BOOT_MODE_RECOVERY, upgrade_fault(upgrade));
	if (r < 0)
		return r;
	upgrade_say_modem(upgrade);
	return 0;
}

static int step_switch(struct upgrade *upgrade)
{
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));

	if (r < 0 || upgrade->modem.info.boot_mode == BOOT_MODE_RECOVERY)
		return r;
	/* The last moment at which the modem can be told from another one. */
	r = modem_identify(&upgrade->modem, upgrade_fault(upgrade));
	if (r == 0)
		r = upgrade_check_imei(upgrade, upgrade->result->before.imei);
	return r < 0 ? r : upgrade_switch_to_recovery(upgrade);
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

static int step_helper(struct upgrade *upgrade)
{
	return fault_set(upgrade_fault(upgrade), FAULT_HELPER_NEEDED, "this version cannot start a helper yet");
}

static int (*const step_functions[PHASE_COUNT])(struct upgrade *upgrade) = {
    [PHASE_CONNECT] = step_connect,     [PHASE_IDENTIFY] = step_identify,       [PHASE_PREPARE] = step_prepare,
    [PHASE_SWITCH] = step_switch,       [PHASE_HELPER] = step_helper,           [PHASE_TRANSFER] = upgrade_step_transfer,
    [PHASE_APPLY] = upgrade_step_apply, [PHASE_RESTART] = upgrade_step_restart, [PHASE_VERIFY] = upgrade_step_verify,
};

bool upgrade_step_known(enum upgrade_action action)
{
	return action == ACTION_CONNECT || action == ACTION_IDENTIFY || action == ACTION_QUIET || action == ACTION_TO_RECOVERY ||
	       action == ACTION_SEND || action == ACTION_AWAIT_APPLY || action == ACTION_RESTART || action == ACTION_VERIFY;
}

int upgrade_step_run(struct upgrade *upgrade, enum upgrade_phase phase)
{
	return step_functions[phase](upgrade);
}
