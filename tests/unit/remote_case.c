/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/remote_case.h"

#include <check.h>
#include <stdio.h>
#include <sys/socket.h>

#include "transport/clock.h"

struct remote_case remote_case;

const struct link_settings remote_case_plain = {.rate_bps = 115200};

int remote_case_open(const char *scheme, const struct link_settings *settings, int cancel_fd)
{
	char name[64];

	snprintf(name, sizeof(name), "%s://127.0.0.1:%u", scheme, remote_peer_port(remote_case.peer));
	return link_open_cancellable(name, settings, cancel_fd, &remote_case.fault, &remote_case.port);
}

void remote_case_serve(const struct peer_step *steps)
{
	remote_case.script = steps;
	remote_case.peer = remote_peer_start(&remote_case.script, 1, true);
}

void remote_case_open_rfc2217(const struct peer_step *steps)
{
	remote_case_serve(steps);
	ck_assert_msg(remote_case_open("rfc2217", &remote_case_plain, -1) == 0, "%s", remote_case.fault.message);
}

void remote_case_close(void)
{
	const char *complaint = remote_peer_stop(remote_case.peer);

	ck_assert_str_eq(complaint, "");
	link_close(remote_case.port);
	remote_peer_free(remote_case.peer);
}

void remote_case_put(const void *bytes, size_t length)
{
	union {
		const void *in;
		void *out;
	} base = {.in = bytes};
	const struct iovec piece = {base.out, length};

	ck_assert_int_eq(link_write(remote_case.port, &piece, 1, clock_deadline_ms(5000)), 0);
}

void remote_case_read(const void *expected, size_t size)
{
	uint8_t got[64];
	size_t length = 0;

	while (length < size) {
		ssize_t count = link_read(remote_case.port, got + length, sizeof(got) - length, clock_deadline_ms(5000));
		ck_assert_int_gt(count, 0);
		length += (size_t)count;
	}
	ck_assert_uint_eq(length, size);
	ck_assert_mem_eq(got, expected, size);
}

void remote_case_line_errors(int64_t overruns, int64_t framing_errors, int64_t breaks)
{
	struct link_counters counters;

	link_get_counters(remote_case.port, &counters);
	ck_assert_int_eq(counters.overruns, overruns);
	ck_assert_int_eq(counters.framing_errors, framing_errors);
	ck_assert_int_eq(counters.breaks, breaks);
}

void remote_case_shrink(int fd, int option)
{
	int small = 1;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, option, &small, sizeof(small)), 0);
}
