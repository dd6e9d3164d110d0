/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/cache_case.h"
#include "tests/unit/suite_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MANY         CACHE_CASE_MANY

static void expect_nested(const struct firmware *firmware, const struct made *made)
{
	char sha256[FIRMWARE_SHA256_SIZE];
	struct bundle *bundle = malloc(sizeof(*bundle));

	cache_digest_of(made, sha256);
	ck_assert_str_eq(firmware->sha256, sha256);
	ck_assert_str_eq(firmware->name, "GM02RB6Q_LR8.0.5.13-59577.dup");
	ck_assert_uint_eq(firmware->size, made->length);
	ck_assert_int_eq(firmware->kind, FIRMWARE_BUNDLE);
	ck_assert_str_eq(firmware->source, "upload");
	ck_assert_int_gt(firmware->imported_at, 1600000000);
	ck_assert_str_eq(firmware->facts.family, "monarch1"); /* stated */
	ck_assert_str_eq(firmware->facts.release, "LR8.0.5.13-59577");
	ck_assert_uint_eq(firmware->facts.build, 59577);
	ck_assert_uint_eq(firmware->facts.base_build, 4000000000u); /* stated */
	ck_assert_str_eq(firmware->stated.family, "monarch1");
	ck_assert_str_eq(firmware->stated.release, "");
	ck_assert_uint_eq(firmware->stated.build, 0);

	ck_assert_int_eq(bundle_parse(made->bytes, made->length, bundle, &cache_case.error), 0);
	ck_assert_uint_eq(firmware->bundle->record_count, 6);
	ck_assert_mem_eq(firmware->bundle->records, bundle->records, 6 * sizeof(bundle->records[0]));
	free(bundle);
}

START_TEST(test_round_trip)
{
	const struct firmware_facts stated = {.family = "monarch1", .base_build = 4000000000u};
	struct firmware firmware;
	struct made made = {0};
	char *path;
	FILE *file;
	uint8_t bytes[1024];

	made_nested(&made);
	ck_assert_int_eq(cache_import(&made, "GM02RB6Q_LR8.0.5.13-59577.dup", &stated, &firmware), 0);
	expect_nested(&firmware, &made);
	cache_expect_files(1, 1);
	ck_assert_int_eq(firmware_checked_path(cache_case.store, firmware.sha256, &path, &cache_case.error), 0);
	file = fopen(path, "rb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(bytes, 1, sizeof(bytes), file), made.length);
	ck_assert_mem_eq(bytes, made.bytes, made.length);
	fclose(file);
	free(path);
	firmware_clear(&firmware);

	for (int i = 0; i < 2; i++) { /* as it is in memory, and as the disk tells it */
		ck_assert_int_eq(firmware_find(cache_case.store, "GM02RB6Q_LR8.0.5.13-59577.dup", &firmware, &cache_case.error), 0);
		expect_nested(&firmware, &made);
		firmware_clear(&firmware);
		cache_reopen();
	}
	made_free(&made);
}
END_TEST

START_TEST(test_helpers)
{
	static const struct {
		uint8_t data;
		const char *family;
	} rows[] = {{2, "monarch1"}, {1, "monarch2"}};
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE];

	cache_add_helper(rows[_i].data, "updater.elf", sha256);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(firmware_find(cache_case.store, sha256, &firmware, &cache_case.error), 0);
		ck_assert_int_eq(firmware.kind, FIRMWARE_HELPER);
		ck_assert_str_eq(firmware.facts.family, rows[_i].family);
		ck_assert_str_eq(firmware.stated.family, "");
		ck_assert_ptr_null(firmware.bundle);
		firmware_clear(&firmware);
		cache_reopen();
	}
}
END_TEST

START_TEST(test_name_by_default)
{
	struct firmware firmware;
	struct made made;
	char digits[13];

	cache_make_bundle(&made, "nameless");
	ck_assert_int_eq(cache_import(&made, NULL, NULL, &firmware), 0);
	snprintf(digits, sizeof(digits), "%.12s", firmware.sha256);
	ck_assert_str_eq(firmware.name, digits);
	firmware_clear(&firmware);
	made_free(&made);
}
END_TEST

