/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-16/XMODEM, eight bytes at a time. The sum is linear: the table entry of a byte is the XOR of its bits' own sums, and bit i
 * followed by k more bytes has the sum x^(16 + i + 8k) modulo the polynomial. Those 64 powers are the whole input.
 */
#include "transport/stp/stp_frame.h"

#define BIT(b, i, power) (((b) >> (i)&1u) ? (power) : 0u)
#define ENTRY(b, p0, p1, p2, p3, p4, p5, p6, p7)                                                                                           \
	(uint16_t)(BIT(b, 0, p0) ^ BIT(b, 1, p1) ^ BIT(b, 2, p2) ^ BIT(b, 3, p3) ^ BIT(b, 4, p4) ^ BIT(b, 5, p5) ^ BIT(b, 6, p6) ^         \
		   BIT(b, 7, p7))
#define FOUR(b, ...)    ENTRY(b, __VA_ARGS__), ENTRY((b) + 1u, __VA_ARGS__), ENTRY((b) + 2u, __VA_ARGS__), ENTRY((b) + 3u, __VA_ARGS__)
#define SIXTEEN(b, ...) FOUR(b, __VA_ARGS__), FOUR((b) + 4u, __VA_ARGS__), FOUR((b) + 8u, __VA_ARGS__), FOUR((b) + 12u, __VA_ARGS__)
#define SIXTY_FOUR(b, ...)                                                                                                                 \
	SIXTEEN(b, __VA_ARGS__), SIXTEEN((b) + 16u, __VA_ARGS__), SIXTEEN((b) + 32u, __VA_ARGS__), SIXTEEN((b) + 48u, __VA_ARGS__)
#define SLICE(...)                                                                                                                         \
	{                                                                                                                                  \
		SIXTY_FOUR(0u, __VA_ARGS__), SIXTY_FOUR(64u, __VA_ARGS__), SIXTY_FOUR(128u, __VA_ARGS__), SIXTY_FOUR(192u, __VA_ARGS__)    \
	}

/* slices[k][b]: the sum of byte b followed by k zero bytes. */
static const uint16_t slices[8][256] = {
    SLICE(0x1021, 0x2042, 0x4084, 0x8108, 0x1231, 0x2462, 0x48C4, 0x9188),
    SLICE(0x3331, 0x6662, 0xCCC4, 0x89A9, 0x0373, 0x06E6, 0x0DCC, 0x1B98),
    SLICE(0x3730, 0x6E60, 0xDCC0, 0xA9A1, 0x4363, 0x86C6, 0x1DAD, 0x3B5A),
    SLICE(0x76B4, 0xED68, 0xCAF1, 0x85C3, 0x1BA7, 0x374E, 0x6E9C, 0xDD38),
    SLICE(0xAA51, 0x4483, 0x8906, 0x022D, 0x045A, 0x08B4, 0x1168, 0x22D0),
    SLICE(0x45A0, 0x8B40, 0x06A1, 0x0D42, 0x1A84, 0x3508, 0x6A10, 0xD420),
    SLICE(0xB861, 0x60E3, 0xC1C6, 0x93AD, 0x377B, 0x6EF6, 0xDDEC, 0xABF9),
    SLICE(0x47D3, 0x8FA6, 0x0F6D, 0x1EDA, 0x3DB4, 0x7B68, 0xF6D0, 0xFD81),
};

uint16_t stp_crc16(uint16_t crc, const uint8_t *bytes, size_t length)
{
	while (length >= 8) {
		crc = slices[7][bytes[0] ^ (crc >> 8)] ^ slices[6][bytes[1] ^ (crc & 0xFFu)] ^ slices[5][bytes[2]] ^ slices[4][bytes[3]] ^
		      slices[3][bytes[4]] ^ slices[2][bytes[5]] ^ slices[1][bytes[6]] ^ slices[0][bytes[7]];
		bytes += 8;
		length -= 8;
	}
	for (size_t i = 0; i < length; i++)
		crc = (uint16_t)(crc << 8) ^ slices[0][(crc >> 8) ^ bytes[i]];
	return crc;
}
