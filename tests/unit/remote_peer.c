/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/remote_peer.h"

#include <check.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES_MAX 512u

struct remote_peer {
	const struct peer_step *const *scripts;
	size_t count, served;
	bool hold;
	int listener, stop_fd, done_fd, connection;
	uint16_t port;
	pthread_t thread;
	char complaint[4 * BYTES_MAX];
};

static size_t from_hex(const char *text, uint8_t *ret)
{
	size_t length = 0;

	for (const char *at = text; *at; at++) {
		unsigned value;

		if (*at == ' ')
			continue;
		ck_assert_uint_lt(length, BYTES_MAX);
		char pair[3] = {at[0], at[1], '\0'};
		value = (unsigned)strtoul(pair, NULL, 16);
		ret[length++] = (uint8_t)value;
		at++;
	}
	return length;
}

/* False when the test ended first, or the client closed. */
static bool readable(const struct remote_peer *peer, int fd)
{
	struct pollfd wanted[2] = {{.fd = fd, .events = POLLIN}, {.fd = peer->stop_fd, .events = POLLIN}};

	while (poll(wanted, 2, -1) < 0)
		;
	return wanted[0].revents & POLLIN;
}

static void complain(struct remote_peer *peer, const char *expected, const uint8_t *got, size_t length)
{
	size_t written = (size_t)snprintf(peer->complaint, sizeof(peer->complaint), "expected %s, got ", expected);

	for (size_t i = 0; i < length && written + 3 < sizeof(peer->complaint); i++)
		written += (size_t)snprintf(peer->complaint + written, sizeof(peer->complaint) - written, "%02x", got[i]);
}

static bool follow_expect(struct remote_peer *peer, const char *expect)
{
	uint8_t wanted[BYTES_MAX], got[BYTES_MAX];
	size_t length = from_hex(expect, wanted), taken = 0;

	while (taken < length) {
		ssize_t count = readable(peer, peer->connection) ? read(peer->connection, got + taken, length - taken) : 0;
		if (count <= 0)
			break;
		taken += (size_t)count;
	}
	if (taken == length && memcmp(wanted, got, length) == 0)
		return true;
	complain(peer, expect, got, taken);
	return false;
}

static void follow_send(struct remote_peer *peer, const struct peer_step *step)
{
	bool late = step->send[0] == '~';
	uint8_t bytes[BYTES_MAX];
	size_t length = from_hex(step->send + late, bytes);
	struct pollfd stop = {.fd = peer->stop_fd, .events = POLLIN};

	if (late)
		(void)poll(&stop, 1, PEER_LATE_MS);
	size_t piece = step->whole ? length : 1;

	for (size_t i = 0; i < length; i += piece)
		(void)send(peer->connection, bytes + i, piece, MSG_NOSIGNAL);
}

static void follow_script(struct remote_peer *peer)
{
	size_t number = peer->served < peer->count ? peer->served : peer->count - 1;
	bool good = true;

	for (const struct peer_step *step = peer->scripts[number]; good && (step->expect || step->send); step++) {
		if (step->expect)
			good = follow_expect(peer, step->expect);
		if (good && step->send)
			follow_send(peer, step);
	}
}

static void *serve(void *context)
{
	struct remote_peer *peer = context;
	int on = 1;

	for (; readable(peer, peer->listener); peer->served++) {
		peer->connection = accept(peer->listener, NULL, NULL);
		setsockopt(peer->connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		follow_script(peer);
		if (peer->hold)
			break;
		close(peer->connection);
		peer->connection = -1;
	}
	eventfd_write(peer->done_fd, 1);
	return NULL;
}

/* -1 when this host has no such address. */
static int listen_at(const char *address, uint16_t *ret_port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
	struct addrinfo *found = NULL;
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);
	char number[8];

	ck_assert_int_eq(getaddrinfo(address, "0", &hints, &found), 0);
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = fd < 0 ? -1 : bind(fd, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	if (result < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&bound, &size), 0);
	ck_assert_int_eq(getnameinfo((struct sockaddr *)&bound, size, NULL, 0, number, sizeof(number), NI_NUMERICSERV), 0);
	*ret_port = (uint16_t)strtoul(number, NULL, 10);
	return fd;
}

struct remote_peer *remote_peer_start_at(const char *address, const struct peer_step *const scripts[], size_t count, bool hold)
{
	uint16_t port = 0;
	int listener = listen_at(address, &port);

	if (listener < 0)
		return NULL;
	struct remote_peer *peer = calloc(1, sizeof(*peer));
	ck_assert_ptr_nonnull(peer);
	*peer =
	    (struct remote_peer){.scripts = scripts, .count = count, .hold = hold, .connection = -1, .listener = listener, .port = port};
	peer->stop_fd = eventfd(0, EFD_CLOEXEC);
	peer->done_fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_eq(pthread_create(&peer->thread, NULL, serve, peer), 0);
	return peer;
}

struct remote_peer *remote_peer_start(const struct peer_step *const scripts[], size_t count, bool hold)
{
	struct remote_peer *peer = remote_peer_start_at("127.0.0.1", scripts, count, hold);

	ck_assert_ptr_nonnull(peer);
	return peer;
}

uint16_t remote_peer_port(const struct remote_peer *peer)
{
	return peer->port;
}

const char *remote_peer_stop(struct remote_peer *peer)
{
	eventfd_write(peer->stop_fd, 1);
	pthread_join(peer->thread, NULL);
	return peer->complaint;
}

size_t remote_peer_clients(const struct remote_peer *peer)
{
	return peer->served;
}

void remote_peer_free(struct remote_peer *peer)
{
	if (peer->connection >= 0)
		close(peer->connection);
	close(peer->listener);
	close(peer->stop_fd);
	close(peer->done_fd);
	free(peer);
}

int remote_peer_take(struct remote_peer *peer)
{
	eventfd_t count;
	int connection;

	ck_assert_int_eq(eventfd_read(peer->done_fd, &count), 0);
	connection = peer->connection;
	peer->connection = -1;
	return connection;
}
