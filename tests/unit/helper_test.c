/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/bundle.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define ELF_HEADER_SIZE 52

static enum helper_kind recognise(const uint8_t *bytes, size_t length, struct cache_error *error)
{
	uint8_t *exact = malloc(length ? length : 1);
	enum helper_kind kind;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, bytes, length);
	memset(error, 0x55, sizeof(*error));
	kind = helper_recognise(exact, length, error);
	free(exact);
	return kind;
}

static void make_elf(uint8_t *ret, uint8_t class, uint8_t data, uint8_t machine_high, uint8_t machine_low)
{
	memset(ret, 0, ELF_HEADER_SIZE);
	memcpy(ret, "\177ELF", 4);
	ret[4] = class;
	ret[5] = data;
	ret[6] = 1;
	ret[18] = machine_high;
	ret[19] = machine_low;
}

START_TEST(test_helpers)
{
	uint8_t elf[ELF_HEADER_SIZE];
	struct cache_error error;

	make_elf(elf, 1, 2, 0x00, 0xa7);
	ck_assert_int_eq(recognise(elf, sizeof(elf), &error), HELPER_MONARCH1);
	ck_assert_int_eq(error.code, CACHE_ERROR_NONE);
	make_elf(elf, 1, 1, 0xa7, 0x00);
	ck_assert_int_eq(recognise(elf, sizeof(elf), &error), HELPER_MONARCH2);
	ck_assert_int_eq(error.code, CACHE_ERROR_NONE);
}
END_TEST

START_TEST(test_other_elf)
{
	static const struct {
		uint8_t class, data, high, low;
		const char *message;
	} rows[] = {
	    {2, 1, 0x3e, 0x00, "the ELF file is of class 2, a helper is of class 1 (ELF32)"},
	    {1, 1, 0x28, 0x00, "the ELF file is for machine 0x28, a helper is for machine 0xa7"},
	    {1, 2, 0xa7, 0x00, "the ELF file is for machine 0xa700, a helper is for machine 0xa7"},
	    {1, 1, 0x00, 0xa7, "the ELF file is for machine 0xa700, a helper is for machine 0xa7"},
	    {1, 0, 0x00, 0xa7, "the ELF file has byte order 0, a helper has 1 or 2"},
	};
	uint8_t elf[ELF_HEADER_SIZE];
	struct cache_error error;

	make_elf(elf, rows[_i].class, rows[_i].data, rows[_i].high, rows[_i].low);
	ck_assert_int_eq(recognise(elf, sizeof(elf), &error), HELPER_NONE);
	ck_assert_int_eq(error.code, CACHE_ERROR_BUNDLE_UNSUPPORTED);
	ck_assert_str_eq(error.message, rows[_i].message);
}
END_TEST

START_TEST(test_cut_elf)
{
	uint8_t elf[ELF_HEADER_SIZE];
	struct cache_error error;

	make_elf(elf, 1, 2, 0x00, 0xa7);
	for (size_t length = 4; length < sizeof(elf); length++) {
		ck_assert_int_eq(recognise(elf, length, &error), HELPER_NONE);
		ck_assert_int_eq(error.code, CACHE_ERROR_BUNDLE_DAMAGED);
	}
	ck_assert_str_eq(error.message, "the ELF header should be 52 bytes, the file ends after 51");
}
END_TEST

START_TEST(test_no_elf)
{
	static const char *const files[] = {"", "\177", "\177EL", "PACK and a long rest of a bundle, longer than an ELF header is."};
	struct cache_error error;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		ck_assert_int_eq(recognise((const uint8_t *)files[i], strlen(files[i]), &error), HELPER_NONE);
		ck_assert_int_eq(error.code, CACHE_ERROR_NONE);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("helper");
	TCase *all = tcase_create("all");

	tcase_add_test(all, test_helpers);
	tcase_add_loop_test(all, test_other_elf, 0, 5);
	tcase_add_test(all, test_cut_elf);
	tcase_add_test(all, test_no_elf);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
