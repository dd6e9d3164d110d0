/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/firmware.h"

#include <check.h>
#include <string.h>

#include "firmware-cache/cache_error.h"
#include "firmware-cache/facts.h"
#include "firmware-cache/store.h"
#include "tests/unit/suite_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *name, *family, *release;
	uint32_t build, base_build;
} names[] = {
    /* all the names of protocol.md 5 */
    {"CATM1-39529.dup", "monarch1", "", 39529, 0},
    {"NB1-41019.dup", "monarch1", "", 41019, 0},
    {"upgdiff_33080-to-39529.dup", "monarch1", "", 39529, 33080},
    {"FIPY_GPY_CATM1_33988.dup", "monarch1", "", 33988, 0},
    {"CATM1-5.2-48829-1.dup", "monarch1", "", 48829, 0},
    {"GM02RB6Q_LR8.0.5.13-59577.dup", "monarch2", "LR8.0.5.13-59577", 59577, 0},
    {"GP02RBAQ-DM_LR8.2.0.3-60186_to_LR8.2.1.0-61488_Bootrom.dup", "monarch2", "LR8.2.1.0-61488", 61488, 60186},
    /* as they come out of an archive or off a disk */
    {"CATM1-48829.dup.tgz", "monarch1", "", 48829, 0},
    {"catm1-39529.DUP", "monarch1", "", 39529, 0},
    {"CATM1-39529", "monarch1", "", 39529, 0},
    {"CATM1-39529 (1).dup", "monarch1", "", 39529, 0},
    {"LR8.2.0.3-60186", "", "LR8.2.0.3-60186", 60186, 0},
    {"LR8.2.0.3-60186-99999.dup", "", "LR8.2.0.3-60186", 60186, 0},
    /* what tells nothing */
    {"updater.elf", "", "", 0, 0},
    {"x.dup", "", "", 0, 0},
    {"", "", "", 0, 0},
    {".dup", "", "", 0, 0},
    {"-_-_.dup", "", "", 0, 0},
    {"firmware-20210304.dup", "", "", 0, 0},
    {"CATM10-4.dup", "", "", 0, 0},
    {"LR8.2.0.3.dup", "", "", 0, 0},
    {"LR-60186.dup", "", "", 60186, 0},
    {"LR8.2x-60186.dup", "", "", 60186, 0},
    {"LR8.2.0.3_60186.dup", "", "", 60186, 0},
    /* "to" is a word of its own, and needs a build on both sides */
    {"notes_to_self-12345.dup", "", "", 12345, 0},
    {"CATM1-39529_to_lab.dup", "monarch1", "", 39529, 0},
    {"11111-to-22222-to-33333", "", "", 33333, 11111},
    /* both families: neither */
    {"CATM1_GM02_39529.dup", "", "", 39529, 0},
};

START_TEST(test_facts_from_name)
{
	struct firmware_facts facts;

	memset(&facts, 0x55, sizeof(facts));
	firmware_facts_from_name(names[_i].name, &facts);
	ck_assert_str_eq(facts.family, names[_i].family);
	ck_assert_str_eq(facts.release, names[_i].release);
	ck_assert_uint_eq(facts.build, names[_i].build);
	ck_assert_uint_eq(facts.base_build, names[_i].base_build);
	ck_assert_str_eq(facts.helper, "");
}
END_TEST

static const struct {
	const char *name;
	unsigned part;
	const char *partner;
} pairs[] = {
    {"CATM1-5.2-48829-1.dup", 1, "CATM1-5.2-48829-2.dup"},
    {"CATM1-5.2-48829-2.dup", 2, "CATM1-5.2-48829-1.dup"},
    {"48829-2", 2, "48829-1"},
    {"LR8.2.0.3-60186-1.dup.tgz", 1, "LR8.2.0.3-60186-2.dup.tgz"},
    {"CATM1-5.2-48829-3.dup", 0, ""},
    {"CATM1-5.2-48829-12.dup", 0, ""},
    {"CATM1-5.2-48829_1.dup", 0, ""},
    {"CATM1-39529 (1).dup", 0, ""},
    {"CATM1-39529 1.dup", 0, ""},
    {"CATM1-39529.dup", 0, ""},
    {"CATM1-1.dup", 0, ""}, /* no build before it */
    {"1-48829.dup", 0, ""},
    {"1.dup", 0, ""},
    {"", 0, ""},
};

