/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <stdbool.h>
#include <stdint.h>

struct range {
	uint32_t first;
	uint32_t last;
};

static const struct range unprintable[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f},     /* C0, DEL, C1 */
    {0x200b, 0x200f}, {0x2028, 0x202e},     /* zero width, line ends, direction overrides */
    {0x2060, 0x206f}, {0xd800, 0xdfff},     /* more of these, surrogates */
    {0xfeff, 0xfeff}, {0xfff0, 0xfffb},     /* byte order mark, specials */
    {0xfffe, 0xffff}, {0x110000, 0x1fffff}, /* no characters */
};

struct lead {
	uint8_t mask;
	uint8_t value;
	uint8_t length;
	uint32_t smallest; /* a longer form of a smaller character is no UTF-8 */
};

static const struct lead leads[] = {
    {0x80, 0x00, 1, 0x0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_printable(uint32_t character)
{
	for (size_t i = 0; i < COUNT(unprintable); i++) {
		if (character >= unprintable[i].first && character <= unprintable[i].last)
			return false;
	}
	return true;
}

static size_t decode(const char *text, const struct lead *lead)
{
	uint32_t character = (uint8_t)text[0] & (uint8_t)~lead->mask;

	for (size_t i = 1; i < lead->length; i++) {
		uint8_t byte = (uint8_t)text[i];

		if ((byte & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (byte & 0x3f);
	}
	return character >= lead->smallest && is_printable(character) ? lead->length : 0;
}

size_t utf8_printable(const char *text)
{
	for (size_t i = 0; i < COUNT(leads); i++) {
		if (((uint8_t)text[0] & leads[i].mask) == leads[i].value)
			return decode(text, &leads[i]);
	}
	return 0;
}

void utf8_make_printable(char *text)
{
	while (*text) {
		size_t length = utf8_printable(text);

		if (length == 0)
			*text = '?';
		text += length ? length : 1;
	}
}

char *text_of_bytes(const char *bytes, size_t length)
{
	char *text = malloc(length + 1);

	if (!text)
		return NULL;
	memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}
