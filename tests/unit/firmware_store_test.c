/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cache_case.h"

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
	struct made bundle, helper;
	char sha256[FIRMWARE_SHA256_SIZE], other[FIRMWARE_SHA256_SIZE];
	char message[160];

	cache_make_bundle(&bundle, "with helper");
	cache_make_helper(&helper, 2);
	cache_add_helper(2, "updater.elf", sha256);
	cache_add("another", "another.dup", other);
	strcpy(stated.helper, other);
	snprintf(message, sizeof(message), "helper %.12s (another.dup) is a bundle, not a helper", other);
	cache_expect_error(cache_import(&bundle, "x.dup", &stated, &firmware), CACHE_ERROR_INVALID_REQUEST, message);

	strcpy(stated.helper, sha256);
	ck_assert_int_eq(cache_import(&bundle, "x.dup", &stated, &firmware), 0);
	ck_assert_str_eq(firmware.facts.helper, sha256);
	firmware_clear(&firmware);
	cache_expect_error(cache_import(&helper, NULL, &stated, &firmware), CACHE_ERROR_INVALID_REQUEST,
			   "helper is for a bundle, and updater.elf is itself a helper");

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
	made_free(&helper);
}
END_TEST

START_TEST(test_same_content_again)
{
	const struct firmware_facts first = {.family = "monarch1", .build = 10};
	const struct firmware_facts second = {.build = 11, .release = "LR1-11"};
	struct firmware before, after;
	struct made made;

	cache_make_bundle(&made, "same");
	ck_assert_int_eq(cache_import(&made, "one.dup", &first, &before), 0);
	ck_assert_int_eq(cache_import(&made, NULL, &second, &after), 1);
	ck_assert_str_eq(after.name, "one.dup");
	ck_assert_str_eq(after.stated.family, "monarch1");
	ck_assert_uint_eq(after.stated.build, 11);
	ck_assert_str_eq(after.stated.release, "LR1-11");
	ck_assert_str_eq(after.facts.release, "LR1-11");
	ck_assert_int_eq(after.imported_at, before.imported_at);
	firmware_clear(&after);
	ck_assert_int_eq(cache_import(&made, "CATM1-39529.dup", NULL, &after), 1);
	ck_assert_str_eq(after.name, "CATM1-39529.dup");
	ck_assert_uint_eq(after.facts.build, 11);
	firmware_clear(&after);
	cache_expect_files(1, 1);

	cache_reopen();
	ck_assert_int_eq(firmware_find(cache_case.store, "CATM1-39529.dup", &after, &cache_case.error), 0);
	ck_assert_uint_eq(after.stated.build, 11);
	ck_assert_str_eq(after.stated.family, "monarch1");
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
	cache_expect_files(0, 0);
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
	cache_expect_error(cache_import(&other, "second.dup", NULL, &firmware), CACHE_ERROR_CACHE_FULL,
			   "the cache holds 69 of 77 bytes (quota), no room for 9 more: remove firmware");
	cache_expect_files(1, 1);

	/* What was refused is free again, and so is what was removed. */
	ck_assert_int_eq(firmware_remove(cache_case.store, sha256, &cache_case.error), 0);
	ck_assert_int_eq(cache_import(&other, "second.dup", NULL, &firmware), 0);
	firmware_clear(&firmware);

	/* Imports that run at the same time share the room. */
	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &first), 0);
	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &second), 0);
	ck_assert_int_eq(firmware_import_append(first, made.bytes, 30, &cache_case.error), 0);
	cache_expect_error(firmware_import_append(second, made.bytes, 9, &cache_case.error), CACHE_ERROR_CACHE_FULL,
			   "the cache holds 69 of 77 bytes (quota), no room for 9 more: remove firmware");
	firmware_import_abort(first);
	firmware_import_abort(second);

	/* Objects found at the start count too. */
	cache_close();
	cache_open(MANY, 2 * made.length - 1);
	ck_assert_int_eq(cache_import(&made, "first.dup", NULL, &firmware), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_CACHE_FULL);
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

