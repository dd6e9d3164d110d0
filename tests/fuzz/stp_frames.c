/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of STP responses and the codec of headers: any split gives the same responses; a response that is given out keeps every
 * rule of protocol.md 4; what is encoded is decoded to the same.
 */
#include <string.h>

#include "tests/fuzz/harness.h"
#include "transport/stp/stp_frame.h"

struct responses {
	uint64_t sum;
	size_t good, damaged;
};

static void judge_response(const struct stp_response *response)
{
	const struct stp_header *header = &response->header;
	uint8_t bytes[STP_HEADER_SIZE] = {
	    0x74,
	    0x73,
	    0x61,
	    0x66,
	    header->op,
	    header->session,
	    (uint8_t)(header->payload_length >> 8),
	    (uint8_t)header->payload_length,
	    (uint8_t)(header->transaction >> 24),
	    (uint8_t)(header->transaction >> 16),
	    (uint8_t)(header->transaction >> 8),
	    (uint8_t)header->transaction,
	    0,
	    0,
	    (uint8_t)(header->payload_crc >> 8),
	    (uint8_t)header->payload_crc,
	};

	LAW(header->signature == STP_SIGNATURE_RESPONSE);
	LAW(header->payload_length <= STP_RESPONSE_PAYLOAD_MAX);
	LAW(header->header_crc == 0 || header->header_crc == stp_crc16(0, bytes, sizeof(bytes)));
	LAW(header->payload_crc == 0 || header->payload_crc == stp_crc16(0, response->payload, header->payload_length));
}

static void feed(struct stp_reader *reader, struct responses *all, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		struct stp_response response;
		size_t taken = 0;
		enum stp_read_result result = stp_reader_feed(reader, bytes, length, &taken, &response);
		LAW(taken <= length);
		LAW(taken > 0 || result != STP_READ_MORE);
		LAW(result != STP_READ_MORE || taken == length);
		all->damaged += result == STP_READ_DAMAGED;
		if (result == STP_READ_RESPONSE) {
			judge_response(&response);
			all->good++;
			all->sum = all->sum * 1099511628211u + response.header.op + response.header.transaction;
			for (size_t i = 0; i < response.header.payload_length; i++)
				all->sum = all->sum * 1099511628211u + response.payload[i];
		}
		bytes += taken;
		length -= taken;
	}
}

static void encode_and_decode(const uint8_t *bytes, size_t length)
{
	uint8_t header[STP_HEADER_SIZE];
	struct stp_header decoded;

	if (length < 8)
		return;
	uint32_t transaction = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
	uint16_t size = (uint16_t)(length - 8 > 0xffff ? 0xffff : length - 8);
	stp_request_encode(header, bytes[4], bytes[5], transaction, bytes + 8, size);
	stp_header_decode(header, &decoded);
	LAW(decoded.signature == STP_SIGNATURE_REQUEST && decoded.op == bytes[4] && decoded.session == bytes[5]);
	LAW(decoded.transaction == transaction && decoded.payload_length == size);
	LAW(decoded.payload_crc == (size ? stp_crc16(0, bytes + 8, size) : 0));
	header[12] = header[13] = 0;
	LAW(decoded.header_crc == stp_crc16(0, header, sizeof(header)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct stp_reader reader;
	struct responses whole = {0}, split = {0};

	stp_reader_init(&reader);
	feed(&reader, &whole, bytes, length);
	uint64_t skipped = reader.skipped;
	LAW(skipped <= length);
	stp_reader_init(&reader);
	for (size_t at = 0, piece; at < length; at += piece) {
		piece = next_piece(bytes, at, length);
		feed(&reader, &split, bytes + at, piece);
	}
	LAW(whole.sum == split.sum && whole.good == split.good && whole.damaged == split.damaged && skipped == reader.skipped);
	encode_and_decode(bytes, length);
	return 0;
}
