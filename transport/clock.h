/* SPDX-License-Identifier: Apache-2.0
 *
 * Absolute monotonic deadlines in milliseconds: every wait of the engine ends at one.
 */
#ifndef TRANSPORT_CLOCK_H
#define TRANSPORT_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds. Any thread. */
int64_t clock_now_ms(void);

/* now + duration_ms. */
int64_t clock_deadline_ms(int64_t duration_ms);

#endif
