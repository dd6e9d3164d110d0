/* SPDX-License-Identifier: Apache-2.0
 *
 * What every verb works with: the connection, the output, the signals. One thread.
 */
#ifndef DUPCTL_SESSION_H
#define DUPCTL_SESSION_H

#include "cmd/dupctl/failure.h"
#include "cmd/dupctl/http.h"
#include "cmd/dupctl/terminal.h"

struct session {
	struct http_client *http;
	struct terminal terminal; /* stdout */
	const char *url;          /* of the daemon */
	bool json;                /* answers go out as the API's JSON */
	int signals;              /* signals_open() */
};

/* An empty failure with what stderr can show. */
struct failure session_failure(const struct session *session);

/* STATUS_UNREACHABLE with what to do about it. */
void session_set_unreachable(struct failure *failure, const char *sentence);

/* One request with a JSON body (borrowed, NULL: none). On success the answer's document in *ret (NULL for an empty answer); else failure->status is set
 * and returned: the exit status. ret may be NULL. */
int session_call(struct session *session, const char *method, const char *path, const json_t *body, json_t **ret, struct failure *failure);

/* The same for any request; the answer stays text. */
int session_request(struct session *session, const struct http_request *request, struct http_response *ret, struct failure *failure);

/* Prints; STATUS_OTHER when the reader is gone. */
int session_print(struct session *session, const struct text *text);
int session_print_json(struct session *session, const json_t *document);

/* json_decref for __attribute__((cleanup)). */
void json_release(json_t **json);
#define json_owned __attribute__((cleanup(json_release))) json_t

#endif
