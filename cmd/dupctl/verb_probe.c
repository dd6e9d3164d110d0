/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/selection.h"
#include "cmd/dupctl/submission.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

/* Appends the report of one device, or says why there is none. */
static int report_get(struct session *session, const char *device, json_t *reports)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_t *answer = NULL;

	text_add(&path, "/devices/");
	url_escape(&path, device);
	text_add(&path, "/report");
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) == STATUS_DONE)
		json_array_append_new(reports, answer);
	else
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : device);
	return failure.status;
}

static int reports_show(struct session *session, const json_t *reports)
{
	text_owned shown = terminal_text(&session->terminal);

	for (size_t i = 0; i < json_array_size(reports); i++) {
		text_add(&shown, i > 0 ? "\n" : "");
		view_report(&shown, json_array_get(reports, i));
	}
	return session_print(session, &shown);
}

int verb_report(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	selection_owned selection = {0};
	json_owned *reports = json_array(), *document = NULL;
	int status = selection_resolve(session, options, &selection, &failure), *statuses;

	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
		return status;
	}
	statuses = calloc(selection.count, sizeof(*statuses));
	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < selection.count && status < STATUS_UNREACHABLE; i++)
		status = statuses[i] = report_get(session, selection.devices[i], reports);
	if (status < STATUS_UNREACHABLE)
		status = exit_status_combine(statuses, selection.count);
	free(statuses);
	if (json_array_size(reports) == 0)
		return status;
	document = json_pack("{s:O}", "reports", reports);
	if (!session->json)
		return reports_show(session, reports) != STATUS_DONE ? STATUS_OTHER : status;
	return session_print_json(session, options->operand_count == 1 ? json_array_get(reports, 0) : document) != STATUS_DONE
		   ? STATUS_OTHER
		   : status;
}

/* The reports of the probes that ended well. A report that cannot be had is said, and takes nothing from the probe. */
static json_t *reports_of(struct session *session, const struct fleet *fleet)
{
	json_t *reports = json_array();

	for (size_t i = 0; i < fleet->count; i++)
		if (strcmp(fleet->rows[i].state, "succeeded") == 0)
			(void)report_get(session, fleet->rows[i].device, reports);
	return reports;
}

/* Waits for the probes. The report of a single one is shown at once; those of many would bury what became of each. */
static int probes_end(struct session *session, struct submission *submission, const struct options *options)
{
	int status = submission_wait(session, submission, options);

	if (options->wait && status == STATUS_DONE && (session->json || submission->fleet.count + submission->refused_count == 1))
		submission->reports = reports_of(session, &submission->fleet);
	status = submission_show(session, submission, options, status);
	if (session->json || json_array_size(submission->reports) == 0)
		return status;
	return reports_show(session, submission->reports) != STATUS_DONE ? STATUS_OTHER : status;
}

int verb_probe(struct session *session, const struct options *options)
{
	submission_owned submission = submission_begin(options);
	failure_owned failure = session_failure(session);
	selection_owned selection = {0};
	json_owned *terms = submission_terms(options);
	int status = selection_resolve(session, options, &selection, &failure);

	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
		return status;
	}
	for (size_t i = 0; i < selection.count && status == STATUS_DONE; i++) {
		text_owned path = {0};

		text_add(&path, "/devices/");
		url_escape(&path, selection.devices[i]);
		text_add(&path, "/probe");
		status = submission_post(session, &submission, path.bytes, terms, "device", selection.devices[i]);
	}
	return status != STATUS_DONE ? status : probes_end(session, &submission, options);
}
