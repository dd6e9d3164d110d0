/* SPDX-License-Identifier: Apache-2.0
 *
 * The network below a link: connecting, bytes over TCP, peers that go away.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/jumping_clock.h"
#include "tests/unit/remote_case.h"
#include "tests/unit/suite_run.h"
#include "transport/link/link_remote.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What lies unsent would reach the modem when somebody else has its port. */
START_TEST(a_close_takes_back_what_was_not_taken)
{
	static const struct peer_step steps[] = {PEER_END};
	static uint8_t bytes[1 << 20];
	ssize_t count = 1;

	remote_case_serve(steps);
	ck_assert_int_eq(remote_case_open("tcp", &remote_case_plain, -1), 0);
	int fd = remote_peer_take(remote_case.peer);
	remote_case_shrink(fd, SO_RCVBUF);
	const struct iovec piece = {bytes, sizeof(bytes)};
	while (link_write(remote_case.port, &piece, 1, 0) == 0)
		;
	link_close(remote_case.port);
	while (count > 0)
		count = recv(fd, bytes, sizeof(bytes), 0);
	ck_assert_int_eq(count, -1);
	ck_assert_int_eq(errno, ECONNRESET);
	close(fd);
	ck_assert_str_eq(remote_peer_stop(remote_case.peer), "");
	remote_peer_free(remote_case.peer);
}
END_TEST

static const char *const schemes[] = {"rfc2217", "tcp"};

START_TEST(a_peer_that_closes_is_a_port_that_is_gone)
{
	static const struct peer_step opened[] = {REMOTE_OPENED, PEER_END}, raw[] = {PEER_END};
	uint8_t byte = 'x';
	int result = 0;

	remote_case.script = _i == 0 ? opened : raw;
	remote_case.peer = remote_peer_start(&remote_case.script, 1, true);
	ck_assert_int_eq(remote_case_open(schemes[_i], &remote_case_plain, -1), 0);
	close(remote_peer_take(remote_case.peer));
	ck_assert_int_eq(link_read(remote_case.port, &byte, 1, clock_deadline_ms(5000)), -ENODEV);
	while (result == 0) {
		const struct iovec piece = {&byte, 1};
		result = link_write(remote_case.port, &piece, 1, clock_deadline_ms(5000));
	}
	ck_assert_int_eq(result, -ENODEV);
	if (_i == 0)
		ck_assert_int_eq(link_set_rate(remote_case.port, 921600), -ENODEV);
	remote_case_close();
}
END_TEST

START_TEST(a_dead_peer_is_noticed_in_bounded_time)
{
	static const struct peer_step raw[] = {PEER_END};
	static const struct {
		int level, name, value;
	} options[] = {
	    {IPPROTO_TCP, TCP_NODELAY, 1},   {SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 10},
	    {IPPROTO_TCP, TCP_KEEPINTVL, 5}, {IPPROTO_TCP, TCP_KEEPCNT, 4}, {IPPROTO_TCP, TCP_USER_TIMEOUT, 0},
	};

	remote_case_serve(raw);
	ck_assert_int_eq(remote_case_open("tcp", &remote_case_plain, -1), 0);
	for (size_t i = 0; i < COUNT_OF(options); i++) {
		int value = -1;
		socklen_t size = sizeof(value);

		ck_assert_int_eq(getsockopt(remote_case.port->fd, options[i].level, options[i].name, &value, &size), 0);
		ck_assert_int_eq(value, options[i].value);
	}
	/* What such a socket says then is no deadline of ours. */
	ck_assert_int_eq(link_error_of(ETIMEDOUT), -ENODEV);
	ck_assert_int_eq(link_error_of(EHOSTUNREACH), -ENODEV);
	remote_case_close();
}
END_TEST

/* From here on the kernel throws away what comes for that socket, as if its host had no power. */
static void cut_off(int fd)
{
	struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	const struct sock_fprog filter = {.len = COUNT_OF(nothing), .filter = nothing};

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)), 0);
}

/* Looks until it is dead, or that time is over. */
static bool dies_within(int fd, int64_t silence_ms, int64_t duration_ms)
{
	int64_t end_ms = real_ms() + duration_ms;
	bool dead = false;

	while (!dead && real_ms() < end_ms) {
		ck_assert_int_eq(poll(NULL, 0, 10), 0);
		dead = link_peer_is_dead(fd, silence_ms);
	}
	return dead;
}

