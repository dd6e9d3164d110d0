/* SPDX-License-Identifier: Apache-2.0
 *
 * AT+SMOD? and AT+SMSWBOOT: protocol.md 1, and 7 for what differs on Monarch 2.
 */
#include "transport/modem/modem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transport/at/at_value.h"
#include "transport/clock.h"

#define ASK_TRIES       3
#define SWITCH_ATTEMPTS 3
#define REFUSAL_SIZE    128u
/* protocol.md 7 B: so many questions before a modem that answers ERROR is taken to be in RECOVERY. */
#define RECOVERY_ERRORS 5

static const struct {
	enum boot_mode mode;
	const char *name;
	int switch_value; /* AT+SMSWBOOT has a scale of its own; -1: no command leads there */
} boot_modes[] = {
    {BOOT_MODE_UNKNOWN, "unknown", -1}, {BOOT_MODE_FFH, "ffh", 0},         {BOOT_MODE_MTOOLS, "mtools", -1},
    {BOOT_MODE_FFF, "fff", 1},          {BOOT_MODE_UPDATER, "updater", 2}, {BOOT_MODE_RECOVERY, "recovery", 3},
};

const char *boot_mode_name(enum boot_mode mode)
{
	for (size_t i = 0; i < sizeof(boot_modes) / sizeof(boot_modes[0]); i++) {
		if (boot_modes[i].mode == mode)
			return boot_modes[i].name;
	}
	return "unknown";
}

static int switch_value(enum boot_mode mode)
{
	for (size_t i = 0; i < sizeof(boot_modes) / sizeof(boot_modes[0]); i++) {
		if (boot_modes[i].mode == mode)
			return boot_modes[i].switch_value;
	}
	return -1;
}

enum boot_mode boot_mode_of_reply(const struct at_reply *reply)
{
	enum boot_mode mode = BOOT_MODE_UNKNOWN;

	for (size_t i = 0; i < reply->line_count; i++) {
		struct at_value value;
		int64_t number;

		if (at_value_begin(&value, reply->lines[i], "") && at_value_int(&value, &number) && at_value_end(&value) &&
		    number >= BOOT_MODE_FFH && number <= BOOT_MODE_RECOVERY)
			mode = (enum boot_mode)number;
	}
	return mode;
}

static int ask(struct modem *modem, struct at_reply *reply, enum boot_mode *ret)
{
	int r = at_command(modem->at, "AT+SMOD?", modem->profile->command_timeout_ms, reply);

	*ret = BOOT_MODE_UNKNOWN;
	if (r < 0)
		return r;
	if (reply->final == AT_FINAL_OK)
		*ret = boot_mode_of_reply(reply);
	return 0;
}

int modem_ask_boot_mode(struct modem *modem, enum boot_mode *ret)
{
	struct at_reply reply;

	return ask(modem, &reply, ret);
}

enum modem_family modem_likely_family(const struct modem *modem)
{
	return modem->info.family != FAMILY_UNKNOWN ? modem->info.family : modem->likely_family;
}

static bool errors_mean_recovery(const struct modem *modem)
{
	return modem_likely_family(modem) == FAMILY_MONARCH2 && !modem->application_started;
}

static void assume_recovery(struct modem *modem)
{
	transcript_note(modem->transcript, "ERROR to every command and no +SYSSTART: taken to be in boot mode 4 (recovery)");
	modem->info.boot_mode = BOOT_MODE_RECOVERY;
}

static int no_boot_mode(const struct modem *modem, int last, const struct at_reply *reply, struct fault *fault)
{
	bool unknown = modem_likely_family(modem) == FAMILY_UNKNOWN && reply->final == AT_FINAL_ERROR;

	if (last < 0)
		return fault_set(fault, FAULT_MODEM_SILENT, "the modem answers AT but not AT+SMOD?");
	fault_set(fault, FAULT_MODEM_ANSWERS_ERROR, "AT+SMOD? was answered without a boot mode %d times%s", ASK_TRIES,
		  unknown ? "; a Monarch 2 modem in recovery may answer so, but nothing says that it is one" : "");
	const char *text = reply->line_count > 0 ? reply->lines[0] : reply->final_text;
	fault_set_evidence(fault, text, strlen(text));
	return -EPROTO;
}

