/* SPDX-License-Identifier: Apache-2.0
 *
 * A real serial port. libserialport opens and configures it, and is not used to move bytes: its reads and writes use select()
 * and cannot tell an idle port from one that was pulled out.
 */
#include "transport/link/link_backend.h"

#include <errno.h>
#include <libserialport.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define UART_FIFO_BYTES 64u

static int error_of(enum sp_return result)
{
	if (result >= SP_OK)
		return 0;
	switch (result) {
	case SP_ERR_ARG:
		return -EINVAL;
	case SP_ERR_MEM:
		return -ENOMEM;
	case SP_ERR_SUPP:
		return -ENOTSUP;
	case SP_ERR_FAIL:
	case SP_OK:
		break;
	}
	return errno > 0 ? -errno : -EIO;
}

/* What drivers cannot do exactly they round without a word. */
static int check_rate(struct sp_port *port, uint32_t rate_bps)
{
	struct sp_port_config *config = NULL;
	int actual = 0;
	int result = error_of(sp_new_config(&config));

	if (result < 0)
		return result;
	result = error_of(sp_get_config(port, config));
	if (result == 0)
		result = error_of(sp_get_config_baudrate(config, &actual));
	sp_free_config(config);
	if (result < 0)
		return result;
	return actual == (int)rate_bps ? 0 : -EINVAL;
}

static int serial_set_rate(struct link *link, uint32_t rate_bps)
{
	int result = error_of(sp_set_baudrate(link->port, (int)rate_bps));

	return result < 0 ? result : check_rate(link->port, rate_bps);
}

static int serial_set_flow(struct link *link, bool hardware_flow)
{
	return error_of(sp_set_flowcontrol(link->port, hardware_flow ? SP_FLOWCONTROL_RTSCTS : SP_FLOWCONTROL_NONE));
}

static void serial_close(struct link *link)
{
	ioctl(link->fd, TIOCNXCL);
	sp_close(link->port);
	sp_free_port(link->port);
	link->fd = -1; /* it was libserialport's */
}

static const struct link_ops serial_ops = {
    .set_rate = serial_set_rate,
    .set_flow = serial_set_flow,
    .set_lines = link_tty_set_lines,
    .queued = link_tty_queued,
    .line_errors = link_tty_line_errors,
    .flush = link_tty_flush,
    .close = serial_close,
};

static int configure(struct sp_port *port, const struct link_settings *settings)
{
	enum sp_flowcontrol flow = settings->hardware_flow ? SP_FLOWCONTROL_RTSCTS : SP_FLOWCONTROL_NONE;
	int result = error_of(sp_set_baudrate(port, (int)settings->rate_bps));

	if (result == 0)
		result = error_of(sp_set_bits(port, 8));
	if (result == 0)
		result = error_of(sp_set_parity(port, SP_PARITY_NONE));
	if (result == 0)
		result = error_of(sp_set_stopbits(port, 1));
	if (result == 0)
		result = error_of(sp_set_flowcontrol(port, flow));
	return result < 0 ? result : check_rate(port, settings->rate_bps);
}

static int make_link(struct sp_port *port, const struct link_settings *settings, struct link **ret)
{
	int fd = -1;
	int result = error_of(sp_get_port_handle(port, &fd));

	if (result == 0)
		result = link_tty_read_blocks(fd);
	if (result == 0)
		result = link_new(fd, &serial_ops, ret);
	if (result < 0)
		return result;
	(*ret)->port = port;
	(*ret)->rate_bps = settings->rate_bps;
	(*ret)->fifo_bytes = UART_FIFO_BYTES;
	link_begin_line_errors(*ret);
	return 0;
}

int link_serial_new(int fd, const char *path, const struct link_settings *settings, struct link **ret)
{
	struct sp_port *port = NULL;
	int result = error_of(sp_get_port_by_name(path, &port));

	if (result < 0)
		return result;
	result = error_of(sp_open(port, SP_MODE_READ_WRITE));
	if (result < 0) {
		sp_free_port(port);
		return result;
	}
	result = configure(port, settings);
	if (result == 0)
		result = make_link(port, settings, ret);
	if (result < 0) {
		sp_close(port);
		sp_free_port(port);
		return result;
	}
	(*ret)->lock_fd = fd;
	return 0;
}
