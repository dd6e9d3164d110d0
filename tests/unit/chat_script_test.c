/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "transport/fault.h"
#include "transport/modem/chat_script.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define SIXTEEN        "0123456789abcdef"
#define SIXTY_FOUR     SIXTEEN SIXTEEN SIXTEEN SIXTEEN

static const char verbs[] = {[CHAT_EXPECT] = '<', [CHAT_SEND] = '>', [CHAT_TIMEOUT] = 'T', [CHAT_RATE] = 'R', [CHAT_ABORT] = 'A'};

/* "1<OK 1>AT\r 2T5" */
static const char *script_text(const struct chat_script *script)
{
	static char text[2048];
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < script->step_count; i++) {
		const struct chat_step *step = &script->steps[i];
		char bytes[512];
		fault_escape(bytes, sizeof(bytes), script->text + step->offset, step->length);
		length +=
		    (size_t)snprintf(text + length, sizeof(text) - length, "%s%u%c%s", i ? " " : "", step->line, verbs[step->verb], bytes);
		if (step->number)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%u", step->number);
	}
	return text;
}

static const struct {
	const char *lines[3];
	const char *steps;
} good[] = {
    {{"'' AT\\r OK"}, "1>AT\\r 1<OK"},
    {{"\"\" AT\\r OK"}, "1>AT\\r 1<OK"},
    {{"login: root\\n # bridge\\r\\n"}, "1<login: 1>root\\n 1<# 1>bridge\\r\\n"},
    {{"\tOK\t "}, "1<OK"},
    {{"OK ''"}, "1<OK"},
    {{"'>>> ' \"say 'x'\""}, "1<>>>  1>say 'x'"},
    {{"a\\x00\\xfFb \\t\\\\"}, "1<a\\x00\\xffb 1>\\t\\\\"},
    {{"TIMEOUT 5 ABORT 'NO CARRIER' RATE 921600", "ABORT ERROR '' go OK"}, "1T5 1ANO CARRIER 1R921600 2AERROR 2>go 2<OK"},
    {{"'TIMEOUT' 5"}, "1<TIMEOUT 1>5"},
    {{"OK 'TIMEOUT'"}, "1<OK 1>TIMEOUT"},
    {{"TIMEOUTS x"}, "1<TIMEOUTS 1>x"},
    {{"TIMEOUT '600'", "RATE 1200", "RATE 4000000"}, "1T600 2R1200 3R4000000"},
    {{SIXTY_FOUR " x"}, "1<" SIXTY_FOUR " 1>x"},
};

START_TEST(lines_become_steps)
{
	struct chat_script script = {.line_count = 0};
	char why[128] = "";
	size_t lines = 0;

	for (; lines < 3 && good[_i].lines[lines]; lines++)
		ck_assert_msg(chat_script_add(&script, good[_i].lines[lines], why, sizeof(why)) == 0, "%s", why);
	ck_assert_str_eq(script_text(&script), good[_i].steps);
	ck_assert_uint_eq(script.line_count, lines);
	ck_assert_str_eq(why, "");
}
END_TEST

static const struct {
	const char *line;
	const char *why;
} bad[] = {
    {"", "the line does nothing: write what to wait for and what to send"},
    {"'' ''", "the line does nothing: write what to wait for and what to send"},
    {"TIMEOUT", "TIMEOUT stands without its value"},
    {"OK x TIMEOUT ", "TIMEOUT stands without its value"},
    {"TIMEOUT 0", "TIMEOUT takes a number from 1 to 600"},
    {"TIMEOUT 601", "TIMEOUT takes a number from 1 to 600"},
    {"TIMEOUT ''", "TIMEOUT takes a number from 1 to 600"},
    {"TIMEOUT 5s", "TIMEOUT takes a number from 1 to 600"},
    {"RATE 1199", "RATE takes a number from 1200 to 4000000"},
    {"RATE 4000001", "RATE takes a number from 1200 to 4000000"},
    {"RATE 00009600", "RATE takes a number from 1200 to 4000000"},
    {"OK RATE 9600", "RATE stands in the place of a word to send: quote it, or begin a new line with it"},
    {"ABORT", "ABORT stands without its value"},
    {"ABORT ''", "ABORT takes a text of 1 to 64 bytes"},
    {"ABORT " SIXTY_FOUR "x", "ABORT takes a text of 1 to 64 bytes"},
    {SIXTY_FOUR "x", "a text to wait for has at most 64 bytes"},
    {"'OK", "the word that begins with ' has no end"},
    {"OK \"", "the word that begins with \" has no end"},
    {"'OK'x", "there is no blank behind the word that ends with '"},
    {"\\q", "\"\\q\" is no escape: there are \\r \\n \\t \\\\ and \\xNN"},
    {"\\", "\"\\\" is no escape: there are \\r \\n \\t \\\\ and \\xNN"},
    {"\\x4", "\"\\x\" is no escape: there are \\r \\n \\t \\\\ and \\xNN"},
    {"\\xg0", "\"\\x\" is no escape: there are \\r \\n \\t \\\\ and \\xNN"},
    {"\\x\x11\x11", "\"\\x\" is no escape: there are \\r \\n \\t \\\\ and \\xNN"},
    {"a\x7f", "a byte 0x7f stands in the line: write it as \\x7f"},
    {"\xc3\xa9", "a byte 0xc3 stands in the line: write it as \\xc3"},
    {"a\x01", "a byte 0x01 stands in the line: write it as \\x01"},
};

