/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/dupctl/verb_functions.h"

/* What the API takes null for. */
static const char *const clearable[] = {"family", "release", "build", "base_build", "helper", "second"};

static void text_member(json_t *patch, const char *member, const char *value)
{
	if (value)
		json_object_set_new(patch, member, json_string(value));
}

static void number_member(json_t *patch, const char *member, struct optional_number value)
{
	if (value.set)
		json_object_set_new(patch, member, json_integer(value.value));
}

/* "base-build" and "base_build" are the same to people. */
static const char *member_named(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(clearable) / sizeof(clearable[0]); i++) {
		size_t at = 0;

		while (at < length && (word[at] == clearable[i][at] || (word[at] == '-' && clearable[i][at] == '_')))
			at++;
		if (at == length && clearable[i][at] == '\0')
			return clearable[i];
	}
	return NULL;
}

static int clear_members(json_t *patch, const char *list, struct failure *failure)
{
	while (list && *list) {
		size_t length = strcspn(list, ",");
		const char *member = member_named(list, length);

		if (!member || json_object_get(patch, member)) {
			failure_set(failure, STATUS_USAGE, member ? "a value is both set and cleared: " : "--clear does not know ");
			text_add_clean(&failure->text, list);
			text_add(&failure->text, "\n  what to do: name some of family, release, build, base-build, helper, second");
			return failure->status;
		}
		json_object_set_new(patch, member, json_null());
		list += length + (list[length] == ',');
	}
	return STATUS_DONE;
}

static int patch_make(const struct options *options, json_t *patch, struct failure *failure)
{
	text_member(patch, "name", options->name);
	text_member(patch, "family", options->family);
	text_member(patch, "release", options->release);
	number_member(patch, "build", options->build);
	number_member(patch, "base_build", options->base_build);
	text_member(patch, "helper", options->helper);
	text_member(patch, "second", options->second);
	return clear_members(patch, options->clear, failure);
}

int verb_firmware_edit(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	json_owned *patch = json_object();

	if (patch_make(options, patch, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	return firmware_ask(session, "PATCH", options->operands[0], patch);
}