int modem_settle_boot_mode(struct modem *modem, struct fault *ret_fault)
{
	struct at_reply reply = {0};
	enum boot_mode mode;
	int errors = 0;
	int r = 0;

	for (int tries = 0; tries < (errors_mean_recovery(modem) ? RECOVERY_ERRORS : ASK_TRIES); tries++) {
		if (tries > 0) {
			r = at_session_listen(modem->at, modem->timings->poll_pause_ms, NULL);
			if (r < 0)
				return modem_line_fault(r, ret_fault);
		}
		r = ask(modem, &reply, &mode);
		if (r < 0 && r != -ETIMEDOUT)
			return modem_line_fault(r, ret_fault);
		if (r == 0 && mode != BOOT_MODE_UNKNOWN) {
			modem->info.boot_mode = mode;
			return 0;
		}
		errors += r == 0 && reply.final == AT_FINAL_ERROR;
	}
	if (errors >= RECOVERY_ERRORS && errors_mean_recovery(modem)) {
		assume_recovery(modem);
		return 0;
	}
	return no_boot_mode(modem, r, &reply, ret_fault);
}

/* Sends the switch. 0: on its way; -EREMOTEIO: refused in both forms, with the answer in refusal. */
static int request_switch(struct modem *modem, enum boot_mode wanted, char refusal[REFUSAL_SIZE])
{
	int64_t timeout_ms = modem->profile->command_timeout_ms;
	struct at_reply reply;
	char command[32];
	int r;

	modem->application_started = false;
	snprintf(command, sizeof(command), "AT+SMSWBOOT=%d,1", switch_value(wanted));
	r = at_command_ok(modem->at, command, timeout_ms, &reply);
	/* No answer may mean that the restart came first: AT+SMOD? will tell. */
	if (r == 0 || r == -ETIMEDOUT)
		return 0;
	if (r != -EREMOTEIO)
		return r;
	if (modem->reset_forbidden) {
		snprintf(refusal, REFUSAL_SIZE, "%s: %s", command, reply.final_text);
		return -EREMOTEIO;
	}
	r = at_session_listen(modem->at, modem->timings->refusal_pause_ms, NULL);
	if (r < 0)
		return r;
	snprintf(command, sizeof(command), "AT+SMSWBOOT=%d,0", switch_value(wanted));
	r = at_command_ok(modem->at, command, timeout_ms, &reply);
	if (r == -ETIMEDOUT || r == -EREMOTEIO) {
		snprintf(refusal, REFUSAL_SIZE, "%s: %s", command, r == -ETIMEDOUT ? "no answer" : reply.final_text);
		return -EREMOTEIO;
	}
	if (r < 0)
		return r;
	r = at_command(modem->at, "AT^RESET", timeout_ms, &reply);
	return r == -ETIMEDOUT ? 0 : r;
}

struct wait {
	enum boot_mode wanted;
	int64_t deadline_ms;
	int64_t old_since_ms; /* 0: the old mode was not answered yet */
	int errors;
};

/* One question of the wait. 1: it is there; 0: not yet; -EAGAIN: it stays in the old mode. */
static int poll_switch(struct modem *modem, struct wait *wait)
{
	enum boot_mode mode;
	struct at_reply reply;
	int r = modem_await_alive(modem, wait->deadline_ms - clock_now_ms());

	if (r < 0)
		return r;
	r = ask(modem, &reply, &mode);
	if (r < 0)
		return r == -ETIMEDOUT ? 0 : r;
	wait->errors += reply.final == AT_FINAL_ERROR;
	if (mode == BOOT_MODE_UNKNOWN && wait->errors >= RECOVERY_ERRORS && errors_mean_recovery(modem)) {
		if (modem->info.boot_mode != BOOT_MODE_RECOVERY || wait->errors == RECOVERY_ERRORS)
			assume_recovery(modem);
		mode = BOOT_MODE_RECOVERY;
	}
	if (mode == BOOT_MODE_UNKNOWN)
		return 0;
	modem->info.boot_mode = mode;
	if (mode == wait->wanted)
		return 1;
	if (wait->old_since_ms == 0)
		wait->old_since_ms = clock_now_ms();
	return clock_now_ms() - wait->old_since_ms >= modem->timings->unchanged_ms ? -EAGAIN : 0;
}

