/* SPDX-License-Identifier: Apache-2.0
 *
 * Links to ports over the network, against a peer that follows a script of bytes. The clock of this program jumps over silences.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/jumping_clock.h"
#include "tests/unit/remote_case.h"
#include "tests/unit/suite_run.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The link's own sends only, which never wait. */
static bool is_narrow;
static size_t width;

/* While it is narrow, one to seven bytes are taken, and every third call takes none. */
ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
	static unsigned calls;

	if (!is_narrow || !(flags & MSG_DONTWAIT))
		return sendto(fd, bytes, length, flags, NULL, 0);
	if (++calls % 3 == 2 || width == 0)
		width = width % 7 + 1;
	if (calls % 3 == 2) {
		errno = EAGAIN;
		return -1;
	}
	return sendto(fd, bytes, length < width ? length : width, flags, NULL, 0);
}

START_TEST(opens_as_it_is_told_and_takes_data_apart)
{
	static const struct peer_step steps[] = {
	    REMOTE_OPENED,
	    {"61ffff62", "78 ffff 79 fff1 7a fffd18 fffa2c ff ff fff0 0d00", false},
	    {"fffc18 6f6b", NULL, false},
	    PEER_END,
	};
	struct link_counters counters;

	remote_case_open_rfc2217(steps);
	ck_assert_uint_eq(link_rate(remote_case.port), 115200);
	ck_assert(!link_has_fixed_rate(remote_case.port));
	remote_case_put("a\377b", 3);
	remote_case_read("x\xffyz\r\0", 6);
	remote_case_put("ok", 2);
	link_get_counters(remote_case.port, &counters);
	ck_assert_uint_eq(counters.bytes_sent, 5);
	ck_assert_uint_eq(counters.bytes_received, 6);
	ck_assert_uint_eq(counters.writes, 2);
	remote_case_close();
}
END_TEST

static const struct {
	const char *name;
	struct peer_step steps[12];
	bool hardware_flow;
	bool is_retried;
	enum fault_code code;
	const char *message; /* behind "port rfc2217://127.0.0.1:N: " */
	const char *evidence;
} refusals[] = {
    {.name = "closes", .steps = {PEER_END}, .code = FAULT_PORT_GONE, .message = "it closed the connection at once"},
    {.name = "is in use",
     .steps = {{REMOTE_OFFERS, REMOTE_AGREED "506f727420616c726561647920696e207573650d0a", true}, PEER_END},
     .is_retried = true,
     .code = FAULT_PORT_IN_USE,
     .message = "its port is held by another client or program",
     .evidence = "Port already in use"},
    {.name = "cannot open its device",
     .steps = {{REMOTE_OFFERS, REMOTE_AGREED "506f727427732064657669636520", true}, {NULL, "6661696c6564206f70656e0d0a", true}, PEER_END},
     .code = FAULT_PORT_GONE,
     .message = "it closed the connection and said why",
     .evidence = "Port's device failed open"},
    {.name = "says nothing",
     .steps = {{REMOTE_OFFERS, NULL, false}, {"ff", NULL, false}, PEER_END},
     .code = FAULT_PORT_GONE,
     .message = "it does not speak RFC 2217 (no word of telnet's COM-PORT option in 5 s): use tcp:// for a port that passes bytes on as "
		"they are"},
    {.name = "passes bytes on",
     .steps = {{REMOTE_OFFERS, "2b535953535441525400", false}, {NULL, REMOTE_OFFERS, false}, {"fffe2cff", NULL, false}, PEER_END},
     .code = FAULT_PORT_GONE,
     .message = "it does not speak RFC 2217 (no word of telnet's COM-PORT option in 5 s): use tcp:// for a port that passes bytes on as "
		"they are"},
    {.name = "is telnet and no port",
     .steps = {{REMOTE_OFFERS, "fffe2c", false}, {"ff", NULL, false}, PEER_END},
     .code = FAULT_PORT_GONE,
     .message = "it does not speak RFC 2217 (it refuses telnet's COM-PORT option): use tcp:// for a port that passes bytes on as they are"},
    {.name = "does text only",
     .steps = {{REMOTE_OFFERS, "fffc00 fffd2c", false}, {"ff", NULL, false}, PEER_END},
     .code = FAULT_PORT_GONE,
     .message = "it refuses telnet's BINARY option, without which a bundle cannot be sent"},
    {.name = "rounds the rate",
     .steps = {{REMOTE_OFFERS, REMOTE_AGREED, false},
	       {REMOTE_DONT_ECHO REMOTE_RATE, "fffa2c65 00002580 fff0", false},
	       {"ff", NULL, false},
	       PEER_END},
     .code = FAULT_PORT_GONE,
     .message = "its port cannot do 115200 bit/s"},
    {.name = "does not answer",
     .steps = {{REMOTE_OFFERS, REMOTE_AGREED, false}, {REMOTE_DONT_ECHO REMOTE_RATE, NULL, false}, {"ff", NULL, false}, PEER_END},
     .code = FAULT_PORT_GONE,
     .message = "it takes telnet's COM-PORT option and does not answer when it is to set 115200 bit/s"},
    {.name = "has seven bits",
     .steps = {{REMOTE_OFFERS, REMOTE_AGREED, false},
	       {REMOTE_DONT_ECHO REMOTE_RATE, REMOTE_RATE_SET, false},
	       {"fffa2c0208fff0", "fffa2c6607fff0", false},
	       {"ff", NULL, false},
	       PEER_END},
     .code = FAULT_PORT_GONE,
     .message = "its port cannot do 8N1"},
    {.name = "has no RTS/CTS",
     .steps = {{REMOTE_OFFERS, REMOTE_AGREED, false},
	       {REMOTE_DONT_ECHO REMOTE_RATE, REMOTE_RATE_SET, false},
	       REMOTE_FRAME_SET,
	       {REMOTE_FLOW_RTS, "fffa2c6901fff0", false},
	       {"ff", NULL, false},
	       PEER_END},
     .hardware_flow = true,
     .code = FAULT_PORT_GONE,
     .message = "its port cannot do RTS/CTS flow control"},
};

