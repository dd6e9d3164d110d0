/* SPDX-License-Identifier: Apache-2.0
 *
 * The splitter of AT lines and the reader of their values: any split gives the same lines; a line is printable, not empty and bounded; a
 * reader that failed stays failed.
 */
#include <string.h>

#include "tests/fuzz/harness.h"
#include "transport/at/at_parser.h"
#include "transport/at/at_value.h"

struct lines {
	uint64_t sum; /* of all lines and their borders */
	size_t count;
};

static void judge_values(const char *line)
{
	struct at_value value;
	char text[64];
	int64_t number;
	bool failed = false;

	if (!at_value_begin(&value, line, ""))
		return;
	for (size_t i = 0; i <= strlen(line) + 1; i++) {
		bool read = i % 2 ? at_value_string(&value, text, sizeof(text)) : at_value_int(&value, &number);
		LAW(!(failed && read));
		failed = failed || !read;
		LAW(value.next >= line && value.next <= line + strlen(line));
	}
	LAW(!failed || !at_value_end(&value));
}

static void take_line(struct lines *lines, const char *line)
{
	size_t length = strlen(line);

	LAW(length > 0 && length <= AT_LINE_MAX);
	for (size_t i = 0; i < length; i++) {
		LAW(line[i] >= 0x20 && line[i] < 0x7F);
		lines->sum = lines->sum * 1099511628211u + (uint8_t)line[i];
	}
	lines->sum = lines->sum * 1099511628211u + 256;
	lines->count++;
	LAW(at_final_of(line) <= AT_FINAL_NO_CARRIER);
	judge_values(line);
}

static void feed(struct at_parser *parser, struct lines *lines, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		size_t taken = 0;
		const char *line = at_parser_feed(parser, bytes, length, &taken);
		LAW(taken > 0 && taken <= length);
		LAW(line || taken == length);
		if (line)
			take_line(lines, line);
		bytes += taken;
		length -= taken;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct at_parser parser;
	struct lines whole = {0}, split = {0};

	at_parser_init(&parser);
	feed(&parser, &whole, bytes, length);
	bool partial = at_parser_has_partial(&parser);
	at_parser_init(&parser);
	for (size_t at = 0, piece; at < length; at += piece) {
		piece = next_piece(bytes, at, length);
		feed(&parser, &split, bytes + at, piece);
	}
	LAW(whole.sum == split.sum && whole.count == split.count && partial == at_parser_has_partial(&parser));
	return 0;
}
