/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/cache_case.h"
#include "tests/unit/suite_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

	cache_add("other", "other.dup", first);
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

static TCase *new_case(const char *name)
{
	TCase *made = tcase_create(name);

	tcase_add_checked_fixture(made, cache_set_up, cache_tear_down);
	return made;
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
	Suite *suite = suite_create("firmware_index");

	suite_add_tcase(suite, index_case());
	return suite_run(suite);
}
