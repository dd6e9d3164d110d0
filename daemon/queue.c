/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/job_id.h"
#include "daemon/job_pins.h"
#include "daemon/job_resume.h"
#include "daemon/log.h"
#include "daemon/time_zone.h"

int queue_new(const struct queue_surroundings *surroundings, struct job_fault *ret_fault, struct queue **ret)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	if (queue == NULL)
		return -ENOMEM;
	queue->with = *surroundings;
	pthread_mutex_init(&queue->change, NULL);
	pthread_mutex_init(&queue->lock, NULL);
	queue->began_ms = queue->probed_until_ms = queue->with.now_ms();
	queue->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int result = queue->wake_fd < 0 ? -errno : 0;
	if (result == 0)
		result = limits_new(queue->with.config, ret_fault, &queue->limits);
	if (result == 0)
		result = store_job_newest_id(queue->with.store, queue->newest_id, ret_fault);
	if (result == 0)
		result = queue_recover(queue, ret_fault);
	if (result < 0) {
		queue_free(queue);
		return result;
	}
	queue_wake(queue);
	*ret = queue;
	return 0;
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	queue_stop(queue);
	while (queue->jobs != NULL) {
		struct queued_job *entry = queue->jobs;
		if (entry->has_thread)
			pthread_join(entry->thread, NULL);
		if (entry->cancel_fd >= 0)
			close(entry->cancel_fd);
		queue->jobs = entry->next;
		free(entry);
	}
	name_index_clear(&queue->by_id);
	name_index_clear(&queue->by_device);
	if (queue->wake_fd >= 0)
		close(queue->wake_fd);
	queue_forget_parties(queue);
	queue_forget_abandoned(queue);
	limits_free(queue->limits);
	free(queue->places);
	time_zone_free(queue->zone);
	pthread_mutex_destroy(&queue->lock);
	pthread_mutex_destroy(&queue->change);
	free(queue);
}

int queue_wake_fd(const struct queue *queue)
{
	return queue->wake_fd;
}

void queue_wake(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->all_due = true;
	pthread_mutex_unlock(&queue->lock);
	(void)eventfd_write(queue->wake_fd, 1);
}

struct queued_job *queue_find(const struct queue *queue, const char *id)
{
	return name_index_find(&queue->by_id, id);
}

struct queued_job *queue_jobs_of(const struct queue *queue, const char *device)
{
	return name_index_find(&queue->by_device, device);
}

/* `lock` is held. */
static int enlist(struct queue *queue, struct queued_job *entry)
{
	const struct job *job = &entry->row.job;
	entry->next_of_device = queue_jobs_of(queue, job->request.device);
	if (name_index_put(&queue->by_id, job->id, entry) < 0)
		return -ENOMEM;
	if (name_index_put(&queue->by_device, job->request.device, entry) < 0) {
		name_index_remove(&queue->by_id, job->id);
		return -ENOMEM;
	}
	entry->next = queue->jobs;
	if (entry->next != NULL)
		entry->next->previous = entry;
	queue->jobs = entry;
	return 0;
}

/* `lock` is held. */
static void leave_device(struct queue *queue, struct queued_job *entry)
{
	const char *device = entry->row.job.request.device;
	struct queued_job *newest = queue_jobs_of(queue, device);
	struct queued_job **link = &newest;
	while (*link != entry)
		link = &(*link)->next_of_device;
	*link = entry->next_of_device;
	if (newest == NULL)
		name_index_remove(&queue->by_device, device);
	else
		(void)name_index_put(&queue->by_device, device, newest); /* it is there: nothing is allocated */
}

void queued_job_note_running(struct queued_job *entry)
{
	struct queue *queue = entry->queue;
	bool runs = entry->row.job.state == JOB_RUNNING;
	if (runs == entry->is_among_running)
		return;
	entry->is_among_running = runs;
	if (runs) {
		entry->previous_running = NULL;
		entry->next_running = queue->running;
		if (entry->next_running != NULL)
			entry->next_running->previous_running = entry;
		queue->running = entry;
		return;
	}
	if (entry->next_running != NULL)
		entry->next_running->previous_running = entry->previous_running;
	if (entry->previous_running != NULL)
		entry->previous_running->next_running = entry->next_running;
	else
		queue->running = entry->next_running;
}

