/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of a link, for the files of this room only: every backend gives a non-blocking descriptor, link.c does the rest.
 */
#ifndef TRANSPORT_LINK_BACKEND_H
#define TRANSPORT_LINK_BACKEND_H

#include "transport/link/link.h"

/* Sums of the kernel; they wrap. */
struct link_line_errors {
	uint32_t overruns;
	uint32_t framing_errors;
	uint32_t breaks;
};

/* What differs between backends. An absent operation means that the backend has no such thing. All return 0 or a negative errno. */
struct link_ops {
	/* Where bytes of the link are not those of the descriptor. One system call at most, none waits: -EAGAIN. */
	ssize_t (*read)(struct link *link, void *ret_bytes, size_t size);
	ssize_t (*write)(struct link *link, const struct iovec *pieces, int count);
	bool (*has_input)(const struct link *link);            /* read() has bytes that poll() knows nothing of */
	bool (*has_output)(const struct link *link);           /* a write() of nothing would send what is left of the one before */
	int (*set_rate)(struct link *link, uint32_t rate_bps); /* sets and reads back: -EINVAL when the port rounded it */
	int (*set_flow)(struct link *link, bool hardware_flow);
	int (*set_lines)(struct link *link, bool dtr, bool rts);
	int (*queued)(struct link *link); /* bytes accepted by the kernel that have not left */
	int (*line_errors)(struct link *link, struct link_line_errors *ret);
	bool (*peer_is_dead)(const struct link *link); /* the far end, of which the descriptor says nothing yet */
	int (*purge_input)(struct link *link);         /* throws away received bytes that no read would find yet */
	void (*flush)(struct link *link);              /* throws away what the kernel holds, both ways */
	void (*close)(struct link *link);              /* releases port and lock_fd; fd is closed by link_close() */
};

struct link {
	const struct link_ops *ops;
	int fd;
	int lock_fd; /* a second descriptor that carries the lock, or -1 */
	void *port;  /* the backend's own */
	bool is_socket;
	bool is_held;    /* the far end wants no bytes now; what ends that comes as input */
	bool fixed_rate; /* the far end's, which nobody here can set or ask */
	int cancel_fd;
	uint32_t rate_bps;
	int64_t latency_ms;
	uint32_t fifo_bytes; /* what a UART may still hold when the kernel's queue is empty */
	uint64_t drained_at; /* bytes_sent when the last drain ended */
	struct link_counters counters;
	bool counts_line_errors;
	struct link_line_errors line_errors_at_open;
	link_trace_fn trace;
	void *trace_context;
};

/* A link over fd with nothing armed. Takes the descriptor on success only. */
int link_new(int fd, const struct link_ops *ops, struct link **ret);

/* Waits for one of poll()'s `events`. 0, -ETIMEDOUT, -ECANCELED, -ENODEV when the port is gone. */
int link_wait(const struct link *link, short events, int64_t deadline_ms);

/* What an errno of a descriptor means to who uses the link: -ENODEV for all that a port which is gone can say. */
int link_error_of(int error);

/* From here on the kernel's sums count, where the backend has them. */
void link_begin_line_errors(struct link *link);

/* Makes an open and claimed tty ready: 8N1, raw, at the rate. Both take fd on success only. */
int link_tty_new(int fd, const struct link_settings *settings, struct link **ret);
int link_serial_new(int fd, const char *path, const struct link_settings *settings, struct link **ret);

/* Shared by both tty backends. */
/* Sets VMIN 1: with 0, which libserialport leaves, an idle port reads as 0 bytes just as one that is gone. */
int link_tty_read_blocks(int fd);
int link_tty_queued(struct link *link);
int link_tty_line_errors(struct link *link, struct link_line_errors *ret);
void link_tty_flush(struct link *link);
int link_tty_set_lines(struct link *link, bool dtr, bool rts);

struct link_holder {
	pid_t pid;
	char program[32];
};

/* Looks in /proc for a process that has this device open, other than `except` (0: none excepted). The process at the master end
 * of a pty does not count: it may hold the slave open so that the pty survives its clients. Needs no rights; what may not be
 * read is not found. */
bool link_holder_find(const char *path, pid_t except, struct link_holder *ret);
/* Who has the lock on it (flock), which /proc/locks tells of the programs of all users. */
bool link_holder_of_lock(const char *path, struct link_holder *ret);

#endif
