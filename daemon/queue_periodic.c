/* SPDX-License-Identifier: Apache-2.0
 *
 * Periodic probes: jobs that nobody asked for. They are in memory only, in no list, and give way to everything; one that found something is kept
 * like any other job.
 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "daemon/job_id.h"

/* Below what a person can give. */
#define PERIODIC_PRIORITY (-101)

/* Each device has its moment in the period, always the same one. FNV-1a. */
static int64_t moment_of(const char *id, int64_t every_ms)
{
	uint32_t hash = 2166136261u;
	for (; *id != '\0'; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return (int64_t)hash % every_ms;
}

/* "1-1.4" hangs on the hub "1-1", "1-2" on the root hub "1"; "" when it is not on USB. */
static void hub_of(const struct device_usb *usb, char ret[sizeof(usb->path)])
{
	memcpy(ret, usb->path, sizeof(usb->path));
	char *port = strrchr(ret, '.');
	if (port == NULL)
		port = strrchr(ret, '-');
	if (port != NULL)
		*port = '\0';
}

/* To ask a modem behind a board means to end what runs on the board. And one that may be at work is left in peace. */
static bool may_be_probed(struct queue *queue, const struct device *device)
{
	const struct profile *profile = registry_profile(queue->with.registry, device->id);
	bool idle = device->state == DEVICE_READY || device->state == DEVICE_STRANDED || device->state == DEVICE_UNKNOWN;
	return idle && !device->offered && device->job[0] == '\0' && device->lease.holder[0] == '\0' && profile != NULL &&
	       profile->board == BOARD_DIRECT && !queue_may_be_at_work(queue, device->id, NULL);
}

static void add_probe(struct queue *queue, const struct device *device, int64_t now_ms)
{
	struct job_row row = {.job = {.request = {.kind = JOB_PROBE, .way = "auto", .priority = PERIODIC_PRIORITY},
				      .state = JOB_QUEUED,
				      .attempt = 1,
				      .attempts_max = 1,
				      .can_cancel = true,
				      .created_at_ms = now_ms,
				      .progress.eta_s = -1}};
	memcpy(row.job.request.device, device->id, sizeof(row.job.request.device));
	job_id_make(now_ms, queue->newest_id, row.job.id);
	struct queued_job *entry = queue_add(queue, &row);
	if (entry == NULL)
		return;
	memcpy(queue->newest_id, row.job.id, sizeof(queue->newest_id));
	pthread_mutex_lock(&queue->lock);
	entry->periodic = true;
	hub_of(&device->usb, entry->hub);
	pthread_mutex_unlock(&queue->lock);
}

static bool has_probe(struct queue *queue, const char *device)
{
	bool has = false;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue_jobs_of(queue, device); entry != NULL && !has; entry = entry->next_of_device)
		has = entry->periodic;
	pthread_mutex_unlock(&queue->lock);
	return has;
}

/* Those whose moment was after `since_ms`. Returns when the next one's is. */
static int64_t add_probes(struct queue *queue, int64_t since_ms, int64_t now_ms, int64_t every_ms)
{
	struct device *devices = NULL;
	size_t count = 0;
	int64_t next_ms = now_ms + every_ms; /* a device that comes meanwhile is seen then at the latest */
	if (registry_list(queue->with.registry, &devices, &count) < 0)
		return next_ms;
	for (size_t i = 0; i < count; i++) {
		int64_t moment_ms = now_ms - (now_ms - moment_of(devices[i].id, every_ms)) % every_ms;
		if (moment_ms > since_ms && may_be_probed(queue, &devices[i]) && !has_probe(queue, devices[i].id))
			add_probe(queue, &devices[i], now_ms);
		if (moment_ms + every_ms < next_ms)
			next_ms = moment_ms + every_ms;
	}
	free(devices);
	return next_ms;
}

int64_t queue_plan_probes(struct queue *queue, int64_t now_ms)
{
	int64_t every_ms = (int64_t)queue->with.probe_every_s * 1000;
	if (every_ms == 0 || queue->stopping)
		return 0;
	/* After a jump of the clock they would all be due at once. */
	bool jumped = now_ms < queue->probed_until_ms || now_ms - queue->probed_until_ms > 2 * every_ms;
	if (!jumped && now_ms < queue->next_probe_ms)
		return queue->next_probe_ms;
	queue->next_probe_ms = add_probes(queue, jumped ? now_ms : queue->probed_until_ms, now_ms, every_ms);
	queue->probed_until_ms = now_ms;
	return queue->next_probe_ms;
}

void queue_weigh_probe(struct queued_job *entry)
{
	struct queue *queue = entry->queue;
	struct device device;
	struct job_fault unused;
	bool may =
	    registry_get(queue->with.registry, entry->row.job.request.device, &device, &unused) == 0 && may_be_probed(queue, &device);
	if (may || entry->row.job.state != JOB_QUEUED)
		return;
	pthread_mutex_lock(&queue->lock);
	entry->row.job.state = JOB_CANCELLED;
	pthread_mutex_unlock(&queue->lock);
}

void queue_yield_probe(struct queue *queue, const char *device)
{
	pthread_mutex_lock(&queue->lock);
	for (struct queued_job *entry = queue_jobs_of(queue, device); entry != NULL; entry = entry->next_of_device) {
		if (!entry->periodic)
			continue;
		entry->gives_way = true;
		if (entry->has_thread)
			(void)eventfd_write(entry->cancel_fd, 1);
		else if (!job_state_terminal(entry->row.job.state))
			entry->row.job.state = JOB_CANCELLED;
	}
	pthread_mutex_unlock(&queue->lock);
}

bool queue_probe_is_news(struct queue *queue, const char *device, int result, const struct job_fault *fault)
{
	struct job_filter filter = {.limit = 1};
	struct job *jobs = NULL;
	struct job_fault unused;
	size_t count = 0;
	char next[JOB_ID_SIZE];
	if (result < 0 && fault->kind == NULL) /* stopped */
		return false;
	snprintf(filter.device, sizeof(filter.device), "%s", device);
	if (store_job_list(queue->with.store, &filter, &jobs, &count, next, &unused) < 0)
		return true;
	bool failed_before = count > 0 && jobs[0].request.kind == JOB_PROBE && jobs[0].state == JOB_FAILED;
	const struct fault_kind *before = failed_before ? jobs[0].fault.kind : NULL;
	free(jobs);
	return before != (result < 0 ? fault->kind : NULL);
}
