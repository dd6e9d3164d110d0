/* SPDX-License-Identifier: Apache-2.0
 *
 * What a clock that is set does to jobs: what they wait for so long moves along with it; what was stated as a moment stays.
 */
#include "daemon/queue_private.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/retry_wait.h"

/* A wait that began since the turn looked at the clock is none of those that are too long. */
#define TURN_MAX_MS 60000

struct abandoned_modem {
	char job[JOB_ID_SIZE];
	int64_t since_ms; /* by the clock as it is now, not as it was then */
	struct abandoned_modem *next;
};

static void shift(int64_t *moment_ms, int64_t by_ms)
{
	if (*moment_ms != 0)
		*moment_ms += by_ms;
}

/* `lock` is held. */
static void shift_run(struct queued_job *entry, int64_t by_ms)
{
	shift(&entry->settle_until_ms, by_ms);
	shift(&entry->unreached_since_ms, by_ms);
	shift(&entry->driver_since_ms, by_ms);
	shift(&entry->driver_told_ms, by_ms);
}

/* `lock` is held. As store_shift_times() does it. */
static void shift_wait(struct job_row *row, int64_t by_ms)
{
	shift(&row->job.waiting_since_ms, by_ms);
	shift(&row->absent_since_ms, by_ms);
	if (row->job.waiting_for == WAIT_RETRY)
		shift(&row->job.not_before_ms, by_ms);
}

static void shift_marks(struct queue *queue, int64_t by_ms)
{
	pthread_mutex_lock(&queue->lock);
	shift(&queue->stop_began_ms, by_ms);
	shift(&queue->began_ms, by_ms);
	queue->stepped_ms += by_ms;
	for (struct abandoned_modem *modem = queue->abandoned; modem != NULL; modem = modem->next)
		modem->since_ms += by_ms;
	pthread_mutex_unlock(&queue->lock);
}

/* `lock` is held. */
static void forget_before(struct queue *queue, int64_t moment_ms)
{
	struct abandoned_modem **link = &queue->abandoned;
	while (*link != NULL) {
		struct abandoned_modem *modem = *link;
		if (modem->since_ms >= moment_ms) {
			link = &modem->next;
			continue;
		}
		*link = modem->next;
		free(modem);
	}
}

void queue_forget_abandoned(struct queue *queue)
{
	forget_before(queue, INT64_MAX);
}

void queue_note_abandoned(struct queue *queue, const struct job *job)
{
	int64_t now_ms = queue->with.now_ms();
	struct abandoned_modem *modem = calloc(1, sizeof(*modem)); /* without memory the time that is on disk has to do */
	pthread_mutex_lock(&queue->lock);
	forget_before(queue, now_ms - AT_WORK_MS);
	if (modem != NULL) {
		memcpy(modem->job, job->id, sizeof(modem->job));
		modem->since_ms = now_ms;
		modem->next = queue->abandoned;
		queue->abandoned = modem;
	}
	pthread_mutex_unlock(&queue->lock);
}

int64_t queue_abandoned_for_ms(struct queue *queue, const struct job *job)
{
	int64_t now_ms = queue->with.now_ms();
	pthread_mutex_lock(&queue->lock);
	const struct abandoned_modem *modem = queue->abandoned;
	while (modem != NULL && strcmp(modem->job, job->id) != 0)
		modem = modem->next;
	/* One of an earlier run ended before this one began. */
	int64_t since_ms = job->finished_at_ms + queue->stepped_ms;
	if (since_ms > queue->began_ms)
		since_ms = queue->began_ms;
	if (modem != NULL)
		since_ms = modem->since_ms;
	pthread_mutex_unlock(&queue->lock);
	return now_ms - since_ms;
}

void queue_clock_stepped(struct queue *queue, int64_t by_ms)
{
	struct job_fault fault;
	pthread_mutex_lock(&queue->change);
	/* When it does not last, the next start bounds what is left of each wait. */
	if (store_shift_times(queue->with.store, TIMES_OF_JOBS, by_ms, &fault) < 0)
		log_warning(NULL, "the waits of jobs are not stored as the clock has them now: %s", fault.message);
	shift_marks(queue, by_ms);
	for (struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next) {
		pthread_mutex_lock(&queue->lock);
		shift_run(entry, by_ms);
		bool waits = entry->row.job.state == JOB_WAITING;
		if (waits)
			shift_wait(&entry->row, by_ms);
		struct job now = entry->row.job;
		queued_job_expect(entry, &now);
		pthread_mutex_unlock(&queue->lock);
		if (waits)
			event_publish_job(queue->with.events, EVENT_JOB_CHANGED, &now);
	}
	pthread_mutex_unlock(&queue->change);
}

static int64_t latest_retry_ms(const struct job_row *row, int64_t now_ms)
{
	return now_ms + retry_wait_ms(row->job.id, row->job.attempt > 1 ? row->job.attempt - 1 : 1);
}

bool job_row_waits_too_long(const struct job_row *row, int64_t turn_ms)
{
	int64_t now_ms = turn_ms + TURN_MAX_MS;
	bool retries = row->job.state == JOB_WAITING && row->job.waiting_for == WAIT_RETRY;
	return row->absent_since_ms > now_ms || (retries && row->job.not_before_ms > latest_retry_ms(row, now_ms));
}

void job_row_shorten_wait(struct job_row *row, int64_t now_ms)
{
	if (row->absent_since_ms > now_ms)
		row->absent_since_ms = now_ms;
	if (row->job.waiting_for == WAIT_RETRY && row->job.not_before_ms > latest_retry_ms(row, now_ms))
		row->job.not_before_ms = latest_retry_ms(row, now_ms);
	if (row->job.waiting_since_ms > now_ms)
		row->job.waiting_since_ms = now_ms;
}
