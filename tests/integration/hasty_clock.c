/* SPDX-License-Identifier: Apache-2.0
 *
 * A clock for a daemon whose modems answer at once or not at all: takes the place of transport/clock.c at the link of dupgated-hasty. The first
 * moment of a wait takes its real time, of the rest only a small share is waited; then the thread's time jumps to the deadline. Each job
 * is one thread and waits only here, so that 20 minutes of patience pass in seconds and in the right order.
 */
#include "transport/clock.h"

#include <time.h>

#define REAL_MS 100
#define SHARE   40

static _Thread_local int64_t skipped_ms;

static int64_t real_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	return real_now_ms() + skipped_ms;
}

int64_t clock_deadline_ms(int64_t duration_ms)
{
	return clock_now_ms() + duration_ms;
}

int clock_poll(struct pollfd *descriptors, nfds_t count, int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms - clock_now_ms();

	if (left_ms < 0)
		left_ms = 0;
	if (left_ms > REAL_MS)
		left_ms = REAL_MS + (left_ms - REAL_MS) / SHARE;
	int ready = poll(descriptors, count, (int)left_ms);
	if (ready == 0 && clock_now_ms() < deadline_ms)
		skipped_ms += deadline_ms - clock_now_ms();
	return ready;
}
