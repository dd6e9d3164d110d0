/* SPDX-License-Identifier: Apache-2.0 */
#include "api/reply.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>

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
	       add(response, "ETag", answer->etag) && add(response, "Repr-Digest", answer->digest) &&
	       add(response, "Location", answer->location) && add(response, "Link", answer->link) &&
	       add(response, "Allow", answer->allow) && add(response, "Retry-After", retry_after) &&
	       add(response, "WWW-Authenticate", answer->ask_for_token ? "Bearer" : "") &&
	       add(response, "Idempotency-Replayed", answer->replayed ? "true" : "");
}

static enum MHD_Result queue(struct MHD_Connection *connection, struct MHD_Response *response, const struct answer *answer)
{
	enum MHD_Result queued = MHD_NO;
	if (add_headers(response, answer))
		queued = MHD_queue_response(connection, (unsigned)answer->status, response);
	MHD_destroy_response(response);
	return queued;
}

static struct MHD_Response *response_of(struct answer *answer)
{
	enum MHD_ResponseMemoryMode mode = answer->lent ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE;
	struct MHD_Response *response;
	if (answer->is_file)
		response = MHD_create_response_from_fd64(answer->length, answer->file);
	else
		response = MHD_create_response_from_buffer(answer->length, answer->body, mode);
	if (response == NULL)
		return NULL;
	answer->is_file = false;
	answer->body = NULL;
	return response;
}

enum MHD_Result reply_send(struct MHD_Connection *connection, struct answer *answer)
{
	struct MHD_Response *response = response_of(answer);
	return response != NULL ? queue(connection, response, answer) : MHD_NO;
}

bool reply_send_early(struct MHD_Connection *connection, const struct answer *answer)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char retry_after[32] = "", head[512];
	if (info == NULL)
		return false;
	if (answer->retry_after_s > 0)
		snprintf(retry_after, sizeof(retry_after), "Retry-After: %u\r\n", answer->retry_after_s);
	int length = snprintf(head, sizeof(head),
			      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
			      "X-Content-Type-Options: nosniff\r\n%sConnection: close\r\n\r\n",
			      answer->status, MHD_get_reason_phrase_for((unsigned)answer->status), answer->content_type, answer->length,
			      retry_after);
	struct iovec parts[] = {{.iov_base = head, .iov_len = (size_t)length}, {.iov_base = answer->body, .iov_len = answer->length}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	/* Nothing was sent on this connection since the last answer was read: a few hundred bytes find room. */
	if (sendmsg(info->connect_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(parts[0].iov_len + parts[1].iov_len))
		return false;
	(void)shutdown(info->connect_fd, SHUT_WR);
	return true;
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
