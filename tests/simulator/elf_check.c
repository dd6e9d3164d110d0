/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/elf_check.h"

#include <stdio.h>
#include <string.h>

enum { CLASS_AT = 4, ORDER_AT = 5, CLASS_32 = 1, ORDER_LITTLE = 1, ORDER_BIG = 2 };

static const uint8_t elf_magic[4] = {0x7f, 'E', 'L', 'F'};

void elf_check_start(struct elf_check *check)
{
	memset(check, 0, sizeof(*check));
}

void elf_check_feed(struct elf_check *check, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && check->length + i < ELF_HEAD_MAX; i++)
		check->head[check->length + i] = bytes[i];
	check->length += length;
}

static uint32_t number(const struct elf_check *check, size_t at, size_t width)
{
	bool big = check->head[ORDER_AT] == ORDER_BIG;
	uint32_t value = 0;

	for (size_t i = 0; i < width; i++)
		value = value << 8 | check->head[at + (big ? i : width - 1 - i)];
	return value;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Where the last thing ends that the headers name; 0 when they lie out of reach. */
static uint64_t end_of(const struct elf_check *check)
{
	uint64_t segments = number(check, 28, 4), sections = number(check, 32, 4);
	uint64_t segment_size = number(check, 42, 2), segment_count = number(check, 44, 2);
	uint64_t end = later(ELF_HEADER, segments + segment_size * segment_count);

	if (end > ELF_HEAD_MAX || (segment_count > 0 && segment_size < ELF_SEGMENT))
		return 0;
	for (uint64_t i = 0; i < segment_count; i++) {
		size_t at = (size_t)(segments + i * segment_size);

		end = later(end, (uint64_t)number(check, at + 4, 4) + number(check, at + 16, 4));
	}
	return later(end, sections + (uint64_t)number(check, 46, 2) * number(check, 48, 2));
}

uint64_t elf_check_size(const struct elf_check *check)
{
	return check->length >= ELF_HEADER + ELF_SEGMENT ? end_of(check) : 0;
}

const char *elf_check_fault(const struct elf_check *check, bool big_endian)
{
	uint64_t end;

	if (check->length < ELF_HEADER)
		return "the helper is cut";
	if (memcmp(check->head, elf_magic, sizeof(elf_magic)) != 0)
		return "it is no ELF";
	if (check->head[CLASS_AT] != CLASS_32)
		return "it is not ELF32";
	if (check->head[ORDER_AT] != (big_endian ? ORDER_BIG : ORDER_LITTLE))
		return "the ELF has the wrong byte order";
	if (number(check, 18, 2) != ELF_MACHINE)
		return "the ELF is for another machine";
	end = end_of(check);
	if (end == 0)
		return "the program headers are out of reach";
	return check->length < end ? "the helper is cut" : NULL;
}

void elf_check_release(const struct elf_check *check, char *out, size_t size)
{
	const uint8_t *found = memmem(check->head, sizeof(check->head) - 1, HELPER_MARKER, strlen(HELPER_MARKER));
	size_t at = found ? (size_t)(found - check->head) + strlen(HELPER_MARKER) : 0;
	int length = found ? (int)strnlen((const char *)check->head + at, sizeof(check->head) - at) : 0;

	snprintf(out, size, "%.*s", length, (const char *)check->head + at);
}