START_TEST(test_find)
{
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE], reference[FIRMWARE_SHA256_SIZE];
	char message[128];

	cache_add("findable", "find me.dup", sha256);
	for (size_t length = 1; length <= 64; length++) {
		snprintf(reference, sizeof(reference), "%.*s", (int)length, sha256);
		if (length < 6) {
			snprintf(message, sizeof(message), "no firmware \"%s\" in the cache", reference);
			cache_expect_error(firmware_find(cache_case.store, reference, &firmware, &cache_case.error), CACHE_ERROR_NOT_FOUND,
					   message);
			continue;
		}
		ck_assert_int_eq(firmware_find(cache_case.store, reference, &firmware, &cache_case.error), 0);
		ck_assert_str_eq(firmware.sha256, sha256);
		firmware_clear(&firmware);
	}
	ck_assert_int_eq(firmware_find(cache_case.store, "find me.dup", &firmware, &cache_case.error), 0);
	ck_assert_str_eq(firmware.sha256, sha256);
	firmware_clear(&firmware);
	cache_expect_error(firmware_find(cache_case.store, "find me", &firmware, &cache_case.error), CACHE_ERROR_NOT_FOUND,
			   "no firmware \"find me\" in the cache");
	cache_expect_error(firmware_find(cache_case.store, "", &firmware, &cache_case.error), CACHE_ERROR_NOT_FOUND,
			   "no firmware \"\" in the cache");
	cache_expect_error(firmware_find(cache_case.store, "../x\n", &firmware, &cache_case.error), CACHE_ERROR_NOT_FOUND,
			   "no firmware \"../x?\" in the cache");
}
END_TEST

START_TEST(test_ambiguous)
{
	struct firmware firmware;
	char first[FIRMWARE_SHA256_SIZE], second[FIRMWARE_SHA256_SIZE], prefix[9];
	char message[160], candidates[64];

	cache_add("one", "twin.dup", first);
	cache_add("two", "twin.dup", second);
	snprintf(candidates, sizeof(candidates), "%.12s, %.12s", first, second);
	snprintf(message, sizeof(message), "\"twin.dup\" is ambiguous, 2 firmwares are meant: %s", candidates);
	cache_expect_error(firmware_find(cache_case.store, "twin.dup", &firmware, &cache_case.error), CACHE_ERROR_INVALID_REQUEST, message);
	ck_assert_str_eq(cache_case.error.evidence, candidates);

	/* A name that is the prefix of another's digest is as ambiguous, but a whole digest means its content. */
	snprintf(prefix, sizeof(prefix), "%.8s", first);
	ck_assert_int_eq(firmware_patch(cache_case.store, second, prefix, NULL, 0, &firmware, &cache_case.error), 0);
	firmware_clear(&firmware);
	snprintf(message, sizeof(message), "\"%s\" is ambiguous, 2 firmwares are meant: %s", prefix, candidates);
	cache_expect_error(firmware_find(cache_case.store, prefix, &firmware, &cache_case.error), CACHE_ERROR_INVALID_REQUEST, message);
	ck_assert_int_eq(firmware_patch(cache_case.store, second, first, NULL, 0, &firmware, &cache_case.error), 0);
	firmware_clear(&firmware);
	ck_assert_int_eq(firmware_find(cache_case.store, first, &firmware, &cache_case.error), 0);
	ck_assert_str_eq(firmware.sha256, first);
	firmware_clear(&firmware);
}
END_TEST

START_TEST(test_many_ambiguous)
{
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE], text[16];

	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "content %d", i);
		cache_add(text, "same.dup", sha256);
	}
	ck_assert_int_eq(firmware_find(cache_case.store, "same.dup", &firmware, &cache_case.error), -EPROTO);
	ck_assert_uint_eq(strlen(cache_case.error.evidence) % 14, 12);
	ck_assert_ptr_nonnull(strstr(cache_case.error.message, "40 firmwares"));
}
END_TEST

START_TEST(test_list_is_oldest_first)
{
	static const char *const texts[] = {"a", "b", "c", "d", "e", "f"};
	char sha256[COUNT(texts)][FIRMWARE_SHA256_SIZE];
	struct firmware firmware;
	struct firmware *list;
	struct made made;
	size_t count;

	for (size_t i = 0; i < COUNT(texts); i++)
		cache_add(texts[i], texts[i], sha256[i]);
	cache_make_bundle(&made, "a");
	ck_assert_int_eq(cache_import(&made, NULL, NULL, &firmware), 1);
	firmware_clear(&firmware);
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(firmware_list(cache_case.store, &list, &count), 0);
		ck_assert_uint_eq(count, COUNT(texts));
		for (size_t i = 0; i < count; i++)
			ck_assert_str_eq(list[i].sha256, sha256[i]);
		firmware_list_free(list, count);
		cache_reopen();
	}
	made_free(&made);
}
END_TEST

