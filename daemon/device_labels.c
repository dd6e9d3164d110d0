/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/device_labels.h"

#include <string.h>

static size_t find(const struct device *device, const char *key)
{
	size_t i = 0;
	while (i < device->label_count && strcmp(device->labels[i].key, key) != 0)
		i++;
	return i;
}

/* The others keep their order. */
static void take_out(struct device *device, const char *key)
{
	size_t place = find(device, key);
	if (place == device->label_count)
		return;
	device->label_count--;
	memmove(&device->labels[place], &device->labels[place + 1], (device->label_count - place) * sizeof(device->labels[0]));
}

static bool put(struct device *device, const struct label *label)
{
	size_t place = find(device, label->key);
	if (place == LABELS_MAX)
		return false;
	device->labels[place] = *label;
	device->label_count += place == device->label_count;
	return true;
}

int device_labels_patch(const struct device_patch *patch, struct device *device, struct job_fault *ret_fault)
{
	struct device next = *device;
	bool fit = true;
	if (!patch->merge_labels)
		next.label_count = 0;
	for (size_t i = 0; i < patch->removed_count; i++)
		take_out(&next, patch->removed[i]);
	for (size_t i = 0; i < patch->label_count && fit; i++)
		fit = put(&next, &patch->labels[i]);
	if (!fit)
		return job_fault_set(ret_fault, "invalid-request", "the device %s would have more than %u labels", device->id, LABELS_MAX);
	*device = next;
	return 0;
}
