/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/download_record.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static const struct download_record full = {
    .id = "0123456789abcdef0123",
    .url = "https://user:p%40ss@host.example/a.dup?token=1",
    .sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    .name = "a b%.dup",
    .stated = {.family = "monarch1", .release = "LR8.0.5.13-59577", .build = 59577, .base_build = 4000000000u},
    .signature_url = "https://host.example/a.minisig",
    .signature = "untrusted comment: x\nRWQ=\n",
    .catalogue = true,
    .try_minisig = true,
    .created_at = 1700000000,
    .validator = {.etag = "\"a-1\"", .last_modified = "Sat, 01 Jan 2022 00:00:00 GMT"},
    .total = 6000000,
    .durable = 70000,
    .boot = "5d2c",
};

static const char full_text[] = "dupgate download 1\n"
				"id 0123456789abcdef0123\n"
				"url https://user:p%2540ss@host.example/a.dup?token=1\n"
				"sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
				"name a b%25.dup\n"
				"family monarch1\n"
				"release LR8.0.5.13-59577\n"
				"build 59577\n"
				"base_build 4000000000\n"
				"helper \n"
				"second \n"
				"signature_url https://host.example/a.minisig\n"
				"signature untrusted comment: x%0aRWQ=%0a\n"
				"catalogue 1\n"
				"try_minisig 1\n"
				"created_at 1700000000\n"
				"etag \"a-1\"\n"
				"last_modified Sat, 01 Jan 2022 00:00:00 GMT\n"
				"total 6000000\n"
				"durable 70000\n"
				"boot 5d2c\n"
				"end\n";

START_TEST(test_golden)
{
	char *text = download_record_write(&full);
	struct download_record back;

	ck_assert_str_eq(text, full_text);
	free(text);
	ck_assert_int_eq(download_record_read(full_text, strlen(full_text), &back), 0);
	ck_assert_str_eq(back.id, full.id);
	ck_assert_str_eq(back.url, full.url);
	ck_assert_str_eq(back.sha256, digest);
	ck_assert_str_eq(back.name, full.name);
	ck_assert_str_eq(back.stated.family, "monarch1");
	ck_assert_str_eq(back.stated.release, "LR8.0.5.13-59577");
	ck_assert_uint_eq(back.stated.build, 59577);
	ck_assert_uint_eq(back.stated.base_build, 4000000000u);
	ck_assert_str_eq(back.signature_url, full.signature_url);
	ck_assert_str_eq(back.signature, full.signature);
	ck_assert(back.catalogue);
	ck_assert(back.try_minisig);
	ck_assert_int_eq(back.created_at, 1700000000);
	ck_assert_str_eq(back.validator.etag, "\"a-1\"");
	ck_assert_str_eq(back.validator.last_modified, full.validator.last_modified);
	ck_assert_uint_eq(back.total, 6000000);
	ck_assert_uint_eq(back.durable, 70000);
	ck_assert_str_eq(back.boot, "5d2c");
}
END_TEST

START_TEST(test_unknown_total)
{
	struct download_record record = full;
	struct download_record back;
	char *text;

	record.total = DOWNLOAD_BYTES_UNKNOWN;
	text = download_record_write(&record);
	ck_assert_int_eq(download_record_read(text, strlen(text), &back), 0);
	ck_assert_uint_eq(back.total, DOWNLOAD_BYTES_UNKNOWN);
	free(text);
}
END_TEST

/* A file that a crash has cut is no record, wherever the cut is. */
START_TEST(test_every_cut_is_refused)
{
	struct download_record back;

	for (size_t length = 0; length < strlen(full_text); length++)
		ck_assert_int_eq(download_record_read(full_text, length, &back), -EBADMSG);
}
END_TEST

static const struct damage {
	const char *from;
	const char *to;
} damages[] = {
    {"download 1", "download 2"},
    {"id 0123456789abcdef0123", "id 0123"},
    {"sha256 0123", "sha256 x123"},
    {"build 59577", "build 99999999999"},
    {"build 59577", "build "},
    {"total 6000000", "total 18446744073709551616"},
    {"catalogue 1\n", "catalogue 2\n"},
    {"try_minisig 1", "try_minisig 2"},
    {"%2540ss@", "%2"},
    {"p%2540", "p%00"},
    {"p%2540", "p%2F"},
    {"a b%25.dup", "a/b.dup"},
    {"family monarch1", "family other"},
    {"durable 70000\n", ""},
    {"total 6000000", "total -1"},
    {"end\n", "end\nmore\n"},
    {"LR8.0.5.13-59577", "XX8.0.5.13"},
    {"family monarch1", "family 0123456789abcdef0"},
};

START_TEST(test_damage_is_refused)
{
	const struct damage *damage = &damages[_i];
	const char *at = strstr(full_text, damage->from);
	struct download_record back;
	char text[2048];

	ck_assert_ptr_nonnull(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - full_text), full_text, damage->to, at + strlen(damage->from));
	ck_assert_int_eq(download_record_read(text, strlen(text), &back), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("download_record");
	TCase *tcase = tcase_create("record");

	tcase_add_test(tcase, test_golden);
	tcase_add_test(tcase, test_unknown_total);
	tcase_add_test(tcase, test_every_cut_is_refused);
	tcase_add_loop_test(tcase, test_damage_is_refused, 0, sizeof(damages) / sizeof(damages[0]));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
