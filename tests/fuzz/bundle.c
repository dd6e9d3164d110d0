/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over a bundle and the look at a helper: a result or an error, never both and never neither; every record lies inside the file
 * and inside the wrapper that holds it; texts are fit for JSON.
 */
#include "firmware-cache/bundle.h"

#include <string.h>

#include "tests/fuzz/harness.h"

static void judge_record(const struct bundle *bundle, size_t index, size_t length)
{
	const struct bundle_record *record = &bundle->records[index];

	LAW(strlen(record->magic) == 4 && record->version >= 1 && record->version <= 3);
	LAW(record->offset < record->data_offset && record->data_offset <= length);
	LAW(record->size <= length - record->data_offset);
	LAW(record->depth <= BUNDLE_DEPTH_MAX);
	LAW(index == 0 || record->offset > bundle->records[index - 1].offset);
	LAW(memchr(record->description, 0, sizeof(record->description)));
	for (const char *at = record->description; *at; at++)
		LAW(*at >= 0x20 && *at < 0x7F);
	for (size_t i = index; i-- > 0;) {
		const struct bundle_record *before = &bundle->records[i];
		if (before->depth + 1 == record->depth) {
			LAW(strcmp(before->magic, "PACK") == 0);
			LAW(record->data_offset + record->size <= before->data_offset + before->size);
			break;
		}
	}
}

static void count_damage(void *context, size_t record, const struct cache_error *error)
{
	unsigned *damaged = context;

	LAW(record < BUNDLE_RECORDS_MAX && error->code == CACHE_ERROR_BUNDLE_DAMAGED);
	++*damaged;
}

/* A walk that goes on behind damage finds all that one that stops at it found, and is good only where that one is. */
static void judge_watched(const uint8_t *bytes, size_t length, int result, const struct bundle *stopped)
{
	struct bundle bundle = {0};
	struct cache_error error = {0};
	unsigned damaged = 0;
	const struct bundle_watch watch = {.damaged = count_damage, .context = &damaged};
	int watched = bundle_parse_watched(bytes, length, &watch, &bundle, &error);

	LAW((watched == 0) == (result == 0));
	LAW(watched != -74 /* -EBADMSG */ || damaged > 0);
	LAW(bundle.record_count >= stopped->record_count);
	for (size_t i = 0; watched != -71 && i < bundle.record_count; i++)
		judge_record(&bundle, i, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct bundle bundle = {0};
	struct cache_error error = {0};
	int result = bundle_parse(bytes, length, &bundle, &error);

	LAW(result == 0 || result == -71 /* -EPROTO */);
	LAW((result == 0) == (error.code == CACHE_ERROR_NONE));
	LAW(result < 0 || bundle.record_count > 0);
	LAW(bundle.record_count <= BUNDLE_RECORDS_MAX);
	for (size_t i = 0; result == 0 && i < bundle.record_count; i++)
		judge_record(&bundle, i, length);
	judge_watched(bytes, length, result, &bundle);

	enum helper_kind kind = helper_recognise(bytes, length, &error);
	LAW(kind == HELPER_NONE || error.code == CACHE_ERROR_NONE);
	LAW(kind == HELPER_NONE || (length >= 52 && memcmp(bytes, "\177ELF", 4) == 0));
	return 0;
}
