/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/suggest.h"

#include <string.h>

#define WORD_MAX 32u

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t word_distance(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b);
	size_t distance[WORD_MAX + 1][WORD_MAX + 1];

	if (rows > WORD_MAX || columns > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= rows; i++)
		distance[i][0] = i;
	for (size_t k = 0; k <= columns; k++)
		distance[0][k] = k;
	for (size_t i = 1; i <= rows; i++) {
		for (size_t k = 1; k <= columns; k++) {
			size_t best = distance[i - 1][k - 1] + (a[i - 1] != b[k - 1]);

			best = smaller(best, smaller(distance[i - 1][k], distance[i][k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				best = smaller(best, distance[i - 2][k - 2] + 1);
			distance[i][k] = best;
		}
	}
	return distance[rows][columns];
}

void suggestion_offer(struct suggestion *suggestion, const char *name)
{
	size_t typed = strlen(suggestion->word), distance = word_distance(suggestion->word, name);
	size_t allowed = typed < 5 ? 1 : typed < 9 ? 2 : 3;

	/* A beginning of the name is what the user was about to type. */
	if (typed > 1 && typed < strlen(name) && strncmp(suggestion->word, name, typed) == 0)
		distance = 1;
	if (distance > allowed || (suggestion->best && distance >= suggestion->best_distance))
		return;
	suggestion->best = name;
	suggestion->best_distance = distance;
}
