/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/bundle_check.h"

#include <string.h>
#include <zlib.h>

enum {
	MARKER_REACH = 4096,
	SIGNATURE_NONE = 0,
	SIGNATURE_FLETCHER = 1,
	SIGNATURE_ECDSA = 2,
	SIGNATURE_RSA = 3,
	SIGNATURE_CRC = 4,
	RSA_LENGTH = 256,
};

static const char record_magics[][5] = {"PACK", "UPGR", "SFFF", "SUFF", "DIFF", "RASR", "TEST"};

static void level_feed(struct bundle_check *check, unsigned depth, const uint8_t *bytes, size_t length);

static uint32_t little16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t little32(const uint8_t *bytes)
{
	return little16(bytes) | little16(bytes + 2) << 16;
}

static void set_fault(struct bundle_check *check, const char *what)
{
	if (check->fault)
		return;
	check->fault = what;
	check->fault_offset = check->offset;
}

void bundle_check_start(struct bundle_check *check)
{
	memset(check, 0, sizeof(*check));
}

bool bundle_check_whole(const struct bundle_check *check)
{
	const struct record_level *top = &check->levels[0];

	return !check->fault && top->complete > 0 && top->part == PART_HEADER && top->have == 0;
}

uint64_t bundle_check_size(const struct bundle_check *check)
{
	const struct record_level *top = &check->levels[0];

	if (!top->wrapper || top->part == PART_HEADER)
		return 0;
	return (uint64_t)top->header_length + top->description_length + top->data_length + top->signature_length;
}

uint64_t bundle_check_record(const struct bundle_check *check, uint64_t number)
{
	if (number < check->records)
		return number < BUNDLE_STARTS ? check->starts[number] : 0;
	return number == check->records ? check->next_border : 0;
}

enum bundle_kind bundle_check_kind(const struct bundle_check *check)
{
	if (check->differentials > 0)
		return BUNDLE_DIFFERENTIAL;
	if (check->boot_roms == check->records)
		return BUNDLE_BOOT_ROM;
	if (check->pair[0] != '\0')
		return check->pair[0] == '1' ? BUNDLE_FIRST : BUNDLE_SECOND;
	return BUNDLE_FULL;
}

const char *bundle_check_fault(const struct bundle_check *check)
{
	if (check->fault)
		return check->fault;
	return bundle_check_whole(check) ? NULL : "the bundle is cut";
}

void bundle_check_feed(struct bundle_check *check, const uint8_t *bytes, size_t length)
{
	uint64_t end = check->offset + length;

	if (!check->fault)
		level_feed(check, 0, bytes, length);
	check->offset = end;
}

/* --- the header ------------------------------------------------------------------------------------------------ */

static bool known_magic(const uint8_t *magic)
{
	for (size_t i = 0; i < sizeof(record_magics) / sizeof(record_magics[0]); i++)
		if (memcmp(magic, record_magics[i], 4) == 0)
			return true;
	return false;
}

static uint32_t header_length_of(uint32_t version)
{
	switch (version) {
	case 1:
		return 20;
	case 2:
		return 16;
	case 3:
		return 18;
	default:
		return 0;
	}
}

static bool signature_fits(const struct record_level *level)
{
	switch (level->signature_type) {
	case SIGNATURE_NONE:
	case SIGNATURE_ECDSA:
		return true;
	case SIGNATURE_FLETCHER:
	case SIGNATURE_CRC:
		return level->signature_length == 4;
	case SIGNATURE_RSA:
		return level->signature_length == RSA_LENGTH;
	default:
		return false;
	}
}

static bool old_header_holds(const struct record_level *level)
{
	uint8_t copy[BUNDLE_HEADER_MAX];
	struct fletcher sum;

	memcpy(copy, level->header, sizeof(copy));
	memset(copy + 16, 0, 4);
	fletcher_start(&sum);
	fletcher_add(&sum, copy, sizeof(copy));
	return fletcher_value(&sum) == little32(level->header + 16);
}

/* Bytes of the wrapper's data that are still to come. Counted by offset: its `have` moves only after a whole piece. */
static uint64_t room_in(const struct bundle_check *check, const struct record_level *wrapper)
{
	uint64_t taken = check->offset - wrapper->data_start;

	return taken < wrapper->data_length ? wrapper->data_length - taken : 0;
}

static void start_sums(struct record_level *level, bool with_header)
{
	fletcher_start(&level->fletcher);
	level->crc = (uint32_t)crc32(0, NULL, 0);
	if (!with_header)
		return;
	fletcher_add(&level->fletcher, level->header, level->header_length);
	level->crc = (uint32_t)crc32(level->crc, level->header, level->header_length);
}

