/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaigns_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/campaign_member.h"
#include "daemon/campaign_plan.h"
#include "daemon/log.h"
#include "daemon/moment.h"

#define STORE_RETRY_MS 1000
/* Of jobs in a turn: each waits for the disk, and the main thread has other things to do. */
#define SUBMITS_MAX 32u

/* Its place among all ends; false: the store cannot tell now. */
static bool take_place_of_end(struct campaign_draft *draft, struct campaign_member *member)
{
	struct job_fault fault;
	bool told = store_ending_order(draft->campaigns->gateway->store, member->job, &member->ended, &fault) == 0;
	draft->campaigns->store_refused |= !told;
	return told;
}

/* The history is without the job: it was cut short while nobody looked. */
static void take_loss(struct campaign_draft *draft, size_t i)
{
	struct campaign_member *member = campaign_draft_edit(draft, i);
	struct job_fault fault;
	if (!take_place_of_end(draft, member))
		return;
	job_fault_set(&fault, "outcome-unknown", "what became of the device %s is not known", member->device);
	snprintf(fault.evidence, sizeof(fault.evidence), "the history has no job %s any more", member->job);
	campaign_member_take_fault(member, &fault);
	campaign_member_say(member, fault.kind->title);
	member->state = MEMBER_FAILED;
	member->finished_at_ms = draft->campaigns->now_ms();
	draft->changed[i] = true;
}

static void set_placed(struct campaign_run *run, size_t i, bool placed)
{
	struct member_mark *mark = &run->roster.marks[i];
	run->taken += placed;
	run->taken -= mark->placed;
	mark->placed = placed;
}

/* One that waits for its device or a lease takes none. */
static bool takes_place(const struct job *job)
{
	return !job_state_terminal(job->state) && job->waiting_for != WAIT_DEVICE && job->waiting_for != WAIT_LEASE;
}

/* Brings a member in line with its job. */
static void settle_one(struct campaign_draft *draft, size_t i)
{
	struct job_row row;
	struct job_fault fault;
	const struct job *job = &row.job;
	int result = queue_get(draft->campaigns->gateway->queue, campaign_draft_see(draft, i)->job, &row, &fault);
	if (result == -EPROTO && strcmp(fault.kind->code, "not-found") == 0) {
		set_placed(draft->run, i, false);
		take_loss(draft, i);
		return;
	}
	struct campaign_member *member = campaign_draft_edit(draft, i);
	if (result < 0 || (job_state_terminal(job->state) && !take_place_of_end(draft, member))) {
		draft->campaigns->store_refused = true;
		return;
	}
	set_placed(draft->run, i, takes_place(job));
	campaign_member_take_job(&draft->next, job, member);
	draft->changed[i] = job_state_terminal(job->state);
}

static void settle(struct campaign_draft *draft)
{
	for (size_t i = 0; i < draft->run->roster.count; i++) {
		if (!draft->run->roster.marks[i].stirred)
			continue;
		const struct campaign_member *member = campaign_draft_see(draft, i);
		if (!member_state_final(member->state) && member->job[0] != '\0')
			settle_one(draft, i);
		else
			set_placed(draft->run, i, false);
	}
}

static void wait_between(struct campaign_draft *draft, enum campaign_step step, int64_t now_ms)
{
	struct campaign *next = &draft->next;
	char when[MOMENT_SIZE];
	bool soaks = step == STEP_SOAK;
	if (next->wave_done_at_ms == 0 || next->wave_done_at_ms > now_ms) /* the clock was set back: it does not soak longer for that */
		next->wave_done_at_ms = now_ms;
	next->goes_on_at_ms = soaks ? next->wave_done_at_ms + (int64_t)next->order.soak_s * 1000 : 0;
	moment_text(next->goes_on_at_ms, when);
	char text[sizeof(next->reason)] = ""; /* whole: what looks the same is not told again */
	snprintf(text, sizeof(text), "wave %u of %zu is done: %s%s", next->wave + 1, next->order.wave_count,
		 soaks ? "it soaks until " : "approve the next one", soaks ? when : "");
	draft->kept |= next->state != CAMPAIGN_WAITING || strcmp(text, next->reason) != 0;
	next->state = CAMPAIGN_WAITING;
	memcpy(next->reason, text, sizeof(text));
}

