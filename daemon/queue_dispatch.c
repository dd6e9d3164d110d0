/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/job_resume.h"
#include "daemon/log.h"
#include "daemon/moment.h"

#define STORE_RETRY_MS 1000
#define ALL_EVERY_MS   1000

/* Only the main thread takes entries out, so it may walk from here without the lock: others add at the front. */
static struct queued_job *first(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	struct queued_job *entry = queue->jobs;
	pthread_mutex_unlock(&queue->lock);
	return entry;
}

static bool has_ended_thread(struct queued_job *entry)
{
	if (!entry->has_thread)
		return false;
	pthread_mutex_lock(&entry->queue->lock);
	bool ended = entry->thread_ended;
	pthread_mutex_unlock(&entry->queue->lock);
	return ended;
}

static void join(struct queued_job *entry)
{
	pthread_join(entry->thread, NULL);
	close(entry->cancel_fd);
	pthread_mutex_lock(&entry->queue->lock);
	entry->has_thread = entry->thread_ended = false;
	entry->cancel_fd = -1;
	pthread_mutex_unlock(&entry->queue->lock);
}

/* Joins the threads that ended, settles what the store refused before, forgets what is finished. */
static void reap(struct queue *queue)
{
	struct queued_job *next;
	for (struct queued_job *entry = first(queue); entry != NULL; entry = next) {
		next = entry->next;
		if (has_ended_thread(entry))
			join(entry);
		if (entry->has_thread)
			continue;
		if (entry->unsettled)
			queued_job_settle(entry);
		if (job_state_terminal(entry->row.job.state))
			queue_remove(queue, entry);
	}
}

/* When a job that cannot be cancelled any more stops waiting for its port; 0: it does not. */
static int64_t end_of_absence_ms(const struct job_row *row)
{
	bool bounded = row->past_return && row->job.waiting_for == WAIT_DEVICE && row->absent_since_ms != 0;
	return bounded ? row->absent_since_ms + ABSENCE_MAX_MS : 0;
}

static int end_absent(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	job_fault_set(&next->job.fault, "port-gone", "the port was away for %d hours; the modem still waits for the rest of the bundle",
		      (int)(ABSENCE_MAX_MS / 3600000));
	next->job.detail[0] = '\0';
	return queued_job_set_state(entry, next, JOB_FAILED, ret_fault);
}

/* No attempt of it may begin any more. What has to be brought to its end at the modem goes on: one that an interrupted run left outside its
 * application works for nobody. */
static bool is_too_late(const struct job_row *row, int64_t now_ms)
{
	int64_t deadline_ms = row->job.request.deadline_ms;
	return deadline_ms != 0 && deadline_ms <= now_ms && !row->past_return && !row->cancel_requested && !job_owes_way_back(row);
}

static void tell_too_late(struct job_row *row)
{
	struct job *job = &row->job;
	const struct job_fault last = job->fault;
	char deadline[MOMENT_SIZE], since[MOMENT_SIZE];
	bool waiting = job->state == JOB_WAITING;
	moment_text(job->request.deadline_ms, deadline);
	moment_text(waiting && job->waiting_since_ms != 0 ? job->waiting_since_ms : job->created_at_ms, since);
	job_fault_set(&job->fault, "deadline-passed", "attempt %u could not begin before the deadline of the job, %s", job->attempt,
		      deadline);
	snprintf(job->fault.evidence, sizeof(job->fault.evidence), "%s%s since %s%s%s%s%s", waiting ? "it waited for: " : "it was queued",
		 waiting ? job_wait_name(job->waiting_for) : "", since, job->detail[0] != '\0' ? "; " : "", job->detail,
		 last.kind != NULL ? "; the attempt before ended with " : "", last.kind != NULL ? last.kind->code : "");
	job->detail[0] = '\0';
}

static int end_too_late(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	tell_too_late(next);
	int result = queued_job_set_state(entry, next, JOB_FAILED, ret_fault);
	if (result == 0 && job_row_lacks_firmware(next))
		queue_drop_download(entry->queue, next->job.download);
	return result;
}

static bool is_held(struct queued_job *entry)
{
	pthread_mutex_lock(&entry->queue->lock);
	bool held = queue_holds(entry->queue, entry->row.job.request.device);
	pthread_mutex_unlock(&entry->queue->lock);
	return held;
}

/* Nothing has to be done about it: found out without a copy, as most jobs of a long queue are so in every turn. */
static bool is_at_rest(struct queued_job *entry, int64_t now_ms)
{
	const struct job_row *row = &entry->row;
	if (job_row_lacks_firmware(row) || is_too_late(row, now_ms) || queued_job_is_out_of_line(entry) ||
	    job_row_waits_too_long(row, now_ms))
		return false;
	enum job_wait obstacle = queued_job_obstacle(entry, now_ms);
	if (row->job.state == JOB_QUEUED)
		return obstacle == WAIT_NOTHING;
	if (row->job.waiting_for != obstacle)
		return false;
	if (obstacle == WAIT_DEVICE)
		return !row->past_return && !row->cancel_requested && row->absent_since_ms != 0 &&
		       strcmp(row->job.detail, IN_MAINTENANCE) != 0 &&
		       !registry_standing(entry->queue->with.registry, row->job.request.device).maintenance;
	return obstacle != WAIT_TIME || row->job.request.window[0] == '\0';
}

