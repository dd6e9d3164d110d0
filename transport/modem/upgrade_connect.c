/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the modem, and bringing it to another boot mode when it refuses: field-failures.md F01, F02, F09.
 */
#include "transport/modem/upgrade_steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transport/clock.h"
#include "transport/modem/board.h"

#define WAITING_SAID_MS 30000 /* how often a wait of many minutes is told */
#define BOARD_START_MS                                                                                                                     \
	60000 /* how long a board may take to start its own firmware; ours, no board was seen to need more than a few seconds */

/* A modem of an interrupted job may be erasing, applying or restarting: protocol.md 7, Budgets. */
static int64_t connect_patience_ms(const struct upgrade *upgrade)
{
	const struct upgrade_request *request = upgrade->request;
	enum upgrade_phase resume = request->options.resume_phase;

	if (resume >= PHASE_TRANSFER || (resume >= PHASE_HELPER && request->options.sent))
		return (int64_t)request->profile->apply_budget_s * 1000;
	return resume >= PHASE_SWITCH || upgrade->power_cycled ? (int64_t)request->profile->boot_budget_s * 1000 : 0;
}

/* Who stands before a board that says nothing for minutes pulls its plug, and modems died of that. What the callback answers is of no use here. */
static void say_waiting(void *context, int64_t waited_ms, const char *seen)
{
	struct upgrade *upgrade = context;
	const struct upgrade_options *options = &upgrade->request->options;
	bool begun = options->sent || options->resume_phase >= PHASE_TRANSFER;
	char detail[FAULT_TEXT_SIZE];

	if (upgrade->waiting_said_ms != 0 && clock_now_ms() - upgrade->waiting_said_ms < WAITING_SAID_MS)
		return;
	upgrade->waiting_said_ms = clock_now_ms();
	snprintf(detail, sizeof(detail), "no answer since %lld s: %s; up to %lld s are waited (%s)", (long long)(waited_ms / 1000),
		 begun ? "leave its power on, the modem may be at work on what was sent" : "the modem may be restarting",
		 (long long)(connect_patience_ms(upgrade) / 1000), seen);
	if (upgrade->plan.step_count == 0)
		(void)upgrade_say_phase(upgrade, PHASE_CONNECT, 1, upgrade->steps_expected, detail);
	else
		(void)upgrade_say_phase(upgrade, upgrade_step_now(upgrade)->phase, upgrade->step + 1, upgrade->plan.step_count, detail);
}

/* For a modem that says nothing of itself. */
static enum modem_family likely_family(const struct upgrade_request *request)
{
	if (request->last_family != FAMILY_UNKNOWN || !request->firmware)
		return request->last_family;
	return request->firmware->family;
}

/* A board that was given its power first starts its own firmware: it says nothing, or what is no prompt. */
static bool may_be_starting(const struct upgrade *upgrade, int r)
{
	const struct modem *modem = &upgrade->modem;

	if (!upgrade->power_cycled || modem->profile->board == BOARD_DIRECT)
		return false;
	return r == -EPROTO ? upgrade->result->fault.code == FAULT_BOARD_NO_BRIDGE
			    : r == 0 && modem->board_silence.code && !modem->board_spoke;
}

static int open_bridge(struct upgrade *upgrade, enum boot_mode last_boot_mode)
{
	struct modem *modem = &upgrade->modem;
	int64_t budget_ms = (int64_t)modem->profile->boot_budget_s * 1000;
	int64_t deadline_ms = clock_deadline_ms(budget_ms < BOARD_START_MS ? budget_ms : BOARD_START_MS);
	int r = board_open_bridge(modem, last_boot_mode, upgrade_fault(upgrade));

	while (may_be_starting(upgrade, r) && clock_now_ms() < deadline_ms) {
		r = link_quiet(modem->link, modem->timings->poll_pause_ms);
		if (r < 0)
			return modem_line_fault(r, upgrade_fault(upgrade));
		r = board_open_bridge(modem, last_boot_mode, upgrade_fault(upgrade));
	}
	return r;
}

static void say_driver(const struct upgrade *upgrade, const char *call)
{
	if (upgrade->events && upgrade->events->driver)
		upgrade->events->driver(upgrade->events->context, call);
}

static int open_modem(struct upgrade *upgrade)
{
	const struct upgrade_request *request = upgrade->request;
	int r;

	say_driver(upgrade, "opened");
	r = modem_open(&upgrade->modem, request->port, request->profile, request->last_rate_bps, request->transcript, request->cancel_fd,
		       upgrade_fault(upgrade));
	say_driver(upgrade, NULL);
	return r;
}

void upgrade_close(struct upgrade *upgrade)
{
	if (!upgrade->modem.link)
		return;
	say_driver(upgrade, "closed");
	modem_close(&upgrade->modem);
	say_driver(upgrade, NULL);
}

