/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <stdlib.h>

#include "api/json_view.h"

#define HISTORY_SHOWN 50u

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
