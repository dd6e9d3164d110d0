/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaigns_private.h"

#include "daemon/log.h"

static int shift_soak(struct campaigns *campaigns, struct campaign_run *run, int64_t by_ms, struct job_fault *ret_fault)
{
	struct campaign_draft draft;
	int result = campaign_draft_begin(campaigns, run, &draft);
	if (result < 0)
		return result;
	draft.next.wave_done_at_ms += by_ms;
	if (draft.next.goes_on_at_ms != 0)
		draft.next.goes_on_at_ms += by_ms;
	draft.kept = true;
	result = campaign_draft_commit(&draft, ret_fault);
	if (result < 0) /* it does not soak for another time because the disk is full */
		campaign_draft_show(&draft);
	campaign_draft_end(&draft);
	return result;
}

void campaigns_clock_stepped(struct campaigns *campaigns, int64_t by_ms)
{
	pthread_mutex_lock(&campaigns->change);
	for (struct campaign_run *run = campaigns->runs; run != NULL; run = run->next) {
		struct job_fault fault = {.message = "out of memory"};
		if (run->now.wave_done_at_ms != 0 && shift_soak(campaigns, run, by_ms, &fault) < 0)
			log_warning(NULL, "campaign %s: the end of its soak is not stored as the clock has it now: %s", run->now.id,
				    fault.message);
	}
	pthread_mutex_unlock(&campaigns->change);
}
