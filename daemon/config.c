/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/config_reader.h"

#define DEFAULT_PATH   "/etc/dupgate/dupgate.conf"
#define DEFAULT_LISTEN "127.0.0.1:8480"
#define FILE_SIZE_MAX  (1024u * 1024u)

static int set_defaults(struct config *config)
{
	*config = (struct config){
	    .state_dir = "/var/lib/dupgate",
	    .cache_dir = "/var/cache/dupgate",
	    .log_level = LOG_LEVEL_INFO,
	    .max_event_clients = 1024,
	    .max_parallel = 64,
	    .attempts = 3,
	    .max_size = 64ull << 20,
	    .quota = 4ull << 30,
	    .trusted_keys_dir = "/etc/dupgate/keys",
	    .download = {.allow_http = true, .max_redirects = 5, .stall_s = 30, .attempts = 5, .max_parallel = 4},
	    .hotplug = true,
	    .hotplug_power = true,
	    .power = {.off_s = 10, .min_interval_s = 60, .command_timeout_s = 60},
	    .health = {.probe_every_s = 0, .quarantine_after = 3},
	    .audit_keep_days = 90,
	    .audit_keep_entries = 100000,
	    .history_keep_days = 365,
	    .history_keep_jobs = 100000,
	};
	char why[64];
	return config_set_listen(config, DEFAULT_LISTEN, (struct config_why){why, sizeof(why)});
}

void config_clear(struct config *config)
{
	free(config->listen);
	free(config->devices);
	free(config->boards);
	free(config->hubs);
	free(config->windows);
	free(config->profiles);
	if (config->hosts != NULL)
		explicit_bzero(config->hosts, config->host_count * sizeof(*config->hosts));
	free(config->hosts);
	*config = (struct config){0};
}

const struct profile *config_profile(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->profile_count; i++)
		if (strcmp(config->profiles[i].name, name) == 0)
			return &config->profiles[i];
	return profile_builtin(name);
}

bool config_hub_is_ganged(const struct config *config, const char *path)
{
	for (size_t i = 0; i < config->hub_count; i++)
		if (strcmp(config->hubs[i].path, path) == 0)
			return config->hubs[i].ganged;
	return true;
}

const struct window *config_window(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->window_count; i++)
		if (strcmp(config->windows[i].name, name) == 0)
			return &config->windows[i];
	return NULL;
}

/* The whole file, malloc'd. Read as a stream: it may be a pipe. ret_open: everybody may read or change it. */
static int read_file(const char *path, char **ret, size_t *ret_length, bool *ret_open)
{
	struct stat st;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return -errno;
	*ret_open = fstat(fileno(file), &st) < 0 || (S_ISREG(st.st_mode) && (st.st_mode & S_IRWXO) != 0);
	char *text = malloc(FILE_SIZE_MAX + 1);
	if (text == NULL) {
		fclose(file);
		return -ENOMEM;
	}
	size_t length = fread(text, 1, FILE_SIZE_MAX + 1, file);
	int error = ferror(file) ? -errno : 0;
	fclose(file);
	if (error == 0 && length > FILE_SIZE_MAX)
		error = -EFBIG;
	if (error < 0) {
		free(text);
		return error;
	}
	*ret = text;
	*ret_length = length;
	return 0;
}

/* The service reads it by its group; nobody else has to. */
static int check_secrets(const char *path, bool open, const struct config_places *places, struct config_why why)
{
	if (places->secret == 0 || !open)
		return 0;
	return config_refuse(why, "%s:%d: %s: a file with this in it must not be open to everybody: chmod o= %s", path, places->secret,
			     places->secret_key, path);
}

static int load(const char *path, bool required, struct config *config, struct config_why why)
{
	struct config_places places = {0};
	char *text = NULL;
	size_t length = 0;
	bool open = false;
	int error = read_file(path, &text, &length, &open);
	if (error == -ENOENT && !required)
		return 0;
	if (error < 0) {
		config_refuse(why, "%s: cannot be read: %s", path, strerror(-error));
		return error;
	}
	error = config_read(path, text, length, config, &places, why);
	if (error == 0)
		error = config_check(path, config, &places, why);
	if (error == 0)
		error = check_secrets(path, open, &places, why);
	config_places_clear(&places);
	explicit_bzero(text, length);
	free(text);
	return error;
}

int config_load(const char *path, struct config *ret, char *ret_error, size_t ret_error_size)
{
	struct config_why why = {ret_error, ret_error_size};
	int error = set_defaults(ret);
	if (error == 0)
		error = load(path != NULL ? path : DEFAULT_PATH, path != NULL, ret, why);
	if (error == -ENOMEM)
		config_refuse(why, "%s", strerror(ENOMEM));
	if (error < 0)
		config_clear(ret);
	return error;
}
