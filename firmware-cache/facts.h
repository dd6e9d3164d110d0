/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the cache: which stated facts can be, and what wins when the sources of a fact differ. Pure.
 */
#ifndef FIRMWARE_CACHE_FACTS_H
#define FIRMWARE_CACHE_FACTS_H

#include "firmware-cache/firmware.h"

/* 0, or CACHE_ERROR_INVALID_REQUEST naming the value that cannot be. Empty values are fine. */
int facts_check(const struct firmware_facts *stated, struct cache_error *ret_error);

/* 0, or CACHE_ERROR_INVALID_REQUEST when the stated build is not the one of the stated release. */
int facts_check_release(const struct firmware_facts *stated, struct cache_error *ret_error);

/* 0, or CACHE_ERROR_INVALID_REQUEST when a differential's name says that it starts from another build than is stated: the modem would be lost. */
int facts_check_base(const struct firmware *firmware, struct cache_error *ret_error);

/* The mask (enum firmware_fact) of what is not empty. */
unsigned facts_known(const struct firmware_facts *facts);

/* Takes the members of the mask. */
void facts_take(struct firmware_facts *to, const struct firmware_facts *from, unsigned mask);

/* firmware->facts from firmware->stated, then its name, then what its content told; the family of a helper from its content alone. */
void facts_resolve(struct firmware *firmware, const struct firmware_facts *content);

/* 64 lower-case hex digits. */
bool sha256_text_valid(const char *text);

#endif
