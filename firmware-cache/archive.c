/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "firmware-cache/utf8.h"

#define READ_BLOCK_SIZE 65536u

static const uint8_t zip_magics[][4] = {{'P', 'K', 3, 4}, {'P', 'K', 5, 6}, {'P', 'K', 7, 8}};
static const uint8_t gzip_magic[2] = {0x1f, 0x8b};

struct walker {
	struct archive *archive;
	uint64_t size;
	const struct archive_limits *limits;
	const struct archive_sink *sink;
	struct cache_error *error;
	char path[ARCHIVE_PATH_MAX];
	unsigned entries;
	uint64_t total; /* bytes that came out */
};

bool archive_recognise(const uint8_t *bytes, size_t length)
{
	if (length < sizeof(zip_magics[0]))
		return false;
	for (size_t i = 0; i < sizeof(zip_magics) / sizeof(zip_magics[0]); i++) {
		if (memcmp(bytes, zip_magics[i], sizeof(zip_magics[i])) == 0)
			return true;
	}
	return memcmp(bytes, gzip_magic, sizeof(gzip_magic)) == 0;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), of_end = strlen(end);

	return length > of_end && strcasecmp(name + length - of_end, end) == 0;
}

/* Files that begin with a dot are notes of a file system about the file that is called so without it ("._NAME.dup"). */
bool archive_is_firmware(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return name[0] != '.' && (ends_with(name, ".dup") || ends_with(name, ".elf"));
}

bool archive_is_signature(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return name[0] != '.' && (ends_with(name, ".dup.minisig") || ends_with(name, ".elf.minisig"));
}

static int broken(struct walker *walker)
{
	const char *reason = archive_error_string(walker->archive);

	return cache_error_set(walker->error, CACHE_ERROR_BUNDLE_DAMAGED, "the archive is damaged%s%s: %s", walker->path[0] ? " in " : "",
			       walker->path, reason ? reason : "it cannot be read");
}

static int forbidden(struct walker *walker, const char *what)
{
	return cache_error_set(walker->error, CACHE_ERROR_BUNDLE_UNSUPPORTED, "the archive is refused: %s %s", walker->path, what);
}

static bool climbs(const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/\\");
		if (length == 2 && memcmp(path, "..", 2) == 0)
			return true;
		path += length + (path[length] != '\0');
	}
	return false;
}

static bool is_printable(const char *text)
{
	size_t used = 0, step;

	while ((step = utf8_printable(text + used)) > 0)
		used += step;
	return text[used] == '\0';
}

/* Fills walker->path, for messages also when it is refused. */
static int check_path(struct walker *walker, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname_utf8(entry);

	if (!path)
		path = archive_entry_pathname(entry);
	if (!path || path[0] == '\0') {
		snprintf(walker->path, sizeof(walker->path), "entry %u", walker->entries);
		return forbidden(walker, "has no name");
	}
	snprintf(walker->path, sizeof(walker->path), "%s", path);
	bool printable = is_printable(path);
	utf8_make_printable(walker->path);
	if (strlen(path) >= sizeof(walker->path))
		return forbidden(walker, "has a path that is too long");
	if (!printable)
		return forbidden(walker, "has control characters or no UTF-8 in its path");
	if (path[0] == '/' || path[0] == '\\' || (path[0] && path[1] == ':'))
		return forbidden(walker, "has an absolute path");
	return climbs(path) ? forbidden(walker, "climbs out of its folder") : 0;
}

static int check_kind(struct walker *walker, struct archive_entry *entry)
{
	if (archive_entry_hardlink(entry) || archive_entry_symlink(entry))
		return forbidden(walker, "is a link");
	if (archive_entry_is_encrypted(entry))
		return cache_error_set(walker->error, CACHE_ERROR_BUNDLE_DAMAGED, "the archive is encrypted (%s): unpack it first",
				       walker->path);
	mode_t type = archive_entry_filetype(entry);
	return type == AE_IFREG || type == AE_IFDIR ? 0 : forbidden(walker, "is neither a file nor a folder");
}

