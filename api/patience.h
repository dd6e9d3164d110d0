/* SPDX-License-Identifier: Apache-2.0
 *
 * Cuts connections that take too long in all. The HTTP library knows only how long a connection was idle: one byte every few seconds would hold it
 * for ever. One thread that sleeps until the next deadline. Thread-safe.
 */
#ifndef API_PATIENCE_H
#define API_PATIENCE_H

struct patience;
struct watched;

int patience_new(struct patience **ret);
/* Nothing is watched any more. */
void patience_free(struct patience *patience);

/* Watches a socket, which stays open until patience_remove(). NULL without memory. */
struct watched *patience_add(struct patience *patience, int fd, unsigned seconds);
/* From now on `seconds` are left; 0: no limit. */
void patience_set(struct patience *patience, struct watched *watched, unsigned seconds);
void patience_remove(struct patience *patience, struct watched *watched);

#endif
