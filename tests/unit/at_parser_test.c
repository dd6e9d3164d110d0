/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/at/at_parser.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"

static const struct {
	const char *bytes;
	size_t length;
	const char *lines; /* joined by | */
} streams[] = {
#define BYTES(text) text, sizeof text - 1
    {BYTES("\r\nOK\r\n"), "OK|"},
    {BYTES("\r\n4\r\n\r\nOK\r\n"), "4|OK|"},
    /* F06: FFH has no leading CRLF. */
    {BYTES("0\r\nOK\r\n"), "0|OK|"},
    {BYTES("AT+SMOD?\r\r\n2\r\nOK\r\n"), "AT+SMOD?|2|OK|"},
    {BYTES("\0\0\0\r\nOK\0\r\n"), "OK|"},
    {BYTES("\xfe\xfd\xfe\xfe\xfe\r\nERROR\r\n"), "ERROR|"},
    {BYTES("\xfe\xfeOK\xff\r\n"), "OK|"},
    /* Noise inside of a line must not vanish: this was no OK. */
    {BYTES("O\xfeK\r\n"), "O?K|"},
    {BYTES("a\tb \x01 \r\n"), "a b|"},
    {BYTES("  Bootloader0  : 5.1.1.0 [33080]\r\n\r\n   \r\n"), "  Bootloader0  : 5.1.1.0 [33080]|"},
    {BYTES("\n\n\r\r"), ""},
    {BYTES("no end"), ""},
    {BYTES("^EXIT: File: rfcChar.c@107\n"), "^EXIT: File: rfcChar.c@107|"},
};

static void feed(struct at_parser *parser, const uint8_t *bytes, size_t length, char *ret, size_t ret_size)
{
	for (size_t used = 0, taken; used < length; used += taken) {
		const char *line = at_parser_feed(parser, bytes + used, length - used, &taken);
		size_t end = strlen(ret);
		if (line)
			snprintf(ret + end, ret_size - end, "%s|", line);
		ck_assert(taken > 0);
	}
}

START_TEST(any_split_gives_the_same_lines)
{
	for (size_t piece = 1; piece <= streams[_i].length; piece++) {
		struct at_parser parser;
		char lines[256] = "";
		at_parser_init(&parser);
		for (size_t at = 0; at < streams[_i].length; at += piece) {
			size_t left = streams[_i].length - at;
			feed(&parser, (const uint8_t *)streams[_i].bytes + at, left < piece ? left : piece, lines, sizeof lines);
		}
		ck_assert_str_eq(lines, streams[_i].lines);
	}
}
END_TEST

START_TEST(long_lines_are_cut_and_the_next_one_is_whole)
{
	struct at_parser parser;
	uint8_t bytes[3 * AT_LINE_MAX];
	char lines[4 * AT_LINE_MAX] = "";

	memset(bytes, 'x', sizeof bytes);
	memcpy(bytes + sizeof bytes - 6, "\r\nOK\r\n", 6);
	at_parser_init(&parser);
	feed(&parser, bytes, sizeof bytes, lines, sizeof lines);
	ck_assert_uint_eq(strlen(lines), AT_LINE_MAX + strlen("|OK|"));
	ck_assert_str_eq(lines + AT_LINE_MAX, "|OK|");
}
END_TEST

START_TEST(a_begun_line_shows)
{
	struct at_parser parser;
	size_t taken;

	at_parser_init(&parser);
	ck_assert(!at_parser_has_partial(&parser));
	ck_assert_ptr_null(at_parser_feed(&parser, (const uint8_t *)"\r\n\0\xfe", 4, &taken));
	ck_assert(!at_parser_has_partial(&parser));
	ck_assert_ptr_null(at_parser_feed(&parser, (const uint8_t *)"+CER", 4, &taken));
	ck_assert(at_parser_has_partial(&parser));
	ck_assert_str_eq(at_parser_feed(&parser, (const uint8_t *)"\rx", 2, &taken), "+CER");
	ck_assert_uint_eq(taken, 1);
	ck_assert(!at_parser_has_partial(&parser));
}
END_TEST

static const struct {
	const char *line;
	enum at_final final;
} finals[] = {
    {"OK", AT_FINAL_OK},
    {"ERROR", AT_FINAL_ERROR},
    {"+CME ERROR: 4", AT_FINAL_ERROR},
    {"+CMS ERROR: 500", AT_FINAL_ERROR},
    {"CONNECT", AT_FINAL_CONNECT},
    {"CONNECT 115200", AT_FINAL_CONNECT},
    {"NO CARRIER", AT_FINAL_NO_CARRIER},
    {"OKAY", AT_FINAL_NONE},
    {"ok", AT_FINAL_NONE},
    {" OK", AT_FINAL_NONE},
    {"O?K", AT_FINAL_NONE},
    {"ERRORS", AT_FINAL_NONE},
    {"CONNECTED", AT_FINAL_NONE},
    {"+CME: 4", AT_FINAL_NONE},
    {"NOT OK", AT_FINAL_NONE},
};

START_TEST(final_codes_are_exact)
{
	ck_assert_msg(at_final_of(finals[_i].line) == finals[_i].final, "%s", finals[_i].line);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("at_parser");
	TCase *tests = tcase_create("lines");

	tcase_add_loop_test(tests, any_split_gives_the_same_lines, 0, (int)(sizeof streams / sizeof streams[0]));
	tcase_add_test(tests, long_lines_are_cut_and_the_next_one_is_whole);
	tcase_add_test(tests, a_begun_line_shows);
	tcase_add_loop_test(tests, final_codes_are_exact, 0, (int)(sizeof finals / sizeof finals[0]));
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
