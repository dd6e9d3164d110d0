/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/job_pins.h"
#include "daemon/job_resume.h"
#include "daemon/log.h"

/* What it ran into while nobody was there: a device or a firmware that is gone. */
static bool lost_its_ground(struct queued_job *entry, struct job_row *row)
{
	const struct queue_surroundings *with = &entry->queue->with;
	const struct job_request *request = &row->job.request;
	if (registry_profile(with->registry, request->device) == NULL) {
		job_fault_set(&row->job.fault, "not-found", "the device %s is not configured any more", request->device);
		return true;
	}
	entry->pinned = job_pins_take(with->firmware, request, &row->job.fault) == 0;
	return !entry->pinned;
}

static int take_up_interrupted(struct queued_job *entry, struct job_row *row, struct job_fault *ret_fault)
{
	row->job.interruptions++;
	row->job.detail[0] = '\0';
	if (row->cancel_requested && !job_owes_way_back(row))
		return queued_job_set_state(entry, row, JOB_CANCELLED, ret_fault);
	if (row->cancel_requested && row->job.interruptions >= INTERRUPTIONS_MAX)
		return queued_job_give_up_way_back(entry, row, ret_fault);
	if (row->cancel_requested)
		snprintf(row->job.detail, sizeof(row->job.detail), "%s", BRINGING_BACK);
	if (row->job.interruptions < INTERRUPTIONS_MAX)
		return queued_job_set_state(entry, row, JOB_QUEUED, ret_fault);
	job_fault_set(&row->job.fault, "interrupted", "the daemon ended %u times while this job ran, the last time in the phase %s",
		      row->job.interruptions, row->job.phase[0] != '\0' ? row->job.phase : "connect");
	return queued_job_set_state(entry, row, JOB_FAILED, ret_fault);
}

static int take_up(struct queue *queue, struct job_row *row, struct job_fault *ret_fault)
{
	struct queued_job *entry = queue_add(queue, row);
	if (entry == NULL)
		return -ENOMEM;
	if (lost_its_ground(entry, row))
		return queued_job_set_state(entry, row, JOB_FAILED, ret_fault);
	if (row->job.state == JOB_RUNNING)
		return take_up_interrupted(entry, row, ret_fault);
	if (!row->aside)
		registry_set_job(queue->with.registry, row->job.request.device, row->job.id, false);
	return 0;
}

static bool was_cut_off(const struct job_row *rows, size_t count)
{
	bool found = false;
	for (size_t i = 0; i < count && !found; i++)
		found = rows[i].job.state == JOB_RUNNING;
	return found;
}

int queue_recover(struct queue *queue, struct job_fault *ret_fault)
{
	struct job_row *rows = NULL;
	size_t count = 0;
	int result = store_jobs_unfinished(queue->with.store, &rows, &count, ret_fault);
	if (result == 0 && was_cut_off(rows, count))
		result = store_attempts_interrupt(queue->with.store, ret_fault);
	pthread_mutex_lock(&queue->change);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = take_up(queue, &rows[i], ret_fault);
	pthread_mutex_unlock(&queue->change);
	if (result == 0 && count > 0)
		log_info(NULL, "%zu unfinished jobs of an earlier run are taken up", count);
	free(rows);
	return result;
}
