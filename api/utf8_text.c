/* SPDX-License-Identifier: Apache-2.0 */
#include "api/utf8_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 3629, 4: lead bytes, the range of the byte after them, and how many there are in all. */
static const struct sequence {
	uint8_t lead_first, lead_last, second_first, second_last;
	size_t length;
} sequences[] = {
    {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static bool sequence_fits(const struct sequence *sequence, const uint8_t *bytes, size_t length)
{
	if (bytes[0] < sequence->lead_first || bytes[0] > sequence->lead_last || length < sequence->length)
		return false;
	if (sequence->length > 1 && (bytes[1] < sequence->second_first || bytes[1] > sequence->second_last))
		return false;
	for (size_t i = 2; i < sequence->length; i++)
		if ((bytes[i] & 0xC0u) != 0x80u)
			return false;
	return true;
}

/* Bytes of the character at the start; 0 when there is none. */
static size_t character_length(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		if (sequence_fits(&sequences[i], bytes, length))
			return sequences[i].length;
	return 0;
}

bool utf8_text_valid(const char *text, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)text;
	for (size_t i = 0, taken; i < length; i += taken) {
		taken = character_length(bytes + i, length - i);
		if (taken == 0)
			return false;
	}
	return true;
}

char *utf8_text_escape(const char *text, size_t *ret_length)
{
	size_t length = strlen(text), used = 0;
	char *made = malloc(length * 4 + 1);
	if (made == NULL)
		return NULL;
	for (size_t i = 0; i < length;) {
		size_t taken = character_length((const uint8_t *)text + i, length - i);
		if (taken == 0) {
			used += (size_t)snprintf(made + used, 5, "\\x%02X", (uint8_t)text[i++]);
			continue;
		}
		memcpy(made + used, text + i, taken);
		used += taken;
		i += taken;
	}
	made[used] = '\0';
	*ret_length = used;
	return made;
}
