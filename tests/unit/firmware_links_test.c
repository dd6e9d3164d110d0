/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware-cache/store.h"
#include "tests/unit/cache_case.h"
#include "tests/unit/suite_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct firmware found;
static char first[FIRMWARE_SHA256_SIZE], second[FIRMWARE_SHA256_SIZE];

static const struct firmware *find(const char *reference)
{
	firmware_clear(&found);
	ck_assert_int_eq(firmware_find(cache_case.store, reference, &found, &cache_case.error), 0);
	return &found;
}

static void expect_pair(const char *reference, unsigned part, const char *partner, const char *second_sha256)
{
	const struct firmware *firmware = find(reference);

	ck_assert_uint_eq(firmware->pair_part, part);
	ck_assert_str_eq(firmware->partner, partner);
	ck_assert_str_eq(firmware->facts.second, second_sha256);
	ck_assert_int_eq(firmware->kind, FIRMWARE_BUNDLE);
}

static int state_second(const char *of, const char *as)
{
	struct firmware_facts stated = {0};
	struct firmware patched;
	int r;

	strcpy(stated.second, as);
	r = firmware_patch(cache_case.store, of, NULL, &stated, FACT_SECOND, &patched, &cache_case.error);
	if (r == 0)
		firmware_clear(&patched);
	return r;
}

