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
