/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/table.h"
#include "cmd/dupctl/views.h"

/* Phases are short: below a minute a tenth of a second tells. */
static void seconds_add(struct text *ret, const json_t *value)
{
	double seconds = json_number_value(value);

	if (seconds < 59.95)
		text_addf(ret, "%.1f s", seconds);
	else
		format_duration(ret, (int64_t)(seconds + 0.5));
}

static void duration_row_add(struct table *table, const json_t *duration)
{
	text_owned count = {0}, median = {0}, p90 = {0};
	const char *phase = reply_text(duration, "phase"), *way = reply_text(duration, "way");

	text_addf(&count, "%" PRId64, reply_number(duration, "count"));
	seconds_add(&median, json_object_get(duration, "median_s"));
	seconds_add(&p90, json_object_get(duration, "p90_s"));
	table_add(table, reply_text(duration, "family"), TEXT_PLAIN);
	table_add(table, *way ? way : "any", TEXT_PLAIN);
	table_add(table, *phase ? phase : "all of it", *phase ? TEXT_PLAIN : TEXT_BOLD);
	table_add(table, text_bytes(&median), TEXT_PLAIN);
	table_add(table, text_bytes(&p90), TEXT_PLAIN);
	table_add(table, text_bytes(&count), TEXT_PLAIN);
}

void view_durations(struct text *ret, const json_t *durations, size_t width)
{
	static const char *const titles[] = {"FAMILY", "WAY", "PHASE", "HALF WITHIN", "9 OF 10 WITHIN", "UPGRADES"};
	table_owned table = {.titles = titles, .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};

	if (json_array_size(durations) == 0) {
		text_add(ret, "nothing is known yet: no upgrade has succeeded\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(durations); i++)
		duration_row_add(&table, json_array_get(durations, i));
	table_render(&table, width, ret);
}