static void go_on(struct campaign_draft *draft, uint32_t wave)
{
	struct campaign *next = &draft->next;
	draft->kept |= next->state != CAMPAIGN_RUNNING || next->wave != wave || next->wave_done_at_ms != 0;
	if (next->wave != wave)
		campaign_stir(draft->run); /* whose turn it is now */
	next->state = CAMPAIGN_RUNNING;
	next->wave = wave;
	next->wave_done_at_ms = 0;
	next->goes_on_at_ms = 0;
	next->reason[0] = '\0';
}

/* It runs, and nothing of it does: until when is derived anew in each turn, and not kept. */
static void tell_shut(struct campaign_draft *draft, int64_t now_ms)
{
	struct campaign *next = &draft->next;
	char when[MOMENT_SIZE], text[sizeof(next->reason)] = ""; /* whole, as above */
	const struct campaign_members members = campaign_draft_members(draft);
	int64_t until_ms = campaign_shut_until(next, &members, draft->run->taken >= next->order.max_parallel);
	if (until_ms > now_ms) {
		moment_text(until_ms, when);
		snprintf(text, sizeof(text), "what is left waits for its window: the first may begin at %s", when);
		next->goes_on_at_ms = until_ms;
	}
	memcpy(next->reason, text, sizeof(text));
}

static void finish(struct campaign_draft *draft, int64_t now_ms)
{
	struct campaign *next = &draft->next;
	draft->kept = true;
	next->state = CAMPAIGN_FINISHED;
	next->finished_at_ms = now_ms;
	next->goes_on_at_ms = 0;
	next->wave = (uint32_t)next->order.wave_count - 1;
	campaign_sum_up(next, next->reason, sizeof(next->reason));
}

/* From wave to wave. */
static void step(struct campaign_draft *draft, int64_t now_ms)
{
	char reason[sizeof(draft->next.reason)];
	uint32_t wave = 0;
	const struct campaign_members members = campaign_draft_members(draft);
	campaign_draft_tally(draft);
	if (campaign_tripped(&draft->next, &members, reason, sizeof(reason))) {
		campaign_stop(draft, reason);
		campaign_stir(draft->run);
		return;
	}
	enum campaign_step what = campaign_next(&draft->next, now_ms, &wave);
	switch (what) {
	case STEP_WORK:
		go_on(draft, draft->next.wave);
		tell_shut(draft, now_ms);
		break;
	case STEP_SOAK:
	case STEP_ASK:
		wait_between(draft, what, now_ms);
		break;
	case STEP_ADVANCE:
		go_on(draft, wave);
		break;
	case STEP_FINISH:
		finish(draft, now_ms);
		break;
	}
}

static bool is_up(const struct campaign *campaign, const struct campaign_member *member)
{
	return !member_state_final(member->state) && member->job[0] == '\0' && member->wave >= 0 &&
	       (uint32_t)member->wave <= campaign->wave;
}

static void end_without_job(struct campaign_draft *draft, size_t i, enum member_state state)
{
	struct campaign_member *member = campaign_draft_edit(draft, i);
	if (!take_place_of_end(draft, member))
		return;
	member->state = state;
	member->finished_at_ms = draft->campaigns->now_ms();
	draft->changed[i] = true;
}

static bool is_late(const struct campaign *campaign, int64_t now_ms)
{
	int64_t deadline_ms = campaign->order.request.deadline_ms;
	return deadline_ms != 0 && deadline_ms <= now_ms;
}

