/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include "transport/clock.h"

void queued_job_know_family(struct queued_job *entry)
{
	struct queue *queue = entry->queue;
	struct device device;
	struct job_fault fault;
	enum modem_family family;
	if (registry_get(queue->with.registry, entry->row.job.request.device, &device, &fault) < 0 ||
	    !modem_family_parse(device.modem.family, &family))
		return;
	pthread_mutex_lock(&queue->lock);
	entry->family = family;
	pthread_mutex_unlock(&queue->lock);
}

void queue_expect_new(struct queue *queue, struct job_row *row)
{
	struct queued_job unlisted = {.queue = queue, .row = *row};
	queued_job_know_family(&unlisted);
	pthread_mutex_lock(&queue->lock);
	queued_job_expect(&unlisted, &row->job);
	pthread_mutex_unlock(&queue->lock);
}

void queued_job_expect(const struct queued_job *entry, struct job *job)
{
	struct durations *durations = entry->queue->with.durations;
	const struct duration_kind kind = durations_kind(entry->family, entry->row.run.way, job->request.way);
	int64_t ms = 0;
	bool known = job->request.kind == JOB_UPGRADE && !job_state_terminal(job->state) && !entry->row.cancel_requested;
	if (known && job->state == JOB_RUNNING)
		known = durations_remaining_ms(durations, &kind, &entry->row, clock_now_ms(), &ms);
	else if (known)
		known = durations_usual_ms(durations, &kind, &ms);
	job->expected_known = known;
	job->expected_s = known ? (ms + 999) / 1000 : 0;
}
