/* SPDX-License-Identifier: Apache-2.0
 *
 * The jobs that are waited for, kept up to date by events. Pure.
 */
#ifndef DUPCTL_FLEET_H
#define DUPCTL_FLEET_H

#include "cmd/dupctl/reply.h"
#include "cmd/dupctl/sse.h"
#include "cmd/dupctl/view_progress.h"

struct fleet_job {
	json_t *now;   /* the API's object; owned */
	bool stale;    /* it may have changed unseen: to be asked for */
	bool told;     /* its result was shown */
	bool reported; /* `now` is what the report of a campaign says of it */
	struct progress_marks marks;
};

struct fleet {
	size_t count;
	struct fleet_job *jobs;
	struct job_row *rows; /* of jobs[i].now */
};

/* Takes the reference of `job`. */
void fleet_add(struct fleet *fleet, json_t *job);
void fleet_clear(struct fleet *fleet);

/* One event of the stream. A snapshot marks the jobs that it does not hold as stale. Unknown events and jobs are passed over. */
void fleet_apply(struct fleet *fleet, const struct sse_event *event);

/* The job at `index` as the daemon has it now; takes the reference. */
void fleet_update(struct fleet *fleet, size_t index, json_t *job);

/* Another job for the device at `index`, or another word on it, also when what is there has ended; takes the reference. */
void fleet_replace(struct fleet *fleet, size_t index, json_t *job);

/* Where the job is, or the device's: fleet->count when nowhere. */
size_t fleet_find(const struct fleet *fleet, const char *id);
size_t fleet_find_device(const struct fleet *fleet, const char *device);

/* How far the job at `index` is: the data of an event. */
void fleet_progress(struct fleet *fleet, size_t index, const json_t *data);

/* The daemon has forgotten the job at `index`: it counts as failed. */
void fleet_lose(struct fleet *fleet, size_t index);

/* All that have not ended may have changed unseen. */
void fleet_mark_stale(struct fleet *fleet);

size_t fleet_unfinished(const struct fleet *fleet);

/* An array of what is known of each; a new reference. */
json_t *fleet_json(const struct fleet *fleet);

#endif
