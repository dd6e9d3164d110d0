/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "firmware-cache/bundle_walk.h"
#include "tests/unit/made_bundle.h"
#include "tests/unit/suite_run.h"

#define BIG (2u * BUNDLE_PASS_SIZE + 77u)

static struct bundle bundle;
static struct cache_error error;

struct heard {
	char damaged[32]; /* the numbers of the records, from 1 */
	char first[sizeof(error.message)];
	size_t passes, furthest, longest, last;
};

static void note_damaged(void *context, size_t record, const struct cache_error *found)
{
	struct heard *heard = context;
	size_t used = strlen(heard->damaged);

	ck_assert_int_eq(found->code, CACHE_ERROR_BUNDLE_DAMAGED);
	if (used == 0)
		strcpy(heard->first, found->message);
	snprintf(heard->damaged + used, sizeof(heard->damaged) - used, "%s%zu", used ? " " : "", record + 1);
}

static void note_passed(void *context, size_t end)
{
	struct heard *heard = context;

	if (end > heard->last && end - heard->last > heard->longest)
		heard->longest = end - heard->last;
	heard->last = end;
	heard->furthest = end > heard->furthest ? end : heard->furthest;
	heard->passes++;
}

static int parse(const struct made *made, struct heard *heard)
{
	const struct bundle_watch watch = {.passed = note_passed, .damaged = note_damaged, .context = heard};

	memset(heard, 0, sizeof(*heard));
	memset(&error, 0x55, sizeof(error));
	return bundle_parse_watched(made->bytes, made->length, &watch, &bundle, &error);
}

static void add_noise_record(struct made *to, unsigned version, unsigned signature_type, size_t length, uint32_t seed)
{
	struct made noise = {0};

	made_noise(&noise, length, seed);
	made_record(to, "UPGR", version, signature_type, "a part", noise.bytes, noise.length);
	made_free(&noise);
}

