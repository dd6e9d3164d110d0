/* SPDX-License-Identifier: Apache-2.0
 *
 * Detached signatures as the minisign tool makes them (".minisig"), and the public keys that are trusted (".pub" files of one folder).
 * Keys are read anew for every check, so that they can be rotated under a running daemon. Any thread.
 */
#ifndef FIRMWARE_CACHE_SIGNATURE_H
#define FIRMWARE_CACHE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware-cache/cache_error.h"

#define SIGNATURE_TEXT_MAX    2048u /* of a .minisig file, in bytes */
#define SIGNATURE_COMMENT_MAX 512u
#define TRUSTED_KEYS_MAX      64u
#define SIGNATURE_DIGEST_SIZE 64u /* BLAKE2b-512 */
#define KEY_ID_TEXT_SIZE      17u /* upper-case hex digits as minisign prints them (no leading zeros) and NUL */

struct trusted_key {
	char name[64]; /* of the file */
	uint8_t id[8];
	uint8_t key[32]; /* Ed25519 */
};

struct trusted_keys {
	size_t count;
	struct trusted_key keys[TRUSTED_KEYS_MAX];
	char refused[320]; /* the first file that ends in .pub and is no key, with the reason; empty: all were keys */
};

/* What a good signature says. */
struct signature_report {
	char key_id[KEY_ID_TEXT_SIZE];
	char key_name[64];                           /* the file of the key */
	char trusted_comment[SIGNATURE_COMMENT_MAX]; /* printable; signed together with the signature */
};

/* All *.pub files of a folder, by name. A folder that is missing has no keys: 0. CACHE_ERROR_IO when it cannot be read. */
int trusted_keys_load(const char *directory, struct trusted_keys *ret, struct cache_error *ret_error);

/* 0, or CACHE_ERROR_SIGNATURE_BAD when the text has not the form of a .minisig file. Pure. */
int signature_check_form(const char *text, size_t length, struct cache_error *ret_error);

/* The digest of an open file that most signatures are of (all but those of minisign -l). Read in small blocks. CACHE_ERROR_IO. */
int signature_digest(int fd, uint8_t ret[static SIGNATURE_DIGEST_SIZE], struct cache_error *ret_error);

/* Checks the signature text (a whole .minisig file) over all bytes of an open file, both signatures of it: that of the content and that of
 * the trusted comment. 0, or -EPROTO with CACHE_ERROR_SIGNATURE_BAD: no minisign signature, a key that is not trusted (named by its
 * id), other content, an altered comment. The file is read in small blocks (or mapped, for the legacy algorithm of minisign -l). Blocks
 * on the disk. */
int signature_verify(const char *text, size_t length, const struct trusted_keys *keys, int fd, struct signature_report *ret,
		     struct cache_error *ret_error);
/* The same, believing that `digest` is the signature_digest() of the file, so that it is read for the legacy algorithm alone. */
int signature_verify_digest(const char *text, size_t length, const struct trusted_keys *keys, int fd,
			    const uint8_t digest[static SIGNATURE_DIGEST_SIZE], struct signature_report *ret,
			    struct cache_error *ret_error);

#endif
