/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/plans.h"
#include "cmd/dupctl/submission.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

int verb_recover(struct session *session, const struct options *options)
{
	submission_owned submission = submission_begin(options);
	failure_owned failure = session_failure(session);
	selection_owned selection = {0};
	json_owned *body =
	    json_pack("{s:s*, s:s*, s:s*}", "firmware", options->firmware, "helper", options->helper, "if_leased", options->if_leased);
	int status = selection_resolve(session, options, &selection, &failure);

	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
		return status;
	}
	if (options->dry_run)
		return plans_ask(session, &selection, "recover", body);
	for (size_t i = 0; i < selection.count && status == STATUS_DONE; i++) {
		text_owned path = {0};

		plans_path(&path, selection.devices[i], "recover", false);
		status = submission_post(session, &submission, path.bytes, body, "device", selection.devices[i]);
	}
	return status != STATUS_DONE ? status : submission_end(session, &submission, options);
}

int verb_history(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;

	text_add(&path, "/devices/");
	url_escape(&path, options->operands[0]);
	text_addf(&path, "/history?limit=%d", options->limit.set ? (int)options->limit.value : HISTORY_SHOWN);
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	view_history(&shown, json_object_get(answer, "history"), session->terminal.width);
	return session_print(session, &shown);
}
