/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/registry_private.h"
#include "daemon/usb_board.h"
#include "transport/clock.h"

/* Where a port of a batch belongs. */
struct placement {
	const struct usb_port *port;
	struct registry_entry *entry;
	struct registry_entry next;
	bool fresh; /* the entry is not in the registry yet: it is freed when it does not come to that */
};

/* Ports that are taken in together. `change` is held all the time. */
struct batch {
	struct registry *registry;
	const struct usb_port *ports;
	size_t count;
	struct placement *placements;
	size_t placed;
	bool refused; /* the store did not tell what it knows of the one that is placed */
	bool failed;  /* of one of them */
};

static bool is_at(const struct registry_entry *entry, const struct usb_port *port)
{
	return entry->device.usb.known && strcmp(entry->device.usb.path, port->path) == 0 &&
	       strcmp(entry->controller, port->controller) == 0;
}

static bool is_same_board(const struct registry_entry *entry, const struct usb_port *port)
{
	const struct device_usb *usb = &entry->device.usb;
	char serial[USB_SERIAL_SIZE];
	usb_board_serial_text(port->serial, serial);
	return usb->known && usb->vid == port->vid && usb->pid == port->pid && strcmp(usb->serial, serial) == 0;
}

static bool is_same_port(const struct registry_entry *entry, const struct usb_port *port)
{
	return is_same_board(entry, port) && entry->device.usb.interface == port->interface;
}

bool registry_entry_is_called_by_path(const struct registry_entry *entry)
{
	const struct device_usb *usb = &entry->device.usb;
	char plain[DEVICE_ID_SIZE], suffixed[DEVICE_ID_SIZE];
	usb_board_id_from_path(entry->controller, usb->path, usb->interface, usb->interface, plain);
	usb_board_id_from_path(entry->controller, usb->path, usb->interface, (uint8_t)(usb->interface + 1), suffixed);
	return usb->known && (strcmp(entry->id, plain) == 0 || strcmp(entry->id, suffixed) == 0);
}

static void show_left(struct registry *registry, struct registry_entry *entry)
{
	struct registry_entry next = *entry;
	next.syspath[0] = '\0';
	next.present = registry_entry_is_fixed(entry) && registry_looks_present(entry);
	if (entry->present && !next.present) {
		log_info(entry->id, "the port %s is gone", entry->device.port);
		registry_show(registry, entry, &next);
		return;
	}
	pthread_mutex_lock(&registry->lock);
	*entry = next;
	pthread_mutex_unlock(&registry->lock);
}

/* Who the kernel no longer has, though nobody told: what is at its place or under its node now is another port. */
static void clear_way(struct registry *registry, const struct usb_port *port)
{
	for (size_t i = 0; i < registry->count; i++) {
		struct registry_entry *entry = registry->entries[i];
		bool same = strcmp(entry->syspath, port->syspath) == 0;
		if (entry->syspath[0] == '\0' || (same && is_same_port(entry, port) && is_at(entry, port)))
			continue;
		bool same_node = strcmp(entry->device.port, port->node) == 0;
		bool related = is_at(entry, port) || is_same_board(entry, port);
		if (same || same_node || (related && access(entry->syspath, F_OK) < 0))
			show_left(registry, entry);
	}
}

static const struct placement *placement_of(const struct batch *batch, const struct registry_entry *entry)
{
	for (size_t i = 0; i < batch->placed; i++)
		if (batch->placements[i].entry == entry)
			return &batch->placements[i];
	return NULL;
}

/* Of the registry, or on its way there. */
static struct registry_entry *find(const struct batch *batch, const char *id)
{
	for (size_t i = 0; i < batch->placed; i++)
		if (strcmp(batch->placements[i].entry->id, id) == 0)
			return batch->placements[i].entry;
	return registry_find(batch->registry, id);
}

