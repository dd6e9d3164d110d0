/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads what a board with a MicroPython prompt prints. Pure: fed bytes, gives lines and prompts; however the bytes are cut, the events are
 * the same. protocol.md 9, "Pycom mirror".
 */
#ifndef TRANSPORT_BOARD_PROMPT_H
#define TRANSPORT_BOARD_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOARD_LINE_MAX     255u
#define BOARD_RELEASE_SIZE 24u

enum board_event { BOARD_NOTHING, BOARD_LINE, BOARD_PROMPT };

/* All 0 where a stream begins. */
struct board_prompt {
	bool ended; /* `line` was given and goes with the next byte */
	size_t have;
	char line[BOARD_LINE_MAX + 1]; /* after BOARD_LINE: NUL-terminated printable ASCII */
};

/* Takes bytes up to the first event; call again with the rest. CR and LF each end a line, empty lines are none. A line is a prompt as soon as
 * it is ">>> ", and what follows begins a new one: the echo. Unprintable bytes are dropped before a line and '?' inside of one;
 * of an over-long line the beginning stays. */
enum board_event board_prompt_feed(struct board_prompt *prompt, const uint8_t *bytes, size_t length, size_t *ret_taken);

/* Finds `release='1.20.2.r6'` in a line that os.uname() gave. False when there is none, or one that is no version. */
bool board_release_of_line(const char *line, char ret[static BOARD_RELEASE_SIZE]);

/* "1.18.1" against "1.20.2.r6": below 0, 0 or above. The numbers between the dots count, up to the first part that is none; a missing one is 0. */
int board_release_compare(const char *left, const char *right);

#endif
