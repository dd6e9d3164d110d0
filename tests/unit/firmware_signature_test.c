/* SPDX-License-Identifier: Apache-2.0
 *
 * Signatures that are kept with the firmware, judged with the keys of the moment. All are made by the real minisign.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/archive_made.h"
#include "tests/unit/cache_case.h"
#include "tests/unit/minisign.h"
#include "tests/unit/suite_run.h"

static struct made made;
static char digest[FIRMWARE_SHA256_SIZE];
static char text[SIGNATURE_TEXT_MAX];
static size_t text_length;
static char refused[8][320];
static size_t refused_count;

static void key_refused(void *context, const char *what)
{
	ck_assert_ptr_eq(context, &cache_case);
	snprintf(refused[refused_count++], sizeof(refused[0]), "%s", what);
}

static void open_store(void)
{
	const struct firmware_store_options options = {
	    .directory = cache_case.path,
	    .max_size = CACHE_CASE_MANY,
	    .quota = CACHE_CASE_MANY,
	    .trusted_keys_dir = "keys",
	    .key_refused = key_refused,
	    .context = &cache_case,
	};

	cache_close();
	ck_assert_int_eq(firmware_store_open(&options, &cache_case.error, &cache_case.store), 0);
}

static void sign_as(const char *key, const char *format)
{
	minisign_write("x.dup", made.bytes, made.length);
	minisign_sign(key, "x.dup", format);
	text_length = minisign_read("x.dup.minisig", text, sizeof(text) - 1);
	text[text_length] = '\0';
}

static void set_up(void)
{
	cache_set_up();
	ck_assert_int_eq(chdir(cache_case.root), 0);
	ck_assert_int_eq(mkdir("keys", 0700), 0);
	minisign_make_key("vendor");
	open_store();
	cache_make_bundle(&made, "signed by its vendor");
	cache_add("signed by its vendor", "x.dup", digest);
	sign_as("vendor", "-H");
}

static void tear_down(void)
{
	made_free(&made);
	ck_assert_int_eq(chdir("/"), 0);
	cache_tear_down();
}

static struct firmware_signature judged(void)
{
	struct firmware firmware = {0};
	struct firmware_signature signature;

	ck_assert_int_eq(firmware_find(cache_case.store, digest, &firmware, &cache_case.error), 0);
	firmware_judge(cache_case.store, &firmware, 1);
	signature = firmware.signature;
	firmware_clear(&firmware);
	return signature;
}

static void put(void)
{
	ck_assert_int_eq(firmware_sign(cache_case.store, digest, text, text_length, &cache_case.error), 0);
}

static void expect(enum signature_verdict verdict, const char *sentence)
{
	struct firmware_signature signature = judged();
	int r = firmware_check_signature(cache_case.store, digest, &cache_case.error);

	ck_assert_str_eq(signature_verdict_name(signature.verdict), signature_verdict_name(verdict));
	ck_assert_int_eq(r, verdict == SIGNATURE_GOOD ? 0 : -EPROTO);
	if (verdict == SIGNATURE_GOOD) {
		ck_assert_str_eq(signature.report.key_name, sentence);
		ck_assert_str_eq(signature.report.trusted_comment, "for the lab");
		return;
	}
	ck_assert_int_eq(cache_case.error.code, verdict == SIGNATURE_NONE ? CACHE_ERROR_SIGNATURE_MISSING : CACHE_ERROR_SIGNATURE_BAD);
	ck_assert_ptr_nonnull(strstr(cache_case.error.message, sentence));
	if (verdict == SIGNATURE_BAD)
		ck_assert_str_eq(signature.reason, cache_case.error.message);
}

START_TEST(a_signature_is_kept_and_goes_with_the_firmware)
{
	expect(SIGNATURE_NONE, "it has no signature");
	sign_as("vendor", _i == 0 ? "-H" : "-l");
	put();
	expect(SIGNATURE_GOOD, "vendor.pub");
	open_store();
	expect(SIGNATURE_GOOD, "vendor.pub");
	ck_assert(cache_file_exists("manifests", digest, ".minisig"));
	ck_assert_int_eq(firmware_remove(cache_case.store, digest, &cache_case.error), 0);
	cache_expect_files(0, 0);
}
END_TEST

/* What a crash between two removals leaves. */
START_TEST(a_signature_of_nothing_is_cleaned_up)
{
	char path[320];

	put();
	cache_path_of(path, sizeof(path), "objects", digest, "");
	ck_assert_int_eq(unlink(path), 0);
	open_store();
	cache_expect_files(0, 0);
}
END_TEST

