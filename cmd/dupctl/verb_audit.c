/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "cmd/dupctl/table.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

static void part_add(struct text *path, const char *name, const char *value)
{
	text_addf(path, "&%s=", name);
	url_escape(path, value);
}

void view_audit(struct text *ret, const json_t *audit, size_t width)
{
	static const char *const titles[] = {"AT", "WHO", "REQUEST", "DEVICE", "ANSWER", "JOB", "CAMPAIGN"};
	table_owned table = {.titles = titles, .spare = "653", .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};

	if (json_array_size(audit) == 0) {
		text_add(ret, "nothing was changed\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(audit); i++) {
		const json_t *entry = json_array_get(audit, i);
		text_owned request = {.utf8 = ret->utf8}, answer = {.utf8 = ret->utf8};

		text_addf(&request, "%s %s", reply_text(entry, "method"), reply_text(entry, "path"));
		text_addf(&answer, "%d%s%s", (int)reply_number(entry, "status"), *reply_text(entry, "code") ? " " : "",
			  reply_text(entry, "code"));
		table_add(&table, reply_text(entry, "at"), TEXT_PLAIN);
		table_add(&table, reply_text(json_object_get(entry, "who"), "name"), TEXT_PLAIN);
		table_add(&table, request.bytes, TEXT_PLAIN);
		table_add(&table, reply_text(entry, "device"), TEXT_PLAIN);
		table_add(&table, answer.bytes, TEXT_PLAIN);
		table_add(&table, reply_text(entry, "job"), TEXT_PLAIN);
		table_add(&table, reply_text(entry, "campaign"), TEXT_PLAIN);
	}
	table_render(&table, width, ret);
}

int verb_audit(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;

	text_addf(&path, "/audit?limit=%" PRId64, options->limit.set ? options->limit.value : AUDIT_SHOWN);
	if (options->before)
		part_add(&path, "before", options->before);
	if (options->device)
		part_add(&path, "device", options->device);
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	view_audit(&shown, json_object_get(answer, "audit"), session->terminal.width);
	if (json_is_integer(json_object_get(answer, "next")))
		text_addf(&shown, "older ones: --before %" PRId64 "\n", (int64_t)json_integer_value(json_object_get(answer, "next")));
	return session_print(session, &shown);
}
