/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the ptys behind an umockdev testbed's ttys pass for serial ports of USB, so that libserialport runs on them unmodified. Loaded before
 * umockdev's own preload, which knows none of the calls below: it would answer them itself, and wrongly.
 */
#include <asm/termbits.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEV       "/dev/"
#define PTS       "/dev/pts/"
#define UDEV      "/run/udev/"
#define NOWHERE   "/nowhere"
#define LINKS_MAX 8
/* A port with a modem at the other end that is ready. */
#define LINES (TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_DSR | TIOCM_CAR)

int ioctl(int fd, unsigned long request, ...);
char *realpath(const char *restrict path, char *restrict ret);
char *__realpath_chk(const char *path, char *ret, size_t ret_size);
int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int stat(const char *restrict path, struct stat *restrict ret);
int access(const char *path, int mode);
FILE *fopen64(const char *restrict path, const char *restrict mode);

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

static int ask_kernel(int fd, unsigned long request, void *argument)
{
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

/* A pty has no modem lines. */
static int answer_lines(int fd, unsigned long request, void *argument)
{
	struct termios2 tty;

	if (ask_kernel(fd, TCGETS2, &tty) < 0)
		return -1;
	if (request == TIOCMGET)
		*(int *)argument = LINES;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	switch (request) {
	case TIOCMGET:
	case TIOCMSET:
	case TIOCMBIS:
	case TIOCMBIC:
		return answer_lines(fd, request, argument);
	case TIOCEXCL:
	case TIOCNXCL:
		/* A USB tty forgets this when its last holder is gone. A pty does not while its master lives. */
		return 0;
	default:
		break;
	}
	if (_IOC_TYPE(request) == 'T')
		return ask_kernel(fd, request, argument);
	int (*next_ioctl)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))next("ioctl");
	return next_ioctl(fd, request, argument);
}

/* Goes on to where the link leads, up the folders of the testbed if it says so. False when that is too long. */
static bool follow(char path[PATH_MAX], const char *target)
{
	if (target[0] != '/') {
		*strrchr(path, '/') = '\0';
		for (; strncmp(target, "../", 3) == 0 && path[0] != '\0'; target += 3)
			*strrchr(path, '/') = '\0';
		strncat(path, "/", PATH_MAX - 1 - strlen(path));
	} else {
		path[0] = '\0';
	}
	if (strlen(path) + strlen(target) >= PATH_MAX)
		return false;
	strcat(path, target);
	return true;
}

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether the port behind the node is the one that was plugged in. The simulator gives a modem's port back under the same name soon after it has
 * hung up; a board has to be plugged in again. The mark is the link's inode and time of change. */
static bool is_unplugged(const char *node, const char *port)
{
	const char *testbed = getenv("UMOCKDEV_DIR");
	char path[PATH_MAX], mark[64], found[64];
	struct statx now;

	if (!testbed || snprintf(path, sizeof path, "%s/dev/.port/%s", testbed, node + strlen(DEV)) >= (int)sizeof path)
		return false;
	ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, path, mark, sizeof mark - 1);
	if (length < 0)
		return false;
	mark[length] = '\0';
	if (syscall(SYS_statx, AT_FDCWD, port, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_CTIME, &now) < 0)
		return true;
	snprintf(found, sizeof found, "%llu:%lld.%09u", (unsigned long long)now.stx_ino, (long long)now.stx_ctime.tv_sec,
		 now.stx_ctime.tv_nsec);
	return strcmp(mark, found) != 0;
}

/* The node of a testbed is a symlink out of /dev, or to a pty: it ends the search as a device node would. False when path leads to none. */
static bool find_node(const char *path, char ret_node[PATH_MAX], char ret_port[PATH_MAX])
{
	if (!begins_with(path, DEV) || strlen(path) >= PATH_MAX)
		return false;
	strcpy(ret_node, path);
	for (int links = 0; links < LINKS_MAX; links++) {
		ssize_t length = readlink(ret_node, ret_port, PATH_MAX - 1);

		if (length <= 0)
			return false;
		ret_port[length] = '\0';
		if (begins_with(ret_port, PTS) || (ret_port[0] == '/' && !begins_with(ret_port, DEV))) {
			if (is_unplugged(ret_node, ret_port))
				strcpy(ret_port, NOWHERE);
			return true;
		}
		if (!follow(ret_node, ret_port))
			return false;
	}
	return false;
}

/* That of umockdev writes beyond its memory where a path leads out of the testbed. */
char *realpath(const char *restrict path, char *restrict ret)
{
	char node[PATH_MAX], port[PATH_MAX];
	char *(*next_realpath)(const char *, char *) = (char *(*)(const char *, char *))next("realpath");

	if (!find_node(path, node, port))
		return next_realpath(path, ret);
	if (access(port, F_OK) < 0)
		return NULL;
	return ret ? strcpy(ret, node) : strdup(node);
}

char *__realpath_chk(const char *path, char *ret, size_t ret_size)
{
	if (ret_size < PATH_MAX)
		abort();
	return realpath(path, ret);
}

/* umockdev connects a socket of its own for whatever is opened in /dev, of which it takes fifty and ends the program, and loses some. */
static int open_file(const char *path, int flags, mode_t mode)
{
	char node[PATH_MAX], port[PATH_MAX];
	int (*next_open)(const char *, int, ...) = (int (*)(const char *, int, ...))next("open");

	if (find_node(path, node, port))
		path = port;
	if (begins_with(path, DEV))
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	return next_open(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list arguments;

	va_start(arguments, flags);
	mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list arguments;

	va_start(arguments, flags);
	mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return open_file(path, flags, mode);
}

int __open_2(const char *path, int flags)
{
	return open_file(path, flags, 0);
}

/* That of umockdev looks for the number of a node with a buffer that all threads share. */
int stat(const char *restrict path, struct stat *restrict ret)
{
	char node[PATH_MAX], port[PATH_MAX];
	int (*next_stat)(const char *, struct stat *) = (int (*)(const char *, struct stat *))next("stat");

	return next_stat(find_node(path, node, port) ? port : path, ret);
}

/* What udevd keeps is looked up in the testbed as well; umockdev knows of sysfs and device nodes alone. */
static const char *in_testbed(const char *path, char ret[PATH_MAX])
{
	const char *testbed = getenv("UMOCKDEV_DIR");

	if (!testbed || !begins_with(path, UDEV) || strlen(testbed) + strlen(path) >= PATH_MAX)
		return path;
	return strcat(strcpy(ret, testbed), path);
}

int access(const char *path, int mode)
{
	char real[PATH_MAX], node[PATH_MAX], port[PATH_MAX];
	int (*next_access)(const char *, int) = (int (*)(const char *, int))next("access");

	return next_access(find_node(path, node, port) ? port : in_testbed(path, real), mode);
}

FILE *fopen64(const char *restrict path, const char *restrict mode)
{
	char real[PATH_MAX];
	FILE *(*next_fopen64)(const char *, const char *) = (FILE * (*)(const char *, const char *)) next("fopen64");

	return next_fopen64(in_testbed(path, real), mode);
}
