/* SPDX-License-Identifier: Apache-2.0
 *
 * How long the history is kept: [history] of the configuration. A finished job goes when it ended keep_days ago, or when there are more than keep_jobs
 * of them, the oldest first; with it go its attempts, its ending and its transcript. What ended less than a day ago stays whatever the number, as do
 * jobs that tell what is in a modem (the newest upgrades of each device that ran, that sent something, that ended well) and those of a campaign that
 * goes on. What names a job that is gone (members of ended campaigns, entries of the audit and of devices' histories, kept answers) still names it.
 *
 * A campaign goes, with its report, when it ended keep_days ago and nothing of it goes on: from one moment to the next for all who look, then row by row.
 * Jobs of it that are left still name it.
 *
 * The row goes first, then the file: what is told of a job is never without what belongs to it. What a crash leaves between the two, files without a
 * job, is looked for once in each run of the daemon.
 *
 * Main thread only. Each turn is one small step, for which others wait some milliseconds at most.
 */
#ifndef DAEMON_JOB_RETENTION_H
#define DAEMON_JOB_RETENTION_H

#include "daemon/gateway_private.h"

/* Between two looks; of files at a time; between two steps, in which others get at the disk; after the start, and after the clock was put: by a clock that
 * runs ahead until somebody puts it right, everything is too old. */
#define RETENTION_EVERY_MS  INT64_C(3600000)
#define RETENTION_FILES     50u
#define RETENTION_PAUSE_MS  INT64_C(100)
#define RETENTION_SETTLE_MS INT64_C(600000)
#define RETENTION_RECENT_MS INT64_C(86400000) /* as long as an answer to a POST is kept, which may name a job */

struct job_retention;

/* What it needs of the gateway, its campaigns, too, is there and outlives it. 0 or -ENOMEM. */
int job_retention_new(const struct gateway *gateway, struct job_retention **ret);
void job_retention_free(struct job_retention *retention);

/* One step, if it is time for one. Returns the Unix time in ms at which the next is due. */
int64_t job_retention_turn(struct job_retention *retention);

#endif
