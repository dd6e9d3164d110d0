/* SPDX-License-Identifier: Apache-2.0
 *
 * The time of day as the whole daemon goes by it. It is that of the machine, but for the moment between somebody's setting that and the main thread's
 * seeing it: until then it goes on as before, so that nothing takes a clock that was set for time that has passed. One for the process.
 */
#ifndef DAEMON_WALL_CLOCK_H
#define DAEMON_WALL_CLOCK_H

#include "daemon/clock_watch.h"

/* Unix time in ms. Any thread. */
int64_t wall_clock_now_ms(void);

/* Main thread: from now on it is what the machine's clock says. Returns by how much that was set, as clock_watch_look() does. `watch` all 0: the first
 * look, which finds nothing. */
int64_t wall_clock_look(struct clock_watch *watch);

#endif
