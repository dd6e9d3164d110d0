/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const char *const color_codes[] = {
    [TEXT_PLAIN] = "\033[0m",   [TEXT_BOLD] = "\033[1m", [TEXT_DIM] = "\033[2m",   [TEXT_GREEN] = "\033[32m",
    [TEXT_YELLOW] = "\033[33m", [TEXT_RED] = "\033[31m", [TEXT_BLUE] = "\033[34m",
};

/* Characters that a terminal would obey or that reorder what stands beside them. */
static const struct {
	uint32_t first, last;
} unsafe_ranges[] = {
    {0x00, 0x1f}, {0x7f, 0x9f}, {0x061c, 0x061c}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
};

static void text_reserve(struct text *text, size_t more)
{
	size_t needed = text->length + more + 1;
	size_t capacity = text->capacity ? text->capacity : 128;
	char *bytes;

	if (needed <= text->capacity)
		return;
	while (capacity < needed)
		capacity *= 2;
	bytes = realloc(text->bytes, capacity);
	if (!bytes) {
		fputs("dupctl: out of memory\n", stderr);
		exit(1);
	}
	text->bytes = bytes;
	text->capacity = capacity;
}

void text_clear(struct text *text)
{
	free(text->bytes);
	text->bytes = NULL;
	text->length = text->capacity = 0;
}

const char *text_bytes(const struct text *text)
{
	return text->bytes ? text->bytes : "";
}

void text_addn(struct text *text, const char *bytes, size_t length)
{
	text_reserve(text, length);
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void text_add(struct text *text, const char *bytes)
{
	text_addn(text, bytes, strlen(bytes));
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	text_reserve(text, (size_t)length);
	va_start(arguments, format);
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text->length += (size_t)length;
}

size_t utf8_decode(const char *bytes, uint32_t *ret_character)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)bytes[0];
	size_t length = first < 0x80 ? 1 : (first & 0xe0) == 0xc0 ? 2 : (first & 0xf0) == 0xe0 ? 3 : (first & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t character = length < 2 ? first : first & (0x7fu >> length);

	if (length == 0)
		return 0;
	for (size_t i = 1; i < length; i++) {
		unsigned char next = (unsigned char)bytes[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (next & 0x3f);
	}
	if (character < smallest[length] || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret_character = character;
	return length;
}

static bool character_unsafe(uint32_t character)
{
	for (size_t i = 0; i < sizeof(unsafe_ranges) / sizeof(unsafe_ranges[0]); i++)
		if (character >= unsafe_ranges[i].first && character <= unsafe_ranges[i].last)
			return true;
	return false;
}

void text_add_clean(struct text *text, const char *bytes)
{
	while (*bytes) {
		uint32_t character = 0;
		size_t length = utf8_decode(bytes, &character);

		if (*bytes == '\n' || *bytes == '\r' || *bytes == '\t') {
			text_add(text, " ");
			length = 1;
		} else if (length == 0) {
			text_addf(text, "\\x%02x", (unsigned char)*bytes);
			length = 1;
		} else if (character_unsafe(character)) {
			for (size_t i = 0; i < length; i++)
				text_addf(text, "\\x%02x", (unsigned char)bytes[i]);
		} else if (length > 1 && !text->utf8) {
			text_add(text, "?");
		} else {
			text_addn(text, bytes, length);
		}
		bytes += length;
	}
}

void text_add_glyph(struct text *text, const char *utf8, const char *ascii)
{
	text_add(text, text->utf8 ? utf8 : ascii);
}

void text_add_color(struct text *text, enum text_color color)
{
	if (text->color)
		text_add(text, color_codes[color]);
}

/* The length of the colour escape at `bytes`, 0 when there is none. Only our own escapes reach here. */
static size_t color_length(const char *bytes)
{
	const char *end = bytes[0] == '\033' && bytes[1] == '[' ? strchr(bytes, 'm') : NULL;

	return end ? (size_t)(end - bytes) + 1 : 0;
}

static size_t character_columns(uint32_t character)
{
	int columns = character < 0x80 ? 1 : wcwidth((wchar_t)character);

	return columns < 0 ? 1 : (size_t)columns;
}

/* The length of the longest beginning that takes at most `limit` columns; *ret_columns is what it takes. */
static size_t fitting_length(const char *bytes, size_t length, size_t limit, size_t *ret_columns)
{
	size_t at = 0, columns = 0;

	while (at < length && bytes[at]) {
		uint32_t character = 0;
		size_t step = color_length(bytes + at), width = 0;

		if (step == 0) {
			step = utf8_decode(bytes + at, &character);
			width = step ? character_columns(character) : 1;
			step = step ? step : 1;
		}
		if (columns + width > limit)
			break;
		columns += width;
		at += step;
	}
	*ret_columns = columns;
	return at < length ? at : length;
}

size_t text_columns(const char *bytes, size_t length)
{
	size_t columns;

	fitting_length(bytes, length, SIZE_MAX / 2, &columns);
	return columns;
}

/* Columns since the last line end. */
static size_t column_now(const struct text *text)
{
	size_t start = text->length;

	while (start > 0 && text->bytes[start - 1] != '\n')
		start--;
	return start < text->length ? text_columns(text->bytes + start, text->length - start) : 0;
}

void text_add_words(struct text *text, const char *words, size_t indent)
{
	text_owned clean = {.utf8 = text->utf8};
	const char *word, *blank = "";

	text_add_clean(&clean, words);
	if (text->width <= indent + 1) {
		text_add(text, text_bytes(&clean));
		return;
	}
	word = text_bytes(&clean) + strspn(text_bytes(&clean), " ");
	while (*word) {
		size_t length = strcspn(word, " "), column = column_now(text), start;

		/* A terminal breaks a line by itself where the last column is taken. */
		if (column > indent && column + strlen(blank) + text_columns(word, length) >= text->width) {
			while (text->bytes[text->length - 1] == ' ')
				text->length--;
			text_add(text, "\n");
			start = text->length;
			text_pad(text, start, indent);
		} else {
			text_add(text, blank);
		}
		text_addn(text, word, length);
		blank = " ";
		word += length + strspn(word + length, " ");
	}
}

void text_pad(struct text *text, size_t start, size_t columns)
{
	size_t taken = text->length > start ? text_columns(text->bytes + start, text->length - start) : 0;

	for (; taken < columns; taken++)
		text_add(text, " ");
}

void text_cut(struct text *text, size_t start, size_t columns)
{
	size_t ellipsis = text->utf8 ? 1 : 3, taken;

	if (columns == 0 || text->length <= start || text_columns(text->bytes + start, text->length - start) <= columns)
		return;
	if (ellipsis > columns)
		ellipsis = columns;
	text->length = start + fitting_length(text->bytes + start, text->length - start, columns - ellipsis, &taken);
	text->bytes[text->length] = '\0';
	if (text->utf8)
		text_add(text, "…");
	else
		text_addn(text, "...", ellipsis);
	text_add_color(text, TEXT_PLAIN);
}
