/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16u
#define GAP         2u
#define LEAST_WIDTH 4u

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

static void widths_measure(const struct table *table, size_t limit, size_t *widths)
{
	size_t total = GAP * (table->column_count - 1);

	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = text_columns(table->titles[i], strlen(table->titles[i]));
	for (size_t i = 0; i < table->cell_count; i++)
		if (table->cells[i].columns > widths[i % table->column_count])
			widths[i % table->column_count] = table->cells[i].columns;
	for (size_t i = 0; i < table->column_count; i++)
		total += widths[i];
	while (limit && total > limit) {
		size_t widest = 0;

		for (size_t i = 1; i < table->column_count; i++)
			if (widths[i] > widths[widest])
				widest = i;
		if (widths[widest] <= LEAST_WIDTH)
			break;
		widths[widest]--;
		total--;
	}
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

void table_render(const struct table *table, size_t width, struct text *ret)
{
	size_t widths[COLUMNS_MAX];

	widths_measure(table, width, widths);
	for (size_t i = 0; i < table->column_count; i++)
		cell_render(ret, table->titles[i], TEXT_BOLD, widths[i], i + 1 == table->column_count);
	text_add(ret, "\n");
	for (size_t i = 0; i < table->cell_count; i++) {
		const struct table_cell *cell = &table->cells[i];
		bool last = (i + 1) % table->column_count == 0;

		cell_render(ret, cell->bytes, cell->color, widths[i % table->column_count], last);
		if (last)
			text_add(ret, "\n");
	}
}
