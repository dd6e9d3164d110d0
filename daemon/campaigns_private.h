/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of the campaigns: campaigns.c (memory), campaign_verbs.c (what people ask for), campaign_turn.c (what goes on by itself).
 */
#ifndef DAEMON_CAMPAIGNS_PRIVATE_H
#define DAEMON_CAMPAIGNS_PRIVATE_H

#include <pthread.h>

#include "daemon/campaign_plan.h"
#include "daemon/campaigns.h"
#include "daemon/name_index.h"

/* What a turn knows of a member besides. Written under `change`. */
struct member_mark {
	bool stirred; /* something happened on which it may depend */
	bool ready;   /* it can have a job when there is a place */
	bool placed;  /* its job takes one of the places */
};

/* The members of a campaign, found by their devices. */
struct campaign_roster {
	struct campaign_member *members;
	size_t count;
	struct name_index by_device;
	struct member_mark *marks; /* of each */
};

/* In memory while it has not come to its end. Members are written under both mutexes. */
struct campaign_run {
	struct campaign now; /* tallied */
	struct campaign_roster roster;
	uint32_t taken; /* of the marks, those that are placed */
	bool due;       /* a member is stirred, or the last turn left something to do */
	bool late;      /* its deadline had passed in the last turn */
	bool pinned;    /* what its jobs need of the cache is held */
	bool untold;    /* it looks different from what was last published of it, at told_at_ms */
	int64_t told_at_ms;
	struct campaign_run *next;
};

struct campaigns {
	struct gateway *gateway;
	int64_t (*now_ms)(void);
	pthread_mutex_t change, lock;
	struct campaign_run *runs; /* in the order in which they came: the first has the first say */
	char newest_id[JOB_ID_SIZE];
	uint64_t heard; /* the last event of jobs and devices that was looked at */
	/* Of this turn; main thread only. */
	bool store_refused;
	uint32_t submits_left;
};

/* A change in the making: copies of the campaign, and of those members that are about to be changed. */
struct campaign_draft {
	struct campaigns *campaigns;
	struct campaign_run *run;
	struct campaign next;
	struct campaign_member *members; /* those that are copied; the others are not even written */
	bool *copied, *changed;          /* of each member; changed: to be kept */
	bool kept;                       /* the campaign itself is */
};
/* As it will be. */
struct campaign_members campaign_draft_members(const struct campaign_draft *draft);
const struct campaign_member *campaign_draft_see(const struct campaign_draft *draft, size_t i);
/* To be changed. */
struct campaign_member *campaign_draft_edit(struct campaign_draft *draft, size_t i);
/* The counts of the campaign as it will be. */
void campaign_draft_tally(struct campaign_draft *draft);
/* All members are looked at again. `change` is held. */
void campaign_stir(struct campaign_run *run);
/* Counts that change are told so often: four times a second. */
#define CAMPAIGN_TOLD_EVERY_MS 250
/* Publishes what is untold: at once, or if it is time for it. Returns when it is, 0: all is told. `change` is held. */
int64_t campaign_tell(struct campaigns *campaigns, struct campaign_run *run, bool at_once);

/* `change` is held. -ENOMEM. */
int campaign_draft_begin(struct campaigns *campaigns, struct campaign_run *run, struct campaign_draft *ret);
/* On disk, when something is to be kept, then seen, then published: at once when the state of the campaign or of its waves is another one. The draft
 * stays usable. */
int campaign_draft_commit(struct campaign_draft *draft, struct job_fault *ret_fault);
/* What was to be kept of members, and the store refused: they are as they were. */
void campaign_draft_take_back(struct campaign_draft *draft);
/* Seen and published, not kept. */
void campaign_draft_show(struct campaign_draft *draft);
void campaign_draft_end(struct campaign_draft *draft);

/* `change` is held. NULL: it is not in memory. */
struct campaign_run *campaigns_find(struct campaigns *campaigns, const char *id);
/* Takes over the members. -ENOMEM: it has not. */
int campaign_roster_make(struct campaign_member *members, size_t count, struct campaign_roster *ret);
void campaign_roster_clear(struct campaign_roster *roster);
/* Into memory; takes over the members. `change` is held. */
int campaigns_take(struct campaigns *campaigns, struct campaign_report *report, struct campaign_run **ret);
/* Holds what its jobs need of the cache: "not-found" when that is not there any more. `change` is held. */
int campaign_pin(struct campaigns *campaigns, struct campaign_run *run, struct job_fault *ret_fault);
/* Out of memory. `change` is held. */
void campaigns_forget(struct campaigns *campaigns, struct campaign_run *run);

/* Marks the jobs that have not begun. */
void campaign_withdraw(struct campaign_draft *draft);
/* Takes back those that are marked, of those that are stirred; what began in the meantime goes on. */
void campaign_cancel_withdrawn(struct campaign_draft *draft);
/* To its end, early. */
void campaign_stop(struct campaign_draft *draft, const char *reason);

#endif
