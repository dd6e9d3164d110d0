/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config_reader.h"

static int check_device(const char *path, const struct config *config, struct config_device *device, const struct device_places *places,
			struct config_why why)
{
	if (device->port[0] == '\0' && !config->hotplug)
		return config_refuse(why, "%s:%d: [device %s] port: a device needs one, as [hotplug] is not enabled", path, device->line,
				     device->id);
	if (device->port[0] == '\0' && strpbrk(device->id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
		return config_refuse(why, "%s:%d: [device %s]: without a port it is a board on USB, whose id has no capitals", path,
				     device->line, device->id);
	if (device->port[0] != '\0' && device->profile[0] == '\0')
		strcpy(device->profile, "auto");
	if (device->profile[0] != '\0' && config_profile(config, device->profile) == NULL)
		return config_refuse(why, "%s:%d: [device %s] profile: there is no profile \"%s\"", path, places->profile, device->id,
				     device->profile);
	return 0;
}

static int check_devices(const char *path, struct config *config, const struct config_places *places, struct config_why why)
{
	int error = 0;
	for (size_t i = 0; error == 0 && i < config->device_count; i++)
		error = check_device(path, config, &config->devices[i], &places->devices[i], why);
	return error;
}

/* The two would both be for a port with this id. -1 is any interface. */
static bool boards_overlap(const struct usb_board_rule *a, const struct usb_board_rule *b, struct usb_board_id *ret_id)
{
	if (a->interface >= 0 && b->interface >= 0 && a->interface != b->interface)
		return false;
	for (size_t i = 0; i < a->id_count * b->id_count; i++) {
		const struct usb_board_id *id = &a->ids[i % a->id_count], *other = &b->ids[i / a->id_count];
		*ret_id = *id;
		if (id->vid == other->vid && id->pid == other->pid)
			return true;
	}
	return false;
}

static int check_boards(const char *path, const struct config *config, const struct config_places *places, struct config_why why)
{
	for (size_t i = 0; i < config->board_count; i++) {
		const struct usb_board_rule *board = &config->boards[i];
		const struct board_places *at = &places->boards[i];
		struct usb_board_id id;
		if (board->id_count == 0)
			return config_refuse(why, "%s:%d: [board %s] usb: a board needs an id", path, at->section, board->name);
		if (config_profile(config, board->profile) == NULL)
			return config_refuse(why, "%s:%d: [board %s] profile: there is no profile \"%s\"", path, at->profile, board->name,
					     board->profile);
		for (size_t j = 0; j < i; j++)
			if (boards_overlap(&config->boards[j], board, &id))
				return config_refuse(why, "%s:%d: [board %s] usb: %04x:%04x is an id of board %s already", path,
						     at->section, board->name, id.vid, id.pid, config->boards[j].name);
	}
	return 0;
}

static int check_profiles(const char *path, const struct config *config, const struct config_places *places, struct config_why why)
{
	for (size_t i = 0; i < config->profile_count; i++) {
		const struct profile *profile = &config->profiles[i];
		const char *contradiction = profile_contradiction(profile);
		if (contradiction != NULL)
			return config_refuse(why, "%s:%d: [profile %s] %s", path, places->profiles[i], profile->name, contradiction);
	}
	return 0;
}

/* A folder by its name, and where that leads: most ports are in the folder of the one before. */
struct folder {
	char name[256], real[PATH_MAX];
};

/* What realpath(3) gives, malloc'd; NULL when the path leads nowhere. */
static char *real_port(const char *port, struct folder *last)
{
	char path[PATH_MAX + 256], target[1];
	const char *slash = strrchr(port, '/');
	size_t length = slash != NULL ? (size_t)(slash - port) : 0;
	if (length == 0 || length >= sizeof(last->name) || slash[1] == '\0' || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0)
		return realpath(port, NULL);
	if (strncmp(last->name, port, length) != 0 || last->name[length] != '\0') {
		snprintf(last->name, sizeof(last->name), "%.*s", (int)length, port);
		if (realpath(last->name, last->real) == NULL)
			last->real[0] = '\0';
	}
	snprintf(path, sizeof(path), "%s%s", last->real, slash);
	if (last->real[0] == '\0' || strcmp(last->real, "/") == 0 || readlink(path, target, sizeof(target)) >= 0)
		return realpath(port, NULL);
	return errno == EINVAL ? strdup(path) : NULL; /* EINVAL: it is there, and no link */
}

/* Two strings can name one tty: a link of /dev/serial/by-id and what it points to. What does not exist yet is compared as it is written. */
static int check_port(const char *path, const struct config_device *device, int line, struct name_index *ports, struct folder *last,
		      struct config_why why)
{
	char *real = real_port(device->port, last);
	const char *name = real != NULL ? real : device->port;
	const struct config_device *other = name_index_find(ports, name);
	int error;
	if (other != NULL)
		error = config_refuse(why, "%s:%d: [device %s] port: %s is the port of device %s already", path, line, device->id,
				      device->port, other->id);
	else
		error = name_index_put(ports, name, (void *)(uintptr_t)device);
	free(real);
	return error;
}

static int check_ports(const char *path, const struct config *config, const struct config_places *places, struct config_why why)
{
	struct name_index ports = {0};
	struct folder last = {.name = ""};
	int error = 0;
	for (size_t i = 0; error == 0 && i < config->device_count; i++)
		if (config->devices[i].port[0] != '\0')
			error = check_port(path, &config->devices[i], places->devices[i].port, &ports, &last, why);
	name_index_clear(&ports);
	return error;
}

static int check_listen(const char *path, const struct config *config, const struct config_places *places, struct config_why why)
{
	for (size_t i = 0; config->token_file[0] == '\0' && i < config->listen_count; i++)
		if (!config_listen_is_local(config->listen[i]))
			return config_refuse(why,
					     "%s:%d: [http] listen: %s can be reached from other machines: name a file with a token in "
					     "token_file, or listen on 127.0.0.1",
					     path, places->listen, config->listen[i]);
	return 0;
}

static int check_hosts(const char *path, const struct config *config, struct config_why why)
{
	for (size_t i = 0; i < config->host_count; i++) {
		const struct config_host *host = &config->hosts[i];
		const char *trouble = NULL;
		if (host->token[0] != '\0' && host->user[0] != '\0')
			trouble = "user and token are two ways to say who asks: give one of them";
		else if (host->password[0] != '\0' && host->user[0] == '\0')
			trouble = "there is a password and no user";
		else if ((host->client_cert[0] == '\0') != (host->client_key[0] == '\0'))
			trouble = "client_cert and client_key go together";
		if (trouble != NULL)
			return config_refuse(why, "%s:%d: [host %s] %s", path, host->line, host->name, trouble);
	}
	return 0;
}

static int check_windows(const char *path, const struct config *config, const struct config_places *places, struct config_why why)
{
	for (size_t i = 0; i < config->window_count; i++) {
		const char *problem = window_problem(&config->windows[i]);
		if (problem != NULL)
			return config_refuse(why, "%s:%d: [window %s] %s", path, places->windows[i], config->windows[i].name, problem);
	}
	return 0;
}

static int check_limits(const char *path, const struct config *config, struct config_why why)
{
	for (size_t i = 0; i < config->limit_count; i++) {
		const struct config_limit *limit = &config->limits[i];
		const char *trouble = NULL;
		if (limit->max_parallel == 0)
			trouble = "max_parallel is missing";
		else if ((limit->selector[0] == '\0') == (limit->each[0] == '\0'))
			trouble = "a limit is for what a selector matches, or for each value of a label: give one of selector and each";
		if (trouble != NULL)
			return config_refuse(why, "%s:%d: [limit %s] %s", path, limit->line, limit->name, trouble);
	}
	return 0;
}

int config_check(const char *path, struct config *config, const struct config_places *places, struct config_why why)
{
	int error = check_devices(path, config, places, why);
	if (error == 0)
		error = check_boards(path, config, places, why);
	if (error == 0)
		error = check_profiles(path, config, places, why);
	if (error == 0)
		error = check_windows(path, config, places, why);
	if (error == 0)
		error = check_ports(path, config, places, why);
	if (error == 0)
		error = check_listen(path, config, places, why);
	if (error == 0)
		error = check_hosts(path, config, why);
	if (error == 0)
		error = check_limits(path, config, why);
	return error;
}
