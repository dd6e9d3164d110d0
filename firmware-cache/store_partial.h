/* SPDX-License-Identifier: Apache-2.0
 *
 * Imports that outlive a restart: their bytes are kept under a name in downloads/ until they are complete. As other imports they belong to
 * one thread at a time, count for the quota while they are open, and end with firmware_import_commit or _abort, which takes the file away.
 */
#ifndef FIRMWARE_CACHE_STORE_PARTIAL_H
#define FIRMWARE_CACHE_STORE_PARTIAL_H

#include "firmware-cache/store.h"

/* Opens the file of that name, or makes it. The bytes that are there count as appended, at most `trusted` of them: the rest is cut off. */
int firmware_import_resume(struct firmware_store *store, const char *name, uint64_t trusted, struct cache_error *ret_error,
			   struct firmware_import **ret);

uint64_t firmware_import_size(const struct firmware_import *import);

/* 0 when a file of so many bytes in all could be taken, else CACHE_ERROR_BUNDLE_TOO_BIG or _CACHE_FULL. */
int firmware_import_fits(struct firmware_import *import, uint64_t total, struct cache_error *ret_error);

/* Forgets all bytes, on disk too. */
int firmware_import_rewind(struct firmware_import *import, struct cache_error *ret_error);

/* The bytes are on disk to stay, whatever happens. 0 or a negative errno. */
int firmware_import_sync(const struct firmware_import *import);

/* All that was appended, as a text; caller frees. CACHE_ERROR_BUNDLE_TOO_BIG for more than so many bytes. */
int firmware_import_read(const struct firmware_import *import, size_t max, char **ret, size_t *ret_length, struct cache_error *ret_error);

/* Keeps the file; the handle is gone. */
void firmware_import_suspend(struct firmware_import *import);

/* What the commit asks of the bytes besides: their digest (NULL: any); and, when nobody said where they should end, that their structure does
 * (a helper's cannot). CACHE_ERROR_DIGEST_MISMATCH, CACHE_ERROR_BUNDLE_DAMAGED of the commit. */
void firmware_import_expect(struct firmware_import *import, const char *sha256, bool end_in_doubt);

/* Texts beside the bytes, in the same folder, and their names. */
int firmware_partial_write(struct firmware_store *store, const char *name, const char *text, struct cache_error *ret_error);
/* Caller frees *ret. 0 or a negative errno; -EBADMSG for no file, or one longer than max. */
int firmware_partial_read(struct firmware_store *store, const char *name, size_t max, char **ret, size_t *ret_length);
void firmware_partial_remove(struct firmware_store *store, const char *name);
/* Calls `each` for every file of the folder; it may remove files. 0 or a negative errno. */
int firmware_partial_each(struct firmware_store *store, void (*each)(void *context, const char *name), void *context);

#endif