START_TEST(test_bad_content_leaves_nothing)
{
	static const struct {
		const char *hex;
		enum cache_error_code code;
		const char *begin;
	} rows[] = {
	    {"", CACHE_ERROR_BUNDLE_DAMAGED, "the file is empty"},
	    {"54455354030000000700000001000400060070726f626500464f4f4241520052d86135", CACHE_ERROR_BUNDLE_DAMAGED, "record 1 (TEST), "},
	    {"54455354030000000700000001000400060070726f626500464f4f424152", CACHE_ERROR_BUNDLE_DAMAGED, "record 1 (TEST), "},
	    {"68656c6c6f20776f726c64", CACHE_ERROR_BUNDLE_UNSUPPORTED, "the file is no .dup bundle: begins with 68 65 6c 6c"},
	    {"7f454c46020100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
	     CACHE_ERROR_BUNDLE_UNSUPPORTED, "the ELF file is of class 2"},
	};
	struct firmware firmware;
	struct made made = {0};

	made_add_hex(&made, rows[_i].hex);
	ck_assert_int_eq(cache_import(&made, "bad.dup", NULL, &firmware), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, rows[_i].code);
	ck_assert_msg(strncmp(cache_case.error.message, rows[_i].begin, strlen(rows[_i].begin)) == 0, "%s", cache_case.error.message);
	cache_expect_files(0, 0);
	ck_assert_uint_eq(cache_count_listed(), 0);
	made_free(&made);
}
END_TEST

START_TEST(test_bad_statement_leaves_nothing)
{
	static const char elsewhere[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const struct {
		const char *name;
		struct firmware_facts stated;
		const char *message;
	} rows[] = {
	    {"a/b", {.build = 1}, "name should be 1 to 127 printable characters without a slash, found \"a/b\""},
	    {"", {.build = 1}, "name should be 1 to 127 printable characters without a slash, found \"\""},
	    {"ok", {.family = "monarch"}, "family should be monarch1 or monarch2, found \"monarch\""},
	    {"ok",
	     {.helper = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
	     "helper 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef is not in the cache: add it first"},
	};
	struct firmware firmware;
	struct made made;

	ck_assert_uint_eq(strlen(elsewhere), FIRMWARE_SHA256_SIZE - 1);
	cache_make_bundle(&made, "content");
	cache_expect_error(cache_import(&made, rows[_i].name, &rows[_i].stated, &firmware), CACHE_ERROR_INVALID_REQUEST, rows[_i].message);
	cache_expect_files(0, 0);
	ck_assert_uint_eq(cache_count_listed(), 0);
	made_free(&made);
}
END_TEST

START_TEST(test_helper_of_a_bundle)
{
	struct firmware_facts stated = {.build = 5};
	struct firmware firmware;
	struct made bundle;
	char sha256[FIRMWARE_SHA256_SIZE], other[FIRMWARE_SHA256_SIZE];
	char message[160];

	cache_make_bundle(&bundle, "with helper");
	cache_add_helper(2, "updater.elf", sha256);
	cache_add("another", "another.dup", other);
	strcpy(stated.helper, other);
	snprintf(message, sizeof(message), "helper %.12s (another.dup) is a bundle, not a helper", other);
	cache_expect_error(cache_import(&bundle, "x.dup", &stated, &firmware), CACHE_ERROR_INVALID_REQUEST, message);

	strcpy(stated.helper, sha256);
	ck_assert_int_eq(cache_import(&bundle, "x.dup", &stated, &firmware), 0);
	ck_assert_str_eq(firmware.facts.helper, sha256);
	firmware_clear(&firmware);
	cache_expect_error(firmware_patch(cache_case.store, sha256, NULL, &stated, FACT_HELPER, &firmware, &cache_case.error),
			   CACHE_ERROR_INVALID_REQUEST, "helper is for a bundle, and updater.elf is itself a helper");

	/* A helper that went must not keep the bundle from being read again, or renamed. */
	ck_assert_int_eq(firmware_remove(cache_case.store, sha256, &cache_case.error), 0);
	cache_reopen();
	ck_assert_int_eq(firmware_find(cache_case.store, "x.dup", &firmware, &cache_case.error), 0);
	ck_assert_str_eq(firmware.facts.helper, sha256);
	strcpy(sha256, firmware.sha256);
	firmware_clear(&firmware);
	ck_assert_int_eq(firmware_patch(cache_case.store, sha256, "y.dup", NULL, 0, &firmware, &cache_case.error), 0);
	firmware_clear(&firmware);
	made_free(&bundle);
}
END_TEST

START_TEST(test_same_content_again)
{
	const struct firmware_facts first = {.family = "monarch1", .build = 10};
	const struct firmware_facts second = {.build = 11, .release = "LR1-11", .family = "monarch2"};
	struct firmware before, after;
	struct made made;

	cache_make_bundle(&made, "same");
	ck_assert_int_eq(cache_import(&made, "one.dup", &first, &before), 0);
	ck_assert_int_eq(cache_import(&made, "CATM1-39529.dup", &second, &after), 1);
	for (int i = 0; i < 3; i++) { /* the answer, then memory, then the disk */
		ck_assert_str_eq(after.name, "one.dup");
		ck_assert_str_eq(after.stated.family, "monarch1");
		ck_assert_str_eq(after.facts.family, "monarch1");
		ck_assert_uint_eq(after.stated.build, 10);
		ck_assert_uint_eq(after.facts.build, 10);
		ck_assert_str_eq(after.stated.release, "");
		ck_assert_int_eq(after.imported_at, before.imported_at);
		firmware_clear(&after);
		cache_expect_files(1, 1);
		if (i == 1)
			cache_reopen();
		ck_assert_int_eq(firmware_find(cache_case.store, "one.dup", &after, &cache_case.error), 0);
	}
	firmware_clear(&before);
	firmware_clear(&after);
	made_free(&made);
}
END_TEST

START_TEST(test_abort_leaves_nothing)
{
	struct firmware_import *handle;

	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &handle), 0);
	ck_assert_uint_eq(cache_count_files("incoming"), 1);
	ck_assert_int_eq(firmware_import_append(handle, "PACK", 4, &cache_case.error), 0);
	firmware_import_abort(handle);
	firmware_import_abort(NULL);
	cache_expect_files(0, 0);
}
END_TEST

