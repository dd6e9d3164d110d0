/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/link/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "transport/clock.h"
#include "transport/link/link_backend.h"

#define PIECES_MAX     4
#define FLUSH_LIMIT    65536u /* a port that never stops talking must not hold us */
#define RATE_DRAIN_MS  1000
#define DRAIN_LOOK_MS  1
#define PEER_LOOK_MS   5000 /* how often a long wait asks after a peer over a network */
#define QUIET_BUFFER   512u
#define GONE_CONDITION (POLLHUP | POLLERR | POLLNVAL)

int link_new(int fd, const struct link_ops *ops, struct link **ret)
{
	struct link *link = calloc(1, sizeof *link);

	if (!link)
		return -ENOMEM;
	link->ops = ops;
	link->fd = fd;
	link->lock_fd = -1;
	link->cancel_fd = -1;
	*ret = link;
	return 0;
}

void link_close(struct link *link)
{
	if (!link)
		return;
	if (link->ops->flush)
		link->ops->flush(link);
	if (link->ops->close)
		link->ops->close(link);
	if (link->fd >= 0)
		close(link->fd);
	if (link->lock_fd >= 0)
		close(link->lock_fd);
	free(link);
}

int link_set_cancel_fd(struct link *link, int cancel_fd)
{
	int previous = link->cancel_fd;

	link->cancel_fd = cancel_fd;
	return previous;
}

void link_set_trace(struct link *link, link_trace_fn trace, void *context)
{
	link->trace = trace;
	link->trace_context = context;
}

void link_get_counters(struct link *link, struct link_counters *ret)
{
	struct link_line_errors now;
	const struct link_line_errors *before = &link->line_errors_at_open;

	*ret = link->counters;
	ret->overruns = ret->framing_errors = ret->breaks = -1;
	if (!link->counts_line_errors || link->ops->line_errors(link, &now) < 0)
		return;
	ret->overruns = now.overruns - before->overruns;
	ret->framing_errors = now.framing_errors - before->framing_errors;
	ret->breaks = now.breaks - before->breaks;
}

void link_begin_line_errors(struct link *link)
{
	link->counts_line_errors = link->ops->line_errors && link->ops->line_errors(link, &link->line_errors_at_open) == 0;
}

uint32_t link_rate(const struct link *link)
{
	return link->rate_bps;
}

int64_t link_latency_ms(const struct link *link)
{
	return link->latency_ms;
}

bool link_has_fixed_rate(const struct link *link)
{
	return link->fixed_rate;
}

/* 0 when one of `events` is there, else the error of the link that ended the wait. */
static int judge_wait(int count, short events, const struct pollfd wanted[2])
{
	if (count < 0)
		return errno == EINTR ? -EINTR : -errno;
	if (wanted[1].revents)
		return -ECANCELED;
	/* Input that came before the hang-up is still to be had. */
	if (wanted[0].revents & events)
		return 0;
	if (wanted[0].revents & GONE_CONDITION)
		return -ENODEV;
	return -ETIMEDOUT;
}

int link_wait(const struct link *link, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd wanted[2] = {{.fd = link->fd, .events = events}, {.fd = link->cancel_fd, .events = POLLIN}};
		int64_t look_ms = link->ops->peer_is_dead ? clock_deadline_ms(PEER_LOOK_MS) : deadline_ms;
		int64_t end_ms = look_ms < deadline_ms ? look_ms : deadline_ms;
		int result = judge_wait(clock_poll(wanted, 2, end_ms), events, wanted);

		if (result == -ETIMEDOUT && link->ops->peer_is_dead && link->ops->peer_is_dead(link))
			return -ENODEV;
		if (result != -EINTR && (result != -ETIMEDOUT || end_ms == deadline_ms))
			return result;
	}
}

/* No event tells that a queue ran empty: look again after a moment that a cancel can end. */
static int wait_for_queue(const struct link *link)
{
	struct pollfd wanted[2] = {{.fd = link->fd}, {.fd = link->cancel_fd, .events = POLLIN}};

	return judge_wait(clock_poll(wanted, 2, clock_deadline_ms(DRAIN_LOOK_MS)), 0, wanted);
}

int link_error_of(int error)
{
	switch (error) {
	case EIO:
	case ENXIO:
	case ENODEV:
	case EPIPE:
	case ECONNRESET:
	case ECONNABORTED:
	case ETIMEDOUT: /* of a socket: the peer is dead */
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
		return -ENODEV;
	default:
		return -error;
	}
}

static bool is_transient(int error)
{
	return error == EAGAIN || error == EINTR;
}

/* One system call: the count, or a negative errno. */
static ssize_t receive(struct link *link, void *ret_bytes, size_t size)
{
	if (link->ops->read)
		return link->ops->read(link, ret_bytes, size);
	ssize_t count = read(link->fd, ret_bytes, size);
	if (count == 0)
		return -ENODEV;
	return count < 0 ? -errno : count;
}

static bool has_input(const struct link *link)
{
	return link->ops->has_input && link->ops->has_input(link);
}

ssize_t link_read(struct link *link, void *ret_bytes, size_t size, int64_t deadline_ms)
{
	for (;;) {
		int result = has_input(link) ? 0 : link_wait(link, POLLIN, deadline_ms);
		if (result < 0)
			return result;
		ssize_t count = receive(link, ret_bytes, size);
		if (count < 0 && is_transient((int)-count))
			continue;
		if (count < 0)
			return link_error_of((int)-count);
		link->counters.reads++;
		link->counters.bytes_received += (uint64_t)count;
		if (link->trace)
			link->trace(link->trace_context, LINK_RECEIVED, ret_bytes, (size_t)count);
		return count;
	}
}

