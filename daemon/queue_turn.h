/* SPDX-License-Identifier: Apache-2.0
 *
 * Which job begins next when not all can that could. Pure: numbers in, a decision out.
 *
 * The higher priority goes first. Among equal ones the parties take turns (each campaign is one, all jobs without a campaign are one together): the
 * party with the fewest running jobs first, then the one that was served longest ago, then the one with the oldest job. Within a party by age. A job
 * that needs a place where none is free is passed over and holds nobody up.
 */
#ifndef DAEMON_QUEUE_TURN_H
#define DAEMON_QUEUE_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a limit counts. */
struct turn_place {
	unsigned most, running;
};

struct turn_party {
	unsigned running;
	uint64_t served; /* a number that grows with each job that begins; 0: never */
};

struct turn_candidate {
	const char *id; /* the older one is less by strcmp() */
	int priority;
	size_t party;           /* index of it */
	const uint32_t *places; /* indexes of those that it takes */
	size_t place_count;
	void *job; /* the caller's */
};

struct turn {
	struct turn_candidate *candidates; /* sorted by turn_begin() */
	size_t count;
	struct turn_party *parties;
	struct turn_place *places;
	uint64_t *served; /* the number that was given last */
	struct turn_range {
		size_t at, end; /* candidates of one party and one priority that are still to be looked at */
	} * ranges;
	size_t range_count, first_range;
};

/* The members up to `served` are the caller's, and stay. -ENOMEM. */
int turn_begin(struct turn *turn);
void turn_end(struct turn *turn);

/* NULL: none of those left can begin. Each is told once. */
const struct turn_candidate *turn_next(struct turn *turn);
/* It has begun: its party was served, its places are taken. */
void turn_take(struct turn *turn, const struct turn_candidate *candidate);

/* The first of its places that is full; place_count when none is. */
size_t turn_full_place(const struct turn_place *places, const uint32_t *indexes, size_t count);

#endif
