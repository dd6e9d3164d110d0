/* SPDX-License-Identifier: Apache-2.0
 *
 * The data of events: one line, ended by a newline. Callers free; NULL without memory. Pure, any thread.
 */
#ifndef API_JSON_EVENT_H
#define API_JSON_EVENT_H

#include "daemon/campaign.h"
#include "daemon/gateway.h"

char *json_event(const struct event *event);

/* The state of a job as an event: job-finished when it is over, else job-changed. */
char *json_event_of_job(const struct job *job);
/* campaign-changed. */
char *json_event_of_campaign(const struct campaign *campaign);

struct snapshot {
	struct device *devices;
	size_t device_count;
	struct job *jobs;
	size_t job_count;
	struct firmware *firmware;
	size_t firmware_count;
	struct download_status *downloads;
	size_t download_count;
	struct campaign *campaigns;
	size_t campaign_count;
};
char *json_event_of_snapshot(const struct snapshot *snapshot);

#endif
