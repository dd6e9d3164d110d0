/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/signals.h"

void json_release(json_t **json)
{
	json_decref(*json);
	*json = NULL;
}

struct failure session_failure(const struct session *session)
{
	return (struct failure){.text = {.utf8 = session->terminal.utf8}};
}

void session_set_unreachable(struct failure *failure, const char *sentence)
{
	failure->status = STATUS_UNREACHABLE;
	text_add_clean(&failure->text, sentence);
	text_add(&failure->text,
		 "\n  what to do: see that dupgated runs (systemctl status dupgated), or name its address with --url or DUPGATE_URL");
}

/* A failure without an answer. */
static int request_fail(struct session *session, int error, const struct text *sentence, struct failure *failure)
{
	if (error == -ECONNREFUSED) {
		session_set_unreachable(failure, text_bytes(sentence));
		return failure->status;
	}
	text_add_clean(&failure->text, text_bytes(sentence));
	failure->status = error == -EINTR ? STATUS_SIGNAL + signals_next(session->signals) : STATUS_OTHER;
	return failure->status;
}

int session_request(struct session *session, const struct http_request *request, struct http_response *ret, struct failure *failure)
{
	text_owned error = {.utf8 = session->terminal.utf8};
	int r = http_perform(session->http, request, ret, &error);

	if (r < 0)
		return request_fail(session, r, &error, failure);
	if (ret->status >= 400 || ret->status < 200)
		failure_from_answer(failure, ret->status, text_bytes(&ret->body));
	return failure->status;
}

int session_call(struct session *session, const char *method, const char *path, const json_t *body, json_t **ret, struct failure *failure)
{
	char *bytes = body ? json_dumps(body, JSON_COMPACT) : NULL;
	const struct http_request request = {.method = method, .path = path, .body = bytes};
	struct http_response response = {0};
	json_t *document = NULL;
	int status = session_request(session, &request, &response, failure);

	if (status == STATUS_DONE && response.body.length) {
		document = json_loads(response.body.bytes, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(document)) {
			failure_set(failure, STATUS_OTHER, "the answer is no JSON object: is this dupgate's address?");
			status = STATUS_OTHER;
		}
	}
	free(bytes);
	http_response_clear(&response);
	if (status == STATUS_DONE && ret)
		*ret = document;
	else
		json_decref(document);
	return status;
}

int session_print(struct session *session, const struct text *text)
{
	return terminal_write(&session->terminal, text) < 0 ? STATUS_OTHER : STATUS_DONE;
}

int session_print_json(struct session *session, const json_t *document)
{
	/* On a terminal nothing of the server's but ASCII. */
	size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(6) | (session->terminal.tty ? JSON_ENSURE_ASCII : 0);
	char *bytes = json_dumps(document, flags);
	text_owned text = {0};

	if (!bytes)
		return STATUS_OTHER;
	text_add(&text, bytes);
	text_add(&text, "\n");
	free(bytes);
	return session_print(session, &text);
}
