/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/job_pins.h"
#include "daemon/job_resume.h"
#include "daemon/log.h"
#include "daemon/retry_wait.h"
#include "daemon/transcript_file.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Nothing leads out of a terminal state. */
static const struct {
	enum job_state from, to;
} transitions[] = {
    {JOB_QUEUED, JOB_WAITING},  {JOB_QUEUED, JOB_RUNNING},    {JOB_QUEUED, JOB_FAILED},     {JOB_QUEUED, JOB_CANCELLED},
    {JOB_WAITING, JOB_QUEUED},  {JOB_WAITING, JOB_FAILED},    {JOB_WAITING, JOB_CANCELLED}, {JOB_RUNNING, JOB_QUEUED},
    {JOB_RUNNING, JOB_WAITING}, {JOB_RUNNING, JOB_SUCCEEDED}, {JOB_RUNNING, JOB_FAILED},    {JOB_RUNNING, JOB_CANCELLED},
};

bool job_state_may_become(enum job_state from, enum job_state to)
{
	for (size_t i = 0; i < COUNT_OF(transitions); i++)
		if (transitions[i].from == from && transitions[i].to == to)
			return true;
	return false;
}

struct job_row queued_job_row(struct queued_job *entry)
{
	pthread_mutex_lock(&entry->queue->lock);
	struct job_row row = entry->row;
	pthread_mutex_unlock(&entry->queue->lock);
	return row;
}

void queued_job_set_progress(struct queued_job *entry, const struct job_progress *progress)
{
	pthread_mutex_lock(&entry->queue->lock);
	entry->row.job.progress = *progress;
	pthread_mutex_unlock(&entry->queue->lock);
}

int queued_job_keep(struct queued_job *entry, const struct job_row *next, enum event_type type, struct job_fault *ret_fault)
{
	struct queue *queue = entry->queue;
	int result = entry->periodic ? 0 : store_job_update(queue->with.store, next, ret_fault);
	if (result == 0)
		queued_job_show(entry, next, type);
	return result;
}

int queued_job_keep_progress(struct queued_job *entry, const struct job_row *next, struct job_fault *ret_fault)
{
	int result = entry->periodic ? 0 : store_job_update(entry->queue->with.store, next, ret_fault);
	if (result < 0)
		return result;
	queued_job_set_progress(entry, &next->job.progress);
	queued_job_show(entry, next, EVENT_JOB_CHANGED);
	return 0;
}

/* `lock` is held. */
static bool has_told_all_it_may(const struct job_row *row)
{
	const struct job *job = &row->job;
	return job->state == JOB_RUNNING && job->progress.known && job->progress.percent >= row->percent_allowed &&
	       row->percent_allowed < 100.0;
}

bool queued_job_allow_percent(struct queued_job *entry)
{
	struct queue *queue = entry->queue;
	struct job_fault fault;
	pthread_mutex_lock(&queue->lock);
	bool wanted = has_told_all_it_may(&entry->row);
	struct job_row next = entry->row;
	pthread_mutex_unlock(&queue->lock);
	if (!wanted)
		return true;
	next.percent_allowed = next.job.progress.percent + PERCENT_STEP;
	if (next.percent_allowed > 100.0)
		next.percent_allowed = 100.0;
	if (store_job_update(queue->with.store, &next, &fault) < 0)
		return false;
	pthread_mutex_lock(&queue->lock);
	entry->row.percent_allowed = next.percent_allowed;
	pthread_mutex_unlock(&queue->lock);
	return true;
}

void queued_job_show(struct queued_job *entry, const struct job_row *next, enum event_type type)
{
	struct queue *queue = entry->queue;
	pthread_mutex_lock(&queue->lock);
	struct job_progress progress = entry->row.job.progress;
	double allowed = entry->row.percent_allowed;
	bool same_run = entry->row.run.number == next->run.number;
	uint64_t bytes_done = entry->row.run.bytes_done;
	if (job_state_terminal(next->job.state)) /* its thread has counted all */
		progress = next->job.progress;
	if (next->job.state != JOB_RUNNING) { /* nothing moves: the answer is the same before and after a restart of the daemon */
		progress.rate_bps = 0;
		progress.eta_s = -1;
	}
	entry->row = *next;
	queued_job_note_running(entry);
	entry->row.percent_allowed = next->percent_allowed > allowed ? next->percent_allowed : allowed;
	entry->row.job.progress = progress;
	if (same_run)
		entry->row.run.bytes_done = bytes_done;
	struct job now = entry->row.job;
	queued_job_expect(entry, &now);
	pthread_mutex_unlock(&queue->lock);
	/* Still under `change`: whoever listens sees the changes in the order in which they were made. The bus never waits. */
	if (!entry->periodic)
		event_publish_job(queue->with.events, type, &now);
}

