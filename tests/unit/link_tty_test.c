/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/link/link.h"

#include <asm/termbits.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/link/link_backend.h"

#define WAIT_MS  5000
#define SHORT_MS 60

static const struct link_settings settings = {.rate_bps = 115200, .hardware_flow = false};
static struct fault fault;

/* A pty; returns the master, the path of the slave in ret_path. */
static int make_pty(char ret_path[64])
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, ret_path, 64), 0);
	return master;
}

static struct link *open_pty(int *ret_master)
{
	char path[64];
	struct link *port = NULL;

	*ret_master = make_pty(path);
	int result = link_open(path, &settings, &fault, &port);
	ck_assert_msg(result == 0, "%s", fault.message);
	return port;
}

static void read_exactly(int fd, void *ret, size_t size)
{
	for (size_t have = 0; have < size;) {
		ssize_t count = read(fd, (char *)ret + have, size - have);
		ck_assert_int_gt(count, 0);
		have += (size_t)count;
	}
}

static void link_read_exactly(struct link *port, void *ret, size_t size)
{
	int64_t deadline = clock_deadline_ms(WAIT_MS);

	for (size_t have = 0; have < size;) {
		ssize_t count = link_read(port, (char *)ret + have, size - have, deadline);
		ck_assert_int_gt(count, 0);
		have += (size_t)count;
	}
}

static int write_text(struct link *port, const char *a, const char *b)
{
	char first[64], second[64];
	struct iovec pieces[2] = {{first, strlen(a)}, {second, strlen(b)}};

	memcpy(first, a, strlen(a));
	memcpy(second, b, strlen(b));
	return link_write(port, pieces, 2, clock_deadline_ms(WAIT_MS));
}

