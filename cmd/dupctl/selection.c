/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/selection.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/reply.h"

void selection_clear(struct selection *selection)
{
	for (size_t i = 0; i < selection->count; i++)
		free(selection->devices[i]);
	free(selection->devices);
	json_decref(selection->listed);
	*selection = (struct selection){0};
}

void selection_path(const char *selector, struct text *ret)
{
	text_add(ret, "/devices");
	if (!selector)
		return;
	text_add(ret, "?selector=");
	url_escape(ret, selector);
}

static bool device_add(struct selection *selection, const char *device)
{
	for (size_t i = 0; i < selection->count; i++)
		if (strcmp(selection->devices[i], device) == 0)
			return true;
	selection->devices[selection->count] = strdup(device);
	return selection->devices[selection->count] && ++selection->count > 0;
}

int selection_resolve(struct session *session, const struct options *options, struct selection *ret, struct failure *failure)
{
	json_owned *answer = NULL;
	text_owned path = {0};
	const json_t *devices;
	size_t count = options->operand_count;
	bool good;

	if (count == 0) {
		selection_path(options->selector, &path);
		if (session_call(session, "GET", path.bytes, NULL, &answer, failure) != STATUS_DONE)
			return failure->status;
	}
	devices = json_object_get(answer, "devices");
	if (count == 0)
		count = json_array_size(devices);
	if (count == 0) {
		failure_set(
		    failure, STATUS_NOT_FOUND,
		    options->selector
			? "not-found: no device fits the selector\n  what to do: see with dupctl devices which there are, and their labels"
			: "not-found: the daemon has no devices\n  what to do: give it some in its configuration ([device NAME]), or adopt "
			  "boards that it offers (dupctl adopt)");
		return failure->status;
	}
	ret->devices = calloc(count, sizeof(*ret->devices));
	good = ret->devices != NULL;
	for (size_t i = 0; i < count && good; i++)
		good = device_add(ret, answer ? reply_text(json_array_get(devices, i), "id") : options->operands[i]);
	if (!good)
		failure_set(failure, STATUS_OTHER, "out of memory");
	ret->listed = json_incref(json_object_get(answer, "devices"));
	return failure->status;
}

int selection_each(struct session *session, const struct options *options,
		   int (*visit)(struct session *session, const struct options *options, const char *device, void *context), void *context)
{
	failure_owned failure = session_failure(session);
	selection_owned selection = {0};
	int status = selection_resolve(session, options, &selection, &failure), *statuses;

	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
		return status;
	}
	statuses = calloc(selection.count, sizeof(*statuses));
	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < selection.count && status < STATUS_UNREACHABLE; i++)
		status = statuses[i] = visit(session, options, selection.devices[i], context);
	if (status < STATUS_UNREACHABLE)
		status = exit_status_combine(statuses, selection.count);
	free(statuses);
	return status;
}
