/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/upgrade_run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "transport/modem/board.h"
#include "transport/modem/upgrade_steps.h"

/* Until the plan is made the steps are counted as those of a plan from the application: all but the helper. */
#define STEPS_EXPECTED ((size_t)PHASE_COUNT - 1)
#define PROBE_STEPS    2u
#define REPLANS_MAX    2u

int upgrade_say_phase(struct upgrade *upgrade, enum upgrade_phase phase, size_t step, size_t steps, const char *detail)
{
	const struct upgrade_events *events = upgrade->events;

	transcript_note(upgrade->request->transcript, "phase %s%s%s", upgrade_phase_name(phase), detail[0] ? ": " : "", detail);
	return events && events->phase ? events->phase(events->context, phase, step, steps, detail) : 0;
}

void upgrade_say_modem(struct upgrade *upgrade)
{
	const struct upgrade_events *events = upgrade->events;

	if (events && events->modem)
		events->modem(events->context, &upgrade->modem.info);
}

void upgrade_say(struct upgrade *upgrade, const char *format, ...)
{
	const struct upgrade_events *events = upgrade->events;
	char text[FAULT_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	transcript_note(upgrade->request->transcript, "%s", text);
	if (events && events->note)
		events->note(events->context, text);
}

static size_t first_step_of_work(const struct upgrade_plan *plan)
{
	size_t step = 0;

	while (step < plan->step_count && (plan->steps[step].phase == PHASE_CONNECT || plan->steps[step].phase == PHASE_IDENTIFY))
		step++;
	return step;
}

static void say_way(const struct upgrade *upgrade)
{
	const struct upgrade_events *events = upgrade->events;

	if (!upgrade->resumed && events && events->way)
		events->way(events->context, upgrade->plan.way);
}

static int make_plan(struct upgrade *upgrade)
{
	const struct upgrade_request *request = upgrade->request;
	int r = upgrade_plan(&upgrade->modem.info, request->profile, request->firmware, &upgrade->options, &upgrade->plan,
			     upgrade_fault(upgrade));

	if (r < 0)
		return r;
	upgrade->resumed = true;
	for (size_t i = 0; i < upgrade->plan.step_count; i++) {
		if (upgrade->plan.steps[i].phase == PHASE_TRANSFER)
			upgrade->resumed = false;
	}
	say_way(upgrade);
	/* Only the second file of a pair is left: an earlier run brought the modem between the two. */
	if (upgrade->plan.steps[first_step_of_work(&upgrade->plan)].file == 1)
		upgrade->modem.reset_forbidden = true;
	if (upgrade->plan.helper_unused && upgrade->pass == 1 && upgrade->replans == 0)
		upgrade_say(upgrade, "the helper is not needed: the modem is in boot mode %d (%s)", (int)upgrade->modem.info.boot_mode,
			    boot_mode_name(upgrade->modem.info.boot_mode));
	if (upgrade->plan.warning[0] && upgrade->pass == 1 && !upgrade->warned) {
		upgrade_say(upgrade, "%s", upgrade->plan.warning);
		upgrade->warned = true;
	}
	return 0;
}

/* The bundle goes once more: what stood against it was judged before the first pass. */
static int plan_second_pass(struct upgrade *upgrade)
{
	upgrade->options.force = true;
	upgrade->options.resume_phase = PHASE_CONNECT;
	upgrade->pass++;
	upgrade->trusted = false;
	return make_plan(upgrade);
}

/* The modem is not where the plan is made for: whose boot mode it is decides, as after an interruption at this step. */
static int plan_anew(struct upgrade *upgrade)
{
	enum upgrade_phase phase = upgrade_step_now(upgrade)->phase;
	const struct modem_info *info = &upgrade->modem.info;

	upgrade_say_modem(upgrade);
	upgrade_say(upgrade, "the modem is in boot mode %d (%s): planned anew from there", (int)info->boot_mode,
		    boot_mode_name(info->boot_mode));
	bool counted = upgrade_step_now(upgrade)->action != ACTION_LOOK; /* that step leads to a plan by its nature */
	if (counted && upgrade->replans == REPLANS_MAX)
		return fault_set(upgrade_fault(upgrade), FAULT_BOOT_MODE_UNCHANGED,
				 "the modem does not stay where it is brought to: it is in boot mode %d (%s) once more",
				 (int)info->boot_mode, boot_mode_name(info->boot_mode));
	upgrade->replans += counted;
	int r = upgrade_identify(upgrade);
	if (r < 0)
		return r;
	if (upgrade->options.resume_phase < phase)
		upgrade->options.resume_phase = phase;
	if (upgrade->options.from_build == 0)
		upgrade->options.from_build = upgrade->result->before.build;
	if (upgrade->options.from_family == FAMILY_UNKNOWN)
		upgrade->options.from_family = info->family;
	if (upgrade->result->before.release[0] == '\0' && !upgrade->result->sent)
		upgrade->result->before = *info;
	return make_plan(upgrade);
}

/* Between transfer and apply modems were lost. */
int upgrade_announce(struct upgrade *upgrade, enum upgrade_phase phase, size_t step, size_t steps, const char *detail)
{
	int r = upgrade_say_phase(upgrade, phase, step, steps, detail);

	if (r >= 0 || !upgrade->crossed)
		return r;
	upgrade_say(upgrade, "the phase %s could not be stored (%s): the job goes on, as there is no way back", upgrade_phase_name(phase),
		    strerror(-r));
	return 0;
}

static int run_action(struct upgrade *upgrade, enum upgrade_action action, enum upgrade_phase phase)
{
	int r = upgrade_step_run(upgrade, action);

	if (r == -EPROTO)
		fault_prefix(upgrade_fault(upgrade), "%s", upgrade_phase_name(phase));
	/* What was cured on the way. */
	if (r >= 0)
		memset(upgrade_fault(upgrade), 0, sizeof(struct fault));
	return r;
}

/* Several actions share the phase helper, and the second file repeats phases: their detail tells them apart. */
static int run_step(struct upgrade *upgrade, const char *detail)
{
	const struct upgrade_step *step = upgrade_step_now(upgrade);
	bool tells = step->phase == PHASE_HELPER || (step->file == 1 && step->phase != PHASE_VERIFY);
	int r = upgrade_announce(upgrade, step->phase, upgrade->step + 1, upgrade->plan.step_count, tells ? step->what : detail);

	return r < 0 ? r : run_action(upgrade, step->action, step->phase);
}

static int run_plan(struct upgrade *upgrade)
{
	const char *detail = "";

	upgrade->step = first_step_of_work(&upgrade->plan);
	while (upgrade->step < upgrade->plan.step_count) {
		int r = run_step(upgrade, detail);
		if (r == 0) {
			upgrade->step++;
			continue;
		}
		if (r == UPGRADE_AGAIN) {
			detail = "second pass: the modem did not confirm the first, the same bundle is sent once more";
			upgrade_say(upgrade, "%s", detail);
			r = plan_second_pass(upgrade);
		} else if (r == UPGRADE_REPLAN) {
			r = plan_anew(upgrade);
		}
		if (r < 0)
			return r;
		upgrade->step = first_step_of_work(&upgrade->plan);
	}
	return 0;
}

/* Connect and identify, which come before a plan can be made. */
static int run_beginning(struct upgrade *upgrade)
{
	static const struct {
		enum upgrade_phase phase;
		enum upgrade_action action;
	} beginning[] = {{PHASE_CONNECT, ACTION_CONNECT}, {PHASE_IDENTIFY, ACTION_IDENTIFY}};

	for (size_t i = 0; i < sizeof(beginning) / sizeof(beginning[0]); i++) {
		int r = upgrade_announce(upgrade, beginning[i].phase, i + 1, upgrade->steps_expected, "");
		if (r == 0)
			r = run_action(upgrade, beginning[i].action, beginning[i].phase);
		if (r < 0)
			return r;
	}
	upgrade->result->before = upgrade->modem.info;
	return 0;
}

/* A modem that we took out of its application, or whose radio we turned off, and that got nothing yet, goes back to work. */
static bool may_bring_back(const struct upgrade *upgrade)
{
	/* Another modem than the one that an earlier run had in its hands owes nothing to this job. */
	if (upgrade->result->fault.code == FAULT_IDENTITY_CHANGED && upgrade->request->options.resume_phase >= PHASE_PREPARE)
		return false;
	/* Whoever runs the job again when the port is back brings it on, or back. */
	if (upgrade->result->fault.code == FAULT_PORT_GONE)
		return false;
	return upgrade->modem.link && (upgrade->switched || upgrade->quiesced) && !upgrade->crossed && !upgrade->hands_off &&
	       !upgrade->modem.reset_forbidden && !upgrade->request->options.sent;
}

static void bring_back(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	struct fault fault = {0};
	int r;

	link_set_cancel_fd(modem->link, -1);
	/* A cancel may have come before the bridge was there. */
	r = upgrade->bridged ? 0 : board_open_bridge(modem, upgrade->request->last_boot_mode, &fault);
	if (r == 0)
		r = modem_detect(modem, modem->timings->bring_back_ms, &fault);
	if (r == 0 && modem->info.boot_mode == BOOT_MODE_FFF)
		r = at_command_ok(modem->at, "AT^RESET", modem->profile->command_timeout_ms, NULL);
	else if (r == 0)
		r = modem_switch_boot_mode(modem, BOOT_MODE_FFF, &fault);
	if (r == 0)
		upgrade_say(upgrade, "the modem was brought back to its application");
	else
		upgrade_say(upgrade, "the modem could not be brought back to its application: last seen in boot mode %d (%s)",
			    (int)modem->info.boot_mode, boot_mode_name(modem->info.boot_mode));
	upgrade_say_modem(upgrade);
}

/* The rate at which the application was met. What was raised in another boot mode says nothing of the application's own. */
static void restore_rate(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	const struct modem_info *before = &upgrade->result->before;
	struct fault fault = {0};

	if (!modem->link || modem->talk_rate_bps == 0)
		return;
	if (modem->info.boot_mode == BOOT_MODE_FFF)
		modem->talk_rate_bps = before->boot_mode == BOOT_MODE_FFF ? before->rate_bps : 0;
	if (modem->talk_rate_bps == link_rate(modem->link))
		modem->talk_rate_bps = 0;
	link_set_cancel_fd(modem->link, -1);
	if (modem_restore_rate(modem, &fault) < 0)
		upgrade_say(upgrade, "the rate of before could not be restored: %s", fault.message);
}

/* It tells to cut the board's power: not while the modem may be at work on what it was sent (field-failures.md F40, F47). */
static const char *farewell_now(const struct upgrade *upgrade, int r)
{
	bool begun = upgrade->crossed || upgrade->hands_off || upgrade->request->options.sent;

	return upgrade->bridged && (r == 0 || !begun) ? board_farewell(upgrade->request->profile) : NULL;
}

int upgrade_finish(struct upgrade *upgrade, int r)
{
	const char *farewell = farewell_now(upgrade, r);

	if (r < 0 && may_bring_back(upgrade))
		bring_back(upgrade);
	else if (r == 0)
		restore_rate(upgrade);
	upgrade_say_crashes(upgrade);
	if (farewell)
		upgrade_say(upgrade, "%s", farewell);
	if (upgrade->modem.link) {
		upgrade->result->after = upgrade->modem.info;
		upgrade_close(upgrade);
	}
	if (r == -EPROTO)
		transcript_note(upgrade->request->transcript, "%s: %s", fault_code_name(upgrade->result->fault.code),
				upgrade->result->fault.message);
	return r;
}

/* An earlier run of the job may have done that; what it sent is told by options.sent. */
static void take_over(struct upgrade *upgrade)
{
	enum upgrade_phase resume = upgrade->options.resume_phase;

	upgrade->quiesced = resume >= PHASE_PREPARE && resume <= PHASE_TRANSFER;
	upgrade->switched = resume >= PHASE_SWITCH && resume <= PHASE_TRANSFER;
}

void upgrade_begin(struct upgrade *upgrade, const struct upgrade_request *request, const struct upgrade_events *events,
		   struct upgrade_result *ret)
{
	memset(upgrade, 0, sizeof(*upgrade));
	memset(ret, 0, sizeof(*ret));
	ret->before.boot_mode = BOOT_MODE_UNKNOWN;
	ret->after.boot_mode = BOOT_MODE_UNKNOWN;
	upgrade->request = request;
	upgrade->events = events;
	upgrade->result = ret;
	upgrade->options = request->options;
	upgrade->pass = 1;
	take_over(upgrade);
}

int upgrade_run(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret)
{
	struct upgrade upgrade;
	int r;

	upgrade_begin(&upgrade, request, events, ret);
	upgrade.steps_expected = STEPS_EXPECTED;
	r = run_beginning(&upgrade);
	if (r == 0)
		r = make_plan(&upgrade);
	if (r == 0)
		r = run_plan(&upgrade);
	return upgrade_finish(&upgrade, r);
}

int probe_run(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret)
{
	struct upgrade upgrade;
	int r;

	upgrade_begin(&upgrade, request, events, ret);
	upgrade.steps_expected = PROBE_STEPS;
	r = run_beginning(&upgrade);
	if (r == 0)
		r = upgrade_read_report(&upgrade);
	return upgrade_finish(&upgrade, r);
}