/* No job of it may begin any more. */
static void end_too_late(struct campaign_draft *draft, size_t i)
{
	struct campaign_member *member = campaign_draft_edit(draft, i);
	struct job_fault fault;
	char deadline[MOMENT_SIZE];
	moment_text(draft->next.order.request.deadline_ms, deadline);
	job_fault_set(&fault, "deadline-passed", "no job of the device %s could begin before the deadline of the campaign, %s",
		      member->device, deadline);
	snprintf(fault.evidence, sizeof(fault.evidence), "%s", member->reason[0] != '\0' ? member->reason : "its turn had not come");
	campaign_member_take_fault(member, &fault);
	campaign_member_say(member, fault.kind->title);
	end_without_job(draft, i, MEMBER_FAILED);
}

/* What can be said of a member whose turn it is without a job. */
static void judge_one(struct campaign_draft *draft, size_t i)
{
	struct device device;
	struct job_fault fault;
	struct campaign_member *member = campaign_draft_edit(draft, i);
	bool known = registry_get(draft->campaigns->gateway->registry, member->device, &device, &fault) == 0;
	/* One that is busy or in maintenance is not asked whether it is there. */
	bool present = known && device.state != DEVICE_ABSENT;
	enum member_verdict verdict = campaign_judge(&draft->next, known ? &device : NULL, present, member->reason, sizeof(member->reason));
	if (known)
		memcpy(member->from_release, device.modem.release, sizeof(member->from_release));
	if ((verdict == VERDICT_GO || verdict == VERDICT_WAIT) && is_late(&draft->next, draft->campaigns->now_ms())) {
		end_too_late(draft, i);
		return;
	}
	switch (verdict) {
	case VERDICT_GO:
		draft->run->roster.marks[i].ready = true;
		member->state = MEMBER_QUEUED;
		break;
	case VERDICT_WAIT:
		member->state = MEMBER_WAITING;
		break;
	case VERDICT_DONE:
		memcpy(member->to_release, draft->next.release, sizeof(member->to_release));
		end_without_job(draft, i, MEMBER_SUCCEEDED);
		break;
	case VERDICT_SKIP:
		end_without_job(draft, i, MEMBER_SKIPPED);
		break;
	case VERDICT_FAIL:
		member->fault = fault_kind_find(campaign_fault_of(&device));
		snprintf(member->fault_message, sizeof(member->fault_message), "%s", member->reason);
		end_without_job(draft, i, MEMBER_FAILED);
		break;
	}
}

/* Marks those that can have a job. True: some came to their end. */
static bool judge_all(struct campaign_draft *draft)
{
	bool ended = false;
	for (size_t i = 0; i < draft->run->roster.count; i++) {
		struct member_mark *mark = &draft->run->roster.marks[i];
		if (!mark->stirred)
			continue;
		mark->ready = false;
		if (is_up(&draft->next, campaign_draft_see(draft, i)))
			judge_one(draft, i);
		ended |= draft->changed[i];
	}
	return ended;
}

/* The job is on disk, and named by its member there, when this returns 0. */
static int submit(struct campaign_draft *draft, struct campaign_member *member, struct job_fault *ret_fault)
{
	struct job job;
	struct job_row before;
	const struct campaign_order *order = &draft->next.order;
	struct gateway *gateway = draft->campaigns->gateway;
	struct job_request request = order->request;
	memcpy(request.device, member->device, sizeof(request.device));
	memcpy(request.campaign, draft->next.id, sizeof(request.campaign));
	request.wait_for_lease = true; /* when it was leased since it was looked at */
	if (order->window.days != 0)
		window_text(&order->window, request.window, sizeof(request.window));
	/* The history may be without the one before by now. */
	bool again = member->previous[0] != '\0' && queue_get(gateway->queue, member->previous, &before, ret_fault) == 0;
	if (again)
		memcpy(request.retry_of, member->previous, sizeof(request.retry_of));
	int result = gateway_submit_cached(gateway, &request, order->request.firmware, again ? &before : NULL, &job, ret_fault);
	if (result == 0) {
		memcpy(member->job, job.id, sizeof(member->job));
		campaign_member_take_job(&draft->next, &job, member);
	}
	return result;
}

