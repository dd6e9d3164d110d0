/* SPDX-License-Identifier: Apache-2.0
 *
 * "Did you mean": the nearest of some names. Pure.
 */
#ifndef DUPCTL_SUGGEST_H
#define DUPCTL_SUGGEST_H

#include <stddef.h>

/* The smallest number of characters to insert, remove, replace, or swap with their neighbour; long words count as far away. */
size_t word_distance(const char *a, const char *b);

struct suggestion {
	const char *word;     /* what was typed */
	const char *best;     /* the nearest name so far, NULL: none near enough. Borrowed. */
	size_t best_distance; /* of best */
};

/* Offers one name; keeps it when it is nearer than the best and near enough to be a slip. */
void suggestion_offer(struct suggestion *suggestion, const char *name);

#endif