/* A clock that was set back lets no job end before it began. */
static int64_t later(int64_t one_ms, int64_t other_ms)
{
	return one_ms > other_ms ? one_ms : other_ms;
}

static void fill_state(struct job_row *row, enum job_state state, int64_t now_ms)
{
	struct job *job = &row->job;
	job->state = state;
	job->can_cancel = !job_state_terminal(state) && !row->past_return && !row->cancel_requested;
	if (state != JOB_WAITING) {
		job->waiting_for = WAIT_NOTHING;
		job->waiting_since_ms = 0;
		job->not_before_ms = 0;
		row->absent_since_ms = 0;
	}
	if (state == JOB_RUNNING && job->started_at_ms == 0)
		job->started_at_ms = later(now_ms, job->created_at_ms);
	if (job_state_terminal(state))
		job->finished_at_ms = later(now_ms, later(job->created_at_ms, job->started_at_ms));
}

static void log_state(const struct job *job, enum job_state from)
{
	const struct job_fault *fault = &job->fault;
	const char *waiting_for = job_wait_name(job->waiting_for);
	bool failed = job->state == JOB_FAILED || (job->state == JOB_WAITING && fault->kind != NULL);
	log_line(job->state == JOB_FAILED ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, job->request.device, "job %s: %s -> %s%s%s%s%s%s%s",
		 job->id, job_state_name(from), job_state_name(job->state), waiting_for[0] != '\0' ? " for " : "", waiting_for,
		 failed ? ": " : "", failed ? fault->kind->code : "", failed ? ": " : "", failed ? fault->message : "");
}

/* Only an upgrade tells of the device's health: a probe is there to look at what is known to be bad. */
static void judge_device(struct queue *queue, const struct job *job)
{
	const struct fault_kind *kind = job->fault.kind;
	bool failed = job->state == JOB_FAILED && kind != NULL && kind->class == CLASS_DEVICE;
	if (job->request.kind != JOB_UPGRADE || (job->state != JOB_SUCCEEDED && !failed))
		return;
	const struct registry_verdict verdict = {.code = failed ? kind->code : NULL,
						 .quarantine_after = queue->with.quarantine_after,
						 .job = job->id,
						 .now_ms = queue->with.now_ms()};
	registry_judge(queue->with.registry, job->request.device, &verdict);
}

/* A periodic probe becomes a job of the records when it ends with news. */
static int store_state(struct queued_job *entry, const struct job_row *next, struct job_fault *ret_fault)
{
	struct queue *queue = entry->queue;
	if (!entry->periodic)
		return store_job_update(queue->with.store, next, ret_fault);
	if (!job_state_terminal(next->job.state) || !entry->outcome.news)
		return 0;
	int result = store_job_insert(queue->with.store, next, ret_fault);
	pthread_mutex_lock(&queue->lock);
	entry->periodic = result < 0;
	pthread_mutex_unlock(&queue->lock);
	return result;
}

/* The attempt that begins or ends with the change. */
static void mark_run(struct queued_job *entry, struct job_row *next)
{
	int64_t now_ms = entry->queue->with.now_ms();
	struct job_run *run = &next->run;
	queued_job_know_family(entry);
	if (next->job.state != JOB_RUNNING) {
		run->finished_at_ms = later(now_ms, run->started_at_ms);
		if (next->job.state == JOB_SUCCEEDED && next->job.request.kind == JOB_UPGRADE)
			durations_mark(run, entry->family);
		return;
	}
	*run = (struct job_run){.number = ++next->runs, .started_at_ms = now_ms};
	run->log_from = transcript_file_length(store_transcript_dir(entry->queue->with.store), next->job.id);
}

