/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <string.h>

#include "daemon/power.h"

int gateway_open_power(struct gateway *gateway, int64_t (*now_ms)(void))
{
	const struct power_surroundings surroundings = {
	    .config = gateway->config,
	    .store = gateway->store,
	    .registry = gateway->registry,
	    .history = gateway->history,
	    .sys = "/sys",
	    .now_ms = now_ms,
	};
	int result = power_new(&surroundings, &gateway->power);
	if (result == 0)
		power_assign(gateway->power);
	return result;
}

int gateway_check_power(struct gateway *gateway, const struct job_request *request, struct job_fault *ret_fault)
{
	enum restart_rung rung;
	if (!restart_rung_parse(request->rung, &rung))
		return job_fault_set(ret_fault, "invalid-request", "there is no rung \"%s\": it is power, lines, reset or auto",
				     request->rung);
	/* The gentler rungs may be enough: what forbids the last one is found out when it is its turn. */
	if (rung == RESTART_BY_POWER)
		return power_check(gateway->power, gateway->queue, request->device, ret_fault);
	return queue_refuse_cut(gateway->queue, request->device, ret_fault);
}
