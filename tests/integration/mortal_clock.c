/* SPDX-License-Identifier: Apache-2.0
 *
 * A wall clock for dupgated-mortal that can be set: stands between the daemon's objects and the calls that ask for it (-Wl,--wrap). Each line that comes
 * through the FIFO DUPGATE_CLOCK says by how many ms that clock is off the machine's from now on; a timer that is to be told when the clock is
 * set is told, as the kernel does.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>

#include "tests/integration/mortal.h"

#define FDS_MAX 1024

static _Atomic int64_t shift_ms;
static atomic_bool cancelled_on_set[FDS_MAX], cancelled[FDS_MAX];

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int result = __real_clock_gettime(clock, ret);
	if (clock != CLOCK_REALTIME)
		return result;
	int64_t ms = (int64_t)ret->tv_sec * 1000 + ret->tv_nsec / 1000000 + shift_ms;
	ret->tv_sec = ms / 1000;
	ret->tv_nsec = ms % 1000 * 1000000 + ret->tv_nsec % 1000000;
	return result;
}

time_t __wrap_time(time_t *ret);
time_t __wrap_time(time_t *ret)
{
	struct timespec now;
	__wrap_clock_gettime(CLOCK_REALTIME, &now);
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}

/* Absolute timers are those of the wall clock: the others of the daemon are periods. */
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *ret_before);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *ret_before);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *ret_before)
{
	struct itimerspec real = *at;
	if (fd >= 0 && fd < FDS_MAX)
		cancelled_on_set[fd] = (flags & TFD_TIMER_CANCEL_ON_SET) != 0;
	int64_t at_ms = (int64_t)at->it_value.tv_sec * 1000 + at->it_value.tv_nsec / 1000000 - shift_ms;
	if ((flags & TFD_TIMER_ABSTIME) != 0 && at_ms > 0)
		real.it_value = (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
	int result = __real_timerfd_settime(fd, flags, &real, ret_before);
	if (result == 0 && fd < FDS_MAX && atomic_exchange(&cancelled[fd], false)) { /* it is armed all the same */
		errno = ECANCELED;
		result = -1;
	}
	return result;
}

static void set_clock(int64_t ms)
{
	static const struct itimerspec at_once = {.it_value.tv_nsec = 1};
	shift_ms = ms;
	for (int fd = 0; fd < FDS_MAX; fd++)
		if (cancelled_on_set[fd]) {
			cancelled[fd] = true;
			(void)__real_timerfd_settime(fd, 0, &at_once, NULL);
		}
}

static void *take_orders(void *fifo)
{
	char line[32];
	while (fgets(line, sizeof(line), fifo) != NULL)
		set_clock(strtoll(line, NULL, 10));
	return NULL;
}

__attribute__((constructor)) static void open_fifo(void)
{
	const char *path = getenv("DUPGATE_CLOCK");
	sigset_t all, before;
	pthread_t thread;
	FILE *fifo = path != NULL ? fopen(path, "r+e") : NULL;
	if (fifo == NULL)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (__real_pthread_create(&thread, NULL, take_orders, fifo) != 0)
		abort();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
