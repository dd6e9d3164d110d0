/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/dupctl/doctor.h"
#include "cmd/dupctl/reply.h"

#define PORT_GROUP "dialout"
#define NO_PORT    "no port of a device to look at"

/* Units in the order in which systemd reads them. */
static const char *const units[] = {"/etc/systemd/system/dupgated.service", "/run/systemd/system/dupgated.service",
				    "/usr/lib/systemd/system/dupgated.service", "/lib/systemd/system/dupgated.service"};

static size_t count_kind(const struct doctor *doctor, enum port_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < doctor->port_count; i++)
		count += doctor->ports[i].kind == kind;
	return count;
}

/* Ports that dupgate works with. */
static size_t count_used(const struct doctor *doctor)
{
	return count_kind(doctor, PORT_NAMED) + count_kind(doctor, PORT_OTHER);
}

static bool is_used(const struct doctor_port *port)
{
	return port->kind == PORT_NAMED || port->kind == PORT_OTHER;
}

void check_ports(struct doctor *doctor)
{
	size_t named = count_kind(doctor, PORT_NAMED), offered = count_kind(doctor, PORT_OFFERED), hidden = count_kind(doctor, PORT_HIDDEN),
	       other = count_kind(doctor, PORT_OTHER);

	if (!doctor->udev)
		doctor_find(doctor, VERDICT_UNKNOWN, NULL, NULL, "udev cannot be asked");
	else if (doctor->port_count == 0)
		doctor_find(doctor, VERDICT_NOTE, NULL,
			    "plug a board in; if lsusb does not show it check cable, hub and power; if it does, and no tty comes, modprobe "
			    "cdc_acm and "
			    "usbserial",
			    "there is no serial port on USB, and no other that is configured");
	else
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL,
			    "%zu port%s of boards, %zu adapter%s without a name, %zu hidden, %zu not on USB", named, plural(named), offered,
			    plural(offered), hidden, other);
}

static void offered_find(struct doctor *doctor, const struct doctor_port *port)
{
	const char *serial = udev_device_get_sysattr_value(port->usb, "serial");
	const char *profile = port->board && port->board->profile ? port->board->profile : "PROFILE";
	text_owned cure = {.utf8 = true};
	char name[128];

	usb_device_name(port->usb, name, sizeof(name));
	text_add(&cure, "if a modem is behind it: ");
	if (*port->device)
		text_addf(&cure, "dupctl adopt %s --profile %s, or ", port->device, profile);
	text_add(&cure, "tag it in /etc/udev/rules.d/70-lab.rules: SUBSYSTEM==\"usb\", ENV{DEVTYPE}==\"usb_device\", ATTR{serial}==\"");
	text_add_clean(&cure, serial ? serial : "SERIAL");
	text_addf(&cure, "\", ENV{ID_DUPGATE_PROFILE}=\"%s\"; if none is, ENV{ID_DUPGATE}=\"0\" hides it", profile);
	doctor_find(doctor, VERDICT_NOTE, port->node, cure.bytes, "%s may carry anything: nothing is sent to it until somebody names it",
		    name);
}

void check_offered(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->port_count; i++)
		if (doctor->ports[i].kind == PORT_OFFERED)
			offered_find(doctor, &doctor->ports[i]);
	if (count_kind(doctor, PORT_OFFERED) == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "no adapter without a name");
}

static void holder_find(struct doctor *doctor, const struct doctor_port *port, const struct port_holder *holder, size_t *free_count)
{
	text_owned cure = {.utf8 = true};

	if (holder->process) {
		text_addf(&cure, "end it (kill %d, or systemctl stop its service), then retry", holder->process->pid);
		doctor_find(doctor, VERDICT_BAD, port->node, cure.bytes, "held by %s (pid %d)", holder->process->name,
			    holder->process->pid);
	} else if (holder->opaque_count == 0) {
		++*free_count;
	}
}

static void holders_tell(struct doctor *doctor, const struct port_holder *holders)
{
	size_t used = count_used(doctor), free_count = 0;

	for (size_t i = 0; i < doctor->port_count; i++)
		if (is_used(&doctor->ports[i]))
			holder_find(doctor, &doctor->ports[i], &holders[i], &free_count);
	if (used == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, NO_PORT);
	else if (free_count)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "%zu port%s that no program but dupgated holds", free_count,
			    plural(free_count));
	else if (doctor->port_count && holders[0].opaque_count)
		doctor_find(doctor, VERDICT_UNKNOWN, NULL, "sudo dupctl doctor",
			    "%zu processes of others do not show what they hold: run as root", holders[0].opaque_count);
}

