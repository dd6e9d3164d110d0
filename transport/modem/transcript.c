/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/transcript.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/clock.h"
#include "transport/fault.h"

#define HEAD_SIZE 32768u
#define TAIL_SIZE 32768u
/* Bytes of one wire line before it is cut into two; each may take four characters. */
#define PENDING_SIZE 160u
#define LINE_SIZE    (4u * PENDING_SIZE + 64u)

struct pending {
	size_t length;
	uint8_t bytes[PENDING_SIZE];
};

struct transcript {
	transcript_sink_fn sink;
	void *context;
	int64_t started_ms;
	bool binary;
	bool head_full; /* once a line went to the tail, all later ones do: order */
	struct pending sent;
	struct pending received;
	uint64_t dropped_lines;
	size_t head_length;
	size_t tail_length;
	char head[HEAD_SIZE];
	char tail[TAIL_SIZE];
};

int transcript_new(transcript_sink_fn sink, void *context, struct transcript **ret)
{
	struct transcript *transcript = calloc(1, sizeof(*transcript));

	if (!transcript)
		return -ENOMEM;
	transcript->sink = sink;
	transcript->context = context;
	transcript->started_ms = clock_now_ms();
	*ret = transcript;
	return 0;
}

static void tail_drop(struct transcript *transcript, size_t needed)
{
	size_t drop = 0;

	while (transcript->tail_length - drop + needed > TAIL_SIZE) {
		const char *end = memchr(transcript->tail + drop, '\n', transcript->tail_length - drop);
		drop = (size_t)(end - transcript->tail) + 1;
		transcript->dropped_lines++;
	}
	memmove(transcript->tail, transcript->tail + drop, transcript->tail_length - drop);
	transcript->tail_length -= drop;
}

static void keep_line(struct transcript *transcript, const char *line, size_t length)
{
	if (!transcript->head_full && transcript->head_length + length + 1 <= HEAD_SIZE) {
		memcpy(transcript->head + transcript->head_length, line, length);
		transcript->head_length += length;
		transcript->head[transcript->head_length++] = '\n';
		return;
	}
	transcript->head_full = true;
	if (transcript->tail_length + length + 1 > TAIL_SIZE)
		tail_drop(transcript, length + 1);
	memcpy(transcript->tail + transcript->tail_length, line, length);
	transcript->tail_length += length;
	transcript->tail[transcript->tail_length++] = '\n';
}

static void add_line(struct transcript *transcript, char mark, const char *text)
{
	char line[LINE_SIZE];
	int64_t elapsed_ms = clock_now_ms() - transcript->started_ms;
	int length = snprintf(line, sizeof(line), "+%" PRId64 ".%03" PRId64 " %c %s", elapsed_ms / 1000, elapsed_ms % 1000, mark, text);

	if (length < 0)
		return;
	keep_line(transcript, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
	if (transcript->sink)
		transcript->sink(transcript->context, line);
}

static void finish_pending(struct transcript *transcript, struct pending *pending, char mark)
{
	char text[4 * PENDING_SIZE + 8];

	if (pending->length == 0)
		return;
	fault_escape(text, sizeof(text), pending->bytes, pending->length);
	pending->length = 0;
	add_line(transcript, mark, text);
}

static void finish_both(struct transcript *transcript)
{
	finish_pending(transcript, &transcript->sent, '>');
	finish_pending(transcript, &transcript->received, '<');
}

void transcript_free(struct transcript *transcript)
{
	if (!transcript)
		return;
	finish_both(transcript);
	free(transcript);
}

void transcript_note(struct transcript *transcript, const char *format, ...)
{
	char text[LINE_SIZE - 64];
	va_list arguments;

	if (!transcript)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	finish_both(transcript);
	add_line(transcript, '#', text);
}

void transcript_binary(struct transcript *transcript, int on)
{
	if (!transcript)
		return;
	finish_both(transcript);
	transcript->binary = on != 0;
}

void transcript_trace(void *context, enum link_direction direction, const uint8_t *bytes, size_t length)
{
	struct transcript *transcript = context;
	struct pending *pending = direction == LINK_SENT ? &transcript->sent : &transcript->received;
	char mark = direction == LINK_SENT ? '>' : '<';

	if (transcript->binary || length == 0)
		return;
	/* Half a line ends where the other side begins to talk: noise, or the "+++" that has no line end. */
	if (direction == LINK_SENT)
		finish_pending(transcript, &transcript->received, '<');
	else
		finish_pending(transcript, &transcript->sent, '>');
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\r' || bytes[i] == '\n') {
			finish_pending(transcript, pending, mark);
			continue;
		}
		pending->bytes[pending->length++] = bytes[i];
		if (pending->length == PENDING_SIZE)
			finish_pending(transcript, pending, mark);
	}
}

char *transcript_text(const struct transcript *transcript, size_t *ret_length)
{
	char gap[64] = "";
	size_t size = transcript->head_length + sizeof(gap) + transcript->tail_length + 1;
	char *text = malloc(size);

	if (!text)
		return NULL;
	if (transcript->dropped_lines > 0)
		snprintf(gap, sizeof(gap), "… %" PRIu64 " lines are not kept …\n", transcript->dropped_lines);
	int length = snprintf(text, size, "%.*s%s%.*s", (int)transcript->head_length, transcript->head, gap, (int)transcript->tail_length,
			      transcript->tail);
	if (ret_length)
		*ret_length = length < 0 ? 0 : (size_t)length;
	return text;
}
