/* SPDX-License-Identifier: Apache-2.0
 *
 * The campaigns that go on: each change is on disk, then seen, then published. Thread-safe: `change` orders the changes and is held over the disk and
 * over the queue's verbs, `lock` guards the memory and is not. What a campaign does next is derived from the states of its jobs, in every turn
 * anew, so that nothing has to be remembered between a job's end and the next step.
 */
#ifndef DAEMON_CAMPAIGNS_H
#define DAEMON_CAMPAIGNS_H

#include "daemon/gateway_private.h"

struct campaigns;

/* Takes up what an earlier run left. The gateway is borrowed, and all of it but this is there. */
int campaigns_new(struct gateway *gateway, int64_t (*now_ms)(void), struct job_fault *ret_fault, struct campaigns **ret);
void campaigns_free(struct campaigns *campaigns);

/* Main thread: looks at the jobs that ended, starts the next ones. The Unix time in ms when a turn is due without news; 0: none. */
int64_t campaigns_turn(struct campaigns *campaigns);

/* The wall clock was set by so much: what soaks goes on as it was. Main thread. */
void campaigns_clock_stepped(struct campaigns *campaigns, int64_t by_ms);

/* A new one; with members it has started. `campaign` gets its id. */
int campaigns_add(struct campaigns *campaigns, struct campaign *campaign, const struct campaign_member *members, size_t count,
		  struct job_fault *ret_fault);
/* Without its devices. */
int campaigns_glance(struct campaigns *campaigns, const char *id, struct campaign *ret, struct job_fault *ret_fault);
int campaigns_get(struct campaigns *campaigns, const char *id, const struct campaign_page *page, struct campaign_report *ret,
		  struct job_fault *ret_fault);
int campaigns_list(struct campaigns *campaigns, const char *before, unsigned limit, struct campaign **ret, size_t *ret_count,
		   bool *ret_more, struct job_fault *ret_fault);
/* members: of CAMPAIGN_START, those that the draft gets. */
int campaigns_direct(struct campaigns *campaigns, const char *id, enum campaign_verb verb, const struct campaign_member *members,
		     size_t count, struct campaign *ret, struct job_fault *ret_fault);
int campaigns_remove(struct campaigns *campaigns, const char *id, struct job_fault *ret_fault);
/* One step of retention: takes some of the devices of one that is removed, or else removes one that ended before that time (Unix, ms; 0: none did) and of
 * which nothing goes on. 1: there may be more to do; 0: there is not. */
int campaigns_prune(struct campaigns *campaigns, int64_t ended_before_ms, struct job_fault *ret_fault);

#endif
