/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool queue_may_be_at_work(struct queue *queue, const char *device, const char *job)
{
	static const char after_every_id[] = "~";
	const struct queue_surroundings *with = &queue->with;
	char earlier[JOB_ID_SIZE] = "";
	struct job_row row;
	struct job_fault fault;
	if (store_job_upgrade_before(with->store, device, job != NULL ? job : after_every_id, earlier, &fault) < 0)
		return true;
	if (earlier[0] == '\0' || store_job_get(with->store, earlier, &row, &fault) < 0)
		return false;
	return row.past_return && row.job.state != JOB_SUCCEEDED && queue_abandoned_for_ms(queue, &row.job) < AT_WORK_MS;
}

/* The job of this device that a cut would hurt: one that runs, or has begun to send. Copies its row. */
static bool find_vulnerable(struct queue *queue, const char *device, struct job_row *ret)
{
	bool found = false;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue_jobs_of(queue, device); entry != NULL && !found; entry = entry->next_of_device) {
		const struct job *job = &entry->row.job;
		found = !entry->periodic && !job_state_terminal(job->state) && (job->state == JOB_RUNNING || entry->row.past_return);
		if (found)
			*ret = entry->row;
	}
	pthread_mutex_unlock(&queue->lock);
	return found;
}

static void holder_of(struct queue *queue, const char *device, char ret[sizeof(((struct device_lease *)0)->holder)])
{
	struct device known = {0};
	struct job_fault unused;
	(void)registry_get(queue->with.registry, device, &known, &unused);
	memcpy(ret, known.lease.holder, sizeof(known.lease.holder));
}

/* Who holds several boards of a hub may cut the power of all of them. */
static int refuse_leased(struct queue *queue, const char *device, const char *cut, struct job_fault *ret_fault)
{
	struct job_fault leased;
	char theirs[64], own[64];
	if (leases_check_id(queue->with.leases, device, "", &leased) == 0)
		return 0;
	holder_of(queue, device, theirs);
	holder_of(queue, cut, own);
	if (strcmp(own, theirs) == 0)
		return 0;
	job_fault_set(ret_fault, "device-leased", "what takes the power of %s away takes that of another device, too: %s", cut,
		      leased.message);
	memcpy(ret_fault->remedy, leased.remedy, sizeof(ret_fault->remedy));
	return -EPROTO;
}

static int refuse_device(struct queue *queue, const char *device, const char *cut, struct job_fault *ret_fault)
{
	struct job_row row;
	if (refuse_leased(queue, device, cut, ret_fault) < 0)
		return -EPROTO;
	if (find_vulnerable(queue, device, &row)) {
		job_fault_set(ret_fault, "device-busy", "what takes the power of %s away takes that of %s, too, which has the job %s (%s)",
			      cut, device, row.job.id, row.job.state == JOB_RUNNING ? "it runs" : "its modem has begun to take the bundle");
		memcpy(ret_fault->job, row.job.id, sizeof(ret_fault->job));
		return job_fault_advise(ret_fault, "Wait for the end of that job: dupctl watch --job %s.", row.job.id);
	}
	if (!queue_may_be_at_work(queue, device, NULL))
		return 0;
	job_fault_set(
	    ret_fault, "device-busy",
	    "what takes the power of %s away takes that of %s, too, whose modem may still be at work on what a failed job sent it", cut,
	    device);
	return job_fault_advise(ret_fault, "Bring %s to an end first (dupctl recover %s), or wait for an hour.", device, device);
}

static int refuse(struct queue *queue, const struct queue_hold *hold, struct job_fault *ret_fault)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < hold->count; i++)
		if (strcmp(hold->devices[i], hold->cut) != 0)
			result = refuse_device(queue, hold->devices[i], hold->cut, ret_fault);
	return result;
}

int queue_may_hold(struct queue *queue, const struct queue_hold *hold, struct job_fault *ret_fault)
{
	pthread_mutex_lock(&queue->change);
	int result = refuse(queue, hold, ret_fault);
	pthread_mutex_unlock(&queue->change);
	return result;
}

int queue_hold(struct queue *queue, struct queue_hold *hold, struct job_fault *ret_fault)
{
	pthread_mutex_lock(&queue->change); /* under which jobs are started */
	int result = refuse(queue, hold, ret_fault);
	if (result == 0) {
		pthread_mutex_lock(&queue->lock);
		hold->next = queue->holds;
		queue->holds = hold;
		pthread_mutex_unlock(&queue->lock);
		for (size_t i = 0; i < hold->count; i++)
			queue_yield_probe(queue, hold->devices[i]);
	}
	pthread_mutex_unlock(&queue->change);
	return result;
}

static bool is_held_by(const struct queue_hold *hold, const char *device)
{
	for (size_t i = 0; i < hold->count; i++)
		if (strcmp(hold->devices[i], device) == 0)
			return true;
	return false;
}

int queue_extend_hold(struct queue *queue, struct queue_hold *hold, const struct queue_hold *more)
{
	int result = 0;
	pthread_mutex_lock(&queue->lock);
	for (size_t i = 0; i < more->count && result == 0; i++) {
		if (is_held_by(hold, more->devices[i]))
			continue;
		char(*grown)[DEVICE_ID_SIZE] = reallocarray(hold->devices, hold->count + 1, sizeof(*grown));
		if (grown == NULL) {
			result = -ENOMEM;
			continue;
		}
		hold->devices = grown;
		memcpy(hold->devices[hold->count++], more->devices[i], sizeof(*grown));
	}
	pthread_mutex_unlock(&queue->lock);
	return result;
}

void queue_let_go(struct queue *queue, const struct queue_hold *hold)
{
	pthread_mutex_lock(&queue->lock);
	struct queue_hold **link = &queue->holds;
	while (*link != hold)
		link = &(*link)->next;
	*link = hold->next;
	pthread_mutex_unlock(&queue->lock);
	queue_wake(queue);
}

bool queue_holds(const struct queue *queue, const char *device)
{
	for (const struct queue_hold *hold = queue->holds; hold != NULL; hold = hold->next)
		if (is_held_by(hold, device))
			return true;
	return false;
}

int queue_refuse_cut(struct queue *queue, const char *device, struct job_fault *ret_fault)
{
	struct job_row row;
	if (find_vulnerable(queue, device, &row) && row.past_return) {
		job_fault_set(ret_fault, "past-point-of-no-return",
			      "job %s has come to the phase %s: without power the modem could be left without a firmware", row.job.id,
			      row.job.phase);
		memcpy(ret_fault->job, row.job.id, sizeof(ret_fault->job));
		return -EPROTO;
	}
	if (!queue_may_be_at_work(queue, device, NULL))
		return 0;
	return job_fault_set(ret_fault, "past-point-of-no-return",
			     "a job of %s failed while its modem took the bundle: it may still be at work on it for an hour", device);
}
