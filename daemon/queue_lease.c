/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <string.h>

#include "daemon/log.h"

/* What has begun is not touched by a lease: between two attempts its modem may be in the middle of things. */
static bool is_held(struct queue *queue, const struct job *job)
{
	struct job_fault unused;
	return job->started_at_ms == 0 && leases_check_id(queue->with.leases, job->request.device, job->request.lease, &unused) < 0;
}

/* No other job has the place of the device's one job, and none that waits for it comes first. */
static bool place_is_free(struct queued_job *entry, const struct job *job)
{
	struct queue *queue = entry->queue;
	bool is_free = true;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *other = queue_jobs_of(queue, job->request.device); other != NULL && is_free;
	     other = other->next_of_device) {
		const struct job *theirs = &other->row.job;
		if (other == entry || other->periodic || job_state_terminal(theirs->state))
			continue;
		is_free = other->row.aside && !job_goes_before(theirs, job);
	}
	pthread_mutex_unlock(&queue->lock);
	return is_free;
}

static int step_aside(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	int result;
	next->aside = true;
	next->job.detail[0] = '\0'; /* it has not begun: that told of what it waited for until now */
	if (next->job.state == JOB_QUEUED) {
		result = queued_job_wait(entry, next, WAIT_LEASE, ret_fault);
	} else {
		if (next->job.waiting_for != WAIT_DOWNLOAD)
			queued_job_wait_for(entry, &next->job, WAIT_LEASE);
		next->absent_since_ms = 0;
		result = queued_job_keep(entry, next, EVENT_JOB_CHANGED, ret_fault);
	}
	if (result < 0)
		return result;
	registry_set_job(entry->queue->with.registry, next->job.request.device, "", false);
	log_info(next->job.request.device, "job %s waits until the lease of the device ends", next->job.id);
	return 0;
}

static int step_back(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	next->aside = false;
	/* When its window opens is found out anew, and told: it may have passed by. */
	bool has_to_wait = next->job.request.window[0] == '\0' && next->job.not_before_ms > entry->queue->with.now_ms();
	has_to_wait = has_to_wait || job_row_lacks_firmware(next);
	if (!has_to_wait)
		return queued_job_set_state(entry, next, JOB_QUEUED, ret_fault);
	queued_job_wait_for(entry, &next->job, job_row_lacks_firmware(next) ? WAIT_DOWNLOAD : WAIT_TIME);
	int result = queued_job_keep(entry, next, EVENT_JOB_CHANGED, ret_fault);
	if (result == 0)
		registry_set_job(entry->queue->with.registry, next->job.request.device, next->job.id, false);
	return result;
}

bool queued_job_is_out_of_line(struct queued_job *entry)
{
	return is_held(entry->queue, &entry->row.job) != entry->row.aside;
}

int queued_job_mind_lease(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	bool held = is_held(entry->queue, &next->job);
	if (held && !next->aside)
		return step_aside(entry, next, ret_fault);
	if (!held && next->aside && place_is_free(entry, &next->job))
		return step_back(entry, next, ret_fault);
	return 0;
}

void queue_mind_lease(struct queue *queue, const char *device)
{
	struct job_fault fault;
	pthread_mutex_lock(&queue->change);
	queue_yield_probe(queue, device);
	pthread_mutex_lock(&queue->lock);
	struct queued_job *entry = queue_jobs_of(queue, device); /* under `change` none is added or taken out */
	pthread_mutex_unlock(&queue->lock);
	for (; entry != NULL; entry = entry->next_of_device) {
		struct job_row next = queued_job_row(entry);
		bool idle = !entry->periodic && (next.job.state == JOB_QUEUED || next.job.state == JOB_WAITING);
		if (idle && queued_job_mind_lease(entry, &next, &fault) < 0)
			log_warning(device, "job %s: %s", next.job.id, fault.message);
	}
	pthread_mutex_unlock(&queue->change);
	queue_wake(queue);
}
