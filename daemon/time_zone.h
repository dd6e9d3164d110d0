/* SPDX-License-Identifier: Apache-2.0
 *
 * How far the clocks of a place are from UTC, and when: the system's own files (RFC 8536), read whole. No state of the process is touched, so that any
 * thread may ask about any zone.
 */
#ifndef DAEMON_TIME_ZONE_H
#define DAEMON_TIME_ZONE_H

#include <stddef.h>
#include <stdint.h>

struct time_zone;

/* "UTC" is always there; others come from /usr/share/zoneinfo. 0; -ENOENT: there is no such zone; -EINVAL: its file cannot be understood; -ENOMEM. */
int time_zone_load(const char *name, struct time_zone **ret);
/* The same from the bytes of a file. Pure but for memory. */
int time_zone_parse(const uint8_t *bytes, size_t length, struct time_zone **ret);
void time_zone_free(struct time_zone *zone);

/* East of UTC is positive. Pure. */
int32_t time_zone_offset_s(const struct time_zone *zone, int64_t unix_s);

/* Seconds since 1970 by the clocks of the zone, as Unix time. What they skip is the first moment after it, what they show twice the first of the two.
 * Pure. */
int64_t time_zone_unix_s(const struct time_zone *zone, int64_t local_s);

#endif
