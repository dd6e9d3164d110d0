/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/make_bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/simulator/bundle_check.h"

enum {
	HEADER = 18,
	SUM = 4,
	LEAST_DATA = 120, /* the marker and a little */
	REAL_SIZE = 5996938,
	REAL_RECORDS = 4,
	DIFFERENCE_SIZE = 1048576,
	PATTERN = 256, /* random bytes, then bytes of the pattern before */
	RECORDS_MAX = 64,
};

struct part {
	char description[40];
	uint32_t weight; /* data size in the real bundle */
	uint32_t data;
};

struct writer {
	uint8_t *bytes;
	size_t length;
	uint64_t random;
	uint64_t size;
	uint64_t records;
	uint64_t base; /* of a differential, or 0 */
	unsigned pair; /* 1 or 2 of a pair, or 0 */
	const char *release;
	const char *ue;
	const struct options *options;
};

/* The pair of protocol.md 6.5. */
#define PAIR_FIRST_RELEASE  "LR5.1.1.0-39529"
#define PAIR_FIRST_UE       "UE5.0.0.0d"
#define PAIR_SECOND_RELEASE "LR5.2.0.0-48829"
#define PAIR_SECOND_UE      "UE5.2.0.0"

static const struct part real_parts[] = {
    {"bootrom upgrade package", 54808, 0},
    {"updater upgrade package", 428780, 0},
    {"fff upgrade package", 5461932, 0},
    {"fs upgrade package", 51204, 0},
};

static const char wrapper_description[] = "Packed dup files";

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static void put_little(struct writer *writer, uint32_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		writer->bytes[writer->length++] = (uint8_t)(value >> 8 * i);
}

static void put_bytes(struct writer *writer, const void *bytes, size_t length)
{
	memcpy(writer->bytes + writer->length, bytes, length);
	writer->length += length;
}

static void put_header(struct writer *writer, const char *magic, const char *description, uint32_t size)
{
	put_bytes(writer, magic, 4);
	put_little(writer, 3, 2);
	put_little(writer, 0, 2);
	put_little(writer, size, 4);
	put_little(writer, writer->options->bundle_sum == SUM_CRC ? 4 : 1, 2);
	put_little(writer, SUM, 2);
	put_little(writer, (uint32_t)strlen(description) + 1, 2);
	put_bytes(writer, description, strlen(description) + 1);
}

static void put_sum(struct writer *writer, size_t start)
{
	const uint8_t *bytes = writer->bytes + start;
	size_t length = writer->length - start;
	struct fletcher sum;

	if (writer->options->bundle_sum == SUM_CRC) {
		put_little(writer, (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, length), 4);
		return;
	}
	fletcher_start(&sum);
	fletcher_add(&sum, bytes, length);
	put_little(writer, fletcher_value(&sum), 4);
}

/* Each pattern is `fresh` random bytes, which cost themselves, then a copy from the one before, which costs next to nothing. */
void make_content(const struct options *options, uint64_t *random, uint8_t *out, uint32_t size)
{
	uint64_t fresh = (options->bundle_ratio_ppm * PATTERN + 500000) / 1000000;

	fresh = fresh > 5 ? fresh - 3 : 2;
	for (uint32_t i = 0; i < size; i++) {
		bool copy = i % PATTERN >= fresh && i >= PATTERN;

		out[i] = copy ? out[i - PATTERN] : (uint8_t)(next_random(random) >> 32);
	}
}

static void put_data(struct writer *writer, uint32_t size)
{
	uint8_t *out = writer->bytes + writer->length;
	int marked;

	make_content(writer->options, &writer->random, out, size);
	marked = snprintf((char *)out, LEAST_DATA, RELEASE_MARKER "%s UE=%s", writer->release, writer->ue);
	if (writer->base > 0 && marked < LEAST_DATA)
		snprintf((char *)out + marked, LEAST_DATA - (size_t)marked, " BASE=%llu", (unsigned long long)writer->base);
	else if (writer->pair > 0 && marked < LEAST_DATA)
		snprintf((char *)out + marked, LEAST_DATA - (size_t)marked, " PAIR=%u", writer->pair);
	writer->length += size;
}

static void put_record(struct writer *writer, const struct part *part)
{
	size_t start = writer->length;

	put_header(writer, writer->base > 0 ? "DIFF" : "UPGR", part->description, part->data);
	put_data(writer, part->data);
	put_sum(writer, start);
}

/* With fewer than four records the main one stays; more than four get small ones behind it. */
static void name_parts(struct part *parts, size_t count)
{
	static const uint8_t kept[4][4] = {{2}, {1, 2}, {0, 1, 2}, {0, 1, 2, 3}};

	for (size_t i = 0; i < count; i++) {
		if (i < 4) {
			parts[i] = real_parts[kept[(count < 4 ? count : 4) - 1][i]];
			continue;
		}
		parts[i] = real_parts[3];
		snprintf(parts[i].description, sizeof(parts[i].description), "part %u upgrade package", (unsigned)i % RECORDS_MAX);
	}
}

