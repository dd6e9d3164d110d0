/* SPDX-License-Identifier: Apache-2.0
 *
 * Archives are written by libarchive's other half, byte by byte as a hostile vendor could.
 */
#include "firmware-cache/archive.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/archive_made.h"
#include "tests/unit/suite_run.h"

/* What came out: "path=content;" for each. */
struct taken {
	char text[4096];
	uint64_t bytes;
	const char *refuse; /* a path that the sink itself refuses */
};

static struct cache_error error;
static struct taken taken;
static const struct archive_limits limits = {.entry_max = 100000, .total_max = 1000000};

static int sink_begin(void *context, const char *path, bool *ret_wanted, struct cache_error *ret_error)
{
	struct taken *into = context;
	size_t length = strlen(path);

	if (into->refuse && strcmp(path, into->refuse) == 0)
		return cache_error_set(ret_error, CACHE_ERROR_CACHE_FULL, "no room");
	*ret_wanted = length > 4 && strcmp(path + length - 4, ".dup") == 0;
	if (*ret_wanted)
		strcat(strcat(into->text, path), "=");
	return 0;
}

static int sink_append(void *context, const void *bytes, size_t length, struct cache_error *ret_error)
{
	struct taken *into = context;

	(void)ret_error;
	into->bytes += length;
	if (length < 64)
		strncat(into->text, bytes, length);
	return 0;
}

static int sink_end(void *context, struct cache_error *ret_error)
{
	struct taken *into = context;

	(void)ret_error;
	strcat(into->text, ";");
	return 0;
}

static int walk_fd(int fd, uint64_t size)
{
	struct archive_sink sink = {sink_begin, sink_append, sink_end, &taken};
	const char *refuse = taken.refuse;

	taken = (struct taken){.refuse = refuse};
	error = (struct cache_error){0};
	return archive_walk(fd, size, &limits, &sink, &error);
}

static int walk(enum archive_format format, const struct archive_file *files, size_t count)
{
	int fd = archive_made(format, files, count);
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	int r = walk_fd(fd, (uint64_t)status.st_size);
	close(fd);
	return r;
}

static void assert_refused(int r, enum cache_error_code code, const char *sentence)
{
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_str_eq(cache_error_code_name(error.code), cache_error_code_name(code));
	ck_assert_msg(strstr(error.message, sentence), "\"%s\" does not say \"%s\"", error.message, sentence);
}

START_TEST(files_come_out_with_their_paths)
{
	const struct archive_file files[] = {{.path = "CATM1-39529/", .type = S_IFDIR},
					     {.path = "CATM1-39529/CATM1-39529.dup", .content = "bundle"},
					     {.path = "CATM1-39529/readme..txt", .content = "read me"},
					     {.path = "b.dup", .content = "second"}};

	ck_assert_int_eq(walk((enum archive_format)_i, files, 4), 0);
	ck_assert_str_eq(taken.text, "CATM1-39529/CATM1-39529.dup=bundle;b.dup=second;");
}
END_TEST

static const struct {
	struct archive_file file;
	const char *sentence;
	bool tgz_only; /* a zip cannot say it */
} forbidden[] = {
    {{.path = "/etc/x.dup", .content = "x"}, "/etc/x.dup has an absolute path", false},
    {{.path = "C:/x.dup", .content = "x"}, "has an absolute path", false},
    {{.path = "../x.dup", .content = "x"}, "../x.dup climbs out of its folder", false},
    {{.path = "a/../../x.dup", .content = "x"}, "climbs out of its folder", false},
    {{.path = "a\\..\\x.dup", .content = "x"}, "climbs out of its folder", false},
    {{.path = "a/..", .content = "x"}, "climbs out of its folder", false},
    {{.path = "x\x1b[2J.dup", .content = "x"}, "has control characters", false},
    {{.path = "x.dup", .type = S_IFLNK, .link = "/etc/passwd"}, "x.dup is a link", false},
    {{.path = "x.dup", .link = "other"}, "x.dup is a link", true},
    {{.path = "x.dup", .type = S_IFIFO}, "is neither a file nor a folder", true},
    {{.path = "x.dup", .type = S_IFCHR}, "is neither a file nor a folder", true},
    {{.path = "inner.zip", .content = "PK\3\4rest"}, "inner.zip is an archive inside", false},
    {{.path = "inner.dup", .content = "\x1f\x8b\x08rest"}, "inner.dup is an archive inside", false},
};

START_TEST(forbidden_entries_refuse_the_archive)
{
	if (!forbidden[_i].tgz_only)
		assert_refused(walk(ARCHIVE_ZIP, &forbidden[_i].file, 1), CACHE_ERROR_BUNDLE_UNSUPPORTED, forbidden[_i].sentence);
	assert_refused(walk(ARCHIVE_TGZ, &forbidden[_i].file, 1), CACHE_ERROR_BUNDLE_UNSUPPORTED, forbidden[_i].sentence);
	ck_assert_str_eq(taken.text, strstr(taken.text, "inner.dup=") ? "inner.dup=" : "");
}
END_TEST

