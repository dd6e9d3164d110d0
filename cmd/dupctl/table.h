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
	const char
	    *spare; /* columns, '0' for the first, that are left out one after the other where there is no room; NULL: none before others */
	bool utf8;
	struct table_cell *cells; /* row by row */
	size_t cell_count, capacity;
};

void table_clear(struct table *table);
#define table_owned __attribute__((cleanup(table_clear))) struct table

/* The next cell, from the left, row after row: cleaned as text_add_clean does; "" shows as "-". */
void table_add(struct table *table, const char *bytes, enum text_color color);

/* Titles and rows, in `width` columns (0: no limit). The first column is whole: it is what the next command needs. The widest of the others are cut, not
 * so far that they tell nothing; before that the spare columns, then the last ones, are left out, which a last line tells. */
void table_render(const struct table *table, size_t width, struct text *ret);

#endif
