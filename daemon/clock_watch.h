/* SPDX-License-Identifier: Apache-2.0
 *
 * Notices that somebody set the clock. Pure.
 *
 * Two kinds of time are in the daemon. What people state as a moment (not_before, a deadline, a maintenance window) follows the wall clock, whatever
 * that does. What lasts for so long (the wait before a retry, a lease, a soak, the day of an Idempotency-Key, how long a port may stay away) is
 * kept as a moment of the wall clock, too, so that it outlives the daemon; when that clock is set, it moves along.
 */
#ifndef DAEMON_CLOCK_WATCH_H
#define DAEMON_CLOCK_WATCH_H

#include <stdint.h>

/* Less than this is no step, until several add up to it. */
#define CLOCK_STEP_MIN_MS INT64_C(1000)

struct clock_watch {
	int64_t wall_ms, running_ms; /* at the same moment, when it was looked at last */
};

/* By how much the wall clock was set since the last look that told of it: forward is positive; 0: not at all. running_ms: CLOCK_BOOTTIME, which goes
 * on in a suspended machine as the wall clock does. */
int64_t clock_watch_look(struct clock_watch *watch, int64_t wall_ms, int64_t running_ms);

#endif
