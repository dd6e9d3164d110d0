/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/download_answer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Lines as libcurl gives them, one a call. */
static struct download_answer fed(const char *lines)
{
	struct download_answer answer = {0};

	while (*lines) {
		size_t length = strcspn(lines, "\n") + 1;

		download_answer_line(&answer, lines, length);
		lines += length;
	}
	return answer;
}

START_TEST(test_a_header)
{
	struct download_answer answer = fed("HTTP/1.1 206 Partial \x1b Content\r\ncontent-length: 900\r\nETAG: \"a\"\r\n"
					    "Last-Modified:Sat, 01 Jan 2022 11:00:00 GMT\r\nDate: Sat, 01 Jan 2022 12:00:00 GMT\r\n"
					    "Content-Range: bytes 100-999/1000\r\nRetry-After:  7 \r\nLocation: /b\r\nX: y\r\nno header\r\n"
					    "Content-Encoding: gzip\r\n\r\nETag: \"late\"\r\nHTTP/1.1 500 No\r\n");

	ck_assert(answer.complete);
	ck_assert_uint_eq(answer.status, 206);
	ck_assert_str_eq(answer.reason, "Partial ? Content");
	ck_assert_uint_eq(answer.length, 900);
	ck_assert(!answer.chunked);
	ck_assert(answer.has_range && answer.range_valid);
	ck_assert_uint_eq(answer.range_first, 100);
	ck_assert_uint_eq(answer.range_last, 999);
	ck_assert_uint_eq(answer.range_total, 1000);
	ck_assert_str_eq(answer.etag, "\"a\"");
	ck_assert_str_eq(answer.last_modified, "Sat, 01 Jan 2022 11:00:00 GMT");
	ck_assert_str_eq(answer.date, "Sat, 01 Jan 2022 12:00:00 GMT");
	ck_assert_str_eq(answer.retry_after, "7");
	ck_assert_str_eq(answer.location, "/b");
	ck_assert_str_eq(answer.encoding, "gzip");
}
END_TEST

START_TEST(test_an_interim_answer_is_none)
{
	struct download_answer answer = fed("HTTP/1.1 103 Early\r\nETag: \"early\"\r\n\r\n");

	ck_assert(!answer.complete);
	answer = fed("HTTP/1.1 100 Continue\r\nETag: \"early\"\r\n\r\nHTTP/1.0 200\r\nTransfer-Encoding: Chunked\r\n\r\n");
	ck_assert(answer.complete && answer.chunked);
	ck_assert_uint_eq(answer.status, 200);
	ck_assert_str_eq(answer.reason, "");
	ck_assert_str_eq(answer.etag, "");
	ck_assert_uint_eq(answer.length, DOWNLOAD_BYTES_UNKNOWN);
}
END_TEST

static const char *const no_lengths[] = {"-1", "", "12x", "99999999999999999999", "1 2", "0x10"};

START_TEST(test_no_length)
{
	struct download_answer answer;
	char text[128];

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\nContent-Length: %s\n\n", no_lengths[_i]);
	answer = fed(text);
	ck_assert(answer.complete);
	ck_assert_uint_eq(answer.length, DOWNLOAD_BYTES_UNKNOWN);
}
END_TEST

static const char *const no_ranges[] = {
    "",
    "bytes",
    "bytes */100",
    "bytes 5-4/100",
    "bytes 0-100/100",
    "bytes 0-99/100 ",
    "bytes 0-99",
    "bytes -99/100",
    "octets 0-99/100",
    "bytes 0-99/",
    "bytes 0 - 99/100",
    "bytes 0-99/100,",
    "bytes=0-99/100",
    "bytes 0-99/-1",
    "bytes 0-99/*x",
    "bytes 0-18446744073709551616/*",
    "bytes +0-99/100",
};

START_TEST(test_no_range)
{
	struct download_answer answer = {0};

	ck_assert(!download_content_range(no_ranges[_i], &answer));
	ck_assert_uint_eq(answer.range_last, 0);
}
END_TEST

START_TEST(test_ranges)
{
	struct download_answer answer = {0};

	ck_assert(download_content_range("bytes 0-0/1", &answer));
	ck_assert_uint_eq(answer.range_total, 1);
	ck_assert(download_content_range("Bytes 7-4294967296/*", &answer));
	ck_assert_uint_eq(answer.range_first, 7);
	ck_assert_uint_eq(answer.range_last, 4294967296);
	ck_assert_uint_eq(answer.range_total, DOWNLOAD_BYTES_UNKNOWN);
	/* Two of them tell nothing. */
	answer = fed("HTTP/1.1 206 OK\nContent-Range: bytes 0-0/1\nContent-Range: bytes 0-0/1\n\n");
	ck_assert(answer.has_range && !answer.range_valid);
}
END_TEST