START_TEST(says_what_is_wrong_with_a_server)
{
	const struct link_settings settings = {.rate_bps = 115200, .hardware_flow = refusals[_i].hardware_flow};
	char message[FAULT_TEXT_SIZE];

	remote_case.script = refusals[_i].steps;
	remote_case.peer = remote_peer_start(&remote_case.script, 1, false);
	ck_assert_int_eq(remote_case_open("rfc2217", &settings, -1), -EPROTO);
	snprintf(message, sizeof(message), "port rfc2217://127.0.0.1:%u: %s", remote_peer_port(remote_case.peer), refusals[_i].message);
	ck_assert_str_eq(remote_case.fault.message, message);
	ck_assert_int_eq(remote_case.fault.code, refusals[_i].code);
	ck_assert_str_eq(remote_case.fault.evidence, refusals[_i].evidence ? refusals[_i].evidence : "");
	remote_peer_stop(remote_case.peer);
	/* A session of our own that has just ended is waited for. */
	ck_assert_int_eq(remote_peer_clients(remote_case.peer) > 2, refusals[_i].is_retried);
	remote_peer_free(remote_case.peer);
}
END_TEST

START_TEST(a_port_in_use_that_becomes_free_is_opened)
{
	static const struct peer_step busy[] = {{REMOTE_OFFERS, REMOTE_AGREED "506f727420616c726561647920696e20757365", true}, PEER_END};
	static const struct peer_step opened[] = {REMOTE_OPENED, PEER_END};
	static const struct peer_step *const scripts[] = {busy, busy, opened};

	remote_case.peer = remote_peer_start(scripts, COUNT_OF(scripts), false);
	ck_assert_msg(remote_case_open("rfc2217", &remote_case_plain, -1) == 0, "%s", remote_case.fault.message);
	remote_case_close();
}
END_TEST

START_TEST(a_slow_way_is_measured)
{
	static const struct peer_step late[] = {
	    {REMOTE_OFFERS, REMOTE_AGREED, true},
	    {REMOTE_DONT_ECHO REMOTE_RATE, "~" REMOTE_RATE_SET, true},
	    REMOTE_FRAME_SET,
	    {REMOTE_FLOW_NONE, "fffa2c6901fff0", false},
	    {REMOTE_MASKS, NULL, false},
	    PEER_END,
	};
	static const struct peer_step prompt[] = {REMOTE_OPENED, PEER_END};

	remote_case_open_rfc2217(late);
	ck_assert_int_ge(link_latency_ms(remote_case.port), PEER_LATE_MS);
	ck_assert_int_le(link_latency_ms(remote_case.port), 2000);
	remote_case_close();
	remote_case_open_rfc2217(prompt);
	ck_assert_int_lt(link_latency_ms(remote_case.port), PEER_LATE_MS);
	remote_case_close();
}
END_TEST