/* A port that flow control holds takes no bytes for minutes while its modem erases: that is no dead peer, a host without power is. */
START_TEST(a_peer_that_takes_nothing_is_told_from_a_dead_one)
{
	static const struct peer_step raw[] = {PEER_END};
	static uint8_t bytes[1 << 16];
	const struct iovec piece = {bytes, sizeof(bytes)}, one = {bytes, 1};

	remote_case_serve(raw);
	ck_assert_int_eq(remote_case_open("tcp", &remote_case_plain, -1), 0);
	int fd = remote_peer_take(remote_case.peer);
	if (_i == 0) {
		remote_case_shrink(fd, SO_RCVBUF);
		while (link_write(remote_case.port, &piece, 1, 0) == 0)
			;
		ck_assert(!dies_within(remote_case.port->fd, 100, 1500));
	} else {
		cut_off(fd);
		ck_assert_int_eq(link_write(remote_case.port, &one, 1, clock_deadline_ms(1000)), 0);
		ck_assert(!link_peer_is_dead(remote_case.port->fd, 100));
		ck_assert(dies_within(remote_case.port->fd, 100, 20000));
		ck_assert(!link_peer_is_dead(remote_case.port->fd, LINK_PEER_DEAD_MS));
	}
	link_close(remote_case.port);
	close(fd);
	ck_assert_str_eq(remote_peer_stop(remote_case.peer), "");
	remote_peer_free(remote_case.peer);
}
END_TEST

static bool died;

static bool has_died(const struct link *port)
{
	(void)port;
	return died;
}

START_TEST(a_wait_ends_when_the_peer_is_dead)
{
	static const struct link_ops ops = {.peer_is_dead = has_died};
	int64_t start_ms = clock_now_ms();
	int ends[2];
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(link_new(ends[0], &ops, &remote_case.port), 0);
	ck_assert_int_eq(link_read(remote_case.port, &byte, 1, start_ms + 20000), -ETIMEDOUT);
	ck_assert_int_ge(clock_now_ms(), start_ms + 20000);
	died = true;
	start_ms = clock_now_ms();
	ck_assert_int_eq(link_read(remote_case.port, &byte, 1, start_ms + 20000), -ENODEV);
	ck_assert_int_lt(clock_now_ms(), start_ms + 10000);
	link_close(remote_case.port);
	close(ends[1]);
}
END_TEST

START_TEST(bytes_over_tcp_are_as_they_are)
{
	static const struct peer_step steps[] = {{"61ff62", "fffd2c ff00", false}, PEER_END};
	remote_case_serve(steps);
	ck_assert_int_eq(remote_case_open("tcp", &remote_case_plain, -1), 0);
	remote_case_put("a\377b", 3);
	remote_case_read("\xff\xfd\x2c\xff\x00", 5);
	ck_assert_int_eq(link_drain(remote_case.port, clock_deadline_ms(5000)), 0);
	remote_case_close();
}
END_TEST

START_TEST(the_rate_of_bytes_over_tcp_is_fixed)
{
	static const struct peer_step steps[] = {PEER_END};

	remote_case_serve(steps);
	ck_assert_int_eq(remote_case_open("tcp", &remote_case_plain, -1), 0);
	ck_assert(link_has_fixed_rate(remote_case.port));
	ck_assert_uint_eq(link_rate(remote_case.port), 115200);
	ck_assert_int_eq(link_set_rate(remote_case.port, 115200), 0);
	ck_assert_int_eq(link_set_rate(remote_case.port, 921600), -EINVAL);
	ck_assert_uint_eq(link_rate(remote_case.port), 115200);
	ck_assert_int_eq(link_set_flow(remote_case.port, true), 0);
	ck_assert_int_eq(link_set_lines(remote_case.port, true, true), -ENOTSUP);
	remote_case_line_errors(-1, -1, -1);
	remote_case_close();
}
END_TEST

static const struct {
	const char *listens, *name; /* "HOST:" of the port */
} hosts[] = {
    {"127.0.0.1", "tcp://127.0.0.1"},
    {"127.0.0.1", "tcp://localhost"}, /* whose other address refuses */
    {"::1", "tcp://[::1]"},
};

START_TEST(a_host_has_names_and_numbers)
{
	static const struct peer_step steps[] = {{"31", "32", false}, PEER_END};
	static const struct peer_step *const scripts[] = {steps};
	char name[64];

	remote_case.peer = remote_peer_start_at(hosts[_i].listens, scripts, 1, true);
	if (!remote_case.peer)
		return; /* a host without IPv6 */
	snprintf(name, sizeof(name), "%s:%u", hosts[_i].name, remote_peer_port(remote_case.peer));
	int result = link_open(name, &remote_case_plain, &remote_case.fault, &remote_case.port);
	ck_assert_msg(result == 0, "%s", remote_case.fault.message);
	remote_case_put("1", 1);
	remote_case_read("2", 1);
	remote_case_close();
}
END_TEST

START_TEST(a_cancel_ends_the_opening)
{
	static const struct peer_step silent[] = {{REMOTE_OFFERS, NULL, false}, {"ff", NULL, false}, PEER_END};
	int cancel_fd = eventfd(1, EFD_CLOEXEC);
	int64_t start_ms = clock_now_ms();

	remote_case_serve(silent);
	ck_assert_int_eq(remote_case_open("rfc2217", &remote_case_plain, cancel_fd), -ECANCELED);
	ck_assert_int_lt(clock_now_ms() - start_ms, 2000);
	close(cancel_fd);
	remote_peer_stop(remote_case.peer);
	remote_peer_free(remote_case.peer);
}
END_TEST

