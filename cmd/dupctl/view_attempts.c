/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/table.h"
#include "cmd/dupctl/views.h"

static double seconds_of(const json_t *attempt)
{
	const json_t *phases = json_object_get(attempt, "durations");
	double sum = 0;

	for (size_t i = 0; i < json_array_size(phases); i++)
		sum += json_number_value(json_object_get(json_array_get(phases, i), "seconds"));
	return sum;
}

static void attempt_row_add(struct table *table, const json_t *attempt)
{
	text_owned number = {0}, lasted = {0}, fault = {.utf8 = table->utf8};
	const char *outcome = reply_text(attempt, "outcome");
	struct fault_row row;

	fault_read(json_object_get(attempt, "fault"), &row);
	text_addf(&number, "%" PRId64, reply_number(attempt, "number"));
	if (json_array_size(json_object_get(attempt, "durations")) > 0)
		format_duration(&lasted, (int64_t)(seconds_of(attempt) + 0.5));
	text_add_clean(&fault, row.code);
	text_add(&fault, *row.code ? ": " : "");
	text_add_clean(&fault, row.message);
	table_add(table, text_bytes(&number), TEXT_PLAIN);
	table_add(table, outcome, view_state_color(outcome));
	table_add(table, reply_text(attempt, "phase"), TEXT_PLAIN);
	table_add(table, text_bytes(&lasted), TEXT_PLAIN);
	table_add(table, reply_text(attempt, "started_at"), TEXT_PLAIN);
	table_add(table, text_bytes(&fault), TEXT_PLAIN);
}

void view_attempts(struct text *ret, const json_t *attempts, size_t width)
{
	static const char *const titles[] = {"ATTEMPT", "OUTCOME", "PHASE", "TIME", "STARTED", "FAULT"};
	table_owned table = {.titles = titles, .spare = "43", .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};

	for (size_t i = 0; i < json_array_size(attempts); i++)
		attempt_row_add(&table, json_array_get(attempts, i));
	if (table.cell_count > 0)
		table_render(&table, width, ret);
}
