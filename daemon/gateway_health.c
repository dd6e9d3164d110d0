/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

int gateway_history(struct gateway *gateway, const char *id, unsigned limit, struct device_entry **ret, size_t *ret_count,
		    struct job_fault *ret_fault)
{
	struct device device;
	int result = registry_get(gateway->registry, id, &device, ret_fault);
	return result < 0 ? result : device_history_list(gateway->history, id, limit, ret, ret_count, ret_fault);
}