/* Another port has it, or it is not for ports of USB to have. */
static bool is_taken(const struct batch *batch, const struct registry_entry *entry, const struct usb_port *port)
{
	if (registry_entry_is_fixed(entry) || placement_of(batch, entry) != NULL)
		return true;
	return entry->syspath[0] != '\0' && strcmp(entry->syspath, port->syspath) != 0;
}

bool registry_knows_by_serial(struct registry *registry, const char *id)
{
	const struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return false;
	pthread_mutex_lock(&registry->change);
	const struct device_usb *usb = &entry->device.usb;
	bool knows = usb->known && usb->serial[0] != '\0' && !registry_entry_is_fixed(entry) && !registry_entry_is_called_by_path(entry) &&
		     !registry_serial_is_shared(registry, usb->vid, usb->pid, usb->serial);
	pthread_mutex_unlock(&registry->change);
	return knows;
}

static bool is_rival(const struct usb_port *one, const struct usb_port *other)
{
	bool same_place = strcmp(one->path, other->path) == 0 && strcmp(one->controller, other->controller) == 0;
	return !same_place && one->vid == other->vid && one->pid == other->pid && strcmp(one->serial, other->serial) == 0;
}

/* Another board that is there carries the same serial number. */
static bool has_rival(const struct batch *batch, const struct usb_port *port)
{
	for (size_t i = 0; i < batch->count; i++)
		if (is_rival(&batch->ports[i], port))
			return true;
	for (size_t i = 0; i < batch->registry->count; i++) {
		const struct registry_entry *entry = batch->registry->entries[i];
		if (entry->syspath[0] != '\0' && is_same_board(entry, port) && !is_at(entry, port))
			return true;
	}
	return false;
}

/* The configuration may name a link to it. */
static bool is_same_node(const char *path, const char *node)
{
	char *one = realpath(path, NULL), *other = realpath(node, NULL);
	bool same = strcmp(path, node) == 0 || (one != NULL && other != NULL && strcmp(one, other) == 0);
	free(one);
	free(other);
	return same;
}

/* The device of the configuration whose port this is. */
static struct registry_entry *find_fixed(const struct batch *batch, const struct usb_port *port)
{
	for (size_t i = 0; i < batch->registry->section_count; i++) {
		struct registry_entry *entry = batch->registry->entries[i];
		if (registry_entry_is_fixed(entry) && is_same_node(entry->section->port, port->node))
			return entry;
	}
	return NULL;
}

static struct registry_entry *find_by_serial(const struct batch *batch, const struct usb_port *port, bool shared)
{
	for (size_t i = 0; i < batch->registry->count; i++) {
		struct registry_entry *entry = batch->registry->entries[i];
		if (is_same_port(entry, port) && !registry_entry_is_called_by_path(entry) && !is_taken(batch, entry, port) &&
		    (!shared || is_at(entry, port)))
			return entry;
	}
	return NULL;
}

/* With what the store may know from a time when the configuration named it. */
static struct registry_entry *make_entry(struct batch *batch, const char *id)
{
	struct device_row row;
	struct job_fault fault = {0};
	struct registry_entry *entry = NULL;
	if (store_device_peek(batch->registry->store, id, &row, &fault) == 0)
		entry = registry_make_entry(batch->registry, NULL, &row);
	else
		log_error(id, "the device cannot be looked up: %s", fault.message);
	batch->refused = entry == NULL;
	return entry;
}

/* Who has this id, when this port can be that, or a new one; NULL when the id is another's. */
static struct registry_entry *claim(struct batch *batch, const struct usb_port *port, const char *id, bool by_path)
{
	struct registry_entry *entry = find(batch, id);
	if (entry == NULL)
		return make_entry(batch, id);
	bool never_seen = !entry->device.usb.known;
	bool its_place = by_path && registry_entry_is_called_by_path(entry);
	return (never_seen || its_place) && !is_taken(batch, entry, port) ? entry : NULL;
}

