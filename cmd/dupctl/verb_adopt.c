/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

static int device_adopt(struct session *session, const char *id, const json_t *patch, json_t *devices)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	json_t *answer = NULL;
	struct device_row device;

	text_add(&path, "/devices/");
	url_escape(&path, id);
	if (session_call(session, "PATCH", path.bytes, patch, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : id);
		return failure.status;
	}
	json_array_append_new(devices, answer);
	device_read(answer, &device);
	text_add_clean(&shown, device.id);
	text_add(&shown, json_is_true(json_object_get(answer, "offered")) ? "  offered" : "  profile ");
	text_add_clean(&shown, json_is_true(json_object_get(answer, "offered")) ? "" : device.profile);
	text_add(&shown, "\n");
	return session->json ? STATUS_DONE : session_print(session, &shown);
}

int verb_adopt(struct session *session, const struct options *options)
{
	json_owned *patch = json_pack("{s:s?}", "profile", options->take_back ? NULL : options->profile);
	json_owned *document = json_pack("{s:[]}", "devices");
	int *statuses = calloc(options->operand_count, sizeof(*statuses)), status = STATUS_DONE;

	if (!patch || !document || !statuses) {
		free(statuses);
		return STATUS_OTHER;
	}
	for (size_t i = 0; i < options->operand_count && status < STATUS_UNREACHABLE; i++)
		status = statuses[i] = device_adopt(session, options->operands[i], patch, json_object_get(document, "devices"));
	if (status < STATUS_UNREACHABLE)
		status = exit_status_combine(statuses, options->operand_count);
	free(statuses);
	if (session->json && session_print_json(session, document) != STATUS_DONE)
		return STATUS_OTHER;
	return status;
}
