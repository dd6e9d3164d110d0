/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/made_bundle.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void made_free(struct made *made)
{
	free(made->bytes);
	*made = (struct made){0};
}

void made_add(struct made *to, const void *bytes, size_t length)
{
	if (length == 0)
		return;
	if (to->length + length > to->capacity) {
		to->capacity = 2 * (to->length + length);
		to->bytes = realloc(to->bytes, to->capacity);
		ck_assert_ptr_nonnull(to->bytes);
	}
	memcpy(to->bytes + to->length, bytes, length);
	to->length += length;
}

void made_add_hex(struct made *to, const char *hex)
{
	for (; *hex; hex += 2) {
		char digits[3] = {hex[0], hex[1], '\0'};
		uint8_t byte = (uint8_t)strtoul(digits, NULL, 16);

		made_add(to, &byte, 1);
	}
}

void made_put_u16(struct made *to, unsigned value)
{
	made_add(to, (uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2);
}

void made_put_u32(struct made *to, uint32_t value)
{
	made_put_u16(to, value & 0xffff);
	made_put_u16(to, value >> 16);
}

/* As sums modulo 65535, where 0 is written 0xffff. */
uint32_t made_fletcher(const uint8_t *bytes, size_t length)
{
	uint32_t first = 0;
	uint32_t second = 0;

	for (size_t i = 0; i < length; i += 2) {
		first = (first + bytes[i] * 256u + (i + 1 < length ? bytes[i + 1] : 0u)) % 65535;
		second = (second + first) % 65535;
	}
	return (second ? second : 0xffff) << 16 | (first ? first : 0xffff);
}

static void add_signature(struct made *to, size_t begin, unsigned type)
{
	static const uint8_t zeros[256];

	if (type == 1)
		made_put_u32(to, made_fletcher(to->bytes + begin, to->length - begin));
	else if (type == 4)
		made_put_u32(to, (uint32_t)crc32(0, to->bytes + begin, (unsigned)(to->length - begin)));
	else if (type != 0)
		made_add(to, zeros, type == 3 ? 256 : 64);
}

static void add_version_1(struct made *to, size_t begin, const void *data, size_t length)
{
	struct made header = {0};

	made_put_u32(to, made_fletcher(data, length));
	made_add(&header, to->bytes + begin, to->length - begin);
	made_put_u32(&header, 0);
	made_put_u32(to, made_fletcher(header.bytes, header.length));
	made_free(&header);
	made_add(to, data, length);
}

void made_record(struct made *to, const char *magic, unsigned version, unsigned signature_type, const char *description, const void *data,
		 size_t length)
{
	static const unsigned signature_sizes[] = {0, 4, 64, 256, 4};
	size_t begin = to->length;

	made_add(to, magic, 4);
	made_put_u16(to, version);
	made_put_u16(to, 0);
	made_put_u32(to, (uint32_t)length);
	if (version == 1) {
		add_version_1(to, begin, data, length);
		return;
	}
	made_put_u16(to, signature_type);
	made_put_u16(to, signature_sizes[signature_type]);
	if (version == 3) {
		made_put_u16(to, (unsigned)strlen(description) + 1);
		made_add(to, description, strlen(description) + 1);
	}
	made_add(to, data, length);
	add_signature(to, begin, signature_type);
}

void made_pack(struct made *to, const struct made *inside)
{
	made_record(to, "PACK", 3, 1, "Packed dup files", inside->bytes, inside->length);
}

void made_nested(struct made *to)
{
	static const char data[] = "the quick brown fox";
	struct made inside = {0};

	made_record(&inside, "UPGR", 3, 1, "bootrom upgrade package", data, sizeof(data));
	made_record(&inside, "UPGR", 3, 4, "updater upgrade package", data, sizeof(data) - 1);
	made_record(&inside, "SFFF", 2, 1, "", data, sizeof(data));
	made_record(&inside, "SUFF", 2, 4, "", data, sizeof(data) - 2);
	made_record(&inside, "DIFF", 1, 0, "", data, sizeof(data));
	made_pack(to, &inside);
	made_free(&inside);
}

void made_noise(struct made *to, size_t length, uint32_t seed)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t byte;

		seed = seed * 1664525u + 1013904223u;
		byte = (uint8_t)(seed >> 24);
		made_add(to, &byte, 1);
	}
}
