/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/upgrade_run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "transport/modem/upgrade_steps.h"

/* Until the plan is made the steps are counted as those of a plan from the application: all but the helper. */
#define STEPS_EXPECTED ((size_t)PHASE_COUNT - 1)
#define PROBE_STEPS    2u

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

static int make_plan(struct upgrade *upgrade, const struct upgrade_options *options)
{
	const struct upgrade_request *request = upgrade->request;
	int r = upgrade_plan(&upgrade->modem.info, request->profile, request->firmware, options, &upgrade->plan, &upgrade->result->fault);

	for (size_t i = 0; r == 0 && i < upgrade->plan.step_count; i++) {
		if (!upgrade_step_known(upgrade->plan.steps[i].action))
			r = fault_set(upgrade_fault(upgrade), FAULT_BUNDLE_UNSUPPORTED, "this version cannot do this: %s",
				      upgrade->plan.steps[i].what);
	}
	if (r < 0)
		return r;
	upgrade->planned = true;
	upgrade->resumed = true;
	for (size_t i = 0; i < upgrade->plan.step_count; i++) {
		if (upgrade->plan.steps[i].phase == PHASE_TRANSFER)
			upgrade->resumed = false;
	}
	return 0;
}

/* The bundle goes once more: what stood against it was judged before the first pass. */
static int plan_again(struct upgrade *upgrade)
{
	struct upgrade_options options = upgrade->request->options;

	options.force = true;
	options.resume_phase = PHASE_CONNECT;
	upgrade->pass++;
	memset(&upgrade->result->fault, 0, sizeof(upgrade->result->fault));
	return make_plan(upgrade, &options);
}

static size_t first_step_of_work(const struct upgrade_plan *plan)
{
	size_t step = 0;

	while (step < plan->step_count && (plan->steps[step].phase == PHASE_CONNECT || plan->steps[step].phase == PHASE_IDENTIFY))
		step++;
	return step;
}

static int run_step(struct upgrade *upgrade, const char *detail)
{
	enum upgrade_phase phase = upgrade->plan.steps[upgrade->step].phase;
	int r = upgrade_say_phase(upgrade, phase, upgrade->step + 1, upgrade->plan.step_count, detail);

	if (r < 0)
		return r;
	r = upgrade_step_run(upgrade, phase);
	if (r == -EPROTO)
		fault_prefix(&upgrade->result->fault, "%s", upgrade_phase_name(phase));
	return r;
}

static int run_plan(struct upgrade *upgrade)
{
	const char *detail = "";
	int r;

	upgrade->step = first_step_of_work(&upgrade->plan);
	while (upgrade->step < upgrade->plan.step_count) {
		r = run_step(upgrade, detail);
		if (r < 0)
			return r;
		if (r == UPGRADE_AGAIN) {
			detail = "second pass: the modem did not confirm the first, the same bundle is sent once more";
			r = plan_again(upgrade);
			upgrade->step = first_step_of_work(&upgrade->plan);
			if (r < 0)
				return r;
			continue;
		}
		upgrade->step++;
	}
	return 0;
}

/* Connect and identify, which come before a plan can be made. */
static int run_beginning(struct upgrade *upgrade, size_t steps)
{
	static const enum upgrade_phase beginning[] = {PHASE_CONNECT, PHASE_IDENTIFY};

	for (size_t i = 0; i < sizeof(beginning) / sizeof(beginning[0]); i++) {
		int r = upgrade_say_phase(upgrade, beginning[i], i + 1, steps, "");
		if (r == 0)
			r = upgrade_step_run(upgrade, beginning[i]);
		if (r == -EPROTO)
			fault_prefix(&upgrade->result->fault, "%s", upgrade_phase_name(beginning[i]));
		if (r < 0)
			return r;
	}
	upgrade->result->before = upgrade->modem.info;
	return 0;
}

/* A modem that we took out of its application, or whose radio we turned off, and that got nothing yet, goes back to work. */
static void bring_back(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	struct fault fault;
	int r;

	if (!modem->link || upgrade->result->sent || (!upgrade->switched && !upgrade->quiesced))
		return;
	link_set_cancel_fd(modem->link, -1);
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

static int finish(struct upgrade *upgrade, int r)
{
	if (r < 0)
		bring_back(upgrade);
	upgrade_say_crashes(upgrade);
	if (upgrade->modem.link) {
		upgrade->result->after = upgrade->modem.info;
		modem_close(&upgrade->modem);
	}
	if (r == -EPROTO)
		transcript_note(upgrade->request->transcript, "%s: %s", fault_code_name(upgrade->result->fault.code),
				upgrade->result->fault.message);
	return r;
}

static void upgrade_init(struct upgrade *upgrade, const struct upgrade_request *request, const struct upgrade_events *events,
			 struct upgrade_result *ret)
{
	memset(upgrade, 0, sizeof(*upgrade));
	memset(ret, 0, sizeof(*ret));
	ret->before.boot_mode = BOOT_MODE_UNKNOWN;
	ret->after.boot_mode = BOOT_MODE_UNKNOWN;
	upgrade->request = request;
	upgrade->events = events;
	upgrade->result = ret;
	upgrade->pass = 1;
}

int upgrade_run(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret)
{
	struct upgrade upgrade;
	int r;

	upgrade_init(&upgrade, request, events, ret);
	r = run_beginning(&upgrade, STEPS_EXPECTED);
	if (r == 0)
		r = make_plan(&upgrade, &request->options);
	if (r == 0)
		r = run_plan(&upgrade);
	return finish(&upgrade, r);
}

int probe_run(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret)
{
	struct upgrade upgrade;
	int r;

	upgrade_init(&upgrade, request, events, ret);
	r = run_beginning(&upgrade, PROBE_STEPS);
	if (r == 0)
		r = upgrade_read_report(&upgrade);
	return finish(&upgrade, r);
}
