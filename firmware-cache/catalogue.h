/* SPDX-License-Identifier: Apache-2.0
 *
 * A signed index: what somebody offers at which URL, with the digest of each. The store keeps one, over restarts.
 */
#ifndef FIRMWARE_CACHE_CATALOGUE_H
#define FIRMWARE_CACHE_CATALOGUE_H

#include "firmware-cache/store.h"

#define CATALOGUE_SIZE_MAX    1048576u /* bytes of the list */
#define CATALOGUE_ENTRIES_MAX 4096u
#define CATALOGUE_URL_MAX     2047u /* bytes */

struct catalogue_entry {
	char sha256[FIRMWARE_SHA256_SIZE];
	char name[FIRMWARE_NAME_SIZE];
	char *url;                   /* http or https; it may hold credentials; owned */
	uint64_t size;               /* 0: not said */
	struct firmware_facts facts; /* helper and second are entries of the same list */
};

struct catalogue {
	struct catalogue_entry *entries;
	size_t count;
	char source[FIRMWARE_SOURCE_STATED_MAX + 1];
	int64_t received_at;                 /* Unix time, s */
	struct firmware_signature signature; /* with the keys of the moment */
};
void catalogue_clear(struct catalogue *catalogue);
int catalogue_copy(const struct catalogue *from, struct catalogue *ret); /* 0 or -ENOMEM */

/* Reads a list: a JSON array of objects with name, url and sha256, and, where they are known, size, family, release, build, base_build, helper,
 * second. Strict: CACHE_ERROR_INVALID_REQUEST names the entry and the member, also of one that is unknown. Fills entries and count. Pure. */
int catalogue_read(const char *text, size_t length, struct catalogue *ret, struct cache_error *ret_error);

struct catalogue_text {
	const char *text; /* the list, byte by byte as it was signed */
	size_t length;
	const char *signature; /* text of a .minisig file; NULL: none */
	const char *source;    /* "upload", a URL without credentials */
};

/* Takes the place of the catalogue that was there. CACHE_ERROR_SIGNATURE_BAD for a signature that is not good now, CACHE_ERROR_SIGNATURE_MISSING when one
 * is required and there is none. Durable when it returns; what was there stays when it fails. */
int firmware_catalogue_put(struct firmware_store *store, const struct catalogue_text *text, bool signature_required,
			   struct cache_error *ret_error);

/* A copy, its signature judged anew. CACHE_ERROR_NOT_FOUND when there is none. */
int firmware_catalogue_get(struct firmware_store *store, struct catalogue *ret, struct cache_error *ret_error);

/* The entry that a reference means: a digest, a unique prefix of 6 or more digits, or a name. NULL with CACHE_ERROR_NOT_FOUND, or
 * CACHE_ERROR_INVALID_REQUEST for an ambiguous one. Pure. */
const struct catalogue_entry *catalogue_find(const struct catalogue *catalogue, const char *reference, struct cache_error *ret_error);

#endif
