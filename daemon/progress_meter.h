/* SPDX-License-Identifier: Apache-2.0
 *
 * From block counts to what a person wants to see: percent that never goes back, a smoothed rate, the time left. Pure: the clock is passed in.
 */
#ifndef DAEMON_PROGRESS_METER_H
#define DAEMON_PROGRESS_METER_H

#include "daemon/types.h"

struct progress_meter {
	double percent_floor; /* what was shown before, in an earlier run of the job too */
	int64_t started_ms;   /* of the first count; 0: none yet */
	uint64_t first_bytes;
	int64_t measured_ms; /* of the last count that went into the rate */
	uint64_t measured_bytes;
	double rate_bps;
	int64_t shown_ms;
	bool shown_whole;
};

/* The part's text is borrowed for the call. True when this is to be shown: at most 4 a second, and always once at the end. */
bool progress_meter_feed(struct progress_meter *meter, int64_t now_ms, uint64_t bytes_done, uint64_t bytes_total, const char *part,
			 struct job_progress *ret);

#endif
