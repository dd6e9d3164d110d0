/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_audit.h"
#include "api/references.h"

#define PAGE_DEFAULT 100u

static int take_filter(struct exchange *exchange, struct audit_filter *ret)
{
	uint32_t before = 0;
	*ret = (struct audit_filter){.limit = PAGE_DEFAULT};
	int r = reference_device_query(exchange, ret->device);
	if (r == 0)
		r = exchange_query_number(exchange, "before", 1, UINT32_MAX, &before);
	ret->before = before;
	return r < 0 ? r : exchange_query_number(exchange, "limit", 1, AUDIT_LIMIT_MAX, &ret->limit);
}

int route_list_audit(struct exchange *exchange)
{
	struct audit_filter filter;
	struct audit_entry *entries = NULL;
	size_t count = 0;
	bool more = false;
	int r = take_filter(exchange, &filter);
	if (r == 0)
		r = gateway_audit(exchange->gateway, &filter, &entries, &count, &more, &exchange->fault);
	if (r < 0)
		return r;
	int64_t next = more && count > 0 ? entries[count - 1].id : 0;
	if (next > 0)
		snprintf(exchange->answer.link, sizeof(exchange->answer.link), "</audit?limit=%u%s%s&before=%" PRId64 ">; rel=\"next\"",
			 filter.limit, filter.device[0] != '\0' ? "&device=" : "", filter.device, next);
	char *json = json_view_audit(entries, count, next);
	free(entries);
	return exchange_json(exchange, 200, json);
}
