/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of dupgate-sim, and what the two families are by default. */
#ifndef SIMULATOR_OPTIONS_H
#define SIMULATOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Boot modes by their AT+SMOD? number (protocol.md 1). */
enum boot_mode { BOOT_FFH = 0, BOOT_MTOOLS = 1, BOOT_APPLICATION = 2, BOOT_UPDATER = 3, BOOT_RECOVERY = 4 };

struct family {
	const char *name;
	const char *product;     /* second line of ATI */
	const char *imei_prefix; /* type allocation code */
	const char *release;
	const char *ue;
	const char *new_release; /* after an upgrade with a bundle that does not say */
	const char *new_ue;
	uint32_t rate;          /* of the application */
	uint32_t recovery_rate; /* after a failed upgrade */
	uint8_t stp_version;
	bool monarch2;
};

enum switch_setting { SWITCH_DEFAULT, SWITCH_ON, SWITCH_OFF };
enum bundle_sum { SUM_FLETCHER, SUM_CRC };

struct options {
	const struct family *family;
	const char *dir;
	const char *scenario;
	const char *board; /* NULL: direct */
	const char *replay;
	const struct replay *transcript; /* of that file, once it is read */
	uint64_t replay_speed;           /* in thousandths */
	const char *state_dir;
	const char *control;
	const char *release; /* NULL: the family's, as with every name below */
	const char *ue;
	const char *new_release;
	const char *new_ue;
	const char *boot_rom; /* NULL: as the release */
	uint64_t count;
	uint64_t boot_mode;
	uint64_t rate; /* 0: the family's */
	uint64_t max_transfer;
	uint64_t stp_version; /* 0: the family's */
	uint64_t latency_ns;
	uint64_t apply_ns;
	uint64_t restart_ns;
	uint64_t helper_ns;
	uint64_t erase_ns;
	bool pace;
	bool any_rate;
	bool flow;
	bool exit_with_parent;
	bool fragile;
	enum switch_setting echo;
	enum switch_setting stp_crc;
	/* --make-bundle and --make-helper */
	const char *bundle;
	const char *helper;
	const char *pair;        /* the second file of a pair; `bundle` is the first then */
	uint64_t base_build;     /* a differential from it; 0: none */
	uint64_t bundle_size;    /* 0: as the real ones */
	uint64_t bundle_records; /* 0: as the real ones */
	uint64_t bundle_seed;
	uint64_t bundle_ratio_ppm; /* compressed size over plain size */
	enum bundle_sum bundle_sum;
	bool bundle_bare; /* no PACK around the records */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/* Fills *ret. OPTIONS_DONE: help or version was printed. OPTIONS_BAD: one line went to stderr. Texts point into argv. */
enum options_result options_parse(struct options *ret, int argc, char **argv);

#endif
