/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/dupctl/junit.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

/* The host of the daemon's address; what has none is on this one. */
static void host_add(struct text *ret, const char *url)
{
	const char *host = strstr(url, "://");
	size_t length = host ? strcspn(host + 3, host[3] == '[' ? "]" : ":/") : 0;

	if (length == 0)
		text_add(ret, "localhost");
	else if (host[3] == '[')
		text_addn(ret, host + 4, length - 1);
	else
		text_addn(ret, host + 3, length);
}

static int file_write(const struct session *session, const char *path, const struct text *document)
{
	failure_owned failure = session_failure(session);
	FILE *file = fopen(path, "we");
	int error = file ? 0 : errno;

	if (file && fwrite(document->bytes, 1, document->length, file) != document->length)
		error = errno;
	if (file && fclose(file) != 0 && error == 0)
		error = errno;
	if (error == 0)
		return STATUS_DONE;
	failure_set(&failure, STATUS_OTHER, strerror(error));
	failure_print(&failure, path);
	return STATUS_OTHER;
}

static int junit_write(struct session *session, const struct options *options, const json_t *report)
{
	const char *path = options->operand_count > 1 ? options->operands[1] : "-";
	text_owned document = {.utf8 = true}, host = {0};

	host_add(&host, session->url);
	junit_add_report(&document, report, host.bytes);
	return strcmp(path, "-") == 0 ? session_print(session, &document) : file_write(session, path, &document);
}

int campaign_report_show(struct session *session, const json_t *report)
{
	text_owned shown = terminal_text(&session->terminal);
	struct campaign_row campaign;

	if (session->json)
		return session_print_json(session, report);
	campaign_read(json_object_get(report, "campaign"), &campaign);
	view_campaign_state(&shown, &campaign);
	text_add(&shown, "\n");
	view_campaign_devices(&shown, report, session->terminal.width);
	if (campaign.counts.total > 0 && *campaign.id) {
		text_add(&shown, "\n");
		view_campaign_summary(&shown, report);
		text_add(&shown, "\n");
	}
	return session_print(session, &shown);
}

/* The first one becomes the report, the others are added to it; what is told of the campaign is from the last one. */
static int page_add(struct session *session, const char *id, const char *after, json_t **report, struct failure *failure)
{
	text_owned path = {0};
	json_owned *page = NULL;

	text_add(&path, "/campaigns/");
	url_escape(&path, id);
	text_add(&path, "/report");
	if (*after) {
		text_add(&path, "?after=");
		url_escape(&path, after);
	}
	if (session_call(session, "GET", path.bytes, NULL, &page, failure) != STATUS_DONE)
		return failure->status;
	if (*report == NULL) {
		*report = json_incref(page);
		return STATUS_DONE;
	}
	json_array_extend(json_object_get(*report, "devices"), json_object_get(page, "devices"));
	json_object_set(*report, "campaign", json_object_get(page, "campaign"));
	json_object_set(*report, "next", json_object_get(page, "next"));
	return STATUS_DONE;
}

int campaign_report_get(struct session *session, const char *id, json_t **ret, struct failure *failure)
{
	json_owned *report = NULL;
	text_owned after = {0};

	do {
		if (page_add(session, id, text_bytes(&after), &report, failure) != STATUS_DONE)
			return failure->status;
		text_clear(&after);
		text_add(&after, reply_text(report, "next"));
	} while (after.length > 0);
	*ret = json_incref(report);
	return STATUS_DONE;
}

int verb_campaign_report(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	json_owned *report = NULL;

	if (campaign_report_get(session, options->operands[0], &report, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	return options->junit ? junit_write(session, options, report) : campaign_report_show(session, report);
}
