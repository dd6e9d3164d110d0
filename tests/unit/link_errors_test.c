/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel counts on a line. A pty counts nothing, so that its ioctl is answered here.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"
#include "transport/clock.h"
#include "transport/link/link.h"

static bool counted;
static struct serial_icounter_struct counts;

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	if (request != TIOCGICOUNT || !counted)
		return (int)syscall(SYS_ioctl, fd, request, argument);
	*(struct serial_icounter_struct *)argument = counts;
	return 0;
}

static struct link *open_pty(int *ret_master)
{
	const struct link_settings settings = {.rate_bps = 115200};
	struct fault fault = {0};
	struct link *link = NULL;
	char path[64];

	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_eq(grantpt(*ret_master), 0);
	ck_assert_int_eq(unlockpt(*ret_master), 0);
	ck_assert_int_eq(ptsname_r(*ret_master, path, sizeof(path)), 0);
	ck_assert_msg(link_open(path, &settings, &fault, &link) == 0, "%s", fault.message);
	return link;
}

static void assert_errors(struct link *link, int64_t overruns, int64_t framing_errors, int64_t breaks)
{
	struct link_counters counters;

	link_get_counters(link, &counters);
	ck_assert_int_eq(counters.overruns, overruns);
	ck_assert_int_eq(counters.framing_errors, framing_errors);
	ck_assert_int_eq(counters.breaks, breaks);
}

START_TEST(errors_count_from_the_opening)
{
	int master;

	counted = true;
	counts = (struct serial_icounter_struct){.overrun = 3, .buf_overrun = 4, .frame = 5, .brk = 6};
	struct link *link = open_pty(&master);
	assert_errors(link, 0, 0, 0);
	counts.overrun += 10;
	counts.buf_overrun += 1;
	counts.frame += 2;
	counts.brk += 1;
	assert_errors(link, 11, 2, 1);
	link_close(link);
	close(master);
}
END_TEST

START_TEST(the_kernel_s_sums_wrap)
{
	int master;

	counted = true;
	counts = (struct serial_icounter_struct){.overrun = -2, .brk = -1};
	struct link *link = open_pty(&master);
	counts.overrun = 5;
	counts.brk = 1;
	assert_errors(link, 7, 0, 2);
	link_close(link);
	close(master);
}
END_TEST

START_TEST(a_port_that_does_not_tell_says_so)
{
	int master;
	struct link *link = open_pty(&master);

	assert_errors(link, -1, -1, -1);
	link_close(link);
	close(master);
}
END_TEST

/* The driver stopped to tell: not the same as no errors. */
START_TEST(a_port_that_tells_no_more_says_so)
{
	int master;

	counted = true;
	struct link *link = open_pty(&master);
	counted = false;
	assert_errors(link, -1, -1, -1);
	link_close(link);
	close(master);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link_errors");
	TCase *tcase = tcase_create("link_errors");

	tcase_add_test(tcase, errors_count_from_the_opening);
	tcase_add_test(tcase, the_kernel_s_sums_wrap);
	tcase_add_test(tcase, a_port_that_does_not_tell_says_so);
	tcase_add_test(tcase, a_port_that_tells_no_more_says_so);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