int queued_job_set_state(struct queued_job *entry, struct job_row *next, enum job_state state, struct job_fault *ret_fault)
{
	struct queue *queue = entry->queue;
	enum job_state from = next->job.state;
	if (!job_state_may_become(from, state))
		return job_fault_set(ret_fault, "invalid-request", "job %s is %s and cannot become %s", next->job.id, job_state_name(from),
				     job_state_name(state));
	bool terminal = job_state_terminal(state), periodic = entry->periodic;
	if (entry->limited && strcmp(next->job.detail, entry->row.job.detail) == 0)
		next->job.detail[0] = '\0'; /* it stays behind with the queue */
	fill_state(next, state, queue->with.now_ms());
	mark_run(entry, next);
	next->told_before = event_bus_head(queue->with.events);
	int result = store_state(entry, next, ret_fault);
	if (result < 0)
		return result;
	durations_learn(queue->with.durations, &next->run);
	if (state == JOB_FAILED && next->past_return)
		queue_note_abandoned(queue, &next->job);
	if (state != JOB_RUNNING)
		next->run = (struct job_run){0};
	entry->limited = false;
	/* Who waits for the end of the job finds the device as it is then, and who sees the device busy finds its job. */
	judge_device(queue, &next->job);
	if (terminal && !next->aside && !periodic)
		registry_set_job(queue->with.registry, next->job.request.device, "", false);
	queued_job_show(entry, next, terminal ? EVENT_JOB_FINISHED : EVENT_JOB_CHANGED);
	if (!terminal && !next->aside && !periodic)
		registry_set_job(queue->with.registry, next->job.request.device, next->job.id, state == JOB_RUNNING);
	if (terminal && entry->pinned)
		job_pins_drop(queue->with.firmware, &next->job.request);
	entry->pinned = entry->pinned && !terminal;
	if (!entry->periodic)
		log_state(&next->job, from);
	return 0;
}

enum job_wait queued_job_obstacle(struct queued_job *entry, int64_t now_ms)
{
	const struct job_row *row = &entry->row;
	if (row->aside)
		return WAIT_LEASE;
	if (entry->settle_until_ms > now_ms)
		return WAIT_DEVICE;
	if (queued_job_may_begin_ms(entry->queue, &row->job, now_ms) > now_ms)
		return WAIT_TIME;
	if (row->job.not_before_ms > now_ms && (row->job.request.window[0] == '\0' || row->job.started_at_ms != 0))
		return row->job.waiting_for == WAIT_RETRY ? WAIT_RETRY : WAIT_TIME;
	struct registry_standing standing = registry_standing(entry->queue->with.registry, row->job.request.device);
	return standing.maintenance || (job_needs_port(row) && !standing.present) ? WAIT_DEVICE : WAIT_NOTHING;
}

void queued_job_wait_for(struct queued_job *entry, struct job *job, enum job_wait reason)
{
	if (job->waiting_for != reason)
		job->waiting_since_ms = entry->queue->with.now_ms();
	job->waiting_for = reason;
}

bool queued_job_mind_maintenance(struct queued_job *entry, struct job_row *next)
{
	struct job *job = &next->job;
	bool was_said = strcmp(job->detail, IN_MAINTENANCE) == 0;
	if (registry_standing(entry->queue->with.registry, job->request.device).maintenance) {
		entry->unreached_since_ms = next->absent_since_ms = 0;
		snprintf(job->detail, sizeof(job->detail), "%s", IN_MAINTENANCE);
		return !was_said;
	}
	if (was_said)
		job->detail[0] = '\0';
	bool began = next->absent_since_ms == 0;
	if (began)
		next->absent_since_ms = entry->queue->with.now_ms();
	return was_said || began;
}

int queued_job_wait(struct queued_job *entry, struct job_row *next, enum job_wait reason, struct job_fault *ret_fault)
{
	queued_job_wait_for(entry, &next->job, reason);
	if (reason == WAIT_TIME)
		(void)queued_job_mind_window(entry->queue, &next->job, entry->queue->with.now_ms());
	if (reason == WAIT_DEVICE)
		(void)queued_job_mind_maintenance(entry, next);
	return queued_job_set_state(entry, next, JOB_WAITING, ret_fault);
}

static bool may_try_again(const struct job_row *row)
{
	return row->job.attempt < row->job.attempts_max && job_fault_may_pass(row, &row->job.fault);
}

