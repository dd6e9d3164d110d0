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

/* All are borrowed. Two devices on one port are refused with both names. */
int registry_new(const struct config *config, struct store *store, struct event_bus *events, struct job_fault *ret_fault,
		 struct registry **ret);
void registry_free(struct registry *registry);

/* not-found. */
int registry_get(struct registry *registry, const char *id, struct device *ret, struct job_fault *ret_fault);
/* All, in the order of the configuration. Caller frees. */
int registry_list(struct registry *registry, struct device **ret, size_t *ret_count);
size_t registry_count(const struct registry *registry);
/* Borrowed; never changes. NULL when there is no such device. */
const struct profile *registry_profile(struct registry *registry, const char *id);
/* The port is there (a path that exists, or no path at all). */
bool registry_present(struct registry *registry, const char *id);

int registry_patch(struct registry *registry, const char *id, const struct device_patch *patch, struct device *ret,
		   struct job_fault *ret_fault);

/* The modem answered: what it told is kept, what it did not tell stays as it was known. identity: also when the IMEI is another than
 * before (a probe: the person who asked for it accepts what is there). now_ms: Unix time. */
int registry_learn(struct registry *registry, const char *id, const struct modem_info *info, bool identity, int64_t now_ms,
		   struct job_fault *ret_fault);

/* What was known of its boot mode turned out to be wrong. */
int registry_forget_boot_mode(struct registry *registry, const char *id, struct job_fault *ret_fault);

/* Which unfinished job the device has ("" for none) and whether it runs. */
void registry_set_job(struct registry *registry, const char *id, const char *job, bool running);

/* Looks whether this port is there now; publishes when that is news. */
bool registry_check_port(struct registry *registry, const char *id);
/* Looks whether each port is there; publishes those that came or went. True when one came. */
bool registry_check_ports(struct registry *registry);

#endif
