/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <errno.h>

#include "api/json_read.h"
#include "api/json_view.h"

int route_put_lease(struct exchange *exchange)
{
	struct lease_request asked;
	struct lease_grant grant;
	struct device device;
	struct read_error error;
	int r = json_read_lease(exchange->body, exchange->body_length, &asked, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	const struct lease_order order = {
	    .holder = asked.holder,
	    .reason = asked.reason,
	    .ttl_s = asked.ttl_s,
	    .takeover = asked.takeover,
	    .token = exchange->lease_token,
	};
	if (r == 0)
		r = gateway_device(exchange->gateway, exchange->parameter, &device, &exchange->fault);
	exchange_about_lease(exchange, order.holder);
	if (r == 0)
		r = gateway_grant_lease(exchange->gateway, device.id, &order, &grant, &exchange->fault);
	return r < 0 ? r : exchange_json(exchange, grant.renewed ? 200 : 201, json_view_lease(device.id, &grant));
}

int route_end_lease(struct exchange *exchange)
{
	bool force;
	const char *reason = exchange_query(exchange, "reason");
	int r = exchange_query_bool(exchange, "force", &force);
	if (r == 0)
		r = gateway_release_lease(exchange->gateway, exchange->parameter, exchange->lease_token, force,
					  reason != NULL ? reason : "", &exchange->fault);
	exchange->answer.status = 204;
	return r;
}
