/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/progress_meter.h"

#include <stdio.h>

#define SHOW_INTERVAL_MS    250
#define SMOOTHING_MS        2000.0
#define MEASURE_INTERVAL_MS 100

/* Exponential smoothing whose weight follows the time that passed, so that a long silence shows in the rate as it should. */
static void measure(struct progress_meter *meter, int64_t now_ms, uint64_t bytes_done)
{
	if (meter->started_ms == 0 || bytes_done < meter->measured_bytes) {
		meter->started_ms = now_ms;
		meter->first_bytes = bytes_done;
		meter->measured_ms = now_ms;
		meter->measured_bytes = bytes_done;
		meter->rate_bps = 0;
		return;
	}
	int64_t passed_ms = now_ms - meter->measured_ms;
	if (passed_ms < MEASURE_INTERVAL_MS)
		return;
	double rate = 8000.0 * (double)(bytes_done - meter->measured_bytes) / (double)passed_ms;
	double weight = (double)passed_ms / (SMOOTHING_MS + (double)passed_ms);
	/* Until the smoothing has seen as much time as it looks back on, the plain average is the better guess. */
	if (now_ms - meter->started_ms < (int64_t)SMOOTHING_MS)
		meter->rate_bps = 8000.0 * (double)(bytes_done - meter->first_bytes) / (double)(now_ms - meter->started_ms);
	else
		meter->rate_bps += weight * (rate - meter->rate_bps);
	meter->measured_ms = now_ms;
	meter->measured_bytes = bytes_done;
}

bool progress_meter_feed(struct progress_meter *meter, int64_t now_ms, uint64_t bytes_done, uint64_t bytes_total, const char *part,
			 struct job_progress *ret)
{
	measure(meter, now_ms, bytes_done);
	double percent = bytes_total > 0 ? 100.0 * (double)bytes_done / (double)bytes_total : 0.0;
	if (percent > meter->percent_floor)
		meter->percent_floor = percent;
	bool whole = bytes_total > 0 && bytes_done >= bytes_total;
	*ret = (struct job_progress){
	    .known = true,
	    .bytes_done = bytes_done,
	    .bytes_total = bytes_total,
	    .percent = meter->percent_floor,
	    .rate_bps = (uint64_t)meter->rate_bps,
	    .eta_s = -1,
	};
	if (whole)
		ret->eta_s = 0;
	else if (meter->rate_bps >= 1.0 && bytes_done < bytes_total)
		ret->eta_s = (int64_t)(8.0 * (double)(bytes_total - bytes_done) / meter->rate_bps + 0.5);
	snprintf(ret->part, sizeof(ret->part), "%s", part);
	bool show = whole ? !meter->shown_whole : now_ms - meter->shown_ms >= SHOW_INTERVAL_MS;
	if (show)
		meter->shown_ms = now_ms;
	meter->shown_whole = whole;
	return show;
}