START_TEST(test_patch)
{
	struct firmware_facts facts = {.family = "monarch2", .release = "LR7-70000", .build = 7, .base_build = 8};
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE];

	cache_add("patched", "CATM1-39529.dup", sha256);
	ck_assert_int_eq(
	    firmware_patch(cache_case.store, sha256, NULL, &facts, FACT_FAMILY | FACT_BASE_BUILD, &firmware, &cache_case.error), 0);
	ck_assert_str_eq(firmware.name, "CATM1-39529.dup");
	ck_assert_str_eq(firmware.facts.family, "monarch2");
	ck_assert_uint_eq(firmware.facts.base_build, 8);
	ck_assert_uint_eq(firmware.facts.build, 39529);
	ck_assert_str_eq(firmware.stated.release, "");
	firmware_clear(&firmware);

	facts = (struct firmware_facts){.release = "LR7-70000"};
	ck_assert_int_eq(
	    firmware_patch(cache_case.store, sha256, "renamed.dup", &facts, FACT_FAMILY | FACT_RELEASE, &firmware, &cache_case.error), 0);
	firmware_clear(&firmware);
	cache_reopen();
	ck_assert_int_eq(firmware_find(cache_case.store, "renamed.dup", &firmware, &cache_case.error), 0);
	ck_assert_str_eq(firmware.facts.family, ""); /* cleared, and the new name tells none */
	ck_assert_str_eq(firmware.facts.release, "LR7-70000");
	ck_assert_uint_eq(firmware.facts.build, 70000);
	ck_assert_uint_eq(firmware.facts.base_build, 8);
	firmware_clear(&firmware);
	cache_expect_files(1, 1);
}
END_TEST

START_TEST(test_patch_refused)
{
	struct firmware_facts facts = {.family = "monarch9"};
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE];

	cache_add("unchanged", "name.dup", sha256);
	cache_expect_error(firmware_patch(cache_case.store, sha256, NULL, &facts, FACT_FAMILY, &firmware, &cache_case.error),
			   CACHE_ERROR_INVALID_REQUEST, "family should be monarch1 or monarch2, found \"monarch9\"");
	cache_expect_error(firmware_patch(cache_case.store, sha256, "..", NULL, 0, &firmware, &cache_case.error),
			   CACHE_ERROR_INVALID_REQUEST, "name should be 1 to 127 printable characters without a slash, found \"..\"");
	strcpy(facts.helper, sha256);
	ck_assert_int_eq(firmware_patch(cache_case.store, sha256, NULL, &facts, FACT_HELPER, &firmware, &cache_case.error), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_INVALID_REQUEST);
	cache_expect_error(firmware_patch(cache_case.store, "name.dup", "x", NULL, 0, &firmware, &cache_case.error), CACHE_ERROR_NOT_FOUND,
			   "no firmware \"name.dup\" in the cache");
	/* What is not in the mask is not looked at. */
	ck_assert_int_eq(firmware_patch(cache_case.store, sha256, NULL, &facts, FACT_BUILD, &firmware, &cache_case.error), 0);
	ck_assert_str_eq(firmware.facts.family, "");
	ck_assert_str_eq(firmware.facts.helper, "");
	firmware_clear(&firmware);
}
END_TEST

START_TEST(test_remove_and_pins)
{
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE], kept[FIRMWARE_SHA256_SIZE];
	char message[128];

	cache_add("to be removed", "gone.dup", sha256);
	cache_add("to be kept", "kept.dup", kept);
	ck_assert_int_eq(firmware_pin(cache_case.store, sha256), 0);
	ck_assert_int_eq(firmware_pin(cache_case.store, sha256), 0);
	ck_assert_int_eq(firmware_pin(cache_case.store, "gone.dup"), -ENOENT);
	snprintf(message, sizeof(message), "firmware %.12s (gone.dup) is needed by a job", sha256);
	cache_expect_error(firmware_remove(cache_case.store, sha256, &cache_case.error), CACHE_ERROR_IN_USE, message);
	firmware_unpin(cache_case.store, sha256);
	cache_expect_error(firmware_remove(cache_case.store, sha256, &cache_case.error), CACHE_ERROR_IN_USE, message);
	firmware_unpin(cache_case.store, sha256);
	firmware_unpin(cache_case.store, sha256); /* one too many does no harm */
	cache_expect_files(2, 2);
	ck_assert_int_eq(firmware_remove(cache_case.store, sha256, &cache_case.error), 0);
	cache_expect_files(1, 1);
	ck_assert_int_eq(firmware_remove(cache_case.store, sha256, &cache_case.error), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_NOT_FOUND);
	ck_assert_int_eq(firmware_pin(cache_case.store, sha256), -ENOENT);
	cache_reopen();
	ck_assert_uint_eq(cache_count_listed(), 1);
	ck_assert_int_eq(firmware_find(cache_case.store, kept, &firmware, &cache_case.error), 0);
	firmware_clear(&firmware);
}
END_TEST

