/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of the registry: registry.c (verbs), registry_load.c (start), registry_learn.c (what modems told), registry_ports.c (who is behind a port of USB),
 * registry_serials.c (serial numbers at two places), registry_presence.c (whether ports are there, and who waits for that).
 */
#ifndef DAEMON_REGISTRY_PRIVATE_H
#define DAEMON_REGISTRY_PRIVATE_H

#include <pthread.h>

#include "daemon/name_index.h"
#include "daemon/registry.h"

/* Allocated one by one and not freed before the registry is, so that a pointer to one stays good without a lock. Members are written under
 * both mutexes; under `change` alone they can be read. */
struct registry_entry {
	char id[DEVICE_ID_SIZE];             /* these two never change */
	const struct config_device *section; /* NULL: the configuration does not name it */
	struct device device;                /* state is made when it is read */
	const struct profile *profile;
	char given_profile[32]; /* by a person; "": none */
	char found_profile[32]; /* that goes with the board; "": none */
	char controller[64];    /* of USB */
	char syspath[512];      /* of the tty that is its port now, by the kernel's word; "": none is */
	bool hotplugged;        /* found on USB at least once */
	bool named;             /* somebody who knows says that it is a board */
	char told_imei[20];     /* the last one that a modem told here; memory only */
	uint32_t traits;        /* as in struct registry_standing */
	bool unstored;          /* the store refused what is known of its port; the next time that it comes is another try */
	bool labels_patched, present, running;
};

/* A serial number that is at two places. since_ms (CLOCK_MONOTONIC): when that was seen, 0: it is known to be that of two boards, and stored. */
struct registry_serial {
	struct shared_serial serial;
	int64_t since_ms;
	bool parted; /* only one of the places was left in time: it is that of one board */
};

struct registry_waiter {
	int fd; /* an eventfd, written when a port came or went */
	struct registry_waiter *next;
};

struct registry {
	const struct config *config;
	struct store *store;
	struct event_bus *events;
	struct device_history *history;
	pthread_mutex_t change, lock;
	struct registry_entry **entries; /* those of the configuration in its order, then the others by id */
	size_t count, section_count;
	struct registry_entry **retired; /* no devices any more, but somebody may still look at one */
	size_t retired_count;
	struct name_index by_id;
	struct registry_serial *serials; /* under `change` only */
	size_t serial_count;
	struct registry_waiter *waiters;
};

/* NULL when there is none. Takes `lock`. */
struct registry_entry *registry_find(struct registry *registry, const char *id);

/* Not a port of USB, or one that a person named: the path alone says whether it is there. */
bool registry_entry_is_fixed(const struct registry_entry *entry);

/* What the path says. Of a port on USB it can only say that it is gone, a moment before the kernel does: a node that is there may be another's. */
bool registry_looks_present(const struct registry_entry *entry);

/* A copy with its state. `lock` or `change` is held. */
struct device registry_snapshot(const struct registry_entry *entry);

/* Fills the profile of an entry, and what shows of it, from who gave one: a person, the configuration, the board. */
void registry_choose_profile(const struct registry *registry, struct registry_entry *entry);

/* From what the store keeps; section NULL: the configuration does not name it. NULL when memory is out. */
struct registry_entry *registry_make_entry(const struct registry *registry, const struct config_device *section,
					   const struct device_row *row);

/* What the store keeps of it. */
void registry_fill_row(const struct registry_entry *entry, struct device_row *ret);

/* Puts it into its place. The registry owns it when this returns 0; -ENOMEM. `change` is held, `lock` is not. */
int registry_add(struct registry *registry, struct registry_entry *entry);

/* Makes seen, wakes who waits for ports when that is news, publishes. `change` is held, `lock` is not. */
void registry_show(struct registry *registry, struct registry_entry *entry, const struct registry_entry *next);

/* Its id tells where it is, not what it is. `change` is held. */
bool registry_entry_is_called_by_path(const struct registry_entry *entry);

/* registry_serials.c; `change` is held. share: from now on this serial number, as usb_board_serial_text() has it, identifies nothing. note: in the
 * history of each board that is there with it. heal: registry_settle_serials(). */
bool registry_serial_is_shared(const struct registry *registry, uint16_t vid, uint16_t pid, const char *serial);
void registry_share_serial(struct registry *registry, const struct usb_port *port, const char *serial);
void registry_note_shared(struct registry *registry, const struct shared_serial *serial);
bool registry_heal_serials(struct registry *registry, int64_t now_ms);
int registry_load_serials(struct registry *registry, struct job_fault *ret_fault);

/* On disk, then seen, then published. `change` is held, so that nobody else writes the entry meanwhile. */
int registry_keep(struct registry *registry, struct registry_entry *entry, const struct registry_entry *next, struct job_fault *ret_fault);

/* not-found. */
int registry_refuse_unknown(const char *id, struct job_fault *ret_fault);

/* A person may have ended the quarantine that was there before. `change` is held. */
void registry_note_let_out(struct registry *registry, const struct device_quarantine *before, const struct registry_entry *entry);

/* Fills the registry from the configuration and the store. */
int registry_load(struct registry *registry, struct job_fault *ret_fault);

#endif
