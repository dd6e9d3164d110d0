/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_view.h"

#include <stdio.h>

#include "api/json_value.h"

/* Takes over `item`; lets go of `array` and answers NULL when it cannot be appended. */
static json_t *append(json_t *array, json_t *item)
{
	if (json_array_append_new(array, item) == 0)
		return array;
	json_decref(array);
	return NULL;
}

json_t *json_labels_object(const struct device *device)
{
	json_t *labels = json_object();
	for (size_t i = 0; labels != NULL && i < device->label_count; i++) {
		const struct label *label = &device->labels[i];
		if (json_object_set_new_nocheck(labels, label->key, json_text_always(label->value)) == 0)
			continue;
		json_decref(labels);
		return NULL;
	}
	return labels;
}

static json_t *usb_object(const struct device *device)
{
	char vid[8], pid[8];
	if (!device->usb.known)
		return json_null();
	snprintf(vid, sizeof(vid), "%04x", device->usb.vid);
	snprintf(pid, sizeof(pid), "%04x", device->usb.pid);
	return JSON_MEMBERS({"vid", json_text(vid)}, {"pid", json_text(pid)}, {"serial", json_text(device->usb.serial)},
			    {"path", json_text(device->usb.path)});
}

static json_t *modem_object(const struct device_modem *modem)
{
	bool known =
	    modem->boot_mode >= 0 || modem->release[0] != '\0' || modem->ue[0] != '\0' || modem->imei[0] != '\0' || modem->rate_bps != 0;
	if (!known)
		return json_null();
	return JSON_MEMBERS({"boot_mode", modem->boot_mode >= 0 ? json_integer(modem->boot_mode) : json_null()},
			    {"boot_mode_name", json_text(modem->boot_mode_name)}, {"ue", json_text(modem->ue)},
			    {"release", json_text(modem->release)}, {"build", json_number(modem->build)}, {"imei", json_text(modem->imei)},
			    {"rate", json_number(modem->rate_bps)});
}

static json_t *lease_object(const struct device_lease *lease)
{
	if (lease->holder[0] == '\0')
		return json_null();
	return JSON_MEMBERS({"holder", json_text(lease->holder)}, {"reason", json_text(lease->reason)},
			    {"since", json_time_ms(lease->since_ms)}, {"expires_at", json_time_ms(lease->expires_at_ms)});
}

static json_t *quarantine_object(const struct device_quarantine *quarantine)
{
	if (quarantine->since_ms == 0)
		return json_null();
	return JSON_MEMBERS({"since", json_time_ms(quarantine->since_ms)}, {"code", json_text(quarantine->code)},
			    {"failures", json_count(quarantine->failures)});
}

json_t *json_device_object(const struct device *device)
{
	return JSON_MEMBERS({"id", json_text(device->id)}, {"state", json_text(device_state_name(device->state))},
			    {"port", json_text(device->port)}, {"profile", json_text(device->profile)},
			    {"labels", json_labels_object(device)}, {"usb", usb_object(device)}, {"modem", modem_object(&device->modem)},
			    {"job", json_text(device->job)}, {"lease", lease_object(&device->lease)}, {"alias", json_text(device->alias)},
			    {"seen_at", json_time_ms(device->seen_at_ms)}, {"board", json_text(device->board)},
			    {"offered", json_boolean(device->offered)}, {"maintenance", json_boolean(device->maintenance)},
			    {"quarantine", quarantine_object(&device->quarantine)}, {"power", json_text(device->power)});
}

/* The id is null when the disk did not take the entry. */
json_t *json_entry_object(const struct device_entry *entry)
{
	return JSON_MEMBERS({"id", json_number((uint64_t)entry->id)}, {"at", json_time_ms(entry->at_ms)}, {"type", json_text(entry->type)},
			    {"detail", json_text(entry->detail)}, {"job", json_text(entry->job)});
}

json_t *json_progress_object(const struct job_progress *progress)
{
	if (!progress->known)
		return json_null();
	return JSON_MEMBERS({"bytes_done", json_count(progress->bytes_done)}, {"bytes_total", json_count(progress->bytes_total)},
			    {"percent", json_percent(progress->percent)}, {"rate_bps", json_count(progress->rate_bps)},
			    {"eta_s", progress->eta_s >= 0 ? json_integer(progress->eta_s) : json_null()},
			    {"part", json_text(progress->part)});
}