#define OLD  "Last-Modified: Sat, 01 Jan 2022 11:59:59 GMT\n"
#define DATE "Date: Sat, 01 Jan 2022 12:00:00 GMT\n"

static const struct validity {
	const char *lines;
	const char *etag;
	const char *last_modified;
} validities[] = {
    {"ETag: \"a\"\n" OLD DATE, "\"a\"", ""},
    {OLD DATE, "", "Sat, 01 Jan 2022 11:59:59 GMT"},
    {"Last-Modified: Sat, 01 Jan 2022 12:00:00 GMT\n" DATE, "", ""},
    {OLD, "", ""},
    {DATE, "", ""},
    {"Last-Modified: nonsense\n" DATE, "", ""},
    {"ETag: W/\"a\"\n" OLD DATE, "", ""},
    {"ETag: a\n" OLD DATE, "", ""},
    {"ETag: \"\n", "", ""},
    {"ETag: \"\"\n", "\"\"", ""},
    {"", "", ""},
};

START_TEST(test_validator)
{
	const struct validity *validity = &validities[_i];
	struct download_validator validator;
	struct download_answer answer;
	char text[512];

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\n%s\n", validity->lines);
	answer = fed(text);
	download_answer_validator(&answer, &validator);
	ck_assert_str_eq(validator.etag, validity->etag);
	ck_assert_str_eq(validator.last_modified, validity->last_modified);
}
END_TEST

/* Of a file of 1000 bytes with the ETag "a". */
static const struct judgement {
	unsigned status;
	uint64_t held;
	const char *lines;
	enum download_verdict verdict;
} judgements[] = {
    {200, 0, "", VERDICT_BODY},
    {200, 100, "", VERDICT_BODY},
    {206, 0, "Content-Range: bytes 0-999/1000\n", VERDICT_RETRY},
    {206, 100, "Content-Range: bytes 100-999/1000\n", VERDICT_REST},
    {206, 100, "Content-Range: bytes 100-999/*\n", VERDICT_REST},
    {206, 100, "Content-Range: bytes 100-999/1000\nETag: \"a\"\nContent-Length: 900\n", VERDICT_REST},
    {206, 100, "Content-Range: bytes 100-999/1000\nETag: \"b\"\n", VERDICT_START_OVER},
    {206, 100, "Content-Range: bytes 100-999/1000\nContent-Length: 899\n", VERDICT_START_OVER},
    {206, 100, "Content-Range: bytes 99-999/1000\n", VERDICT_START_OVER},
    {206, 100, "Content-Range: bytes 101-999/1000\n", VERDICT_START_OVER},
    {206, 100, "Content-Range: bytes 100-998/1000\n", VERDICT_START_OVER},
    {206, 100, "Content-Range: bytes 100-1000/1001\n", VERDICT_START_OVER},
    {206, 100, "Content-Range: bytes 100-1000/*\n", VERDICT_START_OVER},
    {206, 100, "", VERDICT_START_OVER},
    {416, 0, "", VERDICT_REFUSED},
    {416, 100, "", VERDICT_START_OVER},
    {301, 0, "", VERDICT_REDIRECT},
    {302, 0, "", VERDICT_REDIRECT},
    {303, 0, "", VERDICT_REDIRECT},
    {307, 0, "", VERDICT_REDIRECT},
    {308, 0, "", VERDICT_REDIRECT},
    {300, 0, "", VERDICT_REFUSED},
    {304, 100, "", VERDICT_REFUSED},
    {204, 0, "", VERDICT_REFUSED},
    {400, 0, "", VERDICT_REFUSED},
    {404, 100, "", VERDICT_REFUSED},
    {429, 0, "", VERDICT_RETRY},
    {500, 0, "", VERDICT_RETRY},
    {503, 100, "", VERDICT_RETRY},
    {599, 0, "", VERDICT_RETRY},
    {600, 0, "", VERDICT_REFUSED},
};

START_TEST(test_judge)
{
	const struct judgement *judgement = &judgements[_i];
	struct download_record record = {.total = 1000, .validator = {.etag = "\"a\""}};
	struct download_answer answer;
	char text[512];

	snprintf(text, sizeof(text), "HTTP/1.1 %u X\n%s\n", judgement->status, judgement->lines);
	answer = fed(text);
	ck_assert_int_eq(download_answer_judge(&answer, judgement->held, &record), judgement->verdict);
}
END_TEST

/* When the whole length was never told, the range has to tell it. */
START_TEST(test_judge_without_total)
{
	struct download_record record = {.total = DOWNLOAD_BYTES_UNKNOWN, .validator = {.last_modified = "Sat, 01 Jan 2022 11:59:59 GMT"}};
	struct download_answer answer = fed("HTTP/1.1 206 X\nContent-Range: bytes 100-999/1000\n" OLD "\n");

	ck_assert_int_eq(download_answer_judge(&answer, 100, &record), VERDICT_REST);
	answer = fed("HTTP/1.1 206 X\nContent-Range: bytes 100-999/*\n\n");
	ck_assert_int_eq(download_answer_judge(&answer, 100, &record), VERDICT_START_OVER);
	answer = fed("HTTP/1.1 206 X\nContent-Range: bytes 100-999/1000\nLast-Modified: Sat, 01 Jan 2022 11:59:58 GMT\n\n");
	ck_assert_int_eq(download_answer_judge(&answer, 100, &record), VERDICT_START_OVER);
}
END_TEST

