/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end of STP (protocol.md 4) in versions 1 and 2. */
#include "tests/simulator/modem.h"

#include <stdio.h>
#include <string.h>

#define FRAME_GAP_NS    (1000 * NS_PER_MS)
#define WHOLE_WAIT_NS   (2000 * NS_PER_MS)
#define IDLE_DEFAULT_MS 60000

enum operation { OP_RESET, OP_OPEN, OP_ANNOUNCE, OP_BLOCK, OP_DATA_TYPE, OP_COUNT };

enum {
	OP_ANSWER = 0x80,
	OP_NACK = 0x40,
	OP_NOT_UNDERSTOOD = 0x7f,
	DATA_ELF = 2,
	DATA_ELF_STREAM = 3,
	DATA_BUNDLE = 4,
	DATA_BUNDLE_STREAM = 5,
	HELPER_TRANSFER = 2048,
};

static const uint8_t request_signature[4] = {0x66, 0x61, 0x73, 0x74};
static const uint8_t answer_signature[4] = {0x74, 0x73, 0x61, 0x66};

struct request {
	uint8_t operation;
	uint8_t session;
	uint16_t length;
	uint32_t transaction;
};

static uint32_t big16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

static uint32_t big32(const uint8_t *bytes)
{
	return big16(bytes) << 16 | big16(bytes + 2);
}