START_TEST(a_cancel_ends_an_open_link_s_waits)
{
	static const struct peer_step steps[] = {REMOTE_OPENED, PEER_END};
	int cancel_fd = eventfd(0, EFD_CLOEXEC);
	char byte;

	remote_case_serve(steps);
	ck_assert_int_eq(remote_case_open("rfc2217", &remote_case_plain, cancel_fd), 0);
	ck_assert_int_eq(eventfd_write(cancel_fd, 1), 0);
	ck_assert_int_eq(link_read(remote_case.port, &byte, 1, clock_deadline_ms(5000)), -ECANCELED);
	ck_assert_int_eq(link_set_rate(remote_case.port, 921600), -ECANCELED);
	close(cancel_fd);
	remote_peer_stop(remote_case.peer);
	link_close(remote_case.port);
	remote_peer_free(remote_case.peer);
}
END_TEST

/* A listener whose queue is full leaves a connection without an answer. */
static int deaf_listener(int fillers[static 4], uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	for (size_t i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
	}
	*ret_port = ntohs(address.sin_port);
	return listener;
}

START_TEST(a_host_that_does_not_answer_is_told)
{
	int cancel_fd = eventfd(_i == 1, EFD_CLOEXEC);
	int64_t start_ms = clock_now_ms();
	char name[64], message[FAULT_TEXT_SIZE];
	int fillers[4];
	uint16_t number;
	int listener = deaf_listener(fillers, &number);

	snprintf(name, sizeof(name), "%s://127.0.0.1:%u", schemes[_i], number);
	int result = link_open_cancellable(name, &remote_case_plain, cancel_fd, &remote_case.fault, &remote_case.port);
	if (_i == 1) {
		ck_assert_int_eq(result, -ECANCELED);
	} else {
		ck_assert_int_eq(result, -EPROTO);
		snprintf(message, sizeof(message), "port %s: it cannot be reached: no answer", name);
		ck_assert_str_eq(remote_case.fault.message, message);
		ck_assert_int_ge(clock_now_ms() - start_ms, 10000);
		ck_assert_int_lt(clock_now_ms() - start_ms, 12000);
	}
	for (size_t i = 0; i < 4; i++)
		close(fillers[i]);
	close(listener);
	close(cancel_fd);
}
END_TEST

static const struct {
	const char *port;
	const char *message; /* a part */
} unreached[] = {
    {"tcp://127.0.0.1:1", "it cannot be reached: Connection refused"},
    {"rfc2217://[::1]:1", "it cannot be reached: "},
    {"tcp://255.255.255.255:1", "it cannot be reached: "},
    {"tcp://..:1", "it cannot be reached: nobody knows a host of this name"},
};

START_TEST(a_host_that_cannot_be_reached_is_told)
{
	char beginning[128];

	ck_assert_int_eq(link_open(unreached[_i].port, &remote_case_plain, &remote_case.fault, &remote_case.port), -EPROTO);
	ck_assert_int_eq(remote_case.fault.code, FAULT_PORT_GONE);
	snprintf(beginning, sizeof(beginning), "port %s: %s", unreached[_i].port, unreached[_i].message);
	ck_assert_msg(strncmp(remote_case.fault.message, beginning, strlen(beginning)) == 0, "%s", remote_case.fault.message);
}
END_TEST

static TCase *network_cases(void)
{
	TCase *cases = tcase_create("network");

	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, a_close_takes_back_what_was_not_taken);
	tcase_add_loop_test(cases, a_peer_that_closes_is_a_port_that_is_gone, 0, COUNT_OF(schemes));
	tcase_add_test(cases, a_dead_peer_is_noticed_in_bounded_time);
	tcase_add_loop_test(cases, a_peer_that_takes_nothing_is_told_from_a_dead_one, 0, 2);
	tcase_add_test(cases, a_wait_ends_when_the_peer_is_dead);
	tcase_add_test(cases, bytes_over_tcp_are_as_they_are);
	tcase_add_test(cases, the_rate_of_bytes_over_tcp_is_fixed);
	tcase_add_loop_test(cases, a_host_has_names_and_numbers, 0, COUNT_OF(hosts));
	tcase_add_test(cases, a_cancel_ends_the_opening);
	tcase_add_test(cases, a_cancel_ends_an_open_link_s_waits);
	tcase_add_loop_test(cases, a_host_that_does_not_answer_is_told, 0, COUNT_OF(schemes));
	tcase_add_loop_test(cases, a_host_that_cannot_be_reached_is_told, 0, COUNT_OF(unreached));
	return cases;
}

int main(void)
{
	Suite *suite = suite_create("link_network");

	suite_add_tcase(suite, network_cases());
	return suite_run(suite);
}
