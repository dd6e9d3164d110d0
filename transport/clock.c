/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/clock.h"

#include <time.h>

int64_t clock_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_deadline_ms(int64_t duration_ms)
{
	return clock_now_ms() + duration_ms;
}

static struct timespec time_left(int64_t deadline_ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t left_ns = deadline_ms * 1000000 - ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
	if (left_ns < 0)
		left_ns = 0;
	return (struct timespec){.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
}

int clock_poll(struct pollfd *descriptors, nfds_t count, int64_t deadline_ms)
{
	struct timespec limit = time_left(deadline_ms);

	return ppoll(descriptors, count, &limit, NULL);
}