START_TEST(test_branch_from_name)
{
	static const struct {
		const char *name;
		unsigned branch;
	} rows[] = {
	    {"CATM1-39529.dup", 5},
	    {"nb1-41019.dup", 6},
	    {"FIPY_GPY_CATM1_33988.dup", 5},
	    {"GM02RB6Q_LR8.0.5.13-59577.dup", 0},
	    {"", 0},
	    {"upgdiff_33080-to-39529", 0},
	    {"CATM1_to_NB1-41019.dup", 0},
	    {"CATM12-41019.dup", 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ck_assert_msg(firmware_branch_from_name(rows[i].name) == rows[i].branch, "%s", rows[i].name);
}
END_TEST

START_TEST(test_pair_from_name)
{
	char partner[FIRMWARE_NAME_SIZE] = "old";

	ck_assert_uint_eq(firmware_pair_from_name(pairs[_i].name, partner), pairs[_i].part);
	ck_assert_str_eq(partner, pairs[_i].partner);
}
END_TEST

START_TEST(test_stated_build_and_release_agree)
{
	static const struct {
		struct firmware_facts facts;
		bool good;
	} rows[] = {
	    {{.release = "LR5.1.1.0-39529", .build = 39529}, true},
	    {{.release = "LR5.1.1.0-39529"}, true},
	    {{.build = 39529}, true},
	    {{.release = "LR8_x", .build = 39529}, true},
	    {{.release = "LR5.1.1.0-39529", .build = 38638}, false},
	};
	struct cache_error error = {0};

	for (size_t i = 0; i < COUNT(rows); i++)
		ck_assert_int_eq(facts_check_release(&rows[i].facts, &error) == 0, rows[i].good);
	ck_assert_str_eq(error.message, "the stated build 38638 contradicts the stated release LR5.1.1.0-39529");
	ck_assert_int_eq(error.code, CACHE_ERROR_INVALID_REQUEST);
}
END_TEST

START_TEST(test_long_names)
{
	char name[400];
	struct firmware_facts facts;

	for (size_t length = 0; length < sizeof(name); length++) {
		memset(name, length % 2 ? '-' : '1', sizeof(name));
		memset(name, 'a', length / 3);
		name[length] = '\0';
		firmware_facts_from_name(name, &facts);
		ck_assert_str_eq(facts.family, "");
	}
	memcpy(name, "LR1.", 4);
	memset(name + 4, '1', sizeof(name) - 4);
	memcpy(name + 46, "-12345", 7);
	firmware_facts_from_name(name, &facts);
	ck_assert_str_eq(facts.release, ""); /* 52 characters are no release that fits */
	ck_assert_uint_eq(facts.build, 12345);
}
END_TEST

START_TEST(test_names_for_people)
{
	static const struct {
		const char *name;
		bool valid;
	} rows[] = {
	    {"CATM1-39529.dup", true},
	    {"a", true},
	    {"Prüfstand 3 – neu.dup", true},
	    {"...", true},
	    {"\xf0\x9f\x93\xa1", true},
	    {"", false},
	    {".", false},
	    {"..", false},
	    {"../x", false},
	    {"a/b", false},
	    {"a\nb", false},
	    {"a\x7f", false},
	    {"a\xc2\x85", false}, /* C1 control */
	    {"a\xe2\x80\xae"
	     "b",
	     false}, /* turns the text around */
	    {"a\xe2\x80\x8b"
	     "b",
	     false}, /* cannot be seen */
	    {"\xc3", false},
	    {"\xff", false},
	    {"\xc0\xaf", false}, /* overlong slash */
	    {"\xe0\x80\xaf", false},
	    {"\xed\xa0\x80", false},     /* surrogate */
	    {"\xf4\x90\x80\x80", false}, /* past the last character */
	    {"\xf8\x88\x80\x80\x80", false},
	};

	ck_assert_uint_eq(COUNT(rows), 22);
	ck_assert_msg(firmware_name_valid(rows[_i].name) == rows[_i].valid, "%s", rows[_i].name);
}
END_TEST

START_TEST(test_length_of_names)
{
	char name[130];

	memset(name, 'n', sizeof(name));
	name[127] = '\0';
	ck_assert(firmware_name_valid(name));
	name[127] = 'n';
	name[128] = '\0';
	ck_assert(!firmware_name_valid(name));
	memcpy(name + 126, "\xc3\xbc", 3); /* the last character would pass the end */
	ck_assert(!firmware_name_valid(name));
}
END_TEST

START_TEST(test_stated_facts)
{
	static const struct {
		struct firmware_facts facts;
		const char *message; /* NULL: fine */
	} rows[] = {
	    {{.family = ""}, NULL},
	    {{.family = "monarch1", .release = "LR5.1.1.0-39529", .build = 1, .base_build = 2}, NULL},
	    {{.family = "monarch2", .release = "LR8_x"}, NULL},
	    {{.helper = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}, NULL},
	    {{.second = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}, NULL},
	    {{.second = "pair-2.dup"},
	     "second should be the SHA-256 digest of a bundle in the cache (64 hex digits), found \"pair-2.dup\""},
	    {{.family = "monarch3"}, "family should be monarch1 or monarch2, found \"monarch3\""},
	    {{.release = "LR"}, "release should be like LR8.0.5.13-59577 (LR, then letters, digits, '.', '_', '-'), found \"LR\""},
	    {{.release = "UE8.0"}, "release should be like LR8.0.5.13-59577 (LR, then letters, digits, '.', '_', '-'), found \"UE8.0\""},
	    {{.release = "LR8 0"}, "release should be like LR8.0.5.13-59577 (LR, then letters, digits, '.', '_', '-'), found \"LR8 0\""},
	    {{.helper = "0123456789abcdef"},
	     "helper should be the SHA-256 digest of a helper in the cache (64 hex digits), found \"0123456789abcdef\""},
	    {{.helper = "X123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
	     "helper should be the SHA-256 digest of a helper in the cache (64 hex digits), found "
	     "\"X123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""},
	};
	struct cache_error error = {0};

	ck_assert_uint_eq(COUNT(rows), 12);
	ck_assert_int_eq(facts_check(&rows[_i].facts, &error) == 0, rows[_i].message == NULL);
	ck_assert_str_eq(error.message, rows[_i].message ? rows[_i].message : "");
	ck_assert_int_eq(error.code, rows[_i].message ? CACHE_ERROR_INVALID_REQUEST : CACHE_ERROR_NONE);
}
END_TEST

START_TEST(test_stated_over_name_over_content)
{
	struct firmware firmware = {.name = "GM02RB6Q_LR8.0.5.13-59577.dup"};
	struct firmware_facts content = {.family = "monarch1", .base_build = 7};

	facts_resolve(&firmware, &content);
	ck_assert_str_eq(firmware.facts.family, "monarch2");
	ck_assert_str_eq(firmware.facts.release, "LR8.0.5.13-59577");
	ck_assert_uint_eq(firmware.facts.build, 59577);
	ck_assert_uint_eq(firmware.facts.base_build, 7);

	strcpy(firmware.stated.family, "monarch1");
	strcpy(firmware.stated.release, "LR9.1-60000");
	facts_resolve(&firmware, &content);
	ck_assert_str_eq(firmware.facts.family, "monarch1");
	ck_assert_str_eq(firmware.facts.release, "LR9.1-60000");
	ck_assert_uint_eq(firmware.facts.build, 60000); /* and not that of the name */
	ck_assert_uint_eq(firmware.stated.build, 0);

	firmware.stated = (struct firmware_facts){.build = 59999};
	facts_resolve(&firmware, &content);
	ck_assert_uint_eq(firmware.facts.build, 59999);
	ck_assert_str_eq(firmware.facts.release, ""); /* that of the name is of another build */
}
END_TEST

START_TEST(test_names_of_codes)
{
	static const char *const expected[CACHE_ERROR_CODE_COUNT] = {
	    "none",
	    "bundle-damaged",
	    "bundle-unsupported",
	    "bundle-too-big",
	    "cache-full",
	    "digest-mismatch",
	    "invalid-request",
	    "not-found",
	    "bundle-wrong-family",
	    "helper-mismatch",
	    "device-busy",
	    "signature-missing",
	    "signature-bad",
	    "download-failed",
	    "infrastructure-error",
	};

	for (size_t i = 0; i < COUNT(expected); i++)
		ck_assert_str_eq(cache_error_code_name((enum cache_error_code)i), expected[i]);
	ck_assert_str_eq(cache_error_code_name((enum cache_error_code)99), "infrastructure-error");
	ck_assert_str_eq(firmware_kind_name(FIRMWARE_BUNDLE), "bundle");
	ck_assert_str_eq(firmware_kind_name(FIRMWARE_HELPER), "helper");
}
END_TEST

START_TEST(test_messages_are_text)
{
	struct cache_error error = {.evidence = "old"};
	char name[500];

	ck_assert_int_eq(cache_error_set(&error, CACHE_ERROR_NOT_FOUND, "no \"%s\"", "a\xff\nb\xc3\xbc"), -71);
	ck_assert_str_eq(error.message, "no \"a??b\xc3\xbc\"");
	ck_assert_str_eq(error.evidence, "");
	cache_error_set(&error, CACHE_ERROR_NOT_FOUND, "begin: %s", error.message);
	ck_assert_str_eq(error.message, "begin: no \"a??b\xc3\xbc\"");
	/* The cut falls inside a character. */
	memset(name, '.', sizeof(name));
	memcpy(name + sizeof(error.message) - 2, "\xc3\xbc", 3);
	cache_error_set(&error, CACHE_ERROR_NOT_FOUND, "%s", name);
	ck_assert_str_eq(error.message + sizeof(error.message) - 4, "..?");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("firmware_name");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, test_facts_from_name, 0, COUNT(names));
	tcase_add_test(all, test_long_names);
	tcase_add_test(all, test_branch_from_name);
	tcase_add_loop_test(all, test_pair_from_name, 0, COUNT(pairs));
	tcase_add_test(all, test_stated_build_and_release_agree);
	tcase_add_loop_test(all, test_names_for_people, 0, 22);
	tcase_add_test(all, test_length_of_names);
	tcase_add_loop_test(all, test_stated_facts, 0, 12);
	tcase_add_test(all, test_stated_over_name_over_content);
	tcase_add_test(all, test_names_of_codes);
	tcase_add_test(all, test_messages_are_text);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
