/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/log.h"

#include <check.h>
#include <pthread.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

#define STAMP "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "

/* A file instead of stderr; each test runs in a process of its own. */
static FILE *catch_stderr(void)
{
	FILE *caught = tmpfile();
	ck_assert_ptr_nonnull(caught);
	ck_assert_int_ge(dup2(fileno(caught), STDERR_FILENO), 0);
	unsetenv("JOURNAL_STREAM");
	return caught;
}

static char *what_was_written(FILE *caught)
{
	static char text[65536];
	rewind(caught);
	text[fread(text, 1, sizeof(text) - 1, caught)] = '\0';
	return text;
}

static void check_matches(const char *text, const char *pattern)
{
	regex_t regex;
	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&regex, text, 0, NULL, 0) == 0, "\"%s\" is not %s", text, pattern);
	regfree(&regex);
}

START_TEST(a_line_has_time_level_device_and_message)
{
	FILE *caught = catch_stderr();
	log_warning("bench-1", "switched to %s after %d tries", "recovery", 2);
	check_matches(what_was_written(caught), STAMP "warning \\[bench-1\\] switched to recovery after 2 tries\n$");
}
END_TEST

START_TEST(a_line_without_device_has_no_brackets)
{
	FILE *caught = catch_stderr();
	log_error(NULL, "out of disk");
	check_matches(what_was_written(caught), STAMP "error out of disk\n$");
}
END_TEST

START_TEST(the_level_decides)
{
	static const struct {
		enum log_level level;
		const char *shown;
	} cases[] = {
	    {LOG_LEVEL_ERROR, "e"},
	    {LOG_LEVEL_WARNING, "ew"},
	    {LOG_LEVEL_INFO, "ewi"},
	    {LOG_LEVEL_DEBUG, "ewid"},
	};
	FILE *caught = catch_stderr();
	if (_i != LOG_LEVEL_INFO) /* the level it starts with */
		log_set_level(cases[_i].level);
	log_error(NULL, "e");
	log_warning(NULL, "w");
	log_info(NULL, "i");
	log_debug(NULL, "d");
	char shown[8] = "";
	for (char *line = what_was_written(caught), *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
		strncat(shown, end - 1, 1);
	ck_assert_str_eq(shown, cases[_i].shown);
}
END_TEST

START_TEST(a_message_cannot_forge_a_line)
{
	FILE *caught = catch_stderr();
	log_info(NULL, "one\ntwo\r\x1b[31m\x7f%s", "caf\xc3\xa9");
	check_matches(what_was_written(caught), STAMP "info one two  \\[31m caf\xc3\xa9\n$");
}
END_TEST

START_TEST(a_long_message_ends_in_dots)
{
	char text[3000];
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	FILE *caught = catch_stderr();
	log_info("bench-1", "%s", text);
	const char *written = what_was_written(caught);
	check_matches(written, STAMP "info \\[bench-1\\] xxxxx");
	ck_assert_str_eq(written + strlen(written) - 5, "x...\n");
	ck_assert_uint_eq(strlen(written), strlen("2026-11-21T10:00:00.123Z info [bench-1] ") + 1023 + 1);
}
END_TEST

static void set_journal_stream(FILE *caught, unsigned shift)
{
	struct stat status;
	char text[64];
	ck_assert_int_eq(fstat(fileno(caught), &status), 0);
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino + shift);
	setenv("JOURNAL_STREAM", text, 1);
}

static char sent[512]; /* to the journal: fields with a newline after each */
static int journal_result;

/* Stands in for libsystemd's. */
int sd_journal_send(const char *format, ...);
int sd_journal_send(const char *format, ...)
{
	FILE *stream = fmemopen(sent, sizeof(sent), "w");
	va_list arguments;
	va_start(arguments, format);
	for (; format != NULL; format = va_arg(arguments, const char *)) {
		for (const char *c = format; *c != '\0'; c++) {
			if (*c != '%')
				fputc(*c, stream);
			else if (*++c == 's')
				fputs(va_arg(arguments, const char *), stream);
			else
				fprintf(stream, "%d", va_arg(arguments, int));
		}
		fputc('\n', stream);
	}
	va_end(arguments);
	fclose(stream);
	return journal_result;
}

START_TEST(the_journal_gets_what_is_for_it)
{
	FILE *caught = catch_stderr();
	set_journal_stream(caught, 1); /* systemd's stream, but stderr was redirected since */
	log_info(NULL, "to stderr");
	ck_assert_str_eq(sent, "");
	set_journal_stream(caught, 0);
	log_error(NULL, "out of disk");
	ck_assert_str_eq(sent, "MESSAGE=out of disk\nPRIORITY=3\n");
	log_warning("bench-1", "100%% of\nit");
	ck_assert_str_eq(sent, "MESSAGE=[bench-1] 100% of it\nPRIORITY=4\nDUPGATE_DEVICE=bench-1\n");
	log_info(NULL, "x");
	ck_assert_str_eq(sent, "MESSAGE=x\nPRIORITY=6\n");
	check_matches(what_was_written(caught), STAMP "info to stderr\n$");
	log_set_level(LOG_LEVEL_DEBUG);
	journal_result = -1;
	log_debug(NULL, "y");
	ck_assert_str_eq(sent, "MESSAGE=y\nPRIORITY=7\n");
	check_matches(what_was_written(caught), "\n[^\n]* debug y\n$");
}
END_TEST

static void *log_much(void *letter)
{
	for (int i = 0; i < 200; i++)
		log_info(NULL, "%s%s%s%s", (const char *)letter, (const char *)letter, (const char *)letter, (const char *)letter);
	return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
	char letters[4][2] = {"a", "b", "c", "d"};
	pthread_t threads[4];
	FILE *caught = catch_stderr();
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, log_much, letters[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	int lines = 0;
	for (char *line = what_was_written(caught), *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		check_matches(line, STAMP "info (aaaa|bbbb|cccc|dddd)$");
		lines++;
	}
	ck_assert_int_eq(lines, 800);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tests = tcase_create("lines");
	tcase_add_test(tests, a_line_has_time_level_device_and_message);
	tcase_add_test(tests, a_line_without_device_has_no_brackets);
	tcase_add_loop_test(tests, the_level_decides, LOG_LEVEL_ERROR, LOG_LEVEL_DEBUG + 1);
	tcase_add_test(tests, a_message_cannot_forge_a_line);
	tcase_add_test(tests, a_long_message_ends_in_dots);
	tcase_add_test(tests, the_journal_gets_what_is_for_it);
	tcase_add_test(tests, lines_of_threads_do_not_mix);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
