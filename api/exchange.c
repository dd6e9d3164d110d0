/* SPDX-License-Identifier: Apache-2.0 */
#include "api/exchange.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json_problem.h"
#include "api/json_view.h"

#define STATUS_OVERLOADED 503

static void answer_clear(struct answer *answer)
{
	if (!answer->lent)
		free(answer->body);
	if (answer->is_file)
		close(answer->file);
	*answer = (struct answer){0};
}

void exchange_clear(struct exchange *exchange)
{
	answer_clear(&exchange->answer);
	firmware_import_abort(exchange->import);
	exchange->import = NULL;
	free(exchange->candidates);
	exchange->candidates = NULL;
	exchange->candidate_count = 0;
}

const char *exchange_query(const struct exchange *exchange, const char *name)
{
	for (size_t i = 0; i < exchange->query_count; i++)
		if (strcmp(exchange->query[i].name, name) == 0)
			return exchange->query[i].value;
	return NULL;
}

int exchange_query_bool(struct exchange *exchange, const char *name, bool *ret)
{
	const char *value = exchange_query(exchange, name);
	*ret = value != NULL && strcmp(value, "true") == 0;
	if (value == NULL || *ret || strcmp(value, "false") == 0)
		return 0;
	return exchange_refuse(exchange, 0, name, "%s must be true or false", name);
}

int exchange_query_number(struct exchange *exchange, const char *name, uint32_t min, uint32_t max, uint32_t *ret)
{
	const char *value = exchange_query(exchange, name);
	if (value == NULL)
		return 0;
	char *end = NULL;
	errno = 0;
	unsigned long long number = strtoull(value, &end, 10);
	/* strtoull() would take a sign and blanks. */
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number < min || number > max)
		return exchange_refuse(exchange, 0, name, "%s must be a number from %u to %u", name, min, max);
	*ret = (uint32_t)number;
	return 0;
}

int exchange_refuse(struct exchange *exchange, int status, const char *member, const char *format, ...)
{
	char message[sizeof(exchange->fault.message)];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	exchange->problem_status = status;
	snprintf(exchange->member, sizeof(exchange->member), "%s", member != NULL ? member : "");
	return job_fault_set(&exchange->fault, "invalid-request", "%s", message);
}

int exchange_unavailable(struct exchange *exchange, unsigned retry_after_s, const char *format, ...)
{
	char message[sizeof(exchange->fault.message)];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	exchange->problem_status = STATUS_OVERLOADED;
	exchange->answer.retry_after_s = retry_after_s;
	return job_fault_set(&exchange->fault, "infrastructure-error", "%s", message);
}

static int answer_with(struct exchange *exchange, int status, const char *content_type, char *body)
{
	if (body == NULL)
		return -ENOMEM;
	exchange->answer.status = status;
	exchange->answer.content_type = content_type;
	exchange->answer.body = body;
	exchange->answer.length = strlen(body);
	return 0;
}

int exchange_json(struct exchange *exchange, int status, char *json)
{
	return answer_with(exchange, status, "application/json", json);
}

int exchange_text(struct exchange *exchange, int status, char *text)
{
	return answer_with(exchange, status, "text/plain; charset=utf-8", text);
}

int exchange_new_job(struct exchange *exchange, const struct job *job)
{
	snprintf(exchange->answer.location, sizeof(exchange->answer.location), "/jobs/%s", job->id);
	return exchange_json(exchange, 202, json_view_job(job));
}

void exchange_about_firmware(struct exchange *exchange, const char *sha256)
{
	if (exchange->errand != NULL)
		snprintf(exchange->errand->entry.firmware, sizeof(exchange->errand->entry.firmware), "%s", sha256);
}

void exchange_about_lease(struct exchange *exchange, const char *holder)
{
	if (exchange->errand != NULL)
		snprintf(exchange->errand->entry.lease, sizeof(exchange->errand->entry.lease), "%s", holder);
}

void exchange_problem(struct exchange *exchange, int r)
{
	if (r != -EPROTO || exchange->fault.kind == NULL) {
		exchange->problem_status = 0;
		job_fault_set(&exchange->fault, "infrastructure-error", "%s", strerror(-r));
	}
	/* The headers that go with a problem were set before it; a body or a place of a success that did not come off must not stay. */
	struct answer made = {
	    .status = exchange->problem_status != 0 ? exchange->problem_status : exchange->fault.kind->http_status,
	    .retry_after_s = exchange->answer.retry_after_s,
	    .ask_for_token = exchange->answer.ask_for_token,
	    .content_type = "application/problem+json",
	};
	memcpy(made.allow, exchange->answer.allow, sizeof(made.allow));
	answer_clear(&exchange->answer);
	struct json_problem problem = {
	    .fault = &exchange->fault,
	    .status = made.status,
	    .member = exchange->member,
	    .remedy = exchange->remedy,
	    .candidates = exchange->candidates,
	    .candidate_count = exchange->candidate_count,
	};
	made.body = json_problem(&problem);
	made.length = made.body != NULL ? strlen(made.body) : 0;
	exchange->answer = made;
}
