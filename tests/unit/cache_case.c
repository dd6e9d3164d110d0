/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cache_case.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cache_case cache_case;

void cache_open(uint64_t max_size, uint64_t quota)
{
	const struct firmware_store_options options = {.directory = cache_case.path, .max_size = max_size, .quota = quota};
	int r = firmware_store_open(&options, &cache_case.error, &cache_case.store);

	ck_assert_msg(r == 0, "%s", cache_case.error.message);
}

void cache_close(void)
{
	firmware_store_free(cache_case.store);
	cache_case.store = NULL;
}

void cache_reopen(void)
{
	cache_close();
	cache_open(CACHE_CASE_MANY, CACHE_CASE_MANY);
}

void cache_set_up(void)
{
	strcpy(cache_case.root, "/tmp/firmware_store_test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(cache_case.root));
	snprintf(cache_case.path, sizeof(cache_case.path), "%s/cache", cache_case.root);
	cache_open(CACHE_CASE_MANY, CACHE_CASE_MANY);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

void cache_tear_down(void)
{
	cache_close();
	nftw(cache_case.root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

size_t cache_count_files(const char *folder)
{
	char path[160];
	DIR *stream;
	size_t count = 0;

	snprintf(path, sizeof(path), "%s/%s", cache_case.path, folder);
	stream = opendir(path);
	ck_assert_ptr_nonnull(stream);
	while (readdir(stream))
		count++;
	closedir(stream);
	return count - 2;
}

void cache_expect_files(size_t objects, size_t manifests)
{
	ck_assert_uint_eq(cache_count_files("objects"), objects);
	ck_assert_uint_eq(cache_count_files("manifests"), manifests);
	ck_assert_uint_eq(cache_count_files("incoming"), 0);
}

void cache_path_of(char *ret, size_t size, const char *folder, const char *name, const char *end)
{
	snprintf(ret, size, "%s/%s/%s%s", cache_case.path, folder, name, end);
}

void cache_write_file(const char *folder, const char *name, const char *end, const void *bytes, size_t length)
{
	char path[320];
	FILE *file;

	cache_path_of(path, sizeof(path), folder, name, end);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

bool cache_file_exists(const char *folder, const char *name, const char *end)
{
	char path[320];

	cache_path_of(path, sizeof(path), folder, name, end);
	return access(path, F_OK) == 0;
}

void cache_make_bundle(struct made *ret, const char *text)
{
	*ret = (struct made){0};
	made_record(ret, "UPGR", 3, 1, "a part", text, strlen(text));
}

void cache_make_helper(struct made *ret, uint8_t data)
{
	static const uint8_t begin[] = {0x7f, 'E', 'L', 'F', 1};

	*ret = (struct made){0};
	made_add(ret, begin, sizeof(begin));
	made_add(ret, &data, 1);
	made_add(ret, "\1\0\0\0\0\0\0\0\0\0\0\2", 12);
	made_add(ret, data == 2 ? "\0\xa7" : "\xa7\0", 2);
	made_noise(ret, 100, 1);
}

int cache_import(const struct made *made, const char *name, const struct firmware_facts *stated, struct firmware *ret)
{
	struct firmware_import *handle;

	ck_assert_int_eq(firmware_import_begin(cache_case.store, &cache_case.error, &handle), 0);
	for (size_t at = 0; at < made->length; at += 10) {
		size_t length = made->length - at < 10 ? made->length - at : 10;

		if (firmware_import_append(handle, made->bytes + at, length, &cache_case.error) < 0) {
			firmware_import_abort(handle);
			return -EPROTO;
		}
	}
	return firmware_import_commit(handle, name, stated, "upload", ret, &cache_case.error);
}

void cache_add(const char *text, const char *name, char *ret_sha256)
{
	struct firmware firmware;
	struct made made;
	int r;

	cache_make_bundle(&made, text);
	r = cache_import(&made, name, NULL, &firmware);
	ck_assert_msg(r == 0, "%s", cache_case.error.message);
	strcpy(ret_sha256, firmware.sha256);
	firmware_clear(&firmware);
	made_free(&made);
}

void cache_add_helper(uint8_t data, const char *name, char *ret_sha256)
{
	struct firmware firmware;
	struct made made;

	cache_make_helper(&made, data);
	ck_assert_int_ge(cache_import(&made, name, NULL, &firmware), 0);
	strcpy(ret_sha256, firmware.sha256);
	firmware_clear(&firmware);
	made_free(&made);
}

void cache_digest_of(const struct made *made, char *ret)
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, made->bytes, made->length);
	sodium_bin2hex(ret, FIRMWARE_SHA256_SIZE, digest, sizeof(digest));
}

void cache_expect_error(int r, enum cache_error_code code, const char *message)
{
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_str_eq(cache_case.error.message, message);
	ck_assert_int_eq(cache_case.error.code, code);
}

size_t cache_count_listed(void)
{
	struct firmware *list;
	size_t count;

	ck_assert_int_eq(firmware_list(cache_case.store, &list, &count), 0);
	firmware_list_free(list, count);
	return count;
}
