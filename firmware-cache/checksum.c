/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/bundle_walk.h"

/* So many words may be added before the second sum can pass 32 bits. protocol.md 5. */
#define WORDS_BETWEEN_REDUCTIONS 359u

static uint32_t reduce(uint32_t sum)
{
	return (sum & 0xffff) + (sum >> 16);
}

void fletcher32_begin(struct fletcher32 *sum)
{
	*sum = (struct fletcher32){.first = 0xffff, .second = 0xffff};
}

void fletcher32_add(struct fletcher32 *sum, const uint8_t *bytes, size_t length)
{
	uint32_t first = sum->first;
	uint32_t second = sum->second;
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
	/* Twice: what is carried over is below 65536 again. */
	sum->first = reduce(first);
	sum->second = reduce(second);
}

uint32_t fletcher32_end(const struct fletcher32 *sum)
{
	return sum->second << 16 | sum->first;
}

uint32_t bundle_fletcher32(const uint8_t *bytes, size_t length)
{
	struct fletcher32 sum;

	fletcher32_begin(&sum);
	fletcher32_add(&sum, bytes, length);
	return fletcher32_end(&sum);
}
