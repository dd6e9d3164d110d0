/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/cache_case.h"
#include "tests/unit/suite_run.h"

#define SIZE 39u /* of what add() imports */

static char digests['z' + 1][FIRMWARE_SHA256_SIZE];

/* What was told to have gone, in that order: the first letters of the names. */
struct gone {
	char letters[16];
	size_t count;
	char partner[FIRMWARE_NAME_SIZE];
};

static void note_gone(void *context, const struct firmware *firmware)
{
	struct gone *gone = context;
	struct firmware found;
	struct cache_error error;

	/* The store can be asked, and does not have it any more. */
	ck_assert_int_eq(firmware_find(cache_case.store, firmware->sha256, &found, &error), -EPROTO);
	ck_assert_int_eq(error.code, CACHE_ERROR_NOT_FOUND);
	gone->letters[gone->count++] = firmware->name[0];
	strcpy(gone->partner, firmware->partner);
}

static void open_for(unsigned objects, struct gone *gone)
{
	const struct firmware_store_options options = {
	    .directory = cache_case.path,
	    .max_size = CACHE_CASE_MANY,
	    .quota = objects * SIZE,
	    .evicted = note_gone,
	    .context = gone,
	};

	cache_close();
	memset(gone, 0, sizeof(*gone));
	ck_assert_int_eq(firmware_store_open(&options, &cache_case.error, &cache_case.store), 0);
}

static int import(char letter, const char *name, const struct firmware_facts *stated)
{
	char text[] = "content of x"; /* cut to 10 bytes: 39 in all */
	struct firmware firmware = {0};
	struct made made;
	int r;

	text[9] = letter;
	text[10] = '\0';
	cache_make_bundle(&made, text);
	ck_assert_uint_eq(made.length, SIZE);
	r = cache_import(&made, name, stated, &firmware);
	if (r >= 0)
		strcpy(digests[(unsigned char)letter], firmware.sha256);
	firmware_clear(&firmware);
	made_free(&made);
	return r;
}

static void add(char letter)
{
	char name[] = {letter, '.', 'd', 'u', 'p', '\0'};
	int r = import(letter, name, NULL);

	ck_assert_msg(r >= 0, "%c: %s", letter, cache_case.error.message);
}

static const char *digest(char letter)
{
	return digests[(unsigned char)letter];
}

/* The first letters of the names, oldest import first. */
static void expect_kept(const char *letters)
{
	struct firmware *list;
	char found[16] = "";
	size_t count;

	ck_assert_int_eq(firmware_list(cache_case.store, &list, &count), 0);
	for (size_t i = 0; i < count; i++)
		found[i] = list[i].name[0];
	firmware_list_free(list, count);
	ck_assert_str_eq(found, letters);
	cache_expect_files(count, count);
}

static void use(char letter)
{
	char *path = NULL;

	ck_assert_int_eq(firmware_checked_path(cache_case.store, digest(letter), &path, &cache_case.error), 0);
	free(path);
}

START_TEST(the_least_recently_used_goes)
{
	struct gone gone;

	open_for(3, &gone);
	add('a');
	add('b');
	add('c');
	use('a');                                    /* sent to a modem */
	firmware_pin(cache_case.store, digest('b')); /* named by a job that ended */
	firmware_unpin(cache_case.store, digest('b'));
	add('d');
	expect_kept("abd");
	ck_assert_str_eq(gone.letters, "c");
	add('a'); /* imported again: nothing has to go for it */
	expect_kept("abd");
	add('e');
	expect_kept("ade");
	add('f');
	expect_kept("aef");
	ck_assert_str_eq(gone.letters, "cbd");
	ck_assert_int_eq(firmware_remove(cache_case.store, digest('a'), &cache_case.error), 0);
	ck_assert_str_eq(gone.letters, "cbd");
}
END_TEST

START_TEST(uses_are_known_after_a_restart)
{
	struct firmware renamed;
	struct gone gone;

	open_for(3, &gone);
	add('a');
	add('b');
	add('c');
	use('a');
	ck_assert_int_eq(firmware_patch(cache_case.store, digest('b'), "bb.dup", NULL, 0, &renamed, &cache_case.error), 0);
	firmware_clear(&renamed);
	open_for(3, &gone);
	add('d');
	ck_assert_str_eq(gone.letters, "b"); /* a change of name is no use */
	add('e');
	ck_assert_str_eq(gone.letters, "bc");
	expect_kept("ade");
}
END_TEST

