/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_files.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/engine_request.h"
#include "daemon/image_share.h"
#include "tests/unit/cache_case.h"
#include "tests/unit/suite_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct job_request request;
static struct job_files files;
static struct job_fault fault;
static char one[FIRMWARE_SHA256_SIZE], two[FIRMWARE_SHA256_SIZE], full[FIRMWARE_SHA256_SIZE], elf[FIRMWARE_SHA256_SIZE];

static void set_up(void)
{
	cache_set_up();
	request = (struct job_request){.kind = JOB_UPGRADE, .way = "auto"};
	cache_add("first file", "CATM1-5.2-48829-1.dup", one);
	cache_add("second file", "CATM1-5.2-48829-2.dup", two);
	cache_add("lonely first file", "CATM1-5.2-50000-1.dup", full);
	cache_add("full", "CATM1-39529.dup", full);
	cache_add_helper(2, "updater.elf", elf); /* big-endian: Monarch 1 */
}

static void tear_down(void)
{
	job_files_clear(&files);
	cache_tear_down();
}

static int resolve(const char *bundle)
{
	job_files_clear(&files);
	return job_files_resolve(cache_case.store, &request, bundle, &files, &fault);
}

static void state_helper(const char *bundle, const char *helper)
{
	struct firmware_facts stated = {0};
	struct firmware patched;
	strcpy(stated.helper, helper);
	ck_assert_int_eq(firmware_patch(cache_case.store, bundle, NULL, &stated, FACT_HELPER, &patched, &cache_case.error), 0);
	firmware_clear(&patched);
}

START_TEST(a_pair_is_one_request)
{
	ck_assert_int_eq(resolve("CATM1-5.2-48829-1.dup"), 0);
	ck_assert_str_eq(request.firmware, one);
	ck_assert_str_eq(request.firmware_name, "CATM1-5.2-48829-1.dup");
	ck_assert_str_eq(request.second, two);
	ck_assert_str_eq(request.helper, "");
	ck_assert_str_eq(files.second.name, "CATM1-5.2-48829-2.dup");
	ck_assert_str_eq(files.helper.sha256, "");
	job_files_clear(&files);
	/* A job that runs finds the same by their digests. */
	ck_assert_int_eq(job_files_find(cache_case.store, &request, &files, &fault), 0);
	ck_assert_str_eq(files.bundle.sha256, one);
	ck_assert_str_eq(files.second.sha256, two);
}
END_TEST

START_TEST(the_helper_of_the_bundle_is_taken)
{
	struct upgrade_firmware wanted;
	ck_assert_int_eq(resolve("CATM1-39529.dup"), 0);
	ck_assert_str_eq(request.helper, "");
	state_helper(full, elf);
	ck_assert_int_eq(resolve("CATM1-39529.dup"), 0);
	ck_assert_str_eq(request.helper, elf);
	engine_firmware(&files, &wanted);
	ck_assert(wanted.helper);
	ck_assert_int_eq(wanted.helper_family, FAMILY_MONARCH1);
	ck_assert(!wanted.second);
	/* When it is gone the bundle still goes on a modem that needs none. */
	request.helper[0] = '\0';
	ck_assert_int_eq(firmware_remove(cache_case.store, elf, &cache_case.error), 0);
	ck_assert_int_eq(resolve("CATM1-39529.dup"), 0);
	ck_assert_str_eq(request.helper, "");
}
END_TEST

START_TEST(what_is_asked_for_goes_before_what_is_linked)
{
	char other[FIRMWARE_SHA256_SIZE];
	struct made made;
	struct firmware firmware;
	cache_make_helper(&made, 2);
	made.bytes[made.length - 1] ^= 1;
	ck_assert_int_eq(cache_import(&made, "other.elf", NULL, &firmware), 0);
	made_free(&made);
	firmware_clear(&firmware);
	state_helper(full, elf);
	strcpy(request.helper, "other.elf");
	ck_assert_int_eq(resolve("CATM1-39529.dup"), 0);
	ck_assert_str_ne(request.helper, elf);
	ck_assert_str_eq(files.helper.name, "other.elf");
	cache_add("another end", "end.dup", other);
	strcpy(request.second, other);
	ck_assert_int_eq(resolve("CATM1-5.2-48829-1.dup"), 0);
	ck_assert_str_eq(request.second, other);
}
END_TEST

