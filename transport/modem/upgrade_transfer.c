/* SPDX-License-Identifier: Apache-2.0
 *
 * The phase transfer: AT+SMSTPU, then STP. protocol.md 4 and 7.
 */
#include "transport/modem/upgrade_steps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_TRIES 3
#define ON_THE_FLY    "AT+SMSTPU=\"ON_THE_FLY\""
#define MODE(mode)    (1u << (mode))

/* One command from a boot mode that takes it. 0: the modem speaks STP now; 1: it does not, with its answer; else an error. */
static int ask_for_stp(struct upgrade *upgrade, const struct upgrade_sending *sending, char *answer, size_t answer_size)
{
	struct modem *modem = &upgrade->modem;
	struct at_reply reply;
	int r = modem_settle_boot_mode(modem, upgrade_fault(upgrade));

	if (r < 0)
		return r;
	if (modem->info.boot_mode == BOOT_MODE_UNKNOWN || !(sending->modes & MODE(modem->info.boot_mode)))
		return UPGRADE_REPLAN;
	r = at_command_ok(modem->at, sending->command, modem->profile->command_timeout_ms, &reply);
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

static int enter_stp(struct upgrade *upgrade, const struct upgrade_sending *sending)
{
	char answer[64] = "";

	for (int tries = 1;; tries++) {
		int r = ask_for_stp(upgrade, sending, answer, sizeof(answer));
		/* field-failures.md F37: in its application after all. Its identity was asked there before the switch. */
		if (r == UPGRADE_REPLAN && upgrade->modem.info.boot_mode == BOOT_MODE_FFF && upgrade_did(upgrade, ACTION_TO_RECOVERY) &&
		    tries < COMMAND_TRIES) {
			r = upgrade_to_recovery(upgrade);
			if (r == 0)
				continue;
		}
		if (r <= 0 || r == UPGRADE_REPLAN)
			return r;
		if (tries == COMMAND_TRIES) {
			fault_set(upgrade_fault(upgrade), FAULT_STP_REFUSED, "%s was not answered with OK %d times", sending->command,
				  tries);
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
	(void)upgrade_say_phase(upgrade, upgrade_step_now(upgrade)->phase, upgrade->step + 1, upgrade->plan.step_count, detail);
}

/* The two files of a pair are one firmware to a person. */
static struct stp_progress whole_progress(const struct upgrade *upgrade, const struct stp_progress *progress)
{
	const struct upgrade_request *request = upgrade->request;
	struct stp_progress whole = *progress;

	if (request->firmware->second) {
		uint64_t first = image_source(request->image)->plain_size;
		whole.bytes_total = first + image_source(request->second)->plain_size;
		whole.bytes_done += upgrade_step_now(upgrade)->file == 1 ? first : 0;
	}
	return whole;
}

/* Progress without a step forward is the modem's silence. */
static void stp_progressed(void *context, const struct stp_progress *progress)
{
	struct upgrade *upgrade = context;
	const struct upgrade_events *events = upgrade->events;
	const struct stp_progress whole = whole_progress(upgrade, progress);
	bool erasing = progress->at_border && progress->wire_bytes == upgrade->wire_bytes;

	if (erasing != upgrade->erasing)
		say_erasing(upgrade, progress, erasing);
	upgrade->wire_bytes = progress->wire_bytes;
	if (progress->wire_bytes > 0)
		upgrade->result->sent = true;
	if (events && events->progress)
		events->progress(events->context, &whole);
}

static void stp_noted(void *context, const char *line)
{
	struct upgrade *upgrade = context;

	transcript_note(upgrade->request->transcript, "stp: %s", line);
}

static void note_summary(struct upgrade *upgrade, const struct stp_summary *stp)
{
	transcript_note(upgrade->request->transcript,
			"stp: version %u, %s, blocks of %u, %" PRIu64 " blocks, %" PRIu64 " sent again, %" PRIu64 " NACKs, %" PRIu64
			" damaged, residue %" PRIu64 " bytes, %" PRIu64 " overruns, %" PRIu64 " framing errors, %" PRIu64
			" breaks, %u sessions, %" PRId64 " ms, longest silence %" PRId64 " ms",
			stp->version, stp->compressed ? "compressed" : "plain", stp->block_size, stp->blocks, stp->resends, stp->nacks,
			stp->damaged, stp->residue_bytes, stp->overruns, stp->framing_errors, stp->breaks, stp->sessions, stp->duration_ms,
			stp->longest_silence_ms);
}

/* What a person can cure, though the transfer went on. */
static void say_overruns(struct upgrade *upgrade, uint64_t overruns)
{
	if (overruns > 0)
		upgrade_say(upgrade,
			    "the kernel lost %" PRIu64 " received bytes (overrun) during the transfer, blocks were made smaller: a slower "
			    "transfer_rate, fewer boards on the hub or an idle gateway cures it",
			    overruns);
}

/* field-failures.md F57. */
static void say_line_errors(struct upgrade *upgrade, const struct stp_summary *stp)
{
	if (stp->breaks > 0 || stp->framing_errors > 0)
		upgrade_say(
		    upgrade,
		    "the line was disturbed during the transfer: %" PRIu64 " breaks, %" PRIu64
		    " framing errors. A break is a modem that restarts or whose supply breaks down: look at the power supply, the hub "
		    "and the cable",
		    stp->breaks, stp->framing_errors);
}

static int transfer_image(struct upgrade *upgrade, const struct upgrade_sending *sending)
{
	struct modem *modem = &upgrade->modem;
	uint32_t block_size = sending->block_size ? sending->block_size : profile_block_size(modem->profile, upgrade->plan.family);
	struct stp_summary summary = {0};
	struct stp_options options = {
	    .block_size = block_size,
	    .block_size_min = modem->profile->block_size_min < block_size ? modem->profile->block_size_min : block_size,
	    .answer_timeout_ms = modem->timings->stp_answer_ms,
	    .block_budget_ms = (int64_t)modem->profile->block_budget_s * 1000,
	    .allow_compression = true,
	    .before_first_block = sending->one_way ? first_block_leaves : NULL,
	    .progress = sending->shown ? stp_progressed : NULL,
	    .note = stp_noted,
	    .context = upgrade,
	};

	upgrade->wire_bytes = 0;
	upgrade->erasing = false;
	transcript_binary(modem->transcript, 1);
	int r = stp_transfer(modem->link, image_source(sending->image), &options, upgrade_fault(upgrade), &summary);
	transcript_binary(modem->transcript, 0);
	at_session_reset(modem->at);
	note_summary(upgrade, &summary);
	say_overruns(upgrade, summary.overruns);
	say_line_errors(upgrade, &summary);
	if (sending->shown)
		upgrade->result->stp = summary;
	return r;
}

int upgrade_send_image(struct upgrade *upgrade, const struct upgrade_sending *sending)
{
	struct modem *modem = &upgrade->modem;
	int r = modem_raise_rate(modem, upgrade_fault(upgrade));

	if (r == 0)
		r = enter_stp(upgrade, sending);
	if (r != 0)
		return r;
	r = link_quiet(modem->link, modem->timings->flush_ms);
	return r < 0 ? modem_line_fault(r, upgrade_fault(upgrade)) : transfer_image(upgrade, sending);
}

static const struct image *file_now(const struct upgrade *upgrade)
{
	return upgrade_step_now(upgrade)->file == 0 ? upgrade->request->image : upgrade->request->second;
}

/* An interrupted job may have sent all of it: protocol.md 3, AT+SMUPGRADE?. Of a pair it is not known which file that was. */
static int look_for_earlier(struct upgrade *upgrade)
{
	enum apply_report report = REPORT_PENDING;
	int r = modem_settle_boot_mode(&upgrade->modem, upgrade_fault(upgrade));

	if (r < 0 || !upgrade_takes_bundles(upgrade->modem.info.boot_mode))
		return r;
	r = upgrade_await_earlier(upgrade, &report);
	const struct upgrade_firmware *firmware = upgrade->request->firmware;
	bool declared = firmware->release[0] != '\0' || firmware->build != 0;
	bool by_this_job = upgrade->request->options.resume_phase >= PHASE_TRANSFER;
	upgrade->trusted = r == 0 && report == REPORT_SUCCESS && by_this_job && declared && !firmware->second;
	return r;
}

bool upgrade_found_where_bundles_go(const struct upgrade *upgrade)
{
	return upgrade->pass == 1 && !upgrade->result->sent && !upgrade_did(upgrade, ACTION_TO_RECOVERY) &&
	       !upgrade_did(upgrade, ACTION_START_HELPER);
}

int upgrade_send(struct upgrade *upgrade)
{
	const struct upgrade_sending sending = {
	    .image = file_now(upgrade),
	    .command = ON_THE_FLY,
	    .modes = MODE(BOOT_MODE_MTOOLS) | MODE(BOOT_MODE_UPDATER) | MODE(BOOT_MODE_RECOVERY),
	    .one_way = true,
	    .shown = true,
	};

	if (upgrade_found_where_bundles_go(upgrade)) {
		int r = look_for_earlier(upgrade);
		if (r < 0 || upgrade->trusted)
			return r;
	}
	if (upgrade->request->firmware->second)
		upgrade->modem.reset_forbidden = true;
	return upgrade_send_image(upgrade, &sending);
}

int upgrade_send_legacy(struct upgrade *upgrade)
{
	const struct upgrade_sending sending = {
	    .image = file_now(upgrade),
	    .command = ON_THE_FLY,
	    .modes = MODE(BOOT_MODE_FFF),
	    .one_way = true,
	    .shown = true,
	};

	return upgrade_send_image(upgrade, &sending);
}

int upgrade_store(struct upgrade *upgrade)
{
	const struct upgrade_sending sending = {
	    .image = file_now(upgrade),
	    .command = "AT+SMSTPU",
	    .modes = MODE(BOOT_MODE_FFF),
	    .shown = true,
	};
	enum apply_report unused;
	int r = 0;

	/* An apply that an earlier run has begun may still be going on. */
	if (upgrade->request->options.resume_phase >= PHASE_APPLY && upgrade->pass == 1 && !upgrade->result->sent)
		r = upgrade_await_earlier(upgrade, &unused);
	if (upgrade->request->firmware->second)
		upgrade->modem.reset_forbidden = true;
	return r < 0 ? r : upgrade_send_image(upgrade, &sending);
}
