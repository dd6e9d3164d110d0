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
	};
	char why[64];
	return config_set_listen(config, DEFAULT_LISTEN, (struct config_why){why, sizeof(why)});
}

void config_clear(struct config *config)
{
	free(config->listen);
	free(config->devices);
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

static int check_devices(const char *path, const struct config *config, const struct config_places *places, struct config_why why)
{
	for (size_t i = 0; i < config->device_count; i++) {
		const struct config_device *device = &config->devices[i];
		if (device->port[0] == '\0')
			return config_refuse(why, "%s:%d: [device %s] port: a device needs one", path, device->line, device->id);
		if (config_profile(config, device->profile) == NULL)
			return config_refuse(why, "%s:%d: [device %s] profile: there is no profile \"%s\"", path,
					     places->devices[i].profile, device->id, device->profile);
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

/* Two strings can name one tty: a link of /dev/serial/by-id and what it points to. What does not exist yet is compared as it is written. */
static int check_ports(const char *path, const struct config *config, const struct config_places *places, struct config_why why)
{
	int error = 0;
	char **real = calloc(config->device_count + 1, sizeof(*real));
	if (real == NULL)
		return -ENOMEM;
	for (size_t i = 0; error == 0 && i < config->device_count; i++) {
		const struct config_device *device = &config->devices[i];
		real[i] = realpath(device->port, NULL);
		if (real[i] == NULL)
			real[i] = strdup(device->port);
		if (real[i] == NULL)
			error = -ENOMEM;
		for (size_t j = 0; error == 0 && j < i; j++)
			if (strcmp(real[i], real[j]) == 0)
				error = config_refuse(why, "%s:%d: [device %s] port: %s is the port of device %s already", path,
						      places->devices[i].port, device->id, device->port, config->devices[j].id);
	}
	for (size_t i = 0; i < config->device_count; i++)
		free(real[i]);
	free(real);
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
		error = check_devices(path, config, &places, why);
	if (error == 0)
		error = check_profiles(path, config, &places, why);
	if (error == 0)
		error = check_ports(path, config, &places, why);
	if (error == 0)
		error = check_listen(path, config, &places, why);
	if (error == 0)
		error = check_hosts(path, config, why);
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
