/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/limits.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/name_index.h"
#include "daemon/power_method.h"
#include "daemon/selector.h"

#define RULE_CONTROLLER CONFIG_LIMITS_MAX
#define RULE_HUB        (CONFIG_LIMITS_MAX + 1u)

struct limits {
	const struct config *config;
	struct selector *selectors[CONFIG_LIMITS_MAX];
	struct place {
		size_t rule; /* index of the section, or one of the two above */
		char value[64];
	} * places;
	size_t count;
	struct name_index by_name; /* of a rule and its value: the number of the place and 1 */
};

int limits_new(const struct config *config, struct job_fault *ret_fault, struct limits **ret)
{
	struct limits *limits = calloc(1, sizeof(*limits));
	int result = limits != NULL ? 0 : -ENOMEM;
	if (limits != NULL)
		limits->config = config;
	for (size_t i = 0; result == 0 && i < config->limit_count; i++)
		if (config->limits[i].each[0] == '\0')
			result = selector_compile(config->limits[i].selector, &limits->selectors[i], ret_fault);
	if (result < 0) {
		limits_free(limits);
		return result;
	}
	*ret = limits;
	return 0;
}

void limits_free(struct limits *limits)
{
	if (limits == NULL)
		return;
	for (size_t i = 0; i < CONFIG_LIMITS_MAX; i++)
		selector_free(limits->selectors[i]);
	free(limits->places);
	name_index_clear(&limits->by_name);
	free(limits);
}

bool limits_any(const struct limits *limits)
{
	const struct config *config = limits->config;
	return config->limit_count > 0 || config->per_controller > 0 || config->per_hub > 0;
}

/* Its number; SIZE_MAX when memory is out. */
static size_t place_of(struct limits *limits, size_t rule, const char *value)
{
	char name[96];
	snprintf(name, sizeof(name), "%zu %s", rule, value);
	uintptr_t known = (uintptr_t)name_index_find(&limits->by_name, name);
	if (known != 0)
		return known - 1;
	struct place *grown = reallocarray(limits->places, limits->count + 1, sizeof(*grown));
	if (grown == NULL)
		return SIZE_MAX;
	limits->places = grown;
	if (name_index_put(&limits->by_name, name, (void *)(uintptr_t)(limits->count + 1)) < 0)
		return SIZE_MAX;
	struct place *place = &limits->places[limits->count];
	place->rule = rule;
	snprintf(place->value, sizeof(place->value), "%s", value);
	return limits->count++;
}

static void add(struct limits *limits, size_t rule, const char *value, uint32_t ret[PLACES_MAX], size_t *count)
{
	size_t place = place_of(limits, rule, value);
	if (place != SIZE_MAX)
		ret[(*count)++] = (uint32_t)place;
}

static const char *label_of(const struct device *device, const char *key)
{
	for (size_t i = 0; i < device->label_count; i++)
		if (strcmp(device->labels[i].key, key) == 0)
			return device->labels[i].value;
	return NULL;
}

size_t limits_of(struct limits *limits, const struct device *device, const char *controller, uint32_t ret[PLACES_MAX])
{
	const struct config *config = limits->config;
	size_t count = 0;
	for (size_t i = 0; i < config->limit_count; i++) {
		const char *each = config->limits[i].each;
		const char *value = each[0] != '\0' ? label_of(device, each) : "";
		if (value != NULL && (each[0] != '\0' || selector_matches(limits->selectors[i], device)))
			add(limits, i, value, ret, &count);
	}
	char hub[64];
	if (config->per_controller > 0 && device->usb.known && controller[0] != '\0')
		add(limits, RULE_CONTROLLER, controller, ret, &count);
	if (config->per_hub > 0 && device->usb.known && power_hub_of(device->usb.path, hub, sizeof(hub)))
		add(limits, RULE_HUB, hub, ret, &count);
	return count;
}

size_t limits_count(const struct limits *limits)
{
	return limits->count;
}

unsigned limits_most(const struct limits *limits, uint32_t place)
{
	size_t rule = limits->places[place].rule;
	if (rule == RULE_CONTROLLER)
		return limits->config->per_controller;
	return rule == RULE_HUB ? limits->config->per_hub : limits->config->limits[rule].max_parallel;
}

void limits_describe(const struct limits *limits, uint32_t place, unsigned running, char *ret, size_t size)
{
	const struct place *about = &limits->places[place];
	char of_what[160];
	if (about->rule == RULE_CONTROLLER)
		snprintf(of_what, sizeof(of_what), "the limit of the USB controller %s", about->value);
	else if (about->rule == RULE_HUB)
		snprintf(of_what, sizeof(of_what), "the limit of the USB hub %s", about->value);
	else if (limits->config->limits[about->rule].each[0] != '\0')
		snprintf(of_what, sizeof(of_what), "the limit %s of %s=%s", limits->config->limits[about->rule].name,
			 limits->config->limits[about->rule].each, about->value);
	else
		snprintf(of_what, sizeof(of_what), "the limit %s", limits->config->limits[about->rule].name);
	snprintf(ret, size, "%s is reached: %u of %u jobs run", of_what, running, limits_most(limits, place));
}
