/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/at/at_parser.h"

#include <string.h>

void at_parser_init(struct at_parser *parser)
{
	parser->have = 0;
	parser->strong = 0;
}

static void take_byte(struct at_parser *parser, uint8_t byte)
{
	bool printable = byte >= 0x20 && byte < 0x7F;
	bool blank = byte == ' ' || byte == '\t';

	if (!printable && !blank && parser->have == 0)
		return;
	if (parser->have == AT_LINE_MAX)
		return;
	parser->line[parser->have++] = blank ? ' ' : printable ? (char)byte : '?';
	if (printable && !blank)
		parser->strong = parser->have;
}

const char *at_parser_feed(struct at_parser *parser, const uint8_t *bytes, size_t length, size_t *ret_taken)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\r' && bytes[i] != '\n') {
			take_byte(parser, bytes[i]);
			continue;
		}
		size_t kept = parser->strong;
		at_parser_init(parser);
		if (kept == 0)
			continue;
		parser->line[kept] = '\0';
		*ret_taken = i + 1;
		return parser->line;
	}
	*ret_taken = length;
	return NULL;
}

bool at_parser_has_partial(const struct at_parser *parser)
{
	return parser->strong > 0;
}

enum at_final at_final_of(const char *line)
{
	static const struct {
		const char *text;
		bool exact;
		enum at_final final;
	} codes[] = {
	    {"OK", true, AT_FINAL_OK},
	    {"ERROR", true, AT_FINAL_ERROR},
	    {"+CME ERROR:", false, AT_FINAL_ERROR},
	    {"+CMS ERROR:", false, AT_FINAL_ERROR},
	    {"CONNECT", true, AT_FINAL_CONNECT},
	    {"CONNECT ", false, AT_FINAL_CONNECT},
	    {"NO CARRIER", true, AT_FINAL_NO_CARRIER},
	};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		bool same = codes[i].exact ? strcmp(line, codes[i].text) == 0 : strncmp(line, codes[i].text, strlen(codes[i].text)) == 0;
		if (same)
			return codes[i].final;
	}
	return AT_FINAL_NONE;
}
