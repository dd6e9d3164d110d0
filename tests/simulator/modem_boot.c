/* SPDX-License-Identifier: Apache-2.0 */
/* How a modem starts, goes down and loses power: which boot mode follows, and at what rate (protocol.md 1 and 2). */
#include "tests/simulator/modem.h"

#include <stdio.h>

enum { FFH_RATE = 115200 };

uint64_t modem_after(uint64_t start, uint64_t duration)
{
	return duration >= NEVER - start ? NEVER : start + duration;
}

static uint32_t rate_or(const struct modem *modem, uint32_t rate)
{
	return modem->options->rate > 0 ? (uint32_t)modem->options->rate : rate;
}

static bool is_updater(enum boot_mode mode)
{
	return mode == BOOT_RECOVERY || mode == BOOT_UPDATER;
}

/* In recovery as after a failed upgrade. */
static uint32_t first_rate(const struct modem *modem, enum boot_mode mode)
{
	if (mode == BOOT_FFH)
		return rate_or(modem, FFH_RATE);
	return rate_or(modem, is_updater(mode) ? modem->options->family->recovery_rate : modem->options->family->rate);
}

uint32_t modem_default_rate(const struct modem *modem)
{
	return first_rate(modem, BOOT_APPLICATION);
}

static uint32_t rate_after_start(const struct modem *modem, enum boot_mode before)
{
	uint32_t usual = modem_default_rate(modem);

	if (modem->mode == BOOT_FFH || before == BOOT_FFH || before == BOOT_MTOOLS)
		return first_rate(modem, modem->mode);
	if (modem->options->family->monarch2)
		return modem->upgraded ? usual : modem->rate;
	if (!is_updater(modem->mode) || before == BOOT_APPLICATION)
		return usual;
	return modem->report == REPORT_FAIL ? first_rate(modem, modem->mode) : modem->rate;
}

static void announce_start(struct modem *modem)
{
	static const enum scenario_state states[] = {[BOOT_FFH] = STATE_FFH,
						     [BOOT_MTOOLS] = STATE_MTOOLS,
						     [BOOT_APPLICATION] = STATE_APPLICATION,
						     [BOOT_UPDATER] = STATE_UPDATER,
						     [BOOT_RECOVERY] = STATE_RECOVERY};

	if (modem->mode == BOOT_APPLICATION)
		modem_say(modem, "+SYSSTART");
	else if (modem->mode == BOOT_FFH)
		modem_say(modem, "+SYSFFH");
	faults_of_state(modem, states[modem->mode]);
}

/* Where what was asked for cannot be started, what there is comes up. */
static enum boot_mode mode_to_start(const struct modem *modem)
{
	if (modem->next_mode == BOOT_APPLICATION && (modem->flash.passes > 0 || modem->flash.erased))
		return BOOT_RECOVERY;
	return modem->flash.no_application && modem->flash.passes == 0 ? BOOT_FFH : modem->next_mode;
}

void modem_come_up(struct modem *modem)
{
	enum boot_mode before = modem->mode;

	modem->phase_end_ns = NEVER;
	if (modem->flash.dead[0] != '\0') {
		modem_set_phase(modem, PHASE_DEAD);
		return;
	}
	modem->mode = mode_to_start(modem);
	modem->next_mode = modem->mode;
	modem->rate = rate_after_start(modem, before);
	modem->upgraded = modem->mode != BOOT_APPLICATION && modem->upgraded;
	modem->at.echo = modem->mode == BOOT_APPLICATION && modem->options->echo != SWITCH_OFF;
	modem->functionality = 1;
	modem->helper = false;
	modem->helper_release[0] = '\0';
	modem->only_errors = is_updater(modem->mode) && modem->setting.recovery_errors;
	modem->report_hidden = false;
	modem->rate_set = modem->stays_awake = modem->at.lost = false;
	modem_set_phase(modem, PHASE_COMMAND);
	announce_start(modem);
}

void modem_restart(struct modem *modem)
{
	uint64_t quiet = line_tx_end(&modem->line, modem->now);

	modem->phase_end_ns = modem_after(quiet, modem->options->restart_ns);
	modem_set_phase(modem, PHASE_RESTART);
}