START_TEST(test_pair_found_by_name)
{
	struct firmware *list;
	size_t count;

	cache_add("one", "CATM1-5.2-48829-1.dup", first);
	expect_pair(first, 1, "CATM1-5.2-48829-2.dup", ""); /* not there yet */
	cache_add("two", "CATM1-5.2-48829-2.dup", second);
	for (int i = 0; i < 2; i++) {
		expect_pair(first, 1, "CATM1-5.2-48829-2.dup", second);
		expect_pair(second, 2, "CATM1-5.2-48829-1.dup", "");
		ck_assert_uint_eq(find(second)->facts.build, 48829);
		ck_assert_str_eq(find(first)->stated.second, "");
		cache_reopen();
	}
	ck_assert_int_eq(firmware_list(cache_case.store, &list, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(list[0].facts.second, second);
	ck_assert_uint_eq(list[1].pair_part, 2);
	firmware_list_free(list, count);
	ck_assert_int_eq(firmware_remove(cache_case.store, second, &cache_case.error), 0);
	expect_pair(first, 1, "CATM1-5.2-48829-2.dup", "");
}
END_TEST

START_TEST(test_second_alone_names_the_first)
{
	cache_add("two", "CATM1-5.2-48829-2.dup", second);
	expect_pair(second, 2, "CATM1-5.2-48829-1.dup", "");
}
END_TEST

START_TEST(test_answer_of_an_import_tells_the_pair)
{
	struct firmware firmware;
	struct made made;

	cache_add("two", "CATM1-5.2-48829-2.dup", second);
	cache_make_bundle(&made, "one");
	ck_assert_int_eq(cache_import(&made, "CATM1-5.2-48829-1.dup", NULL, &firmware), 0);
	ck_assert_str_eq(firmware.facts.second, second);
	ck_assert_uint_eq(firmware.pair_part, 1);
	firmware_clear(&firmware);
	made_free(&made);
}
END_TEST

START_TEST(test_two_of_that_name_are_no_answer)
{
	cache_add("one", "CATM1-5.2-48829-1.dup", first);
	cache_add("two", "CATM1-5.2-48829-2.dup", second);
	cache_add("three", "CATM1-5.2-48829-2.dup", second);
	expect_pair(first, 1, "CATM1-5.2-48829-2.dup", "");
	ck_assert_int_eq(state_second(first, second), 0);
	expect_pair(first, 1, "CATM1-5.2-48829-2.dup", second);
}
END_TEST

START_TEST(test_other_family_is_no_pair)
{
	const struct firmware_facts stated = {.family = "monarch2"};
	struct firmware patched;

	cache_add("one", "CATM1-5.2-48829-1.dup", first);
	cache_add("two", "CATM1-5.2-48829-2.dup", second);
	ck_assert_int_eq(firmware_patch(cache_case.store, second, NULL, &stated, FACT_FAMILY, &patched, &cache_case.error), 0);
	ck_assert_uint_eq(patched.pair_part, 2);
	firmware_clear(&patched);
	expect_pair(first, 1, "CATM1-5.2-48829-2.dup", "");
	cache_expect_error(state_second(first, second), CACHE_ERROR_WRONG_FAMILY,
			   "CATM1-5.2-48829-1.dup is for monarch1 and CATM1-5.2-48829-2.dup for monarch2: they are no pair");
}
END_TEST

START_TEST(test_pair_as_stated)
{
	cache_add("one", "begin.dup", first);
	cache_add("two", "end.dup", second);
	expect_pair(first, 0, "", "");
	ck_assert_int_eq(state_second(first, second), 0);
	for (int i = 0; i < 2; i++) {
		expect_pair(first, 1, "end.dup", second);
		expect_pair(second, 2, "begin.dup", "");
		cache_reopen();
	}
	/* The statement outlives the file. */
	ck_assert_int_eq(firmware_remove(cache_case.store, second, &cache_case.error), 0);
	expect_pair(first, 1, "", second);
	ck_assert_int_eq(state_second(first, ""), 0);
	expect_pair(first, 0, "", "");
}
END_TEST

START_TEST(test_statements_that_make_no_pair)
{
	static const struct {
		const char *of, *as, *message;
	} rows[] = {
	    {"updater.elf", "plain.dup", "second is for a bundle, and updater.elf is a helper"},
	    {"plain.dup", "updater.elf", "second updater.elf is a helper, not a bundle"},
	    {"plain.dup", "plain.dup", "plain.dup cannot be its own second file"},
	    {"X-11111-2.dup", "plain.dup", "X-11111-2.dup is itself the second file of a pair, after X-11111-1.dup"},
	    {"plain.dup", "X-11111-1.dup", "X-11111-1.dup is the first file of a pair and cannot be a second one"},
	    {"X-11111-1.dup", "X-22222-2.dup",
	     "X-11111-1.dup and X-22222-2.dup are of different pairs: X-11111-1.dup goes with X-11111-2.dup"},
	    {"end.dup", "plain.dup", "end.dup is itself the second file of a pair, after begin.dup"},
	    {"plain.dup", "begin.dup", "begin.dup is the first file of a pair and cannot be a second one"},
	};
	static const char *const bundles[] = {"plain.dup", "X-11111-1.dup", "X-11111-2.dup", "X-22222-2.dup", "begin.dup", "end.dup"};
	char sha256[FIRMWARE_SHA256_SIZE], elf[FIRMWARE_SHA256_SIZE];

	ck_assert_uint_eq(COUNT(rows), 8);
	cache_add_helper(2, "updater.elf", elf);
	for (size_t i = 0; i < COUNT(bundles); i++)
		cache_add(bundles[i], bundles[i], sha256);
	strcpy(first, find("begin.dup")->sha256);
	ck_assert_int_eq(state_second(first, find("end.dup")->sha256), 0);
	strcpy(first, find(rows[_i].of)->sha256);
	cache_expect_error(state_second(first, find(rows[_i].as)->sha256), CACHE_ERROR_INVALID_REQUEST, rows[_i].message);
}
END_TEST

START_TEST(test_second_that_is_not_there)
{
	struct firmware_facts stated = {.second = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
	struct firmware firmware;
	struct made made;

	cache_make_bundle(&made, "one");
	cache_expect_error(cache_import(&made, "x.dup", &stated, &firmware), CACHE_ERROR_INVALID_REQUEST,
			   "second 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef is not in the cache: add it first");
	cache_expect_files(0, 0);
	made_free(&made);
}
END_TEST

START_TEST(test_helper_of_the_other_family)
{
	struct firmware_facts stated = {.family = "monarch2"};
	struct firmware firmware;
	struct made made;

	cache_add_helper(2, "updater.elf", stated.helper); /* big-endian: Monarch 1 */
	cache_make_bundle(&made, "one");
	cache_expect_error(cache_import(&made, "x.dup", &stated, &firmware), CACHE_ERROR_HELPER_MISMATCH,
			   "the helper updater.elf is for monarch1 by its byte order and the bundle x.dup for monarch2");
	cache_expect_files(1, 1);
	strcpy(stated.family, "monarch1");
	ck_assert_int_eq(cache_import(&made, "x.dup", &stated, &firmware), 0);
	firmware_clear(&firmware);
	made_free(&made);
}
END_TEST

START_TEST(test_family_of_a_helper_is_its_byte_order)
{
	const struct firmware_facts other = {.family = "monarch2"}, own = {.family = "monarch1"};
	struct firmware patched;

	cache_add_helper(2, "GM02RB6Q.elf", first); /* big-endian, whatever its name says */
	ck_assert_str_eq(find(first)->facts.family, "monarch1");
	cache_expect_error(firmware_patch(cache_case.store, first, NULL, &other, FACT_FAMILY, &patched, &cache_case.error),
			   CACHE_ERROR_HELPER_MISMATCH, "the helper GM02RB6Q.elf is for monarch1 by its byte order, not for monarch2");
	ck_assert_int_eq(firmware_patch(cache_case.store, first, NULL, &own, FACT_FAMILY, &patched, &cache_case.error), 0);
	firmware_clear(&patched);
	cache_reopen();
	ck_assert_str_eq(find(first)->facts.family, "monarch1");
}
END_TEST

START_TEST(test_stated_build_and_release_of_a_patch)
{
	const struct firmware_facts release = {.release = "LR5.1.1.0-39529"}, build = {.build = 38638};
	struct firmware patched;

	cache_add("one", "x.dup", first);
	ck_assert_int_eq(firmware_patch(cache_case.store, first, NULL, &release, FACT_RELEASE, &patched, &cache_case.error), 0);
	firmware_clear(&patched);
	cache_expect_error(firmware_patch(cache_case.store, first, NULL, &build, FACT_BUILD, &patched, &cache_case.error),
			   CACHE_ERROR_INVALID_REQUEST, "the stated build 38638 contradicts the stated release LR5.1.1.0-39529");
	ck_assert_uint_eq(find(first)->facts.build, 39529);
}
END_TEST

/* protocol.md 5: the package of 55,570 bytes is its header of 18, 24 of description, 55,524 of data, 4 of checksum. */
START_TEST(test_boot_rom_package)
{
	struct made inside = {0}, made = {0};
	uint8_t *rom = calloc(1, 55524);
	uint64_t offset = 0, length = 0;
	struct firmware firmware;

	ck_assert_ptr_nonnull(rom);
	made_record(&inside, "UPGR", 3, 1, "bootrom upgrade package", rom, 55524);
	ck_assert_uint_eq(inside.length, 55570);
	ck_assert_int_eq(cache_import(&inside, "bootrom.dup", NULL, &firmware), 0);
	ck_assert(!firmware_boot_rom(&firmware, &offset, &length)); /* it is the whole file */
	firmware_clear(&firmware);

	made_record(&inside, "UPGR", 3, 1, "fff upgrade package", "fff", 3);
	made_pack(&made, &inside);
	ck_assert_int_eq(cache_import(&made, "whole.dup", NULL, &firmware), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert(firmware_boot_rom(&firmware, &offset, &length));
		ck_assert_uint_eq(offset, 35);
		ck_assert_uint_eq(length, 55570);
		ck_assert_mem_eq(made.bytes + offset, inside.bytes, length);
		firmware_clear(&firmware);
		cache_reopen();
		ck_assert_int_eq(firmware_find(cache_case.store, "whole.dup", &firmware, &cache_case.error), 0);
	}
	strcpy(firmware.bundle->records[1].magic, "TEST");
	ck_assert(!firmware_boot_rom(&firmware, &offset, &length));
	strcpy(firmware.bundle->records[1].magic, "UPGR");
	strcpy(firmware.bundle->records[1].description, "updater upgrade package");
	ck_assert(!firmware_boot_rom(&firmware, &offset, &length));
	firmware_clear(&firmware);
	free(rom);
	made_free(&inside);
	made_free(&made);
}
END_TEST

static void tear_down(void)
{
	firmware_clear(&found);
	cache_tear_down();
}

int main(void)
{
	Suite *suite = suite_create("firmware_links");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, cache_set_up, tear_down);
	tcase_set_timeout(all, 30);
	tcase_add_test(all, test_pair_found_by_name);
	tcase_add_test(all, test_second_alone_names_the_first);
	tcase_add_test(all, test_answer_of_an_import_tells_the_pair);
	tcase_add_test(all, test_two_of_that_name_are_no_answer);
	tcase_add_test(all, test_other_family_is_no_pair);
	tcase_add_test(all, test_pair_as_stated);
	tcase_add_loop_test(all, test_statements_that_make_no_pair, 0, 8);
	tcase_add_test(all, test_second_that_is_not_there);
	tcase_add_test(all, test_helper_of_the_other_family);
	tcase_add_test(all, test_family_of_a_helper_is_its_byte_order);
	tcase_add_test(all, test_stated_build_and_release_of_a_patch);
	tcase_add_test(all, test_boot_rom_package);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
