/* SPDX-License-Identifier: Apache-2.0 */
/* The two checksums of the wire and of the bundles (protocol.md 4 and 5). Pure. */
#ifndef SIMULATOR_SUMS_H
#define SIMULATOR_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CRC-16/XMODEM; `crc` is 0 at the start, then the result so far. */
uint16_t crc16(uint16_t crc, const uint8_t *bytes, size_t length);

/* Fletcher-32 over 16-bit big-endian words, fed in pieces of any size. */
struct fletcher {
	uint32_t s1;
	uint32_t s2;
	uint8_t high; /* first byte of a word whose second has not come yet */
	bool odd;
};

void fletcher_start(struct fletcher *sum);
void fletcher_add(struct fletcher *sum, const uint8_t *bytes, size_t length);
/* The sum of what was fed so far; an odd last byte counts as the high byte of a word. */
uint32_t fletcher_value(const struct fletcher *sum);

#endif
