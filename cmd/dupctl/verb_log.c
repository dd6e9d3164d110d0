/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "cmd/dupctl/verb_functions.h"

/* Lines stay lines; what else a terminal would obey is escaped. */
static void transcript_add(struct text *shown, char *transcript)
{
	for (char *line = transcript; *line;) {
		char *end = line;

		while (*end && *end != '\n')
			end++;
		if (*end)
			*end++ = '\0';
		text_add_clean(shown, line);
		text_add(shown, "\n");
		line = end;
	}
}

int transcript_show(struct session *session, const char *id, const struct optional_number *attempt)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	struct http_response response = {0};
	struct http_request request = {.method = "GET"};
	int status;

	job_path(&path, id, "");
	if (attempt && attempt->set)
		text_addf(&path, "/attempts/%" PRId64, attempt->value);
	text_add(&path, "/transcript");
	request.path = path.bytes;
	status = session_request(session, &request, &response, &failure);
	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
	} else if (!session->terminal.tty) {
		status = session_print(session, &response.body);
	} else if (response.body.length) {
		transcript_add(&shown, response.body.bytes);
		status = session_print(session, &shown);
	}
	http_response_clear(&response);
	return status;
}

int verb_log(struct session *session, const struct options *options)
{
	return transcript_show(session, options->operands[0], &options->attempt);
}
