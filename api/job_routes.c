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
#include "api/rfc3339.h"
#include "daemon/job_id.h"

#define STATUS_CONFLICT 409

#define PAGE_DEFAULT 100u
#define PAGE_MAX     500u

static int take_campaign(struct exchange *exchange, char ret[JOB_ID_SIZE])
{
	const char *value = exchange_query(exchange, "campaign");
	if (value == NULL)
		return 0;
	if (!device_id_valid(value) || strlen(value) >= JOB_ID_SIZE)
		return exchange_refuse(exchange, 0, "campaign", "campaign has a value that is no id");
	memcpy(ret, value, strlen(value) + 1);
	return 0;
}

static int take_states(struct exchange *exchange, unsigned *ret)
{
	const char *text = exchange_query(exchange, "state");
	while (text != NULL) {
		char name[16];
		enum job_state state;
		size_t length = strcspn(text, ",");
		snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : sizeof(name) - 1), text);
		if (!job_state_parse(name, &state))
			return exchange_refuse(
			    exchange, 0, "state",
			    "state must be one or more of queued, waiting, running, succeeded, failed, cancelled, with commas between");
		*ret |= JOB_IN_STATE(state);
		text = text[length] == ',' ? text + length + 1 : NULL;
	}
	return 0;
}

static int take_kind_and_code(struct exchange *exchange, struct job_filter *ret)
{
	enum job_kind kind;
	const char *name = exchange_query(exchange, "kind"), *code = exchange_query(exchange, "code");
	if (name != NULL && !job_kind_parse(name, &kind))
		return exchange_refuse(exchange, 0, "kind", "kind must be one of upgrade, probe, power-cycle");
	if (code != NULL && fault_kind_find(code) == NULL)
		return exchange_refuse(exchange, 0, "code",
				       "code must be one of the codes of faults, such as modem-silent: README lists them");
	snprintf(ret->kind, sizeof(ret->kind), "%s", name != NULL ? name : "");
	snprintf(ret->code, sizeof(ret->code), "%s", code != NULL ? code : "");
	return 0;
}

/* A whole digest may be that of a firmware which the cache has no more. */
static int take_firmware(struct exchange *exchange, char ret[static FIRMWARE_SHA256_SIZE])
{
	const char *reference = exchange_query(exchange, "firmware");
	if (reference == NULL)
		return 0;
	if (strlen(reference) != FIRMWARE_SHA256_SIZE - 1 || strspn(reference, "0123456789abcdef") != FIRMWARE_SHA256_SIZE - 1)
		return reference_resolve(exchange, "firmware", reference, ret);
	memcpy(ret, reference, FIRMWARE_SHA256_SIZE);
	return 0;
}

/* A plus of the zone comes as a blank when nobody wrote it as %2B. */
static int take_time(struct exchange *exchange, const char *name, int64_t *ret)
{
	const char *text = exchange_query(exchange, name);
	char plain[QUERY_VALUE_SIZE];
	if (text == NULL)
		return 0;
	snprintf(plain, sizeof(plain), "%s", text);
	char *blank = strchr(plain, ' ');
	if (blank != NULL)
		*blank = '+';
	if (rfc3339_parse(plain, ret) && *ret > 0)
		return 0;
	return exchange_refuse(exchange, 0, name, "%s must be a time after 1970 as RFC 3339 writes it, such as 2026-03-01T10:15:30Z", name);
}

static int take_cursor(struct exchange *exchange, char ret[JOB_ID_SIZE])
{
	const char *text = exchange_query(exchange, "before");
	if (text != NULL && !job_id_valid(text))
		return exchange_refuse(exchange, 0, "before", "before must be the id of a job, as the page before has it in next");
	snprintf(ret, JOB_ID_SIZE, "%s", text != NULL ? text : "");
	return 0;
}

static int take_filter(struct exchange *exchange, struct job_filter *ret)
{
	*ret = (struct job_filter){.limit = PAGE_DEFAULT};
	int r = take_states(exchange, &ret->states);
	if (r == 0)
		r = reference_device_query(exchange, ret->device);
	if (r == 0)
		r = take_campaign(exchange, ret->campaign);
	if (r == 0)
		r = take_kind_and_code(exchange, ret);
	if (r == 0)
		r = take_firmware(exchange, ret->firmware);
	if (r == 0)
		r = take_time(exchange, "since", &ret->since_ms);
	if (r == 0)
		r = take_time(exchange, "until", &ret->until_ms);
	if (r == 0)
		r = take_cursor(exchange, ret->before);
	return r < 0 ? r : exchange_query_number(exchange, "limit", 1, PAGE_MAX, &ret->limit);
}

