/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalogue: what is taken, what is refused in words, and that the store keeps it with its signature.
 */
#include "firmware-cache/catalogue.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/cache_case.h"
#include "tests/unit/minisign.h"
#include "tests/unit/suite_run.h"

#define A64   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define FIRST "{\"name\":\"a.dup\",\"url\":\"https://vendor.example/a.dup\",\"sha256\":\"" A64 "\""
#define OTHER "{\"name\":\"b.elf\",\"url\":\"http://u:p@vendor.example/b.elf?x=y\",\"sha256\":\"" B64 "\"}"

static struct catalogue catalogue;
static struct cache_error error;

static int read_text(const char *text)
{
	catalogue_clear(&catalogue);
	error = (struct cache_error){0};
	return catalogue_read(text, strlen(text), &catalogue, &error);
}

START_TEST(all_that_is_known_is_read)
{
	ck_assert_int_eq(read_text(" [" FIRST
				   ",\"size\":5000000000,\"family\":\"monarch1\",\"release\":\"LR5.1.1.0-39529\",\"build\":39529,"
				   "\"base_build\":33080,\"helper\":\"" B64 "\"}," OTHER "]\n"),
			 0);
	ck_assert_uint_eq(catalogue.count, 2);
	const struct catalogue_entry *entry = &catalogue.entries[0];
	ck_assert_str_eq(entry->name, "a.dup");
	ck_assert_str_eq(entry->url, "https://vendor.example/a.dup");
	ck_assert_str_eq(entry->sha256, A64);
	ck_assert_uint_eq(entry->size, 5000000000);
	ck_assert_str_eq(entry->facts.family, "monarch1");
	ck_assert_str_eq(entry->facts.release, "LR5.1.1.0-39529");
	ck_assert_uint_eq(entry->facts.build, 39529);
	ck_assert_uint_eq(entry->facts.base_build, 33080);
	ck_assert_str_eq(entry->facts.helper, B64);
	ck_assert_str_eq(entry->facts.second, "");
	ck_assert_str_eq(catalogue.entries[1].url, "http://u:p@vendor.example/b.elf?x=y");
	ck_assert_int_eq(read_text("[]"), 0);
	ck_assert_uint_eq(catalogue.count, 0);
	catalogue_clear(&catalogue);
}
END_TEST

START_TEST(references_are_as_those_of_the_cache)
{
	ck_assert_int_eq(read_text("[" FIRST "}," OTHER "]"), 0);
	ck_assert_ptr_eq(catalogue_find(&catalogue, "a.dup", &error), &catalogue.entries[0]);
	ck_assert_ptr_eq(catalogue_find(&catalogue, B64, &error), &catalogue.entries[1]);
	ck_assert_ptr_eq(catalogue_find(&catalogue, "BBBBBB", &error), &catalogue.entries[1]);
	ck_assert_ptr_null(catalogue_find(&catalogue, "bbbbb", &error));
	ck_assert_int_eq(error.code, CACHE_ERROR_NOT_FOUND);
	memcpy(catalogue.entries[1].name, "a.dup", sizeof("a.dup"));
	ck_assert_ptr_null(catalogue_find(&catalogue, "a.dup", &error));
	ck_assert_str_eq(error.message, "\"a.dup\" is ambiguous in the catalogue: aaaaaaaaaaaa, bbbbbbbbbbbb");
	catalogue_clear(&catalogue);
}
END_TEST

