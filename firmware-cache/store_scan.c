/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware-cache/content.h"
#include "firmware-cache/facts.h"

typedef int scan_file(struct firmware_store *store, const char *name, struct cache_error *ret_error);

static int scan_folder(struct firmware_store *store, enum store_folder folder, scan_file *each, struct cache_error *ret_error)
{
	int fd = openat(store->folders[folder], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *file;
	int r = 0;

	if (!stream) {
		r = disk_report(store, folder, "", errno, "read", ret_error);
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, file = readdir(stream))) {
		if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0)
			r = each(store, file->d_name, ret_error);
	}
	if (r == 0 && errno != 0)
		r = disk_report(store, folder, "", errno, "read", ret_error);
	closedir(stream);
	return r;
}

static int remove_file(struct firmware_store *store, enum store_folder folder, const char *name, struct cache_error *ret_error)
{
	/* A folder that somebody made there is nothing of ours, and in nobody's way. */
	if (!store->read_only && unlinkat(store->folders[folder], name, 0) < 0 && errno != ENOENT && errno != EISDIR && errno != EPERM)
		return disk_report(store, folder, name, errno, "remove", ret_error);
	return 0;
}

static int remove_leftover(struct firmware_store *store, const char *name, struct cache_error *ret_error)
{
	return remove_file(store, FOLDER_INCOMING, name, ret_error);
}

static int64_t changed_at_ns(int fd)
{
	struct stat status;

	return fstat(fd, &status) < 0 ? 0 : (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
}

/* -EBADMSG for everything that is no manifest of that digest. */
static int load_manifest(const struct firmware_store *store, const char *name, const char *sha256, struct manifest *ret)
{
	int fd = openat(store->folders[FOLDER_MANIFESTS], name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = NULL;
	size_t length = 0;
	int64_t used_at_ns;
	int r;

	if (fd < 0)
		return -EBADMSG;
	r = disk_read_file(fd, MANIFEST_SIZE_MAX, &text, &length);
	used_at_ns = changed_at_ns(fd);
	close(fd);
	if (r == 0)
		r = manifest_read(text, length, ret);
	if (r == 0)
		ret->firmware.used_at_ns = used_at_ns;
	free(text);
	if (r == 0 && strcmp(ret->firmware.sha256, sha256) != 0) {
		manifest_clear(ret);
		return -EBADMSG;
	}
	return r;
}

static int set_aside(struct firmware_store *store, const char *name, struct cache_error *ret_error)
{
	char aside[STORE_FILE_NAME_SIZE];
	int folder = store->folders[FOLDER_MANIFESTS];

	snprintf(aside, sizeof(aside), "%s.damaged", name);
	if (!store->read_only && renameat(folder, name, folder, aside) < 0)
		return disk_report(store, FOLDER_MANIFESTS, name, errno, "set aside", ret_error);
	return 0;
}

/* What follows the digest. */
static bool is_of(const char *name, const char *end)
{
	return strcmp(name + FIRMWARE_SHA256_SIZE - 1, end) == 0;
}

static int index_manifest(struct firmware_store *store, const char *name, struct cache_error *ret_error)
{
	char sha256[FIRMWARE_SHA256_SIZE];
	struct manifest manifest;
	int r;

	snprintf(sha256, sizeof(sha256), "%s", name);
	if (!sha256_text_valid(sha256) || (!is_of(name, ".json") && !is_of(name, ".minisig")))
		return 0;
	if (faccessat(store->folders[FOLDER_OBJECTS], sha256, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return remove_file(store, FOLDER_MANIFESTS, name, ret_error);
	if (is_of(name, ".minisig"))
		return 0;
	r = load_manifest(store, name, sha256, &manifest);
	if (r == -EBADMSG)
		return set_aside(store, name, ret_error);
	if (r == 0 && store_index_reserve(store, 1) < 0) {
		manifest_clear(&manifest);
		r = -ENOMEM;
	}
	if (r < 0)
		return disk_report(store, FOLDER_MANIFESTS, name, -r, "read", ret_error);
	store_index_append(store, &manifest);
	return 0;
}

/* The manifest of an object that has lost its own. -EBADMSG when the object is not what its name says, or no firmware. */
static int inspect_object(struct firmware_store *store, int fd, const char *sha256, struct manifest *ret)
{
	struct cache_error error;
	struct stat status;
	int r;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EBADMSG;
	r = disk_digest(fd, ret->firmware.sha256);
	if (r < 0)
		return r;
	if (strcmp(ret->firmware.sha256, sha256) != 0)
		return -EBADMSG;
	ret->firmware.size = (uint64_t)status.st_size;
	ret->firmware.imported_at = status.st_mtime;
	ret->firmware.used_at_ns = changed_at_ns(fd);
	ret->sequence = store->next_sequence;
	snprintf(ret->firmware.name, sizeof(ret->firmware.name), "%.12s", sha256);
	strcpy(ret->firmware.source, STORE_SOURCE_FOUND);
	if (content_inspect(fd, ret->firmware.size, ret, &error) < 0)
		return error.code == CACHE_ERROR_IO ? -ENOMEM : -EBADMSG;
	facts_resolve(&ret->firmware, &ret->content);
	return 0;
}

static int adopt_object(struct firmware_store *store, const char *name, struct cache_error *ret_error)
{
	struct manifest manifest = {0};
	int fd;
	int r;

	if (!sha256_text_valid(name) || store_index_find(store, name))
		return 0;
	fd = openat(store->folders[FOLDER_OBJECTS], name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return disk_report(store, FOLDER_OBJECTS, name, errno, "read", ret_error);
	r = inspect_object(store, fd, name, &manifest);
	close(fd);
	if (r == -EBADMSG)
		return remove_file(store, FOLDER_OBJECTS, name, ret_error);
	if (r == 0)
		r = store_index_reserve(store, 1);
	if (r < 0)
		r = disk_report(store, FOLDER_OBJECTS, name, -r, "read", ret_error);
	else if (!store->read_only)
		r = disk_write_manifest(store, &manifest, ret_error);
	if (r == 0)
		store_index_append(store, &manifest);
	manifest_clear(&manifest);
	return r;
}

int store_scan(struct firmware_store *store, struct cache_error *ret_error)
{
	int r = scan_folder(store, FOLDER_INCOMING, remove_leftover, ret_error);

	if (r == 0)
		r = scan_folder(store, FOLDER_MANIFESTS, index_manifest, ret_error);
	store_index_sort(store);
	return r == 0 ? scan_folder(store, FOLDER_OBJECTS, adopt_object, ret_error) : r;
}