static int await_switch(struct modem *modem, enum boot_mode wanted, struct fault *fault)
{
	int64_t budget_ms = (int64_t)modem->profile->boot_budget_s * 1000;
	struct wait wait = {.wanted = wanted, .deadline_ms = clock_deadline_ms(budget_ms)};
	int r = at_session_listen(modem->at, modem->timings->settle_ms, NULL);

	if (r < 0)
		return modem_line_fault(r, fault);
	at_session_reset(modem->at);
	for (;;) {
		r = poll_switch(modem, &wait);
		if (r == 1)
			return 0;
		if (r == -EAGAIN)
			return r;
		if (r == -ETIMEDOUT || (r == 0 && clock_now_ms() >= wait.deadline_ms))
			return fault_set(fault, FAULT_RESTART_TIMEOUT, "the modem did not come to boot mode %d (%s) in %u s", (int)wanted,
					 boot_mode_name(wanted), modem->profile->boot_budget_s);
		if (r < 0)
			return modem_line_fault(r, fault);
		r = at_session_listen(modem->at, modem->timings->poll_pause_ms, NULL);
		if (r < 0)
			return modem_line_fault(r, fault);
	}
}

static int switch_boot_mode(struct modem *modem, enum boot_mode wanted, int attempts, struct fault *ret_fault)
{
	char refusal[REFUSAL_SIZE] = "";
	int r;

	for (int attempt = 0; attempt < attempts; attempt++) {
		r = modem_settle_boot_mode(modem, ret_fault);
		if (r < 0)
			return r;
		if (modem->info.boot_mode == wanted)
			return 0;
		r = request_switch(modem, wanted, refusal);
		if (r == -EREMOTEIO) {
			r = at_session_listen(modem->at, modem->timings->refusal_pause_ms, NULL);
			if (r < 0)
				return modem_line_fault(r, ret_fault);
			continue;
		}
		if (r < 0)
			return modem_line_fault(r, ret_fault);
		refusal[0] = '\0';
		r = await_switch(modem, wanted, ret_fault);
		if (r != -EAGAIN)
			return r;
		transcript_note(modem->transcript, "still in boot mode %d (%s) after the restart", (int)modem->info.boot_mode,
				boot_mode_name(modem->info.boot_mode));
	}
	if (refusal[0] == '\0')
		return fault_set(ret_fault, FAULT_BOOT_MODE_UNCHANGED, "the modem stays in boot mode %d (%s) instead of %d (%s)",
				 (int)modem->info.boot_mode, boot_mode_name(modem->info.boot_mode), (int)wanted, boot_mode_name(wanted));
	fault_set(ret_fault, FAULT_BOOT_MODE_REFUSED, "the modem in boot mode %d (%s) refuses to switch to %d (%s)",
		  (int)modem->info.boot_mode, boot_mode_name(modem->info.boot_mode), (int)wanted, boot_mode_name(wanted));
	fault_set_evidence(ret_fault, refusal, strlen(refusal));
	return -EPROTO;
}

int modem_switch_boot_mode(struct modem *modem, enum boot_mode wanted, struct fault *ret_fault)
{
	return switch_boot_mode(modem, wanted, SWITCH_ATTEMPTS, ret_fault);
}

int modem_try_boot_mode(struct modem *modem, enum boot_mode wanted, struct fault *ret_fault)
{
	return switch_boot_mode(modem, wanted, 1, ret_fault);
}
