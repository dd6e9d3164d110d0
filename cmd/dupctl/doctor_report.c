/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/dupctl/doctor.h"

#define VERDICT_COLUMNS 8u
#define CHECK_COLUMNS   17u
#define LEAST_COLUMNS   20u
#define NARROW_INDENT   2u

static const enum text_color colors[VERDICT_COUNT] = {
    [VERDICT_GOOD] = TEXT_GREEN, [VERDICT_UNKNOWN] = TEXT_DIM, [VERDICT_NOTE] = TEXT_YELLOW, [VERDICT_BAD] = TEXT_RED};

static void sentence_add(struct text *ret, const struct finding *finding)
{
	if (finding->subject) {
		text_add_clean(ret, finding->subject);
		text_add(ret, ": ");
	}
	text_add_clean(ret, finding->message);
}

static void finding_draw(struct text *ret, const struct finding *finding)
{
	bool wide = ret->width > VERDICT_COLUMNS + CHECK_COLUMNS + LEAST_COLUMNS;
	size_t start = ret->length, indent = wide ? VERDICT_COLUMNS + CHECK_COLUMNS : NARROW_INDENT;
	text_owned sentence = {.utf8 = ret->utf8};

	text_add_color(ret, colors[finding->verdict]);
	text_add(ret, verdict_name(finding->verdict));
	text_add_color(ret, TEXT_PLAIN);
	text_pad(ret, start, VERDICT_COLUMNS);
	text_add(ret, finding->check);
	if (!wide) {
		text_add(ret, "\n");
		start = ret->length;
	}
	text_pad(ret, start, indent);
	sentence_add(&sentence, finding);
	text_add_words(ret, text_bytes(&sentence), indent);
	text_add(ret, "\n");
	if (!finding->cure)
		return;
	text_pad(ret, ret->length, indent);
	text_add(ret, "what to do: ");
	text_add_words(ret, finding->cure, indent);
	text_add(ret, "\n");
}

static void finding_print(struct text *ret, const struct finding *finding)
{
	text_addf(ret, "%s: %s: ", verdict_name(finding->verdict), finding->check);
	sentence_add(ret, finding);
	if (finding->cure) {
		text_add(ret, "; what to do: ");
		text_add_clean(ret, finding->cure);
	}
	text_add(ret, "\n");
}

static enum verdict verdicts_count(const struct finding *findings, size_t count, size_t *counts)
{
	enum verdict worst = VERDICT_GOOD;

	for (size_t i = 0; i < count; i++) {
		counts[findings[i].verdict]++;
		worst = findings[i].verdict > worst ? findings[i].verdict : worst;
	}
	return worst;
}

void view_findings(struct text *ret, const struct finding *findings, size_t count, const struct terminal *terminal)
{
	size_t counts[VERDICT_COUNT] = {0};

	for (size_t i = 0; i < count; i++) {
		if (terminal->tty)
			finding_draw(ret, &findings[i]);
		else
			finding_print(ret, &findings[i]);
	}
	verdicts_count(findings, count, counts);
	text_addf(ret, "%zu good, %zu bad, %zu note%s, %zu unknown\n", counts[VERDICT_GOOD], counts[VERDICT_BAD], counts[VERDICT_NOTE],
		  plural(counts[VERDICT_NOTE]), counts[VERDICT_UNKNOWN]);
}

json_t *findings_json(const struct finding *findings, size_t count)
{
	size_t counts[VERDICT_COUNT] = {0};
	enum verdict worst = verdicts_count(findings, count, counts);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct finding *finding = &findings[i];

		json_array_append_new(array, json_pack("{s:s, s:s, s:s?, s:s, s:s?}", "id", finding->check, "verdict",
						       verdict_name(finding->verdict), "subject", finding->subject, "message",
						       finding->message, "cure", finding->cure));
	}
	return json_pack("{s:o, s:{s:s, s:I, s:I, s:I, s:I}}", "checks", array, "summary", "verdict", verdict_name(worst), "good",
			 (json_int_t)counts[VERDICT_GOOD], "note", (json_int_t)counts[VERDICT_NOTE], "unknown",
			 (json_int_t)counts[VERDICT_UNKNOWN], "bad", (json_int_t)counts[VERDICT_BAD]);
}
