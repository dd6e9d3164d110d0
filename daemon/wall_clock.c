/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/wall_clock.h"

#include <stdatomic.h>
#include <time.h>

/* Two readings that are further apart are no pair: something came between them. */
#define PAIR_MS 100
#define TRIES   10

static _Atomic int64_t ahead_of_running_ms; /* 0: it was never looked at */

static int64_t ms_of(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t wall_clock_now_ms(void)
{
	int64_t ahead_ms = atomic_load(&ahead_of_running_ms);
	return ahead_ms != 0 ? ms_of(CLOCK_BOOTTIME) + ahead_ms : ms_of(CLOCK_REALTIME);
}

int64_t wall_clock_look(struct clock_watch *watch)
{
	int64_t running_ms = 0, wall_ms = 0;
	for (int i = 0; i < TRIES; i++) {
		running_ms = ms_of(CLOCK_BOOTTIME);
		wall_ms = ms_of(CLOCK_REALTIME);
		if (ms_of(CLOCK_BOOTTIME) - running_ms < PAIR_MS)
			break;
	}
	if (watch->wall_ms == 0)
		*watch = (struct clock_watch){.wall_ms = wall_ms, .running_ms = running_ms};
	int64_t step_ms = clock_watch_look(watch, wall_ms, running_ms);
	atomic_store(&ahead_of_running_ms, wall_ms - running_ms);
	return step_ms;
}
