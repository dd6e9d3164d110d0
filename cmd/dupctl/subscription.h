/* SPDX-License-Identifier: Apache-2.0
 *
 * An event stream that is not to end: connects, notices silence, connects again with a growing pause and Last-Event-ID. One thread.
 */
#ifndef DUPCTL_SUBSCRIPTION_H
#define DUPCTL_SUBSCRIPTION_H

#include "cmd/dupctl/session.h"

struct subscription {
	struct session *session;
	const char *path;
	struct sse_parser parser; /* event and context are set by the owner */
	struct http_stream *stream;
	int64_t connect_at_ms; /* when there is no stream: when to try again */
	int64_t lost_since_ms; /* 0: connected */
	unsigned failures;     /* since the last time it was connected */
};

enum subscription_state {
	SUBSCRIPTION_LIVE,
	SUBSCRIPTION_LOST,    /* connects again by itself */
	SUBSCRIPTION_REFUSED, /* *failure says why; it makes no sense to go on */
};

/* Events are given to the parser's callback. Returns after at most timeout_ms, or when a signal came. failure: filled when REFUSED. */
enum subscription_state subscription_wait(struct subscription *subscription, int64_t timeout_ms, struct failure *failure);

void subscription_clear(struct subscription *subscription);

#endif