START_TEST(what_is_no_port_is_a_fault)
{
	char folder[] = "/tmp/link-test-XXXXXX";
	char path[PATH_MAX];
	struct link *port = NULL;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/none", folder);
	const struct {
		const char *path;
		const char *reason;
	} cases[] = {{path, "No such file or directory"}, {"/dev/null", "is no tty"}, {"/etc/passwd", "is no tty"}, {folder, "is no tty"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_int_eq(link_open(cases[i].path, &settings, &fault, &port), -EPROTO);
		ck_assert_int_eq(fault.code, FAULT_PORT_GONE);
		ck_assert_ptr_nonnull(strstr(fault.message, cases[i].path));
		ck_assert_msg(strstr(fault.message, cases[i].reason) != NULL, "%s", fault.message);
		ck_assert_ptr_null(port);
	}
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_pty_is_opened_raw_through_a_symlink)
{
	static const uint8_t bytes[] = {0, 3, 4, 0x0A, 0x0D, 0x11, 0x13, 0x1A, 0x7C, 0x7F, 0xFF, 0xFF, 0xFE};
	char folder[] = "/tmp/link-test-XXXXXX";
	char slave[64], name[64];
	uint8_t got[sizeof bytes];
	struct link *port;

	int master = make_pty(slave);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(name, sizeof name, "%s/modem0", folder);
	ck_assert_int_eq(symlink(slave, name), 0);
	ck_assert_int_eq(link_open(name, &settings, &fault, &port), 0);
	struct iovec piece = {got, sizeof got};
	memcpy(got, bytes, sizeof bytes);
	ck_assert_int_eq(link_write(port, &piece, 1, clock_deadline_ms(WAIT_MS)), 0);
	memset(got, 0xAA, sizeof got);
	read_exactly(master, got, sizeof got);
	ck_assert_mem_eq(got, bytes, sizeof bytes);
	ck_assert_int_eq((int)write(master, bytes, sizeof bytes), (int)sizeof bytes);
	memset(got, 0xAA, sizeof got);
	link_read_exactly(port, got, sizeof got);
	ck_assert_mem_eq(got, bytes, sizeof bytes);
	link_close(port);
	close(master);
	ck_assert_int_eq(unlink(name), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

static struct termios2 tty_of(int master)
{
	struct termios2 tty;

	ck_assert_int_eq(ioctl(master, TCGETS2, &tty), 0);
	return tty;
}

START_TEST(rates_are_set_as_asked)
{
	int master;
	struct link *port = open_pty(&master);

	ck_assert_uint_eq(tty_of(master).c_cflag & CBAUD, B115200);
	ck_assert_uint_eq(tty_of(master).c_cflag & (CSIZE | CSTOPB | PARENB), CS8);
	ck_assert_uint_eq(link_rate(port), 115200);
	ck_assert_int_eq(link_set_rate(port, 921600), 0);
	ck_assert_uint_eq(tty_of(master).c_cflag & CBAUD, B921600);
	ck_assert_uint_eq(tty_of(master).c_ospeed, 921600);
	ck_assert_uint_eq(link_rate(port), 921600);
	ck_assert_int_eq(link_set_rate(port, 1843200), 0);
	ck_assert_uint_eq(tty_of(master).c_ospeed, 1843200);
	ck_assert_uint_eq(tty_of(master).c_ispeed, 1843200);
	ck_assert_uint_eq(link_rate(port), 1843200);
	link_close(port);
	close(master);
}
END_TEST

START_TEST(flow_control_and_lines)
{
	int master;
	struct link *port = open_pty(&master);

	ck_assert_uint_eq(tty_of(master).c_cflag & CRTSCTS, 0);
	ck_assert_int_eq(link_set_flow(port, true), 0);
	ck_assert_uint_ne(tty_of(master).c_cflag & CRTSCTS, 0);
	ck_assert_int_eq(link_set_flow(port, false), 0);
	ck_assert_uint_eq(tty_of(master).c_cflag & CRTSCTS, 0);
	ck_assert_int_eq(link_set_lines(port, true, true), -ENOTSUP);
	link_close(port);
	close(master);
}
END_TEST

START_TEST(a_second_opening_in_this_process_is_refused)
{
	char path[64];
	char own[128];
	struct link *first;
	struct link *second = NULL;
	int master = make_pty(path);

	ck_assert_int_eq(link_open(path, &settings, &fault, &first), 0);
	ck_assert_int_eq(link_open(path, &settings, &fault, &second), -EPROTO);
	ck_assert_int_eq(fault.code, FAULT_PORT_IN_USE);
	ck_assert_ptr_null(second);
	/* This process is at the master end as well, and so it is not named; see the next test for one that is. */
	snprintf(own, sizeof own, "port %s is held by ", path);
	ck_assert_msg(strncmp(fault.message, own, strlen(own)) == 0, "%s", fault.message);
	link_close(first);
	ck_assert_int_eq(link_open(path, &settings, &fault, &second), 0);
	link_close(second);
	close(master);
}
END_TEST

#define NOBODY 65534

enum holding { HOLDS_SLAVE, HOLDS_BOTH_ENDS, HOLDS_EXCLUSIVELY, HOLDS_LOCK };

/* A child that opens the slave, with the master as well or not, and holds it until killed. */
static pid_t start_holder(const char *path, int master, enum holding holding)
{
	int ready[2];
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		int slave = open(path, O_RDWR | O_NOCTTY);
		if (holding != HOLDS_BOTH_ENDS)
			close(master);
		if (holding == HOLDS_EXCLUSIVELY && ioctl(slave, TIOCEXCL) < 0)
			_exit(1);
		if (holding == HOLDS_LOCK && flock(slave, LOCK_EX) < 0)
			_exit(1);
		if (slave < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq((int)read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void stop_holder(pid_t child)
{
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

/* F58: no lock, no exclusive mode, and found all the same. */
START_TEST(another_programs_port_is_refused_by_name)
{
	char path[64], wanted[128];
	struct link *port = NULL;
	int master = make_pty(path);
	pid_t child = start_holder(path, master, HOLDS_SLAVE);
	int result = link_open(path, &settings, &fault, &port);

	stop_holder(child);
	ck_assert_int_eq(result, -EPROTO);
	ck_assert_int_eq(fault.code, FAULT_PORT_IN_USE);
	snprintf(wanted, sizeof wanted, "port %s is held by %.15s (pid %d)", path, program_invocation_short_name, child);
	ck_assert_str_eq(fault.message, wanted);
	ck_assert_int_eq(link_open(path, &settings, &fault, &port), 0);
	link_close(port);
	close(master);
}
END_TEST

/* Exclusive mode means nothing to root; and who changed his user is hidden in /proc until he says otherwise. */
static void become_nobody(void)
{
	if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0)
		ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

START_TEST(a_port_in_exclusive_mode_is_refused_by_name)
{
	char path[64], wanted[128];
	struct link *port = NULL;

	become_nobody();
	int master = make_pty(path);
	pid_t child = start_holder(path, master, HOLDS_EXCLUSIVELY);
	ck_assert_int_eq(open(path, O_RDWR | O_NOCTTY | O_CLOEXEC), -1);
	ck_assert_int_eq(errno, EBUSY);
	int result = link_open(path, &settings, &fault, &port);

	stop_holder(child);
	ck_assert_int_eq(result, -EPROTO);
	ck_assert_int_eq(fault.code, FAULT_PORT_IN_USE);
	snprintf(wanted, sizeof wanted, "port %s is held by %.15s (pid %d)", path, program_invocation_short_name, child);
	ck_assert_str_eq(fault.message, wanted);
	close(master);
}
END_TEST

/* What another user's process has open cannot be seen; what it has locked can. */
START_TEST(a_locked_port_of_another_user_is_refused_by_name)
{
	char path[64], wanted[128];
	struct link *port = NULL;
	int master = make_pty(path);
	pid_t child = start_holder(path, master, HOLDS_LOCK);

	ck_assert_int_eq(chmod(path, 0666), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(NOBODY), 0);
	int result = link_open(path, &settings, &fault, &port);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	stop_holder(child);
	ck_assert_int_eq(result, -EPROTO);
	ck_assert_int_eq(fault.code, FAULT_PORT_IN_USE);
	snprintf(wanted, sizeof wanted, "port %s is held by %.15s (pid %d)", path, program_invocation_short_name, child);
	ck_assert_str_eq(fault.message, wanted);
	close(master);
}
END_TEST

START_TEST(the_master_end_may_hold_the_slave)
{
	char path[64];
	struct link *port = NULL;
	int master = make_pty(path);
	pid_t child = start_holder(path, master, HOLDS_BOTH_ENDS);
	int result = link_open(path, &settings, &fault, &port);

	stop_holder(child);
	ck_assert_msg(result == 0, "%s", fault.message);
	link_close(port);
	close(master);
}
END_TEST

START_TEST(a_hang_up_shows_in_every_wait)
{
	uint8_t byte;
	int master;
	struct link *port = open_pty(&master);

	close(master);
	int64_t started = clock_now_ms();
	ck_assert_int_eq((int)link_read(port, &byte, 1, clock_deadline_ms(WAIT_MS)), -ENODEV);
	ck_assert_int_eq((int)link_read(port, &byte, 1, 0), -ENODEV);
	ck_assert_int_eq(write_text(port, "AT", "\r"), -ENODEV);
	ck_assert_int_eq(link_quiet(port, WAIT_MS), -ENODEV);
	ck_assert_int_eq(link_flush_input(port), -ENODEV);
	ck_assert_int_lt(clock_now_ms() - started, 1000);
	link_close(port);
}
END_TEST

static struct link *open_pair(int *ret_peer)
{
	struct link *port;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(link_open_fd(ends[0], &port), 0);
	*ret_peer = ends[1];
	return port;
}

START_TEST(what_came_before_the_hang_up_is_read)
{
	uint8_t bytes[8];
	int peer;
	struct link *port = open_pair(&peer);

	ck_assert_int_eq((int)write(peer, "OK", 2), 2);
	close(peer);
	ck_assert_int_eq((int)link_read(port, bytes, sizeof bytes, clock_deadline_ms(WAIT_MS)), 2);
	ck_assert_int_eq((int)link_read(port, bytes, sizeof bytes, clock_deadline_ms(WAIT_MS)), -ENODEV);
	ck_assert_int_eq(write_text(port, "AT", "\r"), -ENODEV);
	link_close(port);
}
END_TEST

START_TEST(deadlines_are_kept)
{
	uint8_t bytes[8];
	int peer;
	struct link *port = open_pair(&peer);
	int64_t started = clock_now_ms();

	ck_assert_int_eq((int)link_read(port, bytes, sizeof bytes, started + SHORT_MS), -ETIMEDOUT);
	ck_assert_int_ge(clock_now_ms(), started + SHORT_MS);
	ck_assert_int_eq((int)link_read(port, bytes, sizeof bytes, 0), -ETIMEDOUT);
	ck_assert_int_eq((int)write(peer, "abc", 3), 3);
	ck_assert_int_eq((int)link_read(port, bytes, 2, 0), 2);
	ck_assert_int_eq((int)link_read(port, bytes, 2, 0), 1);
	link_close(port);
	close(peer);
}
END_TEST

START_TEST(a_cancel_ends_every_wait)
{
	static uint8_t much[1u << 22];
	struct iovec piece = {much, sizeof much};
	uint8_t byte;
	int peer;
	struct link *port = open_pair(&peer);
	int cancel_fd = eventfd(1, EFD_CLOEXEC);
	int64_t started = clock_now_ms();

	ck_assert_int_eq(link_set_cancel_fd(port, cancel_fd), -1);
	ck_assert_int_eq((int)link_read(port, &byte, 1, clock_deadline_ms(WAIT_MS)), -ECANCELED);
	ck_assert_int_eq(link_quiet(port, WAIT_MS), -ECANCELED);
	ck_assert_int_eq(link_write(port, &piece, 1, clock_deadline_ms(WAIT_MS)), -ECANCELED);
	ck_assert_int_lt(clock_now_ms() - started, 1000);
	ck_assert_int_eq(link_set_cancel_fd(port, -1), cancel_fd);
	ck_assert_int_eq((int)link_read(port, &byte, 1, clock_deadline_ms(SHORT_MS)), -ETIMEDOUT);
	link_close(port);
	close(cancel_fd);
	close(peer);
}
END_TEST

START_TEST(a_write_that_nobody_reads_times_out)
{
	static uint8_t much[1u << 22];
	struct iovec piece = {much, sizeof much};
	int64_t started = clock_now_ms();
	int end;
	struct link *port = _i == 0 ? open_pty(&end) : open_pair(&end);

	ck_assert_int_eq(link_write(port, &piece, 1, started + SHORT_MS), -ETIMEDOUT);
	ck_assert_int_ge(clock_now_ms(), started + SHORT_MS);
	link_close(port);
	close(end);
}
END_TEST

/* A writer that went on while it was read from would never meet a full pty. */
static void await_full(int master)
{
	int before, now = 0;

	do {
		before = now;
		poll(NULL, 0, 20);
		ck_assert_int_eq(ioctl(master, FIONREAD, &now), 0);
	} while (now == 0 || now != before);
}

static void *collect(void *context)
{
	static uint8_t got[300000];

	await_full(*(int *)context);
	read_exactly(*(int *)context, got, sizeof got);
	return got;
}

START_TEST(a_write_that_blocks_goes_on)
{
	static uint8_t much[300000];
	struct iovec pieces[3] = {{much, 100000}, {much + 100000, 0}, {much + 100000, 200000}};
	struct link_counters counters;
	pthread_t reader;
	void *got;
	int master;
	struct link *port = open_pty(&master);

	for (size_t i = 0; i < sizeof much; i++)
		much[i] = (uint8_t)(i * 7u + i / 256u);
	ck_assert_int_eq(pthread_create(&reader, NULL, collect, &master), 0);
	ck_assert_int_eq(link_write(port, pieces, 3, clock_deadline_ms(WAIT_MS)), 0);
	ck_assert_int_eq(pthread_join(reader, &got), 0);
	ck_assert_mem_eq(got, much, sizeof much);
	link_get_counters(port, &counters);
	ck_assert_uint_eq(counters.bytes_sent, sizeof much);
	ck_assert_uint_gt(counters.writes, 1);
	link_close(port);
	close(master);
}
END_TEST

static char traced[256];

static void trace(void *context, enum link_direction direction, const uint8_t *bytes, size_t length)
{
	size_t used = strlen(traced);

	ck_assert_ptr_eq(context, traced);
	snprintf(traced + used, sizeof traced - used, "%c%.*s", direction == LINK_SENT ? '>' : '<', (int)length, (const char *)bytes);
}

START_TEST(pieces_leave_in_one_call_and_are_traced)
{
	struct link_counters counters;
	char bytes[8];
	int peer;
	struct link *port = open_pair(&peer);

	link_set_trace(port, trace, traced);
	ck_assert_int_eq(write_text(port, "AT", "\r"), 0);
	ck_assert_int_eq((int)write(peer, "OK", 2), 2);
	ck_assert_int_eq((int)link_read(port, bytes, sizeof bytes, clock_deadline_ms(WAIT_MS)), 2);
	link_get_counters(port, &counters);
	ck_assert_uint_eq(counters.writes, 1);
	ck_assert_uint_eq(counters.bytes_sent, 3);
	ck_assert_uint_eq(counters.reads, 1);
	ck_assert_uint_eq(counters.bytes_received, 2);
	ck_assert_str_eq(traced, ">AT>\r<OK");
	link_close(port);
	close(peer);
}
END_TEST

START_TEST(flush_and_quiet_throw_input_away)
{
	uint8_t byte;
	int peer;
	struct link *port = open_pair(&peer);

	link_set_trace(port, trace, traced);
	ck_assert_int_eq((int)write(peer, "stale", 5), 5);
	ck_assert_int_eq(link_flush_input(port), 0);
	ck_assert_int_eq((int)link_read(port, &byte, 1, 0), -ETIMEDOUT);
	ck_assert_int_eq((int)write(peer, "late", 4), 4);
	int64_t started = clock_now_ms();
	ck_assert_int_eq(link_quiet(port, SHORT_MS), 0);
	ck_assert_int_ge(clock_now_ms(), started + SHORT_MS);
	ck_assert_int_eq((int)link_read(port, &byte, 1, 0), -ETIMEDOUT);
	ck_assert_str_eq(traced, "<stale<late");
	link_close(port);
	close(peer);
}
END_TEST

/* A port whose queue runs empty in steps, or never. */
static int queue_left;

static int leaking_queue(struct link *port)
{
	(void)port;
	return queue_left > 0 ? queue_left-- : 0;
}

static int stuck_queue(struct link *port)
{
	(void)port;
	return 17;
}

static int rate_calls;

static int count_rate(struct link *port, uint32_t rate_bps)
{
	(void)port;
	rate_calls++;
	return rate_bps == 921600 ? 0 : -EINVAL;
}

static struct link *open_fake(const struct link_ops *ops, int *ret_peer)
{
	struct link *port;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(link_new(ends[0], ops, &port), 0);
	*ret_peer = ends[1];
	return port;
}

START_TEST(the_rate_changes_when_all_has_left)
{
	static const struct link_ops ops = {.queued = leaking_queue, .set_rate = count_rate};
	int peer;
	struct link *port = open_fake(&ops, &peer);

	queue_left = 3;
	ck_assert_int_eq(write_text(port, "AT", "\r"), 0);
	ck_assert_int_eq(link_set_rate(port, 921600), 0);
	ck_assert_int_eq(queue_left, 0);
	ck_assert_int_eq(rate_calls, 1);
	ck_assert_uint_eq(link_rate(port), 921600);
	ck_assert_int_eq(link_set_rate(port, 1000001), -EINVAL);
	ck_assert_uint_eq(link_rate(port), 921600);
	/* The UART's own queue: 64 bytes at 9600 take 66 ms more. */
	port->fifo_bytes = 64;
	port->rate_bps = 9600;
	ck_assert_int_eq(write_text(port, "AT", "\r"), 0);
	int64_t started = clock_now_ms();
	ck_assert_int_eq(link_drain(port, clock_deadline_ms(WAIT_MS)), 0);
	ck_assert_int_ge(clock_now_ms() - started, 66);
	link_close(port);
	close(peer);
}
END_TEST

START_TEST(a_drain_that_does_not_end_times_out)
{
	static const struct link_ops ops = {.queued = stuck_queue, .set_rate = count_rate};
	int peer;
	struct link *port = open_fake(&ops, &peer);

	ck_assert_int_eq(link_drain(port, clock_deadline_ms(SHORT_MS)), 0); /* nothing was written */
	ck_assert_int_eq(write_text(port, "AT", "\r"), 0);
	int64_t started = clock_now_ms();
	ck_assert_int_eq(link_drain(port, started + SHORT_MS), -ETIMEDOUT);
	ck_assert_int_ge(clock_now_ms(), started + SHORT_MS);
	ck_assert_int_eq(link_set_rate(port, 921600), -ETIMEDOUT);
	ck_assert_int_eq(rate_calls, 0);
	link_close(port);
	close(peer);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("link_tty");
	TCase *ports = tcase_create("ports");
	TCase *bytes = tcase_create("bytes");

	tcase_add_test(ports, what_is_no_port_is_a_fault);
	tcase_add_test(ports, a_pty_is_opened_raw_through_a_symlink);
	tcase_add_test(ports, rates_are_set_as_asked);
	tcase_add_test(ports, flow_control_and_lines);
	tcase_add_test(ports, a_second_opening_in_this_process_is_refused);
	tcase_add_test(ports, another_programs_port_is_refused_by_name);
	tcase_add_test(ports, a_port_in_exclusive_mode_is_refused_by_name);
	tcase_add_test(ports, a_locked_port_of_another_user_is_refused_by_name);
	tcase_add_test(ports, the_master_end_may_hold_the_slave);
	tcase_add_test(bytes, a_hang_up_shows_in_every_wait);
	tcase_add_test(bytes, what_came_before_the_hang_up_is_read);
	tcase_add_test(bytes, deadlines_are_kept);
	tcase_add_test(bytes, a_cancel_ends_every_wait);
	tcase_add_loop_test(bytes, a_write_that_nobody_reads_times_out, 0, 2);
	tcase_add_test(bytes, a_write_that_blocks_goes_on);
	tcase_add_test(bytes, pieces_leave_in_one_call_and_are_traced);
	tcase_add_test(bytes, flush_and_quiet_throw_input_away);
	tcase_add_test(bytes, the_rate_changes_when_all_has_left);
	tcase_add_test(bytes, a_drain_that_does_not_end_times_out);
	suite_add_tcase(suite, ports);
	suite_add_tcase(suite, bytes);
	return suite;
}

int main(void)
{
	return suite_run(make_suite());
}
