/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaigns_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/campaign_plan.h"
#include "daemon/log.h"
#include "daemon/moment.h"

void campaign_withdraw(struct campaign_draft *draft)
{
	for (size_t i = 0; i < draft->run->roster.count; i++) {
		const struct campaign_member *member = campaign_draft_see(draft, i);
		if (member_state_final(member->state) || member->job[0] == '\0' || member->started_at_ms != 0)
			continue;
		campaign_draft_edit(draft, i)->withdrawn = true;
		draft->changed[i] = true;
	}
}

void campaign_cancel_withdrawn(struct campaign_draft *draft)
{
	for (size_t i = 0; i < draft->run->roster.count; i++) {
		struct job job;
		struct job_fault fault;
		if (!draft->run->roster.marks[i].stirred)
			continue;
		const struct campaign_member *member = campaign_draft_see(draft, i);
		if (member->withdrawn && !member_state_final(member->state) && member->started_at_ms == 0)
			(void)queue_withdraw(draft->campaigns->gateway->queue, member->job, &job, &fault);
	}
}

void campaign_stop(struct campaign_draft *draft, const char *reason)
{
	int64_t now_ms = draft->campaigns->now_ms();
	for (size_t i = 0; i < draft->run->roster.count; i++) {
		if (member_state_final(campaign_draft_see(draft, i)->state) || campaign_draft_see(draft, i)->job[0] != '\0')
			continue;
		struct campaign_member *member = campaign_draft_edit(draft, i);
		member->state = MEMBER_CANCELLED;
		member->finished_at_ms = now_ms;
		snprintf(member->reason, sizeof(member->reason), "the campaign was stopped before its turn");
		draft->changed[i] = true;
	}
	campaign_withdraw(draft);
	draft->kept = true;
	draft->next.state = CAMPAIGN_STOPPED;
	draft->next.finished_at_ms = now_ms;
	draft->next.goes_on_at_ms = 0;
	if (reason != draft->next.reason)
		snprintf(draft->next.reason, sizeof(draft->next.reason), "%s", reason);
}

static void run_again(struct campaign_draft *draft)
{
	draft->kept = true;
	draft->next.state = CAMPAIGN_RUNNING;
	draft->next.reason[0] = '\0';
	draft->next.goes_on_at_ms = 0;
}

/* "stopped by token:ci", the name that the audit has; "a person" for who asks without an errand. */
static void name_person(const struct campaign_draft *draft, const char *what, char *ret, size_t size)
{
	char who[REQUESTED_BY_SIZE];
	bool known = store_errand_who(draft->campaigns->gateway->store, who);
	snprintf(ret, size, "%s by %s", what, known ? who : "a person");
}

static int pause_it(struct campaign_draft *draft)
{
	draft->kept = true;
	draft->next.state = CAMPAIGN_PAUSED;
	draft->next.goes_on_at_ms = 0;
	name_person(draft, "paused", draft->next.reason, sizeof(draft->next.reason));
	campaign_withdraw(draft);
	return 0;
}

static int stop_it(struct campaign_draft *draft)
{
	char reason[sizeof(draft->next.reason)];
	name_person(draft, "stopped", reason, sizeof(reason));
	campaign_stop(draft, reason);
	return 0;
}

static int approve(struct campaign_draft *draft)
{
	uint32_t wave = draft->next.wave;
	(void)campaign_next(&draft->next, draft->campaigns->now_ms(), &wave);
	draft->next.wave = wave;
	draft->next.wave_done_at_ms = 0;
	run_again(draft);
	return 0;
}

static void reset_member(struct campaign_member *member)
{
	struct campaign_member fresh = {.wave = member->wave};
	memcpy(fresh.device, member->device, sizeof(fresh.device));
	memcpy(fresh.previous, member->job, sizeof(fresh.previous));
	*member = fresh;
}

