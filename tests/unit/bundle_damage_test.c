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

static void expect_begin(const struct made *made, enum cache_error_code code, const char *begin)
{
	ck_assert_int_eq(parse(made), -EPROTO);
	ck_assert_msg(strncmp(error.message, begin, strlen(begin)) == 0, "%s", error.message);
	ck_assert_int_eq(error.code, code);
}

START_TEST(test_cut_anywhere)
{
	struct made made = {0};

	made_nested(&made);
	for (size_t length = 0; length < made.length; length++) {
		ck_assert_msg(parse_length(&made, length) < 0, "cut to %zu bytes", length);
		ck_assert_msg(error.code == CACHE_ERROR_BUNDLE_DAMAGED, "cut to %zu bytes: %s", length, error.message);
	}
	made_free(&made);
}
END_TEST

START_TEST(test_cut_is_told)
{
	static const struct {
		size_t length;
		const char *message;
	} rows[] = {
	    {3, "record 1, offset 0: the magic of a record should be 4 bytes from here, found 3 to the end of the file"},
	    {4, "record 1 (TEST), offset 4: a field of the header should be 2 bytes from here, found 0 to the end of the file"},
	    {15, "record 1 (TEST), offset 14: a field of the header should be 2 bytes from here, found 1 to the end of the file"},
	    {20, "record 1 (TEST), offset 18: the description should be 6 bytes from here, found 2 to the end of the file"},
	    {30, "record 1 (TEST), offset 24: the data should be 7 bytes from here, found 6 to the end of the file"},
	    {34, "record 1 (TEST), offset 31: the signature should be 4 bytes from here, found 3 to the end of the file"},
	};
	struct made made = {0};

	made_add_hex(&made, GOLDEN_FLETCHER);
	made.length = rows[_i].length;
	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED, rows[_i].message);
	made_free(&made);
}
END_TEST

