/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hotplug_port.h"

#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/usb_board.h"

#define COPY(target, text) snprintf(target, sizeof(target), "%s", text != NULL ? text : "")

/* -1 when it is missing or no hexadecimal number up to `most`. */
static long hex_attribute(struct udev_device *device, const char *name, long most)
{
	const char *text = udev_device_get_sysattr_value(device, name);
	char *end = NULL;
	long value = text != NULL ? strtol(text, &end, 16) : -1;
	return end != NULL && end != text && *end == '\0' && value >= 0 && value <= most ? value : -1;
}

/* Of the port itself, or of the board that it is on. */
static const char *property(struct udev_device *tty, struct udev_device *board, const char *name)
{
	const char *value = udev_device_get_property_value(tty, name);
	return value != NULL ? value : udev_device_get_property_value(board, name);
}

/* What the root hub hangs on: "0000:00:14.0". Borrowed from the board; NULL when there is none. */
static const char *controller_of(struct udev_device *board)
{
	struct udev_device *hub = board;
	while (hub != NULL && strncmp(udev_device_get_sysname(hub), "usb", 3) != 0)
		hub = udev_device_get_parent_with_subsystem_devtype(hub, "usb", "usb_device");
	struct udev_device *controller = hub != NULL ? udev_device_get_parent(hub) : NULL;
	return controller != NULL ? udev_device_get_sysname(controller) : NULL;
}

/* The first interface of the board that is of the kind of this one: the kernel makes them in the order of their numbers. */
static uint8_t first_interface(struct udev_device *interface, uint8_t number)
{
	const char *name = udev_device_get_sysname(interface);
	const char *class = udev_device_get_sysattr_value(interface, "bInterfaceClass");
	const char *dot = strrchr(name, '.');
	for (unsigned i = 0; class != NULL && dot != NULL && i < number; i++) {
		char sibling_name[96];
		snprintf(sibling_name, sizeof(sibling_name), "%.*s.%u", (int)(dot - name), name, i);
		struct udev_device *sibling = udev_device_new_from_subsystem_sysname(udev_device_get_udev(interface), "usb", sibling_name);
		const char *other = sibling != NULL ? udev_device_get_sysattr_value(sibling, "bInterfaceClass") : NULL;
		bool same = other != NULL && strcmp(other, class) == 0;
		udev_device_unref(sibling);
		if (same)
			return (uint8_t)i;
	}
	return class != NULL ? number : 0;
}

/* What an administrator said of it to udev; before what we know of it. */
static bool apply_tags(const struct config *config, struct udev_device *tty, struct udev_device *board, struct usb_port *port)
{
	const char *ours = property(tty, board, "ID_DUPGATE");
	const char *profile = property(tty, board, "ID_DUPGATE_PROFILE");
	if (ours != NULL && strcmp(ours, "0") == 0)
		return false;
	port->named = port->named || (ours != NULL && strcmp(ours, "1") == 0);
	if (profile == NULL || profile[0] == '\0')
		return true;
	port->named = config_profile(config, profile) != NULL;
	if (port->named)
		COPY(port->profile, profile);
	else
		log_warning(NULL, "the port %s is only offered: ID_DUPGATE_PROFILE is %s, and there is no such profile", port->node,
			    profile);
	return true;
}

bool hotplug_port_read(const struct config *config, struct udev_device *tty, struct usb_port *ret)
{
	struct udev_device *interface = udev_device_get_parent_with_subsystem_devtype(tty, "usb", "usb_interface");
	struct udev_device *board = udev_device_get_parent_with_subsystem_devtype(tty, "usb", "usb_device");
	const char *node = udev_device_get_devnode(tty);
	if (interface == NULL || board == NULL || node == NULL)
		return false;
	long number = hex_attribute(interface, "bInterfaceNumber", UINT8_MAX);
	long vid = hex_attribute(board, "idVendor", UINT16_MAX), pid = hex_attribute(board, "idProduct", UINT16_MAX);
	if (number < 0 || vid < 0 || pid < 0)
		return false;
	*ret = (struct usb_port){.vid = (uint16_t)vid, .pid = (uint16_t)pid, .interface = (uint8_t)number};
	struct usb_board found;
	usb_board_find(config->boards, config->board_count, ret->vid, ret->pid, ret->interface, &found);
	COPY(ret->node, node);
	COPY(ret->syspath, udev_device_get_syspath(tty));
	COPY(ret->controller, controller_of(board));
	COPY(ret->path, udev_device_get_sysname(board));
	/* The bytes of the board itself; what udev makes of them (ID_SERIAL_SHORT) is no longer one to one. */
	COPY(ret->serial, udev_device_get_sysattr_value(board, "serial"));
	COPY(ret->product, udev_device_get_sysattr_value(board, "product"));
	COPY(ret->board, found.name);
	COPY(ret->profile, found.profile);
	ret->named = found.named;
	ret->own_interface = found.own_interface >= 0 ? (uint8_t)found.own_interface : first_interface(interface, ret->interface);
	return !found.hidden && apply_tags(config, tty, board, ret);
}
