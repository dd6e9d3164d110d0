/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware-cache/store_import.h"

#define PARTIAL_MODE  0640
#define PARTIAL_BLOCK 65536u

/* Cuts the file at what is trusted, and takes the rest into the digest and the account. */
static int take_over(struct firmware_import *import, uint64_t trusted, struct cache_error *ret_error)
{
	uint8_t *block;
	struct stat status;
	ssize_t n = 1;
	int r = 0;

	if (fstat(import->fd, &status) < 0 || ((uint64_t)status.st_size > trusted && ftruncate(import->fd, (off_t)trusted) < 0))
		return disk_report(import->store, import->folder, import->temp, errno, "open", ret_error);
	block = malloc(PARTIAL_BLOCK);
	if (!block)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a download");
	while (r == 0 && n > 0) {
		n = read(import->fd, block, PARTIAL_BLOCK);
		if (n < 0)
			r = disk_report(import->store, import->folder, import->temp, errno, "read", ret_error);
		if (n > 0)
			r = import_reserve(import, (size_t)n, ret_error);
		if (n > 0 && r == 0)
			crypto_hash_sha256_update(&import->digest, block, (unsigned long long)n);
	}
	free(block);
	return r;
}

int firmware_import_resume(struct firmware_store *store, const char *name, uint64_t trusted, struct cache_error *ret_error,
			   struct firmware_import **ret)
{
	struct firmware_import *import = calloc(1, sizeof(*import));
	int r;

	if (!import)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for an import");
	import->store = store;
	import->folder = FOLDER_DOWNLOADS;
	crypto_hash_sha256_init(&import->digest);
	snprintf(import->temp, sizeof(import->temp), "%s", name);
	import->fd = openat(store->folders[FOLDER_DOWNLOADS], name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PARTIAL_MODE);
	if (import->fd < 0) {
		r = disk_report(store, FOLDER_DOWNLOADS, name, errno, "create", ret_error);
		free(import);
		return r;
	}
	r = take_over(import, trusted, ret_error);
	if (r < 0) {
		firmware_import_suspend(import);
		return r;
	}
	*ret = import;
	return 0;
}

uint64_t firmware_import_size(const struct firmware_import *import)
{
	return import->size;
}

int firmware_import_fits(struct firmware_import *import, uint64_t total, struct cache_error *ret_error)
{
	uint64_t size = import->size;
	int r;

	if (total <= size)
		return 0;
	/* Asked for, and given back at once: others must not wait for what may never come. */
	r = import_reserve(import, (size_t)(total - size), ret_error);
	if (r < 0)
		return r;
	pthread_mutex_lock(&import->store->lock);
	import->store->reserved -= import->size - size;
	pthread_mutex_unlock(&import->store->lock);
	import->size = size;
	return 0;
}

int firmware_import_rewind(struct firmware_import *import, struct cache_error *ret_error)
{
	if (ftruncate(import->fd, 0) < 0 || lseek(import->fd, 0, SEEK_SET) < 0)
		return disk_report(import->store, import->folder, import->temp, errno, "empty", ret_error);
	import_release(import);
	crypto_hash_sha256_init(&import->digest);
	import->failure.code = CACHE_ERROR_NONE;
	return 0;
}

int firmware_import_sync(const struct firmware_import *import)
{
	if (fsync(import->fd) < 0 || fsync(import->store->folders[import->folder]) < 0)
		return -errno;
	return 0;
}

int firmware_import_read(const struct firmware_import *import, size_t max, char **ret, size_t *ret_length, struct cache_error *ret_error)
{
	char *text = import->size <= max ? malloc((size_t)import->size + 1) : NULL;
	ssize_t n;

	if (import->size > max)
		return cache_error_set(ret_error, CACHE_ERROR_BUNDLE_TOO_BIG, "the catalogue has more than %zu bytes", max);
	if (!text)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a catalogue");
	n = pread(import->fd, text, (size_t)import->size, 0);
	if (n != (ssize_t)import->size) {
		free(text);
		return disk_report(import->store, import->folder, import->temp, n < 0 ? errno : EIO, "read", ret_error);
	}
	text[n] = '\0';
	*ret = text;
	*ret_length = (size_t)n;
	return 0;
}

void firmware_import_suspend(struct firmware_import *import)
{
	import->temp[0] = '\0';
	firmware_import_abort(import);
}

void firmware_import_expect(struct firmware_import *import, const char *sha256, bool end_in_doubt)
{
	snprintf(import->expected, sizeof(import->expected), "%s", sha256 ? sha256 : "");
	import->end_in_doubt = end_in_doubt;
}

int import_check_digest(const struct firmware_import *import, const char *sha256, struct cache_error *ret_error)
{
	if (!import->expected[0] || strcmp(import->expected, sha256) == 0)
		return 0;
	cache_error_set(ret_error, CACHE_ERROR_DIGEST_MISMATCH, "the content has another SHA-256 than the one that was asked for, %.12s…",
			import->expected);
	snprintf(ret_error->evidence, sizeof(ret_error->evidence), "its SHA-256 is %s", sha256);
	return -EPROTO;
}

int import_check_end(const struct firmware_import *import, const struct firmware *firmware, struct cache_error *ret_error)
{
	if (!import->end_in_doubt || import->expected[0] || firmware->kind == FIRMWARE_BUNDLE)
		return 0;
	return cache_error_set(ret_error, CACHE_ERROR_BUNDLE_DAMAGED,
			       "nothing tells whether the helper is complete: neither a length nor a SHA-256 was given");
}

int import_enter(struct firmware_import *import, struct cache_error *ret_error)
{
	struct firmware_store *store = import->store;
	char temp[STORE_FILE_NAME_SIZE];
	int placed;
	int r;

	if (import->folder == FOLDER_INCOMING)
		return 0;
	/* The rename replaces the empty file, whose name is nobody else's. */
	r = disk_create_temp(store, temp, &placed, ret_error);
	if (r < 0)
		return r;
	close(placed);
	if (renameat(store->folders[import->folder], import->temp, store->folders[FOLDER_INCOMING], temp) < 0) {
		r = disk_report(store, FOLDER_INCOMING, temp, errno, "create", ret_error);
		unlinkat(store->folders[FOLDER_INCOMING], temp, 0);
		return r;
	}
	import->folder = FOLDER_INCOMING;
	strcpy(import->temp, temp);
	return 0;
}

int firmware_partial_write(struct firmware_store *store, const char *name, const char *text, struct cache_error *ret_error)
{
	return disk_write_text(store, FOLDER_DOWNLOADS, name, text, ret_error);
}

int firmware_partial_read(struct firmware_store *store, const char *name, size_t max, char **ret, size_t *ret_length)
{
	int fd = openat(store->folders[FOLDER_DOWNLOADS], name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = disk_read_file(fd, max, ret, ret_length);
	close(fd);
	return r;
}

void firmware_partial_remove(struct firmware_store *store, const char *name)
{
	unlinkat(store->folders[FOLDER_DOWNLOADS], name, 0);
}

int firmware_partial_each(struct firmware_store *store, void (*each)(void *context, const char *name), void *context)
{
	int fd = openat(store->folders[FOLDER_DOWNLOADS], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *file;
	int r;

	if (!stream) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((errno = 0, file = readdir(stream))) {
		if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0)
			each(context, file->d_name);
	}
	r = -errno;
	closedir(stream);
	return r;
}
