/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the cache: a look at the bytes of an open file, whatever its size, without keeping them in memory.
 */
#ifndef FIRMWARE_CACHE_CONTENT_H
#define FIRMWARE_CACHE_CONTENT_H

#include "firmware-cache/manifest.h"

/* Maps the file for the time of the look, whose result is returned; -EPROTO with CACHE_ERROR_IO when it cannot be mapped. */
int content_look(int fd, uint64_t size, int (*look)(void *context, void *bytes, size_t length, struct cache_error *ret_error),
		 void *context, struct cache_error *ret_error);

/* The begin of the map, up to `end`, is not needed soon: as struct bundle_watch's passed(), with the map's begin as context. */
void content_let_go(void *map, size_t end);

/* "monarch1", "monarch2"; "" for HELPER_NONE. */
const char *content_helper_family(enum helper_kind helper);

/* Kind, records and facts of an open file. 0, or -EPROTO with what is wrong with the content. */
int content_inspect(int fd, uint64_t size, struct manifest *ret, struct cache_error *ret_error);

#endif