static int retry(struct campaign_draft *draft, struct job_fault *ret_fault)
{
	size_t count = 0;
	for (size_t i = 0; i < draft->run->roster.count; i++) {
		if (campaign_draft_see(draft, i)->state != MEMBER_FAILED)
			continue;
		reset_member(campaign_draft_edit(draft, i));
		draft->changed[i] = true;
		count++;
	}
	if (count == 0)
		return job_fault_set(ret_fault, "invalid-request", "no device of the campaign %s has failed", draft->next.id);
	/* One that has passed would let none of them begin; the retry of a job has none either. */
	if (draft->next.order.request.deadline_ms <= draft->campaigns->now_ms())
		draft->next.order.request.deadline_ms = 0;
	draft->next.wave_done_at_ms = 0;
	draft->next.finished_at_ms = 0;
	draft->kept = true;
	if (draft->next.state != CAMPAIGN_PAUSED)
		run_again(draft);
	return 0;
}

struct verb_rule {
	const char *what;
	unsigned from; /* states in which it can be asked for, a bit each */
	const char *needed;
};

#define IN(state) (1u << (state))

static const struct verb_rule rules[] = {
    [CAMPAIGN_START] = {"started", IN(CAMPAIGN_DRAFT), "only a draft can be"},
    [CAMPAIGN_PAUSE] = {"paused", IN(CAMPAIGN_RUNNING) | IN(CAMPAIGN_WAITING), "only one that runs or waits can be"},
    [CAMPAIGN_RESUME] = {"resumed", IN(CAMPAIGN_PAUSED), "only one that is paused can be"},
    [CAMPAIGN_STOP] = {"stopped", IN(CAMPAIGN_RUNNING) | IN(CAMPAIGN_WAITING) | IN(CAMPAIGN_PAUSED), "only one that goes on can be"},
    [CAMPAIGN_APPROVE] = {"approved", IN(CAMPAIGN_WAITING), "only one that waits between two waves can be"},
    [CAMPAIGN_RETRY] = {"retried", ~IN(CAMPAIGN_DRAFT), "only one that has started can be"},
};

static int check_state(const struct campaign *campaign, enum campaign_verb verb, struct job_fault *ret_fault)
{
	if ((rules[verb].from & IN(campaign->state)) != 0)
		return 0;
	return job_fault_set(ret_fault, "invalid-request", "the campaign %s is %s and cannot be %s: %s", campaign->id,
			     campaign_state_name(campaign->state), rules[verb].what, rules[verb].needed);
}

/* All its devices would fail at once. */
static int check_not_late(const struct campaigns *campaigns, const struct campaign *campaign, struct job_fault *ret_fault)
{
	char deadline[MOMENT_SIZE];
	int64_t deadline_ms = campaign->order.request.deadline_ms;
	if (deadline_ms == 0 || deadline_ms > campaigns->now_ms())
		return 0;
	moment_text(deadline_ms, deadline);
	job_fault_set(ret_fault, "deadline-passed", "the campaign %s cannot be started: its deadline, %s, has passed", campaign->id,
		      deadline);
	return job_fault_advise(
	    ret_fault, "Make a new one with a later deadline or none, and remove this draft (dupctl campaign delete %s).", campaign->id);
}

/* The draft of the campaign gets its devices. The run is seen by nobody until the draft is committed. */
static int start(struct campaigns *campaigns, struct campaign_run *run, const struct campaign_member *members, size_t count,
		 struct job_fault *ret_fault)
{
	struct campaign next = run->now;
	struct campaign_roster roster, old = run->roster;
	struct campaign_member *own = calloc(count + 1, sizeof(*own));
	if (own == NULL)
		return -ENOMEM;
	memcpy(own, members, count * sizeof(*own));
	next.state = CAMPAIGN_RUNNING;
	next.started_at_ms = campaigns->now_ms();
	campaign_tally(&next, own, count);
	int result = campaign_roster_make(own, count, &roster);
	if (result < 0) {
		free(own);
		return result;
	}
	const struct campaign_change made = {.campaign = &next, .members = own, .count = count};
	result = store_campaign_save(campaigns->gateway->store, &made, ret_fault);
	if (result < 0) {
		campaign_roster_clear(&roster);
		return result;
	}
	pthread_mutex_lock(&campaigns->lock);
	run->roster = roster;
	run->now = next;
	pthread_mutex_unlock(&campaigns->lock);
	campaign_roster_clear(&old);
	campaign_stir(run);
	log_info(NULL, "campaign %s: draft -> running, %zu devices", next.id, count);
	run->untold = true;
	campaign_tell(campaigns, run, true);
	return 0;
}

