/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/bundle.h"

/* So many words may be added before the second sum can pass 32 bits. protocol.md 5. */
#define WORDS_BETWEEN_REDUCTIONS 359u

static uint32_t reduce(uint32_t sum)
{
	return (sum & 0xffff) + (sum >> 16);
}

uint32_t bundle_fletcher32(const uint8_t *bytes, size_t length)
{
	uint32_t first = 0xffff;
	uint32_t second = 0xffff;
	size_t words = length / 2;

	while (words > 0) {
		size_t block = words < WORDS_BETWEEN_REDUCTIONS ? words : WORDS_BETWEEN_REDUCTIONS;

		words -= block;
		for (; block > 0; block--, bytes += 2) {
			first += (uint32_t)(bytes[0] << 8 | bytes[1]);
			second += first;
		}
		first = reduce(first);
		second = reduce(second);
	}
	if (length % 2) {
		first = reduce(first + (uint32_t)(bytes[0] << 8));
		second = reduce(second + first);
	}
	first = reduce(first);
	second = reduce(second);
	return second << 16 | first;
}