/* Moves a job between queued and waiting as the world has it now. Returns false when the store refused. */
static bool weigh_closely(struct queued_job *entry, int64_t now_ms)
{
	struct job_row next = queued_job_row(entry);
	struct job_fault fault;
	int result = queued_job_mind_lease(entry, &next, &fault);
	if (result < 0)
		return false;
	if (is_too_late(&next, now_ms))
		return end_too_late(entry, &next, &fault) == 0;
	if (job_row_waits_too_long(&next, now_ms)) {
		job_row_shorten_wait(&next, now_ms);
		return queued_job_keep(entry, &next, EVENT_JOB_CHANGED, &fault) == 0;
	}
	if (job_row_lacks_firmware(&next)) {
		result = queued_job_take_download(entry, &next);
		if (result != 0 || job_state_terminal(next.job.state))
			return result >= 0;
	}
	enum job_wait obstacle = queued_job_obstacle(entry, now_ms);
	/* One that is only left in peace for a moment after it was lost is not away. */
	bool settles = entry->settle_until_ms > now_ms && entry->unreached_since_ms == 0;
	if (obstacle == WAIT_DEVICE && next.cancel_requested && !settles)
		return queued_job_give_up_way_back(entry, &next, &fault) == 0;
	if (obstacle == WAIT_DEVICE && end_of_absence_ms(&next) != 0 && end_of_absence_ms(&next) <= now_ms)
		return end_absent(entry, &next, &fault) == 0;
	if (next.job.state == JOB_WAITING && obstacle == WAIT_DEVICE && next.job.waiting_for == WAIT_DEVICE &&
	    queued_job_mind_maintenance(entry, &next))
		return queued_job_keep(entry, &next, EVENT_JOB_CHANGED, &fault) == 0;
	/* The clock was set: the window opens at another moment than was said. */
	if (next.job.state == JOB_WAITING && obstacle == WAIT_TIME && next.job.waiting_for == WAIT_TIME &&
	    queued_job_mind_window(entry->queue, &next.job, now_ms))
		return queued_job_keep(entry, &next, EVENT_JOB_CHANGED, &fault) == 0;
	bool is_over = strcmp(next.job.detail, IN_MAINTENANCE) == 0 || next.job.waiting_for == WAIT_TIME;
	if (next.job.state == JOB_WAITING && obstacle != next.job.waiting_for && is_over)
		next.job.detail[0] = '\0';
	if (next.job.state == JOB_WAITING && obstacle != next.job.waiting_for)
		result = queued_job_set_state(entry, &next, JOB_QUEUED, &fault);
	if (result == 0 && next.job.state == JOB_QUEUED && obstacle != WAIT_NOTHING)
		result = queued_job_wait(entry, &next, obstacle, &fault);
	return result == 0;
}

bool job_goes_before(const struct job *one, const struct job *other)
{
	if (one->request.priority != other->request.priority)
		return one->request.priority > other->request.priority;
	return strcmp(one->id, other->id) < 0;
}

static bool weigh(struct queued_job *entry, int64_t now_ms)
{
	enum job_state state = entry->row.job.state;
	entry->weighed = true;
	if (state != JOB_QUEUED && state != JOB_WAITING)
		return true;
	if (entry->periodic) {
		queue_weigh_probe(entry);
		return true;
	}
	/* That its port is away now says nothing. */
	return is_held(entry) || is_at_rest(entry, now_ms) || weigh_closely(entry, now_ms);
}

/* 0: never. */
static int64_t earlier(int64_t one_ms, int64_t other_ms)
{
	return one_ms == 0 || (other_ms != 0 && other_ms < one_ms) ? other_ms : one_ms;
}

static int64_t due_of(const struct queued_job *entry, int64_t now_ms)
{
	int64_t deadline_ms = entry->row.past_return ? 0 : entry->row.job.request.deadline_ms;
	const int64_t moments_ms[] = {entry->row.job.not_before_ms, entry->settle_until_ms, end_of_absence_ms(&entry->row), deadline_ms};
	int64_t due_ms = 0;
	for (size_t i = 0; i < sizeof(moments_ms) / sizeof(moments_ms[0]); i++)
		if (moments_ms[i] > now_ms)
			due_ms = earlier(due_ms, moments_ms[i]);
	return due_ms;
}

