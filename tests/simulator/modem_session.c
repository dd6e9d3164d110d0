/* SPDX-License-Identifier: Apache-2.0 */
/* What a session of STP carries: it is unpacked, checked as it comes, and judged at its end (protocol.md 4 and 5). */
#include "tests/simulator/modem.h"

#include <stdio.h>
#include <string.h>

enum {
	WINDOW_BITS = 12,
	INFLATE_PIECE = 4096,
	STORED_MAX_BYTES = 4194304,
};

void session_close(struct stp *stp)
{
	if (stp->stream_ready)
		inflateEnd(&stp->stream);
	stp->stream_ready = false;
	stp->stream_ended = false;
	stp->stream_broken = false;
	stp->compressed = false;
}

void session_open(struct modem *modem, uint8_t number)
{
	struct stp *stp = &modem->stp;

	session_close(stp);
	bundle_check_start(&stp->check);
	elf_check_start(&stp->elf);
	stp->open = true;
	stp->session = number;
	stp->announced = false;
	stp->session_blocks = stp->session_bytes = 0;
	stp->middle_block = stp->last_block = stp->longest_block = 0;
	stp->whole_ns = NEVER;
	modem->counters.sessions++;
	if (stp->cargo != CARGO_HELPER) {
		modem->stored = (struct stored){0};
		modem->counters.attempted++;
	}
	modem->counters.compressed = false;
	state_save(modem);
}

void session_set_compressed(struct modem *modem, bool compressed)
{
	struct stp *stp = &modem->stp;

	session_close(stp);
	stp->compressed = compressed;
	if (compressed) {
		stp->stream = (z_stream){0};
		stp->stream_ready = inflateInit2(&stp->stream, WINDOW_BITS) == Z_OK;
		stp->stream_broken = !stp->stream_ready;
	}
	modem->counters.compressed = compressed;
}

static void take_plain(struct stp *stp, const uint8_t *bytes, size_t length)
{
	if (stp->cargo == CARGO_HELPER)
		elf_check_feed(&stp->elf, bytes, length);
	else
		bundle_check_feed(&stp->check, bytes, length);
}

static void take_stream(struct stp *stp, uint32_t length)
{
	uint8_t piece[INFLATE_PIECE];

	stp->stream.next_in = stp->payload;
	stp->stream.avail_in = length;
	while (!stp->stream_broken) {
		int result;

		stp->stream.next_out = piece;
		stp->stream.avail_out = sizeof(piece);
		result = stp->stream_ended ? Z_STREAM_ERROR : inflate(&stp->stream, Z_NO_FLUSH);
		if (result == Z_BUF_ERROR)
			return;
		stp->stream_ended = result == Z_STREAM_END;
		stp->stream_broken = result != Z_OK && result != Z_STREAM_END;
		take_plain(stp, piece, sizeof(piece) - stp->stream.avail_out);
		if (stp->stream.avail_in == 0 && stp->stream.avail_out > 0)
			return;
	}
}

static bool is_whole(const struct modem *modem)
{
	const struct stp *stp = &modem->stp;
	bool whole =
	    stp->cargo == CARGO_HELPER ? !elf_check_fault(&stp->elf, !modem->options->family->monarch2) : bundle_check_whole(&stp->check);

	return whole && (!stp->compressed || stp->stream_ended) && !stp->stream_broken;
}

uint64_t session_size(const struct modem *modem)
{
	const struct stp *stp = &modem->stp;

	return stp->cargo == CARGO_HELPER ? elf_check_size(&stp->elf) : bundle_check_size(&stp->check);
}

uint64_t session_offset(const struct modem *modem)
{
	return modem->stp.cargo == CARGO_HELPER ? modem->stp.elf.length : modem->stp.check.offset;
}

void session_take(struct modem *modem, uint32_t length)
{
	struct stp *stp = &modem->stp;

	if (stp->compressed)
		take_stream(stp, length);
	else
		take_plain(stp, stp->payload, length);
	modem->flash.erased = modem->flash.erased || (session_flashes(modem) && stp->check.mains > 0);
	stp->session_blocks++;
	stp->session_bytes += length;
	if (length > stp->longest_block)
		stp->longest_block = length;
	modem->counters.blocks++;
	modem->counters.bytes += length;
	stp->whole_ns = is_whole(modem) ? modem->now : NEVER;
}

/* Applied at once where the updater runs; the application only stores it, whichever way it was asked for. */
bool session_flashes(const struct modem *modem)
{
	return modem->stp.cargo == CARGO_ON_THE_FLY && modem->mode != BOOT_APPLICATION;
}

static void end_in_failure(struct modem *modem, const char *why)
{
	const struct stp *stp = &modem->stp;
	char text[REASON_MAX];

	if (stp->stream_broken)
		snprintf(text, sizeof(text), "the compressed stream is damaged");
	else if (stp->check.fault)
		snprintf(text, sizeof(text), "%s (byte %llu)", stp->check.fault, (unsigned long long)stp->check.fault_offset);
	else
		snprintf(text, sizeof(text), "%s (after %llu bytes)", why, (unsigned long long)stp->check.offset);
	modem->stored.state = session_flashes(modem) ? STORED_NONE : STORED_BAD;
	modem_fail_upgrade(modem, text);
	modem_set_phase(modem, PHASE_COMMAND);
}

void session_give_up(struct modem *modem)
{
	if (stp_in_transfer(modem) && modem->stp.cargo != CARGO_HELPER)
		end_in_failure(modem, "the modem gave up");
	else
		modem_set_phase(modem, PHASE_COMMAND);
}

static const char *refusal(const struct modem *modem)
{
	if (modem->stp.cargo == CARGO_STORED && modem->stp.check.offset > STORED_MAX_BYTES)
		return "the bundle is too big to be stored";
	return modem_refuses(modem, &modem->stp.check);
}

void session_end(struct modem *modem, const char *why)
{
	struct stp *stp = &modem->stp;
	bool stored = !session_flashes(modem);

	/* What became of it is in the transcript. */
	if (modem->play) {
		play_session_end(modem);
		return;
	}
	if (stp->cargo == CARGO_HELPER) {
		helper_end(modem, why);
		return;
	}
	why = is_whole(modem) ? refusal(modem) : why;
	if (why) {
		end_in_failure(modem, why);
		return;
	}
	modem->stored.state = STORED_GOOD;
	modem->stored.kind = bundle_check_kind(&stp->check);
	modem->stored.boot_rom = stp->check.boot_roms > 0;
	memcpy(modem->stored.release, stp->check.release, RELEASE_MAX);
	memcpy(modem->stored.ue, stp->check.ue, RELEASE_MAX);
	if (stored)
		modem_set_phase(modem, PHASE_COMMAND);
	else
		modem_apply(modem, false);
}
