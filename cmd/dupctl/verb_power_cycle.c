/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/selection.h"
#include "cmd/dupctl/submission.h"
#include "cmd/dupctl/verb_functions.h"

int verb_power_cycle(struct session *session, const struct options *options)
{
	submission_owned submission = submission_begin(options);
	failure_owned failure = session_failure(session);
	selection_owned selection = {0};
	json_owned *body = json_pack("{s:s*, s:s*}", "rung", options->rung, "if_leased", options->if_leased);
	int status = selection_resolve(session, options, &selection, &failure);

	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
		return status;
	}
	for (size_t i = 0; i < selection.count && status == STATUS_DONE; i++) {
		text_owned path = {0};

		text_add(&path, "/devices/");
		url_escape(&path, selection.devices[i]);
		text_add(&path, "/power-cycle");
		status = submission_post(session, &submission, path.bytes, body, "device", selection.devices[i]);
	}
	return status != STATUS_DONE ? status : submission_end(session, &submission, options);
}
