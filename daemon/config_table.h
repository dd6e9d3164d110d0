/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of the configuration file and the grammar of their values. Pure, but for memory.
 */
#ifndef DAEMON_CONFIG_TABLE_H
#define DAEMON_CONFIG_TABLE_H

#include "daemon/config.h"

enum config_section {
	SECTION_DAEMON,
	SECTION_HTTP,
	SECTION_JOBS,
	SECTION_FIRMWARE,
	SECTION_DOWNLOAD,
	SECTION_HOST, /* [host NAME] */
	SECTION_HOTPLUG,
	SECTION_DEVICE,  /* [device ID] */
	SECTION_PROFILE, /* [profile NAME] */
	SECTION_COUNT
};

/* NULL after the last. */
const char *config_section_name(enum config_section section);

/* Where the sentence goes that says what is wrong with a value. */
struct config_why {
	char *text;
	size_t size;
};

/* Sets one value. target: struct config_device for SECTION_DEVICE, struct config_host for SECTION_HOST, else struct config. 0; -ENOENT unknown
 * key; -EINVAL bad value, with the reason, which never shows a secret; -ENOMEM. */
int config_set(enum config_section section, void *target, const char *key, const char *value, struct config_why why);

/* Fills config.listen from a comma-separated list: IPv4:port, [IPv6]:port, unix:/path. As config_set(). */
int config_set_listen(struct config *config, const char *value, struct config_why why);

/* 127.0.0.0/8, [::1] or a unix socket. The address is a valid one. */
bool config_listen_is_local(const char *address);

/* A value of this key lets its reader in somewhere: a password, a token, a proxy with credentials. */
bool config_is_secret(enum config_section section, const char *key, const char *value);

/* Letters, digits and `.-_`, an IPv6 address in brackets; with or without a port. */
bool config_host_name_valid(const char *name);

/* Writes the reason and returns -EINVAL. */
int config_refuse(struct config_why why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
