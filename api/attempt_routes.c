/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <errno.h>

#include <stdlib.h>
#include <string.h>

#include "api/json_view.h"
#include "daemon/attempts.h"

int route_list_attempts(struct exchange *exchange)
{
	struct job_attempt *attempts = NULL;
	size_t count = 0;
	int r = gateway_attempts(exchange->gateway, exchange->parameter, &attempts, &count, &exchange->fault);
	if (r < 0)
		return r;
	char *json = json_view_attempts(exchange->parameter, attempts, count);
	free(attempts);
	return exchange_json(exchange, 200, json);
}

int route_get_attempt_transcript(struct exchange *exchange)
{
	char *text = NULL;
	const char *number = exchange->second_parameter;
	size_t digits = strspn(number, "0123456789");
	if (number[digits] != '\0' || digits > 9)
		return exchange_refuse(exchange, 0, NULL, "the path has a number that is none");
	int r = gateway_attempt_transcript(exchange->gateway, exchange->parameter, (uint32_t)strtoul(number, NULL, 10), &text,
					   &exchange->fault);
	return r < 0 ? r : exchange_text(exchange, 200, text);
}

int route_list_durations(struct exchange *exchange)
{
	struct duration *durations = NULL;
	size_t count = 0;
	int r = gateway_durations(exchange->gateway, exchange_query(exchange, "family"), &durations, &count, &exchange->fault);
	if (r == -EPROTO && exchange->fault.kind == fault_kind_find("invalid-request"))
		return exchange_refuse(exchange, 0, "family", "%s", exchange->fault.message);
	if (r < 0)
		return r;
	char *json = json_view_durations(durations, count);
	free(durations);
	return exchange_json(exchange, 200, json);
}