START_TEST(test_source)
{
	static const struct {
		size_t length;
		char last;
		bool good;
	} rows[] = {{255, 'x', true}, {256, 'x', false}, {10, '\n', false}, {0, '\0', true}};
	struct firmware_import *handle;
	struct firmware firmware;
	struct made made;
	char source[257] = "";
	int r;

	memset(source, 's', rows[_i].length);
	if (rows[_i].length)
		source[rows[_i].length - 1] = rows[_i].last;
	cache_make_bundle(&made, "from afar");
	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &handle), 0);
	ck_assert_int_eq(firmware_import_append(handle, made.bytes, made.length, &cache_case.error), 0);
	r = firmware_import_commit(handle, NULL, NULL, rows[_i].length ? source : NULL, &firmware, &cache_case.error);
	if (rows[_i].good) {
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(firmware.source, source);
		firmware_clear(&firmware);
	} else {
		cache_expect_error(r, CACHE_ERROR_INVALID_REQUEST, "source should be at most 255 printable characters");
	}
	cache_expect_files(rows[_i].good, rows[_i].good);
	made_free(&made);
}
END_TEST

START_TEST(test_too_big)
{
	struct firmware_import *handle;
	struct firmware firmware;
	struct made made;

	cache_make_bundle(&made, "0123456789");
	cache_close();
	cache_open(made.length, MANY);
	ck_assert_int_eq(cache_import(&made, "fits.dup", NULL, &firmware), 0);
	firmware_clear(&firmware);
	made_free(&made);

	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &handle), 0);
	ck_assert_int_eq(firmware_import_append(handle, "0123456789012345678901234567890123456789", 39, &cache_case.error), 0);
	cache_expect_error(firmware_import_append(handle, "xx", 2, &cache_case.error), CACHE_ERROR_BUNDLE_TOO_BIG,
			   "the file is over the limit of 39 bytes (max_size): at least 41 bytes");
	/* Who does not look at that gets no firmware either. */
	cache_expect_error(firmware_import_append(handle, "", 0, &cache_case.error), CACHE_ERROR_BUNDLE_TOO_BIG,
			   "the file is over the limit of 39 bytes (max_size): at least 41 bytes");
	cache_expect_error(firmware_import_commit(handle, "big.dup", NULL, "upload", &firmware, &cache_case.error),
			   CACHE_ERROR_BUNDLE_TOO_BIG, "the file is over the limit of 39 bytes (max_size): at least 41 bytes");
	cache_expect_files(1, 1);
}
END_TEST

