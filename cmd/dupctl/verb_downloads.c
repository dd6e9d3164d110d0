/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

void download_path(struct text *path, const char *id)
{
	text_add(path, "/downloads/");
	url_escape(path, id);
}

int verb_downloads_list(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	text_owned shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;

	(void)options;
	if (session_call(session, "GET", "/downloads", NULL, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	view_download_list(&shown, json_object_get(answer, "downloads"), session->terminal.width);
	return session_print(session, &shown);
}

int verb_downloads_show(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;
	struct download_row download;

	download_path(&path, options->operands[0]);
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	download_read(answer, &download);
	view_download(&shown, &download);
	return session_print(session, &shown);
}

static int download_cancel(struct session *session, const char *id, json_t *downloads)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_t *download = NULL;

	download_path(&path, id);
	if (session_call(session, "DELETE", path.bytes, NULL, &download, &failure) == STATUS_DONE)
		json_array_append_new(downloads, download);
	else
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : id);
	return failure.status;
}

static int cancelled_show(struct session *session, json_t *downloads)
{
	text_owned shown = terminal_text(&session->terminal);
	json_owned *document = json_pack("{s:O}", "downloads", downloads);

	if (session->json)
		return session_print_json(session, document);
	for (size_t i = 0; i < json_array_size(downloads); i++) {
		struct download_row download;

		download_read(json_array_get(downloads, i), &download);
		text_add_clean(&shown, download.id);
		text_add(&shown, "  ");
		text_add_clean(&shown, download.state);
		text_add(&shown, "  ");
		text_add_clean(&shown, download.url);
		text_add(&shown, "\n");
	}
	return session_print(session, &shown);
}

int verb_downloads_cancel(struct session *session, const struct options *options)
{
	json_owned *downloads = json_array();
	int *statuses = calloc(options->operand_count, sizeof(*statuses)), status = STATUS_DONE;

	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < options->operand_count && status < STATUS_UNREACHABLE; i++)
		status = statuses[i] = download_cancel(session, options->operands[i], downloads);
	if (status < STATUS_UNREACHABLE)
		status = exit_status_combine(statuses, options->operand_count);
	free(statuses);
	if (cancelled_show(session, downloads) != STATUS_DONE)
		return STATUS_OTHER;
	return status;
}