static struct registry_entry *find_home(struct batch *batch, const struct usb_port *port)
{
	char id[DEVICE_ID_SIZE], serial[USB_SERIAL_SIZE];
	usb_board_serial_text(port->serial, serial);
	bool has_serial = serial[0] != '\0',
	     shared = has_serial && registry_serial_is_shared(batch->registry, port->vid, port->pid, serial);
	struct registry_entry *entry = find_fixed(batch, port);
	if (has_serial && !shared && has_rival(batch, port)) {
		registry_share_serial(batch->registry, port, serial);
		shared = true;
	}
	if (entry == NULL && has_serial)
		entry = find_by_serial(batch, port, shared);
	for (int digest = 0; entry == NULL && !batch->refused && has_serial && !shared && digest < 2; digest++) {
		usb_board_id_from_serial(port->serial, port->interface, port->own_interface, digest > 0, id);
		entry = claim(batch, port, id, false);
	}
	if (entry == NULL && !batch->refused) {
		usb_board_id_from_path(port->controller, port->path, port->interface, port->own_interface, id);
		entry = claim(batch, port, id, true);
	}
	return entry;
}

static void describe(const struct registry *registry, struct registry_entry *entry, const struct usb_port *port)
{
	struct device *device = &entry->device;
	device->usb = (struct device_usb){.known = true, .vid = port->vid, .pid = port->pid, .interface = port->interface};
	usb_board_serial_text(port->serial, device->usb.serial);
	snprintf(device->usb.path, sizeof(device->usb.path), "%s", port->path);
	snprintf(device->board, sizeof(device->board), "%s", port->board);
	snprintf(entry->controller, sizeof(entry->controller), "%s", port->controller);
	snprintf(entry->found_profile, sizeof(entry->found_profile), "%s", port->profile);
	snprintf(entry->syspath, sizeof(entry->syspath), "%s", port->syspath);
	entry->named = port->named;
	entry->present = true;
	if (!registry_entry_is_fixed(entry)) {
		snprintf(device->port, sizeof(device->port), "%s", port->node);
		entry->hotplugged = true;
	}
	registry_choose_profile(registry, entry);
}

static void place(struct batch *batch, const struct usb_port *port)
{
	struct registry *registry = batch->registry;
	batch->refused = false;
	struct registry_entry *entry = find_home(batch, port);
	batch->failed = batch->failed || batch->refused;
	if (batch->refused)
		return;
	if (entry == NULL) {
		log_warning(NULL, "the port %s is no device: what it would be called is another's", port->node);
		return;
	}
	struct placement *placement = &batch->placements[batch->placed];
	*placement = (struct placement){.port = port, .entry = entry, .next = *entry};
	placement->fresh = registry_find(registry, entry->id) == NULL;
	describe(registry, &placement->next, port);
	batch->placed++;
}

/* What the store keeps is another than before. */
static bool has_moved(const struct registry_entry *before, const struct registry_entry *now)
{
	const struct device *one = &before->device, *other = &now->device;
	return before->unstored || before->hotplugged != now->hotplugged || before->named != now->named ||
	       strcmp(one->port, other->port) != 0 || strcmp(one->board, other->board) != 0 ||
	       strcmp(before->found_profile, now->found_profile) != 0 || strcmp(before->controller, now->controller) != 0 ||
	       !one->usb.known || one->usb.vid != other->usb.vid || one->usb.pid != other->usb.pid ||
	       one->usb.interface != other->usb.interface || strcmp(one->usb.serial, other->usb.serial) != 0 ||
	       strcmp(one->usb.path, other->usb.path) != 0;
}

static int store_batch(const struct batch *batch, struct job_fault *ret_fault)
{
	size_t count = 0;
	struct device_row *rows = calloc(batch->placed + 1, sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < batch->placed; i++)
		if (has_moved(batch->placements[i].entry, &batch->placements[i].next))
			registry_fill_row(&batch->placements[i].next, &rows[count++]);
	int result = count > 0 ? store_devices_save(batch->registry->store, rows, count, ret_fault) : 0;
	free(rows);
	return result;
}

