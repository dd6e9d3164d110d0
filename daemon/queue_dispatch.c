/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/log.h"

#define STORE_RETRY_MS 1000

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
	pthread_mutex_lock(&entry->queue->lock);
	bool ended = entry->has_thread && entry->thread_ended;
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
		if (job_state_terminal(queued_job_row(entry).job.state))
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

static bool is_held(struct queued_job *entry)
{
	pthread_mutex_lock(&entry->queue->lock);
	bool held = queue_holds(entry->queue, entry->row.job.request.device);
	pthread_mutex_unlock(&entry->queue->lock);
	return held;
}

/* Moves a job between queued and waiting as the world has it now. Returns false when the store refused. */
static bool weigh(struct queued_job *entry, int64_t now_ms)
{
	struct job_row next = queued_job_row(entry);
	if (next.job.state != JOB_QUEUED && next.job.state != JOB_WAITING)
		return true;
	if (entry->periodic) {
		queue_weigh_probe(entry);
		return true;
	}
	/* That its port is away now says nothing. */
	if (is_held(entry))
		return true;
	struct job_fault fault;
	int result = queued_job_mind_lease(entry, &next, &fault);
	if (result < 0)
		return false;
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
	/* The clock was set: the window opens at another moment than was said. */
	if (next.job.state == JOB_WAITING && obstacle == WAIT_TIME && next.job.waiting_for == WAIT_TIME &&
	    queued_job_mind_window(entry->queue, &next.job, now_ms))
		return queued_job_keep(entry, &next, EVENT_JOB_CHANGED, &fault) == 0;
	if (next.job.state == JOB_WAITING && next.job.waiting_for == WAIT_TIME && obstacle != WAIT_TIME)
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

/* A thread is on its device; or, of two periodic probes, on its hub. `lock` is held. */
static bool is_in_the_way(const struct queued_job *entry, const struct queued_job *other)
{
	bool same_device = strcmp(entry->row.job.request.device, other->row.job.request.device) == 0;
	bool same_hub = entry->periodic && other->periodic && entry->hub[0] != '\0' && strcmp(entry->hub, other->hub) == 0;
	return other->has_thread && (same_device || same_hub);
}

static bool may_start(const struct queue *queue, const struct queued_job *entry)
{
	bool may = entry->row.job.state == JOB_QUEUED && !queue_holds(queue, entry->row.job.request.device);
	for (const struct queued_job *other = queue->jobs; other != NULL && may; other = other->next)
		may = !is_in_the_way(entry, other);
	return may;
}

/* The queued job whose turn it is. One whose device a thread has not left yet is passed over until that is joined. */
static struct queued_job *choose(struct queue *queue)
{
	struct queued_job *best = NULL;
	pthread_mutex_lock(&queue->lock);
	for (struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next)
		if ((best == NULL || job_goes_before(&entry->row.job, &best->row.job)) && may_start(queue, entry))
			best = entry;
	pthread_mutex_unlock(&queue->lock);
	return best;
}

static void forget_last_run(struct queued_job *entry, int cancel_fd)
{
	pthread_mutex_lock(&entry->queue->lock);
	entry->cancel_fd = cancel_fd;
	entry->sending = entry->put_back = false;
	entry->settle_until_ms = 0;
	entry->outcome = (struct run_outcome){0};
	entry->driver_call = NULL;
	entry->driver_since_ms = entry->driver_told_ms = 0;
	pthread_mutex_unlock(&entry->queue->lock);
}

static int start_thread(struct queued_job *entry)
{
	pthread_mutex_lock(&entry->queue->lock);
	int result = pthread_create(&entry->thread, NULL, runner_main, entry);
	entry->has_thread = result == 0;
	pthread_mutex_unlock(&entry->queue->lock);
	return -result;
}

/* Invalid before the write: the store says that it runs before its thread exists. False when the store refused. */
static bool start(struct queued_job *entry)
{
	struct job_fault fault;
	struct job_row next = queued_job_row(entry);
	int cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cancel_fd < 0)
		return false;
	forget_last_run(entry, cancel_fd);
	next.job.fault = (struct job_fault){0};
	if (queued_job_set_state(entry, &next, JOB_RUNNING, &fault) < 0) {
		forget_last_run(entry, -1);
		close(cancel_fd);
		return false;
	}
	int result = start_thread(entry);
	if (result == 0)
		return true;
	forget_last_run(entry, -1);
	close(cancel_fd);
	entry->outcome.result = result;
	job_fault_set(&entry->outcome.fault, "infrastructure-error", "no thread for the job: %s", strerror(-result));
	queued_job_settle(entry);
	return true;
}

static bool start_what_may(struct queue *queue)
{
	struct gateway_counts counts;
	/* A job that its driver does not let go on takes no other's place. */
	unsigned stuck = queue_jobs_in_drivers(queue);
	for (queue_count(queue, &counts); counts.running < queue->with.max_parallel + stuck; queue_count(queue, &counts)) {
		struct queued_job *entry = choose(queue);
		if (entry == NULL)
			return true;
		if (!start(entry))
			return false;
	}
	return true;
}

/* 0: never. */
static int64_t earlier(int64_t one_ms, int64_t other_ms)
{
	return one_ms == 0 || (other_ms != 0 && other_ms < one_ms) ? other_ms : one_ms;
}

static int64_t due_of(const struct queued_job *entry, int64_t now_ms)
{
	const int64_t moments_ms[] = {entry->row.job.not_before_ms, entry->settle_until_ms, end_of_absence_ms(&entry->row)};
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
		else if (entry->row.job.state == JOB_WAITING)
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

int64_t queue_turn(struct queue *queue)
{
	eventfd_t ignored;
	(void)eventfd_read(queue->wake_fd, &ignored);
	bool taken = true;
	pthread_mutex_lock(&queue->change);
	int64_t now_ms = queue->with.now_ms();
	reap(queue);
	for (struct queued_job *entry = first(queue); entry != NULL && !queue->stopping; entry = entry->next)
		taken = weigh(entry, now_ms) && taken;
	for (struct queued_job *entry = first(queue); entry != NULL; entry = entry->next)
		taken = queued_job_allow_percent(entry) && taken;
	int64_t probe_ms = queue_plan_probes(queue, now_ms);
	if (!queue->stopping)
		taken = start_what_may(queue) && taken;
	note_refusal(queue, !taken);
	int64_t due_ms = earlier(probe_ms, earlier(queue_mind_drivers(queue, now_ms), next_due(queue, now_ms, !taken)));
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
