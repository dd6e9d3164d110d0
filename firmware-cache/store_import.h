/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the store: an import under way.
 */
#ifndef FIRMWARE_CACHE_STORE_IMPORT_H
#define FIRMWARE_CACHE_STORE_IMPORT_H

#include <sodium.h>

#include "firmware-cache/store_state.h"

struct firmware_import {
	struct firmware_store *store;
	int fd;
	enum store_folder folder;
	char temp[STORE_FILE_NAME_SIZE]; /* in that folder; empty: nothing there any more */
	uint64_t size;                   /* written, and so much reserved */
	crypto_hash_sha256_state digest;
	char expected[FIRMWARE_SHA256_SIZE]; /* "": any */
	bool end_in_doubt;
	struct cache_error failure; /* of an append: the commit cannot do better */
};

/* Room for so many more bytes, or CACHE_ERROR_BUNDLE_TOO_BIG, _CACHE_FULL. */
int import_reserve(struct firmware_import *import, size_t length, struct cache_error *ret_error);
void import_release(struct firmware_import *import);

/* What a commit asks of an import that firmware_import_expect() was called for: else 0. */
int import_check_digest(const struct firmware_import *import, const char *sha256, struct cache_error *ret_error);
int import_check_end(const struct firmware_import *import, const struct firmware *firmware, struct cache_error *ret_error);
/* From downloads/ to incoming/, where the next start cleans up after a crash. */
int import_enter(struct firmware_import *import, struct cache_error *ret_error);

#endif
