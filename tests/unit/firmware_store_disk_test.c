/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "firmware-cache/store_state.h"
#include "tests/unit/cache_case.h"
#include "tests/unit/suite_run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MANY         CACHE_CASE_MANY

START_TEST(test_bit_flipped_on_disk)
{
	struct firmware firmware;
	struct made made;
	char sha256[FIRMWARE_SHA256_SIZE], digest[FIRMWARE_SHA256_SIZE];
	char message[320], evidence[96];
	char *path;

	cache_add("rots on disk", "rotten.dup", sha256);
	cache_make_bundle(&made, "rots on disk");
	made.bytes[30] ^= 0x20;
	cache_write_file("objects", sha256, "", made.bytes, made.length);
	cache_digest_of(&made, digest);
	snprintf(message, sizeof(message), "%s/objects/%s has changed on disk: add the firmware again", cache_case.path, sha256);
	snprintf(evidence, sizeof(evidence), "its SHA-256 is %s", digest);
	cache_expect_error(firmware_checked_path(cache_case.store, sha256, &path, &cache_case.error), CACHE_ERROR_DIGEST_MISMATCH, message);
	ck_assert_str_eq(cache_case.error.evidence, evidence);
	ck_assert_int_eq(firmware_find(cache_case.store, sha256, &firmware, &cache_case.error), 0);
	ck_assert(firmware.rotten);
	firmware_clear(&firmware);

	/* It does as the message says. */
	made.bytes[30] ^= 0x20;
	ck_assert_int_eq(cache_import(&made, NULL, NULL, &firmware), 1);
	ck_assert(!firmware.rotten);
	firmware_clear(&firmware);
	ck_assert_int_eq(firmware_checked_path(cache_case.store, sha256, &path, &cache_case.error), 0);
	free(path);
	made_free(&made);
}
END_TEST

START_TEST(test_object_gone_from_disk)
{
	char sha256[FIRMWARE_SHA256_SIZE];
	char path[320], message[400];
	char *checked;

	cache_add("vanishes", "vanished.dup", sha256);
	cache_path_of(path, sizeof(path), "objects", sha256, "");
	ck_assert_int_eq(unlink(path), 0);
	snprintf(message, sizeof(message), "cannot open %s: No such file or directory", path);
	cache_expect_error(firmware_checked_path(cache_case.store, sha256, &checked, &cache_case.error), CACHE_ERROR_IO, message);
	ck_assert_int_eq(firmware_checked_path(cache_case.store, "0123", &checked, &cache_case.error), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_NOT_FOUND);
	/* The manifest of nothing, as a crash in the middle of an import or a removal leaves it. */
	cache_reopen();
	ck_assert_uint_eq(cache_count_listed(), 0);
	cache_expect_files(0, 0);
}
END_TEST

START_TEST(test_leftovers_are_removed)
{
	char sha256[FIRMWARE_SHA256_SIZE];
	char folder[160];

	cache_add("stays", "stays.dup", sha256);
	cache_close();
	cache_write_file("incoming", "0", "", "half of a bundle", 16);
	cache_write_file("incoming", "17", "", "", 0);
	cache_path_of(folder, sizeof(folder), "incoming", "folder", "");
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	cache_open(MANY, MANY);
	ck_assert_uint_eq(cache_count_listed(), 1);
	ck_assert(!cache_file_exists("incoming", "0", ""));
	ck_assert(!cache_file_exists("incoming", "17", ""));
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(test_damaged_manifest)
{
	static const char *const manifests[] = {
	    "", "{", "[]", "{}", "{\"manifest\": 1}", "\377\376", "null",
	};
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE];

	cache_add("keeps its content", "CATM1-39529.dup", sha256);
	cache_close();
	cache_write_file("manifests", sha256, ".json", manifests[_i], strlen(manifests[_i]));
	for (int i = 0; i < 2; i++) {
		cache_open(MANY, MANY);
		ck_assert_int_eq(firmware_find(cache_case.store, sha256, &firmware, &cache_case.error), 0);
		ck_assert_mem_eq(firmware.name, sha256, 12);
		ck_assert_uint_eq(strlen(firmware.name), 12);
		ck_assert_str_eq(firmware.source, "found in the cache");
		ck_assert_uint_eq(firmware.bundle->record_count, 1);
		ck_assert_str_eq(firmware.bundle->records[0].description, "a part");
		ck_assert(cache_file_exists("manifests", sha256, ".json.damaged"));
		ck_assert(cache_file_exists("manifests", sha256, ".json"));
		firmware_clear(&firmware);
		cache_close();
	}
}
END_TEST

