/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "daemon/gateway_private.h"
#include "daemon/log.h"
#include "daemon/power.h"
#include "transport/clock.h"

/* Without inotify the daemon still works: ports are then found by the survey. */
int gateway_open_ports(struct gateway *gateway)
{
	const struct config *config = gateway->config;
	int result = port_watch_new(&gateway->port_watch);
	if (result == -ENOMEM)
		return result;
	if (result < 0) {
		log_warning(NULL, "ports are looked for every 15 s only, as they cannot be watched: %s%s", strerror(-result),
			    result == -EMFILE ? " (fs.inotify.max_user_instances)" : "");
		return 0;
	}
	for (size_t i = 0; result == 0 && i < config->device_count; i++)
		if (config->devices[i].port[0] == '/')
			result = port_watch_add(gateway->port_watch, config->devices[i].port);
	if (result < 0)
		return result;
	/* What came between the look of the registry and this is looked for once more. */
	gateway_survey_ports(gateway);
	return 0;
}

int gateway_ports_fd(const struct gateway *gateway)
{
	return gateway->port_watch != NULL ? port_watch_fd(gateway->port_watch) : -1;
}

void gateway_check_ports(struct gateway *gateway)
{
	if (registry_check_ports(gateway->registry))
		queue_wake(gateway->queue);
}

void gateway_ports_changed(struct gateway *gateway)
{
	if (port_watch_read(gateway->port_watch))
		gateway_check_ports(gateway);
}

void gateway_survey_ports(struct gateway *gateway)
{
	if (gateway->port_watch != NULL)
		port_watch_renew(gateway->port_watch);
	if (registry_settle_serials(gateway->registry, clock_now_ms())) {
		power_assign(gateway->power);
		queue_wake(gateway->queue);
	}
	gateway_check_ports(gateway);
}
