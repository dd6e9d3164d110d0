/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaigns_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/campaign_plan.h"
#include "daemon/log.h"
#include "daemon/moment.h"

#define STORE_RETRY_MS 1000
/* Of jobs in a turn: each waits for the disk, and the main thread has other things to do. */
#define SUBMITS_MAX 32u

/* All devices as they are in this turn; members come in nearly the same order. */
struct roll {
	struct device *devices;
	size_t count, at;
};

static const struct device *find_device(struct roll *roll, const char *id)
{
	for (size_t tried = 0; tried < roll->count; tried++) {
		const struct device *device = &roll->devices[roll->at];
		roll->at = (roll->at + 1) % roll->count;
		if (strcmp(device->id, id) == 0)
			return device;
	}
	return NULL;
}

static void set_reason(struct campaign_member *member, const char *text)
{
	snprintf(member->reason, sizeof(member->reason), "%.*s", (int)sizeof(member->reason) - 1, text);
}

static void take_fault(struct campaign_member *member, const struct job_fault *fault)
{
	member->fault = fault->kind;
	snprintf(member->fault_message, sizeof(member->fault_message), "%.*s", (int)sizeof(member->fault_message) - 1, fault->message);
	snprintf(member->fault_evidence, sizeof(member->fault_evidence), "%.*s", (int)sizeof(member->fault_evidence) - 1, fault->evidence);
}

/* The job was taken back as the campaign paused or stopped. */
static void end_withdrawn(const struct campaign *campaign, struct campaign_member *member)
{
	bool stopped = campaign->state == CAMPAIGN_STOPPED;
	member->withdrawn = false;
	member->state = stopped ? MEMBER_CANCELLED : MEMBER_QUEUED;
	set_reason(member, stopped ? "the campaign was stopped before it began" : "");
	if (stopped)
		return;
	member->job[0] = '\0';
	member->finished_at_ms = member->ended = 0;
}

static void take_end(const struct campaign *campaign, const struct job *job, struct campaign_member *member)
{
	bool was_there = job->fault.kind != NULL && strcmp(job->fault.kind->code, "already-installed") == 0;
	member->finished_at_ms = job->finished_at_ms;
	take_fault(member, &job->fault);
	if (job->state == JOB_SUCCEEDED || was_there) {
		member->state = MEMBER_SUCCEEDED;
		member->fault = NULL;
		member->fault_message[0] = member->fault_evidence[0] = '\0';
		set_reason(member, was_there ? job->fault.message : "");
	} else if (job->state == JOB_FAILED) {
		member->state = MEMBER_FAILED;
		set_reason(member, job->fault.kind != NULL ? job->fault.kind->title : "");
	} else if (member->withdrawn && job->started_at_ms == 0) {
		end_withdrawn(campaign, member);
	} else {
		member->state = MEMBER_CANCELLED;
		set_reason(member, "its job was cancelled");
	}
}

static void take_job(const struct campaign *campaign, const struct job *job, struct campaign_member *member)
{
	memcpy(member->from_release, job->from_release, sizeof(member->from_release));
	memcpy(member->to_release, job->to_release, sizeof(member->to_release));
	member->verified = job->verified;
	member->attempts = job->started_at_ms != 0 ? job->attempt : 0;
	member->started_at_ms = job->started_at_ms;
	member->state = job->state == JOB_RUNNING ? MEMBER_RUNNING : job->state == JOB_WAITING ? MEMBER_WAITING : MEMBER_QUEUED;
	if (job->state == JOB_WAITING && job->detail[0] == '\0')
		snprintf(member->reason, sizeof(member->reason), "its job waits for %s", job_wait_name(job->waiting_for));
	else
		set_reason(member, job->state == JOB_WAITING ? job->detail : "");
	if (job_state_terminal(job->state))
		take_end(campaign, job, member);
}

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
	struct campaign_member *member = &draft->members[i];
	struct job_fault fault;
	if (!take_place_of_end(draft, member))
		return;
	job_fault_set(&fault, "outcome-unknown", "what became of the device %s is not known", member->device);
	snprintf(fault.evidence, sizeof(fault.evidence), "the history has no job %s any more", member->job);
	take_fault(member, &fault);
	set_reason(member, fault.kind->title);
	member->state = MEMBER_FAILED;
	member->finished_at_ms = draft->campaigns->now_ms();
	draft->changed[i] = true;
}

