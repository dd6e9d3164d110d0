/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/bundle_walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define EVIDENCE_BYTES 16u

/* What is taken for a bundle most often. */
static const struct {
	const char *begin;
	const char *meaning;
} other_files[] = {
    {"PK\003\004", " (a ZIP archive, to be unpacked first)"},
    {"\037\213", " (a gzip file, to be unpacked first)"},
    {"<", " (a web page)"},
};

/* "record 2 (UPGR) inside record 1 (PACK)" */
static void print_path(const struct walk *walk, char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	for (unsigned depth = walk->depth + 1; depth-- > 0 && used < size;) {
		const char *magic = walk->bundle->records[walk->path[depth]].magic;
		int n = snprintf(ret + used, size - used, "%srecord %zu%s%s%s", used ? " inside " : "", walk->path[depth] + 1,
				 magic[0] ? " (" : "", magic, magic[0] ? ")" : "");

		used += (size_t)n;
	}
}

static void print_evidence(const struct walk *walk, uint64_t offset)
{
	char *evidence = walk->error->evidence;
	size_t size = sizeof(walk->error->evidence);
	size_t used = (size_t)snprintf(evidence, size, "the file has %zu bytes; at offset %" PRIu64 ":", walk->length, offset);

	for (uint64_t i = offset; i < walk->length && i < offset + EVIDENCE_BYTES; i++)
		used += (size_t)snprintf(evidence + used, size - used, " %02x", walk->bytes[i]);
	if (offset >= walk->length)
		snprintf(evidence + used, size - used, " nothing");
}

int bundle_report(const struct walk *walk, enum cache_error_code code, uint64_t at, const char *format, ...)
{
	char path[160];
	char sentence[sizeof(walk->error->message)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	print_path(walk, path, sizeof(path));
	cache_error_set(walk->error, code, "%s, offset %" PRIu64 ": %s", path, at, sentence);
	print_evidence(walk, at);
	return -EPROTO;
}

static const char *outside(const struct walk *walk)
{
	return walk->depth > 0 ? "the PACK around it" : "the file";
}

int bundle_report_cut(const struct walk *walk, const struct cursor *cursor)
{
	return bundle_report(walk, CACHE_ERROR_BUNDLE_DAMAGED, cursor->position,
			     "%s should be %zu bytes from here, found %zu to the end of %s", cursor->failed_part, cursor->failed_wanted,
			     cursor->end - cursor->position, outside(walk));
}

/* A record of a kind that nobody knows, and not just any bytes. */
static bool is_plausible(const struct cursor *after)
{
	const uint8_t *magic = after->bytes + after->position - BUNDLE_MAGIC_SIZE;
	struct cursor ahead = *after;
	uint16_t version = cursor_u16(&ahead);

	for (size_t i = 0; i < BUNDLE_MAGIC_SIZE; i++) {
		if (!((magic[i] >= 'A' && magic[i] <= 'Z') || (magic[i] >= '0' && magic[i] <= '9')))
			return false;
	}
	return version >= 1 && version <= 3;
}

static void print_magic(const uint8_t *magic, char *ret, size_t size)
{
	char text[BUNDLE_MAGIC_SIZE + 1] = "";

	for (size_t i = 0; i < BUNDLE_MAGIC_SIZE; i++)
		text[i] = magic[i] >= 0x20 && magic[i] < 0x7f ? (char)magic[i] : '.';
	snprintf(ret, size, "%02x %02x %02x %02x (\"%s\")", magic[0], magic[1], magic[2], magic[3], text);
}

static int report_no_bundle(const struct walk *walk, const char *begin)
{
	const char *meaning = "";

	for (size_t i = 0; i < COUNT(other_files); i++) {
		if (memcmp(walk->bytes, other_files[i].begin, strlen(other_files[i].begin)) == 0)
			meaning = other_files[i].meaning;
	}
	cache_error_set(walk->error, CACHE_ERROR_BUNDLE_UNSUPPORTED,
			"the file is no .dup bundle: begins with %s%s, expected PACK, UPGR, SFFF, SUFF, DIFF, RASR or TEST", begin,
			meaning);
	print_evidence(walk, 0);
	return -EPROTO;
}

int bundle_report_magic(const struct walk *walk, const struct cursor *after)
{
	size_t at = after->position - BUNDLE_MAGIC_SIZE;
	const uint8_t *magic = after->bytes + at;
	char text[32];

	print_magic(magic, text, sizeof(text));
	if (is_plausible(after))
		return bundle_report(walk, CACHE_ERROR_BUNDLE_UNSUPPORTED, at,
				     "unknown magic %s, expected PACK, UPGR, SFFF, SUFF, DIFF, RASR or TEST", text);
	if (at == 0)
		return report_no_bundle(walk, text);
	return bundle_report(walk, CACHE_ERROR_BUNDLE_DAMAGED, at, "expected a record or the end of %s, found %zu more bytes, the first %s",
			     outside(walk), after->end - at, text);
}
