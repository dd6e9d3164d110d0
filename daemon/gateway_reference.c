/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <stdlib.h>
#include <string.h>

/* The one device of that alias. */
static int find_alias(const struct device *devices, size_t count, const char *alias, char ret_id[DEVICE_ID_SIZE],
		      struct job_fault *ret_fault)
{
	const struct device *found = NULL;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(devices[i].alias, alias) != 0)
			continue;
		if (found != NULL)
			return job_fault_set(ret_fault, "invalid-request", "%s is the alias of several devices: %s, %s", alias, found->id,
					     devices[i].id);
		found = &devices[i];
	}
	if (found == NULL)
		return job_fault_set(ret_fault, "not-found", "there is no device %s", alias);
	memcpy(ret_id, found->id, sizeof(found->id));
	return 0;
}

int gateway_find_device(struct gateway *gateway, const char *reference, char ret_id[DEVICE_ID_SIZE], struct job_fault *ret_fault)
{
	struct device device, *devices = NULL;
	size_t count = 0;
	if (reference[0] == '\0')
		return job_fault_set(ret_fault, "not-found", "there is no device without a name");
	if (registry_get(gateway->registry, reference, &device, ret_fault) == 0) {
		memcpy(ret_id, device.id, sizeof(device.id));
		return 0;
	}
	int result = registry_list(gateway->registry, &devices, &count);
	if (result == 0)
		result = find_alias(devices, count, reference, ret_id, ret_fault);
	free(devices);
	return result;
}
