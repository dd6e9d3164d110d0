/* SPDX-License-Identifier: Apache-2.0
 *
 * A store in a folder of its own for each test.
 */
#ifndef TESTS_UNIT_CACHE_CASE_H
#define TESTS_UNIT_CACHE_CASE_H

#include "firmware-cache/store.h"
#include "tests/unit/made_bundle.h"

#define CACHE_CASE_MANY (64u * 1024u * 1024u)

extern struct cache_case {
	char root[64]; /* temporary */
	char path[96]; /* of the cache, in it */
	struct firmware_store *store;
	struct cache_error error;
} cache_case;

/* Fails the test when it does not open. */
void cache_open(uint64_t max_size, uint64_t quota);
void cache_close(void);
void cache_reopen(void);
void cache_set_up(void);
void cache_tear_down(void);
size_t cache_count_files(const char *folder);
/* Exactly so many, and none in incoming/. */
void cache_expect_files(size_t objects, size_t manifests);
/* <cache>/<folder>/<name><end> */
void cache_path_of(char *ret, size_t size, const char *folder, const char *name, const char *end);
void cache_write_file(const char *folder, const char *name, const char *end, const void *bytes, size_t length);
bool cache_file_exists(const char *folder, const char *name, const char *end);

/* One record, with the text as its data. */
void cache_make_bundle(struct made *ret, const char *text);
/* data: 1 little-endian, 2 big-endian */
void cache_make_helper(struct made *ret, uint8_t data);

/* In parts of 10 bytes, as "upload"; as firmware_import_commit. */
int cache_import(const struct made *made, const char *name, const struct firmware_facts *stated, struct firmware *ret);

/* Imports a bundle of that text, which has to work, and tells its digest. */
void cache_add(const char *text, const char *name, char *ret_sha256);
void cache_add_helper(uint8_t data, const char *name, char *ret_sha256);
void cache_digest_of(const struct made *made, char *ret);

/* r, cache_case.error */
void cache_expect_error(int r, enum cache_error_code code, const char *message);
size_t cache_count_listed(void);

#endif
