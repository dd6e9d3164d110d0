/* SPDX-License-Identifier: Apache-2.0
 *
 * A server on a port of the kernel's choice that follows a script of bytes, on a thread of its own: what has to come, what is then sent, a
 * byte at a time. All bytes are written as hex; blanks are for the reader.
 */
#ifndef TESTS_REMOTE_PEER_H
#define TESTS_REMOTE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_LATE_MS 120

struct peer_step {
	const char *expect; /* NULL: nothing */
	const char *send;   /* NULL: nothing; with a ~ before it PEER_LATE_MS later */
	bool whole;         /* sent with one system call */
};

struct remote_peer;

#define PEER_END                                                                                                                           \
	{                                                                                                                                  \
		NULL, NULL, false                                                                                                          \
	}

/* Serves one client after the other, each with the next script (the last one again and again); each ends with PEER_END. Then the connection is
 * closed; with `hold` the one client there is stays connected. */
struct remote_peer *remote_peer_start(const struct peer_step *const scripts[], size_t count, bool hold);
/* The same, listening there: a numeric address. NULL when this host has no such address. */
struct remote_peer *remote_peer_start_at(const char *address, const struct peer_step *const scripts[], size_t count, bool hold);
uint16_t remote_peer_port(const struct remote_peer *peer);

/* Joins; "" when all came as expected, else what came instead. Valid until remote_peer_free(). */
const char *remote_peer_stop(struct remote_peer *peer);
size_t remote_peer_clients(const struct remote_peer *peer);
void remote_peer_free(struct remote_peer *peer);

/* With `hold`: takes the connection once its script has ended, for a test that reads and writes itself. Owned by the caller. */
int remote_peer_take(struct remote_peer *peer);

#endif
