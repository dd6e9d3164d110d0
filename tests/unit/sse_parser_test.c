/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/sse.h"
#include "tests/unit/suite_run.h"

/* What a stream gives, as one text: "id|name|data;" for each event. */
static void event_note(void *context, const struct sse_event *event)
{
	struct text *notes = context;

	text_addf(notes, "%s|%s|%s;", event->id, event->name, event->data);
}

static const struct {
	const char *stream, *notes;
} rows[] = {
    {"id: e-1\nevent: job\ndata: {\"a\":1}\n\n", "e-1|job|{\"a\":1};"},
    {"data: a\n\n", "|message|a;"},
    {"data:a\n\ndata:  b\n\n", "|message|a;|message| b;"},
    {"data: a\ndata: b\n\n", "|message|a\nb;"},
    {"data\n\n", "|message|;"},
    {"event: job\n\ndata: a\n\n", "|message|a;"},
    {": heartbeat\n\ndata: a\n\n", "|message|a;"},
    {"retry: 2000\n\nunknown: x\ndata: a\n\n", "|message|a;"},
    {"data: a\r\n\r\ndata: b\r\n\r\n", "|message|a;|message|b;"},
    {"data: a\r\ndata: b\r\n\r\n", "|message|a\nb;"},
    {"data: a\r\rdata: b\r\r", "|message|a;|message|b;"},
    {"id: 7\ndata: a\n\ndata: b\n\n", "7|message|a;7|message|b;"},
    {"\xef\xbb\xbf"
     "data: a\n\n",
     "|message|a;"},
    {"data: a\n\ndata: not ended\n", "|message|a;"},
    {"data: {\"t\":\"a: b\"}\n\n", "|message|{\"t\":\"a: b\"};"},
    {"data: \xe2\x86\x92\n\n", "|message|\xe2\x86\x92;"},
    {"", ""},
};

START_TEST(whole_streams)
{
	text_owned notes = {0};
	struct sse_parser parser = {.event = event_note, .context = &notes};

	sse_parser_feed(&parser, rows[_i].stream, strlen(rows[_i].stream));
	ck_assert_str_eq(text_bytes(&notes), rows[_i].notes);
	sse_parser_clear(&parser);
}
END_TEST

/* Each byte in a buffer of its own, so that a read beyond it is seen by a sanitizer. */
static void feed_part(struct sse_parser *parser, const char *bytes, size_t length)
{
	char *part = malloc(length ? length : 1);

	ck_assert_ptr_nonnull(part);
	memcpy(part, bytes, length);
	sse_parser_feed(parser, part, length);
	free(part);
}

START_TEST(any_split_gives_the_same)
{
	const char *stream = rows[_i].stream;
	size_t length = strlen(stream);

	for (size_t first = 0; first <= length; first++) {
		for (size_t second = first; second <= length; second++) {
			text_owned notes = {0};
			struct sse_parser parser = {.event = event_note, .context = &notes};

			feed_part(&parser, stream, first);
			feed_part(&parser, stream + first, second - first);
			feed_part(&parser, stream + second, length - second);
			ck_assert_str_eq(text_bytes(&notes), rows[_i].notes);
			sse_parser_clear(&parser);
		}
	}
}
END_TEST

static void feed_text(struct sse_parser *parser, const char *stream)
{
	sse_parser_feed(parser, stream, strlen(stream));
}

START_TEST(a_cut_event_does_not_move_the_place)
{
	text_owned notes = {0};
	struct sse_parser parser = {.event = event_note, .context = &notes};

	feed_text(&parser, "id: e-1\ndata: a\n\nid: e-2\nevent: job\ndata: lo");
	ck_assert_str_eq(sse_parser_last_id(&parser), "e-1");
	sse_parser_restart(&parser);
	ck_assert_str_eq(sse_parser_last_id(&parser), "e-1");
	feed_text(&parser, "data: again\n\n");
	ck_assert_str_eq(text_bytes(&notes), "e-1|message|a;e-1|message|again;");
	feed_text(&parser, "id: e-2\ndata: b\n\n");
	ck_assert_str_eq(sse_parser_last_id(&parser), "e-2");
	sse_parser_clear(&parser);
}
END_TEST

START_TEST(a_restart_forgets_a_carriage_return)
{
	text_owned notes = {0};
	struct sse_parser parser = {.event = event_note, .context = &notes};

	feed_text(&parser, "data: a\r");
	sse_parser_restart(&parser);
	/* The line feed is a line of its own now: it ends an event without data. */
	feed_text(&parser, "\ndata: b\n\n");
	ck_assert_str_eq(text_bytes(&notes), "|message|b;");
	sse_parser_clear(&parser);
}
END_TEST

START_TEST(a_line_without_end_is_dropped)
{
	text_owned notes = {0};
	struct sse_parser parser = {.event = event_note, .context = &notes};
	size_t chunk = 65536;
	char *filling = malloc(chunk);

	ck_assert_ptr_nonnull(filling);
	memset(filling, 'x', chunk);
	feed_text(&parser, "data: the first half\ndata: ");
	for (size_t fed = 0; fed <= 2 * (size_t)SSE_LINE_MAX; fed += chunk)
		sse_parser_feed(&parser, filling, chunk);
	ck_assert_uint_le(parser.line.capacity, 2 * (size_t)SSE_LINE_MAX);
	feed_text(&parser, "\n\ndata: next\n\n");
	ck_assert_str_eq(text_bytes(&notes), "|message|next;");
	free(filling);
	sse_parser_clear(&parser);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sse_parser");
	TCase *parser = tcase_create("parser");

	tcase_add_loop_test(parser, whole_streams, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(parser, any_split_gives_the_same, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(parser, a_cut_event_does_not_move_the_place);
	tcase_add_test(parser, a_restart_forgets_a_carriage_return);
	tcase_add_test(parser, a_line_without_end_is_dropped);
	suite_add_tcase(suite, parser);
	return suite_run(suite);
}
