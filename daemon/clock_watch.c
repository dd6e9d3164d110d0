/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/clock_watch.h"

int64_t clock_watch_look(struct clock_watch *watch, int64_t wall_ms, int64_t running_ms)
{
	int64_t step_ms = (wall_ms - watch->wall_ms) - (running_ms - watch->running_ms);
	if (step_ms > -CLOCK_STEP_MIN_MS && step_ms < CLOCK_STEP_MIN_MS)
		return 0;
	*watch = (struct clock_watch){.wall_ms = wall_ms, .running_ms = running_ms};
	return step_ms;
}
