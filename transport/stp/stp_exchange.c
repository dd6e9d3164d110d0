/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stp/stp_exchange.h"

#include <errno.h>
#include <string.h>

#include "transport/clock.h"

#define READ_SIZE 256u

void stp_wire_init(struct stp_wire *wire, struct link *link)
{
	wire->link = link;
	wire->last_length = 0;
	stp_reader_init(&wire->reader);
}

int stp_send(struct stp_wire *wire, const struct stp_request *request, int64_t deadline_ms)
{
	uint8_t header[STP_HEADER_SIZE];
	union {
		const uint8_t *in;
		void *out;
	} payload = {.in = request->payload}; /* an iovec has no const, writev() reads only */
	struct iovec pieces[2] = {{header, sizeof header}, {payload.out, request->length}};

	stp_request_encode(header, request->op, request->session, request->transaction, request->payload, request->length);
	return link_write(wire->link, pieces, 2, deadline_ms);
}

/* STP_ANSWER_SILENCE: the response is none to this request. */
static enum stp_answer classify(const struct stp_request *request, const struct stp_header *header)
{
	if (header->op == STP_NOT_UNDERSTOOD)
		return STP_ANSWER_NOT_UNDERSTOOD;
	if (header->session != request->session || header->transaction != request->transaction)
		return STP_ANSWER_SILENCE;
	if (header->op == (request->op | STP_RESPONSE))
		return STP_ANSWER_TAKEN;
	if (header->op == (request->op | STP_NACK))
		return STP_ANSWER_NACK;
	return STP_ANSWER_SILENCE;
}

/* Real modems send no checksums (protocol.md 4): an answer that cannot be is one that came damaged. */
static bool is_possible(const struct stp_request *request, const struct stp_response *response)
{
	const uint8_t *payload = response->payload;

	switch (request->op) {
	case STP_OPEN_SESSION:
		return response->header.payload_length >= 4;
	case STP_TRANSFER_BLOCK:
		return response->header.payload_length >= 2 && (payload[0] << 8 | payload[1]) <= request->length;
	default:
		return true;
	}
}

/* Reads all of a piece, for what stands in it behind the answer cannot answer a request that was not sent yet. */
static enum stp_answer scan(struct stp_wire *wire, const struct stp_request *request, const uint8_t *bytes, size_t length,
			    struct stp_response *ret_response)
{
	enum stp_answer answer = STP_ANSWER_SILENCE;
	enum stp_read_result result;
	size_t used = 0;

	do {
		struct stp_response response;
		size_t taken;

		result = stp_reader_feed(&wire->reader, bytes + used, length - used, &taken, &response);
		used += taken;
		if (result == STP_READ_DAMAGED && answer == STP_ANSWER_SILENCE)
			answer = STP_ANSWER_DAMAGED;
		if (result != STP_READ_RESPONSE || answer == STP_ANSWER_TAKEN)
			continue;
		enum stp_answer found = classify(request, &response.header);
		if (found == STP_ANSWER_TAKEN && !is_possible(request, &response))
			found = STP_ANSWER_DAMAGED;
		if (found != STP_ANSWER_SILENCE)
			answer = found;
		if (found == STP_ANSWER_TAKEN)
			*ret_response = response;
	} while (result != STP_READ_MORE);
	return answer;
}

int stp_await(struct stp_wire *wire, const struct stp_request *request, int64_t deadline_ms, enum stp_answer *ret_answer,
	      struct stp_response *ret_response)
{
	uint8_t bytes[READ_SIZE];

	*ret_answer = STP_ANSWER_SILENCE;
	do {
		ssize_t count = link_read(wire->link, bytes, sizeof bytes, deadline_ms);
		if (count == -ETIMEDOUT)
			return 0;
		if (count < 0)
			return (int)count;
		wire->last_length = (size_t)count < sizeof wire->last ? (size_t)count : sizeof wire->last;
		memcpy(wire->last, bytes, wire->last_length);
		*ret_answer = scan(wire, request, bytes, (size_t)count, ret_response);
	} while (*ret_answer == STP_ANSWER_SILENCE && clock_now_ms() < deadline_ms);
	return 0;
}
