/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"

#define AUTO "auto"

bool registry_entry_is_fixed(const struct registry_entry *entry)
{
	return entry->section != NULL && entry->section->port[0] != '\0';
}

static const struct profile *profile_of(const struct registry *registry, const char *name)
{
	return name[0] != '\0' ? config_profile(registry->config, name) : NULL;
}

void registry_choose_profile(const struct registry *registry, struct registry_entry *entry)
{
	const char *of_section = entry->section != NULL ? entry->section->profile : "";
	/* A board on USB that the configuration only labels has the profile that goes with it. */
	if (!registry_entry_is_fixed(entry) && strcmp(of_section, AUTO) == 0)
		of_section = "";
	const char *const names[] = {entry->given_profile, of_section, entry->found_profile, AUTO};
	entry->profile = NULL;
	for (size_t i = 0; entry->profile == NULL && i < sizeof(names) / sizeof(names[0]); i++)
		entry->profile = profile_of(registry, names[i]);
	memcpy(entry->device.profile, entry->profile->name, sizeof(entry->device.profile));
	entry->device.offered = !entry->named && entry->section == NULL && profile_of(registry, entry->given_profile) == NULL;
}

static void take_labels(struct registry_entry *entry, const struct device_row *row)
{
	const struct config_device *section = entry->section;
	struct device *device = &entry->device;
	entry->labels_patched = row->labels_patched;
	if (row->labels_patched) {
		device->label_count = row->label_count;
		memcpy(device->labels, row->labels, sizeof(device->labels));
	} else if (section != NULL) {
		device->label_count = section->label_count;
		memcpy(device->labels, section->labels, sizeof(device->labels));
	}
}

struct registry_entry *registry_make_entry(const struct registry *registry, const struct config_device *section,
					   const struct device_row *row)
{
	struct registry_entry *entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	struct device *device = &entry->device;
	entry->section = section;
	memcpy(entry->id, row->id, sizeof(entry->id));
	memcpy(device->id, row->id, sizeof(device->id));
	memcpy(device->alias, row->alias, sizeof(device->alias));
	memcpy(device->board, row->board, sizeof(device->board));
	memcpy(device->port, registry_entry_is_fixed(entry) ? section->port : row->port, sizeof(device->port));
	memcpy(entry->given_profile, row->profile, sizeof(entry->given_profile));
	memcpy(entry->found_profile, row->found_profile, sizeof(entry->found_profile));
	memcpy(entry->controller, row->controller, sizeof(entry->controller));
	device->maintenance = row->maintenance;
	device->modem = row->modem;
	device->seen_at_ms = row->seen_at_ms;
	device->quarantine = row->quarantine;
	device->taken_for_ffh = row->taken_for_ffh;
	device->usb = row->usb;
	entry->hotplugged = row->hotplugged;
	entry->named = !row->offered;
	take_labels(entry, row);
	entry->traits = 1;
	entry->present = registry_looks_present(entry);
	registry_choose_profile(registry, entry);
	if (entry->given_profile[0] != '\0' && profile_of(registry, entry->given_profile) == NULL)
		log_warning(entry->id, "the profile %s that it was given is not there any more: it has %s", entry->given_profile,
			    device->profile);
	return entry;
}

static int add(struct registry *registry, const struct config_device *section, const struct device_row *row)
{
	struct registry_entry *entry = registry_make_entry(registry, section, row);
	int result = entry != NULL ? registry_add(registry, entry) : -ENOMEM;
	if (result < 0)
		free(entry);
	return result;
}

/* So many in one transaction: at the first start each is written. */
#define SECTIONS_AT_ONCE 64u

static int check_profile(const struct registry *registry, const struct config_device *section, struct job_fault *ret_fault)
{
	if (section->profile[0] == '\0' || config_profile(registry->config, section->profile) != NULL)
		return 0;
	return job_fault_set(ret_fault, "invalid-request", "device %s: there is no profile %s", section->id, section->profile);
}

static int load_sections(struct registry *registry, const struct config_device *sections, size_t count, struct job_fault *ret_fault)
{
	struct device_row *rows = calloc(SECTIONS_AT_ONCE, sizeof(*rows));
	int result = rows != NULL ? 0 : -ENOMEM;
	for (size_t i = 0; result == 0 && i < count; i++) {
		memcpy(rows[i].id, sections[i].id, sizeof(rows[i].id));
		result = check_profile(registry, &sections[i], ret_fault);
	}
	if (result == 0)
		result = store_devices_load(registry->store, rows, count, ret_fault);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = add(registry, &sections[i], &rows[i]);
	free(rows);
	return result;
}

/* Those that were found on USB before: absent until the kernel says otherwise. */
static int load_hotplugged(struct registry *registry, struct job_fault *ret_fault)
{
	struct device_row *rows = NULL;
	size_t count = 0;
	int result = store_devices_hotplugged(registry->store, &rows, &count, ret_fault);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (registry_find(registry, rows[i].id) == NULL)
			result = add(registry, NULL, &rows[i]);
	free(rows);
	return result;
}

int registry_load(struct registry *registry, struct job_fault *ret_fault)
{
	const struct config *config = registry->config;
	int result = 0;
	for (size_t i = 0, count; result == 0 && i < config->device_count; i += count) {
		count = config->device_count - i < SECTIONS_AT_ONCE ? config->device_count - i : SECTIONS_AT_ONCE;
		result = load_sections(registry, &config->devices[i], count, ret_fault);
	}
	if (result == 0)
		result = load_hotplugged(registry, ret_fault);
	if (result == 0)
		result = registry_load_serials(registry, ret_fault);
	return result;
}