static int change(struct campaign_draft *draft, enum campaign_verb verb, struct job_fault *ret_fault)
{
	switch (verb) {
	case CAMPAIGN_START:
		break; /* has its own way */
	case CAMPAIGN_PAUSE:
		return pause_it(draft);
	case CAMPAIGN_RESUME:
		run_again(draft);
		return 0;
	case CAMPAIGN_STOP:
		return stop_it(draft);
	case CAMPAIGN_APPROVE:
		return approve(draft);
	case CAMPAIGN_RETRY:
		return retry(draft, ret_fault);
	}
	return 0;
}

static int direct(struct campaigns *campaigns, struct campaign_run *run, enum campaign_verb verb, struct job_fault *ret_fault)
{
	struct campaign_draft draft;
	int result = campaign_draft_begin(campaigns, run, &draft);
	if (result == 0)
		result = change(&draft, verb, ret_fault);
	if (result == 0)
		result = campaign_draft_commit(&draft, ret_fault);
	if (result == 0)
		campaign_stir(run);
	if (result == 0)
		campaign_cancel_withdrawn(&draft);
	campaign_draft_end(&draft);
	return result;
}

/* One that has ended comes back into memory for a retry. */
static int find_or_load(struct campaigns *campaigns, const char *id, struct campaign_run **ret, struct job_fault *ret_fault)
{
	*ret = campaigns_find(campaigns, id);
	if (*ret != NULL)
		return 0;
	struct campaign_report report;
	int result = store_campaign_load(campaigns->gateway->store, id, &(struct campaign_page){0}, &report, ret_fault);
	if (result == 0)
		result = campaigns_take(campaigns, &report, ret);
	campaign_report_clear(&report);
	return result;
}

int campaigns_direct(struct campaigns *campaigns, const char *id, enum campaign_verb verb, const struct campaign_member *members,
		     size_t count, struct campaign *ret, struct job_fault *ret_fault)
{
	struct campaign_run *run = NULL;
	pthread_mutex_lock(&campaigns->change);
	int result = find_or_load(campaigns, id, &run, ret_fault);
	if (result == 0)
		result = check_state(&run->now, verb, ret_fault);
	if (result == 0 && verb == CAMPAIGN_START)
		result = check_not_late(campaigns, &run->now, ret_fault);
	if (result == 0 && verb != CAMPAIGN_PAUSE && verb != CAMPAIGN_STOP)
		result = campaign_pin(campaigns, run, ret_fault);
	if (result == 0)
		result =
		    verb == CAMPAIGN_START ? start(campaigns, run, members, count, ret_fault) : direct(campaigns, run, verb, ret_fault);
	if (result == 0)
		*ret = run->now;
	pthread_mutex_unlock(&campaigns->change);
	queue_wake(campaigns->gateway->queue); /* what was loaded for nothing is let go in the turn */
	return result;
}

int campaigns_remove(struct campaigns *campaigns, const char *id, struct job_fault *ret_fault)
{
	struct campaign_run *run = NULL;
	pthread_mutex_lock(&campaigns->change);
	int result = find_or_load(campaigns, id, &run, ret_fault);
	if (result == 0 && run->now.state != CAMPAIGN_DRAFT)
		result = job_fault_set(ret_fault, "invalid-request",
				       "the campaign %s is %s: only a draft can be removed, what has started is history", id,
				       campaign_state_name(run->now.state));
	if (result == 0)
		result = store_campaign_remove(campaigns->gateway->store, &run->now, ret_fault);
	if (result == 0) {
		event_publish_campaign(campaigns->gateway->events, EVENT_CAMPAIGN_REMOVED, &run->now);
		campaigns_forget(campaigns, run);
	}
	pthread_mutex_unlock(&campaigns->change);
	queue_wake(campaigns->gateway->queue);
	return result;
}
