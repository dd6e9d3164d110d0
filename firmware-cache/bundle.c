/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/bundle_walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define COUNT(array)      (sizeof(array) / sizeof((array)[0]))
#define VERSION_1_SIZE    20u
#define VERSION_1_SUM_AT  16u /* the checksum of the header, which counts itself as 0 */
#define SIGNATURE_TYPE_AT 12u
#define SIGNATURE_SIZE_AT 14u

static const char known_magics[][BUNDLE_MAGIC_SIZE + 1] = {"PACK", "UPGR", "SFFF", "SUFF", "DIFF", "RASR", "TEST"};

struct signature_kind {
	const char *name;
	uint16_t smallest;
	uint16_t largest;
};

/* protocol.md 5 gives the size of all but ECDSA, whose encoding may vary. */
static const struct signature_kind signature_kinds[] = {
    [BUNDLE_SIGNATURE_NONE] = {"none", 0, 0},
    [BUNDLE_SIGNATURE_FLETCHER32] = {"Fletcher-32", 4, 4},
    [BUNDLE_SIGNATURE_ECDSA256] = {"ECDSA-256", 1, UINT16_MAX},
    [BUNDLE_SIGNATURE_RSA_SHA256] = {"RSA-SHA256", 256, 256},
    [BUNDLE_SIGNATURE_CRC32] = {"CRC-32", 4, 4},
};

/* The parts of one record that only its checks need. */
struct sums {
	uint32_t data;      /* version 1 */
	uint32_t header;    /* version 1 */
	uint32_t signature; /* of 4 bytes */
	uint64_t signature_at;
};

const char *bundle_checksum_name(const struct bundle_record *record)
{
	static const char *const names[] = {
	    [BUNDLE_SIGNATURE_NONE] = "none",      [BUNDLE_SIGNATURE_FLETCHER32] = "fletcher-32", [BUNDLE_SIGNATURE_ECDSA256] = "ecdsa",
	    [BUNDLE_SIGNATURE_RSA_SHA256] = "rsa", [BUNDLE_SIGNATURE_CRC32] = "crc-32",
	};

	if (record->version == 1) /* has its own field for it */
		return names[BUNDLE_SIGNATURE_FLETCHER32];
	return record->signature_type < sizeof(names) / sizeof(names[0]) ? names[record->signature_type] : names[BUNDLE_SIGNATURE_NONE];
}

const char *bundle_check_name(enum bundle_check check)
{
	switch (check) {
	case BUNDLE_CHECK_GOOD:
		return "good";
	case BUNDLE_CHECK_NONE:
		return "none";
	case BUNDLE_CHECK_LEFT_TO_MODEM:
		return "left-to-modem";
	case BUNDLE_CHECK_DAMAGED:
		return "damaged";
	}
	return "none";
}

const char *bundle_signature_name(uint16_t type)
{
	return type < COUNT(signature_kinds) ? signature_kinds[type].name : "unknown";
}

const uint8_t *cursor_take(struct cursor *cursor, size_t count)
{
	const uint8_t *taken;

	if (cursor->failed)
		return NULL;
	if (count > cursor->end - cursor->position) {
		cursor->failed = true;
		cursor->failed_part = cursor->part;
		cursor->failed_wanted = count;
		return NULL;
	}
	taken = cursor->bytes + cursor->position;
	cursor->position += count;
	return taken;
}

uint16_t cursor_u16(struct cursor *cursor)
{
	const uint8_t *taken = cursor_take(cursor, 2);

	return taken ? (uint16_t)((unsigned)taken[0] | (unsigned)taken[1] << 8) : 0;
}

uint32_t cursor_u32(struct cursor *cursor)
{
	const uint8_t *taken = cursor_take(cursor, 4);

	return taken ? taken[0] | (uint32_t)taken[1] << 8 | (uint32_t)taken[2] << 16 | (uint32_t)taken[3] << 24 : 0;
}