static const struct {
	const char *text;
	const char *sentence;
} bad[] = {
    {"", "is no JSON"},
    {"{}", "should be an array of objects"},
    {"[1]", "entry 1 of the catalogue: it is no object"},
    {"[[[]]]", "nests more than 2 deep"},
    {"[" OTHER ",{}]", "entry 2 of the catalogue: name is missing"},
    {"[{\"name\":\"a\",\"url\":\"http://x/\"}]", "sha256 is missing"},
    {"[{\"name\":\"a\",\"sha256\":\"" A64 "\"}]", "url is missing"},
    {"[" FIRST ",\"colour\":\"red\"}]", "entry 1 of the catalogue: colour is an unknown member"},
    {"[" FIRST ",\"name\":\"b\"}]", "is no JSON"},
    {"[" FIRST ",\"size\":\"1\"}]", "size should be a positive number"},
    {"[" FIRST ",\"size\":-1}]", "size should be a positive number"},
    {"[" FIRST ",\"build\":4294967296}]", "build should be a positive number"},
    {"[" FIRST ",\"build\":1.5}]", "build should be a positive number"},
    {"[" FIRST ",\"family\":5}]", "family should be a text"},
    {"[" FIRST ",\"family\":\"monarch3\"}]", "family should be monarch1 or monarch2"},
    {"[" FIRST ",\"family\":\"0123456789abcdef\"}]", "family is empty or too long"},
    {"[" FIRST ",\"release\":\"8.0\"}]", "release should be like"},
    {"[" FIRST ",\"release\":\"LR5.1.1.0-39529\",\"build\":1}]", "the stated build 1 contradicts"},
    {"[" FIRST ",\"helper\":\"" B64 "\"}]", "helper is the digest of no entry"},
    {"[" FIRST ",\"second\":\"" B64 "\"}]", "second is the digest of no entry"},
    {"[" FIRST ",\"helper\":\"" A64 "\"}]", "it names itself"},
    {"[" FIRST ",\"helper\":\"b.elf\"}," OTHER "]", "helper should be the SHA-256"},
    {"[" FIRST "}," FIRST "}]", "the catalogue has aaaaaaaaaaaa… twice"},
    {"[{\"name\":\"a/b\",\"url\":\"http://x/\",\"sha256\":\"" A64 "\"}]", "name should be 1 to 127"},
    {"[{\"name\":\"a\\u001b\",\"url\":\"http://x/\",\"sha256\":\"" A64 "\"}]", "name should be 1 to 127"},
    {"[{\"name\":\"a\\u0000b\",\"url\":\"http://x/\",\"sha256\":\"" A64 "\"}]", "is no JSON"},
    {"[{\"name\":\"a\",\"url\":\"file:///etc/passwd\",\"sha256\":\"" A64 "\"}]", "nothing else is fetched"},
    {"[{\"name\":\"a\",\"url\":\"\",\"sha256\":\"" A64 "\"}]", "url is empty or too long"},
    {"[{\"name\":\"a\",\"url\":\"http://x/\",\"sha256\":\"AAAA\"}]", "sha256 should be 64 lower-case hex digits"},
};

START_TEST(what_cannot_be_is_named)
{
	ck_assert_int_eq(read_text(bad[_i].text), -EPROTO);
	ck_assert_int_eq(error.code, CACHE_ERROR_INVALID_REQUEST);
	ck_assert_msg(strstr(error.message, bad[_i].sentence), "\"%s\" does not say \"%s\"", error.message, bad[_i].sentence);
	ck_assert_uint_eq(catalogue.count, 0);
}
END_TEST

START_TEST(it_is_bounded)
{
	size_t size = CATALOGUE_SIZE_MAX + 2;
	char *text = malloc(size);
	size_t used = 1;

	memset(text, ' ', size);
	text[0] = '[';
	text[size - 2] = ']';
	text[size - 1] = '\0';
	ck_assert_int_eq(read_text(text), -EPROTO);
	ck_assert_str_eq(error.message, "the catalogue is over 1048576 bytes");
	text[size - 3] = ']';
	text[size - 2] = '\0';
	ck_assert_int_eq(read_text(text), 0);
	for (size_t i = 0; i <= CATALOGUE_ENTRIES_MAX; i++)
		used += (size_t)sprintf(text + used, "%s{}", i > 0 ? "," : "");
	strcpy(text + used, "]");
	ck_assert_int_eq(read_text(text), -EPROTO);
	ck_assert_str_eq(error.message, "the catalogue has 4097 entries, at most 4096 are taken");
	free(text);
}
END_TEST

static char signature[SIGNATURE_TEXT_MAX];

static void open_store(void)
{
	const struct firmware_store_options options = {
	    .directory = cache_case.path, .max_size = CACHE_CASE_MANY, .quota = CACHE_CASE_MANY, .trusted_keys_dir = "keys"};

	cache_close();
	ck_assert_int_eq(firmware_store_open(&options, &cache_case.error, &cache_case.store), 0);
}

static void set_up(void)
{
	cache_set_up();
	ck_assert_int_eq(chdir(cache_case.root), 0);
	ck_assert_int_eq(mkdir("keys", 0700), 0);
	minisign_make_key("vendor");
	open_store();
}

