/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tokens.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

#define TOKEN "0123456789abcdef"
#define OTHER "fedcba9876543210"

static char folder[] = "/tmp/tokens-XXXXXX";
static char token_path[64];

static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(token_path, sizeof(token_path), "%s/token", folder);
}

static void remove_folder(void)
{
	unlink(token_path);
	rmdir(folder);
}

static int read_ring_of(const char *content, mode_t mode, struct token_ring **ret, struct job_fault *ret_fault)
{
	FILE *file = fopen(token_path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(content, file);
	fclose(file);
	ck_assert_int_eq(chmod(token_path, mode), 0);
	return token_ring_read(token_path, ret, ret_fault);
}

static const struct {
	const char *content, *token, *name; /* NULL: it is none */
} good_files[] = {
    {"\n " TOKEN " \r\n", TOKEN, "token"},
    {"lab-ci:" TOKEN "\n" OTHER "\n", TOKEN, "lab-ci"},
    {"lab-ci:" TOKEN "\n" OTHER "\n", OTHER, "token"},
    {"lab-ci:" TOKEN "\n" OTHER "\n", "lab-ci:" TOKEN, NULL},
    {"lab-ci:" TOKEN "\nanna:" OTHER, OTHER, "anna"},
    {"lab-ci:" TOKEN "\nanna:" OTHER, "", NULL},
    {"lab-ci:" TOKEN "\nanna:" OTHER, "0123456789abcdeg", NULL},
    /* one line, as it was before there were names */
    {"lab-ci:" TOKEN "\n", "lab-ci:" TOKEN, "token"},
    {"lab-ci:" TOKEN "\n", TOKEN, "lab-ci"},
    {"abcdefgh:01234567\n", "abcdefgh:01234567", "token"},
    {"abcdefgh:01234567\n", "01234567", NULL},
    {"a/b:" TOKEN "\n", "a/b:" TOKEN, "token"},
};

START_TEST(tokens_are_found_by_their_text)
{
	struct job_fault fault;
	struct token_ring *ring = NULL;
	ck_assert_int_eq(read_ring_of(good_files[_i].content, 0640, &ring, &fault), 0);
	const char *name = token_ring_find(ring, good_files[_i].token);
	ck_assert_pstr_eq(name, good_files[_i].name);
	token_ring_free(ring);
}
END_TEST

static const struct {
	const char *content;
	mode_t mode;
	const char *says;
} bad_files[] = {
    {TOKEN, 0644, "is open to everybody"},
    {TOKEN, 0602, "is open to everybody"},
    {"0123456789abcde", 0600, "must hold tokens of 16 to 512 characters"},
    {"", 0600, "must hold tokens of 16 to 512 characters"},
    {"lab-ci:short\nanna:" TOKEN, 0600, "must hold tokens of 16 to 512 characters"},
    {"0123456789 abcdef", 0600, "must hold one word"},
    {"0123456789abcde\xff", 0600, "must hold one word"},
    {"lab-ci:" TOKEN "\nlab-ci:" OTHER, 0600, "two tokens of the name lab-ci"},
    {TOKEN "\n" OTHER, 0600, "two tokens of the name token"},
    {"lab-ci:" TOKEN "\nanna:" TOKEN, 0600, "has the token of anna twice"},
};

START_TEST(bad_file_is_refused)
{
	struct job_fault fault;
	struct token_ring *ring = NULL;
	ck_assert_int_eq(read_ring_of(bad_files[_i].content, bad_files[_i].mode, &ring, &fault), -EPROTO);
	ck_assert_ptr_null(ring);
	ck_assert_ptr_nonnull(strstr(fault.message, bad_files[_i].says));
	ck_assert_ptr_nonnull(strstr(fault.message, token_path));
	ck_assert_ptr_null(strstr(fault.message, TOKEN));
}
END_TEST

START_TEST(what_is_too_long_or_missing)
{
	struct job_fault fault;
	struct token_ring *ring = NULL;
	char content[1200];
	memset(content, 'a', sizeof(content));
	content[513] = '\0';
	ck_assert_int_eq(read_ring_of(content, 0600, &ring, &fault), -EPROTO);
	content[512] = '\0';
	ck_assert_int_eq(read_ring_of(content, 0600, &ring, &fault), 0);
	token_ring_free(ring);
	ck_assert_int_eq(truncate(token_path, 65537), 0);
	ck_assert_int_eq(token_ring_read(token_path, &ring, &fault), -EPROTO);
	ck_assert_ptr_nonnull(strstr(fault.message, "more than 65536 bytes"));
	unlink(token_path);
	ck_assert_int_eq(token_ring_read(token_path, &ring, &fault), -EPROTO);
	ck_assert_ptr_nonnull(strstr(fault.message, "No such file"));
	ck_assert_int_eq(token_ring_read(folder, &ring, &fault), -EPROTO);
	ck_assert_ptr_nonnull(strstr(fault.message, "is no file"));
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *suite = suite_create("tokens");
	TCase *files = tcase_create("token files");
	tcase_add_unchecked_fixture(files, make_folder, remove_folder);
	tcase_add_loop_test(files, tokens_are_found_by_their_text, 0, ROWS(good_files));
	tcase_add_loop_test(files, bad_file_is_refused, 0, ROWS(bad_files));
	tcase_add_test(files, what_is_too_long_or_missing);
	suite_add_tcase(suite, files);
	return suite_run(suite);
}
