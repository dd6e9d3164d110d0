/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "transport/modem/board_prompt.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define FIFTY          "01234567890123456789012345678901234567890123456789"

struct stream {
	const char *bytes;
	size_t length; /* 0: up to the NUL */
	const char *events;
};

/* A prompt is "$", a line ends with "|". */
static const struct stream streams[] = {
    {"\r\n>>> ", 0, "$"},
    {">>> import os\r\n>>> ", 0, "$import os|$"},
    {"Traceback (most recent call last):\r\n  File \"main.py\", line 3, in <module>\r\nKeyboardInterrupt: \r\nMicroPython v1.11\r\n>>> ", 0,
     "Traceback (most recent call last):|  File \"main.py\", line 3, in <module>|KeyboardInterrupt: |MicroPython v1.11|$"},
    {"\xff\xfe\0\x1b>>> \r\n\xfd>>> ", 15, "$$"},
    {"a\0b\x1b[0mc\r\n", 10, "a?b?[0mc|"},
    {"x >>> y\n", 0, "x >>> y|"},
    {">> >\n>>>\n", 0, ">> >|>>>|"},
    {">>> >>> >>> ", 0, "$$$"},
    {"half", 0, ""},
    {FIFTY FIFTY FIFTY FIFTY FIFTY "12345678\r\nnext\r\n", 0, FIFTY FIFTY FIFTY FIFTY FIFTY "12345|next|"},
};

static void feed(struct board_prompt *prompt, const uint8_t *bytes, size_t length, char *events, size_t size)
{
	for (size_t used = 0, taken; used < length; used += taken) {
		size_t have = strlen(events);
		enum board_event event = board_prompt_feed(prompt, bytes + used, length - used, &taken);
		if (event == BOARD_LINE)
			snprintf(events + have, size - have, "%s|", prompt->line);
		else if (event == BOARD_PROMPT)
			snprintf(events + have, size - have, "$");
		else
			ck_assert_uint_eq(taken, length - used);
	}
}

START_TEST(lines_and_prompts_are_told_apart_however_they_are_cut)
{
	const struct stream *stream = &streams[_i];
	size_t length = stream->length ? stream->length : strlen(stream->bytes);

	for (size_t piece = 1; piece <= length; piece++) {
		/* In memory of its own size, so that a sanitizer sees a read too far. */
		uint8_t *copy = malloc(piece);
		struct board_prompt prompt = {.have = 0};
		char events[1024] = "";
		ck_assert_ptr_nonnull(copy);
		for (size_t at = 0; at < length; at += piece) {
			size_t part = length - at < piece ? length - at : piece;
			memcpy(copy, stream->bytes + at, part);
			feed(&prompt, copy, part, events, sizeof(events));
		}
		free(copy);
		ck_assert_str_eq(events, stream->events);
	}
}
END_TEST

static const struct {
	const char *line;
	const char *release; /* NULL: none */
} unames[] = {
    {"(sysname='GPy', nodename='GPy', release='1.20.2.r6', version='v1.11-d945d79 on 2021-12-13', machine='GPy with ESP32')", "1.20.2.r6"},
    {"release='1.18.1'", "1.18.1"},
    {"release='1.18.1", NULL},
    {"release=''", NULL},
    {"release='v1.18'", NULL},
    {"release='1.20.2.r6.and-so-on-for-long'", NULL},
    {"release='1.20.2.r6.and-so-on-fo'", "1.20.2.r6.and-so-on-fo"},
    {"version='1.18.1'", NULL},
};

START_TEST(the_release_is_found_in_what_uname_gives)
{
	char release[BOARD_RELEASE_SIZE] = "kept";

	ck_assert_int_eq(board_release_of_line(unames[_i].line, release), unames[_i].release != NULL);
	ck_assert_str_eq(release, unames[_i].release ? unames[_i].release : "kept");
}
END_TEST

static const struct {
	const char *left, *right;
	int order;
} releases[] = {
    {"1.18.1", "1.18.1", 0},
    {"1.18.0", "1.18.1", -1},
    {"1.18.1.r7", "1.18.1", 0},
    {"1.20.2.r6", "1.18.1", 1},
    {"1.9.2", "1.18.1", -1},
    {"1.18", "1.18.1", -1},
    {"2.0", "1.18.1", 1},
    {"1.18.1.4", "1.18.1", 1},
    {"1.18.r2", "1.18.1", -1},
    {"", "1.18.1", -1},
    {"99999999999999999999", "1.18.1", 1},
    {"1.18.1rc2", "1.18.1", 0},
};

START_TEST(releases_are_ordered_by_their_numbers)
{
	ck_assert_int_eq(board_release_compare(releases[_i].left, releases[_i].right), releases[_i].order);
	ck_assert_int_eq(board_release_compare(releases[_i].right, releases[_i].left), -releases[_i].order);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("board_prompt");
	TCase *tcase = tcase_create("board_prompt");

	tcase_add_loop_test(tcase, lines_and_prompts_are_told_apart_however_they_are_cut, 0, (int)COUNT_OF(streams));
	tcase_add_loop_test(tcase, the_release_is_found_in_what_uname_gives, 0, (int)COUNT_OF(unames));
	tcase_add_loop_test(tcase, releases_are_ordered_by_their_numbers, 0, (int)COUNT_OF(releases));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
