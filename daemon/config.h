/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration file of design 7, read whole, then immutable.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "daemon/types.h"
#include "daemon/usb_board.h"
#include "daemon/window.h"
#include "transport/modem/profile.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct config_device {
	char id[DEVICE_ID_SIZE];
	char port[256];       /* "": what is said here is said of the board on USB that gets this id */
	char profile[32];     /* "": that of the board; never so when there is a port */
	char power_group[64]; /* whose command takes the power of all of them away; "": of none */
	char power[160];      /* "none", "usb-port:1-1.4", "usb-authorized:1-1.4", "command:/path words"; "": nothing is said */
	size_t label_count;
	struct label labels[LABELS_MAX];
	int line;
};

/* A hub of USB, by the kernel's name ("1-1", "usb1"). One without a section is ganged. */
struct config_hub {
	char path[32];
	bool ganged; /* its ports go off together */
	int line;
};

struct config_power {
	unsigned off_s;          /* how long a board stays without power; field-failures F01 */
	unsigned min_interval_s; /* between two power cycles of one device */
	unsigned command_timeout_s;
};

struct config_health {
	unsigned probe_every_s;    /* 0: devices that idle are left alone */
	unsigned quarantine_after; /* so many failures of the device class in a row; 0: never */
};

#define CONFIG_LIMITS_MAX 14u

/* [limit NAME]: so many jobs at once of the devices that are meant. */
struct config_limit {
	char name[32];
	unsigned max_parallel; /* 0: not said yet */
	char selector[256];    /* those that share it; "" with `each` "": not said yet */
	char each[32];         /* key of a label, each value of which has a limit of its own; "": none */
	int line;
};

/* What one host of downloads is shown, and nobody else. "": none. */
struct config_host {
	char name[256]; /* "firmware.example", "10.0.0.7:8443" */
	char user[128], password[256];
	char token[1024];
	char client_cert[256], client_key[256]; /* PEM files */
	char ca_file[256];
	int line;
};

struct config_download {
	bool allow_http;
	char proxy[512]; /* may hold credentials; "": none */
	char ca_file[256];
	unsigned max_redirects;
	unsigned stall_s;
	unsigned attempts;
	unsigned max_parallel;
};

struct config {
	char state_dir[256];
	char cache_dir[256];
	enum log_level log_level;
	char (*listen)[128]; /* listen_count of them */
	size_t listen_count;
	char token_file[256];
	unsigned max_event_clients;
	unsigned max_parallel;
	unsigned attempts;
	unsigned audit_keep_days, audit_keep_entries;
	unsigned history_keep_days, history_keep_jobs; /* 0: no bound */
	uint64_t max_size, quota;
	bool require_signature;
	char trusted_keys_dir[256];
	struct config_download download;
	struct config_host *hosts;
	size_t host_count;
	bool hotplug;
	bool hotplug_power; /* a board on USB without a setting of its own is switched at the port where it is, when that can be done */
	struct config_power power;
	struct config_health health;
	struct usb_board_rule *boards; /* in the order of the file */
	size_t board_count;
	struct config_hub *hubs;
	size_t hub_count;
	struct window *windows; /* each [window NAME] */
	size_t window_count;
	unsigned per_controller, per_hub; /* jobs at once on one of USB; 0: no limit */
	struct config_limit limits[CONFIG_LIMITS_MAX];
	size_t limit_count;
	struct config_device *devices;
	size_t device_count;
	struct profile *profiles; /* those of the file; profile_builtin() for the others */
	size_t profile_count;
};

/* path NULL: /etc/dupgate/dupgate.conf, which may be missing. On error -EINVAL (or another errno) and "file:line: [section] key: reason". */
int config_load(const char *path, struct config *ret, char *ret_error, size_t ret_error_size);
void config_clear(struct config *config);

/* A profile by name: of the file, then built in. NULL when there is none. Borrowed. */
const struct profile *config_profile(const struct config *config, const char *name);

/* NULL: there is no section of that name. Borrowed. */
const struct window *config_window(const struct config *config, const char *name);

/* The ports of this hub go off together, unless its section says otherwise. */
bool config_hub_is_ganged(const struct config *config, const char *path);

#endif
