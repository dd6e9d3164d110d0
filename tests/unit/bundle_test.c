/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/bundle.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/made_bundle.h"
#include "tests/unit/suite_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define GOLDEN_FLETCHER  "54455354030000000700000001000400060070726f626500464f4f4241520052d86134"
#define GOLDEN_CRC       "54455354030000000700000004000400060070726f626500464f4f42415200edbc1287"
#define GOLDEN_PACK      "5041434b03000000230000000100040011005061636b6564206475702066696c657300" GOLDEN_FLETCHER "bd74966c"
#define GOLDEN_VERSION_1 "544553540100000007000000e3d6a889fa3ba4f3464f4f42415200"

static struct bundle bundle;
static struct cache_error error;

/* In memory of exactly its length, so that the address sanitizer sees the first byte read too far. */
static int parse_length(const struct made *made, size_t length)
{
	uint8_t *exact = malloc(length ? length : 1);
	int r;

	ck_assert_ptr_nonnull(exact);
	if (length)
		memcpy(exact, made->bytes, length);
	memset(&error, 0x55, sizeof(error));
	r = bundle_parse(exact, length, &bundle, &error);
	free(exact);
	ck_assert_int_eq(r, error.code == CACHE_ERROR_NONE ? 0 : -EPROTO);
	return r;
}

static int parse(const struct made *made)
{
	return parse_length(made, made->length);
}

static void expect_error(const struct made *made, enum cache_error_code code, const char *message)
{
	ck_assert_int_eq(parse(made), -EPROTO);
	ck_assert_str_eq(error.message, message);
	ck_assert_int_eq(error.code, code);
}

static void expect_probe(const struct bundle_record *record, unsigned version, uint64_t offset, uint64_t data_offset)
{
	ck_assert_str_eq(record->magic, "TEST");
	ck_assert_uint_eq(record->version, version);
	ck_assert_uint_eq(record->flags, 0);
	ck_assert_uint_eq(record->offset, offset);
	ck_assert_uint_eq(record->data_offset, data_offset);
	ck_assert_uint_eq(record->size, 7);
	ck_assert_int_eq(record->check, BUNDLE_CHECK_GOOD);
	ck_assert_str_eq(record->description, version == 3 ? "probe" : "");
}

START_TEST(test_fletcher_golden)
{
	uint8_t ramp[2048];
	uint8_t ones[1443];

	for (size_t i = 0; i < sizeof(ramp); i++)
		ramp[i] = (uint8_t)i;
	memset(ones, 0xff, sizeof(ones));
	ck_assert_uint_eq(bundle_fletcher32((const uint8_t *)"123456789", 9), 0x09DF09D5);
	ck_assert_uint_eq(bundle_fletcher32((const uint8_t *)"12345678", 8), 0x000AD0D4);
	ck_assert_uint_eq(bundle_fletcher32(ramp, sizeof(ramp)), 0x282E01FE);
	ck_assert_uint_eq(bundle_fletcher32(ones, sizeof(ones)), 0xFF00FF00);
	ck_assert_uint_eq(bundle_fletcher32(NULL, 0), 0xFFFFFFFF);
	/* one reduction is not enough: 0xffff + 0x0001 + 0xffff */
	ck_assert_uint_eq(bundle_fletcher32((const uint8_t[]){0, 1, 0xff, 0xff}, 4), 0x00020001);
}
END_TEST

START_TEST(test_fletcher_long)
{
	struct made made = {0};

	/* The largest words, over many reductions: a sum that passes 32 bits shows here. */
	made_noise(&made, 70001, 7);
	ck_assert_uint_eq(bundle_fletcher32(made.bytes, made.length), made_fletcher(made.bytes, made.length));
	memset(made.bytes, 0xff, made.length);
	for (size_t length = 716; length < 730; length++)
		ck_assert_uint_eq(bundle_fletcher32(made.bytes, length), made_fletcher(made.bytes, length));
	ck_assert_uint_eq(bundle_fletcher32(made.bytes, 70000), made_fletcher(made.bytes, 70000));
	made_free(&made);
}
END_TEST

START_TEST(test_golden_records)
{
	static const struct {
		const char *hex;
		unsigned version, type, signature_size;
		uint64_t data_offset;
	} goldens[] = {
	    {GOLDEN_FLETCHER, 3, BUNDLE_SIGNATURE_FLETCHER32, 4, 24},
	    {GOLDEN_CRC, 3, BUNDLE_SIGNATURE_CRC32, 4, 24},
	    {GOLDEN_VERSION_1, 1, BUNDLE_SIGNATURE_FLETCHER32, 0, 20},
	};
	struct made made = {0};

	made_add_hex(&made, goldens[_i].hex);
	ck_assert_int_eq(parse(&made), 0);
	ck_assert_uint_eq(bundle.record_count, 1);
	expect_probe(&bundle.records[0], goldens[_i].version, 0, goldens[_i].data_offset);
	ck_assert_uint_eq(bundle.records[0].signature_type, goldens[_i].type);
	ck_assert_uint_eq(bundle.records[0].signature_size, goldens[_i].signature_size);
	ck_assert_uint_eq(bundle.records[0].depth, 0);
	made_free(&made);
}
END_TEST

