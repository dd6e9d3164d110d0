/* SPDX-License-Identifier: Apache-2.0
 *
 * What a campaign does next. Pure: no clock, no disk, no queue.
 */
#ifndef DAEMON_CAMPAIGN_PLAN_H
#define DAEMON_CAMPAIGN_PLAN_H

#include "daemon/campaign.h"

/* The wave of each device, -1 for those that are left over. -EPROTO with the fault of a selector that cannot be read, or -ENOMEM. */
int campaign_split(const struct campaign_order *order, const struct device *devices, size_t count, int *ret_waves,
		   struct job_fault *ret_fault);

/* What becomes of a device whose turn it is. */
enum member_verdict { VERDICT_GO, VERDICT_WAIT, VERDICT_DONE, VERDICT_SKIP, VERDICT_FAIL };
/* device NULL: there is none of that id any more. ret_reason: "" for VERDICT_GO. */
enum member_verdict campaign_judge(const struct campaign *campaign, const struct device *device, bool present, char *ret_reason,
				   size_t ret_reason_size);
/* The code of VERDICT_FAIL. */
const char *campaign_fault_of(const struct device *device);

/* Counts, and the state of each wave: begun, then told how many devices of a wave (-1: of none) are in a state, then ended. */
void campaign_tally_begin(struct campaign *campaign);
void campaign_tally_add(struct campaign *campaign, int wave, enum member_state state, uint32_t devices);
void campaign_tally_end(struct campaign *campaign);
/* The same from the members. */
void campaign_tally(struct campaign *campaign, const struct campaign_member *members, size_t count);

/* One more member is in the state `to`, one less in `from`. Between begin and end, or instead of both after a tally. */
void campaign_tally_move(struct campaign *campaign, int wave, enum member_state from, enum member_state to);

/* Members of which some are about to change. */
struct campaign_members {
	const struct campaign_member *now, *next; /* next: of those that are copied */
	const bool *copied;                       /* NULL: none is */
	size_t count;
};
const struct campaign_member *campaign_member_at(const struct campaign_members *members, size_t i);

/* A rule of stop_after holds; ret_reason says which. The campaign is tallied. Looks at the members only when some failed and `consecutive` asks for it. */
bool campaign_tripped(const struct campaign *campaign, const struct campaign_members *members, char *ret_reason, size_t ret_reason_size);

/* The next step of a campaign that runs, or waits between two waves. */
enum campaign_step {
	STEP_WORK,    /* devices of the current wave or one before it have not ended */
	STEP_SOAK,    /* until wave_done_at_ms + soak_s */
	STEP_ASK,     /* a person has to approve the next wave */
	STEP_ADVANCE, /* to *ret_wave */
	STEP_FINISH
};
/* The campaign is tallied. wave_done_at_ms 0 counts as now. *ret_wave: the next one that has something to do, UINT32_MAX: none; untouched for
 * STEP_WORK. */
enum campaign_step campaign_next(const struct campaign *campaign, int64_t now_ms, uint32_t *ret_wave);

/* When the first of the jobs may begin, as all that is left of the current wave, and of those before it, waits for its window. 0: not so. full: no more
 * jobs can be made. The campaign is tallied. */
int64_t campaign_shut_until(const struct campaign *campaign, const struct campaign_members *members, bool full);

/* "12 succeeded, 1 failed": how it ended. */
void campaign_sum_up(const struct campaign *campaign, char *ret, size_t size);

/* "invalid-request": this one is no device of the campaign. Always -EPROTO. */
int campaign_refuse_cursor(const char *device, struct job_fault *ret_fault);

#endif