static int read_magic(const struct walk *walk, struct cursor *cursor, struct bundle_record *record)
{
	const uint8_t *magic;

	cursor->part = "the magic of a record";
	magic = cursor_take(cursor, BUNDLE_MAGIC_SIZE);
	if (!magic)
		return bundle_report_cut(walk, cursor);
	for (size_t i = 0; i < COUNT(known_magics); i++) {
		if (memcmp(magic, known_magics[i], BUNDLE_MAGIC_SIZE) == 0)
			memcpy(record->magic, known_magics[i], sizeof(record->magic));
	}
	return record->magic[0] ? 0 : bundle_report_magic(walk, cursor);
}

static int check_signature_kind(const struct walk *walk, const struct bundle_record *record)
{
	const struct signature_kind *kind;

	if (record->signature_type >= COUNT(signature_kinds))
		return bundle_report(walk, CACHE_ERROR_BUNDLE_UNSUPPORTED, record->offset + SIGNATURE_TYPE_AT,
				     "unknown signature type %u, expected 0 to 4", record->signature_type);
	kind = &signature_kinds[record->signature_type];
	if (record->signature_size < kind->smallest || record->signature_size > kind->largest)
		return bundle_report(walk, CACHE_ERROR_BUNDLE_DAMAGED, record->offset + SIGNATURE_SIZE_AT,
				     "the size of a signature of type %s should be %u, found %u", kind->name, kind->smallest,
				     record->signature_size);
	return 0;
}

/* The version decides what comes after the size. protocol.md 5. */
static int read_header(const struct walk *walk, struct cursor *cursor, struct bundle_record *record, struct sums *sums,
		       uint16_t *ret_description_size)
{
	*ret_description_size = 0;
	cursor->part = "a field of the header";
	record->version = cursor_u16(cursor);
	if (!cursor->failed && (record->version < 1 || record->version > 3))
		return bundle_report(walk, CACHE_ERROR_BUNDLE_UNSUPPORTED, record->offset + BUNDLE_MAGIC_SIZE,
				     "unknown record version %u, expected 1, 2 or 3", record->version);
	record->flags = cursor_u16(cursor);
	record->size = cursor_u32(cursor);
	if (record->version == 1) {
		sums->data = cursor_u32(cursor);
		sums->header = cursor_u32(cursor);
		record->signature_type = BUNDLE_SIGNATURE_FLETCHER32;
	} else {
		record->signature_type = cursor_u16(cursor);
		record->signature_size = cursor_u16(cursor);
	}
	if (record->version == 3)
		*ret_description_size = cursor_u16(cursor);
	if (cursor->failed)
		return bundle_report_cut(walk, cursor);
	return record->version == 1 ? 0 : check_signature_kind(walk, record);
}

static void print_description(const uint8_t *bytes, size_t length, char *ret, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; bytes && i < length && bytes[i] != '\0'; i++) {
		bool printable = bytes[i] >= 0x20 && bytes[i] < 0x7f;

		if (used + (printable ? 1 : 4) >= size)
			break;
		if (printable)
			ret[used++] = (char)bytes[i];
		else
			used += (size_t)snprintf(ret + used, size - used, "\\x%02x", bytes[i]);
	}
	ret[used] = '\0';
}

static const char data_part[] = "the data";

static int read_body(const struct walk *walk, struct cursor *cursor, struct bundle_record *record, uint16_t description_size,
		     struct sums *sums)
{
	cursor->part = "the description";
	print_description(cursor_take(cursor, description_size), description_size, record->description, sizeof(record->description));
	record->data_offset = cursor->position;
	cursor->part = data_part;
	cursor_take(cursor, record->size);
	sums->signature_at = cursor->position;
	cursor->part = "the signature";
	if (record->signature_size == sizeof(sums->signature))
		sums->signature = cursor_u32(cursor);
	else
		cursor_take(cursor, record->signature_size);
	return cursor->failed ? bundle_report_cut(walk, cursor) : 0;
}