/* An import of the same content keeps the pins of running jobs. */
START_TEST(test_pins_survive_import)
{
	struct firmware firmware;
	struct made made;
	char sha256[FIRMWARE_SHA256_SIZE];

	cache_add("pinned", "pinned.dup", sha256);
	ck_assert_int_eq(firmware_pin(cache_case.store, sha256), 0);
	cache_make_bundle(&made, "pinned");
	ck_assert_int_eq(cache_import(&made, NULL, NULL, &firmware), 1);
	firmware_clear(&firmware);
	ck_assert_int_eq(firmware_patch(cache_case.store, sha256, "other.dup", NULL, 0, &firmware, &cache_case.error), 0);
	firmware_clear(&firmware);
	ck_assert_int_eq(firmware_remove(cache_case.store, sha256, &cache_case.error), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_IN_USE);
	made_free(&made);
}
END_TEST

#define THREADS 8
#define ROUNDS  6

static struct {
	pthread_barrier_t start;
	struct made same;
	int added;
	pthread_mutex_t lock;
} race;

static void import_one(const struct made *made, const char *name)
{
	struct firmware_import *handle;
	struct cache_error mine;
	struct firmware firmware;
	int r;

	ck_assert_int_eq(firmware_import_begin(cache_case.store, &mine, &handle), 0);
	ck_assert_int_eq(firmware_import_append(handle, made->bytes, made->length, &mine), 0);
	r = firmware_import_commit(handle, name, NULL, "upload", &firmware, &mine);
	ck_assert_msg(r >= 0, "%s", mine.message);
	firmware_clear(&firmware);
	pthread_mutex_lock(&race.lock);
	race.added += r == 0;
	pthread_mutex_unlock(&race.lock);
}

static void *race_to_import(void *argument)
{
	unsigned number = *(const unsigned *)argument;
	struct cache_error mine;
	struct firmware firmware;
	char name[32];

	pthread_barrier_wait(&race.start);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct made own;
		char *path;

		snprintf(name, sizeof(name), "own %u %u", number, round);
		cache_make_bundle(&own, name);
		import_one(&race.same, "same.dup");
		import_one(&own, name);
		ck_assert_int_eq(firmware_find(cache_case.store, "same.dup", &firmware, &mine), 0);
		ck_assert_int_eq(firmware_checked_path(cache_case.store, firmware.sha256, &path, &mine), 0);
		free(path);
		firmware_clear(&firmware);
		ck_assert_int_eq(firmware_find(cache_case.store, name, &firmware, &mine), 0);
		ck_assert_int_eq(firmware_remove(cache_case.store, firmware.sha256, &mine), 0);
		firmware_clear(&firmware);
		cache_count_listed();
		made_free(&own);
	}
	return NULL;
}

START_TEST(test_threads)
{
	pthread_t threads[THREADS];
	unsigned numbers[THREADS];

	cache_make_bundle(&race.same, "the same for all");
	pthread_barrier_init(&race.start, NULL, THREADS);
	pthread_mutex_init(&race.lock, NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, race_to_import, &numbers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(race.added, 1 + THREADS * ROUNDS);
	ck_assert_uint_eq(cache_count_listed(), 1);
	cache_expect_files(1, 1);
	made_free(&race.same);
	pthread_barrier_destroy(&race.start);
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
	tcase_add_test(imports, test_too_big);
	tcase_add_test(imports, test_quota);
	tcase_add_test(imports, test_quota_of_same_content);
	tcase_add_test(imports, test_threads);
	return imports;
}

static TCase *index_case(void)
{
	TCase *index = new_case("index");

	tcase_add_test(index, test_find);
	tcase_add_test(index, test_ambiguous);
	tcase_add_test(index, test_many_ambiguous);
	tcase_add_test(index, test_list_is_oldest_first);
	tcase_add_test(index, test_patch);
	tcase_add_test(index, test_patch_refused);
	tcase_add_test(index, test_remove_and_pins);
	tcase_add_test(index, test_pins_survive_import);
	return index;
}

int main(void)
{
	Suite *suite = suite_create("firmware_store");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, import_case());
	suite_add_tcase(suite, index_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
