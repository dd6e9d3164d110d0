/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd/dupctl/doctor.h"

/* The first with a file `disable` in the ports of hubs. */
#define POWER_MAJOR 6u
#define POWER_MINOR 0u
#define RECORD_SIZE 8192u

static bool kernel_switches_power(struct utsname *ret)
{
	return uname(ret) == 0 && kernel_at_least(ret->release, POWER_MAJOR, POWER_MINOR);
}

void check_kernel(struct doctor *doctor)
{
	struct utsname kernel;

	if (kernel_switches_power(&kernel))
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "Linux %s can switch the power of USB ports", kernel.release);
	else
		doctor_find(doctor, VERDICT_NOTE, NULL, "boot a kernel of 6.0 or newer, or switch power with power = command:…",
			    "Linux %s cannot switch the power of USB ports", kernel.release);
}

static bool power_find(struct doctor *doctor, const struct doctor_port *port, const struct credentials *service)
{
	char path[256], name[128];
	text_owned cure = {.utf8 = true};
	struct stat file;

	usb_device_name(port->usb, name, sizeof(name));
	if (!port_disable_path(udev_device_get_sysname(port->usb), path, sizeof(path)) || stat(path, &file) < 0) {
		doctor_find(doctor, VERDICT_NOTE, name,
			    "power = usb-authorized:… restarts the board without cutting its power; power = command:… uses "
			    "a switch of your own",
			    "its hub has no file to switch the port's power");
		return false;
	}
	if (!service || credentials_may_use(service, &file))
		return true;
	text_addf(
	    &cure,
	    "chgrp dupgate %s && chmod g+w %s at each boot (tmpfiles.d, or a udev rule), and ProtectKernelTunables=no in a drop-in of "
	    "dupgated.service: with it /sys is read-only",
	    path, path);
	doctor_find(doctor, VERDICT_NOTE, name, cure.bytes, "the service may not write %s", path);
	return false;
}

void check_port_power(struct doctor *doctor)
{
	struct credentials service;
	bool account = service_credentials(doctor, &service);
	size_t good = 0, boards = 0;
	struct utsname kernel;

	for (size_t i = 0; kernel_switches_power(&kernel) && i < doctor->port_count; i++) {
		const struct doctor_port *port = &doctor->ports[i];

		if (port->kind != PORT_NAMED || !first_port_of_board(doctor, i))
			continue;
		boards++;
		good += power_find(doctor, port, account ? &service : NULL);
	}
	if (good)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL,
			    "%zu port%s of hubs with a switch that may be written; whether a hub really cuts the power shows at the first "
			    "power-cycle",
			    good, plural(good));
	else if (boards == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "no board whose power could be switched");
}

/* The root hub above a USB device, itself for a root hub. Borrowed from the device. */
static struct udev_device *root_hub(struct udev_device *usb)
{
	for (struct udev_device *parent; (parent = udev_device_get_parent_with_subsystem_devtype(usb, "usb", "usb_device")) != NULL;)
		usb = parent;
	return usb;
}

static bool is_xhci(struct udev_device *controller)
{
	const char *driver = controller ? udev_device_get_driver(controller) : NULL;

	return driver && strstr(driver, "xhci");
}

static unsigned slots_of(struct udev_device *controller)
{
	char path[256];
	char *registers;
	unsigned slots;

	snprintf(path, sizeof(path), "/sys/kernel/debug/usb/xhci/%s/reg-cap", udev_device_get_sysname(controller));
	registers = small_file_read(path);
	slots = registers ? xhci_slots_parse(registers) : 0;
	free(registers);
	return slots;
}

static bool same_device(struct udev_device *a, struct udev_device *b)
{
	return a && b && strcmp(udev_device_get_syspath(a), udev_device_get_syspath(b)) == 0;
}

static void slots_find(struct doctor *doctor, struct udev_device *controller, unsigned used)
{
	unsigned limit = slots_of(controller);
	enum verdict verdict = slots_verdict(used, limit);
	const char *name = udev_device_get_sysname(controller);
	char most[64];

	snprintf(most, sizeof(most), limit ? "%u" : "%u, as many as small controllers have", limit ? limit : XHCI_SLOTS_SMALL);
	if (verdict == VERDICT_GOOD && limit == 0 && used > XHCI_SLOTS_SMALL)
		doctor_find(doctor, verdict, name, NULL,
			    "%u device slots of the xHCI controller are used; it does not tell how many it has", used);
	else
		doctor_find(
		    doctor, verdict, name,
		    verdict == VERDICT_GOOD
			? NULL
			: "plug further boards into ports of another controller (a PCIe card, another gateway); hubs take slots too",
		    "%u device slots of the xHCI controller are used, of %s%s", used, most,
		    verdict == VERDICT_BAD ? ": a further board will not show" : "");
}