START_TEST(sets_and_checks_the_rate)
{
	static const struct peer_step steps[] = {
	    REMOTE_OPENED,
	    /* Data that comes before the answer belongs to the next read. */
	    {"fffa2c01 000e1000 fff0", "6c617465 fffa2c65 000e1000 fff0", false},
	    /* One that it has not: whatever the server's port came to, it goes back. */
	    {"fffa2c01 003d0900 fff0", "fffa2c65 002dc6c0 fff0", false},
	    {"fffa2c01 000e1000 fff0", "fffa2c65 000e1000 fff0", false},
	    {"fffa2c01 000000ffff fff0", "fffa2c65 000000ffff fff0", false},
	    {"fffa2c01 00002580 fff0", NULL, false},
	    PEER_END,
	};

	remote_case_open_rfc2217(steps);
	ck_assert_int_eq(link_set_rate(remote_case.port, 921600), 0);
	ck_assert_uint_eq(link_rate(remote_case.port), 921600);
	remote_case_read("late", 4);
	ck_assert_int_eq(link_set_rate(remote_case.port, 4000000), -EINVAL);
	ck_assert_uint_eq(link_rate(remote_case.port), 921600);
	ck_assert_int_eq(link_set_rate(remote_case.port, 255), 0);
	ck_assert_int_eq(link_set_rate(remote_case.port, 9600), -ETIMEDOUT);
	remote_case_close();
}
END_TEST

START_TEST(sets_flow_control_and_lines)
{
	static const struct peer_step steps[] = {
	    REMOTE_OPENED,
	    {REMOTE_FLOW_RTS, "fffa2c6903fff0", false},
	    {REMOTE_FLOW_RTS, "fffa2c6901fff0", false},
	    /* DTR on, RTS off; DTR off, RTS on; a port without DTR; one without RTS. */
	    {"fffa2c0508fff0", "fffa2c6908fff0", false},
	    {"fffa2c050cfff0", "fffa2c690cfff0", false},
	    {"fffa2c0509fff0", "fffa2c6909fff0", false},
	    {"fffa2c050bfff0", "fffa2c690bfff0", false},
	    {"fffa2c0508fff0", NULL, false},
	    {"fffa2c0508fff0", "fffa2c6908fff0", false},
	    {"fffa2c050bfff0", "fffa2c690cfff0", false},
	    PEER_END,
	};

	remote_case_open_rfc2217(steps);
	ck_assert_int_eq(link_set_flow(remote_case.port, true), 0);
	ck_assert_int_eq(link_set_flow(remote_case.port, true), -ENOTSUP);
	ck_assert_int_eq(link_set_lines(remote_case.port, true, false), 0);
	ck_assert_int_eq(link_set_lines(remote_case.port, false, true), 0);
	ck_assert_int_eq(link_set_lines(remote_case.port, true, true), -ENOTSUP);
	ck_assert_int_eq(link_set_lines(remote_case.port, true, true), -ENOTSUP);
	remote_case_close();
}
END_TEST

START_TEST(counts_what_the_server_tells_of_its_line)
{
	static const struct peer_step steps[] = {
	    REMOTE_OPENED,
	    {"31", "fffa2c6a12fff0 fffa2c6a08fff0 fffa2c6a10fff0 61", true},
	    PEER_END,
	};

	remote_case_open_rfc2217(steps);
	remote_case_put("1", 1);
	remote_case_read("a", 1);
	remote_case_line_errors(1, 1, 2);
	remote_case_close();
}
END_TEST

START_TEST(a_server_that_tells_nothing_of_its_line_counts_nothing)
{
	static const struct peer_step steps[] = {
	    {REMOTE_OFFERS, REMOTE_AGREED, false},
	    {REMOTE_DONT_ECHO REMOTE_RATE, REMOTE_RATE_SET, false},
	    REMOTE_FRAME_SET,
	    {REMOTE_FLOW_NONE, "fffa2c6901fff0", false},
	    {REMOTE_MASKS "31", "61", false},
	    {"32", "fffa2c6a00fff0 62", false},
	    PEER_END,
	};

	remote_case_open_rfc2217(steps);
	remote_case_put("1", 1);
	remote_case_read("a", 1);
	remote_case_line_errors(-1, -1, -1);
	remote_case_put("2", 1);
	remote_case_read("b", 1);
	remote_case_line_errors(0, 0, 0);
	remote_case_close();
}
END_TEST

