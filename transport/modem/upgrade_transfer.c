/* SPDX-License-Identifier: Apache-2.0
 *
 * The phase transfer: AT+SMSTPU, then STP. protocol.md 4 and 7.
 */
#include "transport/modem/upgrade_steps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SMSTPU_TRIES 3
#define SMSTPU       "AT+SMSTPU=\"ON_THE_FLY\""

/* One AT+SMSTPU from boot mode 4. 0: the modem speaks STP now; 1: it does not, with its answer; else an error. */
static int ask_for_stp(struct upgrade *upgrade, char *answer, size_t answer_size)
{
	struct modem *modem = &upgrade->modem;
	struct at_reply reply;
	int r = modem_settle_boot_mode(modem, upgrade_fault(upgrade));

	/* The answer of a modem that is in its application after all: protocol.md 7 A asks for the switch first. */
	if (r == 0 && modem->info.boot_mode == BOOT_MODE_FFF)
		r = upgrade_switch_to_recovery(upgrade);
	if (r < 0)
		return r;
	r = at_command_ok(modem->at, SMSTPU, modem->profile->command_timeout_ms, &reply);
	if (r == 0)
		return 0;
	if (r != -EREMOTEIO && r != -ETIMEDOUT)
		return modem_line_fault(r, upgrade_fault(upgrade));
	snprintf(answer, answer_size, "%s", r == -EREMOTEIO ? reply.final_text : "no answer");
	if (r == -EREMOTEIO)
		return 1;
	/* Its OK may have been lost: then it is in STP and detect ends that. */
	r = modem_detect(modem, modem->timings->bring_back_ms, upgrade_fault(upgrade));
	return r < 0 ? r : 1;
}

static int enter_stp(struct upgrade *upgrade)
{
	char answer[64] = "";

	for (int tries = 1;; tries++) {
		int r = ask_for_stp(upgrade, answer, sizeof(answer));
		if (r <= 0)
			return r;
		if (tries == SMSTPU_TRIES) {
			fault_set(upgrade_fault(upgrade), FAULT_STP_REFUSED, "%s was not answered with OK %d times", SMSTPU, tries);
			fault_set_evidence(upgrade_fault(upgrade), answer, strlen(answer));
			return -EPROTO;
		}
		r = upgrade_pause(upgrade);
		if (r < 0)
			return r;
	}
}

static bool first_block_leaves(void *context)
{
	struct upgrade *upgrade = context;

	if (!upgrade_cross(upgrade))
		return false;
	upgrade->result->sent = true;
	return true;
}

/* A person who sees a bar stand still pulls the plug, and modems died of that. What the callback answers is of no use
 * here: past the point of no return the transfer goes on. */
static void say_erasing(struct upgrade *upgrade, const struct stp_progress *progress, bool erasing)
{
	char detail[FAULT_TEXT_SIZE] = "";

	if (erasing)
		snprintf(detail, sizeof(detail), "the modem is erasing flash%s%s, this is normal, up to %u s",
			 progress->part[0] ? " for " : "", progress->part, upgrade->request->profile->block_budget_s);
	upgrade->erasing = erasing;
	(void)upgrade_say_phase(upgrade, PHASE_TRANSFER, upgrade->step + 1, upgrade->plan.step_count, detail);
}

/* Progress without a step forward is the modem's silence. */
static void stp_progressed(void *context, const struct stp_progress *progress)
{
	struct upgrade *upgrade = context;
	const struct upgrade_events *events = upgrade->events;
	bool erasing = progress->at_border && progress->wire_bytes == upgrade->wire_bytes;

	if (erasing != upgrade->erasing)
		say_erasing(upgrade, progress, erasing);
	upgrade->wire_bytes = progress->wire_bytes;
	if (events && events->progress)
		events->progress(events->context, progress);
}

static void stp_noted(void *context, const char *line)
{
	struct upgrade *upgrade = context;

	transcript_note(upgrade->request->transcript, "stp: %s", line);
}

static void note_summary(struct upgrade *upgrade)
{
	const struct stp_summary *stp = &upgrade->result->stp;

	transcript_note(upgrade->request->transcript,
			"stp: version %u, %s, blocks of %u, %" PRIu64 " blocks, %" PRIu64 " sent again, %" PRIu64 " NACKs, %" PRIu64
			" damaged, residue %" PRIu64 " bytes, %u sessions, %" PRId64 " ms, longest silence %" PRId64 " ms",
			stp->version, stp->compressed ? "compressed" : "plain", stp->block_size, stp->blocks, stp->resends, stp->nacks,
			stp->damaged, stp->residue_bytes, stp->sessions, stp->duration_ms, stp->longest_silence_ms);
}

static int send_bundle(struct upgrade *upgrade)
{
	struct modem *modem = &upgrade->modem;
	uint32_t block_size = profile_block_size(modem->profile, upgrade->plan.family);
	struct stp_options options = {
	    .block_size = block_size,
	    .block_size_min = modem->profile->block_size_min < block_size ? modem->profile->block_size_min : block_size,
	    .answer_timeout_ms = modem->timings->stp_answer_ms,
	    .block_budget_ms = (int64_t)modem->profile->block_budget_s * 1000,
	    .allow_compression = true,
	    .before_first_block = first_block_leaves,
	    .progress = stp_progressed,
	    .note = stp_noted,
	    .context = upgrade,
	};
	int r;

	upgrade->wire_bytes = 0;
	upgrade->erasing = false;
	transcript_binary(modem->transcript, 1);
	r = stp_transfer(modem->link, image_source(upgrade->request->image), &options, upgrade_fault(upgrade), &upgrade->result->stp);
	transcript_binary(modem->transcript, 0);
	at_session_reset(modem->at);
	note_summary(upgrade);
	return r;
}

int upgrade_step_transfer(struct upgrade *upgrade)
{
	int r = enter_stp(upgrade);

	if (r < 0)
		return r;
	r = link_quiet(upgrade->modem.link, upgrade->modem.timings->flush_ms);
	return r < 0 ? modem_line_fault(r, upgrade_fault(upgrade)) : send_bundle(upgrade);
}
