/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/board_prompt.h"

#include <string.h>

#define PROMPT        ">>> "
#define PROMPT_LENGTH 4u
#define PARTS         4
/* More than any part of a release; keeps the arithmetic in its range. */
#define PART_MOST 100000u

/* True when the byte ends a line that has begun. */
static bool take_byte(struct board_prompt *prompt, uint8_t byte)
{
	bool printable = byte >= 0x20 && byte < 0x7f;

	if (byte == '\r' || byte == '\n')
		return prompt->have > 0;
	if (prompt->have < BOARD_LINE_MAX && (printable || prompt->have > 0))
		prompt->line[prompt->have++] = printable ? (char)byte : '?';
	return false;
}

enum board_event board_prompt_feed(struct board_prompt *prompt, const uint8_t *bytes, size_t length, size_t *ret_taken)
{
	for (*ret_taken = 0; *ret_taken < length;) {
		if (prompt->ended)
			prompt->have = 0;
		prompt->ended = take_byte(prompt, bytes[(*ret_taken)++]);
		if (prompt->ended) {
			prompt->line[prompt->have] = '\0';
			return BOARD_LINE;
		}
		if (prompt->have == PROMPT_LENGTH && memcmp(prompt->line, PROMPT, PROMPT_LENGTH) == 0) {
			prompt->have = 0;
			return BOARD_PROMPT;
		}
	}
	return BOARD_NOTHING;
}

bool board_release_of_line(const char *line, char ret[static BOARD_RELEASE_SIZE])
{
	static const char key[] = "release='";
	const char *found = strstr(line, key);

	if (!found)
		return false;
	found += strlen(key);
	size_t length = strcspn(found, "'");
	if (found[length] != '\'' || length >= BOARD_RELEASE_SIZE || found[0] < '0' || found[0] > '9')
		return false;
	memcpy(ret, found, length);
	ret[length] = '\0';
	return true;
}

static unsigned next_part(const char **at)
{
	unsigned part = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (part < PART_MOST)
			part = part * 10 + (unsigned)(**at - '0');
	}
	if (**at == '.')
		(*at)++;
	return part;
}

int board_release_compare(const char *left, const char *right)
{
	for (int i = 0; i < PARTS; i++) {
		unsigned a = next_part(&left), b = next_part(&right);
		if (a != b)
			return a < b ? -1 : 1;
	}
	return 0;
}
