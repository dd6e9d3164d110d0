/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a configuration file into struct config, with the place of what has to be checked when all of it was read.
 */
#ifndef DAEMON_CONFIG_READER_H
#define DAEMON_CONFIG_READER_H

#include "daemon/config_table.h"
#include "daemon/name_index.h"

struct config_places {
	int listen; /* line of the key; 0: it was not given */
	struct device_places {
		int port, profile; /* lines of the keys; 0: not given */
	} * devices;               /* config.device_count of them */
	struct board_places {
		int section, profile;    /* lines; profile 0: not given */
	} * boards;                      /* config.board_count of them */
	struct name_index devices_by_id; /* each with its index and 1, as a number */
	int secret;                      /* line of the first key whose value is a secret; 0: there is none */
	char secret_key[96];             /* "[host NAME] password" */
	int *profiles;                   /* lines of the sections; config.profile_count of them */
	int *windows;                    /* the same; config.window_count of them */
};
void config_places_clear(struct config_places *places);

/* These sections there may be many of, each with its name. */
bool config_section_has_name(enum config_section section);
/* Adds the element of such a section. 0; -EINVAL with the reason: the name is none, or is there already; -ENOMEM. */
int config_begin(struct config *config, struct config_places *places, enum config_section section, const char *name, int line,
		 struct config_why why);
/* What config_set() takes as the target: the element that was begun last, or config itself. */
void *config_section_target(struct config *config, enum config_section section);

/* text may hold anything. config has its defaults. 0; -EINVAL or -ENOMEM with "path:line: [section] key: reason". */
int config_read(const char *path, const char *text, size_t length, struct config *config, struct config_places *places,
		struct config_why why);

/* What can be judged only when all was read; fills in the defaults that hang together. As config_read(). */
int config_check(const char *path, struct config *config, const struct config_places *places, struct config_why why);

#endif