static int wait_for_retry(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	next->job.not_before_ms = entry->queue->with.now_ms() + retry_wait_ms(next->job.id, next->job.attempt);
	next->job.attempt++;
	return queued_job_wait(entry, next, WAIT_RETRY, ret_fault);
}

static int succeed(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	const struct run_outcome *outcome = &entry->outcome;
	next->job.verified = outcome->verified;
	if (outcome->to_release[0] != '\0')
		memcpy(next->job.to_release, outcome->to_release, sizeof(next->job.to_release));
	next->job.fault = (struct job_fault){0};
	/* The run that sent the last block may have died before it could say so. */
	struct job_progress *progress = &next->job.progress;
	if (progress->known) {
		progress->bytes_done = progress->bytes_total;
		progress->percent = 100.0;
	}
	return queued_job_set_state(entry, next, JOB_SUCCEEDED, ret_fault);
}

int queued_job_give_up_way_back(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	snprintf(next->job.detail, sizeof(next->job.detail), "cancelled without its modem, which may be outside its application: probe it");
	return queued_job_set_state(entry, next, JOB_CANCELLED, ret_fault);
}

static int end_cancelled(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	int boot_mode = entry->outcome.boot_mode;
	if (job_owes_way_back(next) && next->job.fault.kind != NULL) /* it ended before anything could be brought back */
		return queued_job_give_up_way_back(entry, next, ret_fault);
	if (job_owes_way_back(next) && boot_mode != BOOT_MODE_FFF)
		snprintf(next->job.detail, sizeof(next->job.detail), "cancelled; the modem is not back in its application: %s%s",
			 boot_mode < 0 ? "it did not answer" : "it was last seen in the boot mode ",
			 boot_mode < 0 ? "" : boot_mode_name((enum boot_mode)boot_mode));
	return queued_job_set_state(entry, next, JOB_CANCELLED, ret_fault);
}

/* The port's coming back is no new attempt; that it goes away again and again comes to an end all the same. */
static int end_without_port(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	if (next->port_losses >= PORT_LOSSES_MAX)
		return queued_job_set_state(entry, next, JOB_FAILED, ret_fault);
	return queued_job_wait(entry, next, WAIT_DEVICE, ret_fault);
}

/* It is not tried again: its next turn comes by itself. */
static int end_periodic(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	const struct run_outcome *outcome = &entry->outcome;
	if (outcome->result == 0)
		return succeed(entry, next, ret_fault);
	next->job.fault = outcome->fault;
	return queued_job_set_state(entry, next, outcome->fault.kind == NULL ? JOB_CANCELLED : JOB_FAILED, ret_fault);
}

/* Which of the ways out of `running` this outcome takes. */
static int leave_running(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	const struct run_outcome *outcome = &entry->outcome;
	if (outcome->from_release[0] != '\0')
		memcpy(next->job.from_release, outcome->from_release, sizeof(next->job.from_release));
	next->job.detail[0] = '\0';
	if (next->run.phases != 0)
		next->run.phase_ms[outcome->phase] += outcome->phase_ms;
	if (entry->periodic)
		return end_periodic(entry, next, ret_fault);
	if (outcome->result == 0)
		return succeed(entry, next, ret_fault);
	next->job.fault = outcome->fault;
	if (next->cancel_requested)
		return end_cancelled(entry, next, ret_fault);
	if (outcome->fault.kind == NULL) /* stopped in good order, and not by a person */
		return queued_job_set_state(entry, next, JOB_QUEUED, ret_fault);
	if (job_needs_port(next) && port_loss_count(entry, next))
		return end_without_port(entry, next, ret_fault);
	if (may_try_again(next))
		return wait_for_retry(entry, next, ret_fault);
	return queued_job_set_state(entry, next, JOB_FAILED, ret_fault);
}

void queued_job_settle(struct queued_job *entry)
{
	struct job_fault fault = {0};
	struct job_row next = queued_job_row(entry);
	int result = leave_running(entry, &next, &fault);
	if (result < 0 && !entry->unsettled)
		log_error(next.job.request.device, "job %s ended and this cannot be stored: %s", next.job.id, fault.message);
	pthread_mutex_lock(&entry->queue->lock);
	entry->unsettled = result < 0;
	pthread_mutex_unlock(&entry->queue->lock);
}
