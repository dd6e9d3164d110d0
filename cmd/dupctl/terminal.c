/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FALLBACK_WIDTH  80u
#define FALLBACK_HEIGHT 24u

static bool color_wanted(bool no_color)
{
	const char *variable = getenv("NO_COLOR"), *term = getenv("TERM");

	return !no_color && !(variable && *variable) && term && strcmp(term, "dumb") != 0;
}

void terminal_init(struct terminal *terminal, FILE *out, bool no_color)
{
	*terminal = (struct terminal){.out = out};
	terminal->tty = isatty(fileno(out)) == 1;
	terminal->color = terminal->tty && color_wanted(no_color);
	terminal->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	terminal_measure(terminal);
}

void terminal_clear(struct terminal *terminal)
{
	free(terminal->drawn);
	terminal->drawn = NULL;
	terminal->drawn_count = 0;
}

void terminal_measure(struct terminal *terminal)
{
	struct winsize size = {0};

	if (!terminal->tty)
		return;
	ioctl(fileno(terminal->out), TIOCGWINSZ, &size);
	terminal->width = size.ws_col ? size.ws_col : FALLBACK_WIDTH;
	terminal->height = size.ws_row ? size.ws_row : FALLBACK_HEIGHT;
}

struct text terminal_text(const struct terminal *terminal)
{
	return (struct text){.utf8 = terminal->utf8, .color = terminal->color, .width = terminal->width};
}

int terminal_write(struct terminal *terminal, const struct text *text)
{
	if (text->length == 0)
		return 0;
	if (fwrite(text->bytes, 1, text->length, terminal->out) != text->length || fflush(terminal->out) != 0)
		return -(errno ? errno : EIO);
	return 0;
}

/* The rows that the live lines take now: a terminal made narrower has wrapped them. */
static size_t drawn_rows(const struct terminal *terminal)
{
	size_t rows = 0;

	for (size_t i = 0; i < terminal->drawn_count; i++)
		rows += terminal->drawn[i] > terminal->width ? (terminal->drawn[i] + terminal->width - 1) / terminal->width : 1;
	return rows;
}

static void drawn_remember(struct terminal *terminal, const struct text *live)
{
	const char *line = text_bytes(live);
	size_t count = 0;

	for (const char *at = line; *at; at++)
		count += *at == '\n';
	terminal_clear(terminal);
	terminal->drawn = calloc(count ? count : 1, sizeof(*terminal->drawn));
	if (!terminal->drawn)
		return;
	for (; terminal->drawn_count < count; terminal->drawn_count++) {
		size_t length = strcspn(line, "\n");

		terminal->drawn[terminal->drawn_count] = text_columns(line, length);
		line += length + 1;
	}
}

static void lines_add(struct text *frame, const struct text *lines)
{
	for (const char *line = text_bytes(lines); *line;) {
		size_t length = strcspn(line, "\n");

		text_addn(frame, line, length);
		text_add(frame, "\033[K\n");
		line += length + (line[length] == '\n');
	}
}

int terminal_draw(struct terminal *terminal, const struct text *permanent, const struct text *live)
{
	text_owned frame = {0};
	size_t rows = drawn_rows(terminal);

	if (!terminal->tty)
		return terminal_write(terminal, permanent);
	if (rows)
		text_addf(&frame, "\r\033[%zuA", rows);
	lines_add(&frame, permanent);
	lines_add(&frame, live);
	text_add(&frame, "\033[J");
	drawn_remember(terminal, live);
	return terminal_write(terminal, &frame);
}
