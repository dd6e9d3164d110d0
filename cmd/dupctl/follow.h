/* SPDX-License-Identifier: Apache-2.0
 *
 * Waits until jobs have ended and shows how far they are.
 */
#ifndef DUPCTL_FOLLOW_H
#define DUPCTL_FOLLOW_H

#include "cmd/dupctl/fleet.h"
#include "cmd/dupctl/session.h"

struct follow_request {
	struct fleet *fleet;
	size_t refused;      /* devices that got no job; for the summary */
	int64_t deadline_ms; /* monotonic; 0: none */
};

/* Shows live lines on a terminal, plain lines elsewhere, nothing with --json. STATUS_DONE when all have ended, however; STATUS_TIMEOUT;
 * STATUS_SIGNAL + n; STATUS_UNREACHABLE after half an hour without the daemon; the status of a refused event stream. What is not DONE is
 * explained on stderr. */
int follow_jobs(struct session *session, const struct follow_request *request);

#endif
