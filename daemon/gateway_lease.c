/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"
#include "daemon/leases.h"

int gateway_check_lease(struct gateway *gateway, const char *device, const char *token, struct job_fault *ret_fault)
{
	return leases_check(gateway->leases, device, token, NULL, ret_fault);
}

int gateway_grant_lease(struct gateway *gateway, const char *device, const struct lease_order *order, struct lease_grant *ret,
			struct job_fault *ret_fault)
{
	struct device known;
	int result = registry_get(gateway->registry, device, &known, ret_fault);
	if (result == 0)
		result = leases_grant(gateway->leases, known.id, order, ret, ret_fault);
	if (result == 0)
		queue_wake(gateway->queue);
	return result;
}

int gateway_release_lease(struct gateway *gateway, const char *device, const char *token, bool force, const char *reason,
			  struct job_fault *ret_fault)
{
	struct device known;
	int result = registry_get(gateway->registry, device, &known, ret_fault);
	if (result == 0)
		result = leases_release(gateway->leases, known.id, token, force, reason, ret_fault);
	if (result == 0)
		queue_wake(gateway->queue);
	return result;
}