struct queued_job *queue_add(struct queue *queue, const struct job_row *row)
{
	struct queued_job *entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	entry->queue = queue;
	entry->row = *row;
	entry->cancel_fd = -1;
	queued_job_know_family(entry);
	pthread_mutex_lock(&queue->lock);
	bool listed = enlist(queue, entry) == 0;
	pthread_mutex_unlock(&queue->lock);
	if (!listed) {
		free(entry);
		return NULL;
	}
	queued_job_note_running(entry);
	queued_job_find_places(entry);
	return entry;
}

void queue_remove(struct queue *queue, struct queued_job *entry)
{
	pthread_mutex_lock(&queue->lock);
	name_index_remove(&queue->by_id, entry->row.job.id);
	leave_device(queue, entry);
	if (entry->next != NULL)
		entry->next->previous = entry->previous;
	if (entry->previous != NULL)
		entry->previous->next = entry->next;
	else
		queue->jobs = entry->next;
	pthread_mutex_unlock(&queue->lock);
	free(entry);
}

int queue_get(struct queue *queue, const char *id, struct job_row *ret, struct job_fault *ret_fault)
{
	pthread_mutex_lock(&queue->lock);
	struct queued_job *entry = queue_find(queue, id);
	if (entry != NULL) {
		*ret = entry->row;
		queued_job_expect(entry, &ret->job);
	}
	pthread_mutex_unlock(&queue->lock);
	return entry != NULL ? 0 : store_job_get(queue->with.store, id, ret, ret_fault);
}

void queue_refresh(struct queue *queue, struct job *job)
{
	pthread_mutex_lock(&queue->lock);
	const struct queued_job *entry = queue_find(queue, job->id);
	if (entry != NULL) {
		*job = entry->row.job;
		queued_job_expect(entry, job);
	}
	pthread_mutex_unlock(&queue->lock);
}

void queue_count(struct queue *queue, struct gateway_counts *ret)
{
	ret->running = ret->queued = ret->waiting = 0;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next) {
		switch (entry->row.job.state) {
		case JOB_QUEUED:
			ret->queued++;
			break;
		case JOB_WAITING:
			ret->waiting++;
			break;
		case JOB_RUNNING:
			ret->running++;
			break;
		case JOB_SUCCEEDED:
		case JOB_FAILED:
		case JOB_CANCELLED:
			break;
		}
	}
	pthread_mutex_unlock(&queue->lock);
}

/* A device has one unfinished job; and one that waits aside for the end of another's lease. */
static int refuse_busy_device(struct queue *queue, const char *device, bool aside, struct job_fault *ret_fault)
{
	int result = 0;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue_jobs_of(queue, device); entry != NULL && result == 0; entry = entry->next_of_device) {
		const struct job *job = &entry->row.job;
		if (job_state_terminal(job->state) || entry->row.aside != aside || entry->periodic)
			continue;
		result = job_fault_set(ret_fault, "device-busy", "the device %s has the job %s, which is %s", device, job->id,
				       job_state_name(job->state));
		memcpy(ret_fault->job, job->id, sizeof(ret_fault->job));
		if (job->can_cancel)
			job_fault_advise(ret_fault, "Wait for its end (dupctl watch --job %s), or cancel it: dupctl cancel %s.", job->id,
					 job->id);
		else
			job_fault_advise(ret_fault, "Wait for its end (dupctl watch --job %s): it cannot be cancelled any more.", job->id);
	}
	pthread_mutex_unlock(&queue->lock);
	return result;
}

/* Whether the device is free for this job, or it may wait aside until it is. */
static int find_place(struct queue *queue, const struct job_request *request, bool *ret_aside, struct job_fault *ret_fault)
{
	struct job_fault leased;
	*ret_aside = leases_check_id(queue->with.leases, request->device, request->lease, &leased) < 0;
	if (*ret_aside && !request->wait_for_lease) {
		*ret_fault = leased;
		return -EPROTO;
	}
	return refuse_busy_device(queue, request->device, *ret_aside, ret_fault);
}

