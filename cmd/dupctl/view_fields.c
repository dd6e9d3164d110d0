/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/views.h"

#define TITLE_COLUMNS 14u

enum text_color view_state_color(const char *state)
{
	static const struct {
		const char *state;
		enum text_color color;
	} colors[] = {
	    {"ready", TEXT_GREEN},     {"succeeded", TEXT_GREEN}, {"busy", TEXT_BLUE},        {"running", TEXT_BLUE},
	    {"waiting", TEXT_YELLOW},  {"queued", TEXT_YELLOW},   {"cancelled", TEXT_YELLOW}, {"maintenance", TEXT_YELLOW},
	    {"quarantined", TEXT_RED}, {"stranded", TEXT_RED},    {"failed", TEXT_RED},       {"absent", TEXT_RED},
	    {"finished", TEXT_GREEN},  {"stopped", TEXT_RED},     {"paused", TEXT_YELLOW},    {"skipped", TEXT_YELLOW},
	};

	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
		if (strcmp(colors[i].state, state) == 0)
			return colors[i].color;
	return TEXT_PLAIN;
}

void view_boot_mode(struct text *ret, int64_t boot_mode, const char *name)
{
	if (boot_mode < 0) {
		text_add(ret, "-");
		return;
	}
	text_addf(ret, "%" PRId64 " ", boot_mode);
	text_add_clean(ret, name);
}

void view_field(struct text *ret, const char *title, const char *value)
{
	size_t start = ret->length;

	if (!*value)
		return;
	text_addf(ret, "%s:", title);
	text_pad(ret, start, TITLE_COLUMNS);
	text_add_words(ret, value, TITLE_COLUMNS);
	text_add(ret, "\n");
}

static void fault_line_add(struct text *ret, const char *indent, const char *title, const char *words)
{
	if (!*words)
		return;
	text_addf(ret, "\n%s%s", indent, title);
	text_add_words(ret, words, strlen(indent) + 2);
}

void view_fault(struct text *ret, const struct fault_row *fault, const char *indent)
{
	text_add_clean(ret, fault->code);
	text_add(ret, ": ");
	text_add_words(ret, fault->message, strlen(indent) + 2);
	fault_line_add(ret, indent, "seen: ", fault->evidence);
	fault_line_add(ret, indent, "what to do: ", fault->remedy);
}
