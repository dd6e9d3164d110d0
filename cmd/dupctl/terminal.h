/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the output goes: what it can show, and a few live lines at its end that are drawn again in place.
 */
#ifndef DUPCTL_TERMINAL_H
#define DUPCTL_TERMINAL_H

#include <stdio.h>

#include "cmd/dupctl/text.h"

struct terminal {
	FILE *out;
	bool tty, color, utf8;
	size_t width, height; /* of a tty; 0 when it is none: no limit */
	size_t *drawn;        /* columns of each live line on the screen, drawn_count of them */
	size_t drawn_count;
};

/* no_color: as asked for on the command line; NO_COLOR and TERM=dumb are looked at here. setlocale() comes before. */
void terminal_init(struct terminal *terminal, FILE *out, bool no_color);
void terminal_clear(struct terminal *terminal);

/* Asks for the size again: the window may have been resized. */
void terminal_measure(struct terminal *terminal);

/* An empty text with the abilities of this terminal. */
struct text terminal_text(const struct terminal *terminal);

/* Writes and flushes. -errno when the reader is gone. */
int terminal_write(struct terminal *terminal, const struct text *text);

/* Replaces the live lines: first the permanent text, which scrolls away, then the new live lines. Each line ends in a newline and fits the
 * width. On what is no tty the live lines are left out. */
int terminal_draw(struct terminal *terminal, const struct text *permanent, const struct text *live);

#endif
