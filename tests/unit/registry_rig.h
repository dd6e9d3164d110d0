/* SPDX-License-Identifier: Apache-2.0
 *
 * A registry over a temporary folder that is the kernel's side as well: a port of USB is there as long as its node and its directory are.
 */
#ifndef TESTS_REGISTRY_RIG_H
#define TESTS_REGISTRY_RIG_H

#include "daemon/registry.h"

#define RIG_NOW_MS INT64_C(1700000000000)

struct registry_rig {
	char folder[64];
	struct config config;
	struct config_device sections[2]; /* the first config.device_count of them count */
	struct store *store;
	struct event_bus *events;
	struct device_history *history;
	struct registry *registry;
	struct job_fault fault;
};

/* With an open registry and nothing in it. */
void rig_make(struct registry_rig *rig);
void rig_clear(struct registry_rig *rig);
/* Closes all and opens it again, with the configuration as it is now. */
void rig_restart(struct registry_rig *rig);

/* A Pysense or an FTDI cable, plugged in; nobody has told yet. node: "ttyACM0". */
struct usb_port rig_plug(struct registry_rig *rig, const char *path, const char *node, const char *serial);
struct usb_port rig_plug_adapter(struct registry_rig *rig, const char *path, const char *node, const char *serial);
/* Pulled out; nobody has told yet. */
void rig_vanish(const struct usb_port *port);

/* And told. */
void rig_came(struct registry_rig *rig, const struct usb_port *port);
void rig_unplug(struct registry_rig *rig, const struct usb_port *port);

/* It has to be there. */
struct device rig_get(struct registry_rig *rig, const char *id);
/* All ids in the order of the list, with blanks between. */
void rig_check_ids(struct registry_rig *rig, const char *expected);

/* state_sql() on its database. */
void rig_sql(const struct registry_rig *rig, const char *sql);

#endif
