/* SPDX-License-Identifier: Apache-2.0
 *
 * Archives on their way into the store: what comes out, what is linked, and that it is all or nothing.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/archive_made.h"
#include "tests/unit/cache_case.h"
#include "tests/unit/suite_run.h"

#define BIG_ENDIAN_ELF    2
#define LITTLE_ENDIAN_ELF 1

static struct made catm1, nb1, gm02, big_elf, little_elf;
static char catm1_digest[FIRMWARE_SHA256_SIZE], nb1_digest[FIRMWARE_SHA256_SIZE], big_digest[FIRMWARE_SHA256_SIZE];
static struct firmware_batch batch;

static void set_up(void)
{
	cache_set_up();
	cache_make_bundle(&catm1, "the one for CAT-M1");
	cache_make_bundle(&nb1, "the one for NB-IoT");
	cache_make_bundle(&gm02, "the one for another family");
	cache_make_helper(&big_elf, BIG_ENDIAN_ELF);
	cache_make_helper(&little_elf, LITTLE_ENDIAN_ELF);
	cache_digest_of(&catm1, catm1_digest);
	cache_digest_of(&nb1, nb1_digest);
	cache_digest_of(&big_elf, big_digest);
}

static void tear_down(void)
{
	firmware_batch_clear(&batch);
	cache_tear_down();
	made_free(&catm1);
	made_free(&nb1);
	made_free(&gm02);
	made_free(&big_elf);
	made_free(&little_elf);
}

static struct archive_file entry(const char *path, const struct made *made)
{
	return (struct archive_file){.path = path, .content = (const char *)made->bytes, .length = made->length};
}

static int import_fd(int fd, const struct firmware_statement *statement)
{
	struct firmware_import *import;
	char block[64];
	ssize_t n;

	firmware_batch_clear(&batch);
	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &import), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, block, sizeof(block))) > 0) {
		if (firmware_import_append(import, block, (size_t)n, &cache_case.error) < 0)
			break;
	}
	close(fd);
	return firmware_import_commit_all(import, statement, &batch, &cache_case.error);
}

static int import_as(enum archive_format format, const struct archive_file *files, size_t count, const struct firmware_statement *statement)
{
	return import_fd(archive_made(format, files, count), statement);
}

static int import(const struct archive_file *files, size_t count)
{
	const struct firmware_statement statement = {.name = "vendor.zip", .source = "upload"};

	return import_as(ARCHIVE_ZIP, files, count, &statement);
}

static const struct firmware *item(size_t index)
{
	ck_assert_uint_lt(index, batch.count);
	return &batch.items[index].firmware;
}

static void expect_refused(int r, enum cache_error_code code, const char *sentence)
{
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_str_eq(cache_error_code_name(cache_case.error.code), cache_error_code_name(code));
	ck_assert_msg(strstr(cache_case.error.message, sentence), "\"%s\" does not say \"%s\"", cache_case.error.message, sentence);
	ck_assert_uint_eq(batch.count, 0);
	cache_expect_files(0, 0);
	ck_assert_uint_eq(cache_count_listed(), 0);
}

START_TEST(a_bundle_and_its_helper_are_linked)
{
	const struct archive_file files[] = {{.path = "CATM1-39529/", .type = S_IFDIR},
					     entry("CATM1-39529/CATM1-39529.dup", &catm1),
					     {.path = "CATM1-39529/README.txt", .content = "read me"},
					     entry("CATM1-39529/updater.elf", &big_elf)};
	const struct firmware_statement statement = {.name = "CATM1-39529.zip", .source = "upload"};
	struct firmware found;

	ck_assert_int_eq(import_as((enum archive_format)_i, files, 4, &statement), 0);
	ck_assert_uint_eq(batch.count, 2);
	ck_assert(batch.items[0].is_new && batch.items[1].is_new);
	ck_assert_str_eq(item(0)->name, "CATM1-39529.dup");
	ck_assert_str_eq(item(0)->sha256, catm1_digest);
	ck_assert_str_eq(item(0)->facts.helper, big_digest);
	ck_assert_str_eq(item(0)->stated.helper, "");
	ck_assert_uint_eq(item(0)->facts.build, 39529);
	ck_assert_str_eq(item(0)->source, "upload: CATM1-39529.zip: CATM1-39529/CATM1-39529.dup");
	ck_assert_str_eq(item(1)->name, "updater.elf");
	ck_assert_int_eq(item(1)->kind, FIRMWARE_HELPER);
	ck_assert_ptr_eq(firmware_batch_main(&batch), &batch.items[0]);
	cache_expect_files(2, 2);
	cache_reopen();
	ck_assert_int_eq(firmware_find(cache_case.store, "CATM1-39529.dup", &found, &cache_case.error), 0);
	ck_assert_str_eq(found.facts.helper, big_digest);
	ck_assert_str_eq(found.source, "upload: CATM1-39529.zip: CATM1-39529/CATM1-39529.dup");
	firmware_clear(&found);
}
END_TEST

START_TEST(a_plain_dup_tgz_is_its_bundle)
{
	const struct archive_file files[] = {entry("./NB1-41019.dup", &nb1)};
	const struct firmware_facts facts = {.release = "LR6.0.0.0-41019"};
	const struct firmware_statement statement = {.facts = &facts, .source = "upload"};
	char source[64];

	ck_assert_int_eq(import_as(ARCHIVE_TGZ, files, 1, &statement), 0);
	ck_assert_uint_eq(batch.count, 1);
	ck_assert_str_eq(item(0)->name, "NB1-41019.dup");
	ck_assert_str_eq(item(0)->sha256, nb1_digest);
	ck_assert_str_eq(item(0)->stated.release, "LR6.0.0.0-41019");
	ck_assert_int_eq(sscanf(item(0)->source, "upload: archive %63s", source), 1);
	ck_assert_uint_eq(strlen(source), 13); /* 12 digits and the colon */
	ck_assert_ptr_nonnull(strstr(item(0)->source, ": ./NB1-41019.dup"));
}
END_TEST

