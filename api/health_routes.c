/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <errno.h>
#include <stdlib.h>

#include "api/json_read.h"
#include "api/json_view.h"
#include "api/references.h"

#define HISTORY_SHOWN   50u
#define STATUS_CONFLICT 409

int route_get_history(struct exchange *exchange)
{
	struct device_entry *entries = NULL;
	size_t count = 0;
	uint32_t limit = HISTORY_SHOWN;
	int r = exchange_query_number(exchange, "limit", 1, DEVICE_HISTORY_MAX, &limit);
	if (r == 0)
		r = gateway_history(exchange->gateway, exchange->parameter, limit, &entries, &count, &exchange->fault);
	if (r < 0)
		return r;
	char *json = json_view_history(entries, count);
	free(entries);
	return exchange_json(exchange, 200, json);
}

/* The device is there: what is not is what it needs, and that it is not stranded is its state. */
static int explain(struct exchange *exchange, const char *reference, int r)
{
	bool chosen = reference[0] == '\0';
	if (r == -EPROTO && (exchange->fault.kind == fault_kind_find("invalid-request") ||
			     (chosen && exchange->fault.kind == fault_kind_find("not-found"))))
		exchange->problem_status = STATUS_CONFLICT;
	return r < 0 && !chosen ? reference_explain(exchange, reference, r) : r;
}

static int recover(struct exchange *exchange, const struct job_request *request, const char *reference)
{
	struct job job;
	int r = gateway_recover(exchange->gateway, request, reference, &job, &exchange->fault);
	return r < 0 ? explain(exchange, reference, r) : exchange_new_job(exchange, &job);
}

static int plan_recovery(struct exchange *exchange, const struct job_request *request, const char *reference)
{
	struct plan plan;
	int r = gateway_plan_recovery(exchange->gateway, request, reference, &plan, &exchange->fault);
	return r < 0 ? explain(exchange, reference, r) : exchange_json(exchange, 200, json_view_plan(&plan));
}

int route_recover_device(struct exchange *exchange)
{
	struct recovery_request asked;
	struct job_request request;
	struct read_error error;
	bool dry_run;
	int r = exchange_query_bool(exchange, "dry_run", &dry_run);
	if (r == 0)
		r = json_read_recovery(exchange->body, exchange->body_length, &asked, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0)
		r = device_request_begin(exchange, JOB_UPGRADE, &request);
	if (r == 0 && asked.helper[0] != '\0')
		r = reference_resolve(exchange, "helper", asked.helper, request.helper);
	if (r < 0)
		return r;
	request.wait_for_lease = asked.wait_for_lease;
	exchange->changes_nothing = dry_run;
	return dry_run ? plan_recovery(exchange, &request, asked.firmware) : recover(exchange, &request, asked.firmware);
}
