/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cmd/dupctl/doctor.h"

#define RULES   "78-dupgate.rules"
#define TRIGGER "udevadm trigger --action=add --subsystem-match=usb --subsystem-match=usb-serial --subsystem-match=tty"

/* Of files with one name udev reads the first of these. Source: udev(7). */
static const char *const rule_folders[] = {"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d",
					   "/lib/udev/rules.d"};

void check_udev(struct doctor *doctor)
{
	if (access("/run/udev/control", F_OK) == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "udev runs");
	else
		doctor_find(doctor, VERDICT_BAD, NULL, "systemctl start systemd-udevd; in a container share /run/udev with the host",
			    "udev does not run: boards that come and go are not seen, and no rule is applied");
}

static const char *rules_path(char *ret, size_t size)
{
	for (size_t i = 0; i < sizeof(rule_folders) / sizeof(rule_folders[0]); i++) {
		snprintf(ret, size, "%s/" RULES, rule_folders[i]);
		if (access(ret, F_OK) == 0)
			return ret;
	}
	return NULL;
}

void check_udev_rule(struct doctor *doctor)
{
	char path[64];
	text_owned cure = {.utf8 = true};
	char *text = rules_path(path, sizeof(path)) ? small_file_read(path) : NULL;

	text_addf(&cure, "remove %s, then udevadm control --reload && " TRIGGER, path);
	if (!rules_path(path, sizeof(path)))
		doctor_find(doctor, VERDICT_BAD, NULL, "install the package: " RULES " belongs into /usr/lib/udev/rules.d",
			    RULES " is not installed: nothing keeps ModemManager off the boards");
	else if (!text)
		doctor_find(doctor, VERDICT_UNKNOWN, path, NULL, "cannot be read: %s", strerror(errno));
	else if (!rules_set(text, "ID_MM_DEVICE_IGNORE"))
		doctor_find(doctor, VERDICT_BAD, path, cure.bytes, "hides the rules of dupgate and sets nothing itself");
	else
		doctor_find(doctor, VERDICT_GOOD, path, NULL, "is installed");
	free(text);
}

static bool property_is(struct udev_device *device, const char *property, const char *wanted)
{
	const char *value = udev_device_get_property_value(device, property);

	return value && strcmp(value, wanted) == 0;
}

static bool mm_ignores(const struct doctor_port *port)
{
	return property_is(port->tty, "ID_MM_DEVICE_IGNORE", "1") || property_is(port->usb, "ID_MM_DEVICE_IGNORE", "1");
}

/* Was the file changed after udev last wrote down what it knows of the port? */
static bool rules_are_newer(const char *rules, const struct doctor_port *port)
{
	dev_t number = udev_device_get_devnum(port->tty);
	struct stat rules_file, known_file;
	char known[64];

	snprintf(known, sizeof(known), "/run/udev/data/c%u:%u", major(number), minor(number));
	if (stat(rules, &rules_file) < 0 || stat(known, &known_file) < 0)
		return false;
	/* What a package installs has the time of its build: the inode's own time says when it came. */
	return rules_file.st_ctim.tv_sec > known_file.st_mtim.tv_sec;
}

static bool applied_find(struct doctor *doctor, const struct doctor_port *port, const char *rules)
{
	const char *serial = udev_device_get_sysattr_value(port->usb, "serial");
	bool by_rule = port->tagged || (port->board && port->board->kind == BOARD_KNOWN);
	text_owned cure = {.utf8 = true};
	const char *reload = "udevadm control --reload && " TRIGGER;

	if (!by_rule) {
		text_add(&cure,
			 "tag it in /etc/udev/rules.d/70-lab.rules: SUBSYSTEM==\"usb\", ENV{DEVTYPE}==\"usb_device\", ATTR{serial}==\"");
		text_add_clean(&cure, serial ? serial : "SERIAL");
		text_addf(&cure, "\", ENV{ID_DUPGATE}=\"1\"; then %s", reload);
		doctor_find(doctor, VERDICT_NOTE, port->node, cure.bytes,
			    "is a device by configuration alone: for udev it is any adapter, and none of " RULES " is applied to it");
	} else if (!port->tagged || !mm_ignores(port))
		doctor_find(doctor, VERDICT_BAD, port->node, reload, "udev has not applied " RULES " to it: %s is not set",
			    port->tagged ? "ID_MM_DEVICE_IGNORE" : "ID_DUPGATE");
	else if (rules && rules_are_newer(rules, port))
		doctor_find(doctor, VERDICT_NOTE, port->node, reload, RULES " is newer than what udev knows of it");
	else
		return true;
	return false;
}