void modem_end_phase(struct modem *modem)
{
	switch (modem->phase) {
	case PHASE_APPLY:
		modem_end_apply(modem);
		break;
	case PHASE_RESTART:
		modem_come_up(modem);
		break;
	case PHASE_HELPER:
		helper_start(modem);
		break;
	case PHASE_COMMAND:
	case PHASE_DATA:
	case PHASE_STP:
	case PHASE_OFF:
	case PHASE_DEAD:
		break;
	}
}

/* --- power ----------------------------------------------------------------------------------------------------- */

/* What was loaded into RAM is gone; FFH with an application beside it starts that one. */
static enum boot_mode mode_at_power_up(const struct modem *modem)
{
	if (modem->flash.passes > 0)
		return BOOT_RECOVERY;
	if (modem->flash.no_application)
		return BOOT_FFH;
	return is_updater(modem->mode) && !modem->helper ? modem->mode : BOOT_APPLICATION;
}

/* Whoever was writing leaves no application to start: the updater stays, what a helper wrote has nothing to run it. */
static void lose_what_was_written(struct modem *modem)
{
	modem->flash.erased = modem->flash.erased || modem->phase == PHASE_APPLY;
	if (modem->helper || modem->mode == BOOT_MTOOLS)
		modem->flash.no_application = true;
	else
		modem->mode = BOOT_RECOVERY;
	modem->rate = first_rate(modem, BOOT_RECOVERY);
}

/* It stands where it cannot go back: erasing the place of a record, or at the end. */
static bool is_writing_for_good(const struct modem *modem, bool transfer)
{
	return modem->phase == PHASE_APPLY || (transfer && session_flashes(modem) && modem->busy_until_ns > modem->now);
}

void modem_power_loss(struct modem *modem, uint64_t for_ns, const char *as)
{
	bool transfer = stp_in_transfer(modem) && modem->stp.cargo != CARGO_HELPER;
	bool fragile = (modem->setting.fragile || modem->options->fragile) && is_writing_for_good(modem, transfer);

	/* What only was to be stored is gone. */
	if (transfer || modem->phase == PHASE_APPLY)
		modem_fail_upgrade(modem, "power was lost");
	if (modem->phase == PHASE_APPLY || (transfer && session_flashes(modem)))
		lose_what_was_written(modem);
	modem->next_mode = mode_at_power_up(modem);
	if (modem->flash.pair_half && modem->flash.dead[0] == '\0')
		modem_die(modem, "power was lost between the two files of a pair");
	else if (fragile && modem->flash.dead[0] == '\0')
		modem_die(modem, "power was lost while flash was written");
	modem->phase_end_ns = modem->break_ns = NEVER;
	modem->mute_until_ns = modem->busy_until_ns = 0;
	modem->line_low = false;
	modem_unplug(modem, for_ns, as);
	modem_set_phase(modem, PHASE_OFF);
	if (modem->board)
		board_reset(modem);
}

/* --- the first start ------------------------------------------------------------------------------------------- */

static void set_imei(struct modem *modem)
{
	unsigned sum = 0;

	snprintf(modem->imei, sizeof(modem->imei), "%s%06u", modem->options->family->imei_prefix, modem->index % 1000000);
	for (size_t i = 0; i < 14; i++) {
		unsigned digit = (unsigned)(modem->imei[i] - '0') * (i % 2 == 1 ? 2U : 1U);

		sum += digit / 10 + digit % 10;
	}
	modem->imei[14] = (char)('0' + (10 - sum % 10) % 10);
}

void modem_set_identity(struct modem *modem)
{
	const struct options *options = modem->options;

	modem->mode = modem->next_mode = (enum boot_mode)options->boot_mode;
	modem->rate = first_rate(modem, modem->mode);
	/* It would not sit there if it had anything to start. */
	modem->flash.no_application = modem->mode == BOOT_FFH || modem->mode == BOOT_MTOOLS;
	modem->helper = modem->mode == BOOT_MTOOLS;
	modem->only_errors = is_updater(modem->mode) && modem->setting.recovery_errors;
	snprintf(modem->release, sizeof(modem->release), "%s", options->release ? options->release : options->family->release);
	snprintf(modem->ue, sizeof(modem->ue), "%s", options->ue ? options->ue : options->family->ue);
	snprintf(modem->flash.boot_rom, sizeof(modem->flash.boot_rom), "%s", options->boot_rom ? options->boot_rom : modem->release);
	set_imei(modem);
}