START_TEST(test_any_flipped_bit)
{
	struct made made = {0};

	made_nested(&made);
	for (size_t bit = 0; bit < made.length * 8; bit++) {
		made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_msg(parse(&made) < 0, "byte %zu, bit %zu", bit / 8, bit % 8);
		/* What breaks inside a PACK is damage, also where it looks like something new. */
		if (bit / 8 >= 35)
			ck_assert_msg(error.code == CACHE_ERROR_BUNDLE_DAMAGED, "byte %zu: %s", bit / 8, error.message);
		made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_int_eq(parse(&made), 0);
	made_free(&made);
}
END_TEST

START_TEST(test_any_flipped_bit_alone)
{
	static const struct {
		unsigned version, type;
	} kinds[] = {{1, 0}, {2, 1}, {2, 4}, {3, 1}, {3, 4}};
	struct made made = {0};

	made_record(&made, "UPGR", kinds[_i].version, kinds[_i].type, "alone", "payload", 7);
	ck_assert_int_eq(parse(&made), 0);
	for (size_t bit = 0; bit < made.length * 8; bit++) {
		made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_msg(parse(&made) < 0, "byte %zu, bit %zu", bit / 8, bit % 8);
		made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	made_free(&made);
}
END_TEST

START_TEST(test_message_names_the_place)
{
	struct made made = {0};

	made_add_hex(&made, GOLDEN_PACK);
	made.bytes[59] ^= 0x01; /* 'F' of FOOBAR */
	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED,
		     "record 2 (TEST) inside record 1 (PACK), offset 66: the Fletcher-32 should be 0x3861d952 for these bytes, found "
		     "0x3461d852");
	ck_assert_str_eq(error.evidence, "the file has 74 bytes; at offset 66: 52 d8 61 34 bd 74 96 6c");
	made_free(&made);
}
END_TEST

START_TEST(test_message_of_each_checksum)
{
	static const struct {
		const char *hex;
		size_t byte;
		const char *begin;
	} rows[] = {
	    {GOLDEN_CRC, 25, "record 1 (TEST), offset 31: the CRC-32 should be 0x"},
	    {GOLDEN_VERSION_1, 20, "record 1 (TEST), offset 12: the checksum of the data should be 0x"},
	    {GOLDEN_VERSION_1, 7, "record 1 (TEST), offset 16: the checksum of the header should be 0x"},
	    {GOLDEN_PACK, 20, "record 1 (PACK), offset 70: the Fletcher-32 should be 0x"},
	};
	struct made made = {0};

	made_add_hex(&made, rows[_i].hex);
	made.bytes[rows[_i].byte] ^= 0x10;
	expect_begin(&made, CACHE_ERROR_BUNDLE_DAMAGED, rows[_i].begin);
	made_free(&made);
}
END_TEST

static void poke_u32(struct made *made, size_t at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		made->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

START_TEST(test_size_that_lies)
{
	static const uint32_t sizes[] = {0, 1, 6, 8, 9, 12, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffe, 0xffffffff};
	static const char *const goldens[] = {GOLDEN_FLETCHER, GOLDEN_CRC, GOLDEN_VERSION_1, GOLDEN_PACK};

	for (size_t i = 0; i < COUNT(goldens); i++) {
		struct made made = {0};

		made_add_hex(&made, goldens[i]);
		poke_u32(&made, 8, sizes[_i]);
		ck_assert_int_eq(parse(&made), -EPROTO);
		ck_assert_int_eq(error.code, CACHE_ERROR_BUNDLE_DAMAGED);
		made_free(&made);
	}
}
END_TEST

START_TEST(test_size_that_lies_is_told)
{
	struct made made = {0};

	made_add_hex(&made, GOLDEN_PACK);
	poke_u32(&made, 35 + 8, 0xffffffff);
	expect_error(
	    &made, CACHE_ERROR_BUNDLE_DAMAGED,
	    "record 2 (TEST) inside record 1 (PACK), offset 59: the data should be 4294967295 bytes from here, found 11 to the end of "
	    "the PACK around it");
	poke_u32(&made, 8, 0xffffffff);
	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED,
		     "record 1 (PACK), offset 35: the data should be 4294967295 bytes from here, found 39 to the end of the file");
	made_free(&made);
}
END_TEST

/* A size whose header checksum is right must still not lead outside. */
START_TEST(test_size_that_lies_with_good_header)
{
	struct made made = {0};

	made_add_hex(&made, GOLDEN_VERSION_1);
	poke_u32(&made, 8, 0xfffffff0);
	poke_u32(&made, 16, 0);
	poke_u32(&made, 16, made_fletcher(made.bytes, 20));
	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED,
		     "record 1 (TEST), offset 20: the data should be 4294967280 bytes from here, found 7 to the end of the file");
	made_free(&made);
}
END_TEST

START_TEST(test_other_sizes_that_lie)
{
	struct made made = {0};

	made_add_hex(&made, GOLDEN_FLETCHER);
	made.bytes[16] = 0xff;
	made.bytes[17] = 0xff;
	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED,
		     "record 1 (TEST), offset 18: the description should be 65535 bytes from here, found 17 to the end of the file");
	made.bytes[14] = 5;
	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED,
		     "record 1 (TEST), offset 14: the size of a signature of type Fletcher-32 should be 4, found 5");
	made_free(&made);
}
END_TEST

