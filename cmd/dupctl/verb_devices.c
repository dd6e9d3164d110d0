/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cmd/dupctl/job_query.h"
#include "cmd/dupctl/selection.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

static int devices_list(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;

	selection_path(options->selector, &path);
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	view_device_list(&shown, json_object_get(answer, "devices"), session->terminal.width);
	return session_print(session, &shown);
}

static int device_get(struct session *session, const char *id, json_t *devices)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_t *answer = NULL;

	text_add(&path, "/devices/");
	url_escape(&path, id);
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) == STATUS_DONE)
		json_array_append_new(devices, answer);
	else
		failure_print(&failure, NULL);
	return failure.status;
}

/* A list that belongs to the device and is not in its JSON; a new reference. Returns an exit status. */
static int list_get(struct session *session, const char *path, const char *member, json_t **ret)
{
	failure_owned failure = session_failure(session);
	json_owned *answer = NULL;

	if (session_call(session, "GET", path, NULL, &answer, &failure) != STATUS_DONE)
		failure_print(&failure, NULL);
	*ret = json_incref(json_object_get(answer, member));
	return failure.status;
}

/* With why it is in maintenance, and the jobs that wait for it. Returns an exit status. */
static int device_add(struct session *session, const json_t *json, struct text *shown)
{
	text_owned history_path = {0}, jobs_path = {0};
	json_owned *history = NULL, *jobs = NULL;
	struct device_row device;
	int status = STATUS_DONE;

	device_read(json, &device);
	text_add(&history_path, "/devices/");
	url_escape(&history_path, device.id);
	text_addf(&history_path, "/history?limit=%d", HISTORY_MOST);
	text_addf(&jobs_path, "/jobs?limit=%d&state=queued,waiting&device=", JOBS_SHOWN);
	url_escape(&jobs_path, device.id);
	if (device.maintenance)
		status = list_get(session, history_path.bytes, "history", &history);
	if (status == STATUS_DONE)
		status = list_get(session, jobs_path.bytes, "jobs", &jobs);
	view_device(shown, &device, history);
	view_waiting_jobs(shown, jobs);
	return status;
}

static int devices_show(struct session *session, const json_t *devices, bool one)
{
	text_owned shown = terminal_text(&session->terminal);
	json_owned *document = NULL;
	int status = STATUS_DONE;

	if (session->json && one)
		return session_print_json(session, json_array_get(devices, 0));
	if (session->json) {
		document = json_pack("{s:o}", "devices", json_deep_copy(devices));
		return session_print_json(session, document);
	}
	for (size_t i = 0; i < json_array_size(devices) && status == STATUS_DONE; i++) {
		text_add(&shown, i > 0 ? "\n" : "");
		status = device_add(session, json_array_get(devices, i), &shown);
	}
	return session_print(session, &shown) != STATUS_DONE ? STATUS_OTHER : status;
}

int verb_devices(struct session *session, const struct options *options)
{
	json_owned *devices = json_array();
	int *statuses, status = STATUS_DONE, shown;

	if (options->operand_count == 0)
		return devices_list(session, options);
	statuses = calloc(options->operand_count, sizeof(*statuses));
	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < options->operand_count && status < STATUS_UNREACHABLE; i++)
		status = statuses[i] = device_get(session, options->operands[i], devices);
	if (status < STATUS_UNREACHABLE)
		status = exit_status_combine(statuses, options->operand_count);
	free(statuses);
	if (json_array_size(devices) == 0)
		return status;
	shown = devices_show(session, devices, options->operand_count == 1);
	return shown != STATUS_DONE ? shown : status;
}
