/* SPDX-License-Identifier: Apache-2.0
 *
 * What the disk keeps of a firmware beside its bytes, as one JSON text. Pure.
 */
#ifndef FIRMWARE_CACHE_MANIFEST_H
#define FIRMWARE_CACHE_MANIFEST_H

#include "firmware-cache/firmware.h"

#define MANIFEST_SIZE_MAX (1024u * 1024u)

struct manifest {
	struct firmware firmware;              /* its `facts` are not written: they follow from the rest */
	struct firmware_facts content;         /* what the bytes themselves told, and what they came with */
	bool has_digest;                       /* manifests from before there were signatures have none */
	uint8_t digest[SIGNATURE_DIGEST_SIZE]; /* what a signature is of: signature_digest() */
	uint64_t sequence;                     /* order of import, whatever the clock said */
};

void manifest_clear(struct manifest *manifest);
int manifest_copy(const struct manifest *from, struct manifest *ret);

/* To be called once before there are threads. */
void manifest_setup(void);

/* NULL only without memory. Caller frees. */
char *manifest_write(const struct manifest *manifest);

/* 0 with the facts resolved; -EBADMSG for anything that manifest_write does not write, -ENOMEM. */
int manifest_read(const char *text, size_t length, struct manifest *ret);

#endif
