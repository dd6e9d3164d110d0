/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"

struct entry {
	char id[DEVICE_ID_SIZE]; /* these three never change, and are read without a lock */
	char port[256];
	const struct profile *profile;
	struct device device; /* state is made when it is read */
	bool labels_patched, present, running;
};

struct registry {
	struct store *store;
	struct event_bus *events;
	pthread_mutex_t change, lock;
	size_t count;
	struct entry entries[];
};

static struct entry *find(struct registry *registry, const char *id)
{
	for (size_t i = 0; i < registry->count; i++)
		if (strcmp(registry->entries[i].id, id) == 0)
			return &registry->entries[i];
	return NULL;
}

static enum device_state state_of(const struct entry *entry)
{
	if (entry->running)
		return DEVICE_BUSY;
	if (entry->device.maintenance)
		return DEVICE_MAINTENANCE;
	if (!entry->present)
		return DEVICE_ABSENT;
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

static struct device snapshot(const struct entry *entry)
{
	struct device device = entry->device;
	device.state = state_of(entry);
	return device;
}

/* A port that is no path is looked for by whoever opens it. */
static bool port_exists(const char *port)
{
	return strstr(port, "://") != NULL || access(port, F_OK) == 0;
}

static int load_entry(struct registry *registry, const struct config *config, const struct config_device *from, struct job_fault *ret_fault)
{
	struct entry *entry = &registry->entries[registry->count];
	struct device *device = &entry->device;
	struct device_row row;
	int result = store_device_load(registry->store, from->id, &row, ret_fault);
	if (result < 0)
		return result;
	entry->profile = config_profile(config, from->profile);
	if (entry->profile == NULL)
		return job_fault_set(ret_fault, "invalid-request", "device %s: there is no profile %s", from->id, from->profile);
	memcpy(entry->id, from->id, sizeof(entry->id));
	memcpy(entry->port, from->port, sizeof(entry->port));
	memcpy(device->id, from->id, sizeof(device->id));
	memcpy(device->port, from->port, sizeof(device->port));
	snprintf(device->profile, sizeof(device->profile), "%s", from->profile);
	snprintf(device->alias, sizeof(device->alias), "%s", row.alias);
	device->maintenance = row.maintenance;
	entry->labels_patched = row.labels_patched;
	device->label_count = row.labels_patched ? row.label_count : from->label_count;
	memcpy(device->labels, row.labels_patched ? row.labels : from->labels, sizeof(device->labels));
	device->modem = row.modem;
	device->seen_at_ms = row.seen_at_ms;
	entry->present = port_exists(entry->port);
	registry->count++;
	return 0;
}

/* Where the port's links lead; the text itself when it leads nowhere yet. NULL when memory is out. */
static char *resolved_port(const char *port)
{
	char *path = realpath(port, NULL);
	return path != NULL ? path : strdup(port);
}

static int compare_ports(char *const ports[], const struct registry *registry, struct job_fault *ret_fault)
{
	for (size_t i = 0; i < registry->count; i++) {
		if (ports[i] == NULL)
			return -ENOMEM;
		for (size_t j = 0; j < i; j++)
			if (strcmp(ports[i], ports[j]) == 0)
				return job_fault_set(ret_fault, "invalid-request", "the devices %s and %s are on the same port %s",
						     registry->entries[j].device.id, registry->entries[i].device.id, ports[i]);
	}
	return 0;
}

static int refuse_shared_ports(const struct registry *registry, struct job_fault *ret_fault)
{
	char **ports = calloc(registry->count + 1, sizeof(*ports));
	if (ports == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < registry->count; i++)
		ports[i] = resolved_port(registry->entries[i].device.port);
	int result = compare_ports(ports, registry, ret_fault);
	for (size_t i = 0; i < registry->count; i++)
		free(ports[i]);
	free(ports);
	return result;
}

int registry_new(const struct config *config, struct store *store, struct event_bus *events, struct job_fault *ret_fault,
		 struct registry **ret)
{
	struct registry *registry = calloc(1, sizeof(*registry) + config->device_count * sizeof(registry->entries[0]));
	if (registry == NULL)
		return -ENOMEM;
	registry->store = store;
	registry->events = events;
	pthread_mutex_init(&registry->change, NULL);
	pthread_mutex_init(&registry->lock, NULL);
	int result = 0;
	for (size_t i = 0; result == 0 && i < config->device_count; i++)
		result = load_entry(registry, config, &config->devices[i], ret_fault);
	if (result == 0)
		result = refuse_shared_ports(registry, ret_fault);
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
	pthread_mutex_destroy(&registry->lock);
	pthread_mutex_destroy(&registry->change);
	free(registry);
}

size_t registry_count(const struct registry *registry)
{
	return registry->count;
}

const struct profile *registry_profile(struct registry *registry, const char *id)
{
	const struct entry *entry = find(registry, id);
	return entry != NULL ? entry->profile : NULL;
}

int registry_get(struct registry *registry, const char *id, struct device *ret, struct job_fault *ret_fault)
{
	const struct entry *entry = find(registry, id);
	if (entry == NULL)
		return job_fault_set(ret_fault, "not-found", "there is no device %s", id);
	pthread_mutex_lock(&registry->lock);
	*ret = snapshot(entry);
	pthread_mutex_unlock(&registry->lock);
	return 0;
}

int registry_list(struct registry *registry, struct device **ret, size_t *ret_count)
{
	struct device *devices = calloc(registry->count + 1, sizeof(*devices));
	if (devices == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&registry->lock);
	for (size_t i = 0; i < registry->count; i++)
		devices[i] = snapshot(&registry->entries[i]);
	pthread_mutex_unlock(&registry->lock);
	*ret = devices;
	*ret_count = registry->count;
	return 0;
}

bool registry_present(struct registry *registry, const char *id)
{
	const struct entry *entry = find(registry, id);
	if (entry == NULL)
		return false;
	pthread_mutex_lock(&registry->lock);
	bool present = entry->present;
	pthread_mutex_unlock(&registry->lock);
	return present;
}

static int save(struct registry *registry, const struct device *device, bool labels_patched, struct job_fault *ret_fault)
{
	struct device_row row = {.maintenance = device->maintenance, .labels_patched = labels_patched};
	memcpy(row.id, device->id, sizeof(row.id));
	memcpy(row.alias, device->alias, sizeof(row.alias));
	if (labels_patched) {
		row.label_count = device->label_count;
		memcpy(row.labels, device->labels, sizeof(row.labels));
	}
	row.modem = device->modem;
	row.seen_at_ms = device->seen_at_ms;
	return store_device_save(registry->store, &row, ret_fault);
}

/* On disk, then seen, then published. The caller holds `change`, so that nobody else writes the entry meanwhile. */
static int keep(struct registry *registry, struct entry *entry, const struct device *next, bool labels_patched, struct job_fault *ret_fault)
{
	int result = save(registry, next, labels_patched, ret_fault);
	if (result < 0)
		return result;
	pthread_mutex_lock(&registry->lock);
	entry->device = *next;
	entry->labels_patched = labels_patched;
	struct device now = snapshot(entry);
	pthread_mutex_unlock(&registry->lock);
	event_publish_device(registry->events, EVENT_DEVICE_CHANGED, &now);
	return 0;
}

int registry_patch(struct registry *registry, const char *id, const struct device_patch *patch, struct device *ret,
		   struct job_fault *ret_fault)
{
	struct entry *entry = find(registry, id);
	if (entry == NULL)
		return job_fault_set(ret_fault, "not-found", "there is no device %s", id);
	pthread_mutex_lock(&registry->change);
	struct device next = entry->device;
	if (patch->set_labels) {
		next.label_count = patch->label_count;
		memcpy(next.labels, patch->labels, sizeof(next.labels));
	}
	if (patch->set_alias)
		memcpy(next.alias, patch->alias, sizeof(next.alias));
	if (patch->set_maintenance)
		next.maintenance = patch->maintenance;
	int result = keep(registry, entry, &next, entry->labels_patched || patch->set_labels, ret_fault);
	*ret = snapshot(entry);
	pthread_mutex_unlock(&registry->change);
	return result;
}

static void merge_text(char *known, size_t size, const char *told)
{
	if (told[0] != '\0')
		snprintf(known, size, "%s", told);
}

static void merge_modem(struct device_modem *known, const struct modem_info *told, bool identity)
{
	if (told->boot_mode != BOOT_MODE_UNKNOWN) {
		known->boot_mode = (int)told->boot_mode;
		snprintf(known->boot_mode_name, sizeof(known->boot_mode_name), "%s", boot_mode_name(told->boot_mode));
	}
	if (told->family != FAMILY_UNKNOWN)
		snprintf(known->family, sizeof(known->family), "%s", modem_family_name(told->family));
	merge_text(known->ue, sizeof(known->ue), told->ue);
	merge_text(known->release, sizeof(known->release), told->release);
	if (told->build != 0)
		known->build = told->build;
	if (identity || known->imei[0] == '\0')
		merge_text(known->imei, sizeof(known->imei), told->imei);
	if (told->rate_bps != 0)
		known->rate_bps = told->rate_bps;
}

int registry_learn(struct registry *registry, const char *id, const struct modem_info *info, bool identity, int64_t now_ms,
		   struct job_fault *ret_fault)
{
	struct entry *entry = find(registry, id);
	if (entry == NULL)
		return job_fault_set(ret_fault, "not-found", "there is no device %s", id);
	pthread_mutex_lock(&registry->change);
	struct device next = entry->device;
	merge_modem(&next.modem, info, identity);
	next.seen_at_ms = now_ms;
	int result = keep(registry, entry, &next, entry->labels_patched, ret_fault);
	pthread_mutex_unlock(&registry->change);
	return result;
}

int registry_forget_boot_mode(struct registry *registry, const char *id, struct job_fault *ret_fault)
{
	struct entry *entry = find(registry, id);
	if (entry == NULL)
		return job_fault_set(ret_fault, "not-found", "there is no device %s", id);
	pthread_mutex_lock(&registry->change);
	struct device next = entry->device;
	next.modem.boot_mode = BOOT_MODE_UNKNOWN;
	next.modem.boot_mode_name[0] = '\0';
	int result = keep(registry, entry, &next, entry->labels_patched, ret_fault);
	pthread_mutex_unlock(&registry->change);
	return result;
}

void registry_set_job(struct registry *registry, const char *id, const char *job, bool running)
{
	struct entry *entry = find(registry, id);
	if (entry == NULL)
		return;
	pthread_mutex_lock(&registry->change);
	pthread_mutex_lock(&registry->lock);
	bool same = entry->running == running && strcmp(entry->device.job, job) == 0;
	snprintf(entry->device.job, sizeof(entry->device.job), "%s", job);
	entry->running = running;
	struct device now = snapshot(entry);
	pthread_mutex_unlock(&registry->lock);
	if (!same)
		event_publish_device(registry->events, EVENT_DEVICE_CHANGED, &now);
	pthread_mutex_unlock(&registry->change);
}

void registry_set_lease(struct registry *registry, const char *id, const struct device_lease *lease)
{
	struct entry *entry = find(registry, id);
	if (entry == NULL)
		return;
	pthread_mutex_lock(&registry->change);
	pthread_mutex_lock(&registry->lock);
	entry->device.lease = *lease;
	struct device now = snapshot(entry);
	pthread_mutex_unlock(&registry->lock);
	event_publish_device(registry->events, EVENT_DEVICE_CHANGED, &now);
	pthread_mutex_unlock(&registry->change);
}

/* Returns whether that is news. */
static bool check_port(struct registry *registry, struct entry *entry, bool *ret_present)
{
	bool present = port_exists(entry->port);
	pthread_mutex_lock(&registry->change);
	pthread_mutex_lock(&registry->lock);
	bool same = entry->present == present;
	entry->present = present;
	struct device now = snapshot(entry);
	pthread_mutex_unlock(&registry->lock);
	if (!same) {
		log_info(now.id, "the port %s %s", now.port, present ? "is there" : "is gone");
		event_publish_device(registry->events, EVENT_DEVICE_CHANGED, &now);
	}
	pthread_mutex_unlock(&registry->change);
	*ret_present = present;
	return !same;
}

bool registry_check_port(struct registry *registry, const char *id)
{
	bool present = false;
	struct entry *entry = find(registry, id);
	if (entry != NULL)
		check_port(registry, entry, &present);
	return present;
}

bool registry_check_ports(struct registry *registry)
{
	bool one_came = false;
	for (size_t i = 0; i < registry->count; i++) {
		bool present;
		if (check_port(registry, &registry->entries[i], &present))
			one_came = one_came || present;
	}
	return one_came;
}