START_TEST(test_golden_pack)
{
	struct made made = {0};

	made_add_hex(&made, GOLDEN_PACK);
	ck_assert_int_eq(parse(&made), 0);
	ck_assert_uint_eq(bundle.record_count, 2);
	ck_assert_str_eq(bundle.records[0].magic, "PACK");
	ck_assert_str_eq(bundle.records[0].description, "Packed dup files");
	ck_assert_uint_eq(bundle.records[0].size, 35);
	ck_assert_uint_eq(bundle.records[0].data_offset, 35);
	ck_assert_int_eq(bundle.records[0].check, BUNDLE_CHECK_GOOD);
	expect_probe(&bundle.records[1], 3, 35, 59);
	ck_assert_uint_eq(bundle.records[1].depth, 1);
	made_free(&made);
}
END_TEST

START_TEST(test_builder_agrees_with_golden)
{
	struct made golden = {0};
	struct made built = {0};
	struct made inside = {0};

	made_add_hex(&golden, GOLDEN_PACK);
	made_record(&inside, "TEST", 3, 1, "probe", "FOOBAR", 7);
	made_pack(&built, &inside);
	ck_assert_uint_eq(golden.length, built.length);
	ck_assert_mem_eq(golden.bytes, built.bytes, built.length);
	made_free(&golden);
	made_free(&built);
	made_free(&inside);
}
END_TEST

START_TEST(test_header_of_real_bundle)
{
	struct made made = {0};

	made_add_hex(&made, "5550475203000000e4d80000010004001800");
	made_add(&made, "bootrom upgrade package", 24);
	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED,
		     "record 1 (UPGR), offset 42: the data should be 55524 bytes from here, found 0 to the end of the file");
	ck_assert_str_eq(error.evidence, "the file has 42 bytes; at offset 42: nothing");
	ck_assert_uint_eq(bundle.records[0].size, 55524);
	ck_assert_uint_eq(bundle.records[0].signature_type, BUNDLE_SIGNATURE_FLETCHER32);
	ck_assert_str_eq(bundle.records[0].description, "bootrom upgrade package");
	/* 55,570 bytes in all, as the real file has */
	ck_assert_uint_eq(bundle.records[0].data_offset + bundle.records[0].size + bundle.records[0].signature_size, 55570);
	made_free(&made);
}
END_TEST

START_TEST(test_nested_is_good)
{
	static const struct {
		const char *magic;
		unsigned version;
	} expected[] = {{"PACK", 3}, {"UPGR", 3}, {"UPGR", 3}, {"SFFF", 2}, {"SUFF", 2}, {"DIFF", 1}};
	struct made made = {0};

	made_nested(&made);
	ck_assert_int_eq(parse(&made), 0);
	ck_assert_uint_eq(bundle.record_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		ck_assert_str_eq(bundle.records[i].magic, expected[i].magic);
		ck_assert_uint_eq(bundle.records[i].version, expected[i].version);
		ck_assert_int_eq(bundle.records[i].check, BUNDLE_CHECK_GOOD);
		ck_assert_uint_eq(bundle.records[i].depth, i > 0);
	}
	made_free(&made);
}
END_TEST

START_TEST(test_description_is_printable)
{
	char *large = malloc(400);
	struct made made = {0};

	ck_assert_ptr_nonnull(large);
	made_record(&made, "TEST", 3, 1,
		    "a\nb\x80"
		    "c\x1b[m",
		    "", 0);
	ck_assert_int_eq(parse(&made), 0);
	ck_assert_str_eq(bundle.records[0].description, "a\\x0ab\\x80c\\x1b[m");
	made_free(&made);

	memset(large, 'd', 400);
	large[399] = '\0';
	made_record(&made, "TEST", 3, 1, large, "", 0);
	ck_assert_int_eq(parse(&made), 0);
	ck_assert_uint_eq(strlen(bundle.records[0].description), sizeof(bundle.records[0].description) - 1);
	memset(large, '\n', 399);
	made_free(&made);
	made_record(&made, "TEST", 3, 1, large, "", 0);
	ck_assert_int_eq(parse(&made), 0);
	ck_assert_uint_eq(strlen(bundle.records[0].description), 31 * 4);
	made_free(&made);
	free(large);
}
END_TEST

START_TEST(test_description_without_nul)
{
	struct made made = {0};

	made_add_hex(&made, "54455354030000000000000000000000050070726f6265");
	ck_assert_int_eq(parse(&made), 0);
	ck_assert_str_eq(bundle.records[0].description, "probe");
	made_free(&made);
}
END_TEST

START_TEST(test_check_names)
{
	ck_assert_str_eq(bundle_check_name(BUNDLE_CHECK_GOOD), "good");
	ck_assert_str_eq(bundle_check_name(BUNDLE_CHECK_NONE), "none");
	ck_assert_str_eq(bundle_check_name(BUNDLE_CHECK_LEFT_TO_MODEM), "left-to-modem");
}
END_TEST

static TCase *good_case(void)
{
	TCase *good = tcase_create("good");

	tcase_add_test(good, test_fletcher_golden);
	tcase_add_test(good, test_fletcher_long);
	tcase_add_loop_test(good, test_golden_records, 0, 3);
	tcase_add_test(good, test_golden_pack);
	tcase_add_test(good, test_builder_agrees_with_golden);
	tcase_add_test(good, test_header_of_real_bundle);
	tcase_add_test(good, test_nested_is_good);
	tcase_add_test(good, test_description_is_printable);
	tcase_add_test(good, test_description_without_nul);
	tcase_add_test(good, test_check_names);
	return good;
}

int main(void)
{
	Suite *suite = suite_create("bundle");

	suite_add_tcase(suite, good_case());
	return suite_run(suite);
}
