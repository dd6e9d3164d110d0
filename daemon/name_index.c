/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/name_index.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct name_index_node {
	struct name_index_node *next;
	void *thing;
	uint64_t hash;
	char name[];
};

/* FNV-1a. */
static uint64_t hash_of(const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return hash;
}

/* Where the node of this name hangs, or the end of its chain. There is room. */
static struct name_index_node **place_of(const struct name_index *index, const char *name, uint64_t hash)
{
	struct name_index_node **link = &index->buckets[hash & (index->room - 1)];
	while (*link != NULL && ((*link)->hash != hash || strcmp((*link)->name, name) != 0))
		link = &(*link)->next;
	return link;
}

void *name_index_find(const struct name_index *index, const char *name)
{
	if (index->count == 0)
		return NULL;
	const struct name_index_node *node = *place_of(index, name, hash_of(name));
	return node != NULL ? node->thing : NULL;
}

/* A power of two, and no chain is long. */
static int make_room(struct name_index *index)
{
	if (index->count < index->room)
		return 0;
	size_t room = index->room == 0 ? 16 : 2 * index->room;
	struct name_index_node **buckets = calloc(room, sizeof(struct name_index_node *));
	if (buckets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < index->room; i++) {
		for (struct name_index_node *node = index->buckets[i], *next; node != NULL; node = next) {
			struct name_index_node **bucket = &buckets[node->hash & (room - 1)];
			next = node->next;
			node->next = *bucket;
			*bucket = node;
		}
	}
	free(index->buckets);
	index->buckets = buckets;
	index->room = room;
	return 0;
}

int name_index_put(struct name_index *index, const char *name, void *thing)
{
	uint64_t hash = hash_of(name);
	size_t size = strlen(name) + 1;
	if (make_room(index) < 0)
		return -ENOMEM;
	struct name_index_node **link = place_of(index, name, hash);
	if (*link != NULL) {
		(*link)->thing = thing;
		return 0;
	}
	struct name_index_node *node = malloc(sizeof(*node) + size);
	if (node == NULL)
		return -ENOMEM;
	node->next = NULL;
	node->thing = thing;
	node->hash = hash;
	memcpy(node->name, name, size);
	*link = node;
	index->count++;
	return 0;
}

void name_index_remove(struct name_index *index, const char *name)
{
	if (index->count == 0)
		return;
	struct name_index_node **link = place_of(index, name, hash_of(name)), *node = *link;
	if (node == NULL)
		return;
	*link = node->next;
	free(node);
	index->count--;
}

void name_index_clear(struct name_index *index)
{
	for (size_t i = 0; i < index->room; i++) {
		for (struct name_index_node *node = index->buckets[i], *next; node != NULL; node = next) {
			next = node->next;
			free(node);
		}
	}
	free(index->buckets);
	*index = (struct name_index){0};
}
