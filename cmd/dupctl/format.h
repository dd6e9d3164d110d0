/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as people read them, and as they type them. Pure.
 */
#ifndef DUPCTL_FORMAT_H
#define DUPCTL_FORMAT_H

#include <stdint.h>

#include "cmd/dupctl/text.h"

/* "45 s", "2 m 13 s", "1 h 02 m". */
void format_duration(struct text *text, int64_t seconds);

/* "812 B", "5.9 MB": powers of ten. */
void format_size(struct text *text, int64_t bytes);

/* Bits per second as "88.2 kB/s". */
void format_rate(struct text *text, int64_t bits_per_second);

/* "90", "90s", "15m", "2h" → seconds, 1 second to 30 days. */
bool parse_duration(const char *argument, int64_t *ret_seconds);

/* A decimal integer, the whole argument. */
bool parse_integer(const char *argument, int64_t least, int64_t most, int64_t *ret);

/* RFC 3339 ("2026-01-02T03:04:05Z", "…+01:00"; a fraction is ignored) → Unix time. */
bool parse_time(const char *argument, int64_t *ret_seconds);

/* Unix time → "2026-01-02T03:04:05Z". */
void format_time(struct text *text, int64_t seconds);

#endif
