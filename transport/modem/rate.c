/* SPDX-License-Identifier: Apache-2.0
 *
 * The talk rate and the rate of a transfer: AT+IPR. protocol.md 2.
 */
#include "transport/modem/modem.h"

#include <errno.h>
#include <stdio.h>

#define FFH_RATE_BPS 115200u /* protocol.md 2 */
#define VERIFY_TRIES 4
/* The new rate, the old one, and both once more: a modem may follow late, or fall back by itself. */
#define VERIFY_ROUNDS 4

/* Only asks the port: nothing is on its way at this moment. 0: it can; -EINVAL: it cannot. */
static int port_can(struct modem *modem, uint32_t rate_bps)
{
	uint32_t before_bps = link_rate(modem->link);
	int r = link_set_rate(modem->link, rate_bps);

	if (r == 0 || r == -EINVAL) {
		int back = link_set_rate(modem->link, before_bps);
		return back < 0 ? back : r;
	}
	return r;
}

static int set_host_rate(struct modem *modem, uint32_t rate_bps)
{
	int r = modem_set_host_rate(modem, rate_bps);

	if (r == 0)
		r = link_quiet(modem->link, modem->timings->rate_settle_ms);
	at_session_reset(modem->at);
	return r;
}

/* 1: the modem answers at this rate (ERROR proves it as well); 0: it does not. */
static int answers_at(struct modem *modem, uint32_t rate_bps)
{
	int r = set_host_rate(modem, rate_bps);

	for (int i = 0; r == 0 && i < VERIFY_TRIES; i++) {
		struct at_reply reply;
		int answered = modem_probe(modem, modem->timings->alive_probe_ms, &reply);

		if (answered == 0)
			return 1;
		if (answered != -ETIMEDOUT)
			return answered;
		at_session_reset(modem->at);
	}
	/* Flow control that holds the line is silence too. */
	return r == -ETIMEDOUT ? 0 : r;
}

/* After an AT+IPR that was not refused. 0: at wanted_bps or back at before_bps, with the link there. */
static int follow(struct modem *modem, uint32_t before_bps, uint32_t wanted_bps, struct fault *fault)
{
	for (int round = 0; round < VERIFY_ROUNDS; round++) {
		uint32_t rate_bps = round % 2 == 0 ? wanted_bps : before_bps;
		int r = answers_at(modem, rate_bps);

		if (r < 0)
			return modem_line_fault(r, fault);
		if (r == 0)
			continue;
		modem->info.rate_bps = rate_bps;
		return 0;
	}
	return fault_set(fault, FAULT_MODEM_SILENT, "the modem took AT+IPR=%u and answers neither at %u nor at %u bit/s", wanted_bps,
			 wanted_bps, before_bps);
}

/* Asks and follows. 0: the line is at wanted_bps, or at the rate of before with a note that says why. */
static int change_rate(struct modem *modem, uint32_t wanted_bps, struct fault *fault)
{
	uint32_t before_bps = link_rate(modem->link);
	struct at_reply reply;
	char command[32];
	int r = port_can(modem, wanted_bps);

	if (r == -EINVAL) {
		transcript_note(modem->transcript, "the port cannot do %u bit/s: stays at %u", wanted_bps, before_bps);
		return 0;
	}
	if (r < 0)
		return modem_line_fault(r, fault);
	snprintf(command, sizeof(command), "AT+IPR=%u", wanted_bps);
	r = at_command_ok(modem->at, command, modem->profile->command_timeout_ms, &reply);
	if (r == -EREMOTEIO) {
		transcript_note(modem->transcript, "%s: %s: stays at %u bit/s", command, reply.final_text, before_bps);
		return 0;
	}
	/* No answer may mean that it was lost: AT tells at which rate the modem is. */
	if (r < 0 && r != -ETIMEDOUT)
		return modem_line_fault(r, fault);
	r = follow(modem, before_bps, wanted_bps, fault);
	if (r < 0)
		return r;
	if (link_rate(modem->link) == wanted_bps)
		transcript_note(modem->transcript, "the line is at %u bit/s", wanted_bps);
	else
		transcript_note(modem->transcript, "no answer at %u bit/s after %s: back at %u", wanted_bps, command, before_bps);
	return 0;
}

/* The boot ROM wants to be told a rate before it takes a helper. It is at its own one, as whoever could have raised it could not talk to it
 * through this port any more. */
static int tell_boot_rom_its_rate(struct modem *modem, struct fault *fault)
{
	struct at_reply reply;
	char command[32];

	snprintf(command, sizeof(command), "AT+IPR=%u", FFH_RATE_BPS);
	int r = at_command_ok(modem->at, command, modem->profile->command_timeout_ms, &reply);
	if (r == 0)
		r = link_quiet(modem->link, modem->timings->rate_settle_ms);
	return r == 0 || r == -EREMOTEIO || r == -ETIMEDOUT ? 0 : modem_line_fault(r, fault);
}

int modem_raise_rate(struct modem *modem, struct fault *ret_fault)
{
	/* Away from the far end's rate the modem would be lost. */
	if (link_has_fixed_rate(modem->link))
		return modem->info.boot_mode == BOOT_MODE_FFH ? tell_boot_rom_its_rate(modem, ret_fault) : 0;

	uint32_t wanted_bps = modem->profile->transfer_rate_bps;
	uint32_t before_bps = link_rate(modem->link);

	/* protocol.md 2: the boot ROM wants to be told a rate before it takes a helper, even the one that it has. */
	if (modem->info.boot_mode == BOOT_MODE_FFH && (wanted_bps == 0 || wanted_bps == before_bps))
		return change_rate(modem, before_bps, ret_fault);
	if (wanted_bps == 0 || wanted_bps == before_bps)
		return 0;
	int r = change_rate(modem, wanted_bps, ret_fault);
	if (r == 0 && link_rate(modem->link) == wanted_bps)
		modem->talk_rate_bps = before_bps;
	return r;
}

int modem_restore_rate(struct modem *modem, struct fault *ret_fault)
{
	uint32_t talk_rate_bps = modem->talk_rate_bps;

	modem->talk_rate_bps = 0;
	if (talk_rate_bps == 0 || link_rate(modem->link) != modem->profile->transfer_rate_bps)
		return 0;
	return change_rate(modem, talk_rate_bps, ret_fault);
}
