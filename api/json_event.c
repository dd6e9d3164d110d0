/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_event.h"

#include "api/json_value.h"

static json_t *device_event(const struct event *event)
{
	return JSON_MEMBERS({"type", json_text(event_type_name(event->type))}, {"device", json_text(event->device)},
			    {"now", json_device_object(event->device_now)});
}

static json_t *note_event(const struct event *event)
{
	return JSON_MEMBERS({"type", json_text(event_type_name(event->type))}, {"device", json_text(event->device)},
			    {"entry", json_entry_object(event->entry)});
}

static json_t *job_event(enum event_type type, const struct job *job)
{
	return JSON_MEMBERS({"type", json_text(event_type_name(type))}, {"job", json_text(job->id)},
			    {"device", json_text(job->request.device)}, {"now", json_job_object(job)});
}

static json_t *progress_event(const struct event *event)
{
	const struct job_progress *progress = &event->moment->progress;
	return JSON_MEMBERS({"type", json_text(event_type_name(event->type))}, {"job", json_text(event->job)},
			    {"device", json_text(event->device)}, {"phase", json_text(event->moment->phase)},
			    {"progress", json_progress_object(progress)},
			    {"percent", progress->known ? json_percent(progress->percent) : json_null()});
}

static json_t *firmware_event(const struct event *event)
{
	return JSON_MEMBERS({"type", json_text(event_type_name(event->type))}, {"firmware", json_text(event->firmware)});
}

static json_t *download_event(const struct event *event)
{
	return JSON_MEMBERS({"type", json_text(event_type_name(event->type))}, {"download", json_text(event->download)},
			    {"now", json_download_object(event->download_now)});
}

static json_t *download_progress_event(const struct event *event)
{
	return JSON_MEMBERS({"type", json_text(event_type_name(event->type))}, {"download", json_text(event->download)},
			    {"bytes_done", json_count(event->bytes_done)}, {"bytes_total", json_download_total(event->bytes_total)});
}

static json_t *campaign_event(const struct campaign *campaign)
{
	return JSON_MEMBERS({"type", json_text(event_type_name(EVENT_CAMPAIGN_CHANGED))}, {"campaign", json_text(campaign->id)},
			    {"now", json_campaign_object(campaign)});
}

static json_t *campaign_removed_event(const struct event *event)
{
	return JSON_MEMBERS({"type", json_text(event_type_name(event->type))}, {"campaign", json_text(event->campaign_now->id)});
}

static json_t *event_object(const struct event *event)
{
	switch (event->type) {
	case EVENT_DEVICE_CHANGED:
		return device_event(event);
	case EVENT_DEVICE_NOTED:
		return note_event(event);
	case EVENT_JOB_CREATED:
	case EVENT_JOB_CHANGED:
	case EVENT_JOB_FINISHED:
		return job_event(event->type, event->job_now);
	case EVENT_JOB_PROGRESS:
		return progress_event(event);
	case EVENT_FIRMWARE_ADDED:
	case EVENT_FIRMWARE_CHANGED:
	case EVENT_FIRMWARE_REMOVED:
		return firmware_event(event);
	case EVENT_CAMPAIGN_CHANGED:
		return campaign_event(event->campaign_now);
	case EVENT_CAMPAIGN_REMOVED:
		return campaign_removed_event(event);
	case EVENT_DOWNLOAD_CHANGED:
		return download_event(event);
	case EVENT_DOWNLOAD_PROGRESS:
		return download_progress_event(event);
	}
	return NULL;
}

char *json_event(const struct event *event)
{
	return json_line(event_object(event));
}

char *json_event_of_job(const struct job *job)
{
	return json_line(job_event(job_state_terminal(job->state) ? EVENT_JOB_FINISHED : EVENT_JOB_CHANGED, job));
}

char *json_event_of_campaign(const struct campaign *campaign)
{
	return json_line(campaign_event(campaign));
}

char *json_event_of_snapshot(const struct snapshot *snapshot)
{
	return json_line(JSON_MEMBERS({"type", json_text("snapshot")},
				      {"devices", json_device_array(snapshot->devices, snapshot->device_count)},
				      {"jobs", json_job_array(snapshot->jobs, snapshot->job_count)},
				      {"firmware", json_firmware_array(snapshot->firmware, snapshot->firmware_count)},
				      {"downloads", json_download_array(snapshot->downloads, snapshot->download_count)},
				      {"campaigns", json_campaign_array(snapshot->campaigns, snapshot->campaign_count)}));
}