START_TEST(a_long_path_is_refused)
{
	char path[ARCHIVE_PATH_MAX + 8];

	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	const struct archive_file file = {.path = path, .content = "x"};
	assert_refused(walk((enum archive_format)_i, &file, 1), CACHE_ERROR_BUNDLE_UNSUPPORTED, "too long");
}
END_TEST

START_TEST(limits_hold)
{
	const struct archive_file big = {.path = "big.dup", .content = NULL, .length = 120000};
	const struct archive_file just = {.path = "just.dup", .content = NULL, .length = 100000};
	const struct archive_file bomb[] = {{.path = "bomb.txt", .length = 999999}, {.path = "more.txt", .length = 2}};
	char noise[60000];

	assert_refused(walk((enum archive_format)_i, &big, 1), CACHE_ERROR_BUNDLE_TOO_BIG,
		       "big.dup in the archive is over the limit of 100000");
	/* 100,000 zeros in some hundred bytes. */
	assert_refused(walk((enum archive_format)_i, &just, 1), CACHE_ERROR_BUNDLE_TOO_BIG, "unpack to more than 200 times");
	uint32_t state = 1;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)((state = state * 1664525u + 1013904223u) >> 24);
	const struct archive_file with_noise[] = {{.path = "n.bin", .content = noise, .length = sizeof(noise)}, just, bomb[0], bomb[1]};
	ck_assert_int_eq(walk((enum archive_format)_i, with_noise, 2), 0);
	ck_assert_uint_eq(taken.bytes, 100000);
	assert_refused(walk((enum archive_format)_i, with_noise, 4), CACHE_ERROR_BUNDLE_TOO_BIG, "unpacks to more than 1000000 bytes");
}
END_TEST

START_TEST(too_many_entries_are_refused)
{
	struct archive_file files[ARCHIVE_ENTRIES_MAX + 1];

	for (size_t i = 0; i < ARCHIVE_ENTRIES_MAX + 1; i++)
		files[i] = (struct archive_file){.path = "same.dup", .content = "x"};
	ck_assert_int_eq(walk((enum archive_format)_i, files, ARCHIVE_ENTRIES_MAX), 0);
	assert_refused(walk((enum archive_format)_i, files, ARCHIVE_ENTRIES_MAX + 1), CACHE_ERROR_BUNDLE_TOO_BIG, "more than 256 entries");
}
END_TEST

START_TEST(what_the_sink_says_ends_the_walk)
{
	const struct archive_file files[] = {
	    {.path = "a.dup", .content = "a"}, {.path = "b.dup", .content = "b"}, {.path = "c.dup", .content = "c"}};

	taken.refuse = "b.dup";
	assert_refused(walk((enum archive_format)_i, files, 3), CACHE_ERROR_CACHE_FULL, "no room");
	ck_assert_str_eq(taken.text, "a.dup=a;");
}
END_TEST

/* Every cut is an error or, where only the tail of padding is missing, the whole. */
START_TEST(a_cut_archive_is_damaged_or_whole)
{
	const struct archive_file files[] = {{.path = "a.dup", .content = "the first"}, {.path = "b.dup", .content = "the second"}};
	int fd = archive_made((enum archive_format)_i, files, 2);
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	for (off_t cut = status.st_size - 1; cut >= 0; cut--) {
		ck_assert_int_eq(ftruncate(fd, cut), 0);
		int r = walk_fd(fd, (uint64_t)cut);
		ck_assert(r == 0 || r == -EPROTO);
		if (r == 0)
			ck_assert_str_eq(taken.text, "a.dup=the first;b.dup=the second;");
		else
			ck_assert_int_eq(error.code, CACHE_ERROR_BUNDLE_DAMAGED);
	}
	close(fd);
}
END_TEST

START_TEST(recognised_by_their_first_bytes)
{
	ck_assert(archive_recognise((const uint8_t *)"PK\3\4", 4));
	ck_assert(archive_recognise((const uint8_t *)"PK\5\6", 4));
	ck_assert(archive_recognise((const uint8_t *)"\x1f\x8b\x08\0", 4));
	ck_assert(!archive_recognise((const uint8_t *)"PACK", 4));
	ck_assert(!archive_recognise((const uint8_t *)"PK\3\4", 3));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("archive");
	TCase *tests = tcase_create("archive");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, files_come_out_with_their_paths, 0, 2);
	tcase_add_loop_test(tests, forbidden_entries_refuse_the_archive, 0, sizeof(forbidden) / sizeof(forbidden[0]));
	tcase_add_loop_test(tests, a_long_path_is_refused, 0, 2);
	tcase_add_loop_test(tests, limits_hold, 0, 2);
	tcase_add_loop_test(tests, too_many_entries_are_refused, 0, 2);
	tcase_add_loop_test(tests, what_the_sink_says_ends_the_walk, 0, 2);
	tcase_add_loop_test(tests, a_cut_archive_is_damaged_or_whole, 0, 2);
	tcase_add_test(tests, recognised_by_their_first_bytes);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
