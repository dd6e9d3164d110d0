/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the store: the catalogue as it is kept, its text byte by byte, so that its signature can be checked again.
 */
#ifndef FIRMWARE_CACHE_CATALOGUE_FILE_H
#define FIRMWARE_CACHE_CATALOGUE_FILE_H

#include "firmware-cache/catalogue.h"
#include "firmware-cache/store_state.h"

struct catalogue_file {
	struct catalogue catalogue;
	char *text;
	char *signature; /* NULL: none */
};
void catalogue_file_clear(struct catalogue_file *file); /* and frees it; NULL is fine */

/* What an earlier run kept; a damaged file is set aside. Alone. */
int catalogue_file_load(struct firmware_store *store, struct cache_error *ret_error);

#endif
