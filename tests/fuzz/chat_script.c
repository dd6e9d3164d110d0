/* SPDX-License-Identifier: Apache-2.0
 *
 * Chat scripts: the first line of the input is compiled, the rest is what a board says. A script stays within its bounds, a line that is refused
 * changes nothing, and words and aborts are found however the stream is cut.
 */
#include <errno.h>
#include <string.h>

#include "tests/fuzz/harness.h"
#include "transport/modem/chat_script.h"

static void judge_script(const struct chat_script *script)
{
	LAW(script->step_count <= CHAT_STEPS_MAX && script->text_length <= CHAT_TEXT_SIZE && script->abort_count <= CHAT_ABORTS_MAX);
	for (size_t i = 0; i < script->step_count; i++) {
		const struct chat_step *step = &script->steps[i];
		LAW(step->offset + step->length <= script->text_length);
		LAW(step->line >= 1 && step->line <= script->line_count);
		LAW(step->verb == CHAT_SEND || step->length <= CHAT_EXPECT_MAX);
		LAW((step->length > 0) == (step->verb == CHAT_SEND || step->verb == CHAT_EXPECT || step->verb == CHAT_ABORT));
	}
}

static void compile(struct chat_script *script, const uint8_t *bytes, size_t length)
{
	struct chat_script before;
	char line[512], why[128] = "";
	size_t size = length < sizeof(line) - 1 ? length : sizeof(line) - 1;

	memcpy(line, bytes, size);
	line[size] = '\0';
	memcpy(&before, script, sizeof(before));
	int r = chat_script_add(script, line, why, sizeof(why));
	LAW(r == 0 || r == -EINVAL);
	LAW((r == 0) == (why[0] == '\0'));
	if (r < 0)
		LAW(memcmp(&before, script, sizeof(before)) == 0);
	judge_script(script);
}

/* Where the event came; length when there was none. */
static size_t find(struct chat_matcher *matcher, const uint8_t *bytes, size_t length, bool in_parts, enum chat_event *ret)
{
	size_t at = 0, taken = 0;

	*ret = CHAT_NOTHING;
	while (at < length && *ret == CHAT_NOTHING) {
		size_t piece = in_parts ? next_piece(bytes, at, length) : length - at;
		*ret = chat_matcher_feed(matcher, bytes + at, piece, &taken);
		LAW(taken <= piece && (*ret != CHAT_NOTHING || taken == piece));
		at += taken;
	}
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const uint8_t *newline = length ? memchr(bytes, '\n', length) : NULL;
	size_t first = newline ? (size_t)(newline - bytes) : length;
	struct chat_script script;

	memset(&script, 0, sizeof(script));
	compile(&script, bytes, first);
	if (!newline)
		return 0;
	for (size_t i = 0; i < script.step_count; i++) {
		const struct chat_step *step = &script.steps[i];
		struct chat_matcher whole = {
		    .script = &script, .aborts = i, .expected = script.text + step->offset, .expected_length = step->length};
		struct chat_matcher split = whole;
		enum chat_event at_once, in_parts;
		if (step->verb != CHAT_EXPECT)
			continue;
		size_t a = find(&whole, newline + 1, length - first - 1, false, &at_once);
		size_t b = find(&split, newline + 1, length - first - 1, true, &in_parts);
		LAW(a == b && at_once == in_parts && whole.aborted_by == split.aborted_by);
		LAW(at_once != CHAT_EXPECTED ||
		    (a >= step->length && memcmp(newline + 1 + a - step->length, whole.expected, step->length) == 0));
	}
	return 0;
}
