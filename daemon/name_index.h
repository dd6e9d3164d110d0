/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds one of many things by its name without looking at the others. Names are copied, things are borrowed. Not thread-safe.
 */
#ifndef DAEMON_NAME_INDEX_H
#define DAEMON_NAME_INDEX_H

#include <stddef.h>

/* All 0 is an empty one. */
struct name_index {
	struct name_index_node **buckets;
	size_t room, count;
};

/* NULL when there is none of this name. */
void *name_index_find(const struct name_index *index, const char *name);
/* The thing of this name from now on, in place of an earlier one. 0; -ENOMEM, and nothing has changed. */
int name_index_put(struct name_index *index, const char *name, void *thing);
void name_index_remove(struct name_index *index, const char *name);
void name_index_clear(struct name_index *index);

#endif