static void put_big16(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

static struct request request_of(const uint8_t header[STP_HEADER])
{
	return (struct request){header[4], header[5], (uint16_t)big16(header + 6), big32(header + 8)};
}

static uint8_t version(const struct modem *modem)
{
	if (modem->play && play_version(modem) > 0)
		return play_version(modem);
	return modem->options->stp_version > 0 ? (uint8_t)modem->options->stp_version : modem->options->family->stp_version;
}

uint32_t stp_max_transfer(const struct modem *modem)
{
	uint32_t limit = (uint32_t)modem->options->max_transfer;

	if (modem->play && play_max_transfer(modem) < limit)
		return play_max_transfer(modem);
	return modem->stp.cargo == CARGO_HELPER && limit > HELPER_TRANSFER ? HELPER_TRANSFER : limit;
}

static uint32_t block_limit(const struct modem *modem)
{
	return stp_max_transfer(modem) - STP_HEADER;
}

/* --- answers --------------------------------------------------------------------------------------------------- */

static void send_answer(struct modem *modem, const uint8_t *answer, size_t length)
{
	modem->answer_delay_ns = modem->stp.effects.delay_ns;
	modem->unanswered = modem->stp.effects.unanswered;
	modem_send(modem, answer, length);
	modem->answer_delay_ns = 0;
	modem->unanswered = false;
}

/* Returns the length of the whole frame. */
static size_t build_answer(const struct modem *modem, uint8_t out[STP_ANSWER_MAX], const struct request *request, uint8_t operation,
			   const uint8_t *payload, size_t length)
{
	memcpy(out, answer_signature, 4);
	out[4] = operation;
	out[5] = request->session;
	put_big16(out + 6, (uint32_t)length);
	put_big16(out + 8, request->transaction >> 16);
	put_big16(out + 10, request->transaction & 0xffff);
	memset(out + 12, 0, 4);
	if (length > 0)
		memcpy(out + STP_HEADER, payload, length);
	/* Real modems leave both sums 0 in the answer to RESET, so the host meets both kinds in every run. */
	if (modem->options->stp_crc == SWITCH_OFF || operation == (OP_RESET | OP_ANSWER))
		return STP_HEADER + length;
	if (length > 0)
		put_big16(out + 14, crc16(0, payload, length));
	/* The payload's sum is part of the header that the header's sum covers. */
	put_big16(out + 12, crc16(0, out, STP_HEADER));
	return STP_HEADER + length;
}

/* Leaves the last answer alone: the request it belongs to may still be resent. */
static void refuse(struct modem *modem, const struct request *request, uint8_t operation)
{
	uint8_t answer[STP_ANSWER_MAX];

	send_answer(modem, answer, build_answer(modem, answer, request, operation, NULL, 0));
}

/* Version 1 has no word for "no": it says nothing. */
static void refuse_by_version(struct modem *modem, const struct request *request, uint8_t operation)
{
	if (version(modem) >= 2)
		refuse(modem, request, operation);
}

static void accept(struct modem *modem, const struct request *request, const uint8_t *payload, size_t length)
{
	struct stp *stp = &modem->stp;

	stp->answer_length = build_answer(modem, stp->answer, request, request->operation | OP_ANSWER, payload, length);
	stp->answered = true;
	stp->last_operation = request->operation;
	stp->last_transaction = request->transaction;
	send_answer(modem, stp->answer, stp->answer_length);
}

/* --- the session ----------------------------------------------------------------------------------------------- */

void stp_enter(struct modem *modem, enum cargo cargo)
{
	struct stp *stp = &modem->stp;

	stp->cargo = cargo;
	stp->have = 0;
	stp->open = false;
	stp->answered = false;
	stp->last_byte_ns = modem->now;
	stp->whole_ns = NEVER;
	modem_set_phase(modem, PHASE_STP);
}

void stp_leave(struct modem *modem)
{
	session_close(&modem->stp);
	modem->stp.open = false;
	modem->stp.have = 0;
	modem->stp.whole_ns = NEVER;
}

bool stp_in_transfer(const struct modem *modem)
{
	return modem->phase == PHASE_STP && modem->stp.open && modem->stp.session_bytes > 0;
}

static void run_reset(struct modem *modem, const struct request *request)
{
	bool open = modem->stp.open;

	accept(modem, request, NULL, 0);
	if (open)
		session_end(modem, "the host ended the session");
}

static void run_open(struct modem *modem, const struct request *request)
{
	struct stp *stp = &modem->stp;
	uint8_t payload[4] = {stp->effects.refuse ? 0 : 1, version(modem), 0, 0};

	put_big16(payload + 2, stp_max_transfer(modem));
	if (!stp->effects.refuse)
		session_open(modem, request->session);
	accept(modem, request, payload, sizeof(payload));
}

static void run_data_type(struct modem *modem, const struct request *request)
{
	struct stp *stp = &modem->stp;
	uint32_t type = request->length == 4 ? big32(stp->payload) : 0;
	uint32_t plain = stp->cargo == CARGO_HELPER ? DATA_ELF : DATA_BUNDLE;
	uint32_t stream = stp->cargo == CARGO_HELPER ? DATA_ELF_STREAM : DATA_BUNDLE_STREAM;

	if (version(modem) < 2) {
		refuse_by_version(modem, request, OP_NOT_UNDERSTOOD);
		return;
	}
	if ((type != plain && type != stream) || stp->session_blocks > 0) {
		refuse_by_version(modem, request, OP_DATA_TYPE | OP_NACK);
		return;
	}
	session_set_compressed(modem, type == stream);
	accept(modem, request, NULL, 0);
}

/* --- blocks ---------------------------------------------------------------------------------------------------- */

static void run_announce(struct modem *modem, const struct request *request)
{
	struct stp *stp = &modem->stp;
	uint32_t length = request->length == 2 ? big16(stp->payload) : 0;

	if (length == 0 || length > block_limit(modem)) {
		refuse_by_version(modem, request, OP_ANNOUNCE | OP_NACK);
		return;
	}
	stp->announced = true;
	stp->announced_length = (uint16_t)length;
	accept(modem, request, NULL, 0);
}

/* The flash is erased where a record begins; the first one's place is erased before anything is sent. */
static uint64_t erase_time(const struct modem *modem, unsigned before, unsigned now)
{
	unsigned first = before > 0 ? before : 1;

	return now > first ? (now - first) * modem->options->erase_ns : 0;
}

/* Rules that wait for bytes before a record. */
static void match_near_border(struct modem *modem, uint64_t offset, uint64_t record)
{
	struct happening near = {.trigger = TRIGGER_RECORD, .near = true, .record = record};

	near.border = bundle_check_record(&modem->stp.check, record);
	near.from = offset;
	near.to = modem->stp.check.offset;
	faults_of(modem, &near, &modem->stp.effects);
}

static void run_block(struct modem *modem, const struct request *request)
{
	struct stp *stp = &modem->stp;
	struct happening border = {.trigger = TRIGGER_RECORD, .from = stp->check.records};
	uint64_t offset = stp->check.offset;
	uint32_t residue = stp->effects.residue < request->length ? stp->effects.residue : request->length;
	uint64_t erase_ns;
	uint8_t payload[2];

	if (!stp->announced || request->length == 0 || request->length > stp->announced_length) {
		refuse_by_version(modem, request, OP_BLOCK | OP_NACK);
		return;
	}
	stp->announced = false;
	session_take(modem, request->length - residue);
	border.to = stp->check.records;
	faults_of(modem, &border, &stp->effects);
	for (uint64_t record = border.from; record <= border.to; record++)
		match_near_border(modem, offset, record);
	if (faults_stop(modem, &stp->effects))
		return;
	erase_ns = erase_time(modem, (unsigned)border.from, (unsigned)border.to);
	if (erase_ns > 0 || stp->effects.delay_ns > 0)
		modem->busy_until_ns = modem->now + erase_ns + stp->effects.delay_ns;
	stp->effects.delay_ns += erase_ns;
	put_big16(payload, residue);
	accept(modem, request, payload, sizeof(payload));
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

static void run_request(struct modem *modem, const struct request *request)
{
	struct stp *stp = &modem->stp;
	bool needs_session = request->operation != OP_RESET && request->operation != OP_OPEN;

	if (needs_session && (!stp->open || request->session != stp->session)) {
		refuse_by_version(modem, request, request->operation | OP_NACK);
		return;
	}
	switch ((enum operation)request->operation) {
	case OP_RESET:
		run_reset(modem, request);
		break;
	case OP_OPEN:
		run_open(modem, request);
		break;
	case OP_ANNOUNCE:
		run_announce(modem, request);
		break;
	case OP_BLOCK:
		run_block(modem, request);
		break;
	case OP_DATA_TYPE:
		run_data_type(modem, request);
		break;
	case OP_COUNT:
		break;
	}
}

/* RESET is answered afresh each time: resent or not, it means the same. */
static bool is_resend(const struct stp *stp, const struct request *request)
{
	return stp->answered && request->operation != OP_RESET && stp->last_operation == request->operation &&
	       stp->last_transaction == request->transaction;
}

static bool payload_holds(const struct stp *stp, const struct request *request)
{
	return request->length == 0 || crc16(0, stp->payload, request->length) == big16(stp->header + 14);
}

static void take_frame(struct modem *modem)
{
	struct stp *stp = &modem->stp;
	struct request request = request_of(stp->header);
	bool too_long = request.length > modem->options->max_transfer;

	stp->have = 0;
	if (faults_stop(modem, &stp->effects))
		return;
	if (stp->effects.error) {
		modem_say(modem, "ERROR");
		session_give_up(modem);
	} else if (stp->effects.not_understood) {
		refuse(modem, &request, OP_NOT_UNDERSTOOD);
	} else if (stp->effects.nack) {
		refuse(modem, &request, request.operation | OP_NACK);
	} else if (is_resend(stp, &request)) {
		/* Its content is here already, so damage to this copy does not matter. */
		modem->counters.resends++;
		send_answer(modem, stp->answer, stp->answer_length);
	} else if (request.operation >= OP_COUNT) {
		refuse_by_version(modem, &request, OP_NOT_UNDERSTOOD);
	} else if (too_long) {
		refuse_by_version(modem, &request, request.operation | OP_NACK);
	} else if (!payload_holds(stp, &request)) {
		modem->counters.crc_errors++;
		refuse_by_version(modem, &request, request.operation | OP_NACK);
	} else {
		run_request(modem, &request);
	}
}

/* Which block holds the middle and which is the last; of a compressed stream that is a guess: the first that is shorter. */
static void name_blocks(struct modem *modem, const struct request *request, uint64_t number)
{
	struct stp *stp = &modem->stp;
	uint64_t size = session_size(modem), offset = session_offset(modem);
	bool plain = !stp->compressed && size > 0;
	bool past_middle = offset + (plain ? request->length : 0) > size / 2;

	if (stp->middle_block == 0 && size > 0 && past_middle)
		stp->middle_block = number;
	if (stp->last_block == 0 && (plain ? offset + request->length >= size : past_middle && request->length < stp->longest_block))
		stp->last_block = number;
}

static void match_named_blocks(struct modem *modem, uint64_t number)
{
	struct happening middle = {.trigger = TRIGGER_BLOCK, .from = BLOCK_MIDDLE, .to = BLOCK_MIDDLE + 1};
	struct happening last = {.trigger = TRIGGER_BLOCK, .from = BLOCK_LAST, .to = BLOCK_LAST + 1};

	if (number == modem->stp.middle_block)
		faults_of(modem, &middle, &modem->stp.effects);
	if (number == modem->stp.last_block)
		faults_of(modem, &last, &modem->stp.effects);
}

static void match_rules(struct modem *modem, const struct request *request)
{
	struct stp *stp = &modem->stp;
	struct happening frame = {.trigger = TRIGGER_FRAME, .from = request->operation, .to = (uint64_t)request->operation + 1};
	uint64_t number = stp->session_blocks + (is_resend(stp, request) ? 0 : 1);
	struct happening block = {.trigger = TRIGGER_BLOCK, .from = number, .to = number + 1};
	struct happening bytes = {.trigger = TRIGGER_BYTES, .from = stp->session_bytes, .to = stp->session_bytes + request->length};

	faults_of(modem, &frame, &stp->effects);
	if (modem->play)
		play_frame(modem, request->operation, request->length, &stp->effects);
	if (request->operation != OP_BLOCK || !stp->open)
		return;
	faults_of(modem, &block, &stp->effects);
	if (!is_resend(stp, request))
		name_blocks(modem, request, number);
	match_named_blocks(modem, number);
	if (!is_resend(stp, request))
		faults_of(modem, &bytes, &stp->effects);
}

static bool header_holds(const uint8_t header[STP_HEADER])
{
	uint8_t copy[STP_HEADER];

	memcpy(copy, header, sizeof(copy));
	memset(copy + 12, 0, 2);
	return crc16(0, copy, sizeof(copy)) == big16(header + 12);
}

/* True: a payload follows. */
static bool take_header(struct modem *modem)
{
	struct stp *stp = &modem->stp;
	struct request request = request_of(stp->header);

	stp->effects = (struct effects){0};
	stp->payload_have = 0;
	stp->payload_length = request.length;
	if (header_holds(stp->header))
		match_rules(modem, &request);
	if (stp->effects.lost) {
		stp->have = 0;
		return false;
	}
	if (stp->effects.damaged)
		stp->header[9] ^= 0x04;
	if (!header_holds(stp->header)) {
		modem->counters.crc_errors++;
		request = request_of(stp->header);
		refuse_by_version(modem, &request, OP_NOT_UNDERSTOOD);
		stp->have = 0;
		return false;
	}
	return request.length > 0;
}

/* Hunts for the signature; what is not one is text for nobody. */
static size_t hunt_header(struct stp *stp, const uint8_t *bytes, size_t length)
{
	size_t used = 0;

	while (used < length && stp->have < STP_HEADER) {
		uint8_t byte = bytes[used++];

		if (stp->have < 4 && byte != request_signature[stp->have])
			stp->have = 0;
		if (stp->have >= 4 || byte == request_signature[stp->have])
			stp->header[stp->have++] = byte;
	}
	return used;
}

static size_t take_payload(struct modem *modem, const uint8_t *bytes, size_t length)
{
	struct stp *stp = &modem->stp;
	size_t take = stp->payload_length - stp->payload_have;

	if (take > length)
		take = length;
	/* A frame longer than the modem's buffer is read to its end, for the sake of what follows, and refused. */
	if (stp->payload_length <= modem->options->max_transfer)
		memcpy(stp->payload + stp->payload_have, bytes, take);
	stp->payload_have += (uint32_t)take;
	if (stp->payload_have == stp->payload_length)
		take_frame(modem);
	return take;
}

size_t stp_feed(struct modem *modem, const uint8_t *bytes, size_t length)
{
	struct stp *stp = &modem->stp;
	size_t used;

	if (stp->have > 0 && modem->now >= stp->last_byte_ns + FRAME_GAP_NS)
		stp->have = 0;
	stp->last_byte_ns = modem->now;
	if (stp->have == STP_HEADER)
		return take_payload(modem, bytes, length);
	if (modem->play && (used = play_text(modem, bytes, length)) > 0)
		return used;
	used = hunt_header(stp, bytes, length);
	if (stp->have == STP_HEADER && !take_header(modem) && stp->have == STP_HEADER)
		take_frame(modem);
	return used;
}

/* --- time ------------------------------------------------------------------------------------------------------ */

static uint64_t idle_due(const struct modem *modem)
{
	uint64_t ms = modem->setting.stp_idle_ms > 0 ? modem->setting.stp_idle_ms : IDLE_DEFAULT_MS;
	uint64_t start = modem->stp.last_byte_ns > modem->busy_until_ns ? modem->stp.last_byte_ns : modem->busy_until_ns;

	return start + ms * NS_PER_MS;
}

static uint64_t whole_due(const struct modem *modem)
{
	uint64_t start = modem->stp.whole_ns;

	if (start == NEVER)
		return NEVER;
	return (start > modem->busy_until_ns ? start : modem->busy_until_ns) + WHOLE_WAIT_NS;
}

uint64_t stp_due(const struct modem *modem)
{
	uint64_t idle = idle_due(modem);
	uint64_t whole = whole_due(modem);

	if (modem->phase != PHASE_STP)
		return NEVER;
	return whole < idle ? whole : idle;
}

void stp_advance(struct modem *modem)
{
	if (whole_due(modem) <= modem->now)
		session_end(modem, "");
	else if (idle_due(modem) <= modem->now && stp_in_transfer(modem))
		session_end(modem, "the host fell silent");
	else if (idle_due(modem) <= modem->now)
		modem_set_phase(modem, PHASE_COMMAND);
}