static json_t *notes_array(const struct job *job)
{
	json_t *notes = json_array();
	for (size_t i = 0; notes != NULL && i < job->note_count; i++)
		notes = append(notes, json_text_always(job->notes[i]));
	return notes;
}

json_t *json_job_object(const struct job *job)
{
	const struct job_request *request = &job->request;
	return JSON_MEMBERS(
	    {"id", json_text(job->id)}, {"kind", json_text(job_kind_name(request->kind))}, {"device", json_text(request->device)},
	    {"state", json_text(job_state_name(job->state))}, {"phase", json_text(job->phase)},
	    {"waiting_for", json_text(job_wait_name(job->waiting_for))}, {"firmware", json_text(request->firmware)},
	    {"from_release", json_text(job->from_release)}, {"to_release", json_text(job->to_release)},
	    {"progress", json_progress_object(&job->progress)}, {"step", json_count(job->step)}, {"steps", json_count(job->steps)},
	    {"can_cancel", json_boolean(job->can_cancel)}, {"attempt", json_count(job->attempt)},
	    {"interruptions", json_count(job->interruptions)}, {"created_at", json_time_ms(job->created_at_ms)},
	    {"started_at", json_time_ms(job->started_at_ms)}, {"finished_at", json_time_ms(job->finished_at_ms)},
	    {"verified", json_boolean(job->verified)}, {"fault", json_fault_object(&job->fault)},
	    {"retry_of", json_text(request->retry_of)}, {"priority", json_integer(request->priority)},
	    {"firmware_name", json_text(request->firmware_name)}, {"detail", json_text(job->detail)},
	    {"not_before", json_time_ms(job->not_before_ms)}, {"notes", notes_array(job)}, {"download", json_text(job->download)},
	    {"rung", json_text(request->rung)}, {"requested_by", json_text(request->requested_by)},
	    {"campaign", json_text(request->campaign)}, {"waiting_since", json_time_ms(job->waiting_since_ms)},
	    {"deadline", json_time_ms(request->deadline_ms)}, {"attempts_max", json_count(job->attempts_max)},
	    {"expected_s", job->expected_known ? json_integer(job->expected_s) : json_null()});
}

json_t *json_device_array(const struct device *devices, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < count; i++)
		array = append(array, json_device_object(&devices[i]));
	return array;
}

json_t *json_job_array(const struct job *jobs, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < count; i++)
		array = append(array, json_job_object(&jobs[i]));
	return array;
}

json_t *json_firmware_array(const struct firmware *list, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < count; i++)
		array = append(array, json_firmware_object(&list[i]));
	return array;
}

void json_view_prepare(void)
{
	json_object_seed(0);
}

char *json_view_device(const struct device *device)
{
	return json_line(json_device_object(device));
}

char *json_view_devices(const struct device *devices, size_t count)
{
	return json_line(JSON_MEMBERS({"devices", json_device_array(devices, count)}));
}

char *json_view_history(const struct device_entry *entries, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < count; i++)
		array = append(array, json_entry_object(&entries[i]));
	return json_line(JSON_MEMBERS({"history", array}));
}

char *json_view_lease(const char *device, const struct lease_grant *grant)
{
	return json_line(
	    JSON_MEMBERS({"device", json_text(device)}, {"lease", lease_object(&grant->lease)}, {"token", json_text(grant->token)}));
}

char *json_view_job(const struct job *job)
{
	return json_line(json_job_object(job));
}

char *json_view_jobs(const struct job *jobs, size_t count, const char *next)
{
	return json_line(JSON_MEMBERS({"jobs", json_job_array(jobs, count)}, {"next", json_text(next != NULL ? next : "")}));
}

char *json_view_status(const char *status)
{
	return json_line(JSON_MEMBERS({"status", json_text(status)}));
}

char *json_view_readiness(const char *degraded)
{
	if (degraded[0] == '\0')
		return json_view_status("ready");
	return json_line(JSON_MEMBERS({"status", json_text("ready")}, {"degraded", json_text(degraded)}));
}

char *json_view_version(void)
{
	return json_line(JSON_MEMBERS({"name", json_text("dupgate")}, {"version", json_text(DUPGATE_VERSION)}, {"api", json_text("1")}));
}
