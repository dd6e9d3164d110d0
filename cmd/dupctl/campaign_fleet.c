/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/campaign_fleet.h"

#include <string.h>

void campaign_fleet_clear(struct campaign_fleet *campaign)
{
	fleet_clear(&campaign->fleet);
	json_decref(campaign->report);
	campaign->report = NULL;
}

/* An event told of the same job more than the report does, unless it has ended since. */
static bool row_keeps(const struct campaign_fleet *campaign, size_t index, const struct job_row *reported)
{
	const struct job_row *row = &campaign->fleet.rows[index];

	return !campaign->fleet.jobs[index].reported && !job_row_terminal(reported) && strcmp(row->id, reported->id) == 0;
}

static void device_take(struct campaign_fleet *campaign, const json_t *device)
{
	json_t *job = campaign_device_job(device, campaign->now.release);
	size_t index = fleet_find_device(&campaign->fleet, reply_text(device, "device"));
	struct job_row reported;
	bool known;

	job_read(job, &reported);
	known = index < campaign->fleet.count;
	if (known && row_keeps(campaign, index, &reported)) {
		json_decref(job);
		return;
	}
	if (known)
		fleet_replace(&campaign->fleet, index, job);
	else
		fleet_add(&campaign->fleet, job);
	campaign->fleet.jobs[index].reported = true;
}

void campaign_fleet_report(struct campaign_fleet *campaign, json_t *report)
{
	const json_t *devices = json_object_get(report, "devices");

	json_decref(campaign->report);
	campaign->report = report;
	campaign_read(json_object_get(report, "campaign"), &campaign->now);
	campaign->stale = campaign->urgent = false;
	for (size_t i = 0; i < json_array_size(devices); i++)
		device_take(campaign, json_array_get(devices, i));
}

static void job_take(struct campaign_fleet *campaign, json_t *now)
{
	size_t index;
	struct job_row job;

	job_read(now, &job);
	if (strcmp(job.campaign, campaign->id) != 0)
		return;
	index = fleet_find_device(&campaign->fleet, job.device);
	if (index == campaign->fleet.count || job_row_terminal(&job)) {
		campaign->stale = true;
		return;
	}
	/* Ids grow: an older job comes late. */
	int order = strcmp(job.id, campaign->fleet.rows[index].id);

	if (order < 0 || (order == 0 && job_row_terminal(&campaign->fleet.rows[index])))
		return;
	fleet_replace(&campaign->fleet, index, json_incref(now));
	campaign->fleet.jobs[index].reported = false;
}

static void progress_take(struct campaign_fleet *campaign, const json_t *data)
{
	size_t index = fleet_find(&campaign->fleet, reply_text(data, "job"));

	if (index < campaign->fleet.count)
		fleet_progress(&campaign->fleet, index, data);
}

static void snapshot_take(struct campaign_fleet *campaign, const json_t *data)
{
	const json_t *jobs = json_object_get(data, "jobs");

	campaign->stale = campaign->urgent = true;
	for (size_t i = 0; i < json_array_size(jobs); i++)
		job_take(campaign, json_array_get(jobs, i));
}

static void change_take(struct campaign_fleet *campaign, const json_t *data)
{
	struct campaign_row now;

	if (strcmp(reply_text(data, "campaign"), campaign->id) != 0)
		return;
	campaign_read(json_object_get(data, "now"), &now);
	campaign->stale = true;
	campaign->urgent |= campaign_row_over(&now) || !campaign->report || strcmp(now.state, campaign->now.state) != 0;
}

void campaign_fleet_apply(struct campaign_fleet *campaign, const struct sse_event *event)
{
	json_t *data = json_loads(event->data, JSON_REJECT_DUPLICATES, NULL);
	const char *type = reply_text(data, "type");

	if (strcmp(type, "snapshot") == 0)
		snapshot_take(campaign, data);
	else if (strcmp(type, "job-progress") == 0)
		progress_take(campaign, data);
	else if (strncmp(type, "job-", 4) == 0)
		job_take(campaign, json_object_get(data, "now"));
	else if (strncmp(type, "campaign-", 9) == 0)
		change_take(campaign, data);
	json_decref(data);
}
