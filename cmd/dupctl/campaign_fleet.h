/* SPDX-License-Identifier: Apache-2.0
 *
 * The devices of a campaign while it runs: its report says what is final, the events of its jobs how far they are in between. Pure.
 */
#ifndef DUPCTL_CAMPAIGN_FLEET_H
#define DUPCTL_CAMPAIGN_FLEET_H

#include "cmd/dupctl/fleet.h"

struct campaign_fleet {
	const char *id; /* of the campaign; borrowed */
	struct fleet fleet;
	json_t *report;          /* the last one; NULL: none yet */
	struct campaign_row now; /* of report */
	bool stale;              /* it may have changed since */
	bool urgent;             /* it has ended, or more than a job has changed */
};

void campaign_fleet_clear(struct campaign_fleet *campaign);
#define campaign_fleet_owned __attribute__((cleanup(campaign_fleet_clear))) struct campaign_fleet

/* An answer to GET /campaigns/ID/report; takes the reference. */
void campaign_fleet_report(struct campaign_fleet *campaign, json_t *report);

/* One event of the stream: of its jobs, or of the campaign itself. What ends a job only makes it stale, so that nothing is told to have ended that the
 * campaign counts otherwise. */
void campaign_fleet_apply(struct campaign_fleet *campaign, const struct sse_event *event);

#endif
