/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/gateway_private.h"
#include "daemon/hotplug.h"
#include "daemon/log.h"
#include "daemon/power.h"

int gateway_start_hotplug(struct gateway *gateway)
{
	if (!gateway->config->hotplug || gateway->hotplug != NULL)
		return -1;
	int result = hotplug_new(gateway->config, gateway->registry, &gateway->hotplug);
	if (result < 0) {
		log_error(NULL, "boards on USB are not found: the kernel's events cannot be had: %s", strerror(-result));
		return -1;
	}
	power_assign(gateway->power);
	queue_wake(gateway->queue);
	return hotplug_fd(gateway->hotplug);
}

void gateway_take_hotplug(struct gateway *gateway)
{
	if (!hotplug_take(gateway->hotplug))
		return;
	power_assign(gateway->power);
	queue_wake(gateway->queue);
}