START_TEST(each_folder_has_its_own_helper)
{
	const struct archive_file files[] = {entry("a/CATM1-39529.dup", &catm1), entry("a/updater.elf", &big_elf),
					     entry("b/GM02RB6Q_LR8.0.5.13-59577.dup", &gm02), entry("b/mtools.elf", &little_elf),
					     entry("NB1-41019.dup", &nb1)};

	ck_assert_int_eq(import(files, 5), 0);
	ck_assert_uint_eq(batch.count, 5);
	ck_assert_str_eq(item(0)->facts.helper, item(1)->sha256);
	ck_assert_str_eq(item(2)->facts.helper, item(3)->sha256);
	ck_assert_str_eq(item(4)->facts.helper, "");
	ck_assert_ptr_null(firmware_batch_main(&batch));
}
END_TEST

START_TEST(of_two_helpers_the_one_of_the_family_is_taken)
{
	const struct archive_file files[] = {entry("CATM1-39529.dup", &catm1), entry("updater.elf", &big_elf),
					     entry("mtools.elf", &little_elf), entry("unknown.dup", &nb1)};

	ck_assert_int_eq(import(files, 4), 0);
	ck_assert_str_eq(item(0)->facts.helper, big_digest);
	ck_assert_str_eq(item(3)->facts.helper, "");
}
END_TEST

START_TEST(a_helper_tells_the_family_that_nothing_else_tells)
{
	const struct archive_file files[] = {entry("firmware.dup", &catm1), entry("updater.elf", &big_elf)};

	ck_assert_int_eq(import(files, 2), 0);
	ck_assert_str_eq(item(0)->facts.family, "monarch1");
	ck_assert_str_eq(item(0)->stated.family, "");
}
END_TEST

START_TEST(a_pair_is_told_by_the_names)
{
	const struct archive_file files[] = {entry("CATM1-5.2-48829-2.dup", &nb1), entry("CATM1-5.2-48829-1.dup", &catm1)};

	ck_assert_int_eq(import(files, 2), 0);
	ck_assert_uint_eq(item(0)->pair_part, 2);
	ck_assert_uint_eq(item(1)->pair_part, 1);
	ck_assert_str_eq(item(1)->facts.second, nb1_digest);
	ck_assert_ptr_eq(firmware_batch_main(&batch), &batch.items[1]);
}
END_TEST

