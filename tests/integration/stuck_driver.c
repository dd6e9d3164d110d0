/* SPDX-License-Identifier: Apache-2.0
 *
 * A driver that hangs: with this preloaded, open() of the path STUCK_PORT (or, with STUCK_CALL=close, the close() of it) returns only when somebody
 * has opened the fifo STUCK_GATE for writing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int open(const char *path, int flags, ...);
int close(int fd);

static void hang(void)
{
	const char *gate = getenv("STUCK_GATE");
	long fd = -1;

	do
		fd = gate ? syscall(SYS_openat, AT_FDCWD, gate, O_RDONLY | O_CLOEXEC, 0) : -1;
	while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		syscall(SYS_close, fd);
}

static int is_port(const char *path)
{
	const char *port = getenv("STUCK_PORT");

	return port && strcmp(port, path) == 0;
}

static int hangs_in(const char *call)
{
	const char *stuck = getenv("STUCK_CALL");

	return strcmp(stuck ? stuck : "open", call) == 0;
}

int open(const char *path, int flags, ...)
{
	va_list arguments;

	va_start(arguments, flags);
	mode_t mode = va_arg(arguments, mode_t);
	va_end(arguments);
	if (is_port(path) && hangs_in("open"))
		hang();
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int close(int fd)
{
	char entry[32], path[PATH_MAX];

	if (hangs_in("close")) {
		snprintf(entry, sizeof(entry), "/proc/self/fd/%d", fd);
		ssize_t length = readlink(entry, path, sizeof(path) - 1);
		path[length > 0 ? length : 0] = '\0';
		if (is_port(path))
			hang();
	}
	return (int)syscall(SYS_close, fd);
}