static const struct {
	const char *bundle, *helper, *second;
	const char *code, *message;
} refusals[] = {
    {"CATM1-5.2-48829-2.dup", "", "", "bundle-unsupported",
     "CATM1-5.2-48829-2.dup is the second file of a pair and cannot go alone: ask for the first one, CATM1-5.2-48829-1.dup, and both are "
     "sent"},
    {"CATM1-5.2-50000-1.dup", "", "", "bundle-unsupported",
     "CATM1-5.2-50000-1.dup is the first file of a pair and the second one, CATM1-5.2-50000-2.dup, is not in the cache: add it, or name "
     "the "
     "file as `second` (force sends the first alone)"},
    {"CATM1-5.2-50000-1.dup", "", "CATM1-5.2-48829-2.dup", "invalid-request",
     "CATM1-5.2-50000-1.dup and CATM1-5.2-48829-2.dup are of different pairs: CATM1-5.2-50000-1.dup goes with CATM1-5.2-50000-2.dup"},
    {"CATM1-39529.dup", "", "GM02-60000.dup", "bundle-wrong-family",
     "CATM1-39529.dup is for monarch1 and GM02-60000.dup for monarch2: they are no pair"},
    {"CATM1-39529.dup", "", "CATM1-39529.dup", "invalid-request", "CATM1-39529.dup cannot be its own second file"},
    {"CATM1-39529.dup", "", "updater.elf", "invalid-request", "second updater.elf is a helper, not a bundle"},
    {"CATM1-39529.dup", "", "gone.dup", "not-found", "no firmware \"gone.dup\" in the cache"},
    {"GM02-60000.dup", "updater.elf", "", "helper-mismatch",
     "the helper updater.elf is for monarch1 by its byte order and the bundle GM02-60000.dup is for monarch2"},
    {"CATM1-39529.dup", "GM02-60000.dup", "", "invalid-request", "GM02-60000.dup is a bundle, not a helper"},
    {"updater.elf", "", "", "invalid-request", "updater.elf is a helper; an upgrade needs a bundle"},
};

START_TEST(files_that_cannot_go_are_refused)
{
	char other[FIRMWARE_SHA256_SIZE];
	cache_add("of the other family", "GM02-60000.dup", other);
	strcpy(request.helper, refusals[_i].helper);
	strcpy(request.second, refusals[_i].second);
	ck_assert_int_eq(resolve(refusals[_i].bundle), -EPROTO);
	ck_assert_str_eq(fault.message, refusals[_i].message);
	ck_assert_str_eq(fault.kind->code, refusals[_i].code);
	ck_assert_ptr_null(files.bundle.bundle);
}
END_TEST

START_TEST(the_first_file_goes_alone_by_force_only)
{
	request.force = true;
	ck_assert_int_eq(resolve("CATM1-5.2-50000-1.dup"), 0);
	ck_assert_str_eq(request.second, "");
	ck_assert_int_eq(resolve("CATM1-5.2-48829-2.dup"), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "bundle-unsupported");
}
END_TEST

static void add_of_size(const char *name, size_t size)
{
	struct made data = {0}, made = {0};
	struct firmware firmware;
	made_noise(&data, size - 18 - 7 - 4, 3); /* header, description, checksum */
	made_record(&made, "UPGR", 3, 1, "a part", data.bytes, data.length);
	ck_assert_uint_eq(made.length, size);
	ck_assert_int_eq(cache_import(&made, name, NULL, &firmware), 0);
	firmware_clear(&firmware);
	made_free(&data);
	made_free(&made);
}

/* protocol.md 3: at most 4,194,304 bytes go in by the way fff. */
START_TEST(a_bundle_too_big_for_its_way_is_refused)
{
	add_of_size("fits.dup", 4194304);
	add_of_size("big.dup", 4194305);
	add_of_size("upgdiff_33080-to-39529.dup", 4194306);
	ck_assert_int_eq(resolve("big.dup"), 0);
	strcpy(request.way, "fff");
	ck_assert_int_eq(resolve("fits.dup"), 0);
	ck_assert_int_eq(resolve("big.dup"), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "bundle-too-big");
	ck_assert_str_eq(fault.message, "big.dup has 4194305 bytes and the way fff takes at most 4194304: leave the way to auto");
	strcpy(request.way, "auto");
	ck_assert_int_eq(resolve("upgdiff_33080-to-39529.dup"), -EPROTO);
	ck_assert_str_eq(fault.message, "upgdiff_33080-to-39529.dup has 4194306 bytes and the way fff, which is the only one of a "
					"differential, takes at most 4194304: use a full bundle");
}
END_TEST

