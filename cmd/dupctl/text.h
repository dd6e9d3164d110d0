/* SPDX-License-Identifier: Apache-2.0
 *
 * Text for people, built before it is written: grows, knows what the terminal can show, and lets nothing of the server's through that
 * a terminal would obey. Memory that runs out ends the program with a message. One thread.
 */
#ifndef DUPCTL_TEXT_H
#define DUPCTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_color { TEXT_PLAIN, TEXT_BOLD, TEXT_DIM, TEXT_GREEN, TEXT_YELLOW, TEXT_RED, TEXT_BLUE };

struct text {
	char *bytes; /* NUL-terminated; NULL until something is added */
	size_t length, capacity;
	bool utf8;    /* else ASCII only */
	bool color;   /* else text_color() adds nothing */
	size_t width; /* where text_add_words() ends its lines; 0: nowhere */
};

void text_clear(struct text *text);
#define text_owned __attribute__((cleanup(text_clear))) struct text

/* The bytes, "" when empty. Borrowed. */
const char *text_bytes(const struct text *text);

/* For text of our own only: nothing is escaped. */
void text_add(struct text *text, const char *bytes);
void text_addn(struct text *text, const char *bytes, size_t length);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For text from the server: line ends and tabs become a space, other control characters, direction marks and broken UTF-8 become \xNN; what the
 * locale cannot show becomes '?'. */
void text_add_clean(struct text *text, const char *bytes);

/* The same, in lines that end between two words where there is a width; each but the first begins with `indent` blanks. */
void text_add_words(struct text *text, const char *words, size_t indent);

/* Our own glyphs, by what the terminal can show. */
void text_add_glyph(struct text *text, const char *utf8, const char *ascii);

void text_add_color(struct text *text, enum text_color color);

/* Columns that bytes[0..length) take on a terminal; colours take none. */
size_t text_columns(const char *bytes, size_t length);

/* Pads with spaces what was added since `start` (a former length) to `columns`. */
void text_pad(struct text *text, size_t start, size_t columns);

/* Cuts what was added since `start` to `columns`, ending it in an ellipsis and in the plain colour. 0: no limit. */
void text_cut(struct text *text, size_t start, size_t columns);

/* Decodes one character of a NUL-terminated string: its length, or 0 when it is not valid UTF-8. */
size_t utf8_decode(const char *bytes, uint32_t *ret_character);

#endif
