/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs that change a device: each makes one patch of its words and sends it to every device that is meant.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/dupctl/selection.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

/* "key=value" sets, "key-" removes. */
static json_t *label_patch(const struct options *options)
{
	json_t *labels = json_object();

	for (size_t i = 0; i < options->word_count; i++) {
		const char *word = options->words[i], *equals = strchr(word, '=');
		text_owned key = {0};

		text_addn(&key, word, equals ? (size_t)(equals - word) : strlen(word) - 1);
		if (json_object_set_new(labels, text_bytes(&key), equals ? json_string(equals + 1) : json_null()) < 0) {
			json_decref(labels);
			return NULL;
		}
	}
	return json_pack("{s:o}", "labels", labels);
}

static int device_patch(struct session *session, const char *device, const json_t *patch, json_t *devices)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_t *answer = NULL;

	text_add(&path, "/devices/");
	url_escape(&path, device);
	if (session_call(session, "PATCH", path.bytes, patch, &answer, &failure) == STATUS_DONE)
		json_array_append_new(devices, answer);
	else
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : device);
	return failure.status;
}

/* What is handed through selection_each(). */
struct edit {
	const json_t *patch;
	json_t *devices;
};

static int edit_one(struct session *session, const struct options *options, const char *device, void *context)
{
	struct edit *edit = context;

	(void)options;
	return device_patch(session, device, edit->patch, edit->devices);
}

/* Takes the reference of `patch`; NULL: an argument is no UTF-8. */
static int devices_edit(struct session *session, const struct options *options, json_t *patch)
{
	json_owned *own = patch, *devices = json_array(), *document = json_pack("{s:O}", "devices", devices);
	text_owned shown = terminal_text(&session->terminal);
	struct edit edit = {.patch = own, .devices = devices};

	if (!own) {
		fputs("dupctl: an argument is no UTF-8\n", stderr);
		return STATUS_USAGE;
	}
	int status = selection_each(session, options, edit_one, &edit);
	if (json_array_size(devices) == 0)
		return status;
	if (session->json)
		return session_print_json(session, options->operand_count == 1 ? json_array_get(devices, 0) : document) != STATUS_DONE
			   ? STATUS_OTHER
			   : status;
	view_device_list(&shown, devices, session->terminal.width);
	return session_print(session, &shown) != STATUS_DONE ? STATUS_OTHER : status;
}

int verb_label(struct session *session, const struct options *options)
{
	return devices_edit(session, options, label_patch(options));
}

int verb_alias(struct session *session, const struct options *options)
{
	const char *alias = options->words[0];

	/* "-" takes it back. */
	return devices_edit(session, options, json_pack("{s:s?}", "alias", strcmp(alias, "-") == 0 ? NULL : alias));
}

int verb_maintenance(struct session *session, const struct options *options)
{
	json_t *patch = json_pack("{s:b}", "maintenance", strcmp(options->words[0], "on") == 0);

	if (options->reason && json_object_set_new(patch, "reason", json_string(options->reason)) < 0) {
		json_decref(patch);
		patch = NULL;
	}
	return devices_edit(session, options, patch);
}

int verb_unquarantine(struct session *session, const struct options *options)
{
	return devices_edit(session, options, json_pack("{s:b}", "quarantine", 0));
}