static void read_manifest(const char *sha256, char *ret, size_t size)
{
	char path[320];
	FILE *file;
	size_t length;

	cache_path_of(path, sizeof(path), "manifests", sha256, ".json");
	file = fopen(path, "rb");
	ck_assert_ptr_nonnull(file);
	length = fread(ret, 1, size - 1, file);
	ret[length] = '\0';
	fclose(file);
}

/* Each value that a manifest may not have makes it a damaged one. */
START_TEST(test_wrong_values_in_manifest)
{
	static const struct {
		const char *good, *bad;
	} rows[] = {
	    {"\"manifest\": 1", "\"manifest\": 0"},
	    {"\"manifest\": 1", "\"manifest\": 2"},
	    {"\"manifest\": 1", "\"manifest\": \"1\""},
	    {"\"name\": \"good.dup\"", "\"name\": \"../good.dup\""},
	    {"\"name\": \"good.dup\"", "\"name\": \"good.dup\", \"name\": \"double.dup\""},
	    {"\"name\": \"good.dup\"", "\"name\": \"good\\u0000dup\""},
	    {"\"size\": ", "\"size\": -"},
	    {"\"size\": ", "\"size\": 0.5, \"was\": "},
	    {"\"kind\": \"bundle\"", "\"kind\": \"helper\""},
	    {"\"kind\": \"bundle\"", "\"kind\": \"else\""},
	    {"\"family\": \"\"", "\"family\": \"monarch77\""},
	    {"\"family\": \"\"", "\"family\": \"much too long for a family\""},
	    {"\"base_build\": 0", "\"base_build\": 4294967296"},
	    {"\"second\": \"\"", "\"second\": \"12\""},
	    {"\"source\": \"upload\"", "\"source\": null"},
	    {"\"magic\": \"UPGR\"", "\"magic\": \"UPGRADE\""},
	    {"\"check\": \"good\"", "\"check\": \"better\""},
	    {"\"depth\": 0", "\"depth\": 5"},
	    {"\"size\": 4,", "\"size\": 400,"},
	    {"\"flags\": 0", "\"flags\": 65536"},
	    {"\"sequence\": 0", "\"sequence\": 9223372036854775807"},
	};
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE];
	char text[4096], changed[4096];
	const char *at;

	ck_assert_uint_eq(COUNT(rows), 21);
	cache_add("text", "good.dup", sha256);
	cache_close();
	read_manifest(sha256, text, sizeof(text));
	at = strstr(text, rows[_i].good);
	ck_assert_msg(at != NULL, "%s is not in %s", rows[_i].good, text);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, rows[_i].bad, at + strlen(rows[_i].good));
	cache_write_file("manifests", sha256, ".json", changed, strlen(changed));
	cache_open(MANY, MANY);
	ck_assert_int_eq(firmware_find(cache_case.store, sha256, &firmware, &cache_case.error), 0);
	ck_assert_mem_eq(firmware.name, sha256, 12);
	ck_assert(cache_file_exists("manifests", sha256, ".json.damaged"));
	firmware_clear(&firmware);
}
END_TEST

/* As the cache wrote them before there were pairs. */
START_TEST(test_manifest_without_second)
{
	static const char member[] = ",\n  \"second\": \"\"";
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE];
	char text[4096];
	int removed = 0;

	cache_add("text", "good.dup", sha256);
	cache_close();
	read_manifest(sha256, text, sizeof(text));
	for (char *at; (at = strstr(text, member)) != NULL; removed++)
		memmove(at, at + strlen(member), strlen(at + strlen(member)) + 1);
	ck_assert_int_eq(removed, 2);
	cache_write_file("manifests", sha256, ".json", text, strlen(text));
	cache_open(MANY, MANY);
	ck_assert_int_eq(firmware_find(cache_case.store, "good.dup", &firmware, &cache_case.error), 0);
	ck_assert_str_eq(firmware.facts.second, "");
	ck_assert(!cache_file_exists("manifests", sha256, ".json.damaged"));
	firmware_clear(&firmware);
}
END_TEST

