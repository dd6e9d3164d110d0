/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stp/stp_frame.h"

#include <string.h>

#define HEADER_CRC_OFFSET 12u
#define SIGNATURE_SIZE    4u

static const uint8_t response_signature[SIGNATURE_SIZE] = {0x74, 0x73, 0x61, 0x66};

static void put_u16(uint8_t *ret, uint16_t value)
{
	ret[0] = (uint8_t)(value >> 8);
	ret[1] = (uint8_t)value;
}

static void put_u32(uint8_t *ret, uint32_t value)
{
	put_u16(ret, (uint16_t)(value >> 16));
	put_u16(ret + 2, (uint16_t)value);
}

static uint16_t get_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get_u32(const uint8_t *bytes)
{
	return (uint32_t)get_u16(bytes) << 16 | get_u16(bytes + 2);
}

void stp_request_encode(uint8_t ret[STP_HEADER_SIZE], uint8_t op, uint8_t session, uint32_t transaction, const uint8_t *payload,
			uint16_t payload_length)
{
	put_u32(ret, STP_SIGNATURE_REQUEST);
	ret[4] = op;
	ret[5] = session;
	put_u16(ret + 6, payload_length);
	put_u32(ret + 8, transaction);
	put_u16(ret + HEADER_CRC_OFFSET, 0);
	put_u16(ret + 14, payload_length > 0 ? stp_crc16(0, payload, payload_length) : 0);
	put_u16(ret + HEADER_CRC_OFFSET, stp_crc16(0, ret, STP_HEADER_SIZE));
}

void stp_header_decode(const uint8_t bytes[STP_HEADER_SIZE], struct stp_header *ret)
{
	ret->signature = get_u32(bytes);
	ret->op = bytes[4];
	ret->session = bytes[5];
	ret->payload_length = get_u16(bytes + 6);
	ret->transaction = get_u32(bytes + 8);
	ret->header_crc = get_u16(bytes + HEADER_CRC_OFFSET);
	ret->payload_crc = get_u16(bytes + 14);
}

/* protocol.md 4: 0 means "not computed". */
static bool header_crc_holds(const uint8_t bytes[STP_HEADER_SIZE], uint16_t crc)
{
	uint8_t plain[STP_HEADER_SIZE];

	if (crc == 0)
		return true;
	memcpy(plain, bytes, sizeof plain);
	put_u16(plain + HEADER_CRC_OFFSET, 0);
	return stp_crc16(0, plain, sizeof plain) == crc;
}

void stp_reader_init(struct stp_reader *reader)
{
	reader->have = 0;
	reader->skipped = 0;
}

static void skip_bytes(struct stp_reader *reader, size_t count)
{
	reader->have -= count;
	reader->skipped += count;
	memmove(reader->bytes, reader->bytes + count, reader->have);
}

/* Drops bytes from the front until what is left can be the beginning of a response. */
static void hunt(struct stp_reader *reader)
{
	size_t start = 0;

	while (start < reader->have) {
		size_t left = reader->have - start;
		size_t compared = left < SIGNATURE_SIZE ? left : SIGNATURE_SIZE;
		if (memcmp(reader->bytes + start, response_signature, compared) == 0)
			break;
		start++;
	}
	if (start > 0)
		skip_bytes(reader, start);
}

/* Judges what the reader holds; *ret_need: how many bytes it has to hold before there is more to say. */
static enum stp_read_result judge(struct stp_reader *reader, size_t *ret_need, struct stp_response *ret)
{
	hunt(reader);
	*ret_need = STP_HEADER_SIZE;
	if (reader->have < STP_HEADER_SIZE)
		return STP_READ_MORE;
	stp_header_decode(reader->bytes, &ret->header);
	size_t length = ret->header.payload_length;
	if (length > STP_RESPONSE_PAYLOAD_MAX || !header_crc_holds(reader->bytes, ret->header.header_crc))
		return STP_READ_DAMAGED;
	*ret_need = STP_HEADER_SIZE + length;
	if (reader->have < *ret_need)
		return STP_READ_MORE;
	const uint8_t *payload = reader->bytes + STP_HEADER_SIZE;
	if (ret->header.payload_crc != 0 && stp_crc16(0, payload, length) != ret->header.payload_crc)
		return STP_READ_DAMAGED;
	memcpy(ret->payload, payload, length);
	return STP_READ_RESPONSE;
}

enum stp_read_result stp_reader_feed(struct stp_reader *reader, const uint8_t *bytes, size_t length, size_t *ret_taken,
				     struct stp_response *ret)
{
	*ret_taken = 0;
	for (;;) {
		size_t need;
		enum stp_read_result result = judge(reader, &need, ret);

		if (result == STP_READ_RESPONSE) {
			reader->have -= need;
			memmove(reader->bytes, reader->bytes + need, reader->have);
			return result;
		}
		if (result == STP_READ_DAMAGED) {
			skip_bytes(reader, 1);
			return result;
		}
		size_t left = length - *ret_taken;
		if (left == 0)
			return STP_READ_MORE;
		size_t part = need - reader->have < left ? need - reader->have : left;
		memcpy(reader->bytes + reader->have, bytes + *ret_taken, part);
		reader->have += part;
		*ret_taken += part;
	}
}
