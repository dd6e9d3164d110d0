/* SPDX-License-Identifier: Apache-2.0
 *
 * Maintenance windows: on these days, from this time of the day on, for so long, by the clocks of a place. Pure.
 */
#ifndef DAEMON_WINDOW_H
#define DAEMON_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_NAME_SIZE    32u
#define WINDOW_ZONE_SIZE    64u
#define WINDOW_TEXT_SIZE    160u
#define WINDOW_FROM_UNSET   UINT32_MAX
#define WINDOW_LENGTH_MIN_S 300u
#define WINDOW_LENGTH_MAX_S 604800u
/* The length of a job of which nobody knows better. */
#define JOB_USUAL_S 900u

struct time_zone;

struct window {
	char name[WINDOW_NAME_SIZE]; /* of the section of the configuration; "": it has none */
	uint8_t days;                /* of the opening: bit 0 is Sunday, bit 6 Saturday; 0: there is no window */
	uint32_t from_s;             /* since midnight, by the clocks of the zone */
	uint32_t length_s;           /* of time that passes, whatever the clocks do meanwhile */
	char zone[WINDOW_ZONE_SIZE]; /* "Europe/Paris", "UTC" */
};

/* A window without anything, for window_set(). */
#define WINDOW_EMPTY ((struct window){.from_s = WINDOW_FROM_UNSET})

/* One key of a window: "days" (mon-fri, sat,sun, daily), "from" (22:00), "length" (6h, 90m, 1h30m), "zone". NULL, or the sentence that says what is
 * wrong. Whether there is such a zone, time_zone_load() tells. */
const char *window_set(struct window *window, const char *key, const char *value);
/* All keys were given and fit together. NULL, or the sentence. */
const char *window_problem(const struct window *window);

/* The values as window_set() takes them. */
void window_days_text(const struct window *window, char *ret, size_t size);
void window_from_text(const struct window *window, char *ret, size_t size);
void window_length_text(const struct window *window, char *ret, size_t size);

/* The whole as one line, "mon-fri 22:00 6h Europe/Paris night", and back. */
void window_text(const struct window *window, char *ret, size_t size);
bool window_parse(const char *text, struct window *ret);

/* When, from now on, a job of that usual length may start: now_ms itself when it may now. One that is longer than the window starts with it: a minute
 * late at most. An hour that the clocks skip counts as the first moment after it, one that they show twice as the first of the two. */
int64_t window_next_start_ms(const struct window *window, const struct time_zone *zone, int64_t now_ms, uint32_t usual_s);

#endif
