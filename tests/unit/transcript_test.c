/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "transport/modem/transcript.h"

static char sink_text[8192];

static void sink(void *context, const char *line)
{
	size_t *count = context;
	size_t used = strlen(sink_text);

	(*count)++;
	snprintf(sink_text + used, sizeof(sink_text) - used, "%s\n", line);
}

static void sent(struct transcript *transcript, const char *text)
{
	transcript_trace(transcript, LINK_SENT, (const uint8_t *)text, strlen(text));
}

static void received(struct transcript *transcript, const char *text)
{
	transcript_trace(transcript, LINK_RECEIVED, (const uint8_t *)text, strlen(text));
}

/* The text without the elapsed times, which are checked to be there. */
static void strip_times(const char *text, char *ret)
{
	while (*text) {
		ck_assert_int_eq(*text, '+');
		for (text++; isdigit((unsigned char)*text); text++)
			;
		ck_assert_int_eq(*text, '.');
		ck_assert(isdigit((unsigned char)text[1]) && isdigit((unsigned char)text[2]) && isdigit((unsigned char)text[3]));
		ck_assert_int_eq(text[4], ' ');
		for (text += 5; *text && text[-1] != '\n'; text++)
			*ret++ = *text;
	}
	*ret = '\0';
}

static void assert_text(const struct transcript *transcript, const char *wanted)
{
	char stripped[8192];
	size_t length = 0;
	char *text = transcript_text(transcript, &length);

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(length, strlen(text));
	strip_times(text, stripped);
	ck_assert_str_eq(stripped, wanted);
	free(text);
}

START_TEST(lines_come_whole_whatever_the_pieces)
{
	static const char reply[] = "AT+SMOD?\r\r\n2\r\nOK\r\n";
	struct transcript *transcript = NULL;
	size_t count = 0;

	ck_assert_int_eq(transcript_new(sink, &count, &transcript), 0);
	sent(transcript, "AT+SM");
	sent(transcript, "OD?\r");
	for (size_t i = 0; i < sizeof(reply) - 1; i++)
		transcript_trace(transcript, LINK_RECEIVED, (const uint8_t *)reply + i, 1);
	transcript_note(transcript, "boot mode %d", 2);
	assert_text(transcript, "> AT+SMOD?\n< AT+SMOD?\n< 2\n< OK\n# boot mode 2\n");
	ck_assert_uint_eq(count, 5);
	strip_times(sink_text, sink_text);
	ck_assert_str_eq(sink_text, "> AT+SMOD?\n< AT+SMOD?\n< 2\n< OK\n# boot mode 2\n");
	transcript_free(transcript);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_escaped)
{
	struct transcript *transcript = NULL;

	ck_assert_int_eq(transcript_new(NULL, NULL, &transcript), 0);
	sent(transcript, "AT\r");
	received(transcript, "\xfe\xfd\\");
	sent(transcript, "+++");
	received(transcript, "\r\nERROR\r\n");
	assert_text(transcript, "> AT\n< \\xfe\\xfd\\\\\n> +++\n< ERROR\n");
	transcript_free(transcript);
}
END_TEST

START_TEST(binary_traffic_is_left_out)
{
	struct transcript *transcript = NULL;

	ck_assert_int_eq(transcript_new(NULL, NULL, &transcript), 0);
	sent(transcript, "AT+SM");
	transcript_binary(transcript, 1);
	sent(transcript, "fast\r");
	received(transcript, "tsaf\n");
	transcript_binary(transcript, 0);
	received(transcript, "OK\r\n");
	assert_text(transcript, "> AT+SM\n< OK\n");
	transcript_free(transcript);
}
END_TEST

START_TEST(the_middle_is_dropped_and_counted)
{
	struct transcript *transcript = NULL;
	char line[64];
	size_t length = 0;

	ck_assert_int_eq(transcript_new(NULL, NULL, &transcript), 0);
	for (int i = 0; i < 10000; i++) {
		snprintf(line, sizeof(line), "line %d\r", i);
		received(transcript, line);
	}
	char *text = transcript_text(transcript, &length);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_le(length, 65536 + 64);
	ck_assert_uint_ge(length, 65536 - 128);
	ck_assert_ptr_nonnull(strstr(text, " < line 0\n"));
	ck_assert_ptr_null(strstr(text, " < line 5000\n"));
	ck_assert_str_eq(strrchr(text, '<'), "< line 9999\n");
	const char *gap = strstr(text, "\xe2\x80\xa6 ");
	ck_assert_ptr_nonnull(gap);
	unsigned long kept = 0;
	for (const char *at = text; (at = strstr(at, " < line ")) != NULL; at++)
		kept++;
	ck_assert_uint_eq(strtoul(gap + strlen("\xe2\x80\xa6 "), NULL, 10) + kept, 10000);
	free(text);
	transcript_free(transcript);
}
END_TEST

/* A short line would still fit where a long one did not. */
START_TEST(lines_stay_in_order)
{
	struct transcript *transcript = NULL;
	char padding[141];
	char line[200];
	long last = -1;

	memset(padding, 'x', sizeof(padding));
	ck_assert_int_eq(transcript_new(NULL, NULL, &transcript), 0);
	for (int i = 0; i < 700; i++) {
		snprintf(line, sizeof(line), "line %d %.*s\r", i, i % 2 ? 0 : 140, padding);
		received(transcript, line);
	}
	char *text = transcript_text(transcript, NULL);
	ck_assert_ptr_nonnull(text);
	for (const char *at = text; (at = strstr(at, " < line ")) != NULL; at++) {
		long number = strtol(at + strlen(" < line "), NULL, 10);
		ck_assert_int_eq(number, last + 1);
		last = number;
	}
	ck_assert_int_eq(last, 699);
	free(text);
	transcript_free(transcript);
}
END_TEST

START_TEST(endless_lines_are_cut)
{
	struct transcript *transcript = NULL;
	size_t count = 0;

	ck_assert_int_eq(transcript_new(sink, &count, &transcript), 0);
	for (int i = 0; i < 100; i++)
		received(transcript, "~~~~~~~~~~");
	ck_assert_uint_ge(count, 3);
	ck_assert_uint_le(count, 20);
	transcript_free(transcript);
	size_t bytes = 0;
	for (const char *at = sink_text; (at = strchr(at, '~')) != NULL; at++)
		bytes++;
	ck_assert_uint_eq(bytes, 1000);
}
END_TEST

START_TEST(no_transcript_is_fine)
{
	transcript_note(NULL, "nothing");
	transcript_binary(NULL, 1);
	transcript_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("transcript");
	TCase *tcase = tcase_create("transcript");

	tcase_add_test(tcase, lines_come_whole_whatever_the_pieces);
	tcase_add_test(tcase, bytes_that_are_no_text_are_escaped);
	tcase_add_test(tcase, binary_traffic_is_left_out);
	tcase_add_test(tcase, the_middle_is_dropped_and_counted);
	tcase_add_test(tcase, lines_stay_in_order);
	tcase_add_test(tcase, endless_lines_are_cut);
	tcase_add_test(tcase, no_transcript_is_fine);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