/* A clock that was wrong, and is set back between two uses. */
START_TEST(order_holds_whatever_the_clock_says)
{
	static const struct timespec future[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 4000000000}};
	struct firmware firmware;
	struct gone gone;
	char path[320];

	open_for(2, &gone);
	add('a');
	add('b');
	cache_path_of(path, sizeof(path), "manifests", digest('a'), ".json");
	ck_assert_int_eq(utimensat(AT_FDCWD, path, future, 0), 0);
	open_for(2, &gone);
	use('b');
	ck_assert_int_eq(firmware_find(cache_case.store, digest('b'), &firmware, &cache_case.error), 0);
	ck_assert_int_eq(firmware.used_at_ns, 4000000000000000001);
	firmware_clear(&firmware);
	add('c');
	ck_assert_str_eq(gone.letters, "a");
}
END_TEST

START_TEST(what_jobs_need_never_goes)
{
	struct gone gone;

	open_for(3, &gone);
	add('a');
	add('b');
	add('c');
	for (char letter = 'a'; letter <= 'c'; letter++)
		ck_assert_int_eq(firmware_pin(cache_case.store, digest(letter)), 0);
	firmware_unpin(cache_case.store, digest('b'));
	add('d');
	ck_assert_str_eq(gone.letters, "b");
	ck_assert_int_eq(firmware_pin(cache_case.store, digest('d')), 0);
	ck_assert_int_eq(import('e', "e.dup", NULL), -EPROTO);
	cache_expect_error(-EPROTO, CACHE_ERROR_CACHE_FULL,
			   "no room for 10 more bytes in the quota of 117: jobs need 117 bytes of firmware, and files that are coming in "
			   "have 0");
	expect_kept("acd");
	ck_assert_str_eq(gone.letters, "b");
}
END_TEST

/* A job came between the begin of an import and its end. */
START_TEST(pinned_while_an_import_runs)
{
	struct firmware_import *import_handle;
	struct firmware firmware;
	struct gone gone;
	struct made made;

	open_for(2, &gone);
	add('a');
	add('b');
	cache_make_bundle(&made, "content oc");
	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &import_handle), 0);
	ck_assert_int_eq(firmware_import_append(import_handle, made.bytes, made.length, &cache_case.error), 0);
	firmware_pin(cache_case.store, digest('a'));
	firmware_pin(cache_case.store, digest('b'));
	cache_expect_error(firmware_import_commit(import_handle, "c.dup", NULL, "upload", &firmware, &cache_case.error),
			   CACHE_ERROR_CACHE_FULL,
			   "no room for 39 bytes in the quota of 78: 78 bytes of firmware are needed by jobs, or go with what is added");
	expect_kept("ab");
	ck_assert_str_eq(gone.letters, "");
	made_free(&made);
}
END_TEST

/* Bytes that turn out to be no firmware cost nobody else's place. */
START_TEST(nothing_goes_for_what_is_refused)
{
	struct firmware firmware;
	struct gone gone;
	struct made made;

	open_for(2, &gone);
	add('a');
	add('b');
	cache_make_bundle(&made, "content oc");
	made.bytes[SIZE - 1] ^= 1;
	ck_assert_int_eq(cache_import(&made, "bad.dup", NULL, &firmware), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_BUNDLE_DAMAGED);
	expect_kept("ab");
	ck_assert_str_eq(gone.letters, "");
	made_free(&made);
}
END_TEST

START_TEST(what_a_bundle_names_goes_after_it)
{
	struct firmware_facts stated = {0};
	struct gone gone;

	open_for(4, &gone);
	add('s');
	add('x');
	strcpy(stated.second, digest('s'));
	ck_assert_int_eq(import('f', "f.dup", &stated), 0);
	add('y');
	add('z'); /* s is the oldest, but f names it */
	ck_assert_str_eq(gone.letters, "x");
	add('w');
	ck_assert_str_eq(gone.letters, "xf");
	ck_assert_str_eq(gone.partner, "s.dup");
	add('v');
	ck_assert_str_eq(gone.letters, "xfs");
	expect_kept("yzwv");
}
END_TEST