START_TEST(test_quota)
{
	struct firmware_import *first, *second;
	struct firmware firmware;
	struct made made, other;
	char sha256[FIRMWARE_SHA256_SIZE];

	cache_make_bundle(&made, "0123456789"); /* 39 bytes */
	cache_make_bundle(&other, "0123456780");
	cache_close();
	cache_open(MANY, 2 * made.length - 1);
	cache_add("0123456789", "first.dup", sha256);
	ck_assert_int_eq(firmware_pin(cache_case.store, sha256), 0);
	cache_expect_error(
	    cache_import(&other, "second.dup", NULL, &firmware), CACHE_ERROR_CACHE_FULL,
	    "no room for 9 more bytes in the quota of 77: jobs need 39 bytes of firmware, and files that are coming in have 30");
	cache_expect_files(1, 1);

	/* What was refused is free again, and so is what no job needs any more. */
	firmware_unpin(cache_case.store, sha256);
	ck_assert_int_eq(cache_import(&other, "second.dup", NULL, &firmware), 0);
	ck_assert_int_eq(firmware_pin(cache_case.store, firmware.sha256), 0);
	firmware_clear(&firmware);
	cache_expect_files(1, 1);

	/* Imports that run at the same time share the room. */
	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &first), 0);
	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &second), 0);
	ck_assert_int_eq(firmware_import_append(first, made.bytes, 30, &cache_case.error), 0);
	cache_expect_error(
	    firmware_import_append(second, made.bytes, 9, &cache_case.error), CACHE_ERROR_CACHE_FULL,
	    "no room for 9 more bytes in the quota of 77: jobs need 39 bytes of firmware, and files that are coming in have 30");
	firmware_import_abort(first);
	firmware_import_abort(second);
	made_free(&made);
	made_free(&other);
}
END_TEST

/* The same content twice counts once. */
START_TEST(test_quota_of_same_content)
{
	struct firmware firmware;
	struct made made;

	cache_make_bundle(&made, "0123456789");
	cache_close();
	cache_open(MANY, 2 * made.length);
	for (int i = 0; i < 4; i++) {
		int r = cache_import(&made, "same.dup", NULL, &firmware);

		ck_assert_msg(r == (i > 0), "%s", cache_case.error.message);
		firmware_clear(&firmware);
	}
	made_free(&made);
}
END_TEST

START_TEST(test_no_file_stays_open)
{
	struct rlimit limit;
	struct firmware firmware;
	struct made made;
	int probes[2] = {dup(0), dup(0)};
	char *path;

	close(probes[0]);
	close(probes[1]);
	limit.rlim_cur = limit.rlim_max = (rlim_t)probes[1] + 2; /* an import has two files open, and one is to spare */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cache_make_bundle(&made, "again and again");
	for (int i = 0; i < 8; i++) {
		int r = cache_import(&made, "again.dup", NULL, &firmware);

		ck_assert_msg(r >= 0, "%s", cache_case.error.message);
		ck_assert_int_eq(firmware_checked_path(cache_case.store, firmware.sha256, &path, &cache_case.error), 0);
		free(path);
		firmware_clear(&firmware);
		made.bytes[made.length - 1] ^= 1;
		ck_assert_int_eq(cache_import(&made, "bad.dup", NULL, &firmware), -EPROTO);
		made.bytes[made.length - 1] ^= 1;
		cache_reopen();
	}
	made_free(&made);
}
END_TEST

