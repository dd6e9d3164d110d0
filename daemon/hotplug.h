/* SPDX-License-Identifier: Apache-2.0
 *
 * The ports of USB as the kernel tells of them, through libudev, into the registry. Main thread only.
 */
#ifndef DAEMON_HOTPLUG_H
#define DAEMON_HOTPLUG_H

#include "daemon/config.h"
#include "daemon/registry.h"

struct hotplug;

/* Listens, then looks what is there: nothing that comes meanwhile is missed. Both are borrowed. 0, or negative errno when the kernel's events cannot be
 * had. */
int hotplug_new(const struct config *config, struct registry *registry, struct hotplug **ret);
void hotplug_free(struct hotplug *hotplug);

/* Readable when there is something to take. */
int hotplug_fd(const struct hotplug *hotplug);

/* Takes what came and what left. When events were lost, or the store refused something, all ports are looked at again. True when there was
 * anything. */
bool hotplug_take(struct hotplug *hotplug);

#endif
