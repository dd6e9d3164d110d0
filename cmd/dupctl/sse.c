/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/sse.h"

#include <string.h>

static void text_empty(struct text *text)
{
	text->length = 0;
	if (text->bytes)
		text->bytes[0] = '\0';
}

static void event_dispatch(struct sse_parser *parser)
{
	struct sse_event event;

	/* Only a whole event moves the place from which a new connection goes on. */
	if (parser->new_id.length) {
		text_empty(&parser->id);
		text_add(&parser->id, parser->new_id.bytes);
	}
	event = (struct sse_event){
	    .id = text_bytes(&parser->id),
	    .name = parser->name.length ? parser->name.bytes : "message",
	    .data = text_bytes(&parser->data),
	};

	if (parser->has_data)
		parser->event(parser->context, &event);
	text_empty(&parser->name);
	text_empty(&parser->data);
	parser->has_data = false;
}

static void field_take(struct sse_parser *parser, const char *field, size_t length, const char *value)
{
	if (length == 4 && memcmp(field, "data", 4) == 0) {
		if (parser->has_data)
			text_add(&parser->data, "\n");
		text_add(&parser->data, value);
		parser->has_data = true;
	} else if (length == 5 && memcmp(field, "event", 5) == 0) {
		text_empty(&parser->name);
		text_add(&parser->name, value);
	} else if (length == 2 && memcmp(field, "id", 2) == 0) {
		text_empty(&parser->new_id);
		text_add(&parser->new_id, value);
	}
}

static void line_take(struct sse_parser *parser)
{
	const char *line = text_bytes(&parser->line), *colon;

	if (!parser->started && strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	parser->started = true;
	colon = strchr(line, ':');
	/* A NUL inside a line hides the rest of it; JSON never has one. */
	if (parser->overlong) {
		text_empty(&parser->data);
		parser->has_data = false;
	} else if (*line == '\0') {
		event_dispatch(parser);
	} else if (!colon) {
		field_take(parser, line, strlen(line), "");
	} else if (colon > line) {
		field_take(parser, line, (size_t)(colon - line), colon[1] == ' ' ? colon + 2 : colon + 1);
	}
	text_empty(&parser->line);
	parser->overlong = false;
}

void sse_parser_feed(struct sse_parser *parser, const char *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		const char *start = bytes + at;
		size_t plain = 0;

		if (parser->after_cr && *start == '\n') {
			parser->after_cr = false;
			at++;
			continue;
		}
		parser->after_cr = false;
		while (at + plain < length && start[plain] != '\n' && start[plain] != '\r')
			plain++;
		if (parser->line.length + plain > SSE_LINE_MAX) {
			parser->overlong = true;
			text_empty(&parser->line);
		}
		if (!parser->overlong)
			text_addn(&parser->line, start, plain);
		at += plain;
		if (at == length)
			break;
		parser->after_cr = bytes[at] == '\r';
		at++;
		line_take(parser);
	}
}

void sse_parser_restart(struct sse_parser *parser)
{
	text_empty(&parser->line);
	text_empty(&parser->name);
	text_empty(&parser->data);
	text_empty(&parser->new_id);
	parser->after_cr = parser->has_data = parser->overlong = parser->started = false;
}

const char *sse_parser_last_id(const struct sse_parser *parser)
{
	return text_bytes(&parser->id);
}

void sse_parser_clear(struct sse_parser *parser)
{
	text_clear(&parser->line);
	text_clear(&parser->name);
	text_clear(&parser->data);
	text_clear(&parser->id);
	text_clear(&parser->new_id);
}
