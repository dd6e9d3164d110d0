/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/chat_script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define BLANKS         " \t"
#define TIMEOUT_MOST   600u
#define RATE_LEAST     1200u
#define RATE_MOST      4000000u

struct reader {
	struct chat_script *script;
	const char *at;
	char *why;
	size_t why_size;
};

struct word {
	const char *begun; /* as it stands in the line */
	bool quoted;
	uint16_t offset, length;
};

static const struct {
	const char *name;
	enum chat_verb verb;
	uint32_t least, most;
} keywords[] = {
    {"TIMEOUT", CHAT_TIMEOUT, 1, TIMEOUT_MOST},
    {"RATE", CHAT_RATE, RATE_LEAST, RATE_MOST},
    {"ABORT", CHAT_ABORT, 0, 0},
};

static int refuse(const struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(const struct reader *reader, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reader->why, reader->why_size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int put_byte(struct reader *reader, struct word *word, uint8_t byte)
{
	struct chat_script *script = reader->script;

	if (script->text_length == CHAT_TEXT_SIZE)
		return refuse(reader, "the script's words have more than %u bytes", CHAT_TEXT_SIZE);
	script->text[script->text_length++] = byte;
	word->length++;
	return 0;
}

static int hex_digit(char digit)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *found = digit ? strchr(digits, digit) : NULL;

	if (!found)
		return -1;
	return (int)(found - digits) < 16 ? (int)(found - digits) : (int)(found - digits) - 6;
}

/* reader->at stands behind the backslash. */
static int read_escape(struct reader *reader, uint8_t *ret)
{
	static const char names[] = "rnt\\", values[] = "\r\n\t\\";
	char name = *reader->at;
	const char *found = name ? strchr(names, name) : NULL;

	if (found) {
		*ret = (uint8_t)values[found - names];
		reader->at++;
		return 0;
	}
	int high = name == 'x' ? hex_digit(reader->at[1]) : -1;
	int low = high >= 0 ? hex_digit(reader->at[2]) : -1;
	if (low < 0)
		return refuse(reader, "\"\\%.1s\" is no escape: there are \\r \\n \\t \\\\ and \\xNN", reader->at);
	*ret = (uint8_t)(high << 4 | low);
	reader->at += 3;
	return 0;
}

static int read_byte(struct reader *reader, struct word *word)
{
	uint8_t byte = (uint8_t)*reader->at++;
	int r = 0;

	if (byte == '\\')
		r = read_escape(reader, &byte);
	else if ((byte < 0x20 && byte != '\t') || byte >= 0x7f)
		r = refuse(reader, "a byte 0x%02x stands in the line: write it as \\x%02x", byte, byte);
	return r < 0 ? r : put_byte(reader, word, byte);
}

/* 1: a word; 0: the line ends here. */
static int read_word(struct reader *reader, struct word *ret)
{
	char quote = '\0';
	int r = 0;

	reader->at += strspn(reader->at, BLANKS);
	*ret = (struct word){.begun = reader->at, .offset = reader->script->text_length};
	if (*reader->at == '\0')
		return 0;
	if (*reader->at == '\'' || *reader->at == '"') {
		quote = *reader->at++;
		ret->quoted = true;
	}
	while (r == 0 && *reader->at && *reader->at != quote && (quote || !strchr(BLANKS, *reader->at)))
		r = read_byte(reader, ret);
	if (r < 0)
		return r;
	if (quote && *reader->at++ != quote)
		return refuse(reader, "the word that begins with %c has no end", quote);
	if (quote && *reader->at && !strchr(BLANKS, *reader->at))
		return refuse(reader, "there is no blank behind the word that ends with %c", quote);
	return 1;
}

static int add_step(struct reader *reader, enum chat_verb verb, const struct word *word, uint32_t number)
{
	struct chat_script *script = reader->script;

	if (script->step_count == CHAT_STEPS_MAX)
		return refuse(reader, "the script has more than %u steps", CHAT_STEPS_MAX);
	script->steps[script->step_count++] =
	    (struct chat_step){.verb = verb, .offset = word->offset, .length = word->length, .number = number, .line = script->line_count};
	return 0;
}

static bool read_number(const struct chat_script *script, const struct word *word, uint32_t *ret)
{
	uint32_t number = 0;

	if (word->length == 0 || word->length > 7)
		return false;
	for (size_t i = 0; i < word->length; i++) {
		uint8_t digit = script->text[word->offset + i];
		if (digit < '0' || digit > '9')
			return false;
		number = number * 10 + (uint32_t)(digit - '0');
	}
	*ret = number;
	return true;
}

static int add_number(struct reader *reader, size_t keyword, struct word *word)
{
	uint32_t number = 0;

	if (!read_number(reader->script, word, &number) || number < keywords[keyword].least || number > keywords[keyword].most)
		return refuse(reader, "%s takes a number from %u to %u", keywords[keyword].name, keywords[keyword].least,
			      keywords[keyword].most);
	/* The digits are no text of the script. */
	reader->script->text_length = word->offset;
	word->length = 0;
	return add_step(reader, keywords[keyword].verb, word, number);
}

static int add_abort(struct reader *reader, const struct word *word)
{
	if (word->length == 0 || word->length > CHAT_EXPECT_MAX)
		return refuse(reader, "ABORT takes a text of 1 to %u bytes", CHAT_EXPECT_MAX);
	if (reader->script->abort_count == CHAT_ABORTS_MAX)
		return refuse(reader, "the script has more than %u ABORTs", CHAT_ABORTS_MAX);
	reader->script->abort_count++;
	return add_step(reader, CHAT_ABORT, word, 0);
}

static int read_keyword(struct reader *reader, size_t keyword, const struct word *name)
{
	struct word word;

	reader->script->text_length = name->offset;
	int r = read_word(reader, &word);
	if (r == 0)
		return refuse(reader, "%s stands without its value", keywords[keyword].name);
	if (r < 0)
		return r;
	return keywords[keyword].verb == CHAT_ABORT ? add_abort(reader, &word) : add_number(reader, keyword, &word);
}

static size_t find_keyword(const struct reader *reader, const struct word *word)
{
	size_t i = 0;

	for (; i < COUNT_OF(keywords); i++) {
		if (!word->quoted && strlen(keywords[i].name) == (size_t)(reader->at - word->begun) &&
		    strncmp(keywords[i].name, word->begun, strlen(keywords[i].name)) == 0)
			break;
	}
	return i;
}

/* One keyword with its value, or one pair. 1: there may be more; 0: the line ended. */
static int read_pair(struct reader *reader)
{
	struct word word;
	int r = read_word(reader, &word);

	if (r <= 0)
		return r;
	size_t keyword = find_keyword(reader, &word);
	if (keyword < COUNT_OF(keywords)) {
		r = read_keyword(reader, keyword, &word);
		return r < 0 ? r : 1;
	}
	if (word.length > CHAT_EXPECT_MAX)
		return refuse(reader, "a text to wait for has at most %u bytes", CHAT_EXPECT_MAX);
	if (word.length > 0 && (r = add_step(reader, CHAT_EXPECT, &word, 0)) < 0)
		return r;
	r = read_word(reader, &word);
	keyword = r > 0 ? find_keyword(reader, &word) : COUNT_OF(keywords);
	if (keyword < COUNT_OF(keywords))
		return refuse(reader, "%s stands in the place of a word to send: quote it, or begin a new line with it",
			      keywords[keyword].name);
	if (r > 0 && word.length > 0 && add_step(reader, CHAT_SEND, &word, 0) < 0)
		return -EINVAL;
	return r;
}

int chat_script_add(struct chat_script *script, const char *line, char *ret_why, size_t ret_why_size)
{
	struct chat_script longer = *script;
	struct reader reader = {.script = &longer, .at = line, .why = ret_why, .why_size = ret_why_size};
	int r;

	if (longer.line_count == CHAT_LINES_MAX)
		return refuse(&reader, "the script has more than %u lines", CHAT_LINES_MAX);
	longer.line_count++;
	do
		r = read_pair(&reader);
	while (r > 0);
	if (r < 0)
		return r;
	if (longer.step_count == script->step_count)
		return refuse(&reader, "the line does nothing: write what to wait for and what to send");
	*script = longer;
	return 0;
}

static bool window_ends_with(const struct chat_matcher *matcher, const uint8_t *text, size_t length)
{
	return length <= matcher->have && memcmp(matcher->window + matcher->have - length, text, length) == 0;
}

static const struct chat_step *find_abort(const struct chat_matcher *matcher)
{
	for (size_t i = 0; i < matcher->aborts; i++) {
		const struct chat_step *step = &matcher->script->steps[i];
		if (step->verb == CHAT_ABORT && window_ends_with(matcher, matcher->script->text + step->offset, step->length))
			return step;
	}
	return NULL;
}

enum chat_event chat_matcher_feed(struct chat_matcher *matcher, const uint8_t *bytes, size_t length, size_t *ret_taken)
{
	*ret_taken = 0;
	if (matcher->expected_length == 0)
		return CHAT_EXPECTED;
	while (*ret_taken < length) {
		if (matcher->have == sizeof(matcher->window))
			memmove(matcher->window, matcher->window + 1, --matcher->have);
		matcher->window[matcher->have++] = bytes[(*ret_taken)++];
		/* An abort that ends where the word ends is the more telling of the two. */
		matcher->aborted_by = find_abort(matcher);
		bool expected = window_ends_with(matcher, matcher->expected, matcher->expected_length);
		if (!matcher->aborted_by && !expected)
			continue;
		matcher->have = 0;
		return matcher->aborted_by ? CHAT_ABORTED : CHAT_EXPECTED;
	}
	return CHAT_NOTHING;
}
