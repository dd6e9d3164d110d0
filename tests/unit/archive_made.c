/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/archive_made.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void write_file(struct archive *archive, const struct archive_file *file)
{
	struct archive_entry *entry = archive_entry_new();
	size_t length = file->length ? file->length : file->content ? strlen(file->content) : 0;
	char *zeros = calloc(1, length + 1);

	archive_entry_set_pathname(entry, file->path);
	archive_entry_set_filetype(entry, (unsigned)(file->type ? file->type : S_IFREG));
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)length);
	if (file->type == S_IFLNK)
		archive_entry_set_symlink(entry, file->link);
	else if (file->link)
		archive_entry_set_hardlink(entry, file->link);
	ck_assert_int_eq(archive_write_header(archive, entry), ARCHIVE_OK);
	if (length > 0)
		ck_assert_int_eq(archive_write_data(archive, file->content ? file->content : zeros, length), (la_ssize_t)length);
	archive_entry_free(entry);
	free(zeros);
}

int archive_made(enum archive_format format, const struct archive_file *files, size_t count)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);
	struct archive *archive = archive_write_new();

	if (format == ARCHIVE_TGZ) {
		ck_assert_int_eq(archive_write_add_filter_gzip(archive), ARCHIVE_OK);
		ck_assert_int_eq(archive_write_set_format_pax_restricted(archive), ARCHIVE_OK);
	} else {
		ck_assert_int_eq(archive_write_set_format_zip(archive), ARCHIVE_OK);
	}
	ck_assert_int_eq(archive_write_open_fd(archive, fd), ARCHIVE_OK);
	for (size_t i = 0; i < count; i++)
		write_file(archive, &files[i]);
	ck_assert_int_eq(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
	return fd;
}