#define THREADS 8
#define ROUNDS  6

static struct race {
	pthread_barrier_t ready;
	pthread_mutex_t lock;
	int added;
} race;

static void import_one(const char *text, bool together)
{
	struct firmware_import *handle;
	struct cache_error mine;
	struct firmware firmware;
	struct made made;
	int r;

	cache_make_bundle(&made, text);
	ck_assert_int_eq(firmware_import_begin(cache_case.store, &mine, &handle), 0);
	ck_assert_int_eq(firmware_import_append(handle, made.bytes, made.length, &mine), 0);
	if (together)
		pthread_barrier_wait(&race.ready);
	r = firmware_import_commit(handle, text, NULL, "upload", &firmware, &mine);
	ck_assert_msg(r >= 0, "%s", mine.message);
	firmware_clear(&firmware);
	made_free(&made);
	pthread_mutex_lock(&race.lock);
	race.added += r == 0;
	pthread_mutex_unlock(&race.lock);
}

static void *race_to_import(void *argument)
{
	unsigned number = *(const unsigned *)argument;
	struct cache_error mine;
	struct firmware firmware;
	char same[32], own[32];

	for (unsigned round = 0; round < ROUNDS; round++) {
		char *path;

		snprintf(same, sizeof(same), "same %u", round);
		snprintf(own, sizeof(own), "own %u %u", number, round);
		import_one(same, true);
		import_one(own, false);
		ck_assert_int_eq(firmware_find(cache_case.store, same, &firmware, &mine), 0);
		ck_assert_int_eq(firmware_checked_path(cache_case.store, firmware.sha256, &path, &mine), 0);
		free(path);
		firmware_clear(&firmware);
		ck_assert_int_eq(firmware_find(cache_case.store, own, &firmware, &mine), 0);
		ck_assert_int_eq(firmware_remove(cache_case.store, firmware.sha256, &mine), 0);
		firmware_clear(&firmware);
		cache_count_listed();
	}
	return NULL;
}

START_TEST(test_threads)
{
	pthread_t threads[THREADS];
	unsigned numbers[THREADS];

	pthread_barrier_init(&race.ready, NULL, THREADS);
	pthread_mutex_init(&race.lock, NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, race_to_import, &numbers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(race.added, ROUNDS + THREADS * ROUNDS);
	ck_assert_uint_eq(cache_count_listed(), ROUNDS);
	cache_expect_files(ROUNDS, ROUNDS);
	pthread_barrier_destroy(&race.ready);
	pthread_mutex_destroy(&race.lock);
}
END_TEST

static TCase *new_case(const char *name)
{
	TCase *made = tcase_create(name);

	tcase_add_checked_fixture(made, cache_set_up, cache_tear_down);
	return made;
}

static TCase *import_case(void)
{
	TCase *imports = new_case("import");

	tcase_add_test(imports, test_round_trip);
	tcase_add_loop_test(imports, test_helpers, 0, 2);
	tcase_add_test(imports, test_name_by_default);
	tcase_add_loop_test(imports, test_bad_content_leaves_nothing, 0, 5);
	tcase_add_loop_test(imports, test_bad_statement_leaves_nothing, 0, 4);
	tcase_add_test(imports, test_helper_of_a_bundle);
	tcase_add_test(imports, test_same_content_again);
	tcase_add_test(imports, test_abort_leaves_nothing);
	tcase_add_loop_test(imports, test_source, 0, 4);
	tcase_add_test(imports, test_too_big);
	tcase_add_test(imports, test_quota);
	tcase_add_test(imports, test_quota_of_same_content);
	tcase_add_test(imports, test_no_file_stays_open);
	tcase_add_test(imports, test_threads);
	return imports;
}

int main(void)
{
	Suite *suite = suite_create("firmware_store");

	suite_add_tcase(suite, import_case());
	return suite_run(suite);
}
