/* SPDX-License-Identifier: Apache-2.0
 *
 * Archives as vendors ship them: .zip and .tgz. Read in one pass, entry by entry, within limits; what an archive could do to a machine
 * (paths that climb, links, devices, bombs, archives inside archives) refuses it as a whole. Nothing is ever written under an entry's name.
 */
#ifndef FIRMWARE_CACHE_ARCHIVE_H
#define FIRMWARE_CACHE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware-cache/cache_error.h"

#define ARCHIVE_ENTRIES_MAX 256u   /* of every kind */
#define ARCHIVE_PATH_MAX    256u   /* bytes of an entry's path, with NUL */
#define ARCHIVE_RATIO_MAX   200u   /* bytes out per byte in; bundles shrink to about half (protocol.md 4) */
#define ARCHIVE_RATIO_FREE  65536u /* so many bytes may come out before the ratio is looked at */

struct archive_limits {
	uint64_t entry_max; /* bytes of one entry that is wanted */
	uint64_t total_max; /* bytes of all entries, wanted or not */
};

/* Where the entries go that are wanted. Each returns 0, or -EPROTO with *ret_error filled, which ends the walk with that error. */
struct archive_sink {
	/* A file begins: its path as the archive has it, checked (relative, no "..", printable UTF-8). *ret_wanted false: its bytes are passed over. */
	int (*begin)(void *context, const char *path, bool *ret_wanted, struct cache_error *ret_error);
	int (*append)(void *context, const void *bytes, size_t length, struct cache_error *ret_error);
	int (*end)(void *context, struct cache_error *ret_error);
	void *context;
};

/* True for the first bytes (at least 4) of a .zip or a gzip file. Pure. */
bool archive_recognise(const uint8_t *bytes, size_t length);

/* True for the path of an entry that is called like a bundle or a helper. Pure. */
bool archive_is_firmware(const char *path);
/* The same for the signature of one ("NAME.dup.minisig"). Pure. */
bool archive_is_signature(const char *path);

/* Walks the archive in an open file from its begin. 0, or -EPROTO: CACHE_ERROR_BUNDLE_DAMAGED (broken, cut, encrypted), _BUNDLE_UNSUPPORTED
 * (a forbidden entry, an archive inside), _BUNDLE_TOO_BIG (a limit), or what the sink said. The message names the entry. */
int archive_walk(int fd, uint64_t size, const struct archive_limits *limits, const struct archive_sink *sink,
		 struct cache_error *ret_error);

#endif
