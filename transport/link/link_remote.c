/* SPDX-License-Identifier: Apache-2.0
 *
 * A port over the network: opening it, and what can be set there.
 */
#include "transport/link/link_remote.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/clock.h"
#include "transport/link/com_port.h"

#define CONNECT_MS 10000
#define ANSWER_MS  5000 /* a telnet server offers its options at once; this is for a network that loses packets */
#define LINES_MS   2000
/* A server lets go of its port a moment after it was closed: our own session of before does not count as somebody's. */
#define IN_USE_MS       3000
#define IN_USE_PAUSE_MS 200
#define UART_FIFO_BYTES 64u
#define LATENCY_MAX_MS  2000

/* What the kernel took and the peer's has not acknowledged. */
static int unsent(const struct link *link)
{
	int queued = 0;

	return ioctl(link->fd, SIOCOUTQ, &queued) < 0 ? -errno : queued;
}

static int tcp_set_rate(struct link *link, uint32_t rate_bps)
{
	return rate_bps == link->rate_bps ? 0 : -EINVAL;
}

static int tcp_queued(struct link *link)
{
	return unsent(link);
}

/* A close that leaves bytes behind would let them reach the modem when somebody else talks to it. */
static void tcp_flush(struct link *link)
{
	const struct linger none = {.l_onoff = 1, .l_linger = 0};

	if (unsent(link) > 0)
		(void)setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static bool peer_is_dead(const struct link *link)
{
	return link_peer_is_dead(link->fd, LINK_PEER_DEAD_MS);
}

static const struct link_ops tcp_ops = {
    .peer_is_dead = peer_is_dead,
    .set_rate = tcp_set_rate,
    .queued = tcp_queued,
    .flush = tcp_flush,
};

static int ask_byte(struct link *link, uint8_t command, uint8_t value, int64_t duration_ms, uint32_t *ret_answer)
{
	return remote_ask(link, command, &value, 1, clock_deadline_ms(duration_ms), ret_answer);
}

/* A server that cannot do it answers what it does instead. */
static int remote_set_rate(struct link *link, uint32_t rate_bps)
{
	const uint8_t value[] = {(uint8_t)(rate_bps >> 24), (uint8_t)(rate_bps >> 16), (uint8_t)(rate_bps >> 8), (uint8_t)rate_bps};
	uint32_t answer = 0;
	int result = remote_ask(link, COM_PORT_SET_BAUDRATE, value, sizeof(value), clock_deadline_ms(ANSWER_MS), &answer);

	if (result < 0)
		return result;
	return answer == rate_bps ? 0 : -EINVAL;
}

static int remote_set_flow(struct link *link, bool hardware_flow)
{
	uint8_t wanted = hardware_flow ? COM_PORT_FLOW_HARDWARE : COM_PORT_FLOW_NONE;
	struct remote *remote = link->port;
	uint32_t answer = 0;
	int result = ask_byte(link, COM_PORT_SET_CONTROL, wanted, ANSWER_MS, &answer);

	if (result < 0)
		return result;
	if (answer != wanted)
		return -ENOTSUP;
	remote->hardware_flow = hardware_flow;
	return 0;
}

/* Servers say nothing, or what is instead, of a line that their port has not. */
static int set_line(struct link *link, uint8_t wanted)
{
	uint32_t answer = 0;
	int result = ask_byte(link, COM_PORT_SET_CONTROL, wanted, LINES_MS, &answer);

	if (result == -ETIMEDOUT || (result == 0 && answer != wanted))
		return -ENOTSUP;
	return result;
}

static int remote_set_lines(struct link *link, bool dtr, bool rts)
{
	int result = set_line(link, dtr ? COM_PORT_DTR_ON : COM_PORT_DTR_OFF);

	return result < 0 ? result : set_line(link, rts ? COM_PORT_RTS_ON : COM_PORT_RTS_OFF);
}

/* CTS is told as it changes: only the newest word of it counts. */
static int take_in_news(struct link *link)
{
	int result;

	do {
		result = remote_pump(link);
	} while (result == 0);
	return result == -EAGAIN || result == -EINTR ? 0 : result;
}

static int remote_queued(struct link *link)
{
	const struct remote *remote = link->port;
	int result = take_in_news(link);

	if (result < 0)
		return result;
	result = unsent(link);
	if (result != 0)
		return result;
	bool cts_off = remote->hardware_flow && remote->cts_works && !remote->cts;
	return link->is_held || cts_off || remote->line_free_us > clock_now_ms() * 1000;
}

static int remote_line_errors(struct link *link, struct link_line_errors *ret)
{
	const struct remote *remote = link->port;

	/* A port that is gone keeps what was told. */
	(void)take_in_news(link);
	*ret = remote->line_errors;
	return remote->line_state_told ? 0 : -ENOTSUP;
}

static int remote_purge_input(struct link *link)
{
	struct remote *remote = link->port;
	uint32_t answer = 0;

	if (remote->deaf_to_purge)
		return 0;
	int result = ask_byte(link, COM_PORT_PURGE_DATA, COM_PORT_PURGE_RECEIVED, LINES_MS, &answer);
	remote->deaf_to_purge = result == -ETIMEDOUT;
	return result == -ETIMEDOUT ? 0 : result;
}

static void remote_close(struct link *link)
{
	free(link->port);
}

static const struct link_ops remote_ops = {
    .peer_is_dead = peer_is_dead,
    .read = remote_read,
    .write = remote_write,
    .has_input = remote_has_input,
    .has_output = remote_has_output,
    .set_rate = remote_set_rate,
    .set_flow = remote_set_flow,
    .set_lines = remote_set_lines,
    .queued = remote_queued,
    .line_errors = remote_line_errors,
    .purge_input = remote_purge_input,
    .flush = tcp_flush,
    .close = remote_close,
};

/* Until both sides agree, or one will not. */
static int negotiate(struct link *link, struct fault *fault)
{
	struct remote *remote = link->port;
	uint8_t offers[TELNET_OFFERS_SIZE];
	int64_t deadline_ms = clock_deadline_ms(ANSWER_MS);
	size_t length = telnet_options_begin(&remote->options, offers);
	int result = remote_send_raw(link, offers, length, deadline_ms);
	int state = 0;

	while (result == 0 && (state = telnet_options_state(&remote->options)) == 0)
		result = remote_await_input(link, deadline_ms);
	if (result == -ETIMEDOUT)
		return fault_set(
		    fault, FAULT_PORT_GONE,
		    "it does not speak RFC 2217 (no word of telnet's COM-PORT option in %d s): use tcp:// for a port that passes "
		    "bytes on as they are",
		    ANSWER_MS / 1000);
	if (state == -2)
		return fault_set(
		    fault, FAULT_PORT_GONE,
		    "it does not speak RFC 2217 (it refuses telnet's COM-PORT option): use tcp:// for a port that passes bytes on "
		    "as they are");
	if (state == -1)
		return fault_set(fault, FAULT_PORT_GONE, "it refuses telnet's BINARY option, without which a bundle cannot be sent");
	return result;
}

static int check(int result, uint32_t answer, uint32_t wanted)
{
	return result == 0 && answer != wanted ? -EINVAL : result;
}

/* 8N1, whatever it was. */
static int set_frame(struct link *link)
{
	static const struct {
		uint8_t command, value;
	} settings[] = {
	    {COM_PORT_SET_DATASIZE, COM_PORT_DATASIZE_8},
	    {COM_PORT_SET_PARITY, COM_PORT_PARITY_NONE},
	    {COM_PORT_SET_STOPSIZE, COM_PORT_STOPSIZE_1},
	};
	int result = 0;

	for (size_t i = 0; result == 0 && i < sizeof(settings) / sizeof(settings[0]); i++) {
		uint32_t answer = 0;

		result = ask_byte(link, settings[i].command, settings[i].value, ANSWER_MS, &answer);
		result = check(result, answer, settings[i].value);
	}
	return result;
}

/* Servers need not answer these: what they tell is counted when it comes. */
static int ask_for_news(struct link *link)
{
	const uint8_t line_mask = COM_PORT_LINE_OVERRUN | COM_PORT_LINE_FRAMING | COM_PORT_LINE_BREAK;
	const uint8_t modem_mask = COM_PORT_MODEM_CTS | COM_PORT_MODEM_CTS_CHANGED;
	int64_t deadline_ms = clock_deadline_ms(ANSWER_MS);
	int result = remote_tell(link, COM_PORT_SET_LINESTATE_MASK, &line_mask, 1, deadline_ms);

	return result < 0 ? result : remote_tell(link, COM_PORT_SET_MODEMSTATE_MASK, &modem_mask, 1, deadline_ms);
}

static int fault_setting(int result, const char *what, struct fault *fault)
{
	if (result == -ETIMEDOUT)
		return fault_set(fault, FAULT_PORT_GONE, "it takes telnet's COM-PORT option and does not answer when it is to set %s",
				 what);
	if (result == -EINVAL || result == -ENOTSUP)
		return fault_set(fault, FAULT_PORT_GONE, "its port cannot do %s", what);
	return result;
}

/* A packet that was lost makes it no longer than this. */
static int64_t latency_of(int64_t duration_ms)
{
	return duration_ms < LATENCY_MAX_MS ? duration_ms : LATENCY_MAX_MS;
}

static int set_up(struct link *link, const struct link_settings *settings, struct fault *fault)
{
	char rate[32];
	int64_t started_ms = clock_now_ms();
	int result = remote_set_rate(link, settings->rate_bps);

	link->latency_ms = latency_of(clock_now_ms() - started_ms);
	snprintf(rate, sizeof(rate), "%u bit/s", settings->rate_bps);
	if (result < 0)
		return fault_setting(result, rate, fault);
	link->rate_bps = settings->rate_bps;
	result = set_frame(link);
	if (result < 0)
		return fault_setting(result, "8N1", fault);
	result = remote_set_flow(link, settings->hardware_flow);
	if (result < 0)
		return fault_setting(result, settings->hardware_flow ? "RTS/CTS flow control" : "without flow control", fault);
	return ask_for_news(link);
}

static bool says_in_use(const struct remote *remote)
{
	return memmem(remote->text, remote->text_length, "in use", strlen("in use")) != NULL;
}

/* A server that lets nobody in says why as text, and closes. */
static int fault_closed(const struct remote *remote, struct fault *fault)
{
	size_t length = remote->text_length;

	while (length > 0 && strchr("\r\n", remote->text[length - 1]))
		length--;
	if (says_in_use(remote))
		fault_set(fault, FAULT_PORT_IN_USE, "its port is held by another client or program");
	else
		fault_set(fault, FAULT_PORT_GONE, "it closed the connection%s", length > 0 ? " and said why" : " at once");
	fault_set_evidence(fault, remote->text, length);
	return -EPROTO;
}

/* Takes fd, also when it fails. */
static int open_session(int fd, const struct link_settings *settings, int cancel_fd, struct fault *fault, struct link **ret)
{
	struct remote *remote = calloc(1, sizeof(*remote));
	struct link *link = NULL;
	int result = remote ? link_new(fd, &remote_ops, &link) : -ENOMEM;

	if (result < 0) {
		free(remote);
		close(fd);
		return result;
	}
	link->port = remote;
	link->is_socket = true;
	link->fifo_bytes = UART_FIFO_BYTES;
	link->counts_line_errors = true;
	link_set_cancel_fd(link, cancel_fd);
	telnet_decoder_init(&remote->decoder);
	remote->opening = true;
	result = negotiate(link, fault);
	if (result == 0)
		result = set_up(link, settings, fault);
	if (result == -ENODEV) {
		/* A write that fails is noticed before what the server said last was read. */
		(void)take_in_news(link);
		result = fault_closed(remote, fault);
	}
	if (result < 0) {
		link_close(link);
		return result;
	}
	remote->opening = false;
	*ret = link;
	return 0;
}

/* Of the kernel's, as nobody but the modem answers here. */
static int64_t round_trip_ms(int fd)
{
	struct tcp_info info = {.tcpi_rtt = 0};
	socklen_t size = sizeof(info);

	(void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	return latency_of((int64_t)info.tcpi_rtt / 1000);
}

static int open_tcp(int fd, const struct link_settings *settings, int cancel_fd, struct link **ret)
{
	int result = link_new(fd, &tcp_ops, ret);

	if (result < 0) {
		close(fd);
		return result;
	}
	(*ret)->is_socket = true;
	(*ret)->fixed_rate = true;
	(*ret)->latency_ms = round_trip_ms(fd);
	(*ret)->rate_bps = settings->rate_bps;
	link_set_cancel_fd(*ret, cancel_fd);
	return 0;
}

static int open_once(const struct link_address *address, const struct link_settings *settings, int cancel_fd, struct fault *fault,
		     struct link **ret)
{
	int fd = -1;
	int result = link_connect(address, cancel_fd, CONNECT_MS, fault, &fd);

	if (result < 0)
		return result;
	if (address->kind == LINK_KIND_TCP)
		return open_tcp(fd, settings, cancel_fd, ret);
	return open_session(fd, settings, cancel_fd, fault, ret);
}

/* 0 after that while, or -ECANCELED. */
static int pause_between(int cancel_fd)
{
	struct pollfd cancel = {.fd = cancel_fd, .events = POLLIN};

	return clock_poll(&cancel, 1, clock_deadline_ms(IN_USE_PAUSE_MS)) > 0 ? -ECANCELED : 0;
}

int link_remote_new(const char *port, const struct link_address *address, const struct link_settings *settings, int cancel_fd,
		    struct fault *ret_fault, struct link **ret)
{
	int64_t in_use_end_ms = clock_deadline_ms(IN_USE_MS);
	char reason[128];
	int result;

	for (;;) {
		result = open_once(address, settings, cancel_fd, ret_fault, ret);
		if (result != -EPROTO || ret_fault->code != FAULT_PORT_IN_USE || clock_now_ms() >= in_use_end_ms)
			break;
		result = pause_between(cancel_fd);
		if (result < 0)
			break;
	}
	if (result == -EPROTO)
		fault_prefix(ret_fault, "port %s", port);
	if (result == 0 || result == -ECANCELED || result == -EPROTO)
		return result;
	return fault_set(ret_fault, FAULT_PORT_GONE, "port %s cannot be opened: %s", port, strerror_r(-result, reason, sizeof(reason)));
}
