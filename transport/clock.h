/* SPDX-License-Identifier: Apache-2.0
 *
 * Absolute monotonic deadlines in milliseconds: every wait of the engine ends at one.
 */
#ifndef TRANSPORT_CLOCK_H
#define TRANSPORT_CLOCK_H

#include <poll.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds. Any thread. */
int64_t clock_now_ms(void);

/* now + duration_ms. */
int64_t clock_deadline_ms(int64_t duration_ms);

/* poll() until deadline_ms: how many descriptors are ready, 0 at the deadline, -1 with errno. All waiting of the engine is done here, so
 * that a test can put another clock in the place of this file. Any thread. */
int clock_poll(struct pollfd *descriptors, nfds_t count, int64_t deadline_ms);

#endif
