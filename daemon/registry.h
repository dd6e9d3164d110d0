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

/* All are borrowed; history NULL: nothing is noted. */
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
/* What the queue looks at of each device in every turn. All false and 0: there is no such device. */
struct registry_standing {
	bool present, maintenance;
	uint32_t traits; /* another number after a change of what registry_traits() tells; never 0 of a device */
};
struct registry_standing registry_standing(struct registry *registry, const char *id);
/* What limits look at. False when there is no such device. */
bool registry_traits(struct registry *registry, const char *id, struct device *ret, char ret_controller[64]);
/* Who opened this port (it was the device's then) has the device's, and not that of another board which was given the same node meanwhile. The kernel is
 * asked, too, for what it has not told yet. A port that a person named is whoever is there. */
bool registry_is_behind(struct registry *registry, const char *id, const char *port);
/* The board says by a serial number of its own which one it is: what a modem told behind it, that modem told. One that is known by its path, by a port
 * that a person named or by an address may be another one tomorrow. */
bool registry_knows_by_serial(struct registry *registry, const char *id);

int registry_patch(struct registry *registry, const char *id, const struct device_patch *patch, struct device *ret,
		   struct job_fault *ret_fault);

/* Nothing is sent to what is only offered: fills the fault, returns -EPROTO. */
int registry_refuse_offered(const char *id, struct job_fault *ret_fault);

/* How what a modem told is to be taken. */
struct registry_lesson {
	bool identity;   /* another IMEI than was known is accepted: a probe, as the person who asked for it wants to know what is there */
	bool ours;       /* a job of ours may have put the release there */
	const char *job; /* for the history; "": none */
	int64_t now_ms;  /* Unix time */
};
/* The modem answered: what it told is kept, what it did not tell stays as it was known, unless it is another modem. Without `identity` nothing is
 * taken from another modem but how it was found: the upgrade that met it ends in identity-changed. A modem that is known behind another device
 * is noted on both. The other device keeps its IMEI until it is probed, so that an upgrade there does not take whatever stands in its place. *ret_news is
 * set when something else was told than was known. */
int registry_learn(struct registry *registry, const char *id, const struct modem_info *info, const struct registry_lesson *lesson,
		   bool *ret_news, struct job_fault *ret_fault);

/* A board's guess from silence: its modem is in FFH, out of a plain mirror's reach. It shapes the next way in and is no fact. in_vain: that way was gone
 * and led nowhere; the next one is another, and a boot mode that had led there is not known any more. */
int registry_guess_ffh(struct registry *registry, const char *id, bool in_vain, struct job_fault *ret_fault);

/* How an upgrade ended: well (it ends a quarantine), or by a failure of the device class, of which so many in a row begin one. What the disk refuses
 * is seen all the same. */
struct registry_verdict {
	const char *code;          /* NULL: well */
	unsigned quarantine_after; /* 0: never */
	const char *job;
	int64_t now_ms;
};
void registry_judge(struct registry *registry, const char *id, const struct registry_verdict *verdict);

/* Which unfinished job the device has ("" for none) and whether it runs. */
void registry_set_job(struct registry *registry, const char *id, const char *job, bool running);

/* A serial port of USB as the kernel shows it now. Texts are those of the kernel, unchecked. */
struct usb_port {
	char node[256];      /* "/dev/ttyACM0" */
	char syspath[512];   /* of the tty: what the port is called until it goes */
	char controller[64]; /* sysfs name of the host controller: "0000:00:14.0" */
	char path[64];       /* "1-1.4" */
	char serial[384];    /* bytes of the board; "": none. The kernel gives 126 characters of three bytes at most */
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

/* Two places with one serial number are two boards, or one that the kernel still has at its old place when it is at the new one already. They are two
 * when they told two IMEIs, when somebody named the second one or its modem answered, or when both have been there for SERIAL_OVERLAP_MS at now_ms
 * (CLOCK_MONOTONIC): that is stored. When one of the places is left before that, or both ever told the same IMEI, it was one board: the device of that
 * serial number is there now, with its jobs and its history; what had been taken for a second one goes, unless it has a past. While it has a job or a
 * lease it is waited for. True: a device moved. To be called every now and then; ports that come and leave do it by themselves. Main thread. */
#define SERIAL_OVERLAP_MS 60000
bool registry_settle_serials(struct registry *registry, int64_t now_ms);

/* Blocks, on any thread but the main one, until the device's port is (or is not) there: 0, -ETIMEDOUT at the deadline (monotonic ms), -ECANCELED as
 * soon as cancel_fd (-1: none) is readable, -ENODEV when there is no such device. */
int registry_await_port(struct registry *registry, const char *id, bool present, int cancel_fd, int64_t deadline_ms);

/* Who holds the device (holder "": nobody), how its power is switched: kept elsewhere, shown and published here. */
void registry_set_lease(struct registry *registry, const char *id, const struct device_lease *lease);
void registry_set_power(struct registry *registry, const char *id, const char *power);

/* Looks whether this port is there now; publishes when that is news. */
bool registry_check_port(struct registry *registry, const char *id);
/* Looks whether each port is there; publishes those that came or went. True when one came. */
bool registry_check_ports(struct registry *registry);

#endif