START_TEST(test_signature_sizes)
{
	static const struct {
		uint8_t type;
		uint16_t size;
		const char *message; /* NULL: fine */
		enum bundle_check check;
	} rows[] = {
	    {0, 0, NULL, BUNDLE_CHECK_NONE},
	    {0, 4, "record 1 (TEST), offset 14: the size of a signature of type none should be 0, found 4", BUNDLE_CHECK_NONE},
	    {1, 0, "record 1 (TEST), offset 14: the size of a signature of type Fletcher-32 should be 4, found 0", BUNDLE_CHECK_NONE},
	    {2, 64, NULL, BUNDLE_CHECK_LEFT_TO_MODEM},
	    {2, 71, NULL, BUNDLE_CHECK_LEFT_TO_MODEM},
	    {2, 0, "record 1 (TEST), offset 14: the size of a signature of type ECDSA-256 should be 1, found 0", BUNDLE_CHECK_NONE},
	    {3, 256, NULL, BUNDLE_CHECK_LEFT_TO_MODEM},
	    {3, 255, "record 1 (TEST), offset 14: the size of a signature of type RSA-SHA256 should be 256, found 255", BUNDLE_CHECK_NONE},
	    {4, 2, "record 1 (TEST), offset 14: the size of a signature of type CRC-32 should be 4, found 2", BUNDLE_CHECK_NONE},
	};
	uint8_t signature[256] = {0};
	struct made made = {0};

	made_add_hex(&made, "54455354030000000700000000000000060070726f626500464f4f42415200");
	made.bytes[12] = rows[_i].type;
	made.bytes[14] = (uint8_t)rows[_i].size;
	made.bytes[15] = (uint8_t)(rows[_i].size >> 8);
	made_add(&made, signature, rows[_i].size);
	if (rows[_i].message) {
		expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED, rows[_i].message);
	} else {
		ck_assert_int_eq(parse(&made), 0);
		ck_assert_int_eq(bundle.records[0].check, rows[_i].check);
		ck_assert_uint_eq(bundle.records[0].signature_size, rows[_i].size);
	}
	made_free(&made);
}
END_TEST

#define EXPECTED_MAGICS "expected PACK, UPGR, SFFF, SUFF, DIFF, RASR or TEST"

START_TEST(test_unknown_kinds)
{
	static const struct {
		size_t byte;
		uint8_t value;
		const char *message;
	} rows[] = {
	    {3, 'X', "record 1, offset 0: unknown magic 54 45 53 58 (\"TESX\"), " EXPECTED_MAGICS},
	    {4, 0, "record 1 (TEST), offset 4: unknown record version 0, expected 1, 2 or 3"},
	    {4, 4, "record 1 (TEST), offset 4: unknown record version 4, expected 1, 2 or 3"},
	    {5, 1, "record 1 (TEST), offset 4: unknown record version 259, expected 1, 2 or 3"},
	    {12, 5, "record 1 (TEST), offset 12: unknown signature type 5, expected 0 to 4"},
	    {13, 1, "record 1 (TEST), offset 12: unknown signature type 257, expected 0 to 4"},
	};
	struct made made = {0};

	made_add_hex(&made, GOLDEN_FLETCHER);
	made.bytes[rows[_i].byte] = rows[_i].value;
	expect_error(&made, CACHE_ERROR_BUNDLE_UNSUPPORTED, rows[_i].message);
	made_free(&made);
}
END_TEST

START_TEST(test_unknown_magic_inside)
{
	struct made inside = {0};
	struct made made = {0};

	made_record(&inside, "UPGR", 3, 1, "first", "data", 4);
	made_record(&inside, "NEW2", 3, 1, "second", "data", 4);
	made_pack(&made, &inside);
	expect_error(&made, CACHE_ERROR_BUNDLE_UNSUPPORTED,
		     "record 3 inside record 1 (PACK), offset 67: unknown magic 4e 45 57 32 (\"NEW2\"), " EXPECTED_MAGICS);
	/* The same with a wrong checksum around it is damage. */
	made.bytes[made.length - 1] ^= 1;
	ck_assert_int_eq(parse(&made), -EPROTO);
	ck_assert_int_eq(error.code, CACHE_ERROR_BUNDLE_DAMAGED);
	made_free(&inside);
	made_free(&made);
}
END_TEST