/* A full bundle with its boot ROM package at byte 35, in a PACK. */
static void add_whole(struct made *ret)
{
	struct made inside = {0};
	struct firmware firmware;
	made_record(&inside, "UPGR", 3, 1, "bootrom upgrade package", "boot ROM", 8);
	made_record(&inside, "UPGR", 3, 1, "fff upgrade package", "the rest of it", 14);
	*ret = (struct made){0};
	made_pack(ret, &inside);
	ck_assert_int_eq(cache_import(ret, "CATM1-40000.dup", NULL, &firmware), 0);
	firmware_clear(&firmware);
	made_free(&inside);
}

START_TEST(every_file_has_its_image_and_shares_it)
{
	struct image_share *share = NULL;
	struct job_images first, again;
	struct upgrade_firmware wanted;
	struct made made;
	add_whole(&made);
	strcpy(request.helper, "updater.elf");
	strcpy(request.second, "CATM1-39529.dup");
	ck_assert_int_eq(resolve("CATM1-40000.dup"), 0);
	engine_firmware(&files, &wanted);
	ck_assert(wanted.boot_rom && wanted.helper && wanted.second);
	ck_assert_uint_eq(wanted.branch, 5);
	ck_assert_uint_eq(wanted.second_base_build, 0);
	files.second.facts.base_build = 39529;
	engine_firmware(&files, &wanted);
	ck_assert_uint_eq(wanted.second_base_build, 39529);
	ck_assert_uint_eq(wanted.size, made.length);
	ck_assert_uint_eq(wanted.second_size, files.second.size);
	ck_assert_int_eq(image_share_new(cache_case.store, &share), 0);
	ck_assert_int_eq(image_share_acquire(share, &files, &first, &fault), 0);
	ck_assert_mem_eq(image_source(first.bundle)->plain, made.bytes, made.length);
	ck_assert_uint_eq(image_source(first.boot_rom)->plain_size, 18 + 24 + 8 + 4);
	ck_assert_mem_eq(image_source(first.boot_rom)->plain, made.bytes + 35, 18 + 24 + 8 + 4);
	ck_assert_str_eq(image_source(first.boot_rom)->parts[0].description, "bootrom upgrade package");
	ck_assert(image_source(first.helper)->is_elf);
	ck_assert_uint_eq(image_source(first.second)->plain_size, files.second.size);
	ck_assert(!image_source(first.second)->is_elf);
	ck_assert_int_eq(image_share_acquire(share, &files, &again, &fault), 0);
	ck_assert_mem_eq(&again, &first, sizeof(first)); /* the very same images */
	image_share_release(share, &first);
	ck_assert_ptr_null(first.bundle);
	ck_assert_mem_eq(image_source(again.bundle)->plain, made.bytes, made.length); /* held by the other still */
	image_share_release(share, &again);
	image_share_free(share);
	made_free(&made);
}
END_TEST

static const char *const rotten[] = {"CATM1-40000.dup", "updater.elf", "CATM1-39529.dup"};

/* The digest of each is checked before anything is sent. */
START_TEST(a_file_that_rotted_is_not_sent)
{
	struct image_share *share = NULL;
	struct job_images images;
	struct firmware firmware;
	struct made made;
	add_whole(&made);
	strcpy(request.helper, "updater.elf");
	strcpy(request.second, "CATM1-39529.dup");
	ck_assert_int_eq(resolve("CATM1-40000.dup"), 0);
	ck_assert_int_eq(firmware_find(cache_case.store, rotten[_i], &firmware, &cache_case.error), 0);
	cache_write_file("objects", firmware.sha256, "", "rotten", 6);
	ck_assert_int_eq(image_share_new(cache_case.store, &share), 0);
	ck_assert_int_eq(image_share_acquire(share, &files, &images, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "digest-mismatch");
	ck_assert_ptr_nonnull(strstr(fault.message, firmware.sha256));
	ck_assert_ptr_null(images.bundle);
	image_share_free(share); /* nothing is held */
	firmware_clear(&firmware);
	made_free(&made);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job_files");
	TCase *tests = tcase_create("files");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_pair_is_one_request);
	tcase_add_test(tests, the_helper_of_the_bundle_is_taken);
	tcase_add_test(tests, what_is_asked_for_goes_before_what_is_linked);
	tcase_add_loop_test(tests, files_that_cannot_go_are_refused, 0, COUNT(refusals));
	tcase_add_test(tests, the_first_file_goes_alone_by_force_only);
	tcase_add_test(tests, a_bundle_too_big_for_its_way_is_refused);
	tcase_add_test(tests, every_file_has_its_image_and_shares_it);
	tcase_add_loop_test(tests, a_file_that_rotted_is_not_sent, 0, COUNT(rotten));
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