START_TEST(big_records_are_read_in_parts)
{
	struct made inside = {0}, whole = {0};
	struct heard heard;

	add_noise_record(&inside, 3, BUNDLE_SIGNATURE_FLETCHER32, BIG, 1);
	add_noise_record(&inside, 3, BUNDLE_SIGNATURE_CRC32, BIG, 2);
	add_noise_record(&inside, 1, 0, BIG + 1, 3);
	made_pack(&whole, &inside);
	ck_assert_int_eq(parse(&whole, &heard), 0);
	ck_assert_int_eq(error.code, CACHE_ERROR_NONE);
	ck_assert_str_eq(heard.damaged, "");
	ck_assert_uint_eq(bundle.record_count, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(bundle.records[i].check, BUNDLE_CHECK_GOOD);
	ck_assert_uint_le(heard.longest, BUNDLE_PASS_SIZE + 64); /* and a header between two records */
	ck_assert_uint_eq(heard.furthest, whole.length - 4);     /* all but the checksum at the end */
	ck_assert_uint_ge(heard.passes, 2 * 6);

	/* Each byte counts, also beyond the first part. */
	whole.bytes[whole.length - 20] ^= 1;
	ck_assert_int_eq(bundle_parse(whole.bytes, whole.length, &bundle, &error), -EPROTO);
	made_free(&inside);
	made_free(&whole);
}
END_TEST

START_TEST(fletcher_in_parts_is_fletcher)
{
	struct made noise = {0};
	struct fletcher32 sum;

	made_noise(&noise, 3001, 4);
	for (size_t cut = 0; cut <= noise.length; cut += 2) {
		fletcher32_begin(&sum);
		fletcher32_add(&sum, noise.bytes, cut);
		fletcher32_add(&sum, noise.bytes + cut, noise.length - cut);
		ck_assert_uint_eq(fletcher32_end(&sum), made_fletcher(noise.bytes, noise.length));
	}
	made_free(&noise);
}
END_TEST

/* Three records in a PACK; the second is damaged, and with it the PACK. */
START_TEST(the_walk_goes_on_behind_damage)
{
	struct made inside = {0}, whole = {0};
	struct heard heard;
	static const char message[] = "record 3 (UPGR) inside record 1 (PACK), offset 229: the CRC-32 should be 0x";

	add_noise_record(&inside, 3, BUNDLE_SIGNATURE_FLETCHER32, 60, 1);
	add_noise_record(&inside, 3, BUNDLE_SIGNATURE_CRC32, 80, 2);
	add_noise_record(&inside, 3, BUNDLE_SIGNATURE_RSA_SHA256, 60, 3);
	made_pack(&whole, &inside);
	whole.bytes[200] ^= 0x10;
	ck_assert_int_eq(parse(&whole, &heard), -EBADMSG);
	ck_assert_str_eq(heard.damaged, "3 1");
	ck_assert_int_eq(error.code, CACHE_ERROR_BUNDLE_DAMAGED);
	ck_assert_str_eq(error.message, heard.first);
	ck_assert_msg(strncmp(error.message, message, strlen(message)) == 0, "%s", error.message);
	ck_assert_uint_eq(bundle.record_count, 4);
	ck_assert_int_eq(bundle.records[0].check, BUNDLE_CHECK_DAMAGED);
	ck_assert_int_eq(bundle.records[1].check, BUNDLE_CHECK_GOOD);
	ck_assert_int_eq(bundle.records[2].check, BUNDLE_CHECK_DAMAGED);
	ck_assert_int_eq(bundle.records[3].check, BUNDLE_CHECK_LEFT_TO_MODEM);
	ck_assert_str_eq(bundle_check_name(BUNDLE_CHECK_DAMAGED), "damaged");

	/* Nobody asked to go on: the same as ever. */
	ck_assert_int_eq(bundle_parse(whole.bytes, whole.length, &bundle, &error), -EPROTO);
	ck_assert_str_eq(error.message, heard.first);
	ck_assert_uint_eq(bundle.record_count, 3);
	made_free(&inside);
	made_free(&whole);
}
END_TEST

START_TEST(what_ends_the_walk_is_the_error)
{
	struct made made = {0};
	struct heard heard;

	add_noise_record(&made, 3, BUNDLE_SIGNATURE_FLETCHER32, 60, 1);
	add_noise_record(&made, 3, BUNDLE_SIGNATURE_FLETCHER32, 60, 2);
	add_noise_record(&made, 3, BUNDLE_SIGNATURE_FLETCHER32, 60, 3);
	made.bytes[40] ^= 1;
	made.length -= 10;
	ck_assert_int_eq(parse(&made, &heard), -EPROTO);
	ck_assert_str_eq(heard.damaged, "1");
	ck_assert_str_eq(error.message,
			 "record 3 (UPGR), offset 203: the data should be 60 bytes from here, found 54 to the end of the file");
	ck_assert_uint_eq(bundle.record_count, 3);
	ck_assert_int_eq(bundle.records[0].check, BUNDLE_CHECK_DAMAGED);
	ck_assert_int_eq(bundle.records[1].check, BUNDLE_CHECK_GOOD);
	made_free(&made);
}
END_TEST

/* The most common damage of all: a download that ended early. */
START_TEST(what_is_whole_in_a_cut_pack_is_told)
{
	struct made inside = {0}, whole = {0};
	struct heard heard;
	static const char message[] =
	    "record 1 (PACK), offset 35: the data should be 267 bytes from here, found 215 to the end of the file";

	for (uint32_t i = 1; i <= 3; i++)
		add_noise_record(&inside, 3, BUNDLE_SIGNATURE_CRC32, 60, i);
	made_pack(&whole, &inside);
	whole.length = 250;
	whole.bytes[60] ^= 1;
	ck_assert_int_eq(parse(&whole, &heard), -EPROTO);
	ck_assert_str_eq(error.message, message);
	ck_assert_str_eq(heard.damaged, "2");
	ck_assert_uint_eq(bundle.record_count, 4);
	ck_assert_int_eq(bundle.records[2].check, BUNDLE_CHECK_GOOD);
	ck_assert_uint_eq(bundle.records[3].depth, 1);

	ck_assert_int_eq(bundle_parse(whole.bytes, whole.length, &bundle, &error), -EPROTO);
	ck_assert_str_eq(error.message, message);
	ck_assert_uint_eq(bundle.record_count, 1);
	made_free(&inside);
	made_free(&whole);
}
END_TEST

START_TEST(signatures_have_names)
{
	static const char *const names[] = {"none", "Fletcher-32", "ECDSA-256", "RSA-SHA256", "CRC-32", "unknown"};

	for (uint16_t i = 0; i < 6; i++)
		ck_assert_str_eq(bundle_signature_name(i), names[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bundle_watch");
	TCase *watched = tcase_create("watched");

	tcase_add_test(watched, big_records_are_read_in_parts);
	tcase_add_test(watched, fletcher_in_parts_is_fletcher);
	tcase_add_test(watched, the_walk_goes_on_behind_damage);
	tcase_add_test(watched, what_ends_the_walk_is_the_error);
	tcase_add_test(watched, what_is_whole_in_a_cut_pack_is_told);
	tcase_add_test(watched, signatures_have_names);
	suite_add_tcase(suite, watched);
	return suite_run(suite);
}