static void read_header(struct record_level *level)
{
	uint32_t version = little16(level->header + 4);

	memset(level->description, 0, sizeof(level->description));
	level->wrapper = memcmp(level->header, "PACK", 4) == 0;
	level->data_length = little32(level->header + 8);
	level->description_length = version == 3 ? little16(level->header + 16) : 0;
	level->signature_type = version == 1 ? SIGNATURE_FLETCHER : (uint16_t)little16(level->header + 12);
	level->signature_length = version == 1 ? 0 : little16(level->header + 14);
	start_sums(level, version != 1);
}

static void note_start(struct bundle_check *check, uint64_t start)
{
	if (check->records < BUNDLE_STARTS)
		check->starts[check->records] = start;
	check->records++;
}

static void begin_record(struct bundle_check *check, unsigned depth)
{
	struct record_level *level = &check->levels[depth];
	bool old = level->header_length == BUNDLE_HEADER_MAX;

	read_header(level);
	if (old && !old_header_holds(level))
		set_fault(check, "the header's sum does not match");
	else if (!old && !signature_fits(level))
		set_fault(check, "unknown signature type or size");
	else if (level->wrapper && depth + 1 == BUNDLE_DEPTH)
		set_fault(check, "wrappers nested too deep");
	else if (depth > 0 &&
		 (uint64_t)level->description_length + level->data_length + level->signature_length > room_in(check, level - 1))
		set_fault(check, "a record is longer than what holds it");
	if (level->wrapper && depth + 1 < BUNDLE_DEPTH)
		memset(level + 1, 0, sizeof(*level));
	else
		note_start(check, check->offset - level->header_length);
	check->next_border = check->offset + level->description_length + level->data_length + level->signature_length;
	check->marker_length = 0;
	level->part = PART_DESCRIPTION;
	level->have = 0;
}

static size_t feed_header(struct bundle_check *check, unsigned depth, const uint8_t *bytes, size_t length)
{
	struct record_level *level = &check->levels[depth];
	size_t used = 0;

	while (used < length && !check->fault) {
		level->header[level->have++] = bytes[used++];
		check->offset++;
		if (level->have == 4 && !known_magic(level->header))
			set_fault(check, "unknown record magic");
		if (level->have == 6) {
			level->header_length = header_length_of(little16(level->header + 4));
			if (level->header_length == 0)
				set_fault(check, "unknown record version");
		}
		if (level->have > 6 && level->have == level->header_length) {
			begin_record(check, depth);
			break;
		}
	}
	return used;
}

/* --- the release marker ---------------------------------------------------------------------------------------- */

/* The word behind `key`, to the next space; empty when it is not there or too long. */
static void copy_word(char out[RELEASE_MAX], const char *text, const char *key)
{
	const char *start = strstr(text, key);
	size_t length = start ? strcspn(start + strlen(key), " ") : 0;

	if (!start || length >= RELEASE_MAX)
		length = 0;
	if (length > 0)
		memcpy(out, start + strlen(key), length);
	out[length] = '\0';
}

static void take_marker(struct bundle_check *check)
{
	char release[RELEASE_MAX];

	copy_word(release, check->marker, " RELEASE=");
	if (strncmp(release, "LR", 2) != 0 || !strstr(check->marker, " UE="))
		return;
	memcpy(check->release, release, RELEASE_MAX);
	copy_word(check->ue, check->marker, " UE=");
	copy_word(check->base, check->marker, " BASE=");
	copy_word(check->pair, check->marker, " PAIR=");
}

static void scan_marker(struct bundle_check *check, const uint8_t *bytes, size_t length)
{
	static const char prefix[] = RELEASE_MARKER;

	for (size_t i = 0; i < length; i++) {
		bool prefix_done = check->marker_length >= sizeof(prefix) - 1;

		if (prefix_done && (bytes[i] == '\0' || bytes[i] == '\n')) {
			check->marker[check->marker_length] = '\0';
			take_marker(check);
			check->marker_length = 0;
		} else if (check->marker_length + 1 < MARKER_MAX && (prefix_done || bytes[i] == (uint8_t)prefix[check->marker_length])) {
			check->marker[check->marker_length++] = (char)bytes[i];
		} else {
			check->marker_length = 0;
			if (bytes[i] == (uint8_t)prefix[0])
				check->marker[check->marker_length++] = prefix[0];
		}
	}
}

