/* SPDX-License-Identifier: Apache-2.0
 *
 * Archives for tests, written by libarchive's other half, byte by byte as a hostile vendor could.
 */
#ifndef TESTS_UNIT_ARCHIVE_MADE_H
#define TESTS_UNIT_ARCHIVE_MADE_H

#include <stddef.h>
#include <sys/stat.h>

enum archive_format { ARCHIVE_ZIP, ARCHIVE_TGZ };

struct archive_file {
	const char *path;
	mode_t type; /* 0: a regular file */
	const char *link;
	const char *content; /* NULL: zeros */
	size_t length;       /* 0: that of the content */
};

/* An open file without a name; the caller closes it. */
int archive_made(enum archive_format format, const struct archive_file *files, size_t count);

#endif
