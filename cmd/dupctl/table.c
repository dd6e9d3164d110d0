/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16u
#define GAP         2u
#define LEAST_WIDTH 12u

void table_clear(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].bytes);
	free(table->cells);
	table->cells = NULL;
	table->cell_count = table->capacity = 0;
}

void table_add(struct table *table, const char *bytes, enum text_color color)
{
	struct text cell = {.utf8 = table->utf8};

	if (table->cell_count == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 64;
		struct table_cell *cells = realloc(table->cells, capacity * sizeof(*cells));

		if (!cells) {
			fputs("dupctl: out of memory\n", stderr);
			exit(1);
		}
		table->cells = cells;
		table->capacity = capacity;
	}
	text_add_clean(&cell, *bytes ? bytes : "-");
	table->cells[table->cell_count++] = (struct table_cell){cell.bytes, text_columns(cell.bytes, cell.length), color};
}

/* What is shown, and how wide; a column that is left out is 0 wide. */
struct table_layout {
	size_t widths[COLUMNS_MAX];
	size_t shown, total;
};

static void layout_natural(const struct table *table, struct table_layout *layout)
{
	*layout = (struct table_layout){.shown = table->column_count, .total = GAP * (table->column_count - 1)};
	for (size_t i = 0; i < table->column_count; i++)
		layout->widths[i] = text_columns(table->titles[i], strlen(table->titles[i]));
	for (size_t i = 0; i < table->cell_count; i++)
		if (table->cells[i].columns > layout->widths[i % table->column_count])
			layout->widths[i % table->column_count] = table->cells[i].columns;
	for (size_t i = 0; i < table->column_count; i++)
		layout->total += layout->widths[i];
}

/* The least that it takes: the first column whole, the others cut. */
static size_t layout_least(const struct table *table, const struct table_layout *layout)
{
	size_t least = layout->widths[0] + GAP * (layout->shown - 1);

	for (size_t i = 1; i < table->column_count; i++)
		least += layout->widths[i] < LEAST_WIDTH ? layout->widths[i] : LEAST_WIDTH;
	return least;
}

static void layout_drop(struct table_layout *layout, size_t column)
{
	layout->total -= layout->widths[column] + GAP;
	layout->widths[column] = 0;
	layout->shown--;
}

static void layout_fit(const struct table *table, size_t limit, struct table_layout *layout)
{
	const char *spare = table->spare ? table->spare : "";
	size_t last = table->column_count;

	layout_natural(table, layout);
	for (; limit && *spare && layout_least(table, layout) > limit; spare++)
		layout_drop(layout, (size_t)(*spare - '0'));
	while (limit && layout->shown > 1 && layout_least(table, layout) > limit)
		if (layout->widths[--last] > 0)
			layout_drop(layout, last);
	while (limit && layout->shown > 1 && layout->total > limit) {
		size_t widest = 1;

		for (size_t i = 2; i < table->column_count; i++)
			if (layout->widths[i] > layout->widths[widest])
				widest = i;
		layout->widths[widest]--;
		layout->total--;
	}
}

/* "not shown in 40 columns: CREATED, KIND". */
static void left_out_add(const struct table *table, const struct table_layout *layout, size_t width, struct text *ret)
{
	size_t start = ret->length;
	const char *before = "";

	if (layout->shown == table->column_count)
		return;
	text_addf(ret, "not shown in %zu columns: ", width);
	for (size_t i = 0; i < table->column_count; i++) {
		if (layout->widths[i] > 0)
			continue;
		text_addf(ret, "%s%s", before, table->titles[i]);
		before = ", ";
	}
	text_cut(ret, start, width);
	text_add(ret, "\n");
}

static void cell_render(struct text *ret, const char *bytes, enum text_color color, size_t width, bool last)
{
	size_t start = ret->length;

	if (color != TEXT_PLAIN)
		text_add_color(ret, color);
	text_add(ret, bytes);
	text_cut(ret, start, width);
	if (color != TEXT_PLAIN)
		text_add_color(ret, TEXT_PLAIN);
	if (!last)
		text_pad(ret, start, width + GAP);
}

static size_t last_shown(const struct table *table, const struct table_layout *layout)
{
	size_t last = table->column_count - 1;

	while (last > 0 && layout->widths[last] == 0)
		last--;
	return last;
}

void table_render(const struct table *table, size_t width, struct text *ret)
{
	struct table_layout layout;
	size_t last;

	layout_fit(table, width, &layout);
	last = last_shown(table, &layout);
	for (size_t i = 0; i <= last; i++)
		if (layout.widths[i] > 0)
			cell_render(ret, table->titles[i], TEXT_BOLD, layout.widths[i], i == last);
	text_add(ret, "\n");
	for (size_t i = 0; i < table->cell_count; i++) {
		const struct table_cell *cell = &table->cells[i];
		size_t column = i % table->column_count;

		if (layout.widths[column] > 0)
			cell_render(ret, cell->bytes, cell->color, layout.widths[column], column == last);
		if (column + 1 == table->column_count)
			text_add(ret, "\n");
	}
	left_out_add(table, &layout, width, ret);
}
