/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/store_import.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "firmware-cache/content.h"

int firmware_import_begin(struct firmware_store *store, struct cache_error *ret_error, struct firmware_import **ret)
{
	struct firmware_import *import = calloc(1, sizeof(*import));
	int r;

	if (!import)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for an import");
	import->store = store;
	import->folder = FOLDER_INCOMING;
	crypto_hash_sha256_init(&import->digest);
	r = disk_create_temp(store, import->temp, &import->fd, ret_error);
	if (r < 0) {
		free(import);
		return r;
	}
	*ret = import;
	return 0;
}

static int report_full(const struct firmware_store *store, size_t length, uint64_t pinned, uint64_t reserved, struct cache_error *ret_error)
{
	return cache_error_set(ret_error, CACHE_ERROR_CACHE_FULL,
			       "no room for %zu more bytes in the quota of %" PRIu64 ": jobs need %" PRIu64
			       " bytes of firmware, and files that are coming in have %" PRIu64,
			       length, store->quota, pinned, reserved);
}

int import_reserve(struct firmware_import *import, size_t length, struct cache_error *ret_error)
{
	struct firmware_store *store = import->store;
	uint64_t pinned, reserved;
	bool fits;

	if (import->size > store->max_size || length > store->max_size - import->size)
		return cache_error_set(ret_error, CACHE_ERROR_BUNDLE_TOO_BIG,
				       "the file is over the limit of %" PRIu64 " bytes (max_size): at least %" PRIu64 " bytes",
				       store->max_size, import->size + length);
	pthread_mutex_lock(&store->lock);
	pinned = store_pinned_bytes(store);
	reserved = store->reserved;
	fits = pinned + reserved <= store->quota && length <= store->quota - pinned - reserved;
	if (fits)
		store->reserved += length;
	pthread_mutex_unlock(&store->lock);
	if (!fits)
		return report_full(store, length, pinned, reserved, ret_error);
	import->size += length;
	return 0;
}

int firmware_import_append(struct firmware_import *import, const void *bytes, size_t length, struct cache_error *ret_error)
{
	int r;

	if (import->failure.code == CACHE_ERROR_NONE && import_reserve(import, length, &import->failure) == 0) {
		r = disk_write_all(import->fd, bytes, length);
		if (r < 0)
			disk_report(import->store, import->folder, import->temp, -r, "write", &import->failure);
	}
	if (import->failure.code != CACHE_ERROR_NONE) {
		*ret_error = import->failure;
		return -EPROTO;
	}
	crypto_hash_sha256_update(&import->digest, bytes, length);
	return 0;
}

void import_release(struct firmware_import *import)
{
	pthread_mutex_lock(&import->store->lock);
	import->store->reserved -= import->size;
	pthread_mutex_unlock(&import->store->lock);
	import->size = 0;
}

void firmware_import_abort(struct firmware_import *import)
{
	if (!import)
		return;
	import_release(import);
	if (import->fd >= 0)
		close(import->fd);
	if (import->temp[0])
		unlinkat(import->store->folders[import->folder], import->temp, 0);
	free(import);
}

int import_finish(struct firmware_import *import, char ret_sha256[static FIRMWARE_SHA256_SIZE], struct cache_error *ret_error)
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	if (import->failure.code != CACHE_ERROR_NONE) {
		*ret_error = import->failure;
		return -EPROTO;
	}
	crypto_hash_sha256_final(&import->digest, digest);
	sodium_bin2hex(ret_sha256, FIRMWARE_SHA256_SIZE, digest, sizeof(digest));
	return import_check_digest(import, ret_sha256, ret_error);
}

int import_seal(struct firmware_import *import, struct manifest *ret, struct cache_error *ret_error)
{
	int r;

	ret->firmware.size = import->size;
	r = content_inspect(import->fd, import->size, ret, ret_error);
	if (r == 0)
		r = import_check_end(import, &ret->firmware, ret_error);
	if (r == 0)
		r = disk_sync_temp(import->store, import->temp, import->fd, ret_error);
	close(import->fd);
	import->fd = -1;
	return r == 0 ? import_enter(import, ret_error) : r;
}