static int64_t next_due(struct queue *queue, int64_t now_ms, bool store_refused)
{
	int64_t due_ms = store_refused ? now_ms + STORE_RETRY_MS : 0;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next) {
		if (entry->unsettled)
			due_ms = earlier(due_ms, now_ms + STORE_RETRY_MS);
		else if (entry->row.job.state == JOB_WAITING || entry->row.job.state == JOB_QUEUED)
			due_ms = earlier(due_ms, due_of(entry, now_ms));
	}
	pthread_mutex_unlock(&queue->lock);
	return due_ms;
}

/* Said once, not every second. */
static void note_refusal(struct queue *queue, bool refused)
{
	if (refused && !queue->store_refused)
		log_error(NULL, "no job is started: the store refuses the change; it is tried again every second");
	if (!refused && queue->store_refused)
		log_info(NULL, "the store takes changes again");
	queue->store_refused = refused;
}

/* Looks at every job: something happened that any of them may have waited for. */
static bool turn_all(struct queue *queue, int64_t now_ms)
{
	bool taken = true;
	reap(queue);
	for (struct queued_job *entry = first(queue); entry != NULL && !queue->stopping; entry = entry->next)
		taken = weigh(entry, now_ms) && taken;
	for (struct queued_job *entry = queue->running; entry != NULL; entry = entry->next_running)
		taken = queued_job_allow_percent(entry) && taken;
	int64_t probe_ms = queue_plan_probes(queue, now_ms);
	if (!queue->stopping)
		taken = queue_start_jobs(queue, NULL) && taken;
	queue->turned_ms = now_ms;
	queue->due_ms = earlier(probe_ms, earlier(queue_mind_drivers(queue, now_ms), next_due(queue, now_ms, !taken)));
	return taken;
}

/* Looks at those that came since, which stand at the front. For the others nothing has changed: what could begin has begun. */
static bool turn_new(struct queue *queue, int64_t now_ms)
{
	bool taken = true, queued = false;
	struct queued_job *known = first(queue);
	for (; known != NULL && !known->weighed; known = known->next) {
		taken = (queue->stopping || weigh(known, now_ms)) && taken;
		queued = queued || known->row.job.state == JOB_QUEUED;
		queue->due_ms = earlier(queue->due_ms, due_of(known, now_ms));
	}
	if (queued && !queue->stopping)
		taken = queue_start_jobs(queue, known) && taken;
	if (!taken)
		queue->due_ms = earlier(queue->due_ms, now_ms + STORE_RETRY_MS);
	return taken;
}

/* A turn that nobody woke is one for a moment that has come; and whatever it was that no wake told of is found within a second of other work. */
static bool is_all_due(struct queue *queue, int64_t now_ms)
{
	eventfd_t ignored;
	bool woken = eventfd_read(queue->wake_fd, &ignored) == 0;
	pthread_mutex_lock(&queue->lock);
	bool due = queue->all_due || !woken;
	queue->all_due = false;
	pthread_mutex_unlock(&queue->lock);
	return due || now_ms < queue->turned_ms || now_ms - queue->turned_ms >= ALL_EVERY_MS ||
	       (queue->due_ms != 0 && queue->due_ms <= now_ms);
}

int64_t queue_turn(struct queue *queue)
{
	int64_t now_ms = queue->with.now_ms();
	bool all = is_all_due(queue, now_ms);
	pthread_mutex_lock(&queue->change);
	note_refusal(queue, !(all ? turn_all(queue, now_ms) : turn_new(queue, now_ms)));
	int64_t due_ms = queue->due_ms;
	pthread_mutex_unlock(&queue->change);
	return due_ms;
}

void queue_stop(struct queue *queue)
{
	pthread_mutex_lock(&queue->change);
	pthread_mutex_lock(&queue->lock);
	queue->stopping = true;
	queue->stop_began_ms = queue->with.now_ms();
	for (struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next) {
		if (!entry->has_thread || entry->sending)
			continue;
		entry->put_back = true;
		(void)eventfd_write(entry->cancel_fd, 1);
	}
	pthread_mutex_unlock(&queue->lock);
	pthread_mutex_unlock(&queue->change);
}

bool queue_stopping(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	bool stopping = queue->stopping;
	pthread_mutex_unlock(&queue->lock);
	return stopping;
}

unsigned queue_threads(struct queue *queue)
{
	unsigned count = 0;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next)
		count += entry->has_thread && !entry->left;
	pthread_mutex_unlock(&queue->lock);
	return count;
}

void queue_describe_threads(struct queue *queue, char *ret, size_t size)
{
	size_t used = 0;
	ret[0] = '\0';
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue->jobs; entry != NULL && used < size; entry = entry->next) {
		const struct job *job = &entry->row.job;
		if (!entry->has_thread || entry->left)
			continue;
		used += (size_t)snprintf(ret + used, size - used, "%s%s %s", used > 0 ? ", " : "", job->request.device, job->phase);
		if (used < size && strcmp(job->phase, "transfer") == 0 && job->progress.known)
			used += (size_t)snprintf(ret + used, size - used, " %d %%", (int)job->progress.percent);
	}
	pthread_mutex_unlock(&queue->lock);
}
