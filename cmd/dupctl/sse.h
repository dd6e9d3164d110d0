/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events, the reading side: fed bytes, gives events. Any split of the bytes gives the same events. Pure; one thread.
 */
#ifndef DUPCTL_SSE_H
#define DUPCTL_SSE_H

#include "cmd/dupctl/text.h"

/* Borrowed for the time of the callback. */
struct sse_event {
	const char *id;   /* the last id seen in the stream, "" when none */
	const char *name; /* "message" when the stream gave none */
	const char *data;
};

#define SSE_LINE_MAX (8u << 20)

struct sse_parser {
	void (*event)(void *context, const struct sse_event *event);
	void *context;
	struct text line, name, data, id, new_id;
	bool after_cr; /* a LF now belongs to the line end before it */
	bool has_data; /* at least one data line, maybe empty */
	bool overlong; /* the line under way is dropped: longer than SSE_LINE_MAX */
	bool started;  /* past the first line, where a byte order mark may stand */
};

/* Zero-initialise, set event and context, feed. */
void sse_parser_feed(struct sse_parser *parser, const char *bytes, size_t length);

/* A new connection: what was incomplete is forgotten, the id is kept for Last-Event-ID. */
void sse_parser_restart(struct sse_parser *parser);

/* The id for Last-Event-ID, "" when none. Borrowed. */
const char *sse_parser_last_id(const struct sse_parser *parser);

void sse_parser_clear(struct sse_parser *parser);

#endif