START_TEST(what_is_stated_is_for_the_only_bundle)
{
	const struct archive_file files[] = {entry("updater.elf", &big_elf), entry("x.dup", &catm1), entry("y.dup", &nb1)};
	const struct firmware_facts facts = {.family = "monarch1", .build = 39530};
	const struct firmware_statement statement = {.facts = &facts, .source = "upload"};

	expect_refused(import_as(ARCHIVE_ZIP, files, 3, &statement), CACHE_ERROR_INVALID_REQUEST, "the archive has 2 bundles");
	expect_refused(import_as(ARCHIVE_ZIP, files, 1, &statement), CACHE_ERROR_INVALID_REQUEST, "the archive has 0 bundles");
	ck_assert_int_eq(import_as(ARCHIVE_ZIP, files, 2, &statement), 0);
	ck_assert_uint_eq(item(1)->facts.build, 39530);
	ck_assert_uint_eq(item(1)->stated.build, 39530);
}
END_TEST

START_TEST(one_bad_entry_refuses_all)
{
	struct made damaged = {0};
	struct archive_file files[] = {entry("a/good.dup", &catm1), entry("a/updater.elf", &big_elf), {0}};

	made_add(&damaged, nb1.bytes, nb1.length);
	damaged.bytes[20] ^= 1;
	files[2] = entry("a/bad.dup", &damaged);
	expect_refused(import(files, 3), CACHE_ERROR_BUNDLE_DAMAGED, "a/bad.dup in the archive: record 1");
	ck_assert_ptr_nonnull(strstr(cache_case.error.evidence, "at offset"));
	made_free(&damaged);
}
END_TEST

START_TEST(a_helper_of_another_family_refuses_all)
{
	const struct archive_file files[] = {entry("CATM1-39529.dup", &catm1), entry("updater.elf", &little_elf)};

	expect_refused(import(files, 2), CACHE_ERROR_HELPER_MISMATCH, "the helper beside CATM1-39529.dup in the archive is for monarch2");
}
END_TEST

START_TEST(nothing_that_is_wanted_is_said_in_names)
{
	char many[40][32];
	struct archive_file files[40] = {{.path = "docs/", .type = S_IFDIR}};

	expect_refused(import(files, 1), CACHE_ERROR_BUNDLE_UNSUPPORTED, "only folders");
	files[1] = (struct archive_file){.path = "docs/a.pdf", .content = "x"};
	files[2] = (struct archive_file){.path = "._CATM1-39529.dup", .content = "a note of a file system"};
	expect_refused(import(files, 3), CACHE_ERROR_BUNDLE_UNSUPPORTED,
		       "the archive has no .dup and no .elf file, only docs/a.pdf, ._CATM1-39529.dup");
	for (size_t i = 0; i < 40; i++) {
		snprintf(many[i], sizeof(many[i]), "a-file-that-is-%02zu-of-many.txt", i);
		files[i] = (struct archive_file){.path = many[i], .content = "x"};
	}
	expect_refused(import(files, 40), CACHE_ERROR_BUNDLE_UNSUPPORTED, "a-file-that-is-08-of-many.txt and 31 more");
}
END_TEST

START_TEST(content_decides_what_a_file_is)
{
	const struct archive_file files[] = {entry("helper.DUP", &big_elf), entry("bundle.Elf", &catm1)};
	const struct archive_file web[] = {{.path = "x.dup", .content = "<html>no</html>"}};

	expect_refused(import(web, 1), CACHE_ERROR_BUNDLE_UNSUPPORTED, "x.dup in the archive: the file is no .dup bundle");
	ck_assert_int_eq(import(files, 2), 0);
	ck_assert_int_eq(item(0)->kind, FIRMWARE_HELPER);
	ck_assert_int_eq(item(1)->kind, FIRMWARE_BUNDLE);
}
END_TEST

