/* SPDX-License-Identifier: Apache-2.0
 *
 * Gives the ptys of a program modem lines, which a pty has not, and writes each change of DTR and RTS as a line of text to the file that MODEM_LINES
 * names. Preloaded into a server of ports.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...);

static _Atomic int lines = TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_DSR | TIOCM_CAR;

static void change(int set, int cleared)
{
	const char *path = getenv("MODEM_LINES");
	int now = (lines & ~cleared) | set;
	char text[32];

	if (now == lines || !path)
		return;
	lines = now;
	int length = snprintf(text, sizeof(text), "dtr=%d rts=%d\n", (now & TIOCM_DTR) != 0, (now & TIOCM_RTS) != 0);
	int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (file < 0 || write(file, text, (size_t)length) != length)
		abort();
	close(file);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	switch (request) {
	case TIOCMGET:
		*(int *)argument = lines;
		return 0;
	case TIOCMSET:
		change(*(int *)argument, TIOCM_DTR | TIOCM_RTS);
		return 0;
	case TIOCMBIS:
		change(*(int *)argument, 0);
		return 0;
	case TIOCMBIC:
		change(0, *(int *)argument);
		return 0;
	default:
		return (int)syscall(SYS_ioctl, fd, request, argument);
	}
}
