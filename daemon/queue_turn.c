/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *one, const void *other)
{
	const struct turn_candidate *a = one, *b = other;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	if (a->party != b->party)
		return a->party < b->party ? -1 : 1;
	return strcmp(a->id, b->id);
}

int turn_begin(struct turn *turn)
{
	const struct turn_candidate *candidates = turn->candidates;
	turn->range_count = turn->first_range = 0;
	turn->ranges = calloc(turn->count + 1, sizeof(*turn->ranges));
	if (turn->ranges == NULL)
		return -ENOMEM;
	if (turn->count > 0)
		qsort(turn->candidates, turn->count, sizeof(*turn->candidates), compare);
	for (size_t i = 0; i < turn->count; i++) {
		bool same = i > 0 && candidates[i].priority == candidates[i - 1].priority && candidates[i].party == candidates[i - 1].party;
		if (!same)
			turn->ranges[turn->range_count++].at = i;
		turn->ranges[turn->range_count - 1].end = i + 1;
	}
	return 0;
}

void turn_end(struct turn *turn)
{
	free(turn->ranges);
	turn->ranges = NULL;
}

size_t turn_full_place(const struct turn_place *places, const uint32_t *indexes, size_t count)
{
	size_t i = 0;
	while (i < count && places[indexes[i]].running < places[indexes[i]].most)
		i++;
	return i;
}

/* Places only fill up, so that one who finds none now finds none in this turn. False at the end of the range. */
static bool skip_full(const struct turn *turn, struct turn_range *range)
{
	for (; range->at < range->end; range->at++) {
		const struct turn_candidate *candidate = &turn->candidates[range->at];
		if (turn_full_place(turn->places, candidate->places, candidate->place_count) == candidate->place_count)
			return true;
	}
	return false;
}

static bool goes_before(const struct turn *turn, const struct turn_candidate *one, const struct turn_candidate *other)
{
	const struct turn_party *a = &turn->parties[one->party], *b = &turn->parties[other->party];
	if (a->running != b->running)
		return a->running < b->running;
	if (a->served != b->served)
		return a->served < b->served;
	return strcmp(one->id, other->id) < 0;
}

const struct turn_candidate *turn_next(struct turn *turn)
{
	struct turn_range *best = NULL;
	for (size_t i = turn->first_range; i < turn->range_count; i++) {
		struct turn_range *range = &turn->ranges[i];
		if (best != NULL && turn->candidates[range->end - 1].priority != turn->candidates[best->at].priority)
			break;
		if (!skip_full(turn, range)) {
			turn->first_range += i == turn->first_range;
			continue;
		}
		if (best == NULL || goes_before(turn, &turn->candidates[range->at], &turn->candidates[best->at]))
			best = range;
	}
	return best != NULL ? &turn->candidates[best->at++] : NULL;
}

void turn_take(struct turn *turn, const struct turn_candidate *candidate)
{
	struct turn_party *party = &turn->parties[candidate->party];
	party->running++;
	party->served = ++*turn->served;
	for (size_t i = 0; i < candidate->place_count; i++)
		turn->places[candidate->places[i]].running++;
}
