/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/config_reader.h"

/* Makes room for one element more, which is all 0. The room doubles: there is more of it whenever the count is a power of two. */
static int grow(void *array, size_t count, size_t size)
{
	void *old;
	memcpy(&old, array, sizeof(old));
	bool is_full = (count & (count - 1)) == 0;
	char *grown = is_full ? reallocarray(old, count > 0 ? 2 * count : 1, size) : old;
	if (grown == NULL)
		return -ENOMEM;
	memset(grown + count * size, 0, size);
	memcpy(array, &grown, sizeof(grown));
	return 0;
}

static int begin_device(struct config *config, struct config_places *places, const char *id, int line, struct config_why why)
{
	if (!device_id_valid(id))
		return config_refuse(why, "a device's id has 1 to 63 characters of A-Z a-z 0-9 . _ -");
	uintptr_t known = (uintptr_t)name_index_find(&places->devices_by_id, id);
	if (known != 0)
		return config_refuse(why, "the device is already in line %d", config->devices[known - 1].line);
	int error = name_index_put(&places->devices_by_id, id, (void *)(uintptr_t)(config->device_count + 1));
	if (error == 0)
		error = grow(&places->devices, config->device_count, sizeof(*places->devices));
	if (error == 0)
		error = grow(&config->devices, config->device_count, sizeof(*config->devices));
	if (error < 0)
		return error;
	struct config_device *device = &config->devices[config->device_count++];
	snprintf(device->id, sizeof(device->id), "%s", id);
	device->line = line;
	return 0;
}

static int begin_host(struct config *config, const char *name, int line, struct config_why why)
{
	if (!config_host_name_valid(name) || strlen(name) >= sizeof(config->hosts->name))
		return config_refuse(why, "a host is a name or an address, with :port where it is meant for one port only");
	for (size_t i = 0; i < config->host_count; i++)
		if (strcasecmp(config->hosts[i].name, name) == 0)
			return config_refuse(why, "the host is already in line %d", config->hosts[i].line);
	int error = grow(&config->hosts, config->host_count, sizeof(*config->hosts));
	if (error < 0)
		return error;
	struct config_host *host = &config->hosts[config->host_count++];
	memcpy(host->name, name, strlen(name) + 1);
	host->line = line;
	return 0;
}

/* A profile starts as the built-in one of its name, else as auto; `base` says otherwise. */
static int begin_profile(struct config *config, struct config_places *places, const char *name, int line, struct config_why why)
{
	if (!device_id_valid(name) || strlen(name) >= sizeof(config->profiles->name))
		return config_refuse(why, "a profile's name has 1 to 31 characters of A-Z a-z 0-9 . _ -");
	for (size_t i = 0; i < config->profile_count; i++)
		if (strcmp(config->profiles[i].name, name) == 0)
			return config_refuse(why, "the profile is already in line %d", places->profiles[i]);
	int error = grow(&places->profiles, config->profile_count, sizeof(*places->profiles));
	if (error == 0)
		error = grow(&config->profiles, config->profile_count, sizeof(*config->profiles));
	if (error < 0)
		return error;
	places->profiles[config->profile_count] = line;
	const struct profile *base = profile_builtin(name);
	if (base == NULL)
		base = profile_builtin("auto");
	struct profile *profile = &config->profiles[config->profile_count++];
	*profile = *base;
	snprintf(profile->name, sizeof(profile->name), "%s", name);
	return 0;
}

static int begin_board(struct config *config, struct config_places *places, const char *name, int line, struct config_why why)
{
	if (!device_id_valid(name) || strlen(name) >= sizeof(config->boards->name))
		return config_refuse(why, "a board's name has 1 to 31 characters of A-Z a-z 0-9 . _ -");
	for (size_t i = 0; i < config->board_count; i++)
		if (strcmp(config->boards[i].name, name) == 0)
			return config_refuse(why, "the board is already in line %d", places->boards[i].section);
	int error = grow(&places->boards, config->board_count, sizeof(*places->boards));
	if (error == 0)
		error = grow(&config->boards, config->board_count, sizeof(*config->boards));
	if (error < 0)
		return error;
	places->boards[config->board_count].section = line;
	struct usb_board_rule *board = &config->boards[config->board_count++];
	memcpy(board->name, name, strlen(name) + 1);
	strcpy(board->profile, "auto");
	board->interface = -1;
	return 0;
}