START_TEST(a_content_that_is_there_twice_is_one)
{
	const struct archive_file files[] = {entry("a/x.dup", &catm1), entry("b/y.dup", &catm1)};

	ck_assert_int_eq(import(files, 2), 0);
	ck_assert_uint_eq(batch.count, 1);
	ck_assert_str_eq(item(0)->name, "x.dup");
	cache_expect_files(1, 1);
}
END_TEST

START_TEST(what_was_there_stays_and_learns_its_helper)
{
	const struct archive_file files[] = {entry("other-name.dup", &catm1), entry("updater.elf", &big_elf)};
	char digest[FIRMWARE_SHA256_SIZE];
	struct firmware found;

	cache_add("the one for CAT-M1", "CATM1-39529.dup", digest);
	ck_assert_int_eq(import(files, 2), 0);
	ck_assert(!batch.items[0].is_new);
	ck_assert(batch.items[1].is_new);
	ck_assert_str_eq(item(0)->name, "CATM1-39529.dup");
	ck_assert_str_eq(item(0)->facts.helper, big_digest);
	cache_reopen();
	ck_assert_int_eq(firmware_find(cache_case.store, digest, &found, &cache_case.error), 0);
	ck_assert_str_eq(found.facts.helper, big_digest);
	ck_assert_str_eq(found.source, "upload");
	firmware_clear(&found);
	/* A second one does not take the place of the first. */
	const struct archive_file again[] = {entry("x.dup", &catm1), entry("mtools.elf", &little_elf)};
	ck_assert_int_eq(import(again, 2), 0);
	ck_assert_str_eq(item(0)->facts.helper, big_digest);
	cache_expect_files(3, 3);
}
END_TEST

START_TEST(the_limits_are_for_the_sum)
{
	const struct archive_file files[] = {entry("a.dup", &catm1), entry("b.dup", &nb1)};
	size_t sum = catm1.length + nb1.length;

	cache_close();
	cache_open(sum - 1, CACHE_CASE_MANY);
	/* The archive itself, with its headers, is bigger than both. */
	expect_refused(import(files, 2), CACHE_ERROR_BUNDLE_TOO_BIG, "");
	cache_close();
	cache_open(CACHE_CASE_MANY, sum - 1 > 1000 ? sum - 1 : 1000);
	ck_assert_int_eq(import(files, 2), 0);
	ck_assert_uint_eq(batch.count, 2);
}
END_TEST

/* Zeros shrink to nothing: what counts is what comes out. */
START_TEST(what_comes_out_is_over_the_limit)
{
	struct made large = {0};
	char *zeros = calloc(1, 60000);
	made_record(&large, "UPGR", 3, 1, "a part", zeros, 60000);
	free(zeros);
	struct made other = {0};
	made_noise(&other, 60000, 7);
	struct made noisy = {0};
	made_record(&noisy, "UPGR", 3, 1, "a part", other.bytes, other.length);
	const struct archive_file files[] = {entry("a.dup", &noisy), entry("b.dup", &large)};

	cache_close();
	cache_open(100000, CACHE_CASE_MANY);
	expect_refused(import(files, 2), CACHE_ERROR_BUNDLE_TOO_BIG, "unpacks to more than 100000 bytes (at b.dup)");
	cache_close();
	cache_open(CACHE_CASE_MANY, 100000);
	expect_refused(import(files, 2), CACHE_ERROR_CACHE_FULL, "quota");
	/* Nothing stays reserved. */
	ck_assert_int_eq(import(&files[0], 1), 0);
	made_free(&large);
	made_free(&other);
	made_free(&noisy);
}
END_TEST

