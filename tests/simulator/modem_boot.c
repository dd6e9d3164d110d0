/* SPDX-License-Identifier: Apache-2.0 */
/* How a modem starts, goes down, loses power, and what an upgrade makes of it. */
#include "tests/simulator/modem.h"

#include <stdio.h>

uint64_t modem_after(uint64_t start, uint64_t duration)
{
	return duration >= NEVER - start ? NEVER : start + duration;
}

uint32_t modem_default_rate(const struct modem *modem)
{
	return modem->options->rate > 0 ? (uint32_t)modem->options->rate : modem->options->family->rate;
}

uint32_t modem_recovery_rate(const struct modem *modem)
{
	return modem->options->rate > 0 ? (uint32_t)modem->options->rate : modem->options->family->recovery_rate;
}

void modem_come_up(struct modem *modem)
{
	enum boot_mode before = modem->mode;
	bool recovery = modem->next_mode == BOOT_RECOVERY;

	modem->mode = modem->next_mode;
	if (!modem->options->family->monarch2) {
		if (!recovery || before == BOOT_APPLICATION)
			modem->rate = modem_default_rate(modem);
		else if (modem->report == REPORT_FAIL)
			modem->rate = modem_recovery_rate(modem);
	} else if (modem->upgraded) {
		modem->rate = modem_default_rate(modem);
	}
	modem->upgraded = recovery && modem->upgraded;
	modem->at.echo = !recovery && modem->options->echo != SWITCH_OFF;
	modem->functionality = 1;
	modem->phase_end_ns = NEVER;
	modem_set_phase(modem, PHASE_COMMAND);
	if (!recovery)
		modem_say(modem, "+SYSSTART");
	faults_of_state(modem, recovery ? STATE_RECOVERY : STATE_APPLICATION);
}

void modem_restart(struct modem *modem)
{
	uint64_t quiet = line_tx_end(&modem->line, modem->now);

	modem->phase_end_ns = modem_after(quiet, modem->options->restart_ns);
	modem_set_phase(modem, PHASE_RESTART);
}

void modem_apply(struct modem *modem, bool stored)
{
	modem->applying_stored = stored;
	modem->phase_end_ns = modem_after(modem->now, modem->options->apply_ns);
	modem_set_phase(modem, PHASE_APPLY);
}

void modem_fail_upgrade(struct modem *modem, const char *why)
{
	modem->report = REPORT_FAIL;
	modem->counters.failed++;
	snprintf(modem->last_failure, sizeof(modem->last_failure), "%s", why);
}

static void take_release(struct modem *modem, const char *release, const char *ue)
{
	const struct options *options = modem->options;

	if (release[0] == '\0') {
		release = options->new_release ? options->new_release : options->family->new_release;
		ue = options->new_ue ? options->new_ue : options->family->new_ue;
	}
	snprintf(modem->release, sizeof(modem->release), "%s", release);
	if (ue[0] != '\0')
		snprintf(modem->ue, sizeof(modem->ue), "%s", ue);
}

static void end_apply(struct modem *modem)
{
	take_release(modem, modem->stored.release, modem->stored.ue);
	modem->stored = (struct stored){0};
	modem->report = REPORT_SUCCESS;
	modem->counters.succeeded++;
	modem->upgraded = true;
	modem->phase_end_ns = NEVER;
	modem_set_phase(modem, PHASE_COMMAND);
	if (modem->applying_stored)
		modem_say(modem, "OK");
}

void modem_power_loss(struct modem *modem, uint64_t for_ns)
{
	bool transfer = stp_in_transfer(modem);

	/* What only was to be stored is gone; what was being written leaves no application to start. */
	if (transfer || modem->phase == PHASE_APPLY)
		modem_fail_upgrade(modem, "power was lost");
	if (modem->phase == PHASE_APPLY || (transfer && session_flashes(modem))) {
		modem->mode = BOOT_RECOVERY;
		modem->rate = modem_recovery_rate(modem);
	}
	modem->next_mode = modem->mode;
	modem->phase_end_ns = NEVER;
	modem_unplug(modem, for_ns);
	modem_set_phase(modem, PHASE_OFF);
	if (modem->board)
		board_reset(modem);
}

void modem_end_phase(struct modem *modem)
{
	if (modem->phase == PHASE_APPLY)
		end_apply(modem);
	else if (modem->phase == PHASE_RESTART)
		modem_come_up(modem);
}

void modem_set_identity(struct modem *modem)
{
	const struct options *options = modem->options;
	unsigned sum = 0;

	snprintf(modem->release, sizeof(modem->release), "%s", options->release ? options->release : options->family->release);
	snprintf(modem->ue, sizeof(modem->ue), "%s", options->ue ? options->ue : options->family->ue);
	snprintf(modem->imei, sizeof(modem->imei), "%s%06u", options->family->imei_prefix, modem->index % 1000000);
	for (size_t i = 0; i < 14; i++) {
		unsigned digit = (unsigned)(modem->imei[i] - '0') * (i % 2 == 1 ? 2U : 1U);

		sum += digit / 10 + digit % 10;
	}
	modem->imei[14] = (char)('0' + (10 - sum % 10) % 10);
}
