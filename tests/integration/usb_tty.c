/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the ptys behind an umockdev testbed's ttys pass for serial ports of USB, so that libserialport runs on them unmodified. Loaded before
 * umockdev's own preload, which knows none of the calls below: it would answer them itself, and wrongly.
 */
#include <asm/termbits.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PTS       "/dev/pts/"
#define LINKS_MAX 8
/* A port with a modem at the other end that is ready. */
#define LINES (TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_DSR | TIOCM_CAR)

int ioctl(int fd, unsigned long request, ...);
char *realpath(const char *restrict path, char *restrict ret);
char *__realpath_chk(const char *path, char *ret, size_t ret_size);

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

/* The node of a testbed is a symlink to a pty: it ends the search as a device node would. False when path leads to none. */
static bool find_node(char path[PATH_MAX])
{
	char target[PATH_MAX];

	for (int links = 0; links < LINKS_MAX; links++) {
		ssize_t length = readlink(path, target, sizeof target - 1);

		if (length <= 0)
			return false;
		target[length] = '\0';
		if (strncmp(target, PTS, strlen(PTS)) == 0)
			return true;
		if (!follow(path, target))
			return false;
	}
	return false;
}

/* That of umockdev writes beyond its memory where a path leads out of the testbed. */
char *realpath(const char *restrict path, char *restrict ret)
{
	char node[PATH_MAX];
	char *(*next_realpath)(const char *, char *) = (char *(*)(const char *, char *))next("realpath");

	if (strncmp(path, "/dev/", strlen("/dev/")) != 0 || strlen(path) >= sizeof node)
		return next_realpath(path, ret);
	strcpy(node, path);
	if (!find_node(node))
		return next_realpath(path, ret);
	return ret ? strcpy(ret, node) : strdup(node);
}

char *__realpath_chk(const char *path, char *ret, size_t ret_size)
{
	if (ret_size < PATH_MAX)
		abort();
	return realpath(path, ret);
}
