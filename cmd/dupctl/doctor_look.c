/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libudev.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/dupctl/doctor.h"
#include "cmd/dupctl/reply.h"

#define SERVICE_ACCOUNT "dupgate"

static const char *attribute(struct udev_device *device, const char *name)
{
	const char *value = udev_device_get_sysattr_value(device, name);

	return value ? value : "";
}

static uint16_t usb_id(struct udev_device *usb, const char *name)
{
	return (uint16_t)strtoul(attribute(usb, name), NULL, 16);
}

const struct board_fact *usb_device_fact(struct udev_device *usb)
{
	return board_fact_find(usb_id(usb, "idVendor"), usb_id(usb, "idProduct"));
}

void usb_device_name(struct udev_device *usb, char *ret, size_t size)
{
	const struct board_fact *fact = usb_device_fact(usb);

	if (fact)
		snprintf(ret, size, "%s %s", fact->name, udev_device_get_sysname(usb));
	else
		snprintf(ret, size, "%s:%s %s", attribute(usb, "idVendor"), attribute(usb, "idProduct"), udev_device_get_sysname(usb));
}

/* All devices of a subsystem in the order of their paths; `wanted` says which. */
static struct udev_device **devices_list(struct udev *udev, const char *subsystem, bool (*wanted)(struct udev_device *), size_t *ret_count)
{
	struct udev_enumerate *search = udev ? udev_enumerate_new(udev) : NULL;
	struct udev_device **devices = NULL, **grown;
	struct udev_list_entry *entry;

	*ret_count = 0;
	if (!search)
		return NULL;
	udev_enumerate_add_match_subsystem(search, subsystem);
	udev_enumerate_scan_devices(search);
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(search))
	{
		struct udev_device *device = udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));

		grown = device && wanted(device) ? realloc(devices, (*ret_count + 1) * sizeof(struct udev_device *)) : NULL;
		if (!grown) {
			udev_device_unref(device);
			continue;
		}
		devices = grown;
		devices[(*ret_count)++] = device;
	}
	udev_enumerate_unref(search);
	return devices;
}

static bool is_usb_device(struct udev_device *device)
{
	const char *type = udev_device_get_devtype(device);

	return type && strcmp(type, "usb_device") == 0;
}

struct udev_device **usb_devices_list(struct udev *udev, size_t *ret_count)
{
	return devices_list(udev, "usb", is_usb_device, ret_count);
}

void usb_devices_free(struct udev_device **devices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		udev_device_unref(devices[i]);
	free(devices);
}

static bool is_usb_tty(struct udev_device *device)
{
	return udev_device_get_devnode(device) && udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_device");
}

/* realpath, by a file descriptor that opens nothing. */
static bool path_resolve(const char *path, char ret[PATH_MAX])
{
	int place = open(path, O_PATH | O_CLOEXEC);
	char self[48];
	ssize_t length;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", place);
	length = place < 0 ? -1 : readlink(self, ret, PATH_MAX - 1);
	if (place >= 0)
		close(place);
	if (length <= 0)
		return false;
	ret[length] = '\0';
	return true;
}

static void links_resolve(struct doctor_port *port)
{
	if (!path_resolve(port->node, port->real))
		snprintf(port->real, sizeof(port->real), "%s", port->node);
}

/* The daemon's device at that port, NULL when there is none or it was not asked. */
static const json_t *device_at(const struct doctor *doctor, const struct doctor_port *port)
{
	char real[PATH_MAX];

	for (size_t i = 0; i < json_array_size(doctor->devices); i++) {
		const json_t *device = json_array_get(doctor->devices, i);
		const char *path = reply_text(device, "port");

		if (*path && (strcmp(path, port->node) == 0 || (path_resolve(path, real) && strcmp(real, port->real) == 0)))
			return device;
	}
	return NULL;
}

static bool configured(const struct configuration_facts *configuration, struct doctor_port *port)
{
	char real[PATH_MAX];

	for (size_t i = 0; i < configuration->device_count; i++) {
		const char *path = configuration->devices[i].port;

		if (strcmp(path, port->node) != 0 && (!path_resolve(path, real) || strcmp(real, port->real) != 0))
			continue;
		snprintf(port->device, sizeof(port->device), "%s", configuration->devices[i].id);
		return true;
	}
	return false;
}

/* A tag on the port, or else on its board. */
static const char *tag(const struct doctor_port *port, const char *property)
{
	const char *value = udev_device_get_property_value(port->tty, property);

	if (!value || !*value)
		value = udev_device_get_property_value(port->usb, property);
	return value ? value : "";
}

static enum port_kind port_kind(const struct doctor *doctor, struct doctor_port *port)
{
	const struct configuration_facts *configuration = &doctor->configuration;
	enum board_kind kind = port->board ? port->board->kind : BOARD_UNKNOWN;
	const json_t *device = device_at(doctor, port);