START_TEST(test_manifest_of_another)
{
	struct firmware firmware;
	char first[FIRMWARE_SHA256_SIZE], second[FIRMWARE_SHA256_SIZE];
	char text[4096];

	cache_add("first", "first.dup", first);
	cache_add("second", "second.dup", second);
	cache_close();
	read_manifest(first, text, sizeof(text));
	cache_write_file("manifests", second, ".json", text, strlen(text));
	cache_open(MANY, MANY);
	ck_assert_uint_eq(cache_count_listed(), 2);
	ck_assert_int_eq(firmware_find(cache_case.store, second, &firmware, &cache_case.error), 0);
	ck_assert_mem_eq(firmware.name, second, 12);
	firmware_clear(&firmware);
}
END_TEST

START_TEST(test_object_without_manifest)
{
	struct firmware firmware;
	struct made made, helper;
	char sha256[FIRMWARE_SHA256_SIZE], elf[FIRMWARE_SHA256_SIZE];

	cache_make_bundle(&made, "an orphan");
	cache_make_helper(&helper, 1);
	cache_digest_of(&made, sha256);
	cache_digest_of(&helper, elf);
	cache_close();
	cache_write_file("objects", sha256, "", made.bytes, made.length);
	cache_write_file("objects", elf, "", helper.bytes, helper.length);
	cache_open(MANY, MANY);
	ck_assert_int_eq(firmware_find(cache_case.store, sha256, &firmware, &cache_case.error), 0);
	ck_assert_uint_eq(firmware.size, made.length);
	firmware_clear(&firmware);
	ck_assert_int_eq(firmware_find(cache_case.store, elf, &firmware, &cache_case.error), 0);
	ck_assert_int_eq(firmware.kind, FIRMWARE_HELPER);
	ck_assert_str_eq(firmware.facts.family, "monarch2");
	firmware_clear(&firmware);
	cache_expect_files(2, 2);
	ck_assert_int_eq(cache_import(&made, "adopted.dup", NULL, &firmware), 1);
	ck_assert_str_eq(firmware.name, "adopted.dup");
	ck_assert_str_eq(firmware.source, "upload");
	firmware_clear(&firmware);
	ck_assert_int_eq(cache_import(&made, "another.dup", NULL, &firmware), 1);
	ck_assert_str_eq(firmware.name, "adopted.dup"); /* it has a manifest again */
	firmware_clear(&firmware);
	made_free(&made);
	made_free(&helper);
}
END_TEST

/* Nothing can use it, and its room is needed. Files that are none of ours stay. */
START_TEST(test_object_that_is_not_its_name)
{
	struct made made = {0};
	char sha256[FIRMWARE_SHA256_SIZE], text[FIRMWARE_SHA256_SIZE];

	cache_add("was good", "was_good.dup", sha256);
	cache_close();
	cache_write_file("objects", sha256, "", "rotten", 6);
	cache_write_file("manifests", sha256, ".json", "rotten", 6);
	made_add(&made, "no firmware at all", 18);
	cache_digest_of(&made, text);
	cache_write_file("objects", text, "", made.bytes, made.length);
	cache_write_file("objects", "README", "", "not ours", 8);
	cache_write_file("manifests", "README", "", "not ours", 8);
	cache_open(MANY, MANY);
	ck_assert_uint_eq(cache_count_listed(), 0);
	ck_assert(!cache_file_exists("objects", sha256, ""));
	ck_assert(!cache_file_exists("objects", text, ""));
	ck_assert(cache_file_exists("objects", "README", ""));
	ck_assert(cache_file_exists("manifests", "README", ""));
	made_free(&made);
}
END_TEST

static void expect_no_store(const char *directory, const char *message)
{
	const struct firmware_store_options options = {.directory = directory, .max_size = MANY, .quota = MANY};
	struct firmware_store *none;

	cache_expect_error(firmware_store_open(&options, &cache_case.error, &none), CACHE_ERROR_IO, message);
}

