/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/gateway_private.h"
#include "daemon/hotplug.h"
#include "daemon/log.h"
#include "daemon/power.h"

void gateway_open_hotplug(struct gateway *gateway)
{
	if (!gateway->config->hotplug)
		return;
	int result = hotplug_new(gateway->config, gateway->registry, &gateway->hotplug);
	if (result < 0)
		log_error(NULL, "boards on USB are not found: the kernel's events cannot be had: %s", strerror(-result));
}

int gateway_hotplug_fd(const struct gateway *gateway)
{
	return gateway->hotplug != NULL ? hotplug_fd(gateway->hotplug) : -1;
}

void gateway_take_hotplug(struct gateway *gateway)
{
	if (!hotplug_take(gateway->hotplug))
		return;
	power_assign(gateway->power);
	queue_wake(gateway->queue);
}
