/* SPDX-License-Identifier: Apache-2.0
 *
 * A link is a pipe of bytes to one modem: the one abstraction that the rest of the engine stands on. Backends: a real
 * serial port (libserialport opens and configures it, its handle is polled by us), a plain tty or pty (termios), and a port over the
 * network (RFC 2217, or bytes over TCP).
 * A link belongs to one thread at a time. No function here waits without a deadline.
 */
#ifndef TRANSPORT_LINK_H
#define TRANSPORT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "transport/fault.h"

struct link;

struct link_settings {
	uint32_t rate_bps;
	bool hardware_flow; /* RTS/CTS; protocol.md 2 */
};

enum link_direction { LINK_SENT, LINK_RECEIVED };

/* Called with every piece of bytes that crossed the link, in order, on the thread that owns the link. */
typedef void (*link_trace_fn)(void *context, enum link_direction direction, const uint8_t *bytes, size_t length);

struct link_counters {
	uint64_t bytes_sent;
	uint64_t bytes_received;
	uint64_t writes; /* system calls that moved bytes out */
	uint64_t reads;
	/* What the kernel (TIOCGICOUNT) or the RFC 2217 server saw since the port was opened; -1: it does not tell (a pty, some drivers). */
	int64_t overruns;       /* received bytes lost in the UART or in the kernel's buffer */
	int64_t framing_errors; /* bytes without a stop bit: the other side talks at another rate, or the line is noisy */
	int64_t breaks;         /* a line held low: a modem that restarts, or has no power */
};

/* Why this text is no port string: a clause that begins with "is" or "has", static; NULL when it is one. Only the text is looked at. A port
 * string is the absolute path of a tty, rfc2217://HOST:PORT or tcp://HOST:PORT; HOST is a name, an IPv4 address, or an IPv6 address
 * in brackets. */
const char *link_port_problem(const char *port);

/* A port string that is no path: whether the port is there shows only when it is opened. */
bool link_port_is_remote(const char *port);

/* Opens a port by its string. 8N1, raw. Returns 0 and a link to be closed with link_close(), or -EPROTO with *ret_fault filled.
 * A path: symlinks are followed; the kind of tty decides the backend. The port is taken exclusively (TIOCEXCL and an advisory lock):
 * FAULT_PORT_IN_USE names the holder's pid and program where /proc tells; FAULT_PORT_GONE when it does not exist or is no tty. Does not
 * block on carrier.
 * rfc2217://: the port of a telnet server as RFC 2217 has it. FAULT_PORT_IN_USE when the server says so; FAULT_PORT_GONE when it cannot be
 * reached, says nothing, speaks another protocol, or cannot set its port up as it is told. Takes up to 25 s.
 * tcp://: bytes as they are; rate and flow control are the far end's and stay as they are, the rate of the settings is taken for granted. */
int link_open(const char *port, const struct link_settings *settings, struct fault *ret_fault, struct link **ret);

/* The same, but that it ends with -ECANCELED as soon as cancel_fd is readable, if that is ≥ 0; the link has it armed. */
int link_open_cancellable(const char *port, const struct link_settings *settings, int cancel_fd, struct fault *ret_fault,
			  struct link **ret);

/* A link over a descriptor that is already a byte pipe (socket pair, for tests). Takes the descriptor. */
int link_open_fd(int fd, struct link **ret);

/* Discards what is queued, releases the lock, closes. NULL is fine. */
void link_close(struct link *link);
static inline void link_closep(struct link **link)
{
	link_close(*link);
}

/* While set (≥ 0), every wait also ends with -ECANCELED as soon as the descriptor is readable. -1 disarms. Not owned.
 * Returns the one that was set before. */
int link_set_cancel_fd(struct link *link, int cancel_fd);

void link_set_trace(struct link *link, link_trace_fn trace, void *context);

/* Reads what is there, at least one byte. Returns the count, or -ETIMEDOUT at the deadline, -ECANCELED, -ENODEV when
 * the port is gone (hang-up), or another negative errno. A deadline in the past reads what is queued. */
ssize_t link_read(struct link *link, void *ret_bytes, size_t size, int64_t deadline_ms);

/* Writes all of the pieces with one system call where the kernel takes it whole. Returns 0, -ETIMEDOUT (flow control holds
 * the line), -ECANCELED, -ENODEV, or another negative errno. */
int link_write(struct link *link, const struct iovec *pieces, int count, int64_t deadline_ms);

/* Waits until what was written has left, or the deadline: -ETIMEDOUT. Over a network nobody tells: what the far end's host has acknowledged
 * is then given the time that its bytes take at the rate, and flow control shows only where the server tells how CTS is (rfc2217://). */
int link_drain(struct link *link, int64_t deadline_ms);

/* Sets the speed of the host's side, in bit/s, after what was written has left; reads it back: -EINVAL if the port rounded it,
 * and is at the rate of before again. */
int link_set_rate(struct link *link, uint32_t rate_bps);
uint32_t link_rate(const struct link *link);

/* How much later than over a wire an answer comes, in ms: a network's way there and back, as it was when the port was opened. 0 for a tty. */
int64_t link_latency_ms(const struct link *link);

/* tcp://: every rate but the one of the settings is -EINVAL, and that one is a guess. */
bool link_has_fixed_rate(const struct link *link);

int link_set_flow(struct link *link, bool hardware_flow);

/* Modem lines. -ENOTSUP where the backend has none. */
int link_set_lines(struct link *link, bool dtr, bool rts);

/* Throws away received bytes, those in the kernel included. */
int link_flush_input(struct link *link);

/* Waits that long, in ms, reading and discarding (they still reach the trace). 0, or the errors of link_read but -ETIMEDOUT. */
int link_quiet(struct link *link, int64_t duration_ms);

/* Asks the kernel where it counts: one system call. */
void link_get_counters(struct link *link, struct link_counters *ret);

#endif