static void add_to_link(struct exchange *exchange, const char *before, const char *value)
{
	size_t used = strlen(exchange->answer.link);
	if (value != NULL && value[0] != '\0')
		snprintf(exchange->answer.link + used, sizeof(exchange->answer.link) - used, "%s%s", before, value);
}

/* Ids, states, codes, digests and times are of [A-Za-z0-9._:,-]: nothing needs to be escaped. */
static void link_next(struct exchange *exchange, const struct job_filter *filter, const char *next)
{
	char since[RFC3339_SIZE] = "", until[RFC3339_SIZE] = "";
	if (filter->since_ms != 0)
		rfc3339_from_ms(filter->since_ms, since);
	if (filter->until_ms != 0)
		rfc3339_from_ms(filter->until_ms, until);
	snprintf(exchange->answer.link, sizeof(exchange->answer.link), "</jobs?limit=%u", filter->limit);
	for (int state = JOB_QUEUED, first = 1; state <= JOB_CANCELLED; state++)
		if ((filter->states & JOB_IN_STATE(state)) != 0) {
			add_to_link(exchange, first ? "&state=" : ",", job_state_name((enum job_state)state));
			first = 0;
		}
	add_to_link(exchange, "&device=", filter->device);
	add_to_link(exchange, "&campaign=", filter->campaign);
	add_to_link(exchange, "&kind=", filter->kind);
	add_to_link(exchange, "&code=", filter->code);
	add_to_link(exchange, "&firmware=", filter->firmware);
	add_to_link(exchange, "&since=", since);
	add_to_link(exchange, "&until=", until);
	add_to_link(exchange, "&before=", next);
	size_t used = strlen(exchange->answer.link);
	snprintf(exchange->answer.link + used, sizeof(exchange->answer.link) - used, ">; rel=\"next\"");
}

/* A device that was taken out of the configuration still has its jobs; one that never was has none and is a mistake. */
static int check_device(struct exchange *exchange, const char *id, size_t count)
{
	struct device device;
	return id[0] == '\0' || count > 0 ? 0 : gateway_device(exchange->gateway, id, &device, &exchange->fault);
}

static int check_campaign(struct exchange *exchange, const char *id, size_t count)
{
	struct campaign campaign;
	return id[0] == '\0' || count > 0 ? 0 : gateway_campaign(exchange->gateway, id, &campaign, &exchange->fault);
}

int route_list_jobs(struct exchange *exchange)
{
	struct job_filter filter;
	struct job *jobs = NULL;
	size_t count = 0;
	char next[JOB_ID_SIZE] = "";
	int r = take_filter(exchange, &filter);
	if (r == 0)
		r = gateway_jobs(exchange->gateway, &filter, &jobs, &count, next, &exchange->fault);
	if (r == 0)
		r = check_device(exchange, filter.device, count);
	if (r == 0)
		r = check_campaign(exchange, filter.campaign, count);
	if (r < 0) {
		free(jobs);
		return r;
	}
	if (next[0] != '\0')
		link_next(exchange, &filter, next);
	char *json = json_view_jobs(jobs, count, next[0] != '\0' ? next : NULL);
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

/* Of a job that goes on: the request was well formed. */
static void explain_retry(struct exchange *exchange)
{
	struct job job;
	struct job_fault unused;
	if (exchange->fault.kind != fault_kind_find("invalid-request") ||
	    gateway_job(exchange->gateway, exchange->parameter, &job, &unused) < 0 || job_state_terminal(job.state))
		return;
	exchange->problem_status = STATUS_CONFLICT;
	exchange->remedy = "Wait until the job has ended, or cancel it; then retry it.";
	memcpy(exchange->fault.job, job.id, sizeof(exchange->fault.job));
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
	if (r == -EPROTO)
		explain_retry(exchange);
	return r < 0 ? r : exchange_new_job(exchange, &job);
}

int route_get_transcript(struct exchange *exchange)
{
	char *text = NULL;
	int r = gateway_transcript(exchange->gateway, exchange->parameter, &text, &exchange->fault);
	return r < 0 ? r : exchange_text(exchange, 200, text);
}