START_TEST(a_flush_reaches_the_far_end)
{
	static const struct peer_step steps[] = {
	    REMOTE_OPENED,
	    {"fffa2c0c01fff0", "6f6c64 fffa2c7001fff0", true},
	    {"31", "6e6577", false},
	    /* One that does not answer is asked no second time. */
	    {"fffa2c0c01fff0", NULL, false},
	    {"32", "61", false},
	    PEER_END,
	};

	remote_case_open_rfc2217(steps);
	ck_assert_int_eq(link_flush_input(remote_case.port), 0);
	remote_case_put("1", 1);
	remote_case_read("new", 3);
	ck_assert_int_eq(link_flush_input(remote_case.port), 0);
	ck_assert_int_eq(link_flush_input(remote_case.port), 0);
	remote_case_put("2", 1);
	remote_case_read("a", 1);
	remote_case_close();
}
END_TEST

START_TEST(a_server_that_suspends_is_not_written_to)
{
	static const struct peer_step steps[] = {
	    REMOTE_OPENED,
	    {"31", "fffa2c6cfff0 61", false},
	    {"fffa2c0508fff0", "fffa2c6908fff0", false},
	    {"fffa2c050bfff0", "fffa2c690bfff0 fffa2c6dfff0", false},
	    {"3233", NULL, false},
	    PEER_END,
	};
	char two[] = "2", three[] = "3";
	const struct iovec pieces[2] = {{two, 1}, {three, 1}};

	remote_case_open_rfc2217(steps);
	remote_case_put("1", 1);
	remote_case_read("a", 1);
	ck_assert_int_eq(link_write(remote_case.port, pieces, 2, clock_deadline_ms(50)), -ETIMEDOUT);
	ck_assert_int_eq(link_drain(remote_case.port, clock_deadline_ms(50)), -ETIMEDOUT);
	ck_assert_int_eq(link_set_lines(remote_case.port, true, true), 0);
	ck_assert_int_eq(link_write(remote_case.port, pieces, 2, clock_deadline_ms(5000)), 0);
	ck_assert_int_eq(link_drain(remote_case.port, clock_deadline_ms(1000)), 0);
	remote_case_close();
}
END_TEST

START_TEST(a_cts_that_goes_away_holds_the_line)
{
	static const struct peer_step steps[] = {
	    REMOTE_OPENED,
	    {REMOTE_FLOW_RTS, "fffa2c6903fff0", false},
	    /* Never seen on: a port without the wire. Then on, and off. */
	    {"31", "fffa2c6b00fff0 61", false},
	    {"32", "fffa2c6b11fff0 fffa2c6b01fff0 62", false},
	    {"33", "63", false},
	    {"fffa2c0508fff0", "fffa2c6908fff0", false},
	    {"fffa2c050bfff0", "fffa2c690bfff0 fffa2c6b11fff0", false},
	    PEER_END,
	};

	remote_case_open_rfc2217(steps);
	ck_assert_int_eq(link_set_flow(remote_case.port, true), 0);
	remote_case_put("1", 1);
	remote_case_read("a", 1);
	ck_assert_int_eq(link_drain(remote_case.port, clock_deadline_ms(1000)), 0);
	remote_case_put("2", 1);
	remote_case_read("b", 1);
	remote_case_put("3", 1);
	remote_case_read("c", 1);
	ck_assert_int_eq(link_drain(remote_case.port, clock_deadline_ms(50)), -ETIMEDOUT);
	ck_assert_int_eq(link_set_lines(remote_case.port, true, true), 0);
	ck_assert_int_eq(link_drain(remote_case.port, clock_deadline_ms(1000)), 0);
	remote_case_close();
}
END_TEST

START_TEST(a_drain_takes_the_time_of_the_bytes)
{
	static const struct peer_step steps[] = {REMOTE_OPENED, PEER_END};
	static const char bytes[1152];
	int64_t start_ms;

	remote_case_open_rfc2217(steps);
	start_ms = clock_now_ms();
	remote_case_put(bytes, sizeof(bytes));
	remote_case_put(bytes, sizeof(bytes));
	ck_assert_int_eq(link_drain(remote_case.port, start_ms + 100), -ETIMEDOUT);
	ck_assert_int_eq(link_drain(remote_case.port, start_ms + 2000), 0);
	/* 2304 bytes of ten bits at 115200, and those that a UART may hold. */
	ck_assert_int_ge(clock_now_ms() - start_ms, 200);
	ck_assert_int_lt(clock_now_ms() - start_ms, 1000);
	remote_peer_stop(remote_case.peer);
	link_close(remote_case.port);
	remote_peer_free(remote_case.peer);
}
END_TEST

