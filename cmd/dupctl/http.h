/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to the daemon, and its event stream, over libcurl. TCP or a unix socket. One thread.
 */
#ifndef DUPCTL_HTTP_H
#define DUPCTL_HTTP_H

#include <stdint.h>
#include <stdio.h>

#include "cmd/dupctl/sse.h"

struct http_client;

/* url: "http://host:port", "https://…" or "unix:/path". token may be NULL. interrupt_fd: becomes readable when the user wants out; -1: never.
 * -EINVAL with a sentence when the URL is none. */
int http_client_new(const char *url, const char *token, int interrupt_fd, struct http_client **ret, struct text *ret_error);
void http_client_free(struct http_client *client);

/* Sends these tokens of leases with every request that is no GET. Borrowed. */
void http_client_bring_leases(struct http_client *client, const char *tokens);

struct http_upload {
	FILE *file;   /* read from where it stands */
	int64_t size; /* exactly so many bytes */
	void (*progress)(void *context, int64_t bytes_done);
	void *context;
};

struct http_request {
	const char *method;
	const char *path;                 /* with its query, escaped */
	const char *body;                 /* JSON; NULL: none */
	const struct http_upload *upload; /* instead of body; NULL: none */
	FILE *download;                   /* takes the body of an answer 200, however long; NULL: it is kept like any other */
};

struct http_response {
	long status;
	struct text body;
	char content_type[64];
	bool may_come_again; /* it says after which time */
};
void http_response_clear(struct http_response *response);

/* A POST of JSON brings an Idempotency-Key of its own, and is sent again with the same key, for some seconds, when the answer to it is lost: whatever it
 * makes is made once. 0 with any status; -ECONNREFUSED: not reachable or gone while it answered; -EINTR: interrupt_fd; -EIO: anything else, for example the file.
 * ret_error says it in a sentence. */
int http_perform(struct http_client *client, const struct http_request *request, struct http_response *ret, struct text *ret_error);

/* One connection to an event stream at a time; the parser outlives them. */
struct http_stream;
int http_stream_open(struct http_client *client, const char *path, struct sse_parser *parser, struct http_stream **ret);
void http_stream_free(struct http_stream *stream);

/* Feeds what has come to the parser; waits up to timeout_ms for it, or until interrupt_fd is readable. 0: goes on; -EPIPE: the stream has ended
 * (http_stream_status says whether it ever answered); -EIO. */
int http_stream_wait(struct http_stream *stream, int timeout_ms);

/* 0 until the answer began, then the HTTP status. */
long http_stream_status(const struct http_stream *stream);

/* CLOCK_MONOTONIC of the last byte, in ms; of the opening before the first. */
int64_t http_stream_heard_ms(const struct http_stream *stream);

/* What an answer other than 200 said, for a problem document. Borrowed. */
const char *http_stream_body(const struct http_stream *stream);

int64_t monotonic_ms(void);

/* Appends an escaped path or query part. */
void url_escape(struct text *text, const char *part);

#endif
