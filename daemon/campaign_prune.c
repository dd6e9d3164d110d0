/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaigns_private.h"

#include <errno.h>
#include <string.h>

#include "daemon/log.h"

/* `change` is held: no retry takes it up in between. */
static int hide(struct campaigns *campaigns, const char *id, int64_t ended_before_ms, struct job_fault *ret_fault)
{
	struct campaign gone;
	struct store *store = campaigns->gateway->store;
	int result = store_campaign_glance(store, id, &gone, ret_fault);
	if (result == 0)
		result = store_campaign_hide(store, id, ended_before_ms, ret_fault);
	if (result <= 0)
		return result;
	log_info(NULL, "campaign %s: %s long ago, %s for \"%s\", removed from the history", id, campaign_state_name(gone.state),
		 gone.order.request.firmware_name, gone.order.selector);
	event_publish_campaign(campaigns->gateway->events, EVENT_CAMPAIGN_REMOVED, &gone);
	/* One that was looked up for a verb that it refused is let go in a turn. */
	struct campaign_run *run = campaigns_find(campaigns, id);
	if (run != NULL)
		campaigns_forget(campaigns, run);
	return result;
}

int campaigns_prune(struct campaigns *campaigns, int64_t ended_before_ms, struct job_fault *ret_fault)
{
	char id[JOB_ID_SIZE] = "";
	struct store *store = campaigns->gateway->store;
	int result = store_campaign_sweep(store, ret_fault);
	if (result != 0)
		return result;
	pthread_mutex_lock(&campaigns->change);
	result = store_campaign_outdated(store, ended_before_ms, id, ret_fault);
	if (result == 0 && id[0] != '\0')
		result = hide(campaigns, id, ended_before_ms, ret_fault);
	pthread_mutex_unlock(&campaigns->change);
	return result;
}
