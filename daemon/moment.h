/* SPDX-License-Identifier: Apache-2.0
 *
 * A time as people read it in messages, and which of two comes first. Pure.
 */
#ifndef DAEMON_MOMENT_H
#define DAEMON_MOMENT_H

#include <stdint.h>

#define MOMENT_SIZE 32u

/* "2026-03-01T22:00:00Z", without the fraction; "" for a time that no calendar has. */
void moment_text(int64_t unix_ms, char ret[MOMENT_SIZE]);

/* Of moments at which something is due; 0: never. */
int64_t moment_earlier(int64_t one_ms, int64_t other_ms);

#endif
