/* SPDX-License-Identifier: Apache-2.0
 *
 * A plain tty or pty. The kernel's termios2 is used instead of <termios.h>, which knows no arbitrary rates.
 */
#include "transport/link/link_backend.h"

#include <asm/termbits.h>
#include <errno.h>
#include <linux/serial.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Rates with a constant are set by it: the other end of a pty may look with an interface that knows no other. */
static const struct {
	uint32_t rate_bps;
	tcflag_t flag;
} named_rates[] = {
    {9600, B9600},       {19200, B19200},     {38400, B38400},     {57600, B57600},     {115200, B115200},   {230400, B230400},
    {460800, B460800},   {500000, B500000},   {576000, B576000},   {921600, B921600},   {1000000, B1000000}, {1152000, B1152000},
    {1500000, B1500000}, {2000000, B2000000}, {2500000, B2500000}, {3000000, B3000000}, {3500000, B3500000}, {4000000, B4000000},
};

static void put_rate(struct termios2 *settings, uint32_t rate_bps)
{
	tcflag_t flag = BOTHER;

	for (size_t i = 0; i < sizeof named_rates / sizeof named_rates[0]; i++) {
		if (named_rates[i].rate_bps == rate_bps)
			flag = named_rates[i].flag;
	}
	settings->c_cflag &= ~(tcflag_t)(CBAUD | CIBAUD);
	settings->c_cflag |= flag;
	settings->c_ospeed = rate_bps;
	settings->c_ispeed = rate_bps;
}

/* TCSETS2, not the waiting kind: that one waits without end while flow control holds the line. */
static int apply(int fd, struct termios2 *settings, uint32_t rate_bps)
{
	if (ioctl(fd, TCSETS2, settings) < 0)
		return -errno;
	if (ioctl(fd, TCGETS2, settings) < 0)
		return -errno;
	return settings->c_ospeed == rate_bps ? 0 : -EINVAL;
}

static int configure(int fd, const struct link_settings *settings)
{
	struct termios2 tty;

	if (ioctl(fd, TCGETS2, &tty) < 0)
		return -errno;
	tty.c_iflag = 0;
	tty.c_oflag = 0;
	tty.c_lflag = 0;
	tty.c_cflag = CS8 | CREAD | CLOCAL | (settings->hardware_flow ? CRTSCTS : 0);
	tty.c_cc[VMIN] = 1;
	tty.c_cc[VTIME] = 0;
	put_rate(&tty, settings->rate_bps);
	return apply(fd, &tty, settings->rate_bps);
}

int link_tty_read_blocks(int fd)
{
	struct termios2 tty;

	if (ioctl(fd, TCGETS2, &tty) < 0)
		return -errno;
	tty.c_cc[VMIN] = 1;
	tty.c_cc[VTIME] = 0;
	return ioctl(fd, TCSETS2, &tty) < 0 ? -errno : 0;
}

static int tty_set_rate(struct link *link, uint32_t rate_bps)
{
	struct termios2 tty;

	if (ioctl(link->fd, TCGETS2, &tty) < 0)
		return -errno;
	put_rate(&tty, rate_bps);
	return apply(link->fd, &tty, rate_bps);
}

static int tty_set_flow(struct link *link, bool hardware_flow)
{
	struct termios2 tty;

	if (ioctl(link->fd, TCGETS2, &tty) < 0)
		return -errno;
	tty.c_cflag &= ~(tcflag_t)CRTSCTS;
	if (hardware_flow)
		tty.c_cflag |= CRTSCTS;
	return ioctl(link->fd, TCSETS2, &tty) < 0 ? -errno : 0;
}

int link_tty_set_lines(struct link *link, bool dtr, bool rts)
{
	int lines;

	/* A pty has no lines and says EAGAIN, a strange way to put it. */
	if (ioctl(link->fd, TIOCMGET, &lines) < 0)
		return -ENOTSUP;
	lines &= ~(TIOCM_DTR | TIOCM_RTS);
	lines |= (dtr ? TIOCM_DTR : 0) | (rts ? TIOCM_RTS : 0);
	return ioctl(link->fd, TIOCMSET, &lines) < 0 ? -errno : 0;
}

int link_tty_queued(struct link *link)
{
	int queued = 0;

	return ioctl(link->fd, TIOCOUTQ, &queued) < 0 ? -errno : queued;
}

int link_tty_line_errors(struct link *link, struct link_line_errors *ret)
{
	struct serial_icounter_struct counts = {.rx = 0};

	if (ioctl(link->fd, TIOCGICOUNT, &counts) < 0)
		return -ENOTSUP;
	ret->overruns = (uint32_t)counts.overrun + (uint32_t)counts.buf_overrun;
	ret->framing_errors = (uint32_t)counts.frame;
	ret->breaks = (uint32_t)counts.brk;
	return 0;
}

void link_tty_flush(struct link *link)
{
	ioctl(link->fd, TCFLSH, TCIOFLUSH);
}

static void tty_close(struct link *link)
{
	ioctl(link->fd, TIOCNXCL);
}

static const struct link_ops tty_ops = {
    .set_rate = tty_set_rate,
    .set_flow = tty_set_flow,
    .set_lines = link_tty_set_lines,
    .queued = link_tty_queued,
    .line_errors = link_tty_line_errors,
    .flush = link_tty_flush,
    .close = tty_close,
};

int link_tty_new(int fd, const struct link_settings *settings, struct link **ret)
{
	int result = configure(fd, settings);

	if (result < 0)
		return result;
	result = link_new(fd, &tty_ops, ret);
	if (result < 0)
		return result;
	(*ret)->rate_bps = settings->rate_bps;
	link_begin_line_errors(*ret);
	return 0;
}