START_TEST(test_folder_that_cannot_be)
{
	char path[160], message[400];

	snprintf(path, sizeof(path), "%s/missing/cache", cache_case.root);
	snprintf(message, sizeof(message), "cannot create %s: No such file or directory", path);
	expect_no_store(path, message);

	snprintf(path, sizeof(path), "%s/lock", cache_case.path);
	snprintf(message, sizeof(message), "cannot open %s: Not a directory", path);
	expect_no_store(path, message);

	cache_close();
	snprintf(path, sizeof(path), "%s/lock", cache_case.path);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(message, sizeof(message), "cannot open %s: Is a directory", path);
	expect_no_store(cache_case.path, message);
	ck_assert_int_eq(rmdir(path), 0);

	snprintf(path, sizeof(path), "%s/manifests", cache_case.path);
	ck_assert_int_eq(rmdir(path), 0);
	cache_write_file(".", "manifests", "", "", 0);
	snprintf(message, sizeof(message), "cannot open %s: Not a directory", path);
	expect_no_store(cache_case.path, message);
}
END_TEST

/* As somebody who is not root, whoever runs the test. */
START_TEST(test_folder_without_permission)
{
	const struct firmware_store_options options = {.directory = cache_case.path, .max_size = MANY, .quota = MANY};
	struct firmware_store *none;
	uid_t user = geteuid();
	char message[256];
	int r;

	cache_close();
	ck_assert_int_eq(chmod(cache_case.root, 0), 0);
	ck_assert_int_eq(seteuid(user ? user : 65534), 0);
	r = firmware_store_open(&options, &cache_case.error, &none);
	ck_assert_int_eq(seteuid(user), 0);
	ck_assert_int_eq(chmod(cache_case.root, 0700), 0);
	snprintf(message, sizeof(message), "cannot create %s: Permission denied", cache_case.path);
	cache_expect_error(r, CACHE_ERROR_IO, message);
}
END_TEST

