/* SPDX-License-Identifier: Apache-2.0
 *
 * STP frames, pure: bytes in, values out. protocol.md 4.
 */
#ifndef TRANSPORT_STP_FRAME_H
#define TRANSPORT_STP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STP_HEADER_SIZE        16u
#define STP_SIGNATURE_REQUEST  0x66617374u /* "fast" */
#define STP_SIGNATURE_RESPONSE 0x74736166u /* "tsaf" */

enum stp_op {
	STP_RESET = 0,
	STP_OPEN_SESSION = 1,
	STP_TRANSFER_BLOCK_CMD = 2,
	STP_TRANSFER_BLOCK = 3,
	STP_TRANSFER_DATA_TYPE = 4,
};

#define STP_RESPONSE       0x80u /* request op | this */
#define STP_NACK           0x40u /* request op | this: not taken */
#define STP_NOT_UNDERSTOOD 0x7Fu /* header damaged */

enum stp_data_type { STP_DATA_ELF = 2, STP_DATA_ELF_ZLIB = 3, STP_DATA_BUNDLE = 4, STP_DATA_BUNDLE_ZLIB = 5 };

struct stp_header {
	uint32_t signature;
	uint8_t op;
	uint8_t session;
	uint16_t payload_length;
	uint32_t transaction;
	uint16_t header_crc;
	uint16_t payload_crc;
};

/* CRC-16/XMODEM, continued from `crc` (0 to begin). "123456789" → 0x31C3. */
uint16_t stp_crc16(uint16_t crc, const uint8_t *bytes, size_t length);

/* Fills the 16 bytes of a request for this payload, both checksums included. */
void stp_request_encode(uint8_t ret[STP_HEADER_SIZE], uint8_t op, uint8_t session, uint32_t transaction, const uint8_t *payload,
			uint16_t payload_length);

/* Reads a header without judging it. */
void stp_header_decode(const uint8_t bytes[STP_HEADER_SIZE], struct stp_header *ret);

/* The response reader: fed bytes, hunts for the response signature, gives whole responses. protocol.md 4: text before the
 * signature is skipped, a checksum of 0 means "not computed", one that is not 0 must match. */
#define STP_RESPONSE_PAYLOAD_MAX 64u
enum stp_read_result { STP_READ_MORE, STP_READ_RESPONSE, STP_READ_DAMAGED };
struct stp_reader {
	uint8_t bytes[STP_HEADER_SIZE + STP_RESPONSE_PAYLOAD_MAX];
	size_t have;
	uint64_t skipped; /* bytes that were no frame, since stp_reader_init() */
};
struct stp_response {
	struct stp_header header;
	uint8_t payload[STP_RESPONSE_PAYLOAD_MAX];
};
void stp_reader_init(struct stp_reader *reader);

/* Takes bytes up to the end of the first whole response and says how many in *ret_taken; call again with the rest.
 * STP_READ_DAMAGED: a checksum did not match or the length is impossible; the reader hunts on from the next byte. */
enum stp_read_result stp_reader_feed(struct stp_reader *reader, const uint8_t *bytes, size_t length, size_t *ret_taken,
				     struct stp_response *ret);

#endif
