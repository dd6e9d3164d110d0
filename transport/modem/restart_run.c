/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/restart_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transport/clock.h"
#include "transport/modem/upgrade_steps.h"

#define STEPS         2u
#define HEAR_MS       20  /* one look while the power is switched */
#define ASK_EVERY_MS  500 /* an AT in such a look */
#define SILENCES_TOLD 3u  /* so many of them unanswered in a row are a modem without power */
#define SEEN_SIZE     200u
#define HAD_NO_EFFECT 0
#define HAD_AN_EFFECT 1

struct restart {
	struct upgrade upgrade;
	bool answered; /* before anything was done */
	bool port_left;
	unsigned silent; /* ATs in a row that were not answered while the power was switched */
	bool went_silent;
	int64_t ask_at_ms;
	char seen[FAULT_TEXT_SIZE]; /* of the rungs that had no effect, one after the other */
};

static const char *const rung_names[RESTART_RUNG_COUNT] = {
    [RESTART_BY_RESET] = "reset",
    [RESTART_BY_LINES] = "lines",
    [RESTART_BY_POWER] = "power",
    [RESTART_BY_ANY] = "auto",
};

const char *restart_rung_name(enum restart_rung rung)
{
	return rung_names[rung];
}

bool restart_rung_parse(const char *name, enum restart_rung *ret)
{
	for (int rung = 0; rung < RESTART_RUNG_COUNT; rung++) {
		if (strcmp(rung_names[rung], name) != 0)
			continue;
		*ret = (enum restart_rung)rung;
		return true;
	}
	return false;
}

static int had_no_effect(struct restart *restart, const char *by, const char *why)
{
	size_t used = strlen(restart->seen);

	transcript_note(restart->upgrade.request->transcript, "%s: no effect: %s", by, why);
	snprintf(restart->seen + used, sizeof(restart->seen) - used, "%s%s: %s", used > 0 ? "; " : "", by, why);
	return HAD_NO_EFFECT;
}

/* An error of the line that stands in the way of this rung, but of no other. */
static int line_ended(struct restart *restart, const char *by, int error)
{
	struct fault fault = {0};
	int r = modem_line_fault(error, &fault);

	if (r != -EPROTO)
		return r;
	upgrade_close(&restart->upgrade);
	return had_no_effect(restart, by, fault.message);
}

static int try_reset(struct restart *restart)
{
	static const char by[] = "AT^RESET";
	struct modem *modem = &restart->upgrade.modem;
	struct at_reply reply;
	char why[SEEN_SIZE];
	int r;

	if (!restart->answered || !modem->link)
		return had_no_effect(restart, by, "the modem does not answer");
	modem->application_started = false;
	r = at_command(modem->at, by, modem->profile->command_timeout_ms, &reply);
	if (r == 0 && reply.final != AT_FINAL_OK) {
		snprintf(why, sizeof(why), "it was answered with %s", reply.final_text);
		return had_no_effect(restart, by, why);
	}
	if (r == 0 || r == -ETIMEDOUT)
		r = at_session_listen(modem->at, modem->timings->settle_ms, NULL);
	if (r >= 0) {
		at_session_reset(modem->at);
		r = modem_await_alive(modem, (int64_t)modem->profile->boot_budget_s * 1000);
	}
	if (r == -ETIMEDOUT) {
		snprintf(why, sizeof(why), "the modem did not come back in %u s", modem->profile->boot_budget_s);
		restart->answered = false;
		return had_no_effect(restart, by, why);
	}
	return r < 0 ? line_ended(restart, by, r) : HAD_AN_EFFECT;
}

/* An open port holds both lines up. */
static int drop_lines(struct modem *modem)
{
	enum profile_lines lines = modem->profile->restart_lines;
	int r = link_set_lines(modem->link, lines == LINES_RTS, lines == LINES_DTR);

	if (r < 0)
		return r;
	r = at_session_listen(modem->at, modem->timings->lines_low_ms, NULL);
	int raised = link_set_lines(modem->link, true, true);
	return r < 0 ? r : raised;
}

