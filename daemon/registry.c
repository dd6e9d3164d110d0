/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "daemon/device_labels.h"

struct registry_entry *registry_find(struct registry *registry, const char *id)
{
	pthread_mutex_lock(&registry->lock);
	struct registry_entry *found = name_index_find(&registry->by_id, id);
	pthread_mutex_unlock(&registry->lock);
	return found;
}

int registry_refuse_unknown(const char *id, struct job_fault *ret_fault)
{
	return job_fault_set(ret_fault, "not-found", "there is no device %s", id);
}

static enum device_state state_of(const struct registry_entry *entry)
{
	if (entry->running)
		return DEVICE_BUSY;
	if (entry->device.maintenance)
		return DEVICE_MAINTENANCE;
	if (!entry->present)
		return DEVICE_ABSENT;
	if (entry->device.quarantine.since_ms != 0)
		return DEVICE_QUARANTINED;
	if (entry->device.offered)
		return DEVICE_UNKNOWN;
	switch ((enum boot_mode)entry->device.modem.boot_mode) {
	case BOOT_MODE_FFF:
		return DEVICE_READY;
	case BOOT_MODE_FFH:
	case BOOT_MODE_MTOOLS:
	case BOOT_MODE_UPDATER:
	case BOOT_MODE_RECOVERY:
		return DEVICE_STRANDED;
	case BOOT_MODE_UNKNOWN:
		break;
	}
	return DEVICE_UNKNOWN;
}

struct device registry_snapshot(const struct registry_entry *entry)
{
	struct device device = entry->device;
	device.state = state_of(entry);
	return device;
}

int registry_new(const struct config *config, struct store *store, struct event_bus *events, struct device_history *history,
		 struct job_fault *ret_fault, struct registry **ret)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	if (registry == NULL)
		return -ENOMEM;
	registry->config = config;
	registry->store = store;
	registry->events = events;
	registry->history = history;
	pthread_mutex_init(&registry->change, NULL);
	pthread_mutex_init(&registry->lock, NULL);
	int result = registry_load(registry, ret_fault);
	if (result < 0) {
		registry_free(registry);
		return result;
	}
	*ret = registry;
	return 0;
}

void registry_free(struct registry *registry)
{
	if (registry == NULL)
		return;
	for (size_t i = 0; i < registry->count; i++)
		free(registry->entries[i]);
	free(registry->entries);
	name_index_clear(&registry->by_id);
	for (size_t i = 0; i < registry->retired_count; i++)
		free(registry->retired[i]);
	free(registry->retired);
	free(registry->serials);
	pthread_mutex_destroy(&registry->lock);
	pthread_mutex_destroy(&registry->change);
	free(registry);
}

size_t registry_count(struct registry *registry)
{
	pthread_mutex_lock(&registry->lock);
	size_t count = registry->count;
	pthread_mutex_unlock(&registry->lock);
	return count;
}

const struct profile *registry_profile(struct registry *registry, const char *id)
{
	const struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return NULL;
	pthread_mutex_lock(&registry->lock);
	const struct profile *profile = entry->profile;
	pthread_mutex_unlock(&registry->lock);
	return profile;
}

int registry_get(struct registry *registry, const char *id, struct device *ret, struct job_fault *ret_fault)
{
	const struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return registry_refuse_unknown(id, ret_fault);
	pthread_mutex_lock(&registry->lock);
	*ret = registry_snapshot(entry);
	pthread_mutex_unlock(&registry->lock);
	return 0;
}

int registry_list(struct registry *registry, struct device **ret, size_t *ret_count)
{
	pthread_mutex_lock(&registry->lock);
	size_t count = registry->count;
	struct device *devices = calloc(count + 1, sizeof(*devices));
	for (size_t i = 0; devices != NULL && i < count; i++)
		devices[i] = registry_snapshot(registry->entries[i]);
	pthread_mutex_unlock(&registry->lock);
	if (devices == NULL)
		return -ENOMEM;
	*ret = devices;
	*ret_count = count;
	return 0;
}

int registry_add(struct registry *registry, struct registry_entry *entry)
{
	pthread_mutex_lock(&registry->lock);
	struct registry_entry **grown = reallocarray(registry->entries, registry->count + 1, sizeof(struct registry_entry *));
	if (grown != NULL)
		registry->entries = grown;
	bool added = grown != NULL && name_index_put(&registry->by_id, entry->id, entry) == 0;
	if (added) {
		size_t place = registry->count++;
		for (; entry->section == NULL && place > registry->section_count; place--) {
			if (strcmp(grown[place - 1]->id, entry->id) < 0)
				break;
			grown[place] = grown[place - 1];
		}
		grown[place] = entry;
		registry->section_count += entry->section != NULL;
	}
	pthread_mutex_unlock(&registry->lock);
	return added ? 0 : -ENOMEM;
}