static const struct asking {
	const char *value;
	uint64_t seconds;
} askings[] = {
    {"0", 0},
    {"120", 120},
    {"120x", 0},
    {"-5", 0},
    {"soon", 0},
    {"", 0},
    {"Sat, 01 Jan 2022 12:02:00 GMT", 120},
    {"Sat, 01 Jan 2022 11:00:00 GMT", 0},
    {"9223372036854775807", INT64_MAX},
    {"99999999999999999999", 0},
};

START_TEST(test_retry_after)
{
	struct download_answer answer = {0};

	strcpy(answer.retry_after, askings[_i].value);
	ck_assert_uint_eq(download_retry_after(&answer, 1641038400), askings[_i].seconds); /* Sat, 01 Jan 2022 12:00:00 GMT */
}
END_TEST

START_TEST(test_waits_grow_to_a_cap)
{
	static const int64_t waits[] = {1000, 2000, 4000, 8000, 10000, 10000, 10000};

	for (unsigned failures = 1; failures <= COUNT(waits); failures++) {
		ck_assert_int_eq(download_wait_ms(failures, 1000, 10000, 0, 0), waits[failures - 1]);
		ck_assert_int_eq(download_wait_ms(failures, 1000, 10000, 0, UINT32_MAX), waits[failures - 1] / 2);
	}
	ck_assert_int_eq(download_wait_ms(UINT32_MAX, 1000, 10000, 0, 0), 10000);
	ck_assert_int_eq(download_wait_ms(1, 5000, 300, 0, 0), 300);
}
END_TEST

START_TEST(test_a_server_may_ask_for_more_up_to_the_cap)
{
	ck_assert_int_eq(download_wait_ms(1, 1000, 10000, 7, 0), 7000);
	ck_assert_int_eq(download_wait_ms(4, 1000, 10000, 7, 0), 8000);
	ck_assert_int_eq(download_wait_ms(1, 1000, 10000, 10, UINT32_MAX), 10000);
	ck_assert_int_eq(download_wait_ms(1, 1000, 10000, 11, UINT32_MAX), 10000);
	ck_assert_int_eq(download_wait_ms(1, 1000, 10000, INT64_MAX, 0), 10000);
}
END_TEST

/* Whatever a server sends, nothing is read or written beyond. */
START_TEST(test_lines_of_any_length)
{
	struct download_answer answer = fed("HTTP/1.1 200 OK\n");
	char *line = malloc(100000);

	for (size_t length = 0; length < 100000; length += length < 3000 ? 7 : 997) {
		memset(line, 'a', length);
		memcpy(line, "ETag: \"", length < 7 ? length : 7);
		download_answer_line(&answer, line, length);
		ck_assert_uint_lt(strlen(answer.etag), sizeof(answer.etag));
		memcpy(line, "Location:", length < 9 ? length : 9);
		download_answer_line(&answer, line, length);
		ck_assert_uint_lt(strlen(answer.location), sizeof(answer.location));
		answer.complete = false;
	}
	ck_assert_str_eq(answer.etag, ""); /* too long is none */
	memcpy(line, "ETag: \"a\0b\"", 11);
	download_answer_line(&answer, line, 11);
	ck_assert_str_eq(answer.etag, "");
	free(line);
}
END_TEST

static TCase *make_case(void)
{
	TCase *tcase = tcase_create("answer");

	tcase_add_test(tcase, test_a_header);
	tcase_add_test(tcase, test_an_interim_answer_is_none);
	tcase_add_loop_test(tcase, test_no_length, 0, COUNT(no_lengths));
	tcase_add_loop_test(tcase, test_no_range, 0, COUNT(no_ranges));
	tcase_add_test(tcase, test_ranges);
	tcase_add_loop_test(tcase, test_validator, 0, COUNT(validities));
	tcase_add_loop_test(tcase, test_judge, 0, COUNT(judgements));
	tcase_add_test(tcase, test_judge_without_total);
	tcase_add_loop_test(tcase, test_retry_after, 0, COUNT(askings));
	tcase_add_test(tcase, test_waits_grow_to_a_cap);
	tcase_add_test(tcase, test_a_server_may_ask_for_more_up_to_the_cap);
	tcase_add_test(tcase, test_lines_of_any_length);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("download_answer");

	suite_add_tcase(suite, make_case());
	return suite_run(suite);
}
