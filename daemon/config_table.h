/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of the configuration file and the grammar of their values. Pure, but for memory, and for a look whether
 * the files and programs that values name are there.
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
	SECTION_POWER,
	SECTION_HEALTH,
	SECTION_AUDIT,
	SECTION_HISTORY,
	SECTION_BOARD,  /* [board NAME] */
	SECTION_HUB,    /* [hub 1-1] */
	SECTION_WINDOW, /* [window NAME] */
	SECTION_LIMITS,
	SECTION_LIMIT,   /* [limit NAME] */
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

/* Sets one value. target: the struct config_device, usb_board_rule, config_hub, window, config_limit or config_host of SECTION_DEVICE, _BOARD, _HUB, _WINDOW, _LIMIT or _HOST, else
 * struct config. 0; -ENOENT unknown key; -EINVAL bad value, with the reason, which never shows a secret; -ENOMEM. */
int config_set(enum config_section section, void *target, const char *key, const char *value, struct config_why why);

/* Fills config.listen from a comma-separated list: IPv4:port, [IPv6]:port, unix:/path. As config_set(). */
int config_set_listen(struct config *config, const char *value, struct config_why why);

/* 127.0.0.0/8, [::1] or a unix socket. The address is a valid one. */
bool config_listen_is_local(const char *address);

/* A value of this key lets its reader in somewhere: a password, a token, a proxy with credentials. */
bool config_is_secret(enum config_section section, const char *key, const char *value);

/* Letters, digits and `.-_`, an IPv6 address in brackets; with or without a port. */
bool config_host_name_valid(const char *name);

/* The absolute path of a tty, rfc2217://host:port or tcp://host:port, an IPv6 address in brackets. */
int config_check_port(const char *value, struct config_why why);
/* none, usb-port:1-1.4, usb-authorized:1-1.4 or command:/path words, a program that can be run. */
int config_check_power(const char *value, struct config_why why);
/* key=value, several with commas between. */
int config_add_labels(struct config_device *device, const char *value, struct config_why why);
/* vid:pid, several with commas between. */
int config_add_usb_ids(struct usb_board_rule *board, const char *value, struct config_why why);
/* As the kernel names a hub: "1-1.4", or "usb1" for that of a controller. */
bool config_hub_name_valid(const char *name);

/* Decimal digits at the start of the text, which is moved past them. False when there are none or they do not fit. */
bool config_read_number(const char **text, uint64_t *ret);

/* Writes the reason and returns -EINVAL. */
int config_refuse(struct config_why why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
