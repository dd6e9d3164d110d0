/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device of a campaign takes over from its job. Pure.
 */
#ifndef DAEMON_CAMPAIGN_MEMBER_H
#define DAEMON_CAMPAIGN_MEMBER_H

#include "daemon/campaign.h"

/* Why it is as it is; cut off at the end of a text too long. */
void campaign_member_say(struct campaign_member *member, const char *reason);
void campaign_member_take_fault(struct campaign_member *member, const struct job_fault *fault);
/* State, reason, releases, times and fault of its job, so that the report needs the job no more. One that was taken back, as the campaign paused or stopped,
 * leaves the member without it or ends it. */
void campaign_member_take_job(const struct campaign *campaign, const struct job *job, struct campaign_member *member);

#endif