START_TEST(keys_are_rotated_under_the_store)
{
	put();
	minisign_make_key("next");
	expect(SIGNATURE_GOOD, "vendor.pub");
	ck_assert_int_eq(rename("keys/vendor.pub", "gone.pub"), 0);
	expect(SIGNATURE_BAD, "which is none of the 1 trusted keys");
	ck_assert_str_ne(judged().report.key_id, "");
	sign_as("next", "-H");
	put();
	expect(SIGNATURE_GOOD, "next.pub");
	ck_assert_int_eq(unlink("keys/next.pub"), 0);
	expect(SIGNATURE_BAD, "which is none of the 0 trusted keys");
}
END_TEST

START_TEST(the_signature_of_another_file_is_bad)
{
	struct made other = {0};

	cache_make_bundle(&other, "another file");
	minisign_write("x.dup", other.bytes, other.length);
	minisign_sign("vendor", "x.dup", "-H");
	text_length = minisign_read("x.dup.minisig", text, sizeof(text));
	put();
	expect(SIGNATURE_BAD, "is not of this content");
	made_free(&other);
}
END_TEST

START_TEST(what_has_not_the_form_is_not_kept)
{
	ck_assert_int_eq(firmware_sign(cache_case.store, digest, "hello", 5, &cache_case.error), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_SIGNATURE_BAD);
	expect(SIGNATURE_NONE, "it has no signature");
	digest[0] = digest[0] == 'a' ? 'b' : 'a';
	ck_assert_int_eq(firmware_sign(cache_case.store, digest, text, text_length, &cache_case.error), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_NOT_FOUND);
	ck_assert(!cache_file_exists("manifests", digest, ".minisig"));
}
END_TEST

/* A view believes what was told of the bytes when they came; what is sent is read again. */
START_TEST(bytes_that_changed_on_disk_are_caught)
{
	char path[320];

	put();
	made.bytes[made.length - 1] ^= 1;
	cache_write_file("objects", digest, "", made.bytes, made.length);
	ck_assert_int_eq(judged().verdict, SIGNATURE_GOOD);
	ck_assert_int_eq(firmware_check_signature(cache_case.store, digest, &cache_case.error), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_SIGNATURE_BAD);
	/* And a signature's own file that was overwritten is none. */
	cache_write_file("manifests", digest, ".minisig", "hello", 5);
	ck_assert_int_eq(judged().verdict, SIGNATURE_BAD);
	cache_path_of(path, sizeof(path), "manifests", digest, ".minisig");
	ck_assert_int_eq(truncate(path, 100000), 0);
	ck_assert_int_eq(judged().verdict, SIGNATURE_BAD);
}
END_TEST

/* Manifests from before there were signatures do not have what most signatures are of. */
START_TEST(an_old_manifest_is_judged_by_the_bytes)
{
	char path[320], manifest[8192];

	put();
	cache_close();
	cache_path_of(path, sizeof(path), "manifests", digest, ".json");
	size_t length = minisign_read(path, manifest, sizeof(manifest) - 1);
	manifest[length] = '\0';
	char *member = strstr(manifest, " \"blake2b\"");
	ck_assert_ptr_nonnull(member);
	char *rest = strchr(member, '\n') + 1;
	memmove(member, rest, strlen(rest) + 1);
	minisign_write(path, manifest, strlen(manifest));
	open_store();
	expect(SIGNATURE_GOOD, "vendor.pub");
	/* One that says something else of the bytes makes their signature bad for views. */
	cache_close();
	char *place = strstr(manifest, " \"content\"");
	char changed[8192];
	snprintf(changed, sizeof(changed), "%.*s \"blake2b\": \"%0128d\",\n%s", (int)(place - manifest), manifest, 0, place);
	minisign_write(path, changed, strlen(changed));
	open_store();
	ck_assert_int_eq(judged().verdict, SIGNATURE_BAD);
	ck_assert_int_eq(firmware_check_signature(cache_case.store, digest, &cache_case.error), 0);
}
END_TEST

START_TEST(a_file_that_is_no_key_is_told_of_once)
{
	put();
	ck_assert_uint_eq(refused_count, 0);
	minisign_write("keys/notes.pub", "hello", 5);
	expect(SIGNATURE_GOOD, "vendor.pub");
	expect(SIGNATURE_GOOD, "vendor.pub");
	ck_assert_uint_eq(refused_count, 1);
	ck_assert_str_eq(refused[0], "notes.pub: this is no public key of minisign");
	ck_assert_int_eq(rename("keys/notes.pub", "keys/other.pub"), 0);
	expect(SIGNATURE_GOOD, "vendor.pub");
	ck_assert_uint_eq(refused_count, 2);
}
END_TEST

START_TEST(keys_that_cannot_be_read_trust_nobody)
{
	put();
	ck_assert_int_eq(rename("keys", "elsewhere"), 0);
	expect(SIGNATURE_BAD, "which is none of the 0 trusted keys");
	minisign_write("keys", "x", 1);
	ck_assert_int_eq(judged().verdict, SIGNATURE_BAD);
	ck_assert_ptr_nonnull(strstr(judged().reason, "cannot read the trusted keys in keys"));
	ck_assert_int_eq(firmware_check_signature(cache_case.store, digest, &cache_case.error), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_IO);
}
END_TEST