/* It could not be asked for. */
static void take_refusal(struct campaign_draft *draft, size_t i, const struct job_fault *fault)
{
	struct campaign_member *member = campaign_draft_edit(draft, i);
	campaign_member_say(member, fault->message);
	if (fault->kind->class == CLASS_INFRASTRUCTURE) {
		draft->campaigns->store_refused = true;
	} else if (strcmp(fault->kind->code, "device-busy") == 0 || strcmp(fault->kind->code, "device-leased") == 0) {
		member->state = MEMBER_WAITING; /* somebody was faster */
	} else {
		campaign_member_take_fault(member, fault);
		end_without_job(draft, i, MEMBER_FAILED);
	}
}

/* True: some came to their end. Who gets no job in this turn gets it in the next, which each job that was submitted wakes. */
static bool submit_all(struct campaign_draft *draft)
{
	bool ended = false;
	struct campaigns *campaigns = draft->campaigns;
	struct campaign_run *run = draft->run;
	for (size_t i = 0; i < run->roster.count && run->taken < draft->next.order.max_parallel && !campaigns->store_refused; i++) {
		struct job_fault fault = {0};
		if (!run->roster.marks[i].ready)
			continue;
		run->due |= campaigns->submits_left == 0;
		if (campaigns->submits_left == 0)
			break;
		int result = submit(draft, campaign_draft_edit(draft, i), &fault);
		if (result == 0) {
			set_placed(run, i, true);
			campaigns->submits_left--;
		} else if (result == -EPROTO) {
			take_refusal(draft, i, &fault);
		} else {
			campaigns->store_refused = true;
		}
		run->roster.marks[i].ready = campaigns->store_refused;
		ended |= draft->changed[i];
	}
	return ended;
}

/* Gives jobs to those whose turn it is. */
static int work(struct campaign_draft *draft, struct job_fault *ret_fault)
{
	struct campaign_run *run = draft->run;
	bool ended = judge_all(draft);
	int result = campaign_draft_commit(draft, ret_fault);
	if (result < 0)
		return result;
	if (submit_all(draft))
		ended = true;
	result = campaign_draft_commit(draft, ret_fault);
	/* The jobs that were made are on disk already: they are seen whatever the store says of the rest. */
	if (result < 0) {
		campaign_draft_take_back(draft);
		campaign_draft_show(draft);
		return result;
	}
	run->due |= ended;
	if (ended)
		queue_wake(draft->campaigns->gateway->queue);
	return 0;
}

static int turn(struct campaign_draft *draft, int64_t now_ms, struct job_fault *ret_fault)
{
	settle(draft);
	if (draft->next.state == CAMPAIGN_RUNNING || draft->next.state == CAMPAIGN_WAITING)
		step(draft, now_ms);
	int result = campaign_draft_commit(draft, ret_fault);
	if (result < 0)
		return result;
	if (draft->next.state == CAMPAIGN_PAUSED || draft->next.state == CAMPAIGN_STOPPED)
		campaign_cancel_withdrawn(draft);
	if (draft->next.state != CAMPAIGN_RUNNING || queue_stopping(draft->campaigns->gateway->queue))
		return 0;
	return work(draft, ret_fault);
}

/* Nothing will change any more, but by a retry. */
static bool is_over(const struct campaign_run *run)
{
	const struct campaign_counts *counts = &run->now.counts;
	bool final = run->now.state == CAMPAIGN_STOPPED || run->now.state == CAMPAIGN_FINISHED;
	return final && counts->queued + counts->waiting + counts->running == 0;
}

/* What ends between two turns by itself: a soak, also when the clock was set back. */
static bool is_time(const struct campaign *now, int64_t now_ms)
{
	return now->goes_on_at_ms != 0 && (now_ms >= now->goes_on_at_ms || now_ms < now->wave_done_at_ms);
}

