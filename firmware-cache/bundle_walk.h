/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the bundle parser: where the walk is, and how it says what is wrong there.
 */
#ifndef FIRMWARE_CACHE_BUNDLE_WALK_H
#define FIRMWARE_CACHE_BUNDLE_WALK_H

#include "firmware-cache/bundle.h"

#define BUNDLE_MAGIC_SIZE 4u

/* Reads from bytes[position..end) only; the first read that does not fit is remembered and every later one gives nothing. */
struct cursor {
	const uint8_t *bytes;
	size_t position;
	size_t end;
	const char *part; /* what is being read */
	bool failed;
	const char *failed_part;
	size_t failed_wanted;
};

const uint8_t *cursor_take(struct cursor *cursor, size_t count); /* NULL when it does not fit */
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);

/* Fletcher-32 in parts: all but the last of even length. */
struct fletcher32 {
	uint32_t first;
	uint32_t second;
};
void fletcher32_begin(struct fletcher32 *sum);
void fletcher32_add(struct fletcher32 *sum, const uint8_t *bytes, size_t length);
uint32_t fletcher32_end(const struct fletcher32 *sum);

struct walk {
	const uint8_t *bytes;
	size_t length;
	const struct bundle_watch *watch;
	bool damaged; /* a checksum was wrong, and the walk went on; the error is the first one's */
	struct bundle *bundle;
	struct cache_error *error;
	size_t path[BUNDLE_DEPTH_MAX + 1]; /* the index of the record at each depth, down to the current one */
	unsigned depth;
};

/* Each fills walk->error with the record, the offset and the bytes found there, and returns -EPROTO. */
int bundle_report(const struct walk *walk, enum cache_error_code code, uint64_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int bundle_report_cut(const struct walk *walk, const struct cursor *cursor);
/* after: stands behind the magic that nobody knows. */
int bundle_report_magic(const struct walk *walk, const struct cursor *after);

#endif
