/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

int verb_durations(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;

	text_add(&path, "/durations");
	if (options->family)
		text_addf(&path, "?family=%s", options->family);
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	view_durations(&shown, json_object_get(answer, "durations"), session->terminal.width);
	return session_print(session, &shown);
}