static int show_placement(struct registry *registry, struct placement *placement, bool stored)
{
	struct registry_entry *entry = placement->entry, *next = &placement->next;
	/* Without a row in the store it can have no job: it is made when the store takes changes again. */
	if (placement->fresh && (!stored || registry_add(registry, entry) < 0)) {
		free(entry);
		return stored ? -ENOMEM : 0;
	}
	bool moved = has_moved(entry, next);
	next->unstored = moved && !stored;
	if (moved || !entry->present)
		log_info(entry->id, "the port %s is there%s%s%s", next->device.port, next->device.offered ? ", offered" : "",
			 next->device.board[0] != '\0' ? ": " : "", next->device.board);
	if (moved || !entry->present || strcmp(entry->syspath, next->syspath) != 0)
		registry_show(registry, entry, next);
	return 0;
}

static bool is_among(const struct usb_port *ports, size_t count, const char *syspath)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(ports[i].syspath, syspath) == 0)
			return true;
	return false;
}

/* What is said of a port last is true. */
static bool is_told_again(const struct batch *batch, size_t index)
{
	const struct usb_port *port = &batch->ports[index];
	return is_among(port + 1, batch->count - index - 1, port->syspath);
}

static int take_in(struct batch *batch, struct job_fault *ret_fault)
{
	size_t shared_before = batch->registry->serial_count;
	batch->placements = calloc(batch->count + 1, sizeof(*batch->placements));
	if (batch->placements == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < batch->count; i++)
		clear_way(batch->registry, &batch->ports[i]);
	for (size_t i = 0; i < batch->count; i++)
		if (!is_told_again(batch, i))
			place(batch, &batch->ports[i]);
	int result = store_batch(batch, ret_fault);
	bool stored = result == 0;
	for (size_t i = 0; i < batch->placed; i++) {
		int shown = show_placement(batch->registry, &batch->placements[i], stored);
		if (result == 0)
			result = shown;
	}
	if (result == 0 && batch->failed)
		result = -EIO;
	for (size_t i = shared_before; i < batch->registry->serial_count; i++)
		registry_note_shared(batch->registry, &batch->registry->serials[i].serial);
	free(batch->placements);
	return result;
}

int registry_ports_came(struct registry *registry, const struct usb_port *ports, size_t count, struct job_fault *ret_fault)
{
	struct batch batch = {.registry = registry, .ports = ports, .count = count};
	pthread_mutex_lock(&registry->change);
	int result = take_in(&batch, ret_fault);
	(void)registry_heal_serials(registry, clock_now_ms());
	pthread_mutex_unlock(&registry->change);
	return result;
}

int registry_port_came(struct registry *registry, const struct usb_port *port, struct job_fault *ret_fault)
{
	return registry_ports_came(registry, port, 1, ret_fault);
}

void registry_port_left(struct registry *registry, const char *syspath)
{
	pthread_mutex_lock(&registry->change);
	for (size_t i = 0; i < registry->count && syspath[0] != '\0'; i++)
		if (strcmp(registry->entries[i]->syspath, syspath) == 0)
			show_left(registry, registry->entries[i]);
	(void)registry_heal_serials(registry, clock_now_ms());
	pthread_mutex_unlock(&registry->change);
}

int registry_ports_are(struct registry *registry, const struct usb_port *ports, size_t count, struct job_fault *ret_fault)
{
	struct batch batch = {.registry = registry, .ports = ports, .count = count};
	pthread_mutex_lock(&registry->change);
	for (size_t i = 0; i < registry->count; i++) {
		struct registry_entry *entry = registry->entries[i];
		if (entry->syspath[0] != '\0' && !is_among(ports, count, entry->syspath))
			show_left(registry, entry);
	}
	int result = take_in(&batch, ret_fault);
	(void)registry_heal_serials(registry, clock_now_ms());
	pthread_mutex_unlock(&registry->change);
	return result;
}