START_TEST(test_no_bundle)
{
	static const struct {
		const char *bytes;
		const char *message;
	} rows[] = {
	    {"<!DOCTYPE html>", "the file is no .dup bundle: begins with 3c 21 44 4f (\"<!DO\") (a web page), " EXPECTED_MAGICS},
	    {"PK\003\004 and more",
	     "the file is no .dup bundle: begins with 50 4b 03 04 (\"PK..\") (a ZIP archive, to be unpacked first), " EXPECTED_MAGICS},
	    {"\037\213\010 and more",
	     "the file is no .dup bundle: begins with 1f 8b 08 20 (\"... \") (a gzip file, to be unpacked first), " EXPECTED_MAGICS},
	    {"HELLO, WORLD", "the file is no .dup bundle: begins with 48 45 4c 4c (\"HELL\"), " EXPECTED_MAGICS},
	};
	struct made made = {0};

	made_add(&made, rows[_i].bytes, strlen(rows[_i].bytes));
	expect_error(&made, CACHE_ERROR_BUNDLE_UNSUPPORTED, rows[_i].message);
	ck_assert_ptr_nonnull(strstr(error.evidence, "bytes; at offset 0: "));
	made_free(&made);
}
END_TEST

/* What is no magic is no bundle, whatever follows. */
START_TEST(test_no_magic)
{
	struct made made = {0};

	made_add_hex(&made, GOLDEN_FLETCHER);
	made.bytes[0] = 't';
	expect_error(&made, CACHE_ERROR_BUNDLE_UNSUPPORTED,
		     "the file is no .dup bundle: begins with 74 45 53 54 (\"tEST\"), " EXPECTED_MAGICS);
	made_free(&made);
}
END_TEST

START_TEST(test_empty_and_tiny)
{
	struct made made = {0};

	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED, "the file is empty");
	made_add(&made, "PA", 2);
	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED,
		     "record 1, offset 0: the magic of a record should be 4 bytes from here, found 2 to the end of the file");
	made_free(&made);
}
END_TEST

START_TEST(test_bytes_after_the_end)
{
	static const uint8_t zeros[16];
	struct made made = {0};

	made_add_hex(&made, GOLDEN_FLETCHER);
	made_add(&made, zeros, 3);
	expect_begin(&made, CACHE_ERROR_BUNDLE_DAMAGED, "record 2, offset 35: the magic of a record should be 4 bytes from here, found 3");
	made_add(&made, zeros, 13);
	expect_error(
	    &made, CACHE_ERROR_BUNDLE_DAMAGED,
	    "record 2, offset 35: expected a record or the end of the file, found 16 more bytes, the first 00 00 00 00 (\"....\")");
	made_free(&made);
}
END_TEST

START_TEST(test_bytes_after_the_end_of_a_pack)
{
	struct made inside = {0};
	struct made made = {0};

	made_add_hex(&inside, GOLDEN_FLETCHER);
	made_add(&inside, "zzzzzz", 6);
	made_pack(&made, &inside);
	expect_error(
	    &made, CACHE_ERROR_BUNDLE_DAMAGED,
	    "record 3 inside record 1 (PACK), offset 70: expected a record or the end of the PACK around it, found 6 more bytes, the "
	    "first 7a 7a 7a 7a (\"zzzz\")");
	made_free(&inside);
	made_free(&made);
}
END_TEST

START_TEST(test_empty_pack)
{
	struct made nothing = {0};
	struct made made = {0};

	made_pack(&made, &nothing);
	expect_error(&made, CACHE_ERROR_BUNDLE_DAMAGED, "record 1 (PACK), offset 35: a PACK should hold records, found none");
	made_free(&made);
}
END_TEST

START_TEST(test_depth)
{
	struct made made = {0};

	made_add_hex(&made, GOLDEN_FLETCHER);
	for (unsigned depth = 0; depth < BUNDLE_DEPTH_MAX; depth++) {
		struct made outside = {0};

		made_pack(&outside, &made);
		made_free(&made);
		made = outside;
		ck_assert_int_eq(parse(&made), 0);
		ck_assert_uint_eq(bundle.record_count, depth + 2);
		ck_assert_uint_eq(bundle.records[depth + 1].depth, depth + 1);
	}
	struct made outside = {0};

	made_pack(&outside, &made);
	expect_error(
	    &outside, CACHE_ERROR_BUNDLE_UNSUPPORTED,
	    "record 5 (PACK) inside record 4 (PACK) inside record 3 (PACK) inside record 2 (PACK) inside record 1 (PACK), offset 140: "
	    "found a PACK inside 4 others, expected at most 3");
	made_free(&outside);
	made_free(&made);
}
END_TEST