START_TEST(test_codes_of_the_disk)
{
	static const struct {
		int error;
		enum cache_error_code code;
		const char *message;
	} rows[] = {
	    {ENOSPC, CACHE_ERROR_CACHE_FULL, "cannot write /cache/x: No space left on device"},
	    {EDQUOT, CACHE_ERROR_CACHE_FULL, "cannot write /cache/x: Disk quota exceeded"},
	    {EROFS, CACHE_ERROR_IO, "cannot write /cache/x: Read-only file system"},
	    {EACCES, CACHE_ERROR_IO, "cannot write /cache/x: Permission denied"},
	    {99999, CACHE_ERROR_IO, "cannot write /cache/x: unknown error"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		cache_expect_error(disk_report_path("/cache/x", rows[i].error, "write", &cache_case.error), rows[i].code, rows[i].message);
}
END_TEST

START_TEST(test_write_that_fails)
{
	/* the first stops the bundle, the second its manifest */
	static const rlim_t limits[] = {20, 200};
	const struct rlimit limit = {.rlim_cur = limits[_i], .rlim_max = RLIM_INFINITY};
	struct firmware firmware;
	struct made made;
	char message[256];

	cache_make_bundle(&made, "longer than a file may be");
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	snprintf(message, sizeof(message), "cannot write %s/incoming/%d: File too large", cache_case.path, _i);
	cache_expect_error(cache_import(&made, "x.dup", NULL, &firmware), CACHE_ERROR_IO, message);
	cache_expect_files(0, 0);
	made_free(&made);
}
END_TEST

/* What stands in the way of the rename: a folder of the same name. */
static void block(const char *folder, const char *sha256, const char *end, char *ret_path, size_t size)
{
	char inside[400];

	cache_path_of(ret_path, size, folder, sha256, end);
	unlink(ret_path);
	ck_assert_int_eq(mkdir(ret_path, 0700), 0);
	snprintf(inside, sizeof(inside), "%s/x", ret_path);
	ck_assert_int_eq(mkdir(inside, 0700), 0);
}

START_TEST(test_import_that_cannot_end)
{
	static const struct {
		const char *folder, *end;
	} rows[] = {{"objects", ""}, {"manifests", ".json"}};
	struct firmware firmware;
	struct made made;
	char sha256[FIRMWARE_SHA256_SIZE];
	char path[320], message[384];

	cache_make_bundle(&made, "no place");
	cache_digest_of(&made, sha256);
	block(rows[_i].folder, sha256, rows[_i].end, path, sizeof(path));
	snprintf(message, sizeof(message), "cannot create %s: Is a directory", path);
	cache_expect_error(cache_import(&made, "x.dup", NULL, &firmware), CACHE_ERROR_IO, message);
	ck_assert_uint_eq(cache_count_listed(), 0);
	cache_expect_files(_i == 0, _i == 1); /* the folder alone */
	made_free(&made);
}
END_TEST

START_TEST(test_import_that_cannot_begin)
{
	struct firmware_import *handle;
	char path[320], message[384];

	cache_path_of(path, sizeof(path), "incoming", "", "");
	ck_assert_int_eq(rmdir(path), 0);
	snprintf(message, sizeof(message), "cannot create %s0: No such file or directory", path);
	cache_expect_error(firmware_import_begin(cache_case.store, &cache_case.error, &handle), CACHE_ERROR_IO, message);
}
END_TEST

/* The same content again, when the disk says no: what was there stays as it was. */
START_TEST(test_second_import_that_cannot_end)
{
	struct firmware firmware;
	struct made made;
	char sha256[FIRMWARE_SHA256_SIZE];
	char path[320], message[384];

	cache_add("twice", "first.dup", sha256);
	cache_make_bundle(&made, "twice");
	block("objects", sha256, "", path, sizeof(path));
	snprintf(message, sizeof(message), "cannot create %s: Is a directory", path);
	cache_expect_error(cache_import(&made, "second.dup", NULL, &firmware), CACHE_ERROR_IO, message);
	ck_assert_int_eq(firmware_find(cache_case.store, "first.dup", &firmware, &cache_case.error), 0);
	firmware_clear(&firmware);
	cache_expect_files(1, 1);
	made_free(&made);
}
END_TEST

START_TEST(test_removal_that_fails)
{
	struct firmware *list;
	size_t count;
	char first[FIRMWARE_SHA256_SIZE], second[FIRMWARE_SHA256_SIZE];
	char path[320], message[384];
	char *checked;

	cache_add("first", "first.dup", first);
	cache_add("second", "second.dup", second);
	block("objects", first, "", path, sizeof(path));
	snprintf(message, sizeof(message), "cannot remove %s: Is a directory", path);
	cache_expect_error(firmware_remove(cache_case.store, first, &cache_case.error), CACHE_ERROR_IO, message);
	snprintf(message, sizeof(message), "cannot read %s: Is a directory", path);
	cache_expect_error(firmware_checked_path(cache_case.store, first, &checked, &cache_case.error), CACHE_ERROR_IO, message);
	ck_assert_int_eq(firmware_list(cache_case.store, &list, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(list[0].sha256, first);
	ck_assert_str_eq(list[1].sha256, second);
	firmware_list_free(list, count);
	cache_expect_files(2, 2);
}
END_TEST

START_TEST(test_patch_that_cannot_be_kept)
{
	struct firmware firmware;
	char sha256[FIRMWARE_SHA256_SIZE];
	char path[320], message[384];

	cache_add("steady", "steady.dup", sha256);
	block("manifests", sha256, ".json", path, sizeof(path));
	snprintf(message, sizeof(message), "cannot create %s: Is a directory", path);
	cache_expect_error(firmware_patch(cache_case.store, sha256, "other.dup", NULL, 0, &firmware, &cache_case.error), CACHE_ERROR_IO,
			   message);
	ck_assert_int_eq(firmware_find(cache_case.store, "steady.dup", &firmware, &cache_case.error), 0);
	firmware_clear(&firmware);
	cache_expect_files(1, 1);
}
END_TEST

START_TEST(test_one_process_at_a_time)
{
	char message[256];
	pid_t child;
	int status;

	snprintf(message, sizeof(message), "the cache %s is in use by another process (it holds %s/lock)", cache_case.path,
		 cache_case.path);
	expect_no_store(cache_case.path, message);
	child = fork();
	if (child == 0) {
		const struct firmware_store_options options = {.directory = cache_case.path, .max_size = MANY, .quota = MANY};
		struct firmware_store *none;

		_exit(firmware_store_open(&options, &cache_case.error, &none) == -EPROTO && cache_case.error.code == CACHE_ERROR_IO ? 0
																    : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	cache_reopen(); /* and the lock goes with the cache_case.store */
}
END_TEST

static void import_until_killed(int answers)
{
	char sha256[FIRMWARE_SHA256_SIZE], text[32];

	cache_open(MANY, MANY);
	for (unsigned i = 0;; i++) {
		snprintf(text, sizeof(text), "%d %u", getpid(), i);
		cache_add(text, text, sha256);
		if (write(answers, sha256, sizeof(sha256)) != sizeof(sha256))
			_exit(1);
	}
}

static void expect_answered(const char *sha256)
{
	char *path;

	ck_assert_int_eq(firmware_checked_path(cache_case.store, sha256, &path, &cache_case.error), 0);
	free(path);
}

/* What was answered is there, what was not has left nothing. */
START_TEST(test_kill_in_the_middle)
{
	char answered[2048][FIRMWARE_SHA256_SIZE]; /* more than a pipe holds */
	int answers[2];
	size_t count = 0;
	pid_t child;

	cache_close();
	ck_assert_int_eq(pipe(answers), 0);
	child = fork();
	if (child == 0)
		import_until_killed(answers[1]);
	close(answers[1]);
	while (count < (size_t)_i + 1) {
		ck_assert_int_eq(read(answers[0], answered[count], FIRMWARE_SHA256_SIZE), FIRMWARE_SHA256_SIZE);
		count++;
	}
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	while (count < COUNT(answered) && read(answers[0], answered[count], FIRMWARE_SHA256_SIZE) == FIRMWARE_SHA256_SIZE)
		count++;
	close(answers[0]);

	cache_open(MANY, MANY);
	for (size_t i = 0; i < count; i++)
		expect_answered(answered[i]);
	ck_assert_uint_le(cache_count_listed(), count + 1);
	cache_expect_files(cache_count_listed(), cache_count_listed());
}
END_TEST

START_TEST(test_modes)
{
	struct stat status;

	ck_assert_int_eq(stat(cache_case.path, &status), 0);
	ck_assert_int_eq(status.st_mode & 07027u, 0);
}
END_TEST

static TCase *new_case(const char *name)
{
	TCase *made = tcase_create(name);

	tcase_add_checked_fixture(made, cache_set_up, cache_tear_down);
	return made;
}

static TCase *disk_case(void)
{
	TCase *disk = new_case("disk");

	tcase_add_test(disk, test_bit_flipped_on_disk);
	tcase_add_test(disk, test_object_gone_from_disk);
	tcase_add_test(disk, test_leftovers_are_removed);
	tcase_add_loop_test(disk, test_damaged_manifest, 0, 7);
	tcase_add_loop_test(disk, test_wrong_values_in_manifest, 0, 21);
	tcase_add_test(disk, test_manifest_of_another);
	tcase_add_test(disk, test_manifest_without_second);
	tcase_add_test(disk, test_object_without_manifest);
	tcase_add_test(disk, test_object_that_is_not_its_name);
	tcase_add_test(disk, test_folder_that_cannot_be);
	tcase_add_test(disk, test_folder_without_permission);
	tcase_add_test(disk, test_codes_of_the_disk);
	tcase_add_loop_test(disk, test_write_that_fails, 0, 2);
	tcase_add_loop_test(disk, test_import_that_cannot_end, 0, 2);
	tcase_add_test(disk, test_import_that_cannot_begin);
	tcase_add_test(disk, test_second_import_that_cannot_end);
	tcase_add_test(disk, test_removal_that_fails);
	tcase_add_test(disk, test_patch_that_cannot_be_kept);
	tcase_add_test(disk, test_one_process_at_a_time);
	tcase_add_loop_test(disk, test_kill_in_the_middle, 0, 10);
	tcase_add_test(disk, test_modes);
	return disk;
}

int main(void)
{
	Suite *suite = suite_create("firmware_store_disk");

	suite_add_tcase(suite, disk_case());
	return suite_run(suite);
}