START_TEST(room_is_made_for_all_of_it)
{
	struct made noise = {0}, large = {0};
	char old[FIRMWARE_SHA256_SIZE], same[FIRMWARE_SHA256_SIZE], text[3001];

	made_noise(&noise, 20000, 7);
	made_record(&large, "UPGR", 3, 1, "a part", noise.bytes, noise.length);
	const struct archive_file files[] = {entry("a.dup", &catm1), entry("b.dup", &large)};
	memset(text, 'o', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cache_close();
	cache_open(CACHE_CASE_MANY, 22000); /* the archive, or what is in it; not the old one besides */
	cache_add("the one for CAT-M1", "same.dup", same);
	cache_add(text, "old.dup", old);
	ck_assert_int_eq(firmware_pin(cache_case.store, old), 0);
	ck_assert_int_eq(import(files, 2), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_CACHE_FULL);
	cache_expect_files(2, 2);
	firmware_unpin(cache_case.store, old);
	/* What is used least recently goes, but not what the archive brings again. */
	ck_assert_int_eq(import(files, 2), 0);
	ck_assert_str_eq(item(0)->name, "same.dup");
	ck_assert(batch.items[1].is_new);
	cache_expect_files(2, 2);
	ck_assert(!cache_file_exists("objects", old, ""));
	made_free(&noise);
	made_free(&large);
}
END_TEST

START_TEST(hostile_archives_leave_nothing)
{
	static const struct archive_file hostile[] = {
	    {.path = "../x.dup", .content = "x"},
	    {.path = "a\x1b[2Jb.dup", .content = "x"},
	    {.path = "inner.zip", .content = "PK\3\4rest"},
	    {.path = "bomb.bin", .length = 50000000},
	};
	const struct archive_file files[] = {entry("good.dup", &catm1), hostile[_i]};
	static const char *const sentences[] = {"climbs", "control characters", "an archive inside the archive", "unpack to more than"};

	expect_refused(import(files, 2), _i < 3 ? CACHE_ERROR_BUNDLE_UNSUPPORTED : CACHE_ERROR_BUNDLE_TOO_BIG, sentences[_i]);
}
END_TEST

START_TEST(a_long_name_is_refused)
{
	char path[200];

	memset(path, 'a', sizeof(path));
	strcpy(path + 150, ".dup");
	const struct archive_file files[] = {entry(path, &catm1)};
	expect_refused(import(files, 1), CACHE_ERROR_BUNDLE_UNSUPPORTED, "cannot be the name of a firmware");
}
END_TEST

/* The second manifest cannot be written where a folder is in its place: the first is taken back. */
START_TEST(what_the_disk_refuses_takes_all_back)
{
	const struct archive_file files[] = {entry("a.dup", &catm1), entry("b.dup", &nb1)};
	char path[320];

	cache_path_of(path, sizeof(path), "manifests", nb1_digest, ".json");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(import(files, 2), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_IO);
	ck_assert_uint_eq(cache_count_files("objects"), 0);
	ck_assert_uint_eq(cache_count_files("manifests"), 1);
	ck_assert_uint_eq(cache_count_files("incoming"), 0);
	ck_assert_uint_eq(cache_count_listed(), 0);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(import(files, 2), 0);
	ck_assert_uint_eq(cache_count_listed(), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("archive_import");
	TCase *tests = tcase_create("archive_import");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_bundle_and_its_helper_are_linked, 0, 2);
	tcase_add_test(tests, a_plain_dup_tgz_is_its_bundle);
	tcase_add_test(tests, each_folder_has_its_own_helper);
	tcase_add_test(tests, of_two_helpers_the_one_of_the_family_is_taken);
	tcase_add_test(tests, a_helper_tells_the_family_that_nothing_else_tells);
	tcase_add_test(tests, a_pair_is_told_by_the_names);
	tcase_add_test(tests, what_is_stated_is_for_the_only_bundle);
	tcase_add_test(tests, one_bad_entry_refuses_all);
	tcase_add_test(tests, a_helper_of_another_family_refuses_all);
	tcase_add_test(tests, nothing_that_is_wanted_is_said_in_names);
	tcase_add_test(tests, content_decides_what_a_file_is);
	tcase_add_test(tests, a_content_that_is_there_twice_is_one);
	tcase_add_test(tests, what_was_there_stays_and_learns_its_helper);
	tcase_add_test(tests, the_limits_are_for_the_sum);
	tcase_add_test(tests, what_comes_out_is_over_the_limit);
	tcase_add_test(tests, room_is_made_for_all_of_it);
	tcase_add_loop_test(tests, hostile_archives_leave_nothing, 0, 4);
	tcase_add_test(tests, a_long_name_is_refused);
	tcase_add_test(tests, what_the_disk_refuses_takes_all_back);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
