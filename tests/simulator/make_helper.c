/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/elf_check.h"
#include "tests/simulator/make_bundle.h"

enum {
	REAL_SIZE = 306076,
	LOAD_ADDRESS = 0x80000000,
	TYPE_EXECUTABLE = 2,
	TYPE_LOAD = 1,
	READ_AND_EXECUTE = 5,
	PAGE = 4096,
	MARKER_AT = ELF_HEADER + ELF_SEGMENT,
};

struct elf_writer {
	uint8_t *at;
	bool big;
};

static void put(struct elf_writer *writer, uint32_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		writer->at[i] = (uint8_t)(value >> 8 * (writer->big ? width - 1 - i : i));
	writer->at += width;
}

static void put_header(struct elf_writer *writer)
{
	const uint8_t identity[16] = {0x7f, 'E', 'L', 'F', 1, writer->big ? 2 : 1, 1};

	memcpy(writer->at, identity, sizeof(identity));
	writer->at += sizeof(identity);
	put(writer, TYPE_EXECUTABLE, 2);
	put(writer, ELF_MACHINE, 2);
	put(writer, 1, 4); /* version */
	put(writer, (uint32_t)LOAD_ADDRESS + MARKER_AT, 4);
	put(writer, ELF_HEADER, 4); /* program headers */
	put(writer, 0, 4);          /* no sections */
	put(writer, 0, 4);          /* flags */
	put(writer, ELF_HEADER, 2);
	put(writer, ELF_SEGMENT, 2);
	put(writer, 1, 2);
	put(writer, 40, 2); /* size of a section header, of which there is none */
	put(writer, 0, 2);
	put(writer, 0, 2);
}

static void put_segment(struct elf_writer *writer, uint32_t size)
{
	put(writer, TYPE_LOAD, 4);
	put(writer, 0, 4);
	put(writer, (uint32_t)LOAD_ADDRESS, 4);
	put(writer, (uint32_t)LOAD_ADDRESS, 4);
	put(writer, size, 4);
	put(writer, size, 4);
	put(writer, READ_AND_EXECUTE, 4);
	put(writer, PAGE, 4);
}

int make_helper(const struct options *options)
{
	uint32_t size = options->bundle_size > 0 ? (uint32_t)options->bundle_size : REAL_SIZE;
	uint64_t random = options->bundle_seed * 2 + 0x9e3779b97f4a7c15ULL;
	struct elf_writer writer = {.big = !options->family->monarch2};
	uint8_t *bytes = malloc(size);
	int status;

	if (!bytes) {
		fprintf(stderr, "dupgate-sim: --size %u: out of memory\n", size);
		return 1;
	}
	make_content(options, &random, bytes, size);
	writer.at = bytes;
	put_header(&writer);
	put_segment(&writer, size);
	if (options->release)
		snprintf((char *)bytes + MARKER_AT, 64, HELPER_MARKER "%s", options->release);
	status = make_file(options->helper, bytes, size);
	free(bytes);
	return status;
}