void check_port_holder(struct doctor *doctor)
{
	size_t count = doctor->port_count ? doctor->port_count : 1;
	const char **paths = calloc(count, sizeof(*paths));
	struct port_holder *holders = calloc(count, sizeof(*holders));

	for (size_t i = 0; paths && i < doctor->port_count; i++)
		paths[i] = doctor->ports[i].real;
	if (paths && holders) {
		port_holders_find(&doctor->processes, paths, doctor->port_count, "dupgated", holders);
		holders_tell(doctor, holders);
	}
	free(paths);
	free(holders);
}

static bool access_find(struct doctor *doctor, const struct doctor_port *port, const struct credentials *service)
{
	const struct group *group;
	struct stat file;
	text_owned cure = {.utf8 = true};

	if (stat(port->real, &file) < 0) {
		doctor_find(doctor, VERDICT_UNKNOWN, port->node, doctor->root ? NULL : "sudo dupctl doctor", "cannot be looked at: %s",
			    strerror(errno));
		return false;
	}
	if (credentials_may_use(service, &file))
		return true;
	group = getgrgid(file.st_gid);
	if (port->kind == PORT_NAMED && port->tagged)
		text_addf(&cure,
			  "udevadm trigger --settle --action=add %s, which applies 78-dupgate.rules again; until then chgrp " PORT_GROUP
			  " %s && chmod 660 %s",
			  port->node, port->node, port->node);
	else
		text_addf(&cure,
			  "chgrp " PORT_GROUP " %s && chmod 660 %s; to make it last set GROUP=\"" PORT_GROUP
			  "\", MODE=\"0660\" for it in a udev rule",
			  port->real, port->real);
	doctor_find(doctor, VERDICT_BAD, port->node, cure.bytes, "the service may not open it: mode %04o, group %s", file.st_mode & 07777u,
		    group ? group->gr_name : "?");
	return false;
}

void check_port_access(struct doctor *doctor)
{
	struct credentials service;
	size_t good = 0;

	if (!service_credentials(doctor, &service)) {
		doctor_find(doctor, VERDICT_NOTE, NULL, "install the package, or systemd-sysusers dupgate.conf",
			    "there is no user dupgate, and no daemon runs");
		return;
	}
	for (size_t i = 0; i < doctor->port_count; i++)
		good += is_used(&doctor->ports[i]) && access_find(doctor, &doctor->ports[i], &service);
	if (count_used(doctor) == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, NO_PORT);
	else if (good)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "%zu port%s that the service may open", good, plural(good));
}

static bool unit_adds_port_group(void)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		char *text = small_file_read(units[i]);
		bool adds = text && unit_adds_group(text, PORT_GROUP);

		free(text);
		if (text)
			return adds;
	}
	return false;
}

void check_service_group(struct doctor *doctor)
{
	const struct process *daemon = process_find(&doctor->processes, "dupgated");
	const struct group *group = getgrnam(PORT_GROUP);
	struct credentials service;

	if (!group)
		doctor_find(doctor, VERDICT_NOTE, NULL, "groupadd --system " PORT_GROUP, "there is no group " PORT_GROUP);
	else if (!service_credentials(doctor, &service))
		doctor_find(doctor, VERDICT_NOTE, NULL, "install the package, or systemd-sysusers dupgate.conf",
			    "there is no user dupgate, and no daemon runs");
	else if (service.uid == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "the daemon runs as root");
	else if (credentials_in_group(&service, group->gr_gid))
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "%s in the group " PORT_GROUP,
			    daemon ? "the daemon is" : "the user dupgate is");
	else if (!daemon && unit_adds_port_group())
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "the unit gives the service the group " PORT_GROUP);
	else
		doctor_find(doctor, VERDICT_BAD, NULL, "usermod -aG " PORT_GROUP " dupgate && systemctl restart dupgated",
			    "%s not in the group " PORT_GROUP, daemon ? "the daemon is" : "the user dupgate is");
}

void check_caller_access(struct doctor *doctor)
{
	size_t used = count_used(doctor), closed = 0;
	const struct doctor_port *first = NULL;

	for (size_t i = 0; i < doctor->port_count; i++) {
		if (!is_used(&doctor->ports[i]) || access(doctor->ports[i].real, R_OK | W_OK) == 0)
			continue;
		first = first ? first : &doctor->ports[i];
		closed++;
	}
	if (first)
		doctor_find(doctor, VERDICT_NOTE, first->node,
			    "nothing, as long as dupgated alone works with them; else usermod -aG " PORT_GROUP " $USER, and log in again",
			    "you may not open %zu of %zu port%s yourself", closed, used, plural(used));
	else if (used == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, NO_PORT);
	else
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "you may open %zu port%s yourself", used, plural(used));
}