/* The next part of bytes[*at..end), at most BUNDLE_PASS_SIZE of it; NULL at the end. */
static const uint8_t *next_part(const struct walk *walk, size_t *at, size_t end, size_t *ret_length)
{
	const uint8_t *part = walk->bytes + *at;
	size_t rest = end - *at;

	if (walk->watch->passed)
		walk->watch->passed(walk->watch->context, *at);
	*ret_length = rest < BUNDLE_PASS_SIZE ? rest : BUNDLE_PASS_SIZE;
	*at += *ret_length;
	return rest > 0 ? part : NULL;
}

static uint32_t crc_of(const struct walk *walk, size_t at, size_t end)
{
	uLong sum = crc32_z(0, NULL, 0);
	const uint8_t *part;
	size_t length;

	while ((part = next_part(walk, &at, end, &length)))
		sum = crc32_z(sum, part, length);
	return (uint32_t)sum;
}

static uint32_t fletcher_of(const struct walk *walk, size_t at, size_t end)
{
	struct fletcher32 sum;
	const uint8_t *part;
	size_t length;

	fletcher32_begin(&sum);
	while ((part = next_part(walk, &at, end, &length)))
		fletcher32_add(&sum, part, length);
	return fletcher32_end(&sum);
}

static int compare_sums(const struct walk *walk, const char *name, uint64_t at, uint32_t found, uint32_t computed)
{
	if (found == computed)
		return 0;
	return bundle_report(walk, CACHE_ERROR_BUNDLE_DAMAGED, at, "the %s should be 0x%08" PRIx32 " for these bytes, found 0x%08" PRIx32,
			     name, computed, found);
}

static int check_version_1_header(const struct walk *walk, const struct bundle_record *record, const struct sums *sums)
{
	uint8_t header[VERSION_1_SIZE] = {0};

	if (record->version != 1)
		return 0;
	memcpy(header, walk->bytes + record->offset, VERSION_1_SUM_AT);
	return compare_sums(walk, "checksum of the header", record->offset + VERSION_1_SUM_AT, sums->header,
			    bundle_fletcher32(header, sizeof(header)));
}

static int check_sums(const struct walk *walk, struct bundle_record *record, const struct sums *sums)
{
	record->check = BUNDLE_CHECK_GOOD;
	if (record->version == 1)
		return compare_sums(walk, "checksum of the data", record->offset + SIGNATURE_TYPE_AT, sums->data,
				    fletcher_of(walk, record->data_offset, record->data_offset + record->size));
	if (record->signature_type == BUNDLE_SIGNATURE_FLETCHER32)
		return compare_sums(walk, "Fletcher-32", sums->signature_at, sums->signature,
				    fletcher_of(walk, record->offset, sums->signature_at));
	if (record->signature_type == BUNDLE_SIGNATURE_CRC32)
		return compare_sums(walk, "CRC-32", sums->signature_at, sums->signature, crc_of(walk, record->offset, sums->signature_at));
	record->check = record->signature_type == BUNDLE_SIGNATURE_NONE ? BUNDLE_CHECK_NONE : BUNDLE_CHECK_LEFT_TO_MODEM;
	return 0;
}

static int walk_record(struct walk *walk, struct cursor *cursor);

static int walk_pack(struct walk *walk, const struct bundle_record *pack)
{
	struct cursor inside = {.bytes = walk->bytes, .position = pack->data_offset, .end = pack->data_offset + pack->size};
	int r = 0;

	if (pack->size == 0)
		return bundle_report(walk, CACHE_ERROR_BUNDLE_DAMAGED, pack->data_offset, "a PACK should hold records, found none");
	if (walk->depth == BUNDLE_DEPTH_MAX)
		return bundle_report(walk, CACHE_ERROR_BUNDLE_UNSUPPORTED, pack->offset,
				     "found a PACK inside %u others, expected at most %u", walk->depth, BUNDLE_DEPTH_MAX - 1);
	walk->depth++;
	while (r == 0 && inside.position < inside.end)
		r = walk_record(walk, &inside);
	walk->depth--;
	return r;
}