int upgrade_open(struct upgrade *upgrade, enum boot_mode last_boot_mode)
{
	const struct upgrade_request *request = upgrade->request;
	struct modem *modem = &upgrade->modem;
	enum modem_family family = modem->info.family;
	int r = open_modem(upgrade);

	if (r < 0)
		return r;
	if (request->timings)
		modem->timings = request->timings;
	modem->report = &upgrade->result->report;
	modem->likely_family = likely_family(request);
	/* What it told before its power was cycled. */
	if (family != FAMILY_UNKNOWN)
		modem->info.family = family;
	r = open_bridge(upgrade, last_boot_mode);
	if (modem->board_release[0])
		upgrade_say(upgrade, "the board's own firmware is %s", modem->board_release);
	if (r < 0)
		return r;
	upgrade->bridged = true;
	modem->waiting = say_waiting;
	modem->waiting_context = upgrade;
	r = modem_detect(modem, connect_patience_ms(upgrade), upgrade_fault(upgrade));
	modem->waiting = NULL;
	return r;
}

/* field-failures.md F29, F40, F47: modems died of a power cycle in the middle of a transfer, an apply or a pair. All of that is past the
 * point of no return, in this run or in an earlier one. */
static bool may_cycle_power(const struct upgrade *upgrade)
{
	const struct upgrade_options *options = &upgrade->request->options;

	return upgrade->events && upgrade->events->power_cycle && !upgrade->power_cycled && !upgrade->crossed && !options->sent &&
	       !upgrade->request->may_be_at_work && options->resume_phase < PHASE_TRANSFER;
}

/* Power off and on, and the ladder again. What the fault says afterwards tells of it. */
static int cycle_power(struct upgrade *upgrade, const char *reason, enum boot_mode last_boot_mode)
{
	struct fault before = *upgrade_fault(upgrade), fault = {0};
	int r;

	upgrade_say(upgrade, "%s: its power is cycled", reason);
	upgrade_close(upgrade);
	r = upgrade->events->power_cycle(upgrade->events->context, NULL, &fault);
	if (r == -EAGAIN) {
		upgrade_say(upgrade, "its power is not cycled: %s", fault.message);
		*upgrade_fault(upgrade) = before;
		return -EPROTO;
	}
	upgrade->power_cycled = true;
	*upgrade_fault(upgrade) = fault;
	return r < 0 ? r : upgrade_open(upgrade, last_boot_mode);
}

static int told_of_power(struct upgrade *upgrade, int r)
{
	struct fault *fault = upgrade_fault(upgrade);
	size_t used = strlen(fault->message);

	if (r == -EPROTO && upgrade->power_cycled && fault->code != FAULT_POWER_CYCLE_FAILED)
		snprintf(fault->message + used, sizeof(fault->message) - used, "; its power was cycled, which did not help");
	return r;
}

/* What is told to do about a silent modem takes its power away. */
static void warn_of_work(struct upgrade *upgrade, int r)
{
	struct fault *fault = upgrade_fault(upgrade);
	size_t used = strlen(fault->message);

	if (r == -EPROTO && upgrade->request->may_be_at_work && fault->code != FAULT_PORT_GONE && fault->code != FAULT_PORT_IN_USE)
		snprintf(
		    fault->message + used, sizeof(fault->message) - used,
		    "; an earlier job failed while this modem took its bundle: leave its power on for %u minutes before you do anything "
		    "else",
		    upgrade->request->profile->apply_budget_s / 60);
}

/* The board did what it was told, and a board that lost its power can be told something else: board.h. */
static bool out_of_reach(struct upgrade *upgrade, int r)
{
	enum fault_code code = upgrade_fault(upgrade)->code;

	return r == -EPROTO && code == FAULT_BOARD_NO_BRIDGE && upgrade->modem.board_silence.code == code;
}

int upgrade_connect(struct upgrade *upgrade)
{
	enum boot_mode last_boot_mode = upgrade->request->last_boot_mode;
	int r = upgrade_open(upgrade, last_boot_mode);
	enum fault_code code = upgrade_fault(upgrade)->code;

	if (r == -EPROTO && (code == FAULT_MODEM_SILENT || code == FAULT_MODEM_UNPOWERED) && may_cycle_power(upgrade))
		r = told_of_power(upgrade, cycle_power(upgrade, "the modem does not answer", last_boot_mode));
	else if (out_of_reach(upgrade, r) && may_cycle_power(upgrade))
		r = told_of_power(upgrade, cycle_power(upgrade, "the modem is out of the board's reach", upgrade->modem.info.boot_mode));
	warn_of_work(upgrade, r);
	upgrade->result->boot_mode_refuted = out_of_reach(upgrade, r) && upgrade->modem.info.boot_mode == BOOT_MODE_UNKNOWN;
	if (r < 0)
		return r;
	upgrade_say_modem(upgrade);
	return 0;
}

