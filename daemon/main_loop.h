/* SPDX-License-Identifier: Apache-2.0
 *
 * The main thread: signals, timers, the queue's dispatch, the bus's wake-ups. sd_notify READY, WATCHDOG, STOPPING, STATUS.
 */
#ifndef DAEMON_MAIN_LOOP_H
#define DAEMON_MAIN_LOOP_H

#include "daemon/gateway.h"

/* What the api hangs into the loop; called on the main thread. */
struct main_loop_hooks {
	void (*events)(void *context);    /* something was published */
	void (*heartbeat)(void *context); /* every 15 s: a comment to each event client */
	void (*quiesce)(void *context);   /* stopping: no new requests */
	void *context;
};

/* Blocks SIGTERM and SIGINT and ignores SIGPIPE; before the first thread is made, so that all inherit it. 0 or negative errno. */
int main_loop_block_signals(void);

/* What main_loop_run() returns when a second signal ended it: jobs still run, so nothing may be freed; on disk all is in order. */
#define MAIN_LOOP_CUT_SHORT 1

/* And this when the stop was ordered, but the drivers of some jobs did not let go of their threads: the same. */
#define MAIN_LOOP_LEFT_BEHIND 2

/* Runs until SIGTERM/SIGINT and the ordered stop is over: jobs before the point of no return go back to the queue, the others are waited for
 * (EXTEND_TIMEOUT_USEC); a second signal ends at once. Returns the exit status: 0, MAIN_LOOP_CUT_SHORT, MAIN_LOOP_LEFT_BEHIND, or 71 when
 * the kernel gave no descriptors. Idle, it wakes for the heartbeat (15 s) and the watchdog only. */
int main_loop_run(struct gateway *gateway, const struct main_loop_hooks *hooks);

#endif
