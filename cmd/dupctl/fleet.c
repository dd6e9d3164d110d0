/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grown(void *array, size_t count, size_t size)
{
	void *bigger = realloc(array, count * size);

	if (!bigger) {
		fputs("dupctl: out of memory\n", stderr);
		exit(1);
	}
	return bigger;
}

void fleet_add(struct fleet *fleet, json_t *job)
{
	fleet->jobs = grown(fleet->jobs, fleet->count + 1, sizeof(*fleet->jobs));
	fleet->rows = grown(fleet->rows, fleet->count + 1, sizeof(*fleet->rows));
	fleet->jobs[fleet->count] = (struct fleet_job){.now = job};
	job_read(job, &fleet->rows[fleet->count]);
	fleet->count++;
}

void fleet_clear(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		json_decref(fleet->jobs[i].now);
	free(fleet->jobs);
	free(fleet->rows);
	*fleet = (struct fleet){0};
}

void fleet_update(struct fleet *fleet, size_t index, json_t *job)
{
	fleet->jobs[index].stale = false;
	/* What has ended stays ended: an older answer may come late. */
	if (job_row_terminal(&fleet->rows[index])) {
		json_decref(job);
		return;
	}
	json_decref(fleet->jobs[index].now);
	fleet->jobs[index].now = job;
	job_read(job, &fleet->rows[index]);
}

void fleet_replace(struct fleet *fleet, size_t index, json_t *job)
{
	json_decref(fleet->jobs[index].now);
	fleet->jobs[index].now = job;
	fleet->jobs[index].stale = false;
	job_read(job, &fleet->rows[index]);
	fleet->jobs[index].told &= job_row_terminal(&fleet->rows[index]);
}

void fleet_lose(struct fleet *fleet, size_t index)
{
	json_t *now = fleet->jobs[index].now;

	fleet->jobs[index].stale = false;
	json_object_set_new(now, "state", json_string("failed"));
	json_object_set_new(now, "fault",
			    json_pack("{s:s, s:s, s:s, s:n, s:s}", "code", "not-found", "class", "infrastructure", "message",
				      "the daemon no longer knows this job", "evidence", "remedy",
				      "Look at the device (dupctl devices), then upgrade it again if it needs to be."));
	job_read(now, &fleet->rows[index]);
}

size_t fleet_find(const struct fleet *fleet, const char *id)
{
	size_t index = 0;

	while (index < fleet->count && strcmp(fleet->rows[index].id, id) != 0)
		index++;
	return index;
}

size_t fleet_find_device(const struct fleet *fleet, const char *device)
{
	size_t index = 0;

	while (index < fleet->count && strcmp(fleet->rows[index].device, device) != 0)
		index++;
	return index;
}

/* How far its download is, for each job that waits for it. */
static void download_apply(struct fleet *fleet, const char *id, const json_t *bytes)
{
	for (size_t i = 0; i < fleet->count; i++) {
		struct job_row *row = &fleet->rows[i];

		if (!*id || strcmp(row->download, id) != 0)
			continue;
		row->fetched = reply_number(bytes, "bytes_done");
		row->fetched_total = reply_number(bytes, "bytes_total");
	}
}

static void downloads_apply(struct fleet *fleet, const json_t *downloads)
{
	for (size_t i = 0; i < json_array_size(downloads); i++) {
		const json_t *download = json_array_get(downloads, i);

		download_apply(fleet, reply_text(download, "id"), download);
	}
}

static void snapshot_apply(struct fleet *fleet, const json_t *data)
{
	const json_t *jobs = json_object_get(data, "jobs");

	/* A job that it does not hold has ended, or was made since. */
	fleet_mark_stale(fleet);
	for (size_t i = 0; i < json_array_size(jobs); i++) {
		json_t *job = json_array_get(jobs, i);
		size_t index = fleet_find(fleet, reply_text(job, "id"));

		if (index < fleet->count)
			fleet_update(fleet, index, json_incref(job));
	}
	downloads_apply(fleet, json_object_get(data, "downloads"));
}

void fleet_progress(struct fleet *fleet, size_t index, const json_t *data)
{
	json_t *now = fleet->jobs[index].now;

	if (job_row_terminal(&fleet->rows[index]))
		return;
	json_object_set(now, "progress", json_object_get(data, "progress"));
	json_object_set(now, "phase", json_object_get(data, "phase"));
	job_read(now, &fleet->rows[index]);
}

void fleet_apply(struct fleet *fleet, const struct sse_event *event)
{
	json_t *data = json_loads(event->data, JSON_REJECT_DUPLICATES, NULL);
	const char *type = reply_text(data, "type");
	json_t *now = json_object_get(data, "now");
	size_t index = fleet_find(fleet, reply_text(data, "job"));

	if (strcmp(type, "snapshot") == 0)
		snapshot_apply(fleet, data);
	else if (strcmp(type, "download-progress") == 0)
		download_apply(fleet, reply_text(data, "download"), data);
	else if (strcmp(type, "download-changed") == 0)
		download_apply(fleet, reply_text(data, "download"), now);
	else if (index < fleet->count && strcmp(type, "job-progress") == 0)
		fleet_progress(fleet, index, data);
	else if (index < fleet->count && json_is_object(now) && strcmp(event->name, "job") == 0)
		fleet_update(fleet, index, json_incref(now));
	json_decref(data);
}

void fleet_mark_stale(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		fleet->jobs[i].stale = !job_row_terminal(&fleet->rows[i]);
}

size_t fleet_unfinished(const struct fleet *fleet)
{
	size_t unfinished = 0;

	for (size_t i = 0; i < fleet->count; i++)
		unfinished += !job_row_terminal(&fleet->rows[i]);
	return unfinished;
}

json_t *fleet_json(const struct fleet *fleet)
{
	json_t *jobs = json_array();

	for (size_t i = 0; i < fleet->count; i++)
		json_array_append(jobs, fleet->jobs[i].now);
	return jobs;
}