START_TEST(test_many_records)
{
	struct made made = {0};

	for (unsigned i = 0; i < BUNDLE_RECORDS_MAX; i++)
		made_add_hex(&made, GOLDEN_FLETCHER);
	ck_assert_int_eq(parse(&made), 0);
	ck_assert_uint_eq(bundle.record_count, BUNDLE_RECORDS_MAX);
	made_add_hex(&made, GOLDEN_FLETCHER);
	expect_error(&made, CACHE_ERROR_BUNDLE_UNSUPPORTED, "offset 8960: expected at most 256 records, found another one");
	made_free(&made);
}
END_TEST

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void expect_records_inside(size_t length)
{
	for (size_t i = 0; i < bundle.record_count; i++) {
		const struct bundle_record *record = &bundle.records[i];

		ck_assert_uint_le(record->data_offset, length);
		ck_assert_uint_le(record->size, length - record->data_offset);
	}
}

START_TEST(test_mutations)
{
	static const uint8_t values[] = {0, 1, 2, 3, 4, 0x7f, 0x80, 0xff};
	struct made made = {0};
	uint32_t seed = (uint32_t)_i + 1;

	made_nested(&made);
	for (unsigned round = 0; round < 4000; round++) {
		struct made mutant = {0};

		made_add(&mutant, made.bytes, made.length);
		for (unsigned i = next_random(&seed) % 6; i > 0; i--)
			mutant.bytes[next_random(&seed) % mutant.length] = values[next_random(&seed) % COUNT(values)];
		mutant.length -= next_random(&seed) % 3 ? 0 : next_random(&seed) % mutant.length;
		if (parse(&mutant) == 0)
			expect_records_inside(mutant.length);
		else
			ck_assert_msg(error.message[0] != '\0', "an error says why");
		made_free(&mutant);
	}
	made_free(&made);
}
END_TEST

static TCase *bad_case(void)
{
	TCase *bad = tcase_create("bad");

	tcase_add_test(bad, test_cut_anywhere);
	tcase_add_loop_test(bad, test_cut_is_told, 0, 6);
	tcase_add_test(bad, test_any_flipped_bit);
	tcase_add_loop_test(bad, test_any_flipped_bit_alone, 0, 5);
	tcase_add_test(bad, test_message_names_the_place);
	tcase_add_loop_test(bad, test_message_of_each_checksum, 0, 4);
	tcase_add_loop_test(bad, test_size_that_lies, 0, 13);
	tcase_add_test(bad, test_size_that_lies_is_told);
	tcase_add_test(bad, test_size_that_lies_with_good_header);
	tcase_add_test(bad, test_other_sizes_that_lie);
	tcase_add_loop_test(bad, test_signature_sizes, 0, 9);
	tcase_add_loop_test(bad, test_unknown_kinds, 0, 6);
	tcase_add_test(bad, test_unknown_magic_inside);
	tcase_add_loop_test(bad, test_no_bundle, 0, 4);
	tcase_add_test(bad, test_no_magic);
	tcase_add_test(bad, test_empty_and_tiny);
	tcase_add_test(bad, test_bytes_after_the_end);
	tcase_add_test(bad, test_bytes_after_the_end_of_a_pack);
	tcase_add_test(bad, test_empty_pack);
	tcase_add_test(bad, test_depth);
	tcase_add_test(bad, test_many_records);
	tcase_add_loop_test(bad, test_mutations, 0, 5);
	return bad;
}

int main(void)
{
	Suite *suite = suite_create("bundle_damage");

	suite_add_tcase(suite, bad_case());
	return suite_run(suite);
}
