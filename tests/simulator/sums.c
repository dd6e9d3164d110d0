/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/sums.h"

enum { FLETCHER_RUN = 360 };

/* One nibble at a time: a table of 16, and fast enough for sixty-four modems at full rate. */
static const uint16_t crc_nibbles[16] = {
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
};

uint16_t crc16(uint16_t crc, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		crc = (uint16_t)((crc << 4) ^ crc_nibbles[(crc >> 12) ^ (bytes[i] >> 4)]);
		crc = (uint16_t)((crc << 4) ^ crc_nibbles[(crc >> 12) ^ (bytes[i] & 15)]);
	}
	return crc;
}

static uint32_t folded(uint32_t sum)
{
	return (sum & 0xffff) + (sum >> 16);
}

static void add_word(struct fletcher *sum, uint32_t word)
{
	sum->s1 += word;
	sum->s2 += sum->s1;
}

void fletcher_start(struct fletcher *sum)
{
	*sum = (struct fletcher){.s1 = 0xffff, .s2 = 0xffff};
}

void fletcher_add(struct fletcher *sum, const uint8_t *bytes, size_t length)
{
	if (sum->odd && length > 0) {
		add_word(sum, (uint32_t)sum->high << 8 | bytes[0]);
		sum->s1 = folded(sum->s1);
		sum->s2 = folded(sum->s2);
		sum->odd = false;
		bytes++;
		length--;
	}
	while (length > 1) {
		size_t words = length / 2 < FLETCHER_RUN ? length / 2 : FLETCHER_RUN;

		length -= 2 * words;
		for (; words > 0; words--, bytes += 2)
			add_word(sum, (uint32_t)bytes[0] << 8 | bytes[1]);
		sum->s1 = folded(sum->s1);
		sum->s2 = folded(sum->s2);
	}
	if (length == 1) {
		sum->high = bytes[0];
		sum->odd = true;
	}
}

uint32_t fletcher_value(const struct fletcher *sum)
{
	struct fletcher last = *sum;

	if (last.odd)
		add_word(&last, (uint32_t)last.high << 8);
	last.s1 = folded(folded(last.s1));
	last.s2 = folded(folded(last.s2));
	return last.s2 << 16 | last.s1;
}
