/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stp/stp_position.h"

uint64_t stp_wire_size(const struct stp_source *source, bool compressed)
{
	return compressed ? source->compressed_size : source->plain_size;
}

static uint64_t part_start(const struct stp_part *part, bool compressed)
{
	return compressed ? part->wire_offset : part->offset;
}

/* The index of the last part that begins at or before the offset; part_count when there is none. */
static size_t part_index(const struct stp_source *source, bool compressed, uint64_t wire_offset)
{
	size_t found = source->part_count;

	for (size_t i = 0; i < source->part_count; i++) {
		if (part_start(&source->parts[i], compressed) <= wire_offset)
			found = i;
	}
	return found;
}

uint64_t stp_plain_position(const struct stp_source *source, bool compressed, uint64_t wire_offset)
{
	uint64_t wire_end = stp_wire_size(source, compressed);

	if (!compressed || wire_offset >= wire_end)
		return wire_offset < wire_end ? wire_offset : source->plain_size;
	size_t index = part_index(source, compressed, wire_offset);
	size_t next = index == source->part_count ? 0 : index + 1;
	uint64_t wire_from = index < source->part_count ? source->parts[index].wire_offset : 0;
	uint64_t plain_from = index < source->part_count ? source->parts[index].offset : 0;
	uint64_t wire_to = next < source->part_count ? source->parts[next].wire_offset : wire_end;
	uint64_t plain_to = next < source->part_count ? source->parts[next].offset : source->plain_size;

	if (wire_to <= wire_from || plain_to < plain_from)
		return plain_from;
	return plain_from + (wire_offset - wire_from) * (plain_to - plain_from) / (wire_to - wire_from);
}

const char *stp_part_at(const struct stp_source *source, bool compressed, uint64_t wire_offset)
{
	size_t index = part_index(source, compressed, wire_offset);

	return index < source->part_count ? source->parts[index].description : "";
}

bool stp_is_border(const struct stp_source *source, bool compressed, uint64_t wire_offset, uint32_t length)
{
	uint64_t end = wire_offset + length;

	if (wire_offset == 0 || end >= stp_wire_size(source, compressed))
		return true;
	for (size_t i = 0; i < source->part_count; i++) {
		uint64_t start = part_start(&source->parts[i], compressed);
		/* The header of a part is understood one block later when it is cut by a block's end. */
		if (start + length > wire_offset && start <= end)
			return true;
	}
	return false;
}
