/* SPDX-License-Identifier: Apache-2.0 */
#include "api/reply.h"

#include <stdio.h>

#define STREAM_IDLE_S 60u /* a client that does not read for that long is let go; parked streams are not counted */

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
	return value[0] == '\0' || MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_headers(struct MHD_Response *response, const struct answer *answer)
{
	char retry_after[16] = "";
	if (answer->retry_after_s > 0)
		snprintf(retry_after, sizeof(retry_after), "%u", answer->retry_after_s);
	return add(response, "Content-Type", answer->content_type != NULL ? answer->content_type : "") &&
	       add(response, "Cache-Control", "no-store") && add(response, "X-Content-Type-Options", "nosniff") &&
	       add(response, "Location", answer->location) && add(response, "Link", answer->link) &&
	       add(response, "Allow", answer->allow) && add(response, "Retry-After", retry_after) &&
	       add(response, "WWW-Authenticate", answer->ask_for_token ? "Bearer" : "");
}

static enum MHD_Result queue(struct MHD_Connection *connection, struct MHD_Response *response, const struct answer *answer)
{
	enum MHD_Result queued = MHD_NO;
	if (add_headers(response, answer))
		queued = MHD_queue_response(connection, (unsigned)answer->status, response);
	MHD_destroy_response(response);
	return queued;
}

enum MHD_Result reply_send(struct MHD_Connection *connection, struct answer *answer)
{
	enum MHD_ResponseMemoryMode mode = answer->lent ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE;
	struct MHD_Response *response = MHD_create_response_from_buffer(answer->length, answer->body, mode);
	if (response == NULL)
		return MHD_NO;
	answer->body = NULL;
	return queue(connection, response, answer);
}

enum MHD_Result reply_send_stream(struct MHD_Connection *connection, struct MHD_Response *response, const struct answer *answer)
{
	MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, STREAM_IDLE_S);
	/* Proxies must not collect events. */
	if (!add(response, "X-Accel-Buffering", "no")) {
		MHD_destroy_response(response);
		return MHD_NO;
	}
	return queue(connection, response, answer);
}