void registry_fill_row(const struct registry_entry *entry, struct device_row *ret)
{
	const struct device *device = &entry->device;
	*ret = (struct device_row){.maintenance = device->maintenance, .labels_patched = entry->labels_patched};
	memcpy(ret->id, device->id, sizeof(ret->id));
	memcpy(ret->alias, device->alias, sizeof(ret->alias));
	if (entry->labels_patched) {
		ret->label_count = device->label_count;
		memcpy(ret->labels, device->labels, sizeof(ret->labels));
	}
	ret->modem = device->modem;
	ret->seen_at_ms = device->seen_at_ms;
	ret->quarantine = device->quarantine;
	ret->taken_for_ffh = device->taken_for_ffh;
	ret->hotplugged = entry->hotplugged;
	ret->offered = !entry->named;
	if (!registry_entry_is_fixed(entry))
		memcpy(ret->port, device->port, sizeof(ret->port));
	memcpy(ret->profile, entry->given_profile, sizeof(ret->profile));
	memcpy(ret->found_profile, entry->found_profile, sizeof(ret->found_profile));
	memcpy(ret->board, device->board, sizeof(ret->board));
	ret->usb = device->usb;
	memcpy(ret->controller, entry->controller, sizeof(ret->controller));
}

/* Bytes behind the end of a text may differ: then it is another number for nothing. */
static bool has_same_traits(const struct registry_entry *one, const struct registry_entry *other)
{
	const struct device *a = &one->device, *b = &other->device;
	return a->label_count == b->label_count && memcmp(a->labels, b->labels, a->label_count * sizeof(a->labels[0])) == 0 &&
	       strcmp(a->alias, b->alias) == 0 && strcmp(a->profile, b->profile) == 0 && strcmp(a->board, b->board) == 0 &&
	       strcmp(a->modem.release, b->modem.release) == 0 && a->usb.known == b->usb.known && strcmp(a->usb.path, b->usb.path) == 0 &&
	       strcmp(one->controller, other->controller) == 0;
}

void registry_show(struct registry *registry, struct registry_entry *entry, const struct registry_entry *next)
{
	pthread_mutex_lock(&registry->lock);
	bool moved = entry->present != next->present || strcmp(entry->device.port, next->device.port) != 0;
	uint32_t traits = entry->traits + !has_same_traits(entry, next);
	*entry = *next;
	entry->traits = traits != 0 ? traits : 1;
	struct device now = registry_snapshot(entry);
	for (const struct registry_waiter *waiter = registry->waiters; moved && waiter != NULL; waiter = waiter->next)
		(void)eventfd_write(waiter->fd, 1);
	pthread_mutex_unlock(&registry->lock);
	event_publish_device(registry->events, EVENT_DEVICE_CHANGED, &now);
}

int registry_keep(struct registry *registry, struct registry_entry *entry, const struct registry_entry *next, struct job_fault *ret_fault)
{
	struct device_row row;
	registry_fill_row(next, &row);
	int result = store_device_save(registry->store, &row, ret_fault);
	if (result == 0)
		registry_show(registry, entry, next);
	return result;
}

int registry_refuse_offered(const char *id, struct job_fault *ret_fault)
{
	return job_fault_set(ret_fault, "invalid-request",
			     "the device %s is a USB adapter that may carry anything: nothing is sent to it until it is given a profile",
			     id);
}

static int patch_profile(struct registry *registry, const char *profile, struct registry_entry *next, struct job_fault *ret_fault)
{
	if (profile[0] != '\0' && config_profile(registry->config, profile) == NULL)
		return job_fault_set(ret_fault, "invalid-request", "there is no profile %s", profile);
	snprintf(next->given_profile, sizeof(next->given_profile), "%s", profile);
	registry_choose_profile(registry, next);
	if (!next->device.offered || next->device.job[0] == '\0')
		return 0;
	job_fault_set(ret_fault, "device-busy", "the device %s has the job %s, which needs the profile", next->id, next->device.job);
	memcpy(ret_fault->job, next->device.job, sizeof(ret_fault->job));
	return -EPROTO;
}