START_TEST(what_a_needed_bundle_names_stays)
{
	struct firmware firmware;
	struct gone gone;
	struct made made;

	open_for(3, &gone);
	ck_assert_int_eq(import('P', "C-5.2-48829-2.dup", NULL), 0);
	ck_assert_int_eq(import('C', "C-5.2-48829-1.dup", NULL), 0);
	ck_assert_int_eq(firmware_pin(cache_case.store, digest('C')), 0);
	add('x');
	add('y');
	ck_assert_str_eq(gone.letters, "x");

	/* Bigger than y: to let y go would be in vain. */
	cache_make_bundle(&made, "a text that is a little longer");
	ck_assert_uint_gt(made.length, SIZE);
	ck_assert_int_eq(cache_import(&made, "big.dup", NULL, &firmware), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_CACHE_FULL);
	ck_assert_str_eq(gone.letters, "x");
	ck_assert_uint_eq(cache_count_listed(), 3);
	made_free(&made);
}
END_TEST

/* The helper of what is being added is the oldest, and must not make room for it. */
START_TEST(what_is_added_keeps_what_it_names)
{
	struct firmware_facts stated = {0};
	struct gone gone;

	open_for(2, &gone);
	add('s');
	add('x');
	strcpy(stated.second, digest('s'));
	ck_assert_int_eq(import('f', "f.dup", &stated), 0);
	expect_kept("sf");
	ck_assert_str_eq(gone.letters, "x");

	open_for(1, &gone);
	strcpy(stated.second, digest('s'));
	ck_assert_int_eq(import('g', "g.dup", &stated), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_CACHE_FULL);
	ck_assert_str_eq(gone.letters, "");
	expect_kept("sf");
}
END_TEST

START_TEST(a_smaller_quota_is_kept_at_the_next_import)
{
	struct gone gone;

	open_for(4, &gone);
	for (char letter = 'a'; letter <= 'd'; letter++)
		add(letter);
	open_for(2, &gone);
	expect_kept("abcd");
	add('e');
	ck_assert_str_eq(gone.letters, "abc");
	expect_kept("de");
}
END_TEST

/* What cannot be removed stays, and so does the account. */
START_TEST(an_object_that_cannot_be_removed)
{
	struct gone gone;
	char path[320], aside[330];

	open_for(2, &gone);
	add('a');
	add('b');
	cache_path_of(path, sizeof(path), "objects", digest('a'), "");
	snprintf(aside, sizeof(aside), "%s.aside", path);
	ck_assert_int_eq(rename(path, aside), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(import('c', "c.dup", NULL), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_IO);
	ck_assert_str_eq(gone.letters, "");
	ck_assert_uint_eq(cache_count_listed(), 2);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rename(aside, path), 0);
	add('c');
	ck_assert_str_eq(gone.letters, "a");
	expect_kept("bc");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("firmware_evict");
	TCase *order = tcase_create("order");
	TCase *kept = tcase_create("kept");

	tcase_add_checked_fixture(order, cache_set_up, cache_tear_down);
	tcase_add_test(order, the_least_recently_used_goes);
	tcase_add_test(order, uses_are_known_after_a_restart);
	tcase_add_test(order, order_holds_whatever_the_clock_says);
	tcase_add_test(order, a_smaller_quota_is_kept_at_the_next_import);
	tcase_add_checked_fixture(kept, cache_set_up, cache_tear_down);
	tcase_add_test(kept, what_jobs_need_never_goes);
	tcase_add_test(kept, pinned_while_an_import_runs);
	tcase_add_test(kept, nothing_goes_for_what_is_refused);
	tcase_add_test(kept, what_a_bundle_names_goes_after_it);
	tcase_add_test(kept, what_a_needed_bundle_names_stays);
	tcase_add_test(kept, what_is_added_keeps_what_it_names);
	tcase_add_test(kept, an_object_that_cannot_be_removed);
	suite_add_tcase(suite, order);
	suite_add_tcase(suite, kept);
	return suite_run(suite);
}