static struct job_row new_row(struct queue *queue, const struct queue_order *order, bool aside)
{
	int64_t now_ms = queue->with.now_ms();
	const struct job_request *request = order->request;
	struct job_row row = {.job = {.request = *request, .attempt = 1, .can_cancel = true, .created_at_ms = now_ms}, .aside = aside};
	struct job *job = &row.job;
	job_id_make(now_ms, queue->newest_id, job->id);
	snprintf(job->to_release, sizeof(job->to_release), "%s", order->to_release);
	(void)store_errand_who(queue->with.store, job->request.requested_by);
	if (order->source != NULL) {
		snprintf(row.url, sizeof(row.url), "%s", order->source->url);
		snprintf(row.url_sha256, sizeof(row.url_sha256), "%s", order->source->sha256 != NULL ? order->source->sha256 : "");
	}
	job->progress.eta_s = -1;
	if (request->not_before_ms > now_ms)
		job->not_before_ms = request->not_before_ms;
	if (job_row_lacks_firmware(&row)) {
		job->waiting_for = WAIT_DOWNLOAD;
	} else if (aside) {
		job->waiting_for = WAIT_LEASE;
	} else if (job->not_before_ms != 0) {
		job->waiting_for = WAIT_TIME;
	} else if (job_needs_port(&row) && !registry_present(queue->with.registry, request->device)) {
		job->waiting_for = WAIT_DEVICE;
	}
	job->state = job->waiting_for == WAIT_NOTHING ? JOB_QUEUED : JOB_WAITING;
	job->waiting_since_ms = job->waiting_for == WAIT_NOTHING ? 0 : now_ms;
	job->attempts_max = request->attempts > 0 ? request->attempts : queue->with.attempts;
	return row;
}

/* `change` is held. */
static int add_new(struct queue *queue, struct job_row *row, struct job_fault *ret_fault)
{
	struct job *job = &row->job;
	int result = job_pins_take(queue->with.firmware, &job->request, ret_fault);
	if (result < 0)
		return result;
	struct job_row told = *row; /* what is kept with it for a key is the answer that is given */
	queue_expect_new(queue, &told);
	result = store_job_insert(queue->with.store, &told, ret_fault);
	struct queued_job *entry = result == 0 ? queue_add(queue, row) : NULL;
	if (entry == NULL) {
		job_pins_drop(queue->with.firmware, &job->request);
		return result < 0 ? result : -ENOMEM; /* on disk: the next start takes it up */
	}
	entry->pinned = true;
	memcpy(queue->newest_id, job->id, sizeof(queue->newest_id));
	*job = told.job;
	event_publish_job(queue->with.events, EVENT_JOB_CREATED, job);
	if (!row->aside)
		registry_set_job(queue->with.registry, job->request.device, job->id, false);
	log_info(job->request.device, "job %s: %s, %s%s%s", job->id, job_kind_name(job->request.kind), job_state_name(job->state),
		 job->waiting_for != WAIT_NOTHING ? " for " : "", job_wait_name(job->waiting_for));
	return 0;
}

/* How far an earlier job came is true of the modem only as long as no other upgrade ran on it since. */
static int inherit(struct queue *queue, const struct job_row *retried, struct job_row *ret, struct job_fault *ret_fault)
{
	char newest[JOB_ID_SIZE] = "";
	if (retried == NULL)
		return 0;
	int result = store_job_newest_upgrade(queue->with.store, retried->job.request.device, newest, ret_fault);
	if (result == 0 && strcmp(newest, retried->job.id) == 0)
		job_inherit(retried, ret);
	return result;
}

int queue_submit(struct queue *queue, const struct queue_order *order, struct job *ret, struct job_fault *ret_fault)
{
	pthread_mutex_lock(&queue->change);
	bool aside;
	int result = find_place(queue, order->request, &aside, ret_fault);
	if (result == 0) {
		struct job_row row = new_row(queue, order, aside);
		result = inherit(queue, order->retried, &row, ret_fault);
		if (result == 0 && job_row_lacks_firmware(&row))
			result = queue_fetch(queue, &row, ret_fault);
		if (result == 0 && !aside)
			queue_yield_probe(queue, order->request->device);
		if (result == 0)
			result = add_new(queue, &row, ret_fault);
		if (result < 0)
			queue_drop_download(queue, row.job.download);
		*ret = row.job;
	}
	pthread_mutex_unlock(&queue->change);
	if (result == 0)
		(void)eventfd_write(queue->wake_fd, 1); /* the turn looks at what is new only: no other job waits for this one to come */
	return result;
}