/* One system call. A socket whose peer closed must not raise SIGPIPE in a library. */
static ssize_t send_pieces(struct link *link, struct iovec *pieces, int count)
{
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};

	if (link->ops->write)
		return link->ops->write(link, pieces, count);
	ssize_t sent = link->is_socket ? sendmsg(link->fd, &message, MSG_NOSIGNAL) : writev(link->fd, pieces, count);
	return sent < 0 ? -errno : sent;
}

/* Takes `sent` bytes off the front; returns the pieces that are left. */
static int advance(struct link *link, struct iovec **pieces, int count, size_t sent)
{
	while (count > 0) {
		struct iovec *piece = *pieces;
		size_t part = sent < piece->iov_len ? sent : piece->iov_len;

		if (part > 0) {
			if (link->trace)
				link->trace(link->trace_context, LINK_SENT, piece->iov_base, part);
			piece->iov_base = (uint8_t *)piece->iov_base + part;
			piece->iov_len -= part;
			sent -= part;
		}
		if (piece->iov_len > 0)
			return count;
		(*pieces)++;
		count--;
	}
	return count;
}

static bool has_output(const struct link *link)
{
	return link->ops->has_output && link->ops->has_output(link);
}

int link_write(struct link *link, const struct iovec *pieces, int count, int64_t deadline_ms)
{
	struct iovec left[PIECES_MAX];
	struct iovec *next = left;

	if (count < 0 || count > PIECES_MAX)
		return -EINVAL;
	memcpy(left, pieces, sizeof *pieces * (size_t)count);
	count = advance(link, &next, count, 0);
	while (count > 0 || has_output(link)) {
		ssize_t sent = send_pieces(link, next, count);
		if (sent < 0 && !is_transient((int)-sent))
			return link_error_of((int)-sent);
		if (sent > 0) {
			link->counters.writes++;
			link->counters.bytes_sent += (uint64_t)sent;
			count = advance(link, &next, count, (size_t)sent);
		}
		if (sent >= 0)
			continue;
		int result = link_wait(link, link->is_held ? POLLIN : POLLOUT, deadline_ms);
		if (result < 0)
			return result;
	}
	return 0;
}

/* The kernel's queue is empty before the UART's own is: give it the time its bytes take at this rate. */
static int wait_fifo(struct link *link, int64_t deadline_ms)
{
	if (link->rate_bps == 0 || link->fifo_bytes == 0)
		return 0;
	int64_t need_ms = (int64_t)link->fifo_bytes * 10 * 1000 / link->rate_bps + 1;
	int64_t end_ms = clock_deadline_ms(need_ms);
	int result = link_wait(link, 0, end_ms < deadline_ms ? end_ms : deadline_ms);
	return result == -ETIMEDOUT ? 0 : result;
}

int link_drain(struct link *link, int64_t deadline_ms)
{
	if (!link->ops->queued || link->drained_at == link->counters.bytes_sent)
		return 0;
	for (;;) {
		int queued = link->ops->queued(link);
		if (queued < 0)
			return link_error_of(-queued);
		if (queued == 0)
			break;
		if (clock_now_ms() >= deadline_ms)
			return -ETIMEDOUT;
		int result = wait_for_queue(link);
		if (result != -ETIMEDOUT && result != -EINTR)
			return result;
	}
	int result = wait_fifo(link, deadline_ms);
	if (result == 0)
		link->drained_at = link->counters.bytes_sent;
	return result;
}

int link_set_rate(struct link *link, uint32_t rate_bps)
{
	int result = link_drain(link, clock_deadline_ms(RATE_DRAIN_MS));

	if (result < 0)
		return result;
	if (link->ops->set_rate)
		result = link->ops->set_rate(link, rate_bps);
	if (result == 0)
		link->rate_bps = rate_bps;
	/* A port that rounds has left its rate. */
	if (result == -EINVAL)
		(void)link->ops->set_rate(link, link->rate_bps);
	return result;
}

int link_set_flow(struct link *link, bool hardware_flow)
{
	return link->ops->set_flow ? link->ops->set_flow(link, hardware_flow) : 0;
}

int link_set_lines(struct link *link, bool dtr, bool rts)
{
	return link->ops->set_lines ? link->ops->set_lines(link, dtr, rts) : -ENOTSUP;
}

int link_flush_input(struct link *link)
{
	uint8_t bytes[QUIET_BUFFER];
	size_t total = 0;
	int result = link->ops->purge_input ? link->ops->purge_input(link) : 0;

	if (result < 0)
		return result;
	while (total < FLUSH_LIMIT) {
		ssize_t count = link_read(link, bytes, sizeof bytes, 0);
		if (count == -ETIMEDOUT)
			return 0;
		if (count < 0)
			return (int)count;
		total += (size_t)count;
	}
	return 0;
}

int link_quiet(struct link *link, int64_t duration_ms)
{
	int64_t end_ms = clock_deadline_ms(duration_ms);
	uint8_t bytes[QUIET_BUFFER];

	for (;;) {
		ssize_t count = link_read(link, bytes, sizeof bytes, end_ms);
		if (count == -ETIMEDOUT)
			return 0;
		if (count < 0)
			return (int)count;
		if (clock_now_ms() >= end_ms)
			return 0;
	}
}

static const struct link_ops descriptor_ops = {.set_rate = NULL};

int link_open_fd(int fd, struct link **ret)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	int result = link_new(fd, &descriptor_ops, ret);
	if (result == 0)
		(*ret)->is_socket = S_ISSOCK(status.st_mode);
	return result;
}
