/* SPDX-License-Identifier: Apache-2.0
 *
 * One port of USB as libudev shows it. For daemon/hotplug.c.
 */
#ifndef DAEMON_HOTPLUG_PORT_H
#define DAEMON_HOTPLUG_PORT_H

#include "daemon/config.h"
#include "daemon/registry.h"

struct udev_device;

/* False when the tty is not on USB, is gone already, or is not for us: a loader, or hidden by ID_DUPGATE=0. Texts are cut where they do not fit. */
bool hotplug_port_read(const struct config *config, struct udev_device *tty, struct usb_port *ret);

#endif