static size_t undouble(const uint8_t *wire, size_t length, uint8_t *ret)
{
	size_t data = 0;

	for (size_t i = 0; i < length; i++) {
		ret[data++] = wire[i];
		if (wire[i] != 0xFF)
			continue;
		ck_assert_uint_eq(wire[++i], 0xFF);
	}
	return data;
}

/* A socket that takes a part only: what is sent stays whole, with every pair of IACs, the last one of all too. */
START_TEST(a_slow_network_loses_nothing)
{
	static const struct peer_step steps[] = {REMOTE_OPENED, PEER_END};
	static uint8_t bytes[3000], wire[2 * sizeof(bytes)], data[2 * sizeof(bytes)];
	struct link_counters counters;
	size_t got = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 3 ? 0xFF : (uint8_t)i;
	remote_case_open_rfc2217(steps);
	int fd = remote_peer_take(remote_case.peer);
	is_narrow = true;
	remote_case_put(bytes, sizeof(bytes));
	is_narrow = false;
	link_get_counters(remote_case.port, &counters);
	ck_assert_uint_eq(counters.bytes_sent, sizeof(bytes));
	shutdown(remote_case.port->fd, SHUT_WR);
	for (ssize_t count = 1; count > 0; got += (size_t)count)
		count = recv(fd, wire + got, sizeof(wire) - got, 0);
	ck_assert_uint_eq(undouble(wire, got, data), sizeof(bytes));
	ck_assert_mem_eq(data, bytes, sizeof(bytes));
	close(fd);
	remote_case_close();
}
END_TEST

/* Given up in the middle: what goes next is not taken for the second half of a pair. */
START_TEST(a_write_that_is_given_up_leaves_no_half)
{
	static const struct peer_step steps[] = {REMOTE_OPENED, PEER_END};
	static const uint8_t golden[] = {0xFF, 0xFF, 'n', 'e', 'x', 't'};
	uint8_t byte = 0xFF, wire[16];
	const struct iovec piece = {&byte, 1};
	size_t got = 0;

	remote_case_open_rfc2217(steps);
	int fd = remote_peer_take(remote_case.peer);
	is_narrow = true;
	width = 1;
	int cancel_fd = eventfd(1, EFD_CLOEXEC);
	link_set_cancel_fd(remote_case.port, cancel_fd);
	ck_assert_int_eq(link_write(remote_case.port, &piece, 1, clock_deadline_ms(5000)), -ECANCELED);
	link_set_cancel_fd(remote_case.port, -1);
	close(cancel_fd);
	is_narrow = false;
	remote_case_put("next", 4);
	shutdown(remote_case.port->fd, SHUT_WR);
	for (ssize_t count = 1; count > 0; got += (size_t)count)
		count = recv(fd, wire + got, sizeof(wire) - got, 0);
	ck_assert_uint_eq(got, sizeof(golden));
	ck_assert_mem_eq(wire, golden, sizeof(golden));
	close(fd);
	remote_case_close();
}
END_TEST

static TCase *set_cases(void)
{
	TCase *cases = tcase_create("rfc2217");

	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, opens_as_it_is_told_and_takes_data_apart);
	tcase_add_loop_test(cases, says_what_is_wrong_with_a_server, 0, COUNT_OF(refusals));
	tcase_add_test(cases, a_port_in_use_that_becomes_free_is_opened);
	tcase_add_test(cases, a_slow_way_is_measured);
	tcase_add_test(cases, sets_and_checks_the_rate);
	tcase_add_test(cases, sets_flow_control_and_lines);
	tcase_add_test(cases, counts_what_the_server_tells_of_its_line);
	tcase_add_test(cases, a_server_that_tells_nothing_of_its_line_counts_nothing);
	tcase_add_test(cases, a_flush_reaches_the_far_end);
	tcase_add_test(cases, a_server_that_suspends_is_not_written_to);
	tcase_add_test(cases, a_cts_that_goes_away_holds_the_line);
	tcase_add_test(cases, a_drain_takes_the_time_of_the_bytes);
	tcase_add_test(cases, a_slow_network_loses_nothing);
	tcase_add_test(cases, a_write_that_is_given_up_leaves_no_half);
	return cases;
}

int main(void)
{
	Suite *suite = suite_create("link_remote");

	suite_add_tcase(suite, set_cases());
	return suite_run(suite);
}
