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

/* Runs until SIGTERM/SIGINT and the ordered stop is over: jobs before the point of no return go back to the queue, the others are waited for
 * (EXTEND_TIMEOUT_USEC); a second signal ends at once. Returns the exit status. */
int main_loop_run(struct gateway *gateway, const struct main_loop_hooks *hooks);

#endif
