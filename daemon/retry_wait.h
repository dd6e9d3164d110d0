/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a job waits before it is tried again. Pure.
 */
#ifndef DAEMON_RETRY_WAIT_H
#define DAEMON_RETRY_WAIT_H

#include <stdint.h>

/* In ms, after `attempt` (from 1) has failed: 5, 15, 45, 120 s and 300 s from then on, each 20 % shorter to 20 % longer. What it is follows from the
 * id and the attempt alone: jobs that failed together come back apart, and one of them is told the same whenever it is asked. */
int64_t retry_wait_ms(const char *job_id, uint32_t attempt);

#endif