static int try_lines(struct restart *restart)
{
	static const char by[] = "the modem lines";
	struct modem *modem = &restart->upgrade.modem;
	int r;

	if (restart->upgrade.request->profile->restart_lines == LINES_NONE)
		return had_no_effect(restart, by, "the device's profile names none that restart it (restart_lines)");
	if (!modem->link)
		return had_no_effect(restart, by, "the port cannot be used");
	modem->application_started = false;
	r = drop_lines(modem);
	if (r == -ENOTSUP)
		return had_no_effect(restart, by, "the port has none");
	if (r >= 0)
		r = at_session_listen(modem->at, modem->timings->lines_effect_ms, "+SYSSTART");
	at_session_reset(modem->at);
	if (r == 0 && !restart->answered && !modem->application_started)
		r = modem_await_alive(modem, modem->timings->lines_effect_ms) == 0;
	if (r < 0)
		return line_ended(restart, by, r);
	if (r == 0 && !modem->application_started)
		return had_no_effect(restart, by, restart->answered ? "the modem did not start anew" : "the modem stays silent");
	r = modem_await_alive(modem, (int64_t)modem->profile->boot_budget_s * 1000);
	return r < 0 ? line_ended(restart, by, r) : HAD_AN_EFFECT;
}

static void let_go(void *context)
{
	struct restart *restart = context;

	restart->port_left = true;
	upgrade_close(&restart->upgrade);
}

/* Asks AT now and then: whoever answered before and is silent now is without power. */
static int ask(struct restart *restart)
{
	struct modem *modem = &restart->upgrade.modem;
	struct at_reply reply;
	int r;

	if (!restart->answered || clock_now_ms() < restart->ask_at_ms)
		return 0;
	restart->ask_at_ms = clock_deadline_ms(ASK_EVERY_MS);
	r = modem_probe(modem, modem->timings->probe_ms, &reply);
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	restart->silent = r == 0 ? 0 : restart->silent + 1;
	restart->went_silent = restart->went_silent || restart->silent >= SILENCES_TOLD;
	if (r == -ETIMEDOUT)
		at_session_reset(modem->at);
	return 0;
}

static void look(void *context)
{
	struct restart *restart = context;
	struct modem *modem = &restart->upgrade.modem;
	int r;

	if (!modem->link)
		return;
	/* The power is in the middle of something: a cancel waits for its end. */
	int cancel_fd = link_set_cancel_fd(modem->link, -1);
	r = at_session_listen(modem->at, HEAR_MS, NULL);
	if (r == 0)
		r = ask(restart);
	link_set_cancel_fd(modem->link, cancel_fd);
	if (r < 0)
		let_go(restart);
}

/* 0: switched. More than 0: it may not be done now. */
static int switch_power(struct restart *restart, bool *ret_started)
{
	struct upgrade *upgrade = &restart->upgrade;
	const struct power_watch watch = {.look = look, .let_go = let_go, .context = restart};
	struct fault fault = {0};
	int r;

	upgrade->modem.application_started = false;
	restart->port_left = false;
	restart->silent = 0;
	restart->went_silent = false;
	r = upgrade->events->power_cycle(upgrade->events->context, &watch, &fault);
	look(restart);
	*ret_started = upgrade->modem.application_started;
	upgrade_close(upgrade);
	if (r == -EAGAIN)
		return 1 + had_no_effect(restart, "its power", fault.message);
	if (r == -EPROTO)
		*upgrade_fault(upgrade) = fault;
	return r;
}

static int try_power(struct restart *restart)
{
	struct upgrade *upgrade = &restart->upgrade;
	bool started = false;
	int r;

	if (!upgrade->events || !upgrade->events->power_cycle)
		return had_no_effect(restart, "its power", "the device has no means to switch it");
	r = switch_power(restart, &started);
	if (r != 0)
		return r < 0 ? r : HAD_NO_EFFECT;
	upgrade->power_cycled = true;
	memset(upgrade_fault(upgrade), 0, sizeof(struct fault));
	r = upgrade_open(upgrade, BOOT_MODE_UNKNOWN);
	if (r < 0)
		return r;
	if (!restart->port_left && !started && !restart->went_silent && restart->answered)
		return had_no_effect(restart, "its power",
				     "the port stayed, the modem answered all the time and did not start anew: what is switched is "
				     "not its power");
	return HAD_AN_EFFECT;
}