/* It takes the place of an id in a path, and is looked for after the ids. */
static int patch_alias(struct registry *registry, const char *alias, struct registry_entry *next, struct job_fault *ret_fault)
{
	const struct registry_entry *named = registry_find(registry, alias);
	if (named != NULL && strcmp(named->id, next->id) != 0)
		return job_fault_set(ret_fault, "invalid-request", "%s is the id of another device: as an alias it would never be found",
				     alias);
	if (strchr(alias, '/') != NULL || strcmp(alias, ".") == 0 || strcmp(alias, "..") == 0)
		return job_fault_set(ret_fault, "invalid-request", "the alias %s cannot stand in the path of a URL: use no slash", alias);
	snprintf(next->device.alias, sizeof(next->device.alias), "%s", alias);
	return 0;
}

static void note_patch(struct registry *registry, const struct device *before, const struct registry_entry *after,
		       const struct device_patch *patch)
{
	const char *id = after->id;
	if (before->offered && !after->device.offered)
		device_history_note(registry->history, id, DEVICE_FACT_ADOPTED, "", "it was given the profile %s", after->given_profile);
	registry_note_let_out(registry, &before->quarantine, after);
	if (before->maintenance == after->device.maintenance)
		return;
	const bool began = after->device.maintenance;
	device_history_note(registry->history, id, began ? DEVICE_FACT_MAINTENANCE_BEGAN : DEVICE_FACT_MAINTENANCE_ENDED, "",
			    "%s maintenance%s%s", began ? "taken into" : "back from", patch->reason[0] != '\0' ? ": " : "", patch->reason);
}

int registry_patch(struct registry *registry, const char *id, const struct device_patch *patch, struct device *ret,
		   struct job_fault *ret_fault)
{
	struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return registry_refuse_unknown(id, ret_fault);
	pthread_mutex_lock(&registry->change);
	struct registry_entry next = *entry;
	int result = patch->set_labels ? device_labels_patch(patch, &next.device, ret_fault) : 0;
	next.labels_patched |= patch->set_labels;
	if (result == 0 && patch->set_alias)
		result = patch_alias(registry, patch->alias, &next, ret_fault);
	if (patch->set_maintenance)
		next.device.maintenance = patch->maintenance;
	if (patch->end_quarantine)
		next.device.quarantine = (struct device_quarantine){0};
	const struct device before = entry->device;
	if (result == 0 && patch->set_profile)
		result = patch_profile(registry, patch->profile, &next, ret_fault);
	if (result == 0)
		result = registry_keep(registry, entry, &next, ret_fault);
	if (result == 0)
		note_patch(registry, &before, entry, patch);
	*ret = registry_snapshot(entry);
	pthread_mutex_unlock(&registry->change);
	return result;
}

/* With `change` held until end_change(). NULL, and nothing held, when there is no such device. */
static struct registry_entry *begin_change(struct registry *registry, const char *id, struct registry_entry *ret_next)
{
	struct registry_entry *entry = registry_find(registry, id);
	if (entry == NULL)
		return NULL;
	pthread_mutex_lock(&registry->change);
	*ret_next = *entry;
	return entry;
}

static void end_change(struct registry *registry, struct registry_entry *entry, const struct registry_entry *next, bool news)
{
	if (news)
		registry_show(registry, entry, next);
	pthread_mutex_unlock(&registry->change);
}

void registry_set_job(struct registry *registry, const char *id, const char *job, bool running)
{
	struct registry_entry next, *entry = begin_change(registry, id, &next);
	if (entry == NULL)
		return;
	snprintf(next.device.job, sizeof(next.device.job), "%s", job);
	next.running = running;
	end_change(registry, entry, &next, entry->running != running || strcmp(entry->device.job, next.device.job) != 0);
}

void registry_set_lease(struct registry *registry, const char *id, const struct device_lease *lease)
{
	struct registry_entry next, *entry = begin_change(registry, id, &next);
	if (entry == NULL)
		return;
	const struct device_lease *now = &entry->device.lease;
	next.device.lease = *lease;
	end_change(registry, entry, &next,
		   strcmp(now->holder, lease->holder) != 0 || strcmp(now->reason, lease->reason) != 0 || now->since_ms != lease->since_ms ||
		       now->expires_at_ms != lease->expires_at_ms);
}

void registry_set_power(struct registry *registry, const char *id, const char *power)
{
	struct registry_entry next, *entry = begin_change(registry, id, &next);
	if (entry == NULL)
		return;
	snprintf(next.device.power, sizeof(next.device.power), "%s", power);
	end_change(registry, entry, &next, strcmp(entry->device.power, next.device.power) != 0);
}