static int refuse_cancel_of_finished(const struct job *job, struct job_fault *ret_fault)
{
	if (job->state == JOB_CANCELLED)
		return 0;
	return job_fault_set(ret_fault, "invalid-request", "job %s has ended: it %s", job->id, job_state_name(job->state));
}

static int refuse_past_return(const struct job *job, struct job_fault *ret_fault)
{
	return job_fault_set(
	    ret_fault, "past-point-of-no-return",
	    "job %s is %s, and has come to the phase %s: the modem has begun to take the bundle, and stopping now could leave it "
	    "without a firmware",
	    job->id, job_state_name(job->state), job->phase);
}

static void ask_to_bring_back(struct job_row *next)
{
	next->cancel_requested = true;
	next->job.can_cancel = false;
	snprintf(next->job.detail, sizeof(next->job.detail), "%s", BRINGING_BACK);
}

static int cancel_running(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	ask_to_bring_back(next);
	int result = queued_job_keep(entry, next, EVENT_JOB_CHANGED, ret_fault);
	if (result == 0)
		(void)eventfd_write(entry->cancel_fd, 1);
	return result;
}

/* An earlier run may have taken the modem out of its work: then a short one puts it back first. */
static int cancel_idle(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault)
{
	if (!job_owes_way_back(next)) {
		int result = queued_job_set_state(entry, next, JOB_CANCELLED, ret_fault);
		if (result == 0 && job_row_lacks_firmware(next))
			queue_drop_download(entry->queue, next->job.download);
		return result;
	}
	if (!registry_check_port(entry->queue->with.registry, next->job.request.device))
		return queued_job_give_up_way_back(entry, next, ret_fault);
	ask_to_bring_back(next);
	if (next->job.state == JOB_WAITING)
		return queued_job_set_state(entry, next, JOB_QUEUED, ret_fault);
	return queued_job_keep(entry, next, EVENT_JOB_CHANGED, ret_fault);
}

static int cancel_entry(struct queued_job *entry, struct job *ret, struct job_fault *ret_fault)
{
	struct job_row next = queued_job_row(entry);
	int result;
	if (job_state_terminal(next.job.state))
		result = refuse_cancel_of_finished(&next.job, ret_fault);
	else if (next.past_return)
		result = refuse_past_return(&next.job, ret_fault);
	else if (next.cancel_requested)
		result = 0;
	else if (next.job.state == JOB_RUNNING)
		result = cancel_running(entry, &next, ret_fault);
	else
		result = cancel_idle(entry, &next, ret_fault);
	*ret = next.job;
	return result;
}

int queue_cancel(struct queue *queue, const char *id, struct job *ret, struct job_fault *ret_fault)
{
	struct job_row row;
	pthread_mutex_lock(&queue->change);
	pthread_mutex_lock(&queue->lock);
	struct queued_job *entry = queue_find(queue, id);
	pthread_mutex_unlock(&queue->lock);
	int result;
	if (entry != NULL) {
		result = cancel_entry(entry, ret, ret_fault);
	} else {
		result = store_job_get(queue->with.store, id, &row, ret_fault);
		if (result == 0)
			result = refuse_cancel_of_finished(&row.job, ret_fault);
		*ret = row.job;
	}
	pthread_mutex_unlock(&queue->change);
	queue_wake(queue); /* its place may be another's now */
	return result;
}

int queue_withdraw(struct queue *queue, const char *id, struct job *ret, struct job_fault *ret_fault)
{
	pthread_mutex_lock(&queue->change);
	pthread_mutex_lock(&queue->lock);
	struct queued_job *entry = queue_find(queue, id);
	pthread_mutex_unlock(&queue->lock);
	int result;
	if (entry == NULL || queued_job_row(entry).job.started_at_ms != 0)
		result = job_fault_set(ret_fault, "invalid-request", "job %s has begun", id);
	else
		result = cancel_entry(entry, ret, ret_fault);
	pthread_mutex_unlock(&queue->change);
	queue_wake(queue);
	return result;
}
