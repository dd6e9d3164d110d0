/* SPDX-License-Identifier: Apache-2.0
 *
 * What the earlier runs of a job have left at the modem, and how the next run takes it up. Pure.
 */
#ifndef DAEMON_JOB_RESUME_H
#define DAEMON_JOB_RESUME_H

#include "daemon/engine_request.h"
#include "daemon/store.h"

/* A run may have turned the modem's radio off or taken it out of its application, and nothing was sent yet: before the job is let go the modem is
 * to be brought back. */
bool job_owes_way_back(const struct job_row *row);

/* Nothing of it can be done without the port: all but giving a device its power, as long as that was not begun. */
bool job_needs_port(const struct job_row *row);

/* What a retry takes over from the job that it retries, which is the newest upgrade of the device: how far that one came, when it failed. */
void job_inherit(const struct job_row *from, struct job_row *to);

/* Past the point of no return the modem waits for the rest: what keeps the host from it, but may pass, is then no reason to end the job. */
bool job_fault_may_pass(const struct job_row *row, const struct job_fault *fault);

#endif
