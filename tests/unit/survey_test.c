/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/survey.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/cache_case.h"
#include "tests/unit/suite_run.h"

static struct survey last;
static unsigned found;
static struct cache_error error;

static void keep(void *context, const struct survey *survey)
{
	ck_assert_ptr_eq(context, &last);
	last = *survey;
	found++;
}

static int survey_bytes(const void *bytes, size_t length, const char *name)
{
	FILE *file = tmpfile();
	int r;

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	ck_assert_int_eq(fflush(file), 0);
	found = 0;
	memset(&last, 0x55, sizeof(last));
	memset(&error, 0, sizeof(error));
	r = survey_file(fileno(file), name, keep, &last, &error);
	fclose(file);
	return r;
}

static void make_three(struct made *ret)
{
	*ret = (struct made){0};
	made_record(ret, "UPGR", 3, BUNDLE_SIGNATURE_CRC32, "first", "0123456789", 10);
	made_record(ret, "UPGR", 3, BUNDLE_SIGNATURE_RSA_SHA256, "second", "0123456789", 10);
	made_record(ret, "UPGR", 3, BUNDLE_SIGNATURE_NONE, "third", "0123456789", 10);
}

START_TEST(a_whole_bundle)
{
	char sha256[FIRMWARE_SHA256_SIZE];
	struct made made;

	make_three(&made);
	ck_assert_int_eq(survey_bytes(made.bytes, made.length, "some/where/CATM1-39529.dup"), 0);
	cache_digest_of(&made, sha256);
	ck_assert_uint_eq(found, 1);
	ck_assert_str_eq(last.name, "some/where/CATM1-39529.dup");
	ck_assert_str_eq(last.sha256, sha256);
	ck_assert_uint_eq(last.size, made.length);
	ck_assert_int_eq(last.kind, SURVEY_BUNDLE);
	ck_assert(!last.broken_off);
	ck_assert_uint_eq(last.facts.build, 39529);
	ck_assert_uint_eq(last.fault_count, 0);
	ck_assert_int_eq(survey_record_verdict(&last, 0), SURVEY_GOOD);
	ck_assert_int_eq(survey_record_verdict(&last, 1), SURVEY_LEFT_TO_MODEM);
	ck_assert_int_eq(survey_record_verdict(&last, 2), SURVEY_UNCHECKED);
	made_free(&made);
}
END_TEST

/* Many damaged records: all are counted, as many are told as there is room for. */
START_TEST(more_faults_than_there_is_room_for)
{
	struct made made = {0};

	for (unsigned i = 0; i < SURVEY_FAULTS_MAX + 3; i++) {
		made_record(&made, "UPGR", 3, BUNDLE_SIGNATURE_CRC32, "part", "0123456789", 10);
		made.bytes[made.length - 1] ^= 1;
	}
	ck_assert_int_eq(survey_bytes(made.bytes, made.length, "x.dup"), -EBADMSG);
	ck_assert_uint_eq(last.fault_count, SURVEY_FAULTS_MAX + 3);
	ck_assert_uint_eq(last.faults[SURVEY_FAULTS_MAX - 1].record, SURVEY_FAULTS_MAX - 1);
	ck_assert_int_eq(survey_record_verdict(&last, SURVEY_FAULTS_MAX + 2), SURVEY_DAMAGED);
	made_free(&made);
}
END_TEST

START_TEST(the_record_in_which_the_chain_breaks_off)
{
	struct made inside, whole = {0};

	make_three(&inside);
	made_pack(&whole, &inside);
	whole.bytes[35 + 38] = 'X'; /* the magic of the second record inside */
	ck_assert_int_eq(survey_bytes(whole.bytes, whole.length, "x.dup"), -EBADMSG);
	ck_assert(last.broken_off);
	ck_assert_uint_eq(last.fault_count, 1);
	ck_assert_uint_eq(last.faults[0].record, 2);
	ck_assert_int_eq(survey_record_verdict(&last, 0), SURVEY_UNREAD);
	ck_assert_int_eq(survey_record_verdict(&last, 1), SURVEY_GOOD);
	ck_assert_int_eq(survey_record_verdict(&last, 2), SURVEY_UNREAD);
	made_free(&inside);
	made_free(&whole);
}
END_TEST

static const struct {
	const char *bytes;
	size_t length;
	enum cache_error_code code;
	const char *begin;
} strange[] = {
    {"", 0, CACHE_ERROR_BUNDLE_DAMAGED, "the file is empty"},
    {"hello", 5, CACHE_ERROR_BUNDLE_UNSUPPORTED, "the file is no .dup bundle"},
    {"\x7f"
     "ELF\2",
     5, CACHE_ERROR_BUNDLE_DAMAGED, "the ELF header should be 52 bytes"},
};

START_TEST(what_is_no_firmware)
{
	ck_assert_int_eq(survey_bytes(strange[_i].bytes, strange[_i].length, "x.dup"), -EBADMSG);
	ck_assert_uint_eq(found, 1);
	ck_assert_uint_eq(last.bundle.record_count, 0);
	ck_assert_uint_eq(last.fault_count, 1);
	ck_assert_uint_eq(last.faults[0].record, SURVEY_NO_RECORD);
	ck_assert_int_eq(last.faults[0].error.code, strange[_i].code);
	ck_assert_int_eq(strncmp(last.faults[0].error.message, strange[_i].begin, strlen(strange[_i].begin)), 0);
	ck_assert_int_eq(last.kind, _i == 0 ? SURVEY_BUNDLE : SURVEY_OTHER);
}
END_TEST

START_TEST(a_helper_is_of_a_family)
{
	struct made made;

	cache_make_helper(&made, 1);
	ck_assert_int_eq(survey_bytes(made.bytes, made.length, "CATM1-39529.dup"), 0);
	ck_assert_int_eq(last.kind, SURVEY_HELPER);
	ck_assert_str_eq(last.facts.family, "monarch2"); /* by its bytes, whatever it is called */
	made_free(&made);
}
END_TEST

START_TEST(an_archive_that_is_none)
{
	static const char bytes[] = "PK\003\004 and then nothing that would follow";
	int folder = open("/", O_RDONLY | O_DIRECTORY);

	ck_assert_int_eq(survey_bytes(bytes, sizeof(bytes), "x.zip"), -EPROTO);
	ck_assert_int_eq(error.code, CACHE_ERROR_BUNDLE_DAMAGED);
	ck_assert_uint_eq(found, 0);
	ck_assert_int_eq(survey_file(folder, "/", keep, &last, &error), -EPROTO);
	ck_assert_str_eq(error.message, "/ is no file");
	close(folder);
}
END_TEST

START_TEST(verdicts_have_names)
{
	static const char *const names[] = {"good", "none", "left-to-modem", "damaged", "unread"};

	for (unsigned i = 0; i < 5; i++)
		ck_assert_str_eq(survey_verdict_name((enum survey_verdict)i), names[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("survey");
	TCase *survey = tcase_create("survey");

	tcase_add_test(survey, a_whole_bundle);
	tcase_add_test(survey, more_faults_than_there_is_room_for);
	tcase_add_test(survey, the_record_in_which_the_chain_breaks_off);
	tcase_add_loop_test(survey, what_is_no_firmware, 0, sizeof(strange) / sizeof(strange[0]));
	tcase_add_test(survey, a_helper_is_of_a_family);
	tcase_add_test(survey, an_archive_that_is_none);
	tcase_add_test(survey, verdicts_have_names);
	suite_add_tcase(suite, survey);
	return suite_run(suite);
}
