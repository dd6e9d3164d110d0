/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that may change something, around their handlers: who asks is noted, a request whose Idempotency-Key came before is answered as it was,
 * and one whose key is still under way is refused. See daemon/errand.h for what is kept.
 */
#ifndef API_ERRANDS_H
#define API_ERRANDS_H

#include "api/exchange.h"

/* The keys that are under way. Thread-safe. */
struct errand_desk;
int errand_desk_new(struct errand_desk **ret);
void errand_desk_free(struct errand_desk *desk);

/* What is known of a request before its handler. Borrowed. */
struct errand_terms {
	const char *method;
	const char *path;    /* as it was sent, without the query */
	const char *pattern; /* of its route */
	const char *key;     /* NULL: none came, or none that is minded */
	const struct actor *who;
};

struct errand_visit {
	struct errand_desk *desk;
	struct exchange *exchange;
	struct errand errand;
	struct errand_visit *next; /* of the desk, while its key is under way */
};

/* NULL when this can be an Idempotency-Key (1 to 255 printable characters), else the sentence that says why not. Pure. */
const char *errand_key_problem(const char *key);

/* 0: the handler may run on this thread; 1: the exchange has the answer of before; -EPROTO with its fault. The visit stays where it is until
 * errand_leave(), which follows in any case. */
int errand_enter(struct errand_visit *visit, struct errand_desk *desk, struct exchange *exchange, const struct errand_terms *terms);

/* The device that the path means was found: with it goes the lease that the token of the request is of. */
void errand_name_device(struct exchange *exchange, const char *device);

/* The exchange has its answer. `entered`: errand_enter() returned 0. */
void errand_leave(struct errand_visit *visit, bool entered);

#endif
