/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOLDER_MODE     0750
#define FILE_MODE       0640
#define READ_BLOCK_SIZE 65536u

static const char *const folder_names[FOLDER_COUNT] = {
    [FOLDER_OBJECTS] = "objects",
    [FOLDER_MANIFESTS] = "manifests",
    [FOLDER_INCOMING] = "incoming",
    [FOLDER_DOWNLOADS] = "downloads",
};

int disk_report_path(const char *path, int error, const char *what, struct cache_error *ret_error)
{
	const char *reason = strerrordesc_np(error);
	enum cache_error_code code = error == ENOSPC || error == EDQUOT ? CACHE_ERROR_CACHE_FULL : CACHE_ERROR_IO;

	return cache_error_set(ret_error, code, "cannot %s %s: %s", what, path, reason ? reason : "unknown error");
}

int disk_report(const struct firmware_store *store, enum store_folder folder, const char *name, int error, const char *what,
		struct cache_error *ret_error)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s%s%s", store->root, folder_names[folder], name[0] ? "/" : "", name);
	return disk_report_path(path, error, what, ret_error);
}

static int lock_root(struct firmware_store *store, int root, struct cache_error *ret_error)
{
	struct statvfs disk;

	store->read_only = fstatvfs(root, &disk) == 0 && disk.f_flag & ST_RDONLY;
	/* Not open for writing: that would hold a disk that somebody wants to make read-only. */
	store->lock_file = openat(root, "lock", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (store->read_only && store->lock_file < 0) /* whoever else is there cannot write either */
		return 0;
	if (store->lock_file < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "cannot open %s/lock: %s", store->root, strerrordesc_np(errno));
	if (flock(store->lock_file, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "the cache %s is in use by another process (it holds %s/lock)",
				       store->root, store->root);
	return cache_error_set(ret_error, CACHE_ERROR_IO, "cannot lock %s/lock: %s", store->root, strerrordesc_np(errno));
}

static int open_folders_in(struct firmware_store *store, int root, struct cache_error *ret_error)
{
	int r = lock_root(store, root, ret_error);

	for (int i = 0; i < FOLDER_COUNT && r == 0; i++) {
		if (mkdirat(root, folder_names[i], FOLDER_MODE) < 0 && errno != EEXIST)
			return disk_report(store, (enum store_folder)i, "", errno, "create", ret_error);
		store->folders[i] = openat(root, folder_names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (store->folders[i] < 0)
			return disk_report(store, (enum store_folder)i, "", errno, "open", ret_error);
	}
	if (r == 0 && fsync(root) < 0)
		return disk_report_path(store->root, errno, "sync", ret_error);
	return r;
}

int disk_open_folders(struct firmware_store *store, const char *directory, struct cache_error *ret_error)
{
	int root;
	int r;

	if (mkdir(directory, FOLDER_MODE) < 0 && errno != EEXIST)
		return disk_report_path(directory, errno, "create", ret_error);
	store->root = realpath(directory, NULL);
	root = store->root ? open(store->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (root < 0)
		return disk_report_path(directory, errno, "open", ret_error);
	r = open_folders_in(store, root, ret_error);
	close(root);
	return r;
}

int disk_create_temp(struct firmware_store *store, char *ret_name, int *ret_fd, struct cache_error *ret_error)
{
	uint64_t number;

	pthread_mutex_lock(&store->lock);
	number = store->next_temp++;
	pthread_mutex_unlock(&store->lock);
	snprintf(ret_name, STORE_FILE_NAME_SIZE, "%" PRIu64, number);
	*ret_fd = openat(store->folders[FOLDER_INCOMING], ret_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	return *ret_fd < 0 ? disk_report(store, FOLDER_INCOMING, ret_name, errno, "create", ret_error) : 0;
}

int disk_write_all(int fd, const void *bytes, size_t length)
{
	const uint8_t *rest = bytes;

	while (length > 0) {
		ssize_t n = write(fd, rest, length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			rest += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

int disk_sync_temp(struct firmware_store *store, const char *temp, int fd, struct cache_error *ret_error)
{
	return fsync(fd) < 0 ? disk_report(store, FOLDER_INCOMING, temp, errno, "sync", ret_error) : 0;
}

int disk_publish(struct firmware_store *store, const char *temp, enum store_folder folder, const char *name, struct cache_error *ret_error)
{
	if (renameat(store->folders[FOLDER_INCOMING], temp, store->folders[folder], name) < 0)
		return disk_report(store, folder, name, errno, "create", ret_error);
	if (fsync(store->folders[folder]) < 0)
		return disk_report(store, folder, "", errno, "sync", ret_error);
	return 0;
}

void disk_signature_name(const char *sha256, char ret[STORE_FILE_NAME_SIZE])
{
	snprintf(ret, STORE_FILE_NAME_SIZE, "%s.minisig", sha256);
}

void disk_manifest_name(const char *sha256, char ret[STORE_FILE_NAME_SIZE])
{
	snprintf(ret, STORE_FILE_NAME_SIZE, "%s.json", sha256);
}

int disk_write_text(struct firmware_store *store, enum store_folder folder, const char *name, const char *text,
		    struct cache_error *ret_error)
{
	char temp[STORE_FILE_NAME_SIZE];
	int fd;
	int r = disk_create_temp(store, temp, &fd, ret_error);

	if (r < 0)
		return r;
	r = disk_write_all(fd, text, strlen(text));
	if (r < 0)
		r = disk_report(store, FOLDER_INCOMING, temp, -r, "write", ret_error);
	else
		r = disk_sync_temp(store, temp, fd, ret_error);
	close(fd);
	if (r == 0)
		r = disk_publish(store, temp, folder, name, ret_error);
	if (r < 0)
		unlinkat(store->folders[FOLDER_INCOMING], temp, 0);
	return r;
}

int disk_write_manifest(struct firmware_store *store, const struct manifest *manifest, struct cache_error *ret_error)
{
	char name[STORE_FILE_NAME_SIZE];
	char *text = manifest_write(manifest);
	int r;

	if (!text)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a manifest");
	disk_manifest_name(manifest->firmware.sha256, name);
	r = disk_write_text(store, FOLDER_MANIFESTS, name, text, ret_error);
	if (r == 0)
		store_keep_use(store, manifest->firmware.sha256, manifest->firmware.used_at_ns);
	free(text);
	return r;
}

int disk_digest(int fd, char ret[FIRMWARE_SHA256_SIZE])
{
	crypto_hash_sha256_state state;
	uint8_t digest[crypto_hash_sha256_BYTES];
	uint8_t *block = malloc(READ_BLOCK_SIZE);
	off_t at = 0;
	ssize_t n;

	if (!block)
		return -ENOMEM;
	crypto_hash_sha256_init(&state);
	while ((n = pread(fd, block, READ_BLOCK_SIZE, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		crypto_hash_sha256_update(&state, block, (unsigned long long)n);
		at += n;
	}
	free(block);
	if (n < 0)
		return -errno;
	crypto_hash_sha256_final(&state, digest);
	sodium_bin2hex(ret, FIRMWARE_SHA256_SIZE, digest, sizeof(digest));
	return 0;
}

int disk_read_file(int fd, size_t max, char **ret, size_t *ret_length)
{
	struct stat status;
	char *text;
	ssize_t n;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_size > (off_t)max)
		return -EBADMSG;
	text = malloc((size_t)status.st_size + 1);
	if (!text)
		return -ENOMEM;
	n = pread(fd, text, (size_t)status.st_size, 0);
	if (n != status.st_size) {
		free(text);
		return -EBADMSG;
	}
	*ret = text;
	*ret_length = (size_t)n;
	return 0;
}