/* What has come out, against what can have been meant. */
static int check_volume(struct walker *walker)
{
	if (walker->total > walker->limits->total_max)
		return cache_error_set(walker->error, CACHE_ERROR_BUNDLE_TOO_BIG,
				       "the archive is refused: it unpacks to more than %" PRIu64 " bytes (at %s)",
				       walker->limits->total_max, walker->path);
	if (walker->total > ARCHIVE_RATIO_FREE && walker->total / ARCHIVE_RATIO_MAX > walker->size)
		return cache_error_set(walker->error, CACHE_ERROR_BUNDLE_TOO_BIG,
				       "the archive is refused: %" PRIu64 " bytes unpack to more than %u times as many (at %s)",
				       walker->size, ARCHIVE_RATIO_MAX, walker->path);
	return 0;
}

static int check_length(struct walker *walker, uint64_t length)
{
	if (length <= walker->limits->entry_max)
		return 0;
	return cache_error_set(walker->error, CACHE_ERROR_BUNDLE_TOO_BIG,
			       "%s in the archive is over the limit of %" PRIu64 " bytes (max_size)", walker->path,
			       walker->limits->entry_max);
}

/* One piece of an entry's content, which begins with the first. */
static int take_piece(struct walker *walker, const uint8_t *bytes, size_t count, uint64_t before, bool wanted)
{
	int r = before == 0 && archive_recognise(bytes, count) ? forbidden(walker, "is an archive inside the archive: unpack it first") : 0;

	walker->total += count;
	if (r == 0 && wanted)
		r = check_length(walker, before + count);
	if (r == 0)
		r = check_volume(walker);
	return r < 0 || !wanted ? r : walker->sink->append(walker->sink->context, bytes, count, walker->error);
}

static int take_content(struct walker *walker, bool wanted)
{
	uint8_t block[READ_BLOCK_SIZE];
	uint64_t length = 0;
	la_ssize_t count;

	while ((count = archive_read_data(walker->archive, block, sizeof(block))) > 0) {
		int r = take_piece(walker, block, (size_t)count, length, wanted);
		if (r < 0)
			return r;
		length += (uint64_t)count;
	}
	if (count < 0)
		return broken(walker);
	return wanted ? walker->sink->end(walker->sink->context, walker->error) : 0;
}

static int take_entry(struct walker *walker, struct archive_entry *entry)
{
	bool wanted = false;
	int r;

	if (++walker->entries > ARCHIVE_ENTRIES_MAX)
		return cache_error_set(walker->error, CACHE_ERROR_BUNDLE_TOO_BIG, "the archive is refused: it has more than %u entries",
				       ARCHIVE_ENTRIES_MAX);
	r = check_path(walker, entry);
	if (r == 0)
		r = check_kind(walker, entry);
	if (r < 0 || archive_entry_filetype(entry) == AE_IFDIR)
		return r;
	r = walker->sink->begin(walker->sink->context, walker->path, &wanted, walker->error);
	return r < 0 ? r : take_content(walker, wanted);
}

static int take_all(struct walker *walker)
{
	struct archive_entry *entry;
	int status;

	while ((status = archive_read_next_header(walker->archive, &entry)) == ARCHIVE_OK || status == ARCHIVE_WARN) {
		int r = take_entry(walker, entry);
		if (r < 0)
			return r;
		walker->path[0] = '\0';
	}
	if (status != ARCHIVE_EOF)
		return broken(walker);
	if (walker->entries == 0)
		return cache_error_set(walker->error, CACHE_ERROR_BUNDLE_DAMAGED, "the archive is empty");
	return 0;
}

int archive_walk(int fd, uint64_t size, const struct archive_limits *limits, const struct archive_sink *sink, struct cache_error *ret_error)
{
	struct walker walker = {.size = size, .limits = limits, .sink = sink, .error = ret_error, .archive = archive_read_new()};
	int r;

	if (!walker.archive)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for an archive");
	if (lseek(fd, 0, SEEK_SET) < 0 || archive_read_support_filter_gzip(walker.archive) != ARCHIVE_OK ||
	    archive_read_support_format_tar(walker.archive) != ARCHIVE_OK ||
	    archive_read_support_format_zip(walker.archive) != ARCHIVE_OK ||
	    archive_read_open_fd(walker.archive, fd, READ_BLOCK_SIZE) != ARCHIVE_OK)
		r = broken(&walker);
	else
		r = take_all(&walker);
	archive_read_free(walker.archive);
	return r;
}
