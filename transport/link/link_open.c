/* SPDX-License-Identifier: Apache-2.0
 *
 * From a port string to a link: which backend, and that nobody else has it.
 */
#include "transport/link/link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/link/link_remote.h"

static int fault_gone(struct fault *ret_fault, const char *port, int error)
{
	char reason[128];

	return fault_set(ret_fault, FAULT_PORT_GONE, "port %s cannot be opened: %s", port, strerror_r(error, reason, sizeof reason));
}

static int fault_held(struct fault *ret_fault, const char *port, const struct link_holder *holder)
{
	return fault_set(ret_fault, FAULT_PORT_IN_USE, "port %s is held by %s (pid %ld)", port, holder->program, (long)holder->pid);
}

/* For one that the kernel says is taken; it may be by this very process. */
static int fault_in_use(struct fault *ret_fault, const char *port, const char *path)
{
	struct link_holder holder;

	if (link_holder_find(path, 0, &holder) || link_holder_of_lock(path, &holder))
		return fault_held(ret_fault, port, &holder);
	return fault_set(ret_fault, FAULT_PORT_IN_USE, "port %s is held by a program that cannot be named", port);
}

/* USB and on-board ports have a device behind them; ptys and virtual consoles have none. */
static bool has_device(const char *path)
{
	char entry[PATH_MAX + 32];
	const char *name = strrchr(path, '/');

	snprintf(entry, sizeof entry, "/sys/class/tty/%s/device", name ? name + 1 : path);
	return access(entry, F_OK) == 0;
}

static bool is_pty(const char *path)
{
	return strncmp(path, "/dev/pts/", strlen("/dev/pts/")) == 0;
}

/* Opens and takes the tty. -EBUSY when somebody has it. */
static int claim(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int result = 0;
	if (!isatty(fd))
		result = -ENOTTY;
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		result = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (result < 0) {
		close(fd);
		return result;
	}
	*ret_fd = fd;
	return 0;
}

static int make_ready(const char *path, int fd, const struct link_settings *settings, struct link **ret)
{
	int result = has_device(path) ? link_serial_new(fd, path, settings, ret) : link_tty_new(fd, settings, ret);

	/* Exclusive mode belongs to the tty and stays until its last holder closes: on a pty whose master end keeps the slave open
	 * it would shut us out for good after a crash. There the lock and the look into /proc have to do. */
	if (result == 0 && !is_pty(path))
		ioctl((*ret)->fd, TIOCEXCL);
	return result;
}

static int open_tty(const char *port, const struct link_settings *settings, struct fault *ret_fault, struct link **ret)
{
	char path[PATH_MAX];
	struct stat status;
	struct link_holder holder;
	int fd = -1;

	if (!realpath(port, path) || stat(path, &status) < 0)
		return fault_gone(ret_fault, port, errno);
	int result = S_ISCHR(status.st_mode) ? claim(path, &fd) : -ENOTTY;
	if (result == -ENOTTY)
		return fault_set(ret_fault, FAULT_PORT_GONE, "port %s is no tty", port);
	if (result == -EBUSY)
		return fault_in_use(ret_fault, port, path);
	if (result < 0)
		return fault_gone(ret_fault, port, -result);
	/* Neither the lock nor exclusive mode stops a program run by root that knows of neither. Nothing was changed so far. */
	if (link_holder_find(path, getpid(), &holder)) {
		close(fd);
		return fault_held(ret_fault, port, &holder);
	}
	result = make_ready(path, fd, settings, ret);
	if (result == 0)
		return 0;
	close(fd);
	if (result == -EINVAL)
		return fault_set(ret_fault, FAULT_PORT_GONE, "port %s cannot run at %u bit/s", port, settings->rate_bps);
	return fault_gone(ret_fault, port, -result);
}

int link_open_cancellable(const char *port, const struct link_settings *settings, int cancel_fd, struct fault *ret_fault, struct link **ret)
{
	struct link_address address;

	/* A relative path is for who runs in its folder: a configuration has none. */
	if (link_address_parse(port, &address) || address.kind == LINK_KIND_TTY) {
		int result = open_tty(port, settings, ret_fault, ret);

		if (result == 0)
			link_set_cancel_fd(*ret, cancel_fd);
		return result;
	}
	return link_remote_new(port, &address, settings, cancel_fd, ret_fault, ret);
}

int link_open(const char *port, const struct link_settings *settings, struct fault *ret_fault, struct link **ret)
{
	return link_open_cancellable(port, settings, -1, ret_fault, ret);
}
