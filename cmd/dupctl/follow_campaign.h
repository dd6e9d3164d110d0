/* SPDX-License-Identifier: Apache-2.0
 *
 * Waits until a campaign has ended, with all its devices as one table.
 */
#ifndef DUPCTL_FOLLOW_CAMPAIGN_H
#define DUPCTL_FOLLOW_CAMPAIGN_H

#include "cmd/dupctl/session.h"

/* As follow_until_over(); then what became of the devices decides: DONE when all have been upgraded, JOB_FAILED, SOME_FAILED, REFUSED when all were
 * skipped. With --json the report is printed at the end, or as it is when the waiting ends before. */
int follow_campaign(struct session *session, const char *id, int64_t deadline_ms);

/* The one status of the devices of a report. Pure. */
int campaign_outcome(const json_t *report);

#endif
