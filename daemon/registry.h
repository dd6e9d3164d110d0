/* SPDX-License-Identifier: Apache-2.0
 *
 * The devices: what the configuration says of them, what their modems told, what people set. Thread-safe. Two private mutexes: `change` orders
 * the changes (each is on disk, then seen, then published, before the next), `lock` guards the memory and is never held over the disk.
 */
#ifndef DAEMON_REGISTRY_H
#define DAEMON_REGISTRY_H

#include "daemon/gateway.h"
#include "daemon/store.h"
#include "transport/modem/modem.h"

struct registry;

/* All are borrowed; history NULL: nothing is noted. Two devices on one port are refused with both names. */
int registry_new(const struct config *config, struct store *store, struct event_bus *events, struct device_history *history,
		 struct job_fault *ret_fault, struct registry **ret);
void registry_free(struct registry *registry);

/* not-found. */
int registry_get(struct registry *registry, const char *id, struct device *ret, struct job_fault *ret_fault);
/* All: those of the configuration in its order, then the others by id. Caller frees. */
int registry_list(struct registry *registry, struct device **ret, size_t *ret_count);
size_t registry_count(struct registry *registry);
/* As of now; what it points to never changes. NULL when there is no such device. */
const struct profile *registry_profile(struct registry *registry, const char *id);
/* The port is there: by the kernel's word for USB, else a path that exists, or no path at all. */
bool registry_present(struct registry *registry, const char *id);

int registry_patch(struct registry *registry, const char *id, const struct device_patch *patch, struct device *ret,
		   struct job_fault *ret_fault);

/* Nothing is sent to what is only offered: fills the fault, returns -EPROTO. */
int registry_refuse_offered(const char *id, struct job_fault *ret_fault);

/* The modem answered: what it told is kept, what it did not tell stays as it was known. identity: also when the IMEI is another than
 * before (a probe: the person who asked for it accepts what is there). now_ms: Unix time. */
int registry_learn(struct registry *registry, const char *id, const struct modem_info *info, bool identity, int64_t now_ms,
		   struct job_fault *ret_fault);

/* What was known of its boot mode turned out to be wrong. */
int registry_forget_boot_mode(struct registry *registry, const char *id, struct job_fault *ret_fault);

/* Which unfinished job the device has ("" for none) and whether it runs. */
void registry_set_job(struct registry *registry, const char *id, const char *job, bool running);

/* A serial port of USB as the kernel shows it now. Texts are those of the kernel, unchecked. */
struct usb_port {
	char node[256];      /* "/dev/ttyACM0" */
	char syspath[512];   /* of the tty: what the port is called until it goes */
	char controller[64]; /* sysfs name of the host controller: "0000:00:14.0" */
	char path[64];       /* "1-1.4" */
	char serial[256];    /* bytes of the board; "": none */
	char product[128];
	uint16_t vid, pid;
	uint8_t interface;     /* bInterfaceNumber */
	char board[32];        /* as the table, the configuration or udev say; "" when none does */
	char profile[32];      /* to go with it */
	uint8_t own_interface; /* the one whose device is called by the board alone */
	bool named;            /* somebody who knows says that this is a board; else it is only offered */
};

/* Ports came, or are there with other properties; each makes a device where there is none, all in one transaction. When the store refuses, those
 * that are known are shown all the same, and the call is worth repeating. Main thread. */
int registry_ports_came(struct registry *registry, const struct usb_port *ports, size_t count, struct job_fault *ret_fault);
int registry_port_came(struct registry *registry, const struct usb_port *port, struct job_fault *ret_fault);
/* Main thread. */
void registry_port_left(struct registry *registry, const char *syspath);
/* These are all ports of USB that there are: those that are not named have left. Main thread. */
int registry_ports_are(struct registry *registry, const struct usb_port *ports, size_t count, struct job_fault *ret_fault);

/* Blocks, on any thread but the main one, until the device's port is (or is not) there: 0, -ETIMEDOUT at the deadline (monotonic ms), -ECANCELED as
 * soon as cancel_fd (-1: none) is readable, -ENODEV when there is no such device. */
int registry_await_port(struct registry *registry, const char *id, bool present, int cancel_fd, int64_t deadline_ms);

/* Who holds the device (holder "": nobody), how its power is switched, whether it is out of use: kept elsewhere, shown and published here. */
void registry_set_lease(struct registry *registry, const char *id, const struct device_lease *lease);
void registry_set_power(struct registry *registry, const char *id, const char *power);
void registry_set_quarantine(struct registry *registry, const char *id, const struct device_quarantine *quarantine);

/* Looks whether this port is there now; publishes when that is news. */
bool registry_check_port(struct registry *registry, const char *id);
/* Looks whether each port is there; publishes those that came or went. True when one came. */
bool registry_check_ports(struct registry *registry);

#endif
