/* SPDX-License-Identifier: Apache-2.0
 *
 * What a job needs of the cache stays there until the job has ended: its bundle, its helper, the second file of a pair. Thread-safe.
 */
#ifndef DAEMON_JOB_PINS_H
#define DAEMON_JOB_PINS_H

#include "daemon/types.h"
#include "firmware-cache/store.h"

/* All or none: 0, or -EPROTO with "not-found" naming the one that is gone. Each call needs one job_pins_drop(). */
int job_pins_take(struct firmware_store *store, const struct job_request *request, struct job_fault *ret_fault);
void job_pins_drop(struct firmware_store *store, const struct job_request *request);

#endif
