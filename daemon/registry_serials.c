/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/registry_private.h"
#include "daemon/usb_board.h"
#include "transport/clock.h"

static bool is_serial(const struct shared_serial *shared, uint16_t vid, uint16_t pid, const char *serial)
{
	return shared->vid == vid && shared->pid == pid && strcmp(shared->serial, serial) == 0;
}

bool registry_serial_is_shared(const struct registry *registry, uint16_t vid, uint16_t pid, const char *serial)
{
	for (size_t i = 0; i < registry->serial_count; i++)
		if (is_serial(&registry->serials[i].serial, vid, pid, serial))
			return true;
	return false;
}

static int add_serial(struct registry *registry, const struct shared_serial *serial, int64_t since_ms)
{
	struct registry_serial *grown = reallocarray(registry->serials, registry->serial_count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	registry->serials = grown;
	registry->serials[registry->serial_count++] = (struct registry_serial){.serial = *serial, .since_ms = since_ms};
	return 0;
}

int registry_load_serials(struct registry *registry, struct job_fault *ret_fault)
{
	struct shared_serial *stored = NULL;
	size_t count = 0;
	int result = store_serials_shared(registry->store, &stored, &count, ret_fault);
	for (size_t i = 0; i < count && result == 0; i++)
		result = add_serial(registry, &stored[i], 0);
	free(stored);
	return result;
}

void registry_share_serial(struct registry *registry, const struct usb_port *port, const char *serial)
{
	struct shared_serial shared = {.vid = port->vid, .pid = port->pid};
	snprintf(shared.serial, sizeof(shared.serial), "%s", serial);
	log_warning(NULL, "two boards %04x:%04x carry the serial number %s: they are told apart by where they are plugged in", port->vid,
		    port->pid, serial);
	(void)add_serial(registry, &shared, clock_now_ms());
}

static bool carries(const struct registry_entry *entry, const struct shared_serial *serial)
{
	const struct device_usb *usb = &entry->device.usb;
	return usb->known && is_serial(serial, usb->vid, usb->pid, usb->serial);
}

static bool is_there_with(const struct registry_entry *entry, const struct shared_serial *serial)
{
	return entry->syspath[0] != '\0' && carries(entry, serial);
}

void registry_note_shared(struct registry *registry, const struct shared_serial *serial)
{
	for (size_t i = 0; i < registry->count; i++) {
		const struct registry_entry *entry = registry->entries[i];
		if (is_there_with(entry, serial))
			device_history_note(registry->history, entry->id, DEVICE_FACT_SERIAL_SHARED, "",
					    "two boards carry the serial number %s; this one is on port %s of USB", serial->serial,
					    entry->device.usb.path);
	}
}

static bool is_same_place(const struct registry_entry *one, const struct registry_entry *other)
{
	return strcmp(one->device.usb.path, other->device.usb.path) == 0 && strcmp(one->controller, other->controller) == 0;
}

/* What is known of the places of a serial number. */
struct overlap {
	const struct registry_entry *first; /* that is there; NULL: none is */
	bool many;                          /* others are there at another place */
	bool same, differ;                  /* modems at two places told one IMEI, or two */
	bool used;                          /* something was done with what is called by its place there */
	bool held;                          /* what is called by its place there has something to do */
};

static void compare_imeis(const struct registry_entry *one, const struct registry_entry *other, struct overlap *ret)
{
	const char *imei = one->device.modem.imei, *other_imei = other->device.modem.imei;
	if (is_same_place(one, other) || one->device.usb.interface != other->device.usb.interface || imei[0] == '\0' ||
	    other_imei[0] == '\0')
		return;
	ret->same = ret->same || strcmp(imei, other_imei) == 0;
	ret->differ = ret->differ || strcmp(imei, other_imei) != 0;
}

static bool is_held(const struct registry_entry *entry)
{
	return entry->running || entry->device.job[0] != '\0' || entry->device.lease.holder[0] != '\0';
}

/* No modem has answered there, and nobody has said anything of it. */
static bool is_untouched(const struct registry_entry *entry)
{
	const struct device *device = &entry->device;
	return entry->section == NULL && entry->given_profile[0] == '\0' && !entry->labels_patched && device->alias[0] == '\0' &&
	       !device->maintenance && device->seen_at_ms == 0 && device->quarantine.since_ms == 0;
}

static struct overlap look_at(const struct registry *registry, const struct shared_serial *serial)
{
	struct overlap overlap = {0};
	for (size_t i = 0; i < registry->count; i++) {
		const struct registry_entry *entry = registry->entries[i];
		for (size_t j = 0; j < i && carries(entry, serial); j++)
			if (carries(registry->entries[j], serial))
				compare_imeis(registry->entries[j], entry, &overlap);
		if (!is_there_with(entry, serial))
			continue;
		overlap.many = overlap.many || (overlap.first != NULL && !is_same_place(overlap.first, entry));
		overlap.first = entry;
		if (!registry_entry_is_called_by_path(entry))
			continue;
		overlap.held = overlap.held || is_held(entry);
		overlap.used = overlap.used || !is_untouched(entry);
	}
	return overlap;
}

static void make_firm(struct registry *registry, struct registry_serial *serial)
{
	struct job_fault fault;
	if (store_serial_share(registry->store, &serial->serial, &fault) == 0)
		serial->since_ms = 0;
	else
		log_warning(NULL, "that two boards carry the serial number %s is not stored: %s", serial->serial.serial, fault.message);
}

/* Whose port this is when the serial number identifies its board. NULL: nobody has that name, and it keeps the one that it has. */
static struct registry_entry *find_owner(struct registry *registry, const struct shared_serial *serial, const struct registry_entry *guest)
{
	for (size_t i = 0; i < registry->count; i++) {
		struct registry_entry *entry = registry->entries[i];
		if (entry->syspath[0] == '\0' && carries(entry, serial) && entry->device.usb.interface == guest->device.usb.interface &&
		    !registry_entry_is_fixed(entry) && !registry_entry_is_called_by_path(entry))
			return entry;
	}
	return NULL;
}

/* The port of `guest` is the owner's. */
static void move_in(struct registry *registry, struct registry_entry *owner, struct registry_entry *guest)
{
	struct registry_entry next = *owner, left = *guest;
	struct device_row rows[2];
	struct job_fault fault;
	next.device.usb = guest->device.usb;
	memcpy(next.device.port, guest->device.port, sizeof(next.device.port));
	memcpy(next.device.board, guest->device.board, sizeof(next.device.board));
	memcpy(next.controller, guest->controller, sizeof(next.controller));
	memcpy(next.found_profile, guest->found_profile, sizeof(next.found_profile));
	memcpy(next.syspath, guest->syspath, sizeof(next.syspath));
	next.named = guest->named;
	next.present = guest->present;
	next.hotplugged = true;
	left.syspath[0] = '\0';
	left.present = false;
	registry_choose_profile(registry, &next);
	registry_fill_row(&next, &rows[0]);
	registry_fill_row(&left, &rows[1]);
	next.unstored = store_devices_save(registry->store, rows, 2, &fault) < 0;
	log_info(owner->id, "the port %s is its own: the serial number %s is that of one board, which was at %s before", next.device.port,
		 next.device.usb.serial, owner->device.usb.path);
	device_history_note(registry->history, owner->id, DEVICE_FACT_SERIAL_SINGLE, "",
			    "one board carries the serial number %s: it is on port %s of USB, and was on %s", next.device.usb.serial,
			    next.device.usb.path, owner->device.usb.path);
	registry_show(registry, guest, &left);
	registry_show(registry, owner, &next);
}

static void retire(struct registry *registry, size_t index)
{
	struct registry_entry *entry = registry->entries[index];
	struct registry_entry **grown = reallocarray(registry->retired, registry->retired_count + 1, sizeof(struct registry_entry *));
	if (grown == NULL)
		return;
	registry->retired = grown;
	registry->retired[registry->retired_count++] = entry;
	pthread_mutex_lock(&registry->lock);
	name_index_remove(&registry->by_id, entry->id);
	registry->count--;
	memmove(&registry->entries[index], &registry->entries[index + 1], (registry->count - index) * sizeof(struct registry_entry *));
	pthread_mutex_unlock(&registry->lock);
}

static void drop_ghosts(struct registry *registry, const struct shared_serial *serial)
{
	struct job_fault fault;
	for (size_t i = registry->count; i > 0; i--) {
		const struct registry_entry *entry = registry->entries[i - 1];
		if (carries(entry, serial) && entry->syspath[0] == '\0' && registry_entry_is_called_by_path(entry) && is_untouched(entry) &&
		    !is_held(entry) && store_device_forget(registry->store, entry->id, &fault) == 1) {
			log_info(entry->id, "it was another device at a second place, and is none");
			retire(registry, i - 1);
		}
	}
}

/* From now on the serial number identifies its board again. */
static bool let_identify(struct registry *registry, size_t index)
{
	struct job_fault fault;
	const struct shared_serial serial = registry->serials[index].serial;
	bool moved = false;
	if (registry->serials[index].since_ms == 0 && store_serial_unshare(registry->store, &serial, &fault) < 0) {
		log_warning(NULL, "that one board carries the serial number %s is not stored: %s", serial.serial, fault.message);
		return false;
	}
	registry->serials[index] = registry->serials[--registry->serial_count];
	for (size_t i = 0; i < registry->count; i++) {
		struct registry_entry *entry = registry->entries[i], *owner = NULL;
		if (!is_there_with(entry, &serial) || registry_entry_is_fixed(entry))
			continue;
		if (registry_entry_is_called_by_path(entry))
			owner = find_owner(registry, &serial, entry);
		else
			device_history_note(registry->history, entry->id, DEVICE_FACT_SERIAL_SINGLE, "",
					    "one board carries the serial number %s: it is on port %s of USB", serial.serial,
					    entry->device.usb.path);
		if (owner == NULL)
			continue;
		move_in(registry, owner, entry);
		moved = true;
	}
	drop_ghosts(registry, &serial);
	return moved;
}

/* Whether it is that of one board, as far as that can be told. */
static bool judge(struct registry *registry, struct registry_serial *serial, const struct overlap *overlap, int64_t now_ms)
{
	const bool two = overlap->differ || overlap->used;
	if (overlap->same || (serial->parted && !overlap->many && !two))
		return true;
	serial->parted = false;
	if (serial->since_ms == 0)
		return false;
	if (two || now_ms - serial->since_ms >= SERIAL_OVERLAP_MS)
		make_firm(registry, serial);
	else
		serial->parted = !overlap->many;
	return serial->parted;
}

bool registry_heal_serials(struct registry *registry, int64_t now_ms)
{
	bool moved = false;
	for (size_t i = registry->serial_count; i > 0; i--) {
		struct registry_serial *serial = &registry->serials[i - 1];
		const struct overlap overlap = look_at(registry, &serial->serial);
		if (judge(registry, serial, &overlap, now_ms) && overlap.first != NULL && !overlap.many && !overlap.held)
			moved = let_identify(registry, i - 1) || moved;
	}
	return moved;
}

bool registry_settle_serials(struct registry *registry, int64_t now_ms)
{
	pthread_mutex_lock(&registry->change);
	bool moved = registry_heal_serials(registry, now_ms);
	pthread_mutex_unlock(&registry->change);
	return moved;
}
