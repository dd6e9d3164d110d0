/* SPDX-License-Identifier: Apache-2.0
 *
 * Waits until jobs or a campaign have ended and shows how far they are.
 */
#ifndef DUPCTL_FOLLOW_H
#define DUPCTL_FOLLOW_H

#include "cmd/dupctl/fleet.h"
#include "cmd/dupctl/session.h"

/* What is waited for: jobs, or a campaign. `subject` is the kind's own. */
struct follow_kind {
	const char *events; /* path of the event stream */
	void (*apply)(void *subject, const struct sse_event *event);
	/* All may have changed unseen. */
	void (*mark_stale)(void *subject);
	/* Asks for what may have changed unseen; *ret_changed: there is something to show. Not DONE: it makes no sense to go on, with the failure, or
	 * STATUS_SIGNAL + n. */
	int (*refresh)(void *subject, struct session *session, bool *ret_changed, struct failure *failure);
	bool (*over)(const void *subject);
	/* Lines to be told once, besides those of the jobs; NULL: none. */
	void (*tell)(void *subject, struct text *ret);
	/* Behind the summary of the live lines, for example what it waits for; empty: nothing. NULL: never anything. */
	void (*note)(const void *subject, struct text *ret);
	/* The last line; empty: none. */
	void (*summary)(const void *subject, struct text *ret);
	/* What goes on when nobody waits any more, and what can be typed then: from ": " on. */
	void (*leave)(const void *subject, struct text *ret);
};

struct follow_request {
	const struct follow_kind *kind;
	void *subject;
	struct fleet *fleet;
	int64_t deadline_ms; /* monotonic; 0: none */
};

/* Shows live lines on a terminal, plain lines elsewhere, nothing with --json. STATUS_DONE when all have ended, however; STATUS_TIMEOUT;
 * STATUS_SIGNAL + n; STATUS_UNREACHABLE after half an hour without the daemon; the status of a refused event stream. What is not DONE is
 * explained on stderr. */
int follow_until_over(struct session *session, const struct follow_request *request);

/* The same for jobs. refused: devices that got none; for the summary. */
int follow_jobs(struct session *session, struct fleet *fleet, size_t refused, int64_t deadline_ms);

#endif
