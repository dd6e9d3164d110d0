/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <stdint.h>

#include "api/json_view.h"
#include "api/openapi_file.h"

#define NOT_READY_RETRY_S 5

int route_get_health(struct exchange *exchange)
{
	return exchange_json(exchange, 200, json_view_status("ok"));
}

int route_get_readiness(struct exchange *exchange)
{
	char why[256] = "";
	if (!gateway_ready(exchange->gateway, why, sizeof(why)))
		return exchange_unavailable(exchange, NOT_READY_RETRY_S, "not ready: %s", why);
	return exchange_json(exchange, 200, json_view_readiness(gateway_degraded(exchange->gateway)));
}

int route_get_version(struct exchange *exchange)
{
	return exchange_json(exchange, 200, json_view_version());
}

int route_get_openapi(struct exchange *exchange)
{
	exchange->answer.status = 200;
	exchange->answer.content_type = "application/yaml";
	/* It is never written to: `lent` keeps everybody from freeing it. */
	exchange->answer.body = (char *)(uintptr_t)openapi_file(&exchange->answer.length);
	exchange->answer.lent = true;
	return 0;
}