START_TEST(bad_lines_are_refused_and_change_nothing)
{
	struct chat_script script = {.line_count = 0}, before;
	char why[128] = "";

	ck_assert_int_eq(chat_script_add(&script, "ABORT x '' AT\\r OK", why, sizeof(why)), 0);
	memcpy(&before, &script, sizeof(script));
	ck_assert_int_eq(chat_script_add(&script, bad[_i].line, why, sizeof(why)), -EINVAL);
	ck_assert_str_eq(why, bad[_i].why);
	ck_assert_mem_eq(&script, &before, sizeof(script));
}
END_TEST

/* Adds the line until it is refused; how often it was taken. */
static unsigned fill(const char *line, char why[static 128])
{
	struct chat_script script = {.line_count = 0};
	unsigned count = 0;

	while (count < 1000 && chat_script_add(&script, line, why, 128) == 0)
		count++;
	return count;
}

START_TEST(scripts_are_bounded)
{
	char why[128];

	ck_assert_uint_eq(fill("a b", why), 32);
	ck_assert_str_eq(why, "the script has more than 32 lines");
	ck_assert_uint_eq(fill("a b a b a b", why), 10);
	ck_assert_str_eq(why, "the script has more than 64 steps");
	ck_assert_uint_eq(fill("'' " SIXTY_FOUR, why), 16);
	ck_assert_str_eq(why, "the script's words have more than 1024 bytes");
	ck_assert_uint_eq(fill("ABORT x", why), 8);
	ck_assert_str_eq(why, "the script has more than 8 ABORTs");
}
END_TEST

static const struct {
	const char *script;
	const char *expected;
	const char *stream;
	enum chat_event event;
	const char *rest; /* of the stream, behind the match */
	const char *abort;
} streams[] = {
    {"x y", "OK", "NOOOK\r\n", CHAT_EXPECTED, "\r\n", NULL},
    {"x y", "OK", "NOT O K", CHAT_NOTHING, "", NULL},
    {"x y", "", "abc", CHAT_EXPECTED, "abc", NULL},
    {"x y", "aab", "aaab", CHAT_EXPECTED, "", NULL},
    {"ABORT 'NO CARRIER' ABORT ERROR", "OK", "\r\nERROR\r\nOK", CHAT_ABORTED, "\r\nOK", "ERROR"},
    {"ABORT 'NO CARRIER' ABORT ERROR", "OK", "NO CARRIERERROR", CHAT_ABORTED, "ERROR", "NO CARRIER"},
    {"ABORT 'NOT OK'", "OK", "NOT OK", CHAT_ABORTED, "", "NOT OK"},
    {"ABORT 'NOT OK'", "OK", "OK NOT OK", CHAT_EXPECTED, " NOT OK", NULL},
    {"x y", SIXTY_FOUR, "junk" SIXTY_FOUR "x", CHAT_EXPECTED, "x", NULL},
};

static enum chat_event feed_in_pieces(struct chat_matcher *matcher, const char *stream, size_t piece, size_t *ret_taken)
{
	size_t length = strlen(stream), taken = 0;

	*ret_taken = 0;
	do {
		size_t part = length - *ret_taken < piece ? length - *ret_taken : piece;
		enum chat_event event = chat_matcher_feed(matcher, (const uint8_t *)stream + *ret_taken, part, &taken);
		*ret_taken += taken;
		if (event != CHAT_NOTHING)
			return event;
		ck_assert_uint_eq(taken, part);
	} while (*ret_taken < length);
	return CHAT_NOTHING;
}

START_TEST(words_and_aborts_are_found_however_the_stream_is_cut)
{
	struct chat_script script = {.line_count = 0};
	char why[128];

	ck_assert_int_eq(chat_script_add(&script, streams[_i].script, why, sizeof(why)), 0);
	for (size_t piece = 1; piece <= strlen(streams[_i].stream); piece++) {
		struct chat_matcher matcher = {
		    .script = &script,
		    .aborts = script.step_count,
		    .expected = (const uint8_t *)streams[_i].expected,
		    .expected_length = strlen(streams[_i].expected),
		};
		size_t taken;
		ck_assert_int_eq(feed_in_pieces(&matcher, streams[_i].stream, piece, &taken), streams[_i].event);
		ck_assert_str_eq(streams[_i].stream + taken, streams[_i].rest);
		if (streams[_i].abort)
			ck_assert_mem_eq(script.text + matcher.aborted_by->offset, streams[_i].abort, strlen(streams[_i].abort));
		else
			ck_assert_ptr_null(matcher.aborted_by);
	}
}
END_TEST

START_TEST(an_abort_counts_from_its_place_on)
{
	struct chat_script script = {.line_count = 0};
	char why[128];
	size_t taken;

	ck_assert_int_eq(chat_script_add(&script, "OK go ABORT ERROR", why, sizeof(why)), 0);
	struct chat_matcher matcher = {.script = &script, .aborts = 2, .expected = (const uint8_t *)"OK", .expected_length = 2};
	ck_assert_int_eq(chat_matcher_feed(&matcher, (const uint8_t *)"ERROR", 5, &taken), CHAT_NOTHING);
	matcher.aborts = 3;
	matcher.have = 0;
	ck_assert_int_eq(chat_matcher_feed(&matcher, (const uint8_t *)"ERROR", 5, &taken), CHAT_ABORTED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chat_script");
	TCase *tcase = tcase_create("chat_script");

	tcase_add_loop_test(tcase, lines_become_steps, 0, (int)COUNT_OF(good));
	tcase_add_loop_test(tcase, bad_lines_are_refused_and_change_nothing, 0, (int)COUNT_OF(bad));
	tcase_add_test(tcase, scripts_are_bounded);
	tcase_add_loop_test(tcase, words_and_aborts_are_found_however_the_stream_is_cut, 0, (int)COUNT_OF(streams));
	tcase_add_test(tcase, an_abort_counts_from_its_place_on);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
