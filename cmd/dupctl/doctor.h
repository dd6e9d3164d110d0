/* SPDX-License-Identifier: Apache-2.0
 *
 * dupctl doctor: one look at everything that an upgrade stands on, with a verdict and a cure for each. Nothing is changed, no port is opened.
 */
#ifndef DUPCTL_DOCTOR_H
#define DUPCTL_DOCTOR_H

#include <limits.h>

#include "cmd/dupctl/doctor_process.h"
#include "cmd/dupctl/session.h"

/* For what is told by a configuration that is not at its usual place. */
#define DOCTOR_CURE_OTHER_CONFIGURATION "name the one that it reads: dupctl doctor --config FILE"

struct udev;
struct udev_device;

/* What dupgate takes a port for. */
enum port_kind {
	PORT_NAMED,   /* a device: a known board, or one that somebody named */
	PORT_OFFERED, /* an adapter on USB that nobody named */
	PORT_HIDDEN,  /* ID_DUPGATE=0, or a loader that waits for its own update */
	PORT_OTHER,   /* a device that is not on USB */
};

struct doctor_port {
	enum port_kind kind;
	char node[256];                 /* "/dev/ttyACM0" */
	char real[PATH_MAX];            /* its symlinks resolved */
	char device[64];                /* id of the daemon's device; "": not known */
	struct udev_device *tty;        /* owned; NULL: PORT_OTHER */
	struct udev_device *usb;        /* the board. Borrowed from tty; NULL: PORT_OTHER */
	const struct board_fact *board; /* NULL: not in the table */
	bool tagged;                    /* a tag of udev names it */
};

struct finding {
	const char *check;
	enum verdict verdict;
	char *subject, *message, *cure; /* UTF-8 without control characters; subject and cure may be NULL */
};

struct doctor {
	struct session *session;
	const char *configuration_path;
	bool configuration_named; /* by --config */
	bool root;
	struct udev *udev;
	struct doctor_port *ports;
	size_t port_count;
	struct process_list processes;
	struct configuration_facts configuration;
	int configuration_error; /* 0, or -errno of reading it */
	json_t *version;         /* of the daemon; NULL: it did not answer */
	json_t *devices;         /* its array; NULL: it did not answer */
	struct failure failure;  /* why it did not */
	const char *check;       /* the id of the one that runs */
	struct finding *findings;
	size_t finding_count;
};

/* Adds a finding of the check that runs; text from elsewhere is made clean. subject, cure: NULL for none. */
void doctor_find(struct doctor *doctor, enum verdict verdict, const char *subject, const char *cure, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* What all checks look at: configuration, processes, the daemon's answers, ports. */
void doctor_look(struct doctor *doctor);
void doctor_forget(struct doctor *doctor);

/* The USB devices of the system, first to last as the kernel names them. *ret_count of them; the caller unrefs each and frees the array. */
struct udev_device **usb_devices_list(struct udev *udev, size_t *ret_count);
void usb_devices_free(struct udev_device **devices, size_t count);

/* "Pysense 1-1.4", "0403:6001 1-1.4". */
void usb_device_name(struct udev_device *usb, char *ret, size_t size);
const struct board_fact *usb_device_fact(struct udev_device *usb);

/* The account of the service: of the daemon when it runs, else of the user dupgate. False when there is none. */
bool service_credentials(const struct doctor *doctor, struct credentials *ret);

/* Of a board or an adapter that is not hidden. */
bool port_on_usb(const struct doctor_port *port);

/* A board with several ports is looked at once: with the first of them. */
bool first_port_of_board(const struct doctor *doctor, size_t index);

/* "s", or "" for 1. */
const char *plural(size_t count);

/* The checks, doctor_*.c. Each finds at least one thing. */
void check_daemon(struct doctor *doctor);
void check_daemon_ready(struct doctor *doctor);
void check_device_state(struct doctor *doctor);
void check_configuration(struct doctor *doctor);
void check_ports(struct doctor *doctor);
void check_port_holder(struct doctor *doctor);
void check_port_access(struct doctor *doctor);
void check_service_group(struct doctor *doctor);
void check_caller_access(struct doctor *doctor);
void check_udev(struct doctor *doctor);
void check_udev_rule(struct doctor *doctor);
void check_udev_applied(struct doctor *doctor);
void check_modem_manager(struct doctor *doctor);
void check_gpsd(struct doctor *doctor);
void check_brltty(struct doctor *doctor);
void check_ftdi_latency(struct doctor *doctor);
void check_autosuspend(struct doctor *doctor);
void check_usb_serials(struct doctor *doctor);
void check_dfu_mode(struct doctor *doctor);
void check_offered(struct doctor *doctor);
void check_kernel(struct doctor *doctor);
void check_port_power(struct doctor *doctor);
void check_usb_slots(struct doctor *doctor);
void check_usb_enumeration(struct doctor *doctor);
void check_usb_overcurrent(struct doctor *doctor);
void check_state_folder(struct doctor *doctor);
void check_cache_folder(struct doctor *doctor);
void check_clock(struct doctor *doctor);

/* The findings as text for people, and as JSON. Pure. */
void view_findings(struct text *ret, const struct finding *findings, size_t count, const struct terminal *terminal);
json_t *findings_json(const struct finding *findings, size_t count);

#endif
