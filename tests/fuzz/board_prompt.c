/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of a MicroPython prompt: any split gives the same events; a line is printable, not empty and bounded; a release that is found
 * begins with a digit and fits.
 */
#include <string.h>

#include "tests/fuzz/harness.h"
#include "transport/modem/board_prompt.h"

struct events {
	uint64_t sum; /* of all events and their borders */
	size_t count;
};

static void add(struct events *events, unsigned value)
{
	events->sum = events->sum * 1099511628211u + value;
}

static void judge_release(const char *line)
{
	char release[BOARD_RELEASE_SIZE];

	if (!board_release_of_line(line, release))
		return;
	LAW(memchr(release, '\0', sizeof(release)) != NULL);
	LAW(release[0] >= '0' && release[0] <= '9');
	LAW(board_release_compare(release, release) == 0);
	LAW(board_release_compare(release, "1.18.1") == -board_release_compare("1.18.1", release));
}

static void take_line(struct events *events, const char *line)
{
	size_t length = strlen(line);

	LAW(length > 0 && length <= BOARD_LINE_MAX);
	for (size_t i = 0; i < length; i++) {
		LAW(line[i] >= 0x20 && line[i] < 0x7F);
		add(events, (uint8_t)line[i]);
	}
	judge_release(line);
}

static void feed(struct board_prompt *prompt, struct events *events, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		size_t taken = 0;
		enum board_event event = board_prompt_feed(prompt, bytes, length, &taken);
		LAW(taken > 0 && taken <= length);
		LAW(event != BOARD_NOTHING || taken == length);
		if (event == BOARD_LINE)
			take_line(events, prompt->line);
		if (event != BOARD_NOTHING)
			add(events, 256u + event);
		events->count += event != BOARD_NOTHING;
		bytes += taken;
		length -= taken;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct board_prompt at_once = {.have = 0}, in_parts = {.have = 0};
	struct events whole = {0}, split = {0};

	feed(&at_once, &whole, bytes, length);
	for (size_t at = 0, piece; at < length; at += piece) {
		piece = next_piece(bytes, at, length);
		feed(&in_parts, &split, bytes + at, piece);
	}
	LAW(whole.sum == split.sum && whole.count == split.count && at_once.have == in_parts.have);
	return 0;
}
