/* SPDX-License-Identifier: Apache-2.0
 *
 * Bundles for tests, built from protocol.md 5 alone, so that an error of the parser cannot be made twice.
 */
#ifndef TESTS_UNIT_MADE_BUNDLE_H
#define TESTS_UNIT_MADE_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

struct made {
	uint8_t *bytes;
	size_t length;
	size_t capacity;
};

void made_free(struct made *made);
void made_add(struct made *to, const void *bytes, size_t length);
void made_add_hex(struct made *to, const char *hex);
void made_put_u16(struct made *to, unsigned value);
void made_put_u32(struct made *to, uint32_t value);
uint32_t made_fletcher(const uint8_t *bytes, size_t length);

/* One record with its right checksum; RSA and ECDSA get zeros of 256 and 64 bytes. The description (version 3 only) gets its NUL. */
void made_record(struct made *to, const char *magic, unsigned version, unsigned signature_type, const char *description, const void *data,
		 size_t length);
/* PACK "Packed dup files" with Fletcher-32 around all that is in `inside`. */
void made_pack(struct made *to, const struct made *inside);
/* A small bundle of every version and checksum, in one PACK. The data is no word 0x0000 or 0xffff, which Fletcher takes for each other. */
void made_nested(struct made *to);
/* bytes of noise of a fixed seed */
void made_noise(struct made *to, size_t length, uint32_t seed);

#endif
