/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/port.h"

/* The kernel's own termios2, for rates that have no B-constant; it does not go together with <termios.h>. */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_raw(const char *slave)
{
	struct termios2 line;
	int error = 0;
	int fd = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, TCGETS2, &line) == 0) {
		line.c_iflag = 0;
		line.c_oflag = 0;
		line.c_lflag = 0;
		line.c_cflag = (line.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8 | CREAD | CLOCAL;
		line.c_cc[VMIN] = 1;
		line.c_cc[VTIME] = 0;
		if (ioctl(fd, TCSETS2, &line) < 0)
			error = -errno;
	} else {
		error = -errno;
	}
	close(fd);
	return error;
}

static int make_link(const struct port *port)
{
	char staged[PORT_PATH_MAX + 8];
	struct stat seen;

	if (lstat(port->link, &seen) == 0 && !S_ISLNK(seen.st_mode))
		return -EEXIST;
	snprintf(staged, sizeof(staged), "%s.new", port->link);
	unlink(staged);
	if (symlink(port->slave, staged) < 0)
		return -errno;
	if (rename(staged, port->link) < 0) {
		int error = -errno;

		unlink(staged);
		return error;
	}
	return 0;
}

static int open_pty(struct port *port)
{
	port->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (port->master < 0)
		return -errno;
	if (grantpt(port->master) < 0 || unlockpt(port->master) < 0)
		return -errno;
	return -ptsname_r(port->master, port->slave, sizeof(port->slave));
}

int port_plug(struct port *port, const char *link)
{
	int error;

	if (strlen(link) >= sizeof(port->link))
		return -ENAMETOOLONG;
	memmove(port->link, link, strlen(link) + 1);
	port->host_absent = true;
	error = open_pty(port);
	if (error == 0)
		error = set_raw(port->slave);
	if (error == 0)
		error = make_link(port);
	if (error != 0 && port->master >= 0) {
		close(port->master);
		port->master = -1;
	}
	return error;
}

void port_unplug(struct port *port)
{
	char target[sizeof(port->slave)];
	ssize_t length;

	if (port->master < 0)
		return;
	length = readlink(port->link, target, sizeof(target));
	if (length > 0 && (size_t)length == strlen(port->slave) && memcmp(target, port->slave, (size_t)length) == 0)
		unlink(port->link);
	close(port->master);
	port->master = -1;
}

/* What the host left unread waits on its side of the pty, where only a flush from that side reaches it. */
static void forget_unread(const struct port *port)
{
	int peer = ioctl(port->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (peer < 0)
		return;
	ioctl(peer, TCFLSH, TCIFLUSH);
	close(peer);
}

ssize_t port_read(struct port *port, uint8_t *bytes, size_t size)
{
	ssize_t got = read(port->master, bytes, size);

	if (got > 0) {
		port->host_absent = false;
		return got;
	}
	if (got == 0 || errno == EAGAIN || errno == EINTR)
		return 0;
	if (errno != EIO)
		return -errno;
	/* Nobody has the other side open: what they had not read yet must not greet the next one. */
	if (!port->host_absent)
		forget_unread(port);
	port->host_absent = true;
	return 0;
}

bool port_host_listens(struct port *port)
{
	struct pollfd master = {.fd = port->master, .events = POLLOUT};

	if (port->master < 0)
		return false;
	if (port->host_absent)
		port->host_absent = poll(&master, 1, 0) < 0 || (master.revents & POLLHUP) != 0;
	return !port->host_absent;
}

void port_write(struct port *port, const uint8_t *bytes, size_t length)
{
	if (!port_host_listens(port))
		return;
	while (length > 0) {
		ssize_t sent = write(port->master, bytes, length);

		if (sent <= 0)
			return;
		bytes += sent;
		length -= (size_t)sent;
	}
}

struct host_line port_host_line(const struct port *port)
{
	struct termios2 line;

	/* Asked of the master, the kernel answers with what is set on the host's side. */
	if (port->master < 0 || ioctl(port->master, TCGETS2, &line) < 0)
		return (struct host_line){0};
	return (struct host_line){.rate = line.c_ospeed, .rts_cts = (line.c_cflag & CRTSCTS) != 0};
}
