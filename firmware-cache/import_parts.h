/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the store: how sealed bytes become entries. store_unpack.c takes an archive apart, store_commit.c publishes what came, all of it
 * or nothing.
 */
#ifndef FIRMWARE_CACHE_IMPORT_PARTS_H
#define FIRMWARE_CACHE_IMPORT_PARTS_H

#include "firmware-cache/archive.h"
#include "firmware-cache/store_import.h"

/* One content on its way in. */
struct import_part {
	struct firmware_import *import; /* sealed; owned */
	char path[ARCHIVE_PATH_MAX];    /* in the archive; "": it came by itself */
	char name[FIRMWARE_NAME_SIZE];  /* "": its digest's begin */
	struct firmware_facts stated;   /* by the caller */
	char source[FIRMWARE_SOURCE_SIZE];
	char helper[FIRMWARE_SHA256_SIZE]; /* of the same folder of the archive, meant for this bundle; "": none */
	char helper_family[16];
	char *signature;          /* text of a .minisig file; owned; NULL: none */
	struct manifest manifest; /* of the content alone, then as the index will have it */
	bool again;               /* that content is there already */
	struct firmware result;   /* a copy of its entry */
};

struct import_parts {
	struct import_part *parts;
	size_t count;
	size_t capacity;
};

/* A new part at the end, empty. NULL without memory. Parts move. */
struct import_part *import_parts_add(struct import_parts *parts);
void import_parts_clear(struct import_parts *parts);

/* Takes the archive apart: parts with import, path, name, source, helper and a sealed manifest, no content twice. `source` begins the source of each. */
int import_unpack(struct firmware_import *archive, const char *source, struct import_parts *ret, struct cache_error *ret_error);

/* Publishes all parts, with their results, or none. The caller has the turn to change. */
int import_publish(struct firmware_store *store, struct import_parts *parts, struct cache_error *ret_error);

#endif