/* Brings the members in line with their jobs. Returns how many places those take. */
static uint32_t settle(struct campaign_draft *draft)
{
	uint32_t taken = 0;
	struct queue *queue = draft->campaigns->gateway->queue;
	for (size_t i = 0; i < draft->run->count; i++) {
		struct job_row row;
		struct job_fault fault;
		struct campaign_member *member = &draft->members[i];
		if (member_state_final(member->state) || member->job[0] == '\0')
			continue;
		int result = queue_get(queue, member->job, &row, &fault);
		if (result == -EPROTO && strcmp(fault.kind->code, "not-found") == 0) {
			take_loss(draft, i);
			continue;
		}
		const struct job *job = &row.job;
		if (result < 0 || (job_state_terminal(job->state) && !take_place_of_end(draft, member))) {
			taken++;
			draft->campaigns->store_refused = true;
			continue;
		}
		take_job(&draft->next, job, member);
		draft->changed[i] = job_state_terminal(job->state);
		taken += !job_state_terminal(job->state) && job->waiting_for != WAIT_DEVICE && job->waiting_for != WAIT_LEASE;
	}
	return taken;
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
	next->state = CAMPAIGN_RUNNING;
	next->wave = wave;
	next->wave_done_at_ms = 0;
	next->goes_on_at_ms = 0;
	next->reason[0] = '\0';
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
	size_t count = draft->run->count;
	campaign_tally(&draft->next, draft->members, count);
	if (campaign_tripped(&draft->next, draft->members, count, reason, sizeof(reason))) {
		campaign_stop(draft, reason);
		return;
	}
	enum campaign_step what = campaign_next(&draft->next, draft->members, count, now_ms, &wave);
	switch (what) {
	case STEP_WORK:
		go_on(draft, draft->next.wave);
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
	struct campaign_member *member = &draft->members[i];
	if (!take_place_of_end(draft, member))
		return;
	member->state = state;
	member->finished_at_ms = draft->campaigns->now_ms();
	draft->changed[i] = true;
}

/* What can be said of the members whose turn it is without a job. Fills ret_go with those that can have one. True: some came to their end. */
static bool judge_all(struct campaign_draft *draft, struct roll *roll, bool *ret_go)
{
	bool ended = false;
	for (size_t i = 0; i < draft->run->count; i++) {
		struct campaign_member *member = &draft->members[i];
		if (!is_up(&draft->next, member))
			continue;
		const struct device *device = find_device(roll, member->device);
		/* One that is busy or in maintenance is not asked whether it is there. */
		bool present = device != NULL && device->state != DEVICE_ABSENT;
		enum member_verdict verdict = campaign_judge(&draft->next, device, present, member->reason, sizeof(member->reason));
		if (device != NULL)
			memcpy(member->from_release, device->modem.release, sizeof(member->from_release));
		switch (verdict) {
		case VERDICT_GO:
			ret_go[i] = true;
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
			member->fault = fault_kind_find("port-gone");
			snprintf(member->fault_message, sizeof(member->fault_message), "%s", member->reason);
			end_without_job(draft, i, MEMBER_FAILED);
			break;
		}
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
		take_job(&draft->next, &job, member);
	}
	return result;
}

/* It could not be asked for. */
static void take_refusal(struct campaign_draft *draft, size_t i, const struct job_fault *fault)
{
	struct campaign_member *member = &draft->members[i];
	set_reason(member, fault->message);
	if (fault->kind->class == CLASS_INFRASTRUCTURE) {
		draft->campaigns->store_refused = true;
	} else if (strcmp(fault->kind->code, "device-busy") == 0 || strcmp(fault->kind->code, "device-leased") == 0) {
		member->state = MEMBER_WAITING; /* somebody was faster */
	} else {
		take_fault(member, fault);
		end_without_job(draft, i, MEMBER_FAILED);
	}
}

/* True: some came to their end. Who gets no job in this turn gets it in the next, which each job that was submitted wakes. */
static bool submit_all(struct campaign_draft *draft, const bool *go, uint32_t places)
{
	bool ended = false;
	struct campaigns *campaigns = draft->campaigns;
	for (size_t i = 0; i < draft->run->count && places > 0 && campaigns->submits_left > 0 && !campaigns->store_refused; i++) {
		struct job_fault fault = {0};
		if (!go[i])
			continue;
		int result = submit(draft, &draft->members[i], &fault);
		if (result == 0) {
			places--;
			campaigns->submits_left--;
		} else if (result == -EPROTO) {
			take_refusal(draft, i, &fault);
		} else {
			campaigns->store_refused = true;
		}
		ended |= draft->changed[i];
	}
	return ended;
}

/* Gives jobs to those whose turn it is. */
static int work(struct campaign_draft *draft, struct roll *roll, uint32_t places, struct job_fault *ret_fault)
{
	struct campaigns *campaigns = draft->campaigns;
	bool *go = calloc(draft->run->count + 1, sizeof(*go));
	if (go == NULL)
		return -ENOMEM;
	bool ended = judge_all(draft, roll, go);
	int result = campaign_draft_commit(draft, ret_fault);
	if (result == 0 && submit_all(draft, go, places))
		ended = true;
	free(go);
	/* The jobs that were made are on disk already: they are seen whatever the store says of the rest. */
	if (result == 0)
		result = campaign_draft_commit(draft, ret_fault);
	if (result < 0)
		campaign_draft_show(draft);
	if (ended)
		queue_wake(campaigns->gateway->queue);
	return result;
}

static int turn(struct campaign_draft *draft, struct roll *roll, int64_t now_ms, struct job_fault *ret_fault)
{
	struct campaigns *campaigns = draft->campaigns;
	uint32_t taken = settle(draft);
	bool goes_on = draft->next.state == CAMPAIGN_RUNNING || draft->next.state == CAMPAIGN_WAITING;
	if (goes_on)
		step(draft, now_ms);
	int result = campaign_draft_commit(draft, ret_fault);
	if (result < 0)
		return result;
	if (draft->next.state == CAMPAIGN_PAUSED || draft->next.state == CAMPAIGN_STOPPED)
		campaign_cancel_withdrawn(draft);
	if (draft->next.state != CAMPAIGN_RUNNING || queue_stopping(campaigns->gateway->queue))
		return 0;
	uint32_t most = draft->next.order.max_parallel;
	return work(draft, roll, taken < most ? most - taken : 0, ret_fault);
}

/* Nothing will change any more, but by a retry. */
static bool is_over(const struct campaign_run *run)
{
	const struct campaign_counts *counts = &run->now.counts;
	bool final = run->now.state == CAMPAIGN_STOPPED || run->now.state == CAMPAIGN_FINISHED;
	return final && counts->queued + counts->waiting + counts->running == 0;
}

static void take_turn(struct campaigns *campaigns, struct campaign_run *run, struct roll *roll, int64_t now_ms)
{
	struct campaign_draft draft;
	struct job_fault fault = {0};
	if (run->now.state == CAMPAIGN_DRAFT)
		return;
	int result = is_over(run) ? 0 : campaign_draft_begin(campaigns, run, &draft);
	if (result == 0 && !is_over(run)) {
		result = turn(&draft, roll, now_ms, &fault);
		campaign_draft_end(&draft);
	}
	if (result < 0 && !campaigns->store_refused)
		log_warning(NULL, "campaign %s: %s; it is tried again", run->now.id, result == -EPROTO ? fault.message : strerror(-result));
	campaigns->store_refused |= result < 0;
	if (!is_over(run))
		return;
	campaign_tell(campaigns, run, true);
	campaigns_forget(campaigns, run);
}

/* Under `change` nobody else writes: no `lock` is needed to read. */
int64_t campaigns_turn(struct campaigns *campaigns)
{
	struct roll roll = {0};
	pthread_mutex_lock(&campaigns->change);
	int64_t now_ms = campaigns->now_ms(), due_ms = 0;
	campaigns->store_refused = false;
	campaigns->submits_left = SUBMITS_MAX;
	if (campaigns->runs != NULL && registry_list(campaigns->gateway->registry, &roll.devices, &roll.count) < 0)
		campaigns->store_refused = true;
	struct campaign_run *next;
	for (struct campaign_run *run = campaigns->store_refused ? NULL : campaigns->runs; run != NULL; run = next) {
		next = run->next;
		take_turn(campaigns, run, &roll, now_ms);
	}
	for (struct campaign_run *run = campaigns->runs; run != NULL; run = run->next)
		due_ms = moment_earlier(due_ms, moment_earlier(run->now.goes_on_at_ms, campaign_tell(campaigns, run, false)));
	if (campaigns->store_refused)
		due_ms = moment_earlier(due_ms, now_ms + STORE_RETRY_MS);
	pthread_mutex_unlock(&campaigns->change);
	free(roll.devices);
	return due_ms;
}
