/* SPDX-License-Identifier: Apache-2.0
 *
 * Every key and signature here is made by the real minisign.
 */
#include "firmware-cache/signature.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/minisign.h"
#include "tests/unit/suite_run.h"

static char folder[64];
static struct trusted_keys keys;
static struct signature_report report;
static struct cache_error error;

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/signature-XXXXXX");
	if (getenv("TMPDIR"))
		snprintf(folder, sizeof(folder), "%s/signature-XXXXXX", getenv("TMPDIR"));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("keys", 0700), 0);
	ck_assert_int_ge(sodium_init(), 0);
	minisign_make_key("vendor");
	char content[200000];
	memset(content, 'u', sizeof(content));
	minisign_write("bundle.dup", content, sizeof(content));
	ck_assert_int_eq(trusted_keys_load("keys", &keys, &error), 0);
	ck_assert_uint_eq(keys.count, 1);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

static void teardown(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int verify_text(const char *text, size_t length, const char *file)
{
	int fd = open(file, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	memset(&report, 0, sizeof(report));
	memset(&error, 0, sizeof(error));
	int r = signature_verify(text, length, &keys, fd, &report, &error);
	close(fd);
	return r;
}

static int verify(const char *signature, const char *file)
{
	char text[SIGNATURE_TEXT_MAX];
	size_t length = minisign_read(signature, text, sizeof(text));

	return verify_text(text, length, file);
}

static void assert_bad(int r, const char *sentence)
{
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_str_eq(cache_error_code_name(error.code), "signature-bad");
	ck_assert_ptr_nonnull(strstr(error.message, sentence));
}

static const char *const formats[] = {"-H", "-l"};

START_TEST(a_signature_of_minisign_is_good)
{
	char key_text[1024];
	size_t length;

	minisign_sign("vendor", "bundle.dup", formats[_i]);
	ck_assert_int_eq(verify("bundle.dup.minisig", "bundle.dup"), 0);
	ck_assert_str_eq(report.key_name, "vendor.pub");
	ck_assert_str_eq(report.trusted_comment, "for the lab");
	length = minisign_read("keys/vendor.pub", key_text, sizeof(key_text) - 1);
	key_text[length] = '\0';
	/* "untrusted comment: minisign public key 1D4A…" */
	char *id = strstr(key_text, "public key ");
	ck_assert_ptr_nonnull(id);
	id[strcspn(id, "\r\n")] = '\0';
	ck_assert_str_eq(report.key_id, id + strlen("public key "));
}
END_TEST

START_TEST(other_content_is_bad)
{
	minisign_sign("vendor", "bundle.dup", formats[_i]);
	FILE *file = fopen("bundle.dup", "r+b");
	ck_assert_int_eq(fseek(file, 150000, SEEK_SET), 0);
	ck_assert_int_eq(fputc('v', file), 'v');
	ck_assert_int_eq(fclose(file), 0);
	assert_bad(verify("bundle.dup.minisig", "bundle.dup"), "is not of this content");
	minisign_write("bundle.dup", "", 0);
	assert_bad(verify("bundle.dup.minisig", "bundle.dup"), "is not of this content");
}
END_TEST

START_TEST(a_key_that_is_not_trusted_is_named)
{
	minisign_sign("vendor", "bundle.dup", "-H");
	ck_assert_int_eq(verify("bundle.dup.minisig", "bundle.dup"), 0);
	char id[KEY_ID_TEXT_SIZE];
	memcpy(id, report.key_id, sizeof(id));
	ck_assert_int_eq(rename("keys/vendor.pub", "vendor.pub"), 0);
	minisign_make_key("other");
	ck_assert_int_eq(trusted_keys_load("keys", &keys, &error), 0);
	assert_bad(verify("bundle.dup.minisig", "bundle.dup"), "which is none of the 1 trusted keys");
	ck_assert_ptr_nonnull(strstr(error.message, id));
	/* Rotation: both are trusted now. */
	ck_assert_int_eq(rename("vendor.pub", "keys/vendor.pub"), 0);
	ck_assert_int_eq(trusted_keys_load("keys", &keys, &error), 0);
	ck_assert_uint_eq(keys.count, 2);
	ck_assert_int_eq(verify("bundle.dup.minisig", "bundle.dup"), 0);
}
END_TEST

START_TEST(an_altered_trusted_comment_is_bad)
{
	char text[SIGNATURE_TEXT_MAX];

	minisign_sign("vendor", "bundle.dup", "-H");
	size_t length = minisign_read("bundle.dup.minisig", text, sizeof(text) - 1);
	text[length] = '\0';
	char *comment = strstr(text, "for\tthe lab");
	ck_assert_ptr_nonnull(comment);
	memcpy(comment, "for the car", 11);
	assert_bad(verify_text(text, length, "bundle.dup"), "comment of the signature was altered");
}
END_TEST

START_TEST(every_cut_of_a_signature_is_bad)
{
	char text[SIGNATURE_TEXT_MAX];

	minisign_sign("vendor", "bundle.dup", "-H");
	size_t length = minisign_read("bundle.dup.minisig", text, sizeof(text));
	/* The last byte is the end of the last line, which may be missing. */
	for (size_t cut = 0; cut + 1 < length; cut += cut + 100 < length ? 7 : 1) {
		ck_assert_int_eq(verify_text(text, cut, "bundle.dup"), -EPROTO);
		ck_assert_int_eq(error.code, CACHE_ERROR_SIGNATURE_BAD);
	}
	ck_assert_int_eq(verify_text(text, length - 1, "bundle.dup"), 0);
}
END_TEST

static const struct {
	const char *text;
	size_t length;
	const char *sentence;
} garbage[] = {
    {"", 0, "its first line is no untrusted comment"},
    {"untrusted comment: x\nAAAA\ntrusted comment: y\nAAAA\n", 49, "its second line is no signature"},
    {"untrusted comment: a\0b\n", 23, "it is no text"},
    {"PACK\3\0", 6, "it is no text"},
};

START_TEST(garbage_is_bad)
{
	assert_bad(verify_text(garbage[_i].text, garbage[_i].length, "bundle.dup"), garbage[_i].sentence);
}
END_TEST

START_TEST(a_long_text_is_bad)
{
	char text[SIGNATURE_TEXT_MAX];

	memset(text, 'x', sizeof(text));
	assert_bad(verify_text(text, sizeof(text), "bundle.dup"), "it is too long");
}
END_TEST

START_TEST(windows_line_ends_are_fine)
{
	char text[SIGNATURE_TEXT_MAX], windows[SIGNATURE_TEXT_MAX];
	size_t used = 0;

	minisign_sign("vendor", "bundle.dup", "-H");
	size_t length = minisign_read("bundle.dup.minisig", text, sizeof(text));
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			windows[used++] = '\r';
		windows[used++] = text[i];
	}
	ck_assert_int_eq(verify_text(windows, used, "bundle.dup"), 0);
	ck_assert_str_eq(report.trusted_comment, "for the lab");
}
END_TEST

START_TEST(what_is_no_key_is_passed_over_and_named)
{
	minisign_write("keys/broken.pub", "untrusted comment: x\nhello\n", 27);
	minisign_write("keys/notes.txt", "hello", 5);
	minisign_make_key("another");
	ck_assert_int_eq(trusted_keys_load("keys", &keys, &error), 0);
	ck_assert_uint_eq(keys.count, 2);
	ck_assert_str_eq(keys.keys[0].name, "another.pub");
	ck_assert_str_eq(keys.keys[1].name, "vendor.pub");
	ck_assert_str_eq(keys.refused, "broken.pub: this is no public key of minisign");
}
END_TEST

START_TEST(no_folder_has_no_keys_and_a_file_is_no_folder)
{
	ck_assert_int_eq(trusted_keys_load("nowhere", &keys, &error), 0);
	ck_assert_uint_eq(keys.count, 0);
	ck_assert_int_eq(trusted_keys_load("bundle.dup", &keys, &error), -EPROTO);
	ck_assert_int_eq(error.code, CACHE_ERROR_IO);
	ck_assert_ptr_nonnull(strstr(error.message, "bundle.dup"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("signature");
	TCase *tests = tcase_create("signature");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_signature_of_minisign_is_good, 0, 2);
	tcase_add_loop_test(tests, other_content_is_bad, 0, 2);
	tcase_add_test(tests, a_key_that_is_not_trusted_is_named);
	tcase_add_test(tests, an_altered_trusted_comment_is_bad);
	tcase_add_test(tests, every_cut_of_a_signature_is_bad);
	tcase_add_loop_test(tests, garbage_is_bad, 0, 4);
	tcase_add_test(tests, a_long_text_is_bad);
	tcase_add_test(tests, windows_line_ends_are_fine);
	tcase_add_test(tests, what_is_no_key_is_passed_over_and_named);
	tcase_add_test(tests, no_folder_has_no_keys_and_a_file_is_no_folder);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