static int climb_to(struct restart *restart, enum restart_rung rung)
{
	switch (rung) {
	case RESTART_BY_RESET:
		return try_reset(restart);
	case RESTART_BY_LINES:
		return try_lines(restart);
	case RESTART_BY_POWER:
		return try_power(restart);
	case RESTART_BY_ANY:
	case RESTART_RUNG_COUNT:
		break;
	}
	return HAD_NO_EFFECT;
}

static int climb(struct restart *restart, enum restart_rung wanted)
{
	enum restart_rung first = wanted == RESTART_BY_ANY ? RESTART_BY_RESET : wanted;
	enum restart_rung last = wanted == RESTART_BY_ANY ? RESTART_BY_POWER : wanted;
	struct fault *fault = upgrade_fault(&restart->upgrade);

	for (int rung = (int)first; rung <= (int)last; rung++) {
		int r = climb_to(restart, (enum restart_rung)rung);
		if (r < 0)
			return r;
		if (r != HAD_AN_EFFECT)
			continue;
		memset(fault, 0, sizeof(*fault));
		upgrade_say(&restart->upgrade, "restarted by %s",
			    rung == RESTART_BY_RESET   ? "AT^RESET"
			    : rung == RESTART_BY_LINES ? "its modem lines"
						       : "its power");
		return 0;
	}
	fault_set(fault, FAULT_POWER_CYCLE_FAILED, "the modem was not restarted");
	fault_set_evidence(fault, restart->seen, strlen(restart->seen));
	if (first == last)
		fault_set(fault, FAULT_POWER_CYCLE_FAILED, "the modem was not restarted: %s", restart->seen);
	return -EPROTO;
}

/* A modem that cannot be found is what this is for; a port that belongs to another program is not touched. */
static int look_first(struct restart *restart)
{
	struct upgrade *upgrade = &restart->upgrade;
	int r = upgrade_open(upgrade, upgrade->request->last_boot_mode);

	if (r == 0)
		r = modem_identify(&upgrade->modem, upgrade_fault(upgrade));
	if (r == 0)
		upgrade_say_modem(upgrade);
	restart->answered = r == 0;
	if (r == 0)
		upgrade->result->before = upgrade->modem.info;
	if (r != -EPROTO || upgrade_fault(upgrade)->code == FAULT_PORT_IN_USE)
		return r;
	upgrade_say(upgrade, "before: %s", upgrade_fault(upgrade)->message);
	return 0;
}

/* Who and how it is. An application that has just started takes a while to tell. */
static int tell_after(struct restart *restart)
{
	struct upgrade *upgrade = &restart->upgrade;
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));

	return r < 0 ? r : upgrade_await_identity(upgrade);
}

int restart_run(const struct upgrade_request *request, enum restart_rung rung, const struct upgrade_events *events,
		struct upgrade_result *ret)
{
	struct restart restart = {0};
	struct upgrade *upgrade = &restart.upgrade;
	int r = 0;

	upgrade_begin(upgrade, request, events, ret);
	upgrade->steps_expected = STEPS;
	if (request->may_be_at_work)
		r = fault_set(upgrade_fault(upgrade), FAULT_POWER_CYCLE_FAILED,
			      "an earlier job failed while this modem took its bundle: it may still be at work, and is left alone");
	if (r == 0)
		r = upgrade_announce(upgrade, PHASE_CONNECT, 1, STEPS, "");
	if (r == 0)
		r = look_first(&restart);
	if (r == 0)
		r = upgrade_announce(upgrade, PHASE_RESTART, STEPS, STEPS, "");
	if (r == 0)
		r = climb(&restart, rung);
	if (r == 0)
		r = tell_after(&restart);
	return upgrade_finish(upgrade, r);
}
