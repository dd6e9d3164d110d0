/* SPDX-License-Identifier: Apache-2.0 */
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/doctor.h"

#define LATENCY_WANTED_MS "1"

bool port_on_usb(const struct doctor_port *port)
{
	return port->kind == PORT_NAMED || port->kind == PORT_OFFERED;
}

/* False: not an FTDI chip. */
static bool latency_find(struct doctor *doctor, const struct doctor_port *port, size_t *good)
{
	struct udev_device *adapter = udev_device_get_parent_with_subsystem_devtype(port->tty, "usb-serial", NULL);
	const char *driver = adapter ? udev_device_get_driver(adapter) : NULL, *latency;
	text_owned cure = {.utf8 = true};

	if (!driver && adapter)
		driver = udev_device_get_property_value(adapter, "DRIVER"); /* while it is bound */
	if (!driver || strcmp(driver, "ftdi_sio") != 0)
		return false;
	latency = udev_device_get_sysattr_value(adapter, "latency_timer");
	text_addf(&cure, "echo " LATENCY_WANTED_MS " > %s/latency_timer; to make it last tag the board for udev (see udev-applied)",
		  udev_device_get_syspath(adapter));
	if (!latency)
		doctor_find(doctor, VERDICT_UNKNOWN, port->node, NULL, "its latency timer cannot be read");
	else if (strcmp(latency, LATENCY_WANTED_MS) != 0)
		doctor_find(doctor, VERDICT_NOTE, port->node, cure.bytes,
			    "its latency timer is %s ms: each block of a transfer waits so long for its answer", latency);
	else
		++*good;
	return true;
}

void check_ftdi_latency(struct doctor *doctor)
{
	size_t count = 0, good = 0;

	for (size_t i = 0; i < doctor->port_count; i++)
		count += port_on_usb(&doctor->ports[i]) && latency_find(doctor, &doctor->ports[i], &good);
	if (count == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "no port with an FTDI chip");
	else if (good)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "%zu FTDI port%s with a latency timer of 1 ms", good, plural(good));
}

bool first_port_of_board(const struct doctor *doctor, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (doctor->ports[i].usb && port_on_usb(&doctor->ports[i]) &&
		    strcmp(udev_device_get_syspath(doctor->ports[i].usb), udev_device_get_syspath(doctor->ports[index].usb)) == 0)
			return false;
	return true;
}

void check_autosuspend(struct doctor *doctor)
{
	size_t count = 0, good = 0;

	for (size_t i = 0; i < doctor->port_count; i++) {
		const struct doctor_port *port = &doctor->ports[i];
		const char *control = port->kind == PORT_NAMED ? udev_device_get_sysattr_value(port->usb, "power/control") : NULL;
		char name[128];
		text_owned cure = {.utf8 = true};

		if (port->kind != PORT_NAMED || !first_port_of_board(doctor, i))
			continue;
		count++;
		usb_device_name(port->usb, name, sizeof(name));
		text_addf(&cure, "echo on > %s/power/control; 78-dupgate.rules does it for boards that udev knows (see udev-applied)",
			  udev_device_get_syspath(port->usb));
		if (!control)
			doctor_find(doctor, VERDICT_UNKNOWN, name, NULL, "whether it may be suspended cannot be read");
		else if (strcmp(control, "on") != 0)
			doctor_find(doctor, VERDICT_BAD, name, cure.bytes,
				    "may be suspended (power/control is %s): a board that sleeps loses bytes", control);
		else
			good++;
	}
	if (count == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "no board to look at");
	else if (good)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "%zu board%s with autosuspend off", good, plural(good));
}

static const char *serial_of(const struct doctor_port *port)
{
	const char *serial = udev_device_get_sysattr_value(port->usb, "serial");

	return serial ? serial : "";
}

/* The second and further boards with a serial number are told with the first. */
static bool same_serial_find(struct doctor *doctor, size_t index)
{
	const char *serial = serial_of(&doctor->ports[index]);
	text_owned places = {.utf8 = true};
	size_t count = 1;

	for (size_t i = 0; i < doctor->port_count; i++) {
		const struct doctor_port *other = &doctor->ports[i];

		if (i == index || !port_on_usb(other) || !first_port_of_board(doctor, i) || strcmp(serial_of(other), serial) != 0)
			continue;
		if (i < index)
			return true;
		count++;
		text_addf(&places, ", %s", udev_device_get_sysname(other->usb));
	}
	if (count > 1)
		doctor_find(doctor, VERDICT_NOTE, serial,
			    "nothing, but leave each in its place: such boards are told apart by where they are plugged in; do not use "
			    "/dev/dupgate/ and "
			    "/dev/serial/by-id/ for them",
			    "%zu boards carry this serial number: %s%s", count, udev_device_get_sysname(doctor->ports[index].usb),
			    text_bytes(&places));
	return count > 1;
}

void check_usb_serials(struct doctor *doctor)
{
	size_t good = 0, boards = 0;
	char name[128];

	for (size_t i = 0; i < doctor->port_count; i++) {
		const struct doctor_port *port = &doctor->ports[i];

		if (!port_on_usb(port) || !first_port_of_board(doctor, i))
			continue;
		boards++;
		usb_device_name(port->usb, name, sizeof(name));
		if (!*serial_of(port))
			doctor_find(doctor, VERDICT_NOTE, name, "nothing, but leave it in its place: it is known by where it is plugged in",
				    "has no serial number");
		else
			good += !same_serial_find(doctor, i);
	}
	if (boards == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "no board to look at");
	else if (good)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "%zu board%s with a serial number of %s own", good, plural(good),
			    good == 1 ? "its" : "their");
}

void check_dfu_mode(struct doctor *doctor)
{
	size_t count, found = 0;
	struct udev_device **devices = usb_devices_list(doctor->udev, &count);

	for (size_t i = 0; i < count; i++) {
		const struct board_fact *fact = usb_device_fact(devices[i]);

		if (!fact || fact->kind != BOARD_DFU)
			continue;
		found++;
		doctor_find(doctor, VERDICT_BAD, udev_device_get_sysname(devices[i]),
			    "release its button, wait 10 seconds; if it does not come back unplug it and plug it in again without touching "
			    "the button",
			    "%s in DFU mode: it has no port now", fact->name);
	}
	if (found == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "no board in DFU mode");
	usb_devices_free(devices, count);
}
