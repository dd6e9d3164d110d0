/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/clock.h"
#include "transport/link/link_lookup.h"
#include "transport/link/link_remote.h"

#define KEEP_IDLE_S     10
#define KEEP_INTERVAL_S 5
#define KEEP_PROBES     4
/* A host whose first address is dead must leave time for its second. */
#define ADDRESS_MS 5000
/* A resolver with three servers, none of which answers, takes 30 s as it comes: whoever is told of the first two can do something. */
#define LOOKUP_MS 10000

static int fault_unreached(const char *reason, struct fault *ret_fault)
{
	return fault_set(ret_fault, FAULT_PORT_GONE, "it cannot be reached: %s", reason);
}

static void set_option(int fd, int level, int name, int value)
{
	/* What one kernel does not have makes a dead peer be noticed later, no more. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void configure(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES);
}

bool link_peer_is_dead(int fd, int64_t silence_ms)
{
	struct tcp_info info = {.tcpi_state = 0};
	socklen_t size = sizeof(info);

	/* One question is always on its way to a peer whose window is closed. */
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_retransmits + info.tcpi_probes >= 2 &&
	       info.tcpi_last_ack_recv >= silence_ms;
}

/* 0 once the socket is connected; -ETIMEDOUT, -ECANCELED, or why not. */
static int await_connection(int fd, int cancel_fd, int64_t deadline_ms)
{
	struct pollfd wanted[2] = {{.fd = fd, .events = POLLOUT}, {.fd = cancel_fd, .events = POLLIN}};
	int error = 0;
	socklen_t size = sizeof(error);
	int count;

	do {
		count = clock_poll(wanted, 2, deadline_ms);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	if (wanted[1].revents)
		return -ECANCELED;
	if (count == 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

static int connect_to(const struct sockaddr_storage *to, socklen_t length, int cancel_fd, int64_t deadline_ms, int *ret_fd)
{
	int fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int result = 0;

	if (fd < 0)
		return -errno;
	configure(fd);
	if (connect(fd, (const struct sockaddr *)to, length) < 0)
		result = errno == EINPROGRESS ? await_connection(fd, cancel_fd, deadline_ms) : -errno;
	if (result < 0) {
		close(fd);
		return result;
	}
	*ret_fd = fd;
	return 0;
}

static int connect_to_any(const struct link_hosts *all, int cancel_fd, int64_t deadline_ms, int *ret_fd)
{
	int result = -ETIMEDOUT;

	for (size_t i = 0; i < all->count && clock_now_ms() < deadline_ms; i++) {
		int64_t end_ms = i + 1 < all->count ? clock_deadline_ms(ADDRESS_MS) : deadline_ms;

		result = connect_to(&all->addresses[i], all->lengths[i], cancel_fd, end_ms < deadline_ms ? end_ms : deadline_ms, ret_fd);
		if (result == 0 || result == -ECANCELED)
			break;
	}
	return result;
}

static int fault_unnamed(int error, struct fault *ret_fault)
{
	char reason[128];

	if (error == -ECANCELED || error == -ENOMEM)
		return error;
	if (error == -ENOENT)
		return fault_unreached("nobody knows a host of this name", ret_fault);
	if (error == -ETIMEDOUT)
		return fault_unreached("no name server has answered within 10 s", ret_fault);
	return fault_set(ret_fault, FAULT_PORT_GONE, "it cannot be reached: its name cannot be looked up by %s: %s", LINK_LOOKUP_PROGRAM,
			 strerror_r(-error, reason, sizeof(reason)));
}

int link_connect(const struct link_address *address, int cancel_fd, int64_t patience_ms, struct fault *ret_fault, int *ret_fd)
{
	struct link_hosts all;
	char reason[128];
	int result = link_look_up(LINK_LOOKUP_PROGRAM, address->host, address->port, cancel_fd, clock_deadline_ms(LOOKUP_MS), &all);

	if (result < 0)
		return fault_unnamed(result, ret_fault);
	result = connect_to_any(&all, cancel_fd, clock_deadline_ms(patience_ms), ret_fd);
	if (result == 0 || result == -ECANCELED)
		return result;
	if (result == -ETIMEDOUT)
		return fault_unreached("no answer", ret_fault);
	return fault_unreached(strerror_r(-result, reason, sizeof(reason)), ret_fault);
}