static int begin_hub(struct config *config, const char *path, int line, struct config_why why)
{
	if (!config_hub_name_valid(path) || strlen(path) >= sizeof(config->hubs->path))
		return config_refuse(why, "a hub is named as the kernel does: 1-1.4, or usb1 for that of a controller");
	for (size_t i = 0; i < config->hub_count; i++)
		if (strcmp(config->hubs[i].path, path) == 0)
			return config_refuse(why, "the hub is already in line %d", config->hubs[i].line);
	int error = grow(&config->hubs, config->hub_count, sizeof(*config->hubs));
	if (error < 0)
		return error;
	struct config_hub *hub = &config->hubs[config->hub_count++];
	memcpy(hub->path, path, strlen(path) + 1);
	hub->ganged = true;
	hub->line = line;
	return 0;
}

static int begin_window(struct config *config, struct config_places *places, const char *name, int line, struct config_why why)
{
	if (!device_id_valid(name) || strlen(name) >= sizeof(config->windows->name))
		return config_refuse(why, "a window's name has 1 to 31 characters of A-Z a-z 0-9 . _ -");
	for (size_t i = 0; i < config->window_count; i++)
		if (strcmp(config->windows[i].name, name) == 0)
			return config_refuse(why, "the window is already in line %d", places->windows[i]);
	int error = grow(&places->windows, config->window_count, sizeof(*places->windows));
	if (error == 0)
		error = grow(&config->windows, config->window_count, sizeof(*config->windows));
	if (error < 0)
		return error;
	places->windows[config->window_count] = line;
	struct window *window = &config->windows[config->window_count++];
	*window = WINDOW_EMPTY;
	memcpy(window->name, name, strlen(name) + 1);
	return 0;
}

static int begin_limit(struct config *config, const char *name, int line, struct config_why why)
{
	if (!device_id_valid(name) || strlen(name) >= sizeof(config->limits->name))
		return config_refuse(why, "a limit's name has 1 to 31 characters of A-Z a-z 0-9 . _ -");
	for (size_t i = 0; i < config->limit_count; i++)
		if (strcmp(config->limits[i].name, name) == 0)
			return config_refuse(why, "the limit is already in line %d", config->limits[i].line);
	if (config->limit_count == CONFIG_LIMITS_MAX)
		return config_refuse(why, "there are at most %u limits", CONFIG_LIMITS_MAX);
	struct config_limit *limit = &config->limits[config->limit_count++];
	memcpy(limit->name, name, strlen(name) + 1);
	limit->line = line;
	return 0;
}

bool config_section_has_name(enum config_section section)
{
	return section == SECTION_DEVICE || section == SECTION_PROFILE || section == SECTION_HOST || section == SECTION_BOARD ||
	       section == SECTION_HUB || section == SECTION_WINDOW || section == SECTION_LIMIT;
}

int config_begin(struct config *config, struct config_places *places, enum config_section section, const char *name, int line,
		 struct config_why why)
{
	if (section == SECTION_DEVICE)
		return begin_device(config, places, name, line, why);
	if (section == SECTION_PROFILE)
		return begin_profile(config, places, name, line, why);
	if (section == SECTION_BOARD)
		return begin_board(config, places, name, line, why);
	if (section == SECTION_WINDOW)
		return begin_window(config, places, name, line, why);
	if (section == SECTION_LIMIT)
		return begin_limit(config, name, line, why);
	return section == SECTION_HUB ? begin_hub(config, name, line, why) : begin_host(config, name, line, why);
}

void *config_section_target(struct config *config, enum config_section section)
{
	if (section == SECTION_DEVICE)
		return &config->devices[config->device_count - 1];
	if (section == SECTION_PROFILE)
		return &config->profiles[config->profile_count - 1];
	if (section == SECTION_BOARD)
		return &config->boards[config->board_count - 1];
	if (section == SECTION_HUB)
		return &config->hubs[config->hub_count - 1];
	if (section == SECTION_WINDOW)
		return &config->windows[config->window_count - 1];
	if (section == SECTION_LIMIT)
		return &config->limits[config->limit_count - 1];
	return section == SECTION_HOST ? (void *)&config->hosts[config->host_count - 1] : config;
}

void config_places_clear(struct config_places *places)
{
	name_index_clear(&places->devices_by_id);
	free(places->devices);
	free(places->boards);
	free(places->windows);
	free(places->profiles);
	*places = (struct config_places){0};
}
