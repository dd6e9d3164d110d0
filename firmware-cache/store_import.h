/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the store: an import under way. store_import.c collects and seals bytes, store_partial.c keeps them over a restart, import_parts.h
 * publishes them.
 */
#ifndef FIRMWARE_CACHE_STORE_IMPORT_H
#define FIRMWARE_CACHE_STORE_IMPORT_H

#include <sodium.h>

#include "firmware-cache/store_state.h"

struct firmware_import {
	struct firmware_store *store;
	int fd; /* -1 when it is sealed */
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
/* Gives the bytes reserved back: they are counted among the objects now, or are no firmware. */
void import_release(struct firmware_import *import);

/* The bytes are complete: their digest, or why an append failed, or another digest than expected. */
int import_finish(struct firmware_import *import, char ret_sha256[static FIRMWARE_SHA256_SIZE], struct cache_error *ret_error);
/* What they are, and safe on disk. Fills kind, records, size and what the content tells. */
int import_seal(struct firmware_import *import, struct manifest *ret, struct cache_error *ret_error);

/* What a commit asks of an import that firmware_import_expect() was called for: else 0. */
int import_check_digest(const struct firmware_import *import, const char *sha256, struct cache_error *ret_error);
int import_check_end(const struct firmware_import *import, const struct firmware *firmware, struct cache_error *ret_error);
/* From downloads/ to incoming/, where the next start cleans up after a crash. */
int import_enter(struct firmware_import *import, struct cache_error *ret_error);

#endif
