/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/moment.h"
#include "daemon/queue_private.h"
#include "daemon/time_zone.h"
#include "daemon/window.h"

/* A zone whose file is gone may come back. */
#define LOST_ZONE_RETRY_MS 3600000

/* The zone that was asked for last is kept: all jobs of a campaign have the same. */
static const struct time_zone *find_zone(struct queue *queue, const char *name)
{
	if (queue->zone != NULL && strcmp(queue->zone_name, name) == 0)
		return queue->zone;
	time_zone_free(queue->zone);
	queue->zone = NULL;
	if (time_zone_load(name, &queue->zone) < 0)
		return NULL;
	snprintf(queue->zone_name, sizeof(queue->zone_name), "%s", name);
	return queue->zone;
}

/* What is begun in a window is to end in it, as a rule. */
static uint32_t length_of(struct queue *queue, const struct job *job)
{
	struct device device;
	struct job_fault fault;
	enum modem_family family;
	int64_t ms;
	if (registry_get(queue->with.registry, job->request.device, &device, &fault) < 0 ||
	    !modem_family_parse(device.modem.family, &family))
		return JOB_USUAL_S;
	const struct duration_kind kind = durations_kind(family, "", job->request.way);
	if (!durations_long_ms(queue->with.durations, &kind, &ms))
		return JOB_USUAL_S;
	return (uint32_t)((ms + 999) / 1000);
}

int64_t queued_job_may_begin_ms(struct queue *queue, const struct job *job, int64_t now_ms)
{
	struct window window;
	if (job->request.window[0] == '\0' || job->started_at_ms != 0 || !window_parse(job->request.window, &window))
		return now_ms;
	const struct time_zone *zone = find_zone(queue, window.zone);
	return zone == NULL ? now_ms + LOST_ZONE_RETRY_MS : window_next_start_ms(&window, zone, now_ms, length_of(queue, job));
}

bool queued_job_mind_window(struct queue *queue, struct job *job, int64_t now_ms)
{
	char when[MOMENT_SIZE];
	struct window window;
	int64_t begin_ms = queued_job_may_begin_ms(queue, job, now_ms);
	if (begin_ms <= now_ms || !window_parse(job->request.window, &window))
		return false;
	bool news = job->not_before_ms != begin_ms;
	moment_text(begin_ms, when);
	job->not_before_ms = begin_ms;
	if (queue->zone == NULL)
		snprintf(job->detail, sizeof(job->detail), "the time zone %s of its window cannot be read", window.zone);
	else
		snprintf(job->detail, sizeof(job->detail), "it may begin at %s, in the window %.120s", when,
			 window.name[0] != '\0' ? window.name : job->request.window);
	return news;
}