static void tear_down(void)
{
	catalogue_clear(&catalogue);
	ck_assert_int_eq(chdir("/"), 0);
	cache_tear_down();
}

static const char *sign(const char *text)
{
	minisign_write("list.json", text, strlen(text));
	minisign_sign("vendor", "list.json", "-H");
	signature[minisign_read("list.json.minisig", signature, sizeof(signature) - 1)] = '\0';
	return signature;
}

static int put(const char *text, const char *with, bool required)
{
	const struct catalogue_text given = {.text = text, .length = strlen(text), .signature = with, .source = "upload"};

	return firmware_catalogue_put(cache_case.store, &given, required, &cache_case.error);
}

static int get(void)
{
	catalogue_clear(&catalogue);
	return firmware_catalogue_get(cache_case.store, &catalogue, &cache_case.error);
}

START_TEST(one_is_kept_with_its_signature)
{
	ck_assert_int_eq(get(), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_NOT_FOUND);
	ck_assert_int_eq(put("[" FIRST "}]", sign("[" FIRST "}]"), true), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(get(), 0);
		ck_assert_uint_eq(catalogue.count, 1);
		ck_assert_str_eq(catalogue.source, "upload");
		ck_assert_int_gt(catalogue.received_at, 1600000000);
		ck_assert_int_eq(catalogue.signature.verdict, SIGNATURE_GOOD);
		ck_assert_str_eq(catalogue.signature.report.key_name, "vendor.pub");
		open_store();
	}
	ck_assert_int_eq(unlink("keys/vendor.pub"), 0);
	ck_assert_int_eq(get(), 0);
	ck_assert_int_eq(catalogue.signature.verdict, SIGNATURE_BAD);
	ck_assert_ptr_nonnull(strstr(catalogue.signature.reason, "none of the 0 trusted keys"));
	ck_assert_int_eq(put("[" OTHER "]", NULL, false), 0);
	ck_assert_int_eq(get(), 0);
	ck_assert_str_eq(catalogue.entries[0].name, "b.elf");
	ck_assert_int_eq(catalogue.signature.verdict, SIGNATURE_NONE);
}
END_TEST

START_TEST(what_is_refused_leaves_the_old_one)
{
	ck_assert_int_eq(put("[" FIRST "}]", NULL, false), 0);
	ck_assert_int_eq(put("[" OTHER "]", NULL, true), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_SIGNATURE_MISSING);
	ck_assert_int_eq(put("[" OTHER " ]", sign("[" OTHER "]"), false), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_SIGNATURE_BAD);
	ck_assert_int_eq(put("[" OTHER "]", "hello", false), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_SIGNATURE_BAD);
	ck_assert_int_eq(put("[1]", NULL, false), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_INVALID_REQUEST);
	ck_assert_int_eq(get(), 0);
	ck_assert_str_eq(catalogue.entries[0].name, "a.dup");
	ck_assert_uint_eq(cache_count_files("incoming"), 0);
}
END_TEST

START_TEST(a_damaged_one_is_set_aside)
{
	ck_assert_int_eq(put("[" FIRST "}]", NULL, false), 0);
	cache_write_file("manifests", "catalogue", ".json", "{\"catalogue\":1}", 15);
	open_store();
	ck_assert_int_eq(get(), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_NOT_FOUND);
	ck_assert(cache_file_exists("manifests", "catalogue.json", ".damaged"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("catalogue");
	TCase *reading = tcase_create("reading"), *keeping = tcase_create("keeping");

	tcase_add_test(reading, all_that_is_known_is_read);
	tcase_add_test(reading, references_are_as_those_of_the_cache);
	tcase_add_loop_test(reading, what_cannot_be_is_named, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(reading, it_is_bounded);
	suite_add_tcase(suite, reading);
	tcase_set_timeout(keeping, 60);
	tcase_add_checked_fixture(keeping, set_up, tear_down);
	tcase_add_test(keeping, one_is_kept_with_its_signature);
	tcase_add_test(keeping, what_is_refused_leaves_the_old_one);
	tcase_add_test(keeping, a_damaged_one_is_set_aside);
	suite_add_tcase(suite, keeping);
	return suite_run(suite);
}