/* --- description, data, signature ------------------------------------------------------------------------------ */

static void add_to_sums(struct record_level *level, const uint8_t *bytes, size_t length)
{
	if (level->signature_type == SIGNATURE_FLETCHER)
		fletcher_add(&level->fletcher, bytes, length);
	else if (level->signature_type == SIGNATURE_CRC)
		level->crc = (uint32_t)crc32(level->crc, bytes, (uInt)length);
}

static void feed_data(struct bundle_check *check, unsigned depth, const uint8_t *bytes, size_t length)
{
	struct record_level *level = &check->levels[depth];

	if (level->wrapper) {
		level_feed(check, depth + 1, bytes, length);
		return;
	}
	if (level->have < MARKER_REACH)
		scan_marker(check, bytes, length < MARKER_REACH - level->have ? length : MARKER_REACH - level->have);
	check->offset += length;
}

static void feed_description(struct bundle_check *check, struct record_level *level, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && level->have + i + 1 < DESCRIPTION_MAX; i++)
		level->description[level->have + i] = (char)bytes[i];
	check->offset += length;
}

static bool sum_holds(const struct record_level *level)
{
	uint32_t want = little32(level->header_length == BUNDLE_HEADER_MAX ? level->header + 12 : level->signature);

	switch (level->signature_type) {
	case SIGNATURE_FLETCHER:
		return fletcher_value(&level->fletcher) == want;
	case SIGNATURE_CRC:
		return level->crc == want;
	default:
		return true;
	}
}

static void end_record(struct bundle_check *check, unsigned depth)
{
	struct record_level *level = &check->levels[depth];

	if (!sum_holds(level))
		set_fault(check, "a record's sum does not match");
	level->complete++;
	level->part = PART_HEADER;
	level->have = 0;
}

static void end_wrapped_chain(struct bundle_check *check, unsigned depth)
{
	const struct record_level *inside = &check->levels[depth + 1];

	if (inside->complete == 0 || inside->part != PART_HEADER || inside->have != 0)
		set_fault(check, "the wrapped records do not fill the wrapper");
}

static uint32_t part_length(const struct record_level *level)
{
	switch (level->part) {
	case PART_DESCRIPTION:
		return level->description_length;
	case PART_DATA:
		return level->data_length;
	case PART_SIGNATURE:
		return level->signature_length;
	case PART_HEADER:
		break;
	}
	return 0;
}

static void name_record(struct bundle_check *check, const struct record_level *level)
{
	if (level->wrapper)
		return;
	check->boot_roms += strcmp(level->description, BOOT_ROM_DESCRIPTION) == 0;
	check->mains += strcmp(level->description, MAIN_DESCRIPTION) == 0;
	check->differentials += memcmp(level->header, "DIFF", 4) == 0;
}

/* Moves over parts that are complete, empty ones included. */
static void next_parts(struct bundle_check *check, unsigned depth)
{
	struct record_level *level = &check->levels[depth];

	while (!check->fault && level->part != PART_HEADER && level->have == part_length(level)) {
		level->have = 0;
		if (level->part == PART_DESCRIPTION) {
			level->part = PART_DATA;
			name_record(check, level);
			level->data_start = check->offset;
		} else if (level->part == PART_DATA) {
			if (level->wrapper)
				end_wrapped_chain(check, depth);
			level->part = PART_SIGNATURE;
		} else {
			end_record(check, depth);
		}
	}
}

static size_t feed_part(struct bundle_check *check, unsigned depth, const uint8_t *bytes, size_t length)
{
	struct record_level *level = &check->levels[depth];
	size_t take = part_length(level) - level->have;

	if (take > length)
		take = length;
	if (level->part == PART_SIGNATURE) {
		for (size_t i = 0; i < take && level->have + i < sizeof(level->signature); i++)
			level->signature[level->have + i] = bytes[i];
		check->offset += take;
	} else {
		add_to_sums(level, bytes, take);
		if (level->part == PART_DATA)
			feed_data(check, depth, bytes, take);
		else
			feed_description(check, level, bytes, take);
	}
	level->have += (uint32_t)take;
	return take;
}

static void level_feed(struct bundle_check *check, unsigned depth, const uint8_t *bytes, size_t length)
{
	while (length > 0 && !check->fault) {
		size_t used = check->levels[depth].part == PART_HEADER ? feed_header(check, depth, bytes, length)
								       : feed_part(check, depth, bytes, length);

		bytes += used;
		length -= used;
		next_parts(check, depth);
	}
}