/* A restarted application has its radio on again. */
static int switch_again(struct upgrade *upgrade, enum boot_mode wanted)
{
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));

	if (r == 0 && wanted != BOOT_MODE_FFF)
		r = upgrade_quiet(upgrade);
	return r < 0 ? r : modem_switch_boot_mode(&upgrade->modem, wanted, upgrade_fault(upgrade));
}

static int switch_after_reset(struct upgrade *upgrade, enum boot_mode wanted)
{
	int r = upgrade_reset(upgrade, (int64_t)upgrade->modem.profile->boot_budget_s * 1000);

	if (r == -ETIMEDOUT)
		return fault_set(upgrade_fault(upgrade), FAULT_RESTART_TIMEOUT, "the modem did not come back from AT^RESET in %u s",
				 upgrade->modem.profile->boot_budget_s);
	return r < 0 ? modem_line_fault(r, upgrade_fault(upgrade)) : switch_again(upgrade, wanted);
}

static int switch_after_power(struct upgrade *upgrade, enum boot_mode wanted)
{
	int r = cycle_power(upgrade, "the modem refuses to change its boot mode", upgrade->modem.info.boot_mode);

	if (r == 0)
		r = upgrade_identify(upgrade);
	return told_of_power(upgrade, r < 0 ? r : switch_again(upgrade, wanted));
}

static bool refused(const struct upgrade *upgrade, int r)
{
	return r == -EPROTO && upgrade->result->fault.code == FAULT_BOOT_MODE_REFUSED;
}

int upgrade_switch(struct upgrade *upgrade, enum boot_mode wanted)
{
	int r = modem_switch_boot_mode(&upgrade->modem, wanted, upgrade_fault(upgrade));

	if (refused(upgrade, r) && !upgrade->modem.reset_forbidden) {
		upgrade_say(upgrade, "the modem refuses to change its boot mode: it is restarted once and asked again");
		r = switch_after_reset(upgrade, wanted);
	}
	if (refused(upgrade, r) && may_cycle_power(upgrade))
		r = switch_after_power(upgrade, wanted);
	if (r < 0)
		return r;
	upgrade_say_modem(upgrade);
	return 0;
}

/* A Monarch 2 may say so of an upgrade that shows after one more restart (field-failures.md F50). */
static bool tells_failure(const struct upgrade *upgrade, enum apply_report report)
{
	return report == REPORT_FAIL || (report == REPORT_NOT_SUCCESS && upgrade->plan.family != FAMILY_MONARCH2);
}

static bool forbear(struct upgrade *upgrade, enum apply_report report, const char *said)
{
	if (upgrade->request->firmware->helper || !tells_failure(upgrade, report))
		return false;
	upgrade->options.broken_off = true;
	upgrade_say(upgrade, "the application is not started: the modem reports %s, and one that is half-written may need a helper", said);
	return true;
}

/* A modem in recovery may have a whole application, which tells what recovery does not. It comes up or not: once is enough, and what is true
 * afterwards is planned from. One that is at work on what somebody sent it is waited for. */
int upgrade_look(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	enum apply_report report = REPORT_PENDING;
	int r = modem_settle_boot_mode(modem, upgrade_fault(upgrade));

	if (r == 0 && modem->info.boot_mode == BOOT_MODE_RECOVERY)
		r = upgrade_await_earlier(upgrade, &report);
	if (r < 0)
		return r;
	upgrade->options.looked = true;
	if (modem->info.boot_mode == BOOT_MODE_RECOVERY && forbear(upgrade, report, upgrade->apply_text))
		return UPGRADE_REPLAN;
	if (modem->info.boot_mode == BOOT_MODE_RECOVERY)
		r = modem_try_boot_mode(modem, BOOT_MODE_FFF, upgrade_fault(upgrade));
	enum fault_code code = upgrade_fault(upgrade)->code;
	if (r == -EPROTO && code != FAULT_BOOT_MODE_REFUSED && code != FAULT_BOOT_MODE_UNCHANGED)
		return r;
	if (r == -EPROTO)
		upgrade_say(upgrade, "the application does not come up: the modem stays in boot mode %d (%s)", (int)modem->info.boot_mode,
			    boot_mode_name(modem->info.boot_mode));
	return r < 0 && r != -EPROTO ? r : UPGRADE_REPLAN;
}

int upgrade_to_recovery(struct upgrade *upgrade)
{
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));

	if (r < 0 || upgrade_takes_bundles(upgrade->modem.info.boot_mode))
		return r;
	if (upgrade->modem.info.boot_mode != BOOT_MODE_FFF)
		return UPGRADE_REPLAN;
	/* The last moment at which the modem can be told from another one. */
	r = upgrade_identify(upgrade);
	if (r < 0)
		return r;
	upgrade->switched = true;
	return upgrade_switch(upgrade, BOOT_MODE_RECOVERY);
}