	if (device)
		snprintf(port->device, sizeof(port->device), "%s", reply_text(device, "id"));
	if (strcmp(tag(port, "ID_DUPGATE"), "0") == 0 || kind == BOARD_DFU)
		return PORT_HIDDEN;
	if (device)
		return json_is_true(json_object_get(device, "offered")) ? PORT_OFFERED : PORT_NAMED;
	if (kind == BOARD_KNOWN || port->tagged || configured(configuration, port) ||
	    configuration_names_board(configuration, usb_id(port->usb, "idVendor"), usb_id(port->usb, "idProduct")))
		return PORT_NAMED;
	return PORT_OFFERED;
}

static struct doctor_port *port_add(struct doctor *doctor, const char *node)
{
	struct doctor_port *grown = realloc(doctor->ports, (doctor->port_count + 1) * sizeof(*grown)), *port;

	if (!grown)
		return NULL;
	doctor->ports = grown;
	port = &grown[doctor->port_count++];
	*port = (struct doctor_port){.kind = PORT_OTHER};
	snprintf(port->node, sizeof(port->node), "%s", node);
	links_resolve(port);
	return port;
}

static void usb_ports_add(struct doctor *doctor)
{
	size_t count;
	struct udev_device **ttys = devices_list(doctor->udev, "tty", is_usb_tty, &count);

	for (size_t i = 0; i < count; i++) {
		struct doctor_port *port = port_add(doctor, udev_device_get_devnode(ttys[i]));

		if (!port) {
			udev_device_unref(ttys[i]);
			continue;
		}
		port->tty = ttys[i];
		port->usb = udev_device_get_parent_with_subsystem_devtype(port->tty, "usb", "usb_device");
		port->board = usb_device_fact(port->usb);
		port->tagged = strcmp(tag(port, "ID_DUPGATE"), "1") == 0 || *tag(port, "ID_DUPGATE_PROFILE");
		port->kind = port_kind(doctor, port);
	}
	free(ttys);
}

/* A device's port that is a file of this system and not among the ports yet. */
static void other_port_add(struct doctor *doctor, const char *path, const char *device)
{
	struct doctor_port *port;
	char real[PATH_MAX];

	if (*path != '/' || !path_resolve(path, real))
		return;
	for (size_t i = 0; i < doctor->port_count; i++)
		if (strcmp(doctor->ports[i].real, real) == 0)
			return;
	port = port_add(doctor, path);
	if (port)
		snprintf(port->device, sizeof(port->device), "%s", device);
}

static void daemon_ask(struct doctor *doctor)
{
	failure_owned unheard = session_failure(doctor->session);
	json_owned *answer = NULL;

	doctor->failure = session_failure(doctor->session);
	if (session_call(doctor->session, "GET", "/version", NULL, &doctor->version, &doctor->failure) != STATUS_DONE)
		return;
	if (session_call(doctor->session, "GET", "/devices", NULL, &answer, &unheard) == STATUS_DONE)
		doctor->devices = json_incref(json_object_get(answer, "devices"));
}

static void configuration_read(struct doctor *doctor)
{
	char *text = small_file_read(doctor->configuration_path);

	configuration_defaults(&doctor->configuration);
	doctor->configuration_error = text ? 0 : -errno;
	if (text)
		configuration_parse(text, &doctor->configuration);
	free(text);
}

void doctor_look(struct doctor *doctor)
{
	configuration_read(doctor);
	daemon_ask(doctor);
	process_list_read(&doctor->processes);
	doctor->udev = udev_new();
	usb_ports_add(doctor);
	for (size_t i = 0; i < doctor->configuration.device_count; i++)
		other_port_add(doctor, doctor->configuration.devices[i].port, doctor->configuration.devices[i].id);
	for (size_t i = 0; i < json_array_size(doctor->devices); i++) {
		const json_t *device = json_array_get(doctor->devices, i);

		other_port_add(doctor, reply_text(device, "port"), reply_text(device, "id"));
	}
}

void doctor_forget(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->port_count; i++)
		udev_device_unref(doctor->ports[i].tty);
	free(doctor->ports);
	udev_unref(doctor->udev);
	process_list_clear(&doctor->processes);
	json_decref(doctor->version);
	json_decref(doctor->devices);
	failure_clear(&doctor->failure);
}

bool service_credentials(const struct doctor *doctor, struct credentials *ret)
{
	const struct process *daemon = process_find(&doctor->processes, "dupgated");
	const struct passwd *account;
	gid_t groups[GROUPS_MAX_KNOWN];
	int count = GROUPS_MAX_KNOWN;

	if (daemon && process_credentials(daemon->pid, ret))
		return true;
	account = getpwnam(SERVICE_ACCOUNT);
	if (!account)
		return false;
	*ret = (struct credentials){.uid = account->pw_uid, .gid = account->pw_gid};
	if (getgrouplist(SERVICE_ACCOUNT, account->pw_gid, groups, &count) < 0)
		count = 0;
	for (int i = 0; i < count; i++)
		ret->groups[ret->group_count++] = groups[i];
	return true;
}