/* A turn that failed is taken again, with all that it looked at. */
static int take_turn(struct campaigns *campaigns, struct campaign_run *run, int64_t now_ms, struct job_fault *ret_fault)
{
	struct campaign_draft draft;
	int result = campaign_draft_begin(campaigns, run, &draft);
	if (result < 0)
		return result;
	run->due = false;
	result = turn(&draft, now_ms, ret_fault);
	campaign_draft_end(&draft);
	if (result < 0 || campaigns->store_refused)
		run->due = true;
	for (size_t i = 0; result == 0 && !campaigns->store_refused && i < run->roster.count; i++)
		run->roster.marks[i].stirred = false;
	return result;
}

static void turn_one(struct campaigns *campaigns, struct campaign_run *run, int64_t now_ms)
{
	struct job_fault fault = {0};
	if (is_late(&run->now, now_ms) != run->late) {
		run->late = !run->late;
		campaign_stir(run);
	}
	if (run->now.state == CAMPAIGN_DRAFT || (!run->due && !is_time(&run->now, now_ms)))
		return;
	int result = is_over(run) ? 0 : take_turn(campaigns, run, now_ms, &fault);
	if (result < 0 && !campaigns->store_refused)
		log_warning(NULL, "campaign %s: %s; it is tried again", run->now.id, result == -EPROTO ? fault.message : strerror(-result));
	campaigns->store_refused |= result < 0;
	if (!is_over(run))
		return;
	campaign_tell(campaigns, run, true);
	campaigns_forget(campaigns, run);
}

/* Something happened to this device, or to a job on it. */
static void stir_device(struct campaigns *campaigns, const char *device)
{
	for (struct campaign_run *run = campaigns->runs; run != NULL; run = run->next) {
		const struct campaign_member *member = name_index_find(&run->roster.by_device, device);
		if (member == NULL)
			continue;
		run->roster.marks[member - run->roster.members].stirred = true;
		run->due = true;
	}
}

/* What happened since the last turn. Before anything is looked at: what happens from now on is told after this. */
static void hear(struct campaigns *campaigns)
{
	struct event *batch[64];
	struct event_bus *events = campaigns->gateway->events;
	int count = 0;
	if (campaigns->runs == NULL)
		campaigns->heard = event_bus_head(events);
	while ((count = event_bus_read(events, campaigns->heard, batch, sizeof(batch) / sizeof(batch[0]))) > 0) {
		for (int i = 0; i < count; i++) {
			campaigns->heard = batch[i]->seq;
			if (batch[i]->topic == TOPIC_DEVICE || batch[i]->topic == TOPIC_JOB)
				stir_device(campaigns, batch[i]->device);
			event_unref(batch[i]);
		}
	}
	if (count == 0)
		return;
	/* So much happened that some of it is forgotten. */
	campaigns->heard = event_bus_head(events);
	for (struct campaign_run *run = campaigns->runs; run != NULL; run = run->next)
		campaign_stir(run);
}

/* Under `change` nobody else writes: no `lock` is needed to read. */
int64_t campaigns_turn(struct campaigns *campaigns)
{
	pthread_mutex_lock(&campaigns->change);
	int64_t now_ms = campaigns->now_ms(), due_ms = 0;
	campaigns->store_refused = false;
	campaigns->submits_left = SUBMITS_MAX;
	hear(campaigns);
	struct campaign_run *next;
	for (struct campaign_run *run = campaigns->runs; run != NULL; run = next) {
		next = run->next;
		turn_one(campaigns, run, now_ms);
	}
	for (struct campaign_run *run = campaigns->runs; run != NULL; run = run->next) {
		due_ms = moment_earlier(due_ms, moment_earlier(run->now.goes_on_at_ms, campaign_tell(campaigns, run, false)));
		due_ms = moment_earlier(due_ms, run->late ? 0 : run->now.order.request.deadline_ms);
	}
	if (campaigns->store_refused)
		due_ms = moment_earlier(due_ms, now_ms + STORE_RETRY_MS);
	pthread_mutex_unlock(&campaigns->change);
	return due_ms;
}
