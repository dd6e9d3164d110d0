/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_read.h"
#include "api/json_view.h"
#include "api/references.h"

#define STATUS_CONFLICT 409

#define PAGE_DEFAULT 100u
#define PAGE_MAX     500u

static int take_id(struct exchange *exchange, const char *name, char *ret, size_t size)
{
	const char *value = exchange_query(exchange, name);
	if (value == NULL)
		return 0;
	if (!device_id_valid(value) || strlen(value) >= size)
		return exchange_refuse(exchange, 0, name, "%s has a value that is no id", name);
	memcpy(ret, value, strlen(value) + 1);
	return 0;
}

static int take_state(struct exchange *exchange, struct job_filter *filter)
{
	const char *state = exchange_query(exchange, "state");
	filter->by_state = state != NULL;
	if (state == NULL || job_state_parse(state, &filter->state))
		return 0;
	return exchange_refuse(exchange, 0, "state", "state must be one of queued, waiting, running, succeeded, failed, cancelled");
}

static int take_filter(struct exchange *exchange, struct job_filter *ret)
{
	*ret = (struct job_filter){.limit = PAGE_DEFAULT};
	int r = take_state(exchange, ret);
	if (r == 0)
		r = reference_device_query(exchange, ret->device);
	if (r == 0)
		r = take_id(exchange, "campaign", ret->campaign, sizeof(ret->campaign));
	if (r == 0)
		r = take_id(exchange, "before", ret->before, sizeof(ret->before));
	return r < 0 ? r : exchange_query_number(exchange, "limit", 1, PAGE_MAX, &ret->limit);
}

/* Ids and states are words of [A-Za-z0-9._-]: nothing needs to be escaped. */
static void link_next(struct exchange *exchange, const struct job_filter *filter, const char *next)
{
	const char *state = filter->by_state ? job_state_name(filter->state) : "";
	snprintf(exchange->answer.link, sizeof(exchange->answer.link), "</jobs?limit=%u%s%s%s%s%s%s&before=%s>; rel=\"next\"",
		 filter->limit, filter->by_state ? "&state=" : "", state, filter->device[0] != '\0' ? "&device=" : "", filter->device,
		 filter->campaign[0] != '\0' ? "&campaign=" : "", filter->campaign, next);
}

/* A device that was taken out of the configuration still has its jobs; one that never was has none and is a mistake. */
static int check_device(struct exchange *exchange, const char *id, size_t count)
{
	struct device device;
	return id[0] == '\0' || count > 0 ? 0 : gateway_device(exchange->gateway, id, &device, &exchange->fault);
}

int route_list_jobs(struct exchange *exchange)
{
	struct job_filter filter;
	struct job *jobs = NULL;
	size_t count = 0;
	bool more = false;
	int r = take_filter(exchange, &filter);
	if (r == 0)
		r = gateway_jobs(exchange->gateway, &filter, &jobs, &count, &more, &exchange->fault);
	if (r == 0)
		r = check_device(exchange, filter.device, count);
	if (r < 0) {
		free(jobs);
		return r;
	}
	const char *next = more && count > 0 ? jobs[count - 1].id : NULL;
	if (next != NULL)
		link_next(exchange, &filter, next);
	char *json = json_view_jobs(jobs, count, next);
	free(jobs);
	return exchange_json(exchange, 200, json);
}

int route_get_job(struct exchange *exchange)
{
	struct job job;
	int r = gateway_job(exchange->gateway, exchange->parameter, &job, &exchange->fault);
	return r < 0 ? r : exchange_json(exchange, 200, json_view_job(&job));
}

static void explain_cancel(struct exchange *exchange, int r)
{
	const char *code = r == -EPROTO ? exchange->fault.kind->code : "";
	bool ended = strcmp(code, "invalid-request") == 0;
	if (ended) {
		exchange->problem_status = STATUS_CONFLICT;
		exchange->remedy = "There is nothing left to cancel; GET /jobs/{id} tells how it ended.";
	}
	if (ended || strcmp(code, "past-point-of-no-return") == 0)
		snprintf(exchange->fault.job, sizeof(exchange->fault.job), "%.31s", exchange->parameter);
}

int route_cancel_job(struct exchange *exchange)
{
	struct job job;
	int r = gateway_check_job_lease(exchange->gateway, exchange->parameter, exchange->lease_token, &exchange->fault);
	if (r == 0)
		r = gateway_cancel(exchange->gateway, exchange->parameter, &job, &exchange->fault);
	if (r < 0)
		explain_cancel(exchange, r);
	return r < 0 ? r : exchange_json(exchange, 200, json_view_job(&job));
}

int route_retry_job(struct exchange *exchange)
{
	struct job job;
	struct read_error error;
	bool wait;
	int r = json_read_job_terms(exchange->body, exchange->body_length, &wait, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0)
		r = gateway_retry(exchange->gateway, exchange->parameter, exchange->lease_token, wait, &job, &exchange->fault);
	return r < 0 ? r : exchange_new_job(exchange, &job);
}

int route_get_transcript(struct exchange *exchange)
{
	char *text = NULL;
	int r = gateway_transcript(exchange->gateway, exchange->parameter, &text, &exchange->fault);
	if (r < 0)
		return r;
	exchange->answer.status = 200;
	exchange->answer.content_type = "text/plain; charset=utf-8";
	exchange->answer.body = text;
	exchange->answer.length = strlen(text);
	return 0;
}
