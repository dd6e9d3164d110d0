/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/selector.h"
#include "daemon/time_zone.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct config_key {
	enum config_section section;
	const char *name;
	int (*set)(void *target, const struct config_key *key, const char *value, struct config_why why);
	size_t offset; /* of the member in the target */
	size_t size;   /* of a text */
	unsigned least, most;
};

static const char *const section_names[] = {
    [SECTION_DAEMON] = "daemon",     [SECTION_HTTP] = "http",     [SECTION_JOBS] = "jobs",       [SECTION_FIRMWARE] = "firmware",
    [SECTION_DOWNLOAD] = "download", [SECTION_HOST] = "host",     [SECTION_HOTPLUG] = "hotplug", [SECTION_DEVICE] = "device",
    [SECTION_PROFILE] = "profile",   [SECTION_POWER] = "power",   [SECTION_HEALTH] = "health",   [SECTION_BOARD] = "board",
    [SECTION_HUB] = "hub",           [SECTION_WINDOW] = "window", [SECTION_AUDIT] = "audit",     [SECTION_HISTORY] = "history",
    [SECTION_LIMITS] = "limits",     [SECTION_LIMIT] = "limit",   [SECTION_COUNT] = NULL,
};

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

const char *config_section_name(enum config_section section)
{
	return section_names[section];
}

int config_refuse(struct config_why why, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why.text, why.size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static void *member_of(void *target, const struct config_key *key)
{
	return (char *)target + key->offset;
}

static int set_text(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	if (strlen(value) >= key->size)
		return config_refuse(why, "has at most %zu bytes", key->size - 1);
	memcpy(member_of(target, key), value, strlen(value) + 1);
	return 0;
}

static int set_path(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	if (value[0] != '/')
		return config_refuse(why, "\"%s\" is not an absolute path", value);
	return set_text(target, key, value, why);
}

static int set_path_or_nothing(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	return value[0] == '\0' ? set_text(target, key, value, why) : set_path(target, key, value, why);
}

/* The path of a file that can be read now, or nothing: found out at the start, not with the first download. */
static int set_file_or_nothing(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	int error = set_path_or_nothing(target, key, value, why);
	if (error < 0 || value[0] == '\0' || access(value, R_OK) == 0)
		return error;
	return config_refuse(why, "%s cannot be read: %s", value, strerror(errno));
}

static int set_level(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	enum log_level *level = member_of(target, key);
	for (size_t i = 0; i < COUNT_OF(level_names); i++) {
		if (strcmp(level_names[i], value) != 0)
			continue;
		*level = (enum log_level)i;
		return 0;
	}
	return config_refuse(why, "\"%s\" is none of error, warning, info, debug", value);
}

static int set_listen(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	(void)key;
	return config_set_listen(target, value, why);
}

bool config_read_number(const char **text, uint64_t *ret)
{
	size_t digits = strspn(*text, "0123456789");
	errno = 0;
	*ret = strtoull(*text, NULL, 10);
	*text += digits;
	return digits > 0 && errno == 0;
}

static int set_number(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	unsigned *number = member_of(target, key);
	uint64_t parsed;
	const char *end = value;
	if (!config_read_number(&end, &parsed) || *end != '\0' || parsed < key->least || parsed > key->most)
		return config_refuse(why, "\"%s\" is not a number from %u to %u", value, key->least, key->most);
	*number = (unsigned)parsed;
	return 0;
}

/* "64M": bytes, with K, M, G or T for powers of 1024. */
static int set_size(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	static const char units[] = "KMGT";
	uint64_t *size = member_of(target, key);
	uint64_t parsed;
	const char *end = value;
	bool good = config_read_number(&end, &parsed) && parsed > 0;
	const char *unit = good && *end != '\0' ? strchr(units, *end) : NULL;
	unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
	if (!good || end[unit != NULL] != '\0')
		return config_refuse(why, "\"%s\" is not a size: write bytes, or a number with K, M, G or T", value);
	if (parsed > (uint64_t)INT64_MAX >> shift)
		return config_refuse(why, "\"%s\" is more than any disk has", value);
	*size = parsed << shift;
	return 0;
}

static int set_truth(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};
	bool *truth = member_of(target, key);
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(words[i], value) != 0)
			continue;
		*truth = i % 2 == 1;
		return 0;
	}
	return config_refuse(why, "\"%s\" is neither yes nor no", value);
}

