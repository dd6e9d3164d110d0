/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns of text. Pure.
 */
#ifndef DUPCTL_TABLE_H
#define DUPCTL_TABLE_H

#include "cmd/dupctl/text.h"

struct table_cell {
	char *bytes;
	size_t columns;
	enum text_color color;
};

struct table {
	const char *const *titles; /* column_count of them; borrowed */
	size_t column_count;
	bool utf8;
	struct table_cell *cells; /* row by row */
	size_t cell_count, capacity;
};

void table_clear(struct table *table);
#define table_owned __attribute__((cleanup(table_clear))) struct table

/* The next cell, from the left, row after row: cleaned as text_add_clean does; "" shows as "-". */
void table_add(struct table *table, const char *bytes, enum text_color color);

/* Titles and rows; the widest columns are cut until a row fits the width (0: no limit). */
void table_render(const struct table *table, size_t width, struct text *ret);

#endif
