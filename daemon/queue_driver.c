/* SPDX-License-Identifier: Apache-2.0
 *
 * A driver that hangs in open() or close() keeps the thread of its job, and nobody can call that back: the job says so, everything else goes on, and
 * the ordered stop leaves the thread to the end of the process.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/queue_private.h"

#define DRIVER_PATIENCE_MS INT64_C(10000) /* longer than any driver needs that works; it is told again as often */

/* Under `lock`. */
static void write_detail(const struct queued_job *entry, int64_t now_ms, struct job *job)
{
	const char *cancelled = entry->row.cancel_requested ? "cancelled; " : "";
	long long waited_s = (now_ms - entry->driver_since_ms) / 1000;
	if (entry->driver_is_remote)
		snprintf(job->detail, sizeof(job->detail),
			 "%sthe port is not %s after %lld s: look whether its host, the network and the name server answer", cancelled,
			 entry->driver_call, waited_s);
	else
		snprintf(job->detail, sizeof(job->detail), "%sthe driver has not %s the port for %lld s: unplug the board", cancelled,
			 entry->driver_call, waited_s);
}

static void publish(const struct queued_job *entry, const struct job *now)
{
	event_publish_job(entry->queue->with.events, EVENT_JOB_CHANGED, now);
}

void queued_job_call_driver(struct queued_job *entry, const char *call, bool is_remote)
{
	struct queue *queue = entry->queue;
	/* With both mutexes as soon as something was told, so that its end is told after it. */
	pthread_mutex_lock(&queue->change);
	pthread_mutex_lock(&queue->lock);
	bool told = entry->driver_told_ms != 0;
	entry->driver_call = call;
	entry->driver_is_remote = is_remote;
	entry->driver_since_ms = call != NULL ? queue->with.now_ms() : 0;
	entry->driver_told_ms = 0;
	if (told)
		snprintf(entry->row.job.detail, sizeof(entry->row.job.detail), "%s", entry->row.cancel_requested ? BRINGING_BACK : "");
	struct job now = entry->row.job;
	queued_job_expect(entry, &now);
	pthread_mutex_unlock(&queue->lock);
	if (told)
		publish(entry, &now);
	pthread_mutex_unlock(&queue->change);
	/* A turn finds out when it has to look at it. */
	if (call != NULL || told)
		queue_wake(queue);
}

static int64_t due_ms(const struct queued_job *entry)
{
	return (entry->driver_told_ms != 0 ? entry->driver_told_ms : entry->driver_since_ms) + DRIVER_PATIENCE_MS;
}

static void tell(struct queued_job *entry, int64_t now_ms)
{
	pthread_mutex_lock(&entry->queue->lock);
	bool first = entry->driver_told_ms == 0;
	bool due = entry->driver_call != NULL && due_ms(entry) <= now_ms;
	if (due) {
		entry->driver_told_ms = now_ms;
		write_detail(entry, now_ms, &entry->row.job);
	}
	struct job now = entry->row.job;
	queued_job_expect(entry, &now);
	pthread_mutex_unlock(&entry->queue->lock);
	if (due)
		publish(entry, &now);
	if (due && first)
		log_warning(now.request.device, "job %s: %s", now.id, now.detail);
}

/* It has not begun to send, or has ended all that it had to do at the modem: on disk it goes back to the queue as any other. */
static void leave(struct queued_job *entry)
{
	bool sending = entry->sending;
	pthread_mutex_lock(&entry->queue->lock);
	entry->left = true;
	entry->outcome = (struct run_outcome){.result = -ECANCELED, .boot_mode = -1};
	pthread_mutex_unlock(&entry->queue->lock);
	log_warning(entry->row.job.request.device, "job %s: the driver still has its thread, which is left to the end of the process",
		    entry->row.job.id);
	if (!sending)
		queued_job_settle(entry);
}

/* When the stop waits for it no longer; 0: there is no stop. Under `lock`. */
static int64_t end_of_stop_ms(const struct queued_job *entry)
{
	const struct queue *queue = entry->queue;
	int64_t from_ms = entry->driver_since_ms > queue->stop_began_ms ? entry->driver_since_ms : queue->stop_began_ms;
	return queue->stopping ? from_ms + DRIVER_PATIENCE_MS : 0;
}

/* The moment of the next look at it; 0: none. */
static int64_t mind(struct queued_job *entry, int64_t now_ms)
{
	tell(entry, now_ms);
	pthread_mutex_lock(&entry->queue->lock);
	int64_t next_ms = 0, end_ms = 0;
	if (entry->driver_call != NULL && !entry->left) {
		next_ms = due_ms(entry);
		end_ms = end_of_stop_ms(entry);
	}
	pthread_mutex_unlock(&entry->queue->lock);
	if (end_ms == 0)
		return next_ms;
	if (end_ms > now_ms)
		return end_ms < next_ms ? end_ms : next_ms;
	leave(entry);
	return 0;
}

int64_t queue_mind_drivers(struct queue *queue, int64_t now_ms)
{
	int64_t next_ms = 0;
	for (struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next) {
		int64_t look_ms = entry->has_thread ? mind(entry, now_ms) : 0;
		if (look_ms != 0 && (next_ms == 0 || look_ms < next_ms))
			next_ms = look_ms;
	}
	return next_ms;
}

unsigned queue_threads_left(struct queue *queue)
{
	unsigned count = 0;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next)
		count += entry->has_thread && entry->left;
	pthread_mutex_unlock(&queue->lock);
	return count;
}
