/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <stdio.h>
#include <string.h>

static int answer_stream(struct exchange *exchange)
{
	exchange->answer.status = 200;
	exchange->answer.content_type = "text/event-stream";
	exchange->answer.stream = true;
	return 0;
}

/* A device or job that is not there would make a stream that is silent for ever. */
static int take_device(struct exchange *exchange)
{
	const char *reference = exchange_query(exchange, "device");
	return reference != NULL ? gateway_find_device(exchange->gateway, reference, exchange->filter.device, &exchange->fault) : 0;
}

static int take_job(struct exchange *exchange, const char *id)
{
	struct job job;
	int r = id != NULL ? gateway_job(exchange->gateway, id, &job, &exchange->fault) : 0;
	if (r == 0 && id != NULL)
		memcpy(exchange->filter.job, job.id, sizeof(exchange->filter.job));
	return r;
}

static int take_topics(struct exchange *exchange)
{
	const char *topics = exchange_query(exchange, "topics"), *bad = NULL;
	exchange->filter.topics = TOPICS_ALL;
	if (topics == NULL || sse_topics_parse(topics, &exchange->filter.topics, &bad))
		return 0;
	return exchange_refuse(exchange, 0, "topics", "\"%.*s\" is no topic: they are device, job, progress, firmware, campaign",
			       (int)strcspn(bad, ","), bad);
}

int route_follow_events(struct exchange *exchange)
{
	int r = take_topics(exchange);
	if (r == 0)
		r = exchange_query_bool(exchange, "snapshot", &exchange->filter.snapshot_first);
	if (r == 0)
		r = take_device(exchange);
	if (r == 0)
		r = take_job(exchange, exchange_query(exchange, "job"));
	if (r == 0 && exchange->last_event_id != NULL)
		sse_filter_resume(&exchange->filter, exchange->last_event_id, event_bus_epoch(gateway_events(exchange->gateway)));
	return r < 0 ? r : answer_stream(exchange);
}

int route_follow_job(struct exchange *exchange)
{
	exchange->filter.topics = TOPIC_JOB | TOPIC_PROGRESS;
	exchange->filter.job_only = true;
	int r = take_job(exchange, exchange->parameter);
	return r < 0 ? r : answer_stream(exchange);
}
