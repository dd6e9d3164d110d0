/* SPDX-License-Identifier: Apache-2.0
 *
 * Which steps bring a modem to a firmware, or the fault that forbids it. Pure: no I/O, no clock. protocol.md 6 and 7.
 */
#ifndef TRANSPORT_UPGRADE_PLAN_H
#define TRANSPORT_UPGRADE_PLAN_H

#include "transport/fault.h"
#include "transport/modem/modem.h"

/* protocol.md 3: what AT+SMSTPU without an argument, the way fff, can store. */
#define UPGRADE_FFF_SIZE_MAX 4194304u

enum upgrade_way { WAY_AUTO, WAY_ON_THE_FLY, WAY_FFF, WAY_LEGACY };
const char *upgrade_way_name(enum upgrade_way way); /* "auto", "on-the-fly", "fff", "legacy" */

/* The phases of design 6, in order. */
enum upgrade_phase {
	PHASE_CONNECT,
	PHASE_IDENTIFY,
	PHASE_PREPARE,
	PHASE_SWITCH,
	PHASE_HELPER,
	PHASE_TRANSFER,
	PHASE_APPLY,
	PHASE_RESTART,
	PHASE_VERIFY,
	PHASE_COUNT
};
const char *upgrade_phase_name(enum upgrade_phase phase);

/* What a step does. A phase may hold several, and may come again for the second file of a pair. */
enum upgrade_action {
	ACTION_CONNECT,
	ACTION_IDENTIFY,
	ACTION_LOOK,          /* AT+SMSWBOOT=1,1 once, for what only the application tells */
	ACTION_QUIET,         /* radio and power saving off */
	ACTION_TO_RECOVERY,   /* AT+SMSWBOOT=3,1 */
	ACTION_SEND_BOOT_ROM, /* on the fly, and its report */
	ACTION_TO_FFH,        /* AT+SMSWBOOT=0,1 */
	ACTION_START_HELPER,  /* AT+STP, the ELF, AT until it runs */
	ACTION_SEND,          /* on the fly, in recovery or with a helper */
	ACTION_SEND_LEGACY,   /* on the fly, in the application */
	ACTION_STORE,         /* the way fff */
	ACTION_AWAIT_APPLY,   /* what went in on the fly */
	ACTION_APPLY_LEGACY,  /* AT+SMSWBOOT=1,0, AT^RESET, AT+SMUPGRADE */
	ACTION_APPLY_STORED,  /* AT+SMUPGRADE */
	ACTION_RESTART,       /* AT+SMSWBOOT=1,1 */
	ACTION_RESTART_PAIR,  /* the same between two files: no AT^RESET, and the build between is checked */
	ACTION_RESTART_RESET, /* AT^RESET, where the release is not there yet */
	ACTION_VERIFY,
	ACTION_COUNT
};

/* What the cache knows of the firmware; empty and 0: not known. */
struct upgrade_firmware {
	enum modem_family family;
	unsigned branch; /* 5: CAT-M1, 6: NB-IoT, where the release does not tell it (protocol.md 6, 1) */
	char release[48];
	uint32_t build;
	uint32_t base_build; /* not 0: a differential from exactly this build */
	uint64_t size;
	bool boot_rom;                   /* the bundle has a boot ROM package that can be sent on its own (plan E) */
	bool helper;                     /* a helper is given */
	enum modem_family helper_family; /* by its byte order (protocol.md 5) */
	bool second;                     /* a second file follows the first in the same job (protocol.md 6, 5) */
	uint64_t second_size;
	uint32_t second_base_build; /* not 0: the second file is a differential from this build */
};

struct upgrade_options {
	enum upgrade_way way;
	bool force; /* also when the modem already runs it, and for what only `force` allows */
	bool allow_downgrade;
	bool allow_branch_switch; /* between CAT-M1 and NB-IoT */
	/* This job was interrupted or is tried again: how far it had come. PHASE_CONNECT for a first run. From PHASE_APPLY on the
	 * whole bundle was sent; "already installed" is then success. */
	enum upgrade_phase resume_phase;
	/* What the first run of this job met, else what the modem told last, as long as that is of the modem that is there now; 0 and unknown: nobody
	 * can say. Recovery tells neither. */
	uint32_t from_build;
	enum modem_family from_family;
	bool sent;         /* an earlier run may have sent something, or met it so: no switch back, and no power action */
	bool begun_before; /* an earlier job began to send this modem a bundle and did not end well: its application is not whole */
	bool looked;       /* the application was tried already, or that was forborne: */
	bool broken_off;   /* an upgrade failed there, and the application may be half-written */
	/* What is wanted is a modem that works: one whose application comes up gets no bundle. */
	bool recover;
};

struct upgrade_step {
	enum upgrade_phase phase;
	enum upgrade_action action;
	unsigned file;     /* of a pair: 0 the first, 1 the second */
	char what[80];     /* "switch to recovery" */
	char why[120];     /* "on-the-fly bundles are taken in recovery only" */
	uint32_t budget_s; /* how long it may take at most */
};

#define UPGRADE_STEPS_MAX 16u
struct upgrade_plan {
	enum upgrade_way way; /* the one chosen */
	enum modem_family family;
	bool helper_unused; /* one was given and the modem can do without */
	char warning[120];  /* what force overrides at the modem's risk; "": nothing */
	size_t step_count;
	struct upgrade_step steps[UPGRADE_STEPS_MAX];
};

/* True when the modem's release or build is the one that the firmware declares; false when it declares none. */
bool upgrade_firmware_matches(const struct upgrade_firmware *firmware, const struct modem_info *modem);

/* Bundles go in on the fly there: a helper, the updater or recovery runs. */
bool upgrade_takes_bundles(enum boot_mode mode);

/* The build that the first file of a pair brings: protocol.md 6, 5, or what the second file starts from; 0: not known. */
uint32_t upgrade_build_between(const struct upgrade_firmware *firmware);

/* What fails whatever the modem says: -EPROTO with the fault that upgrade_plan() would give, else 0. */
int upgrade_refuse(const struct profile *profile, const struct upgrade_firmware *firmware, const struct upgrade_options *options,
		   struct fault *ret_fault);

/* 0 with *ret filled, or -EPROTO with the fault: bundle-wrong-family, bundle-wrong-base, bundle-unsupported, bundle-too-big,
 * helper-needed, helper-mismatch, already-installed, downgrade-refused; modem-answers-error where an interrupted job cannot be judged without the
 * release. Each names the rule and the cure. */
int upgrade_plan(const struct modem_info *modem, const struct profile *profile, const struct upgrade_firmware *firmware,
		 const struct upgrade_options *options, struct upgrade_plan *ret, struct fault *ret_fault);

#endif
