/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

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

static int devices_show(struct session *session, const json_t *devices, bool one)
{
	text_owned shown = terminal_text(&session->terminal);
	json_owned *document = NULL;

	if (session->json && one)
		return session_print_json(session, json_array_get(devices, 0));
	if (session->json) {
		document = json_pack("{s:o}", "devices", json_deep_copy(devices));
		return session_print_json(session, document);
	}
	for (size_t i = 0; i < json_array_size(devices); i++) {
		struct device_row device;

		device_read(json_array_get(devices, i), &device);
		text_add(&shown, i > 0 ? "\n" : "");
		view_device(&shown, &device);
	}
	return session_print(session, &shown);
}

int verb_devices(struct session *session, const struct options *options)
{
	json_owned *devices = json_array();
	int *statuses, status = STATUS_DONE;

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
	if (json_array_size(devices) > 0 && devices_show(session, devices, options->operand_count == 1) != STATUS_DONE)
		return STATUS_OTHER;
	return status;
}