static int commit(int fd, const struct firmware_statement *statement, struct firmware_batch *ret)
{
	struct firmware_import *import;
	char block[4096];
	ssize_t n;

	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &import), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, block, sizeof(block))) > 0)
		ck_assert_int_eq(firmware_import_append(import, block, (size_t)n, &cache_case.error), 0);
	close(fd);
	return firmware_import_commit_all(import, statement, ret, &cache_case.error);
}

START_TEST(a_signature_comes_with_the_import)
{
	struct firmware_statement statement = {.source = "upload", .signature = "hello"};
	const struct archive_file files[] = {{.path = "x.dup", .content = (const char *)made.bytes, .length = made.length}};
	struct firmware_batch batch;

	ck_assert_int_eq(firmware_remove(cache_case.store, digest, &cache_case.error), 0);
	minisign_write("y.dup", made.bytes, made.length);
	ck_assert_int_eq(commit(open("y.dup", O_RDONLY), &statement, &batch), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_SIGNATURE_BAD);
	cache_expect_files(0, 0);
	/* One that only happened to be there may be anything. */
	statement.signature_guessed = true;
	ck_assert_int_eq(commit(open("y.dup", O_RDONLY), &statement, &batch), 0);
	firmware_batch_clear(&batch);
	expect(SIGNATURE_NONE, "it has no signature");
	statement.signature = text;
	ck_assert_int_eq(commit(open("y.dup", O_RDONLY), &statement, &batch), 0);
	ck_assert(!batch.items[0].is_new);
	firmware_batch_clear(&batch);
	expect(SIGNATURE_GOOD, "vendor.pub");
	/* Of an archive: it would be gone with it. */
	ck_assert_int_eq(commit(archive_made(ARCHIVE_ZIP, files, 1), &statement, &batch), 0);
	firmware_batch_clear(&batch);
	statement.signature_guessed = false;
	ck_assert_int_eq(commit(archive_made(ARCHIVE_ZIP, files, 1), &statement, &batch), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_INVALID_REQUEST);
	ck_assert_ptr_nonnull(strstr(cache_case.error.message, "NAME.minisig"));
}
END_TEST

START_TEST(signatures_in_an_archive_are_taken)
{
	const struct firmware_statement statement = {.source = "upload"};
	char long_text[SIGNATURE_TEXT_MAX + 10];
	struct archive_file files[] = {{.path = "a/x.dup.minisig", .content = text, .length = text_length},
				       {.path = "a/x.dup", .content = (const char *)made.bytes, .length = made.length},
				       {.path = "b/none.dup.minisig", .content = text, .length = text_length}};
	struct firmware_batch batch;

	ck_assert_int_eq(firmware_remove(cache_case.store, digest, &cache_case.error), 0);
	ck_assert_int_eq(commit(archive_made(ARCHIVE_TGZ, files, 3), &statement, &batch), 0);
	ck_assert_uint_eq(batch.count, 1);
	firmware_batch_clear(&batch);
	expect(SIGNATURE_GOOD, "vendor.pub");
	memset(long_text, 'x', sizeof(long_text));
	files[2] = (struct archive_file){.path = "y.elf.minisig", .content = long_text, .length = sizeof(long_text)};
	ck_assert_int_eq(commit(archive_made(ARCHIVE_TGZ, files, 3), &statement, &batch), -EPROTO);
	ck_assert_str_eq(cache_case.error.message, "y.elf.minisig in the archive is no signature of minisign: it is too long");
	files[2] = (struct archive_file){.path = "y.elf.minisig", .content = "hello"};
	ck_assert_int_eq(commit(archive_made(ARCHIVE_TGZ, files, 3), &statement, &batch), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_SIGNATURE_BAD);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("firmware_signature");
	TCase *tests = tcase_create("firmware_signature");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_signature_is_kept_and_goes_with_the_firmware, 0, 2);
	tcase_add_test(tests, a_signature_of_nothing_is_cleaned_up);
	tcase_add_test(tests, keys_are_rotated_under_the_store);
	tcase_add_test(tests, the_signature_of_another_file_is_bad);
	tcase_add_test(tests, what_has_not_the_form_is_not_kept);
	tcase_add_test(tests, bytes_that_changed_on_disk_are_caught);
	tcase_add_test(tests, an_old_manifest_is_judged_by_the_bytes);
	tcase_add_test(tests, a_file_that_is_no_key_is_told_of_once);
	tcase_add_test(tests, keys_that_cannot_be_read_trust_nobody);
	tcase_add_test(tests, a_signature_comes_with_the_import);
	tcase_add_test(tests, signatures_in_an_archive_are_taken);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