/* Shares `size` bytes of file out; the heaviest record takes what rounding leaves. False when they cannot all fit. */
static bool share_out(struct part *parts, size_t count, uint64_t size, bool bare)
{
	uint64_t frame = bare ? 0 : HEADER + sizeof(wrapper_description) + SUM;
	uint64_t weights = 0, given = 0;
	size_t heaviest = 0;

	for (size_t i = 0; i < count; i++) {
		frame += HEADER + strlen(parts[i].description) + 1 + SUM;
		weights += parts[i].weight;
		if (parts[i].weight > parts[heaviest].weight)
			heaviest = i;
	}
	if (size < frame + count * LEAST_DATA)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint64_t data = (size - frame) * parts[i].weight / weights;

		parts[i].data = data < LEAST_DATA ? LEAST_DATA : (uint32_t)data;
		given += i == heaviest ? 0 : parts[i].data;
	}
	if (given + LEAST_DATA > size - frame)
		return false;
	parts[heaviest].data = (uint32_t)(size - frame - given);
	return true;
}

static void write_chain(struct writer *writer, const struct part *parts)
{
	const struct options *options = writer->options;
	uint64_t inside = writer->size - HEADER - sizeof(wrapper_description) - SUM;

	if (!options->bundle_bare)
		put_header(writer, "PACK", wrapper_description, (uint32_t)inside);
	for (size_t i = 0; i < writer->records; i++)
		put_record(writer, &parts[i]);
	if (!options->bundle_bare)
		put_sum(writer, 0);
}

int make_file(const char *path, const uint8_t *bytes, uint64_t size)
{
	FILE *file = fopen(path, "wb");
	int error = 0;

	if (!file) {
		fprintf(stderr, "dupgate-sim: %s: %s\n", path, strerror(errno));
		return 1;
	}
	if (fwrite(bytes, 1, size, file) != size)
		error = errno;
	if (fclose(file) != 0 && error == 0)
		error = errno;
	if (error != 0) {
		fprintf(stderr, "dupgate-sim: %s: %s\n", path, strerror(error));
		return 1;
	}
	printf("made %s: %llu bytes\n", path, (unsigned long long)size);
	return 0;
}

static int write_bundle(struct writer *writer, const char *path)
{
	const struct options *options = writer->options;
	struct part parts[RECORDS_MAX];
	int status;

	name_parts(parts, writer->records);
	if (writer->base > 0)
		snprintf(parts[0].description, sizeof(parts[0].description), "diff upgrade package");
	if (!share_out(parts, writer->records, writer->size, options->bundle_bare)) {
		fprintf(stderr, "dupgate-sim: --size %llu: too small for %llu records\n", (unsigned long long)writer->size,
			(unsigned long long)writer->records);
		return 2;
	}
	writer->bytes = malloc(writer->size);
	if (!writer->bytes) {
		fprintf(stderr, "dupgate-sim: --size %llu: out of memory\n", (unsigned long long)writer->size);
		return 1;
	}
	write_chain(writer, parts);
	status = make_file(path, writer->bytes, writer->size);
	free(writer->bytes);
	return status;
}

static uint64_t or_else(uint64_t value, uint64_t otherwise)
{
	return value > 0 ? value : otherwise;
}

int make_bundle(const struct options *options)
{
	bool difference = options->base_build > 0;
	struct writer writer = {
	    .options = options,
	    .random = options->bundle_seed * 2 + 0x9e3779b97f4a7c15ULL,
	    .size = or_else(options->bundle_size, difference ? DIFFERENCE_SIZE : REAL_SIZE),
	    .records = or_else(options->bundle_records, difference ? 1 : REAL_RECORDS),
	    .base = options->base_build,
	    .release = options->release ? options->release : options->family->new_release,
	    .ue = options->ue ? options->ue : options->family->new_ue,
	};
	struct writer first = writer;
	int status;

	if (!options->pair)
		return write_bundle(&writer, options->bundle);
	first.pair = 1;
	first.release = PAIR_FIRST_RELEASE;
	first.ue = PAIR_FIRST_UE;
	writer.pair = 2;
	writer.random ^= 2;
	if (!options->release) {
		writer.release = PAIR_SECOND_RELEASE;
		writer.ue = options->ue ? options->ue : PAIR_SECOND_UE;
	}
	status = write_bundle(&first, options->bundle);
	return status == 0 ? write_bundle(&writer, options->pair) : status;
}