void check_usb_slots(struct doctor *doctor)
{
	size_t count, controllers = 0;
	struct udev_device **devices = usb_devices_list(doctor->udev, &count);

	for (size_t i = 0; i < count; i++) {
		struct udev_device *controller = udev_device_get_parent(root_hub(devices[i]));
		unsigned used = 0;
		bool first = is_xhci(controller);

		for (size_t k = 0; k < count; k++) {
			struct udev_device *hub = root_hub(devices[k]);
			bool same = same_device(udev_device_get_parent(hub), controller);

			first = first && (k >= i || !same);
			used += same && hub != devices[k]; /* a root hub takes no slot */
		}
		if (first)
			slots_find(doctor, controller, used);
		controllers += first;
	}
	if (controllers == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "no xHCI controller");
	usb_devices_free(devices, count);
}

static bool device_exists(const char *path)
{
	char place[128];

	snprintf(place, sizeof(place), "/sys/bus/usb/devices/%s", path);
	return access(place, F_OK) == 0;
}

struct complaint_list {
	struct usb_complaint complaints[64]; /* the last of each place */
	size_t count;
};

static void complaint_add(struct complaint_list *list, const struct usb_complaint *complaint)
{
	size_t i = 0;

	while (i < list->count && (strcmp(list->complaints[i].path, complaint->path) != 0 || list->complaints[i].kind != complaint->kind))
		i++;
	if (i == sizeof(list->complaints) / sizeof(list->complaints[0]))
		return;
	list->complaints[i] = *complaint;
	list->count += i == list->count;
}

static void records_parse(char *bytes, struct complaint_list *list)
{
	struct usb_complaint complaint;

	for (char *rest = bytes, *line; (line = strsep(&rest, "\n")) != NULL;)
		if (usb_complaint_parse(line, &complaint))
			complaint_add(list, &complaint);
}

/* 0, or -errno. One read gives one record; one that was overwritten meanwhile gives EPIPE. */
static int kernel_log_read(struct complaint_list *list)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[RECORD_SIZE];
	ssize_t got;

	if (log < 0)
		return -errno;
	while ((got = read(log, record, sizeof(record) - 1)) > 0 || (got < 0 && errno == EPIPE)) {
		record[got > 0 ? got : 0] = '\0';
		records_parse(record, list);
	}
	close(log);
	return 0;
}

static bool complaint_find(struct doctor *doctor, const struct usb_complaint *complaint)
{
	if (complaint->kind == USB_COMPLAINT_SLOTS)
		doctor_find(doctor, VERDICT_BAD, complaint->path, "plug boards into ports of another controller (see usb-slots)",
			    "the controller had no slot for a device (%lld s after boot: %s)", (long long)(complaint->at_us / 1000000),
			    complaint->text);
	else if (!device_exists(complaint->path))
		doctor_find(
		    doctor, VERDICT_NOTE, complaint->path, "try another cable, then another port or a powered hub, and plug it in again",
		    "a device did not come up there (%lld s after boot: %s)", (long long)(complaint->at_us / 1000000), complaint->text);
	else
		return false; /* it did, later */
	return true;
}

void check_usb_enumeration(struct doctor *doctor)
{
	struct complaint_list *list = calloc(1, sizeof(*list));
	int r = list ? kernel_log_read(list) : -ENOMEM;
	size_t found = 0;

	for (size_t i = 0; list && i < list->count; i++)
		found += complaint_find(doctor, &list->complaints[i]);
	if (r < 0)
		doctor_find(doctor, VERDICT_UNKNOWN, NULL, doctor->root ? NULL : "sudo dupctl doctor",
			    "the kernel's log cannot be read: %s", strerror(-r));
	else if (found == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "the kernel tells of no USB device that did not come up");
	free(list);
}

/* The ports of one hub's interface: entries like "1-1-port4" or "usb1-port4". */
static size_t hub_overcurrents_find(struct doctor *doctor, const char *interface)
{
	DIR *folder = opendir(interface);
	size_t found = 0;

	for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
		char path[800];
		char *text;
		long count;

		if (!strstr(entry->d_name, "-port"))
			continue;
		snprintf(path, sizeof(path), "%s/%s/over_current_count", interface, entry->d_name);
		text = small_file_read(path);
		count = text ? strtol(text, NULL, 10) : 0;
		free(text);
		if (count == 0)
			continue;
		found++;
		doctor_find(doctor, VERDICT_NOTE, entry->d_name,
			    "use a hub with a stronger supply, or fewer boards on it; look for a short in cable and board",
			    "the port was switched off for too much current %ld time%s", count, plural((size_t)count));
	}
	if (folder)
		closedir(folder);
	return found;
}

void check_usb_overcurrent(struct doctor *doctor)
{
	static const char bus[] = "/sys/bus/usb/devices";
	DIR *folder = opendir(bus);
	size_t found = 0;

	for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
		size_t length = strlen(entry->d_name);
		char interface[400];

		/* A hub has one interface, :1.0. */
		if (length < 5 || strcmp(entry->d_name + length - 4, ":1.0") != 0)
			continue;
		snprintf(interface, sizeof(interface), "%s/%s", bus, entry->d_name);
		found += hub_overcurrents_find(doctor, interface);
	}
	if (found == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "no hub tells of too much current");
	if (folder)
		closedir(folder);
}
