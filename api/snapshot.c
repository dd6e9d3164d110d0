/* SPDX-License-Identifier: Apache-2.0 */
#include "api/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_event.h"

#define PAGE_JOBS     500u
#define CAMPAIGNS_MAX 100u

static void snapshot_clear(struct snapshot *snapshot)
{
	free(snapshot->devices);
	free(snapshot->jobs);
	firmware_list_free(snapshot->firmware, snapshot->firmware_count);
	free(snapshot->campaigns);
	download_statuses_free(snapshot->downloads, snapshot->download_count);
}

static bool has_job(const struct snapshot *snapshot, const char *id)
{
	for (size_t i = 0; i < snapshot->job_count; i++)
		if (strcmp(snapshot->jobs[i].id, id) == 0)
			return true;
	return false;
}

/* A job that changed its state between two queries comes twice; the newer one of the two is told again by its event. */
static int add_jobs(struct snapshot *snapshot, const struct job *jobs, size_t count, const struct sse_filter *filter)
{
	struct job *grown = reallocarray(snapshot->jobs, snapshot->job_count + count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	snapshot->jobs = grown;
	for (size_t i = 0; i < count; i++)
		if ((filter->job[0] == '\0' || strcmp(filter->job, jobs[i].id) == 0) && !has_job(snapshot, jobs[i].id))
			snapshot->jobs[snapshot->job_count++] = jobs[i];
	return 0;
}

static int read_jobs(struct gateway *gateway, enum job_state state, const struct sse_filter *filter, struct snapshot *snapshot)
{
	struct job_filter asked = {.states = JOB_IN_STATE(state), .limit = PAGE_JOBS};
	memcpy(asked.device, filter->device, sizeof(asked.device));
	int r = 0;
	do {
		struct job *jobs = NULL;
		struct job_fault fault;
		size_t count = 0;
		char next[JOB_ID_SIZE] = "";
		r = gateway_jobs(gateway, &asked, &jobs, &count, next, &fault);
		if (r == 0)
			r = add_jobs(snapshot, jobs, count, filter);
		memcpy(asked.before, next, sizeof(asked.before));
		free(jobs);
	} while (r == 0 && asked.before[0] != '\0');
	return r;
}

static void keep_device(struct snapshot *snapshot, const char *id)
{
	size_t kept = 0;
	for (size_t i = 0; i < snapshot->device_count; i++)
		if (id[0] == '\0' || strcmp(snapshot->devices[i].id, id) == 0)
			snapshot->devices[kept++] = snapshot->devices[i];
	snapshot->device_count = kept;
}

static int read_state(struct gateway *gateway, const struct sse_filter *filter, struct snapshot *snapshot)
{
	static const enum job_state unfinished[] = {JOB_RUNNING, JOB_WAITING, JOB_QUEUED};
	struct job_fault fault;
	bool more;
	int r = gateway_devices(gateway, NULL, &snapshot->devices, &snapshot->device_count, &fault);
	for (size_t i = 0; r == 0 && i < sizeof(unfinished) / sizeof(unfinished[0]); i++)
		r = read_jobs(gateway, unfinished[i], filter, snapshot);
	if (r == 0)
		r = firmware_list(gateway_firmware(gateway), &snapshot->firmware, &snapshot->firmware_count);
	if (r == 0 && snapshot->firmware_count > 0)
		firmware_judge(gateway_firmware(gateway), snapshot->firmware, snapshot->firmware_count);
	if (r == 0)
		r = gateway_downloads(gateway, &snapshot->downloads, &snapshot->download_count, &fault);
	if (r == 0 && filter->device[0] == '\0' && filter->job[0] == '\0')
		r = gateway_campaigns(gateway, "", CAMPAIGNS_MAX, &snapshot->campaigns, &snapshot->campaign_count, &more, &fault);
	keep_device(snapshot, filter->device);
	return r;
}

static int snapshot_json(struct gateway *gateway, const struct sse_filter *filter, char **ret)
{
	struct snapshot snapshot = {0};
	int r = read_state(gateway, filter, &snapshot);
	*ret = r == 0 ? json_event_of_snapshot(&snapshot) : NULL;
	snapshot_clear(&snapshot);
	return r == 0 && *ret == NULL ? -ENOMEM : r;
}

static int job_json(struct gateway *gateway, const char *id, char **ret, bool *ret_last)
{
	struct job job;
	struct job_fault fault;
	int r = gateway_job(gateway, id, &job, &fault);
	if (r < 0)
		return r;
	*ret_last = job_state_terminal(job.state);
	*ret = json_event_of_job(&job);
	return *ret == NULL ? -ENOMEM : 0;
}

int snapshot_block(struct gateway *gateway, const struct sse_filter *filter, char **ret, uint64_t *ret_cursor, bool *ret_last)
{
	struct event_bus *bus = gateway_events(gateway);
	uint64_t head = event_bus_head(bus);
	char *json = NULL;
	*ret_last = false;
	int r = filter->job_only ? job_json(gateway, filter->job, &json, ret_last) : snapshot_json(gateway, filter, &json);
	if (r < 0)
		return r;
	*ret = sse_block(event_bus_epoch(bus), head, filter->job_only ? "job" : "snapshot", json);
	free(json);
	*ret_cursor = head;
	return *ret == NULL ? -ENOMEM : 0;
}

static bool passes(const struct sse_filter *filter, const struct missed_end *end)
{
	const char *job = end->of_campaign ? "" : end->job.id;
	const char *device = end->of_campaign ? "" : end->job.request.device;
	return (filter->topics & (end->of_campaign ? TOPIC_CAMPAIGN : TOPIC_JOB)) != 0 &&
	       (filter->job[0] == '\0' || strcmp(filter->job, job) == 0) &&
	       (filter->device[0] == '\0' || strcmp(filter->device, device) == 0);
}

char *snapshot_ends_block(const struct sse_filter *filter, const struct missed_end *ends, size_t count)
{
	char *text = strdup("");
	for (size_t i = 0; i < count && text != NULL; i++) {
		const struct missed_end *end = &ends[i];
		if (!passes(filter, end))
			continue;
		char *json = end->of_campaign ? json_event_of_campaign(&end->campaign) : json_event_of_job(&end->job);
		const char *topic = event_topic_name(end->of_campaign ? TOPIC_CAMPAIGN : TOPIC_JOB);
		char *grown = NULL;
		if (json == NULL || asprintf(&grown, "%sevent: %s\ndata: %s\n", text, topic, json) < 0)
			grown = NULL;
		free(json);
		free(text);
		text = grown;
	}
	return text;
}
