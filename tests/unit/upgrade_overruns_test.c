/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole upgrade on a port whose kernel loses bytes all the time. A pty counts nothing, so that its ioctl is answered here.
 */
#include <check.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"
#include "tests/unit/upgrade_rig.h"

static _Atomic int overruns;

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	if (request != TIOCGICOUNT)
		return (int)syscall(SYS_ioctl, fd, request, argument);
	int count = ++overruns;
	*(struct serial_icounter_struct *)argument = (struct serial_icounter_struct){.overrun = count, .brk = count, .frame = 2 * count};
	return 0;
}

START_TEST(the_job_says_what_disturbed_the_line)
{
	const struct upgrade_case row = {.name = "F57: breaks",
					 .firmware = CATM1_39529,
					 .verified = true,
					 .sessions = 1,
					 .state = NEW,
					 .note_has =
					     "A break is a modem that restarts or whose supply breaks down: look at the power supply"};

	rig_run(&row);
}
END_TEST

START_TEST(the_job_says_that_bytes_were_lost)
{
	const struct upgrade_case row = {.name = "F59: overruns",
					 .firmware = CATM1_39529,
					 .verified = true,
					 .sessions = 1,
					 .state = NEW,
					 .note_has = "received bytes (overrun) during the transfer, blocks were made smaller"};

	rig_run(&row);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade_overruns");
	TCase *tcase = tcase_create("upgrade_overruns");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_job_says_that_bytes_were_lost);
	tcase_add_test(tcase, the_job_says_what_disturbed_the_line);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