static int set_port(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	int error = config_check_port(value, why);
	return error < 0 ? error : set_text(target, key, value, why);
}

static int set_power(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	int error = config_check_power(value, why);
	return error < 0 ? error : set_text(target, key, value, why);
}

static int set_hotplug_power(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	bool *automatic = member_of(target, key);
	if (strcmp(value, "auto") != 0 && strcmp(value, "none") != 0)
		return config_refuse(why, "\"%s\" is neither auto nor none", value);
	*automatic = strcmp(value, "auto") == 0;
	return 0;
}

static int set_labels(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	(void)key;
	return config_add_labels(target, value, why);
}

static int set_usb_ids(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	(void)key;
	return config_add_usb_ids(target, value, why);
}

/* A number that may also be unsaid, -1. */
static int set_interface(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	int *number = member_of(target, key);
	uint64_t parsed;
	const char *end = value;
	if (!config_read_number(&end, &parsed) || *end != '\0' || parsed > UINT8_MAX)
		return config_refuse(why, "\"%s\" is not the number of an interface, from 0 to %u", value, UINT8_MAX);
	*number = (int)parsed;
	return 0;
}

/* Printable and without blanks: it becomes part of a line of a request. */
static int set_word(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	for (const char *c = value; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return config_refuse(why, "it has a character that is not printable ASCII, or a blank");
	return set_text(target, key, value, why);
}

static int set_user(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	return strchr(value, ':') != NULL ? config_refuse(why, "a user has no colon") : set_word(target, key, value, why);
}

static int set_proxy(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
	bool known = value[0] == '\0';
	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		known |= strncmp(value, schemes[i], strlen(schemes[i])) == 0 && value[strlen(schemes[i])] != '\0';
	return known ? set_word(target, key, value, why)
		     : config_refuse(why, "a proxy begins with http://, https://, socks5:// or socks5h://");
}

bool config_is_secret(enum config_section section, const char *key, const char *value)
{
	if (section == SECTION_HOST)
		return value[0] != '\0' && (strcmp(key, "password") == 0 || strcmp(key, "token") == 0);
	return section == SECTION_DOWNLOAD && strcmp(key, "proxy") == 0 && strchr(value, '@') != NULL;
}

bool config_host_name_valid(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
	const char *end = name + (name[0] == '[' ? strspn(name + 1, "0123456789abcdefABCDEF:.") + 1 : strspn(name, letters));
	uint64_t port;
	if (end == name || (name[0] == '[' && (end == name + 1 || *end++ != ']')))
		return false;
	if (*end == '\0')
		return true;
	end++;
	return end[-1] == ':' && config_read_number(&end, &port) && *end == '\0' && port >= 1 && port <= 65535;
}

static int set_window(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	struct time_zone *zone = NULL;
	const char *problem = window_set(target, key->name, value);
	if (problem != NULL)
		return config_refuse(why, "\"%s\": %s", value, problem);
	if (strcmp(key->name, "zone") != 0)
		return 0;
	int error = time_zone_load(value, &zone);
	time_zone_free(zone);
	return error == 0 || error == -ENOMEM ? error : config_refuse(why, "this system has no time zone \"%s\"", value);
}

/* A limit counts what runs: what it counts must not depend on that. */
static int set_selector(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	struct selector *selector = NULL;
	struct job_fault fault = {0};
	int error = selector_compile(value, &selector, &fault);
	bool by_state = error == 0 && selector_asks(selector, DEVICE_MEMBER_STATE);
	selector_free(selector);
	if (error == -ENOMEM)
		return error;
	if (error < 0)
		return config_refuse(why, "%s", fault.message);
	return by_state ? config_refuse(why, "a limit cannot depend on the state of a device") : set_text(target, key, value, why);
}

static int set_label_key(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	const char *problem = label_problem(value, "1");
	return problem != NULL ? config_refuse(why, "\"%s\": %s", value, problem) : set_text(target, key, value, why);
}

static int set_group(void *target, const struct config_key *key, const char *value, struct config_why why)
{
	size_t length = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	if (length == 0 || value[length] != '\0' || length >= key->size)
		return config_refuse(why, "\"%s\": a group has 1 to 63 characters of A-Z a-z 0-9 . _ -", value);
	return set_text(target, key, value, why);
}

#define HOST_TEXT(member)    offsetof(struct config_host, member), sizeof(((struct config_host *)NULL)->member), 0, 0
#define CONFIG_TEXT(member)  offsetof(struct config, member), sizeof(((struct config *)NULL)->member), 0, 0
#define CONFIG_VALUE(member) offsetof(struct config, member), 0, 0, 0
#define DEVICE_TEXT(member)  offsetof(struct config_device, member), sizeof(((struct config_device *)NULL)->member), 0, 0
#define BOARD_TEXT(member)   offsetof(struct usb_board_rule, member), sizeof(((struct usb_board_rule *)NULL)->member), 0, 0
#define BOARD_VALUE(member)  offsetof(struct usb_board_rule, member), 0, 0, 0
#define HUB_VALUE(member)    offsetof(struct config_hub, member), 0, 0, 0
#define LIMIT_TEXT(member)   offsetof(struct config_limit, member), sizeof(((struct config_limit *)NULL)->member), 0, 0
#define LIMIT_COUNT(member)  offsetof(struct config_limit, member), 0
#define CONFIG_COUNT(member) offsetof(struct config, member), 0
#define THREADS_MOST         1024
#define EVENT_CLIENTS_MOST   16384
#define ATTEMPTS_MOST        100
#define REDIRECTS_MOST       50
#define DOWNLOADS_MOST       64
#define OFF_MOST_S           600
#define DAY_S                86400
#define WEEK_S               604800
#define HOUR_S               3600
#define FAILURES_MOST        100
#define DAYS_MOST            3650
#define ENTRIES_MOST         10000000

static const struct config_key keys[] = {
    {SECTION_DAEMON, "state_dir", set_path, CONFIG_TEXT(state_dir)},
    {SECTION_DAEMON, "cache_dir", set_path, CONFIG_TEXT(cache_dir)},
    {SECTION_DAEMON, "log_level", set_level, CONFIG_VALUE(log_level)},
    {SECTION_HTTP, "listen", set_listen, CONFIG_VALUE(listen)},
    {SECTION_HTTP, "token_file", set_path_or_nothing, CONFIG_TEXT(token_file)},
    {SECTION_HTTP, "max_event_clients", set_number, CONFIG_COUNT(max_event_clients), 1, EVENT_CLIENTS_MOST},
    {SECTION_JOBS, "max_parallel", set_number, CONFIG_COUNT(max_parallel), 1, THREADS_MOST},
    {SECTION_JOBS, "attempts", set_number, CONFIG_COUNT(attempts), 1, ATTEMPTS_MOST},
    {SECTION_FIRMWARE, "max_size", set_size, CONFIG_VALUE(max_size)},
    {SECTION_FIRMWARE, "quota", set_size, CONFIG_VALUE(quota)},
    {SECTION_FIRMWARE, "require_signature", set_truth, CONFIG_VALUE(require_signature)},
    {SECTION_FIRMWARE, "trusted_keys_dir", set_path, CONFIG_TEXT(trusted_keys_dir)},
    {SECTION_DOWNLOAD, "allow_http", set_truth, CONFIG_VALUE(download.allow_http)},
    {SECTION_DOWNLOAD, "proxy", set_proxy, CONFIG_TEXT(download.proxy)},
    {SECTION_DOWNLOAD, "ca_file", set_file_or_nothing, CONFIG_TEXT(download.ca_file)},
    {SECTION_DOWNLOAD, "max_redirects", set_number, CONFIG_COUNT(download.max_redirects), 0, REDIRECTS_MOST},
    {SECTION_DOWNLOAD, "stall_s", set_number, CONFIG_COUNT(download.stall_s), 1, HOUR_S},
    {SECTION_DOWNLOAD, "attempts", set_number, CONFIG_COUNT(download.attempts), 1, ATTEMPTS_MOST},
    {SECTION_DOWNLOAD, "max_parallel", set_number, CONFIG_COUNT(download.max_parallel), 1, DOWNLOADS_MOST},
    {SECTION_HOST, "user", set_user, HOST_TEXT(user)},
    {SECTION_HOST, "password", set_text, HOST_TEXT(password)},
    {SECTION_HOST, "token", set_word, HOST_TEXT(token)},
    {SECTION_HOST, "client_cert", set_file_or_nothing, HOST_TEXT(client_cert)},
    {SECTION_HOST, "client_key", set_file_or_nothing, HOST_TEXT(client_key)},
    {SECTION_HOST, "ca_file", set_file_or_nothing, HOST_TEXT(ca_file)},
    {SECTION_HOTPLUG, "enabled", set_truth, CONFIG_VALUE(hotplug)},
    {SECTION_HOTPLUG, "power", set_hotplug_power, CONFIG_VALUE(hotplug_power)},
    {SECTION_POWER, "off_s", set_number, CONFIG_COUNT(power.off_s), 1, OFF_MOST_S},
    {SECTION_POWER, "min_interval_s", set_number, CONFIG_COUNT(power.min_interval_s), 0, DAY_S},
    {SECTION_POWER, "command_timeout_s", set_number, CONFIG_COUNT(power.command_timeout_s), 1, HOUR_S},
    {SECTION_HEALTH, "probe_every_s", set_number, CONFIG_COUNT(health.probe_every_s), 0, WEEK_S},
    {SECTION_HEALTH, "quarantine_after", set_number, CONFIG_COUNT(health.quarantine_after), 0, FAILURES_MOST},
    {SECTION_AUDIT, "keep_days", set_number, CONFIG_COUNT(audit_keep_days), 1, DAYS_MOST},
    {SECTION_AUDIT, "keep_entries", set_number, CONFIG_COUNT(audit_keep_entries), 100, ENTRIES_MOST},
    {SECTION_HISTORY, "keep_days", set_number, CONFIG_COUNT(history_keep_days), 0, DAYS_MOST},
    {SECTION_HISTORY, "keep_jobs", set_number, CONFIG_COUNT(history_keep_jobs), 0, ENTRIES_MOST},
    {SECTION_BOARD, "usb", set_usb_ids, 0, 0, 0, 0},
    {SECTION_BOARD, "interface", set_interface, BOARD_VALUE(interface)},
    {SECTION_BOARD, "profile", set_text, BOARD_TEXT(profile)},
    {SECTION_HUB, "ganged", set_truth, HUB_VALUE(ganged)},
    {SECTION_WINDOW, "days", set_window, 0, 0, 0, 0},
    {SECTION_WINDOW, "from", set_window, 0, 0, 0, 0},
    {SECTION_WINDOW, "length", set_window, 0, 0, 0, 0},
    {SECTION_WINDOW, "zone", set_window, 0, 0, 0, 0},
    {SECTION_LIMITS, "per_controller", set_number, CONFIG_COUNT(per_controller), 0, THREADS_MOST},
    {SECTION_LIMITS, "per_hub", set_number, CONFIG_COUNT(per_hub), 0, THREADS_MOST},
    {SECTION_LIMIT, "max_parallel", set_number, LIMIT_COUNT(max_parallel), 1, THREADS_MOST},
    {SECTION_LIMIT, "selector", set_selector, LIMIT_TEXT(selector)},
    {SECTION_LIMIT, "each", set_label_key, LIMIT_TEXT(each)},
    {SECTION_DEVICE, "port", set_port, DEVICE_TEXT(port)},
    {SECTION_DEVICE, "profile", set_text, DEVICE_TEXT(profile)},
    {SECTION_DEVICE, "labels", set_labels, 0, 0, 0, 0},
    {SECTION_DEVICE, "power", set_power, DEVICE_TEXT(power)},
    {SECTION_DEVICE, "power_group", set_group, DEVICE_TEXT(power_group)},
};

int config_set(enum config_section section, void *target, const char *key, const char *value, struct config_why why)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (keys[i].section == section && strcmp(keys[i].name, key) == 0)
			return keys[i].set(target, &keys[i], value, why);
	return -ENOENT;
}
