/* SPDX-License-Identifier: Apache-2.0
 *
 * What a power loss leaves of the database of dupgated-mortal: stands between SQLite and its files, and keeps in the folder DUPGATE_DURABLE a copy of
 * each as it was when it was last synced. A copy that the process's end cuts short is what a disk has that lost its power in the middle of a
 * sync. With DUPGATE_DISK_LIES the syncs of the log are not believed, so that a test can see that it would notice. While there is a file
 * DUPGATE_DISK_TROUBLE nothing can be written: it says "full", or anything else for a disk that is read-only or broken.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/mortal.h"

#define CHECKPOINT_PAGES 8 /* so that short runs have many */

/* Behind SQLite's own struct of a file, in the same memory. */
struct durable {
	sqlite3_io_methods methods; /* of the file, some of them ours */
	const sqlite3_io_methods *real;
	sqlite3_int64 from, to; /* what was written since the last sync; empty: from == to */
	char path[512];         /* of the copy; "": none is kept */
};

static sqlite3_vfs *real_vfs(void)
{
	return sqlite3_vfs_find("unix");
}

static struct durable *durable_of(sqlite3_file *file)
{
	return (struct durable *)(void *)((char *)file + real_vfs()->szOsFile);
}

static void copy_range(sqlite3_file *file, const struct durable *durable, int fd, sqlite3_int64 size)
{
	char bytes[4096];
	for (sqlite3_int64 at = durable->from; at < durable->to && at < size;) {
		sqlite3_int64 left = (durable->to < size ? durable->to : size) - at;
		int length = left < (sqlite3_int64)sizeof(bytes) ? (int)left : (int)sizeof(bytes);
		if (durable->real->xRead(file, bytes, length, at) != SQLITE_OK || pwrite(fd, bytes, (size_t)length, at) != length)
			abort();
		at += length;
	}
}

/* What SQLite makes of ENOSPC, and of EROFS and EIO. */
static int trouble(int otherwise)
{
	char kind[8] = "";
	const char *path = getenv("DUPGATE_DISK_TROUBLE");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return SQLITE_OK;
	(void)!read(fd, kind, sizeof(kind) - 1);
	close(fd);
	return strcmp(kind, "full") == 0 ? SQLITE_FULL : otherwise;
}

static int sync_file(sqlite3_file *file, int flags)
{
	struct durable *durable = durable_of(file);
	struct stat about;
	sqlite3_int64 size = 0;
	mortal_pass("before sync");
	int result = trouble(SQLITE_IOERR_FSYNC);
	if (result == SQLITE_OK)
		result = durable->real->xSync(file, flags);
	if (result != SQLITE_OK || durable->path[0] == '\0')
		return result;
	int fd = open(durable->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &about) < 0 || durable->real->xFileSize(file, &size) != SQLITE_OK)
		abort();
	if (about.st_size > size && ftruncate(fd, size) < 0)
		abort();
	copy_range(file, durable, fd, size);
	close(fd);
	durable->from = durable->to = 0;
	mortal_pass("after sync");
	return result;
}

static int write_file(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 at)
{
	struct durable *durable = durable_of(file);
	int result = trouble(SQLITE_IOERR_WRITE);
	if (result != SQLITE_OK)
		return result;
	if (durable->from == durable->to) {
		durable->from = at;
		durable->to = at + length;
	}
	durable->from = at < durable->from ? at : durable->from;
	durable->to = at + length > durable->to ? at + length : durable->to;
	return durable->real->xWrite(file, bytes, length, at);
}

static void copy_path(const char *name, char *ret, size_t size)
{
	const char *folder = getenv("DUPGATE_DURABLE");
	const char *base = name != NULL ? strrchr(name, '/') : NULL;
	ret[0] = '\0';
	if (folder == NULL || base == NULL || (getenv("DUPGATE_DISK_LIES") != NULL && strstr(base, "-wal") != NULL))
		return;
	if (snprintf(ret, size, "%s%s", folder, base) >= (int)size)
		abort();
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	(void)vfs;
	struct durable *durable = durable_of(file);
	memset(durable, 0, sizeof(*durable));
	int result = real_vfs()->xOpen(real_vfs(), name, file, flags, ret_flags);
	if (result != SQLITE_OK || file->pMethods == NULL)
		return result;
	durable->real = file->pMethods;
	durable->methods = *durable->real;
	durable->methods.xSync = sync_file;
	durable->methods.xWrite = write_file;
	file->pMethods = &durable->methods;
	copy_path(name, durable->path, sizeof(durable->path));
	/* What a process before this one wrote and did not live to sync goes to the disk with the first sync of this one. */
	durable->to = INT64_MAX;
	return result;
}

static int delete_file(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	char path[512];
	(void)vfs;
	int result = real_vfs()->xDelete(real_vfs(), name, sync_folder);
	copy_path(name, path, sizeof(path));
	if (result == SQLITE_OK && path[0] != '\0')
		(void)unlink(path);
	return result;
}

static int shorten_log(sqlite3 *db, char **ret_error, const struct sqlite3_api_routines *routines)
{
	(void)ret_error;
	(void)routines;
	return sqlite3_wal_autocheckpoint(db, CHECKPOINT_PAGES);
}

__attribute__((constructor)) static void stand_between(void)
{
	static sqlite3_vfs ours;
	if (sqlite3_initialize() != SQLITE_OK)
		abort();
	ours = *real_vfs();
	ours.zName = "durable";
	ours.pNext = NULL;
	ours.szOsFile += (int)sizeof(struct durable);
	ours.xOpen = open_file;
	ours.xDelete = delete_file;
	if (sqlite3_vfs_register(&ours, 1) != SQLITE_OK || sqlite3_auto_extension((void (*)(void))shorten_log) != SQLITE_OK)
		abort();
}