/* With a watch that wants to hear of it, damage ends the walk only when it is over. */
static int judge_sums(struct walk *walk, struct bundle_record *record, const struct sums *sums)
{
	struct cache_error first = *walk->error;
	struct cache_error found;
	int r = check_sums(walk, record, sums);

	if (r == 0 || !walk->watch->damaged)
		return r;
	record->check = BUNDLE_CHECK_DAMAGED;
	found = *walk->error;
	if (walk->damaged)
		*walk->error = first;
	walk->damaged = true;
	walk->watch->damaged(walk->watch->context, (size_t)(record - walk->bundle->records), &found);
	return 0;
}

/* A PACK is walked before its own checksum is judged, because an error of a record inside says more. But what is strange inside is
 * damage when the checksum around it is wrong too. */
static int check_record(struct walk *walk, struct bundle_record *record, const struct sums *sums)
{
	struct cache_error inside;
	int r;

	if (strcmp(record->magic, "PACK") != 0)
		return judge_sums(walk, record, sums);
	r = walk_pack(walk, record);
	if (r == 0)
		return judge_sums(walk, record, sums);
	inside = *walk->error;
	if (check_sums(walk, record, sums) < 0)
		inside.code = CACHE_ERROR_BUNDLE_DAMAGED;
	*walk->error = inside;
	return r;
}

/* A PACK whose end is missing: what is whole of it is told to a watch that wants to hear of damage. The error stays that of the PACK. */
static void look_into_cut_pack(struct walk *walk, const struct bundle_record *pack, const struct cursor *cursor)
{
	struct cursor inside = {.bytes = walk->bytes, .position = pack->data_offset, .end = cursor->end};
	struct cache_error cut = *walk->error;
	int r = 0;

	if (!walk->watch->damaged || strcmp(pack->magic, "PACK") != 0 || strcmp(cursor->failed_part, data_part) != 0 ||
	    walk->depth == BUNDLE_DEPTH_MAX)
		return;
	walk->depth++;
	while (r == 0 && inside.position < inside.end)
		r = walk_record(walk, &inside);
	walk->depth--;
	*walk->error = cut;
}

static int walk_record(struct walk *walk, struct cursor *cursor)
{
	struct bundle_record *record;
	struct sums sums = {0};
	uint16_t description_size = 0;
	int r;

	if (walk->bundle->record_count == BUNDLE_RECORDS_MAX)
		return cache_error_set(walk->error, CACHE_ERROR_BUNDLE_UNSUPPORTED,
				       "offset %zu: expected at most %u records, found another one", cursor->position, BUNDLE_RECORDS_MAX);
	walk->path[walk->depth] = walk->bundle->record_count;
	record = &walk->bundle->records[walk->bundle->record_count++];
	memset(record, 0, sizeof(*record));
	record->offset = cursor->position;
	record->depth = walk->depth;

	r = read_magic(walk, cursor, record);
	if (r == 0)
		r = read_header(walk, cursor, record, &sums, &description_size);
	if (r == 0)
		r = check_version_1_header(walk, record, &sums);
	if (r < 0)
		return r;
	r = read_body(walk, cursor, record, description_size, &sums);
	if (r == 0)
		return check_record(walk, record, &sums);
	look_into_cut_pack(walk, record, cursor);
	return r;
}

int bundle_parse_watched(const uint8_t *bytes, size_t length, const struct bundle_watch *watch, struct bundle *ret,
			 struct cache_error *ret_error)
{
	struct walk walk = {.bytes = bytes, .length = length, .watch = watch, .bundle = ret, .error = ret_error};
	struct cursor cursor = {.bytes = bytes, .end = length};
	int r = 0;

	ret->record_count = 0;
	ret_error->code = CACHE_ERROR_NONE;
	if (length == 0)
		return cache_error_set(ret_error, CACHE_ERROR_BUNDLE_DAMAGED, "the file is empty");
	while (r == 0 && cursor.position < cursor.end)
		r = walk_record(&walk, &cursor);
	return r == 0 && walk.damaged ? -EBADMSG : r;
}

int bundle_parse(const uint8_t *bytes, size_t length, struct bundle *ret, struct cache_error *ret_error)
{
	static const struct bundle_watch nobody = {0};

	return bundle_parse_watched(bytes, length, &nobody, ret, ret_error);
}