void check_udev_applied(struct doctor *doctor)
{
	char path[64];
	const char *rules = rules_path(path, sizeof(path));
	size_t good = 0, named = 0;

	for (size_t i = 0; i < doctor->port_count; i++) {
		if (doctor->ports[i].kind != PORT_NAMED)
			continue;
		named++;
		good += applied_find(doctor, &doctor->ports[i], rules);
	}
	if (named == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "no board to look at");
	else if (good)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, RULES " took effect on %zu port%s of boards", good, plural(good));
}

void check_modem_manager(struct doctor *doctor)
{
	const struct process *process = process_find(&doctor->processes, "ModemManager");
	size_t found = 0;

	for (size_t i = 0; process && i < doctor->port_count; i++) {
		const struct doctor_port *port = &doctor->ports[i];

		if (!port_on_usb(port) || mm_ignores(port))
			continue;
		found++;
		doctor_find(doctor, port->kind == PORT_NAMED ? VERDICT_BAD : VERDICT_NOTE, port->node,
			    port->kind == PORT_NAMED
				? "see udev-applied; or systemctl disable --now ModemManager when this gateway needs it for nothing else"
				: "if a modem of dupgate is behind it, name it (see offered-adapter)",
			    "ModemManager (pid %d) may probe it", process->pid);
	}
	if (found == 0 && process)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "ModemManager (pid %d) runs and leaves every port alone", process->pid);
	else if (found == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "ModemManager does not run");
}

/* A program that udev starts on the ports of what it takes for its own. */
struct claimant {
	const char *process, *word, *property, *cure;
};

static bool claims(struct udev_device *device, const struct claimant *claimant)
{
	const char *wants = udev_device_get_property_value(device, "SYSTEMD_WANTS");

	return (wants && strstr(wants, claimant->word)) ||
	       (claimant->property && udev_device_get_property_value(device, claimant->property));
}

static void claimant_check(struct doctor *doctor, const struct claimant *claimant)
{
	const struct process *process = process_find(&doctor->processes, claimant->process);
	size_t found = 0;

	for (size_t i = 0; i < doctor->port_count; i++) {
		const struct doctor_port *port = &doctor->ports[i];

		if (!port_on_usb(port) || (!claims(port->tty, claimant) && !claims(port->usb, claimant)))
			continue;
		found++;
		doctor_find(doctor, port->kind == PORT_NAMED ? VERDICT_BAD : VERDICT_NOTE, port->node, claimant->cure,
			    "a udev rule gives it to %s", claimant->process);
	}
	if (found == 0 && process)
		doctor_find(doctor, VERDICT_NOTE, NULL, claimant->cure, "%s runs (pid %d); no udev rule gives it a port of a board",
			    claimant->process, process->pid);
	else if (found == 0)
		doctor_find(doctor, VERDICT_GOOD, NULL, NULL, "%s does not run, and no udev rule gives it a port", claimant->process);
}

void check_gpsd(struct doctor *doctor)
{
	claimant_check(doctor,
		       &(const struct claimant){"gpsd", "gpsd", NULL,
						"set USBAUTO=\"false\" in /etc/default/gpsd, or systemctl disable --now gpsd.socket gpsd"});
}

void check_brltty(struct doctor *doctor)
{
	claimant_check(doctor, &(const struct claimant){"brltty", "brltty", "BRLTTY_BRAILLE_DRIVER",
							"apt-get remove brltty, or systemctl mask brltty-udev.service brltty"});
}
