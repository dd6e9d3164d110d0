/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands against an upgrade, and which of the procedures of protocol.md 7 fits: for upgrade_plan.c only. Pure.
 */
#ifndef TRANSPORT_UPGRADE_RULES_H
#define TRANSPORT_UPGRADE_RULES_H

#include "transport/modem/upgrade_plan.h"

struct plan_question {
	const struct modem_info *modem;
	const struct profile *profile;
	const struct upgrade_firmware *firmware;
	const struct upgrade_options *options;
};

/* The modem's own word, else the bundle's, else the profile's. */
enum modem_family plan_family(const struct plan_question *q);

/* The way that is taken: what was asked for, where the boot mode and the bundle leave a choice. */
enum upgrade_way plan_way(const struct plan_question *q);

/* True when the boot ROM goes in first (procedure E), also when an interrupted job had begun with that. */
bool plan_replaces_boot_rom(const struct plan_question *q);

/* True when the modem in recovery is started into its application first: to see its build, or whether it works after all. */
bool plan_looks_first(const struct plan_question *q);

/* What `force` overrides at the risk of the modem's life, as a sentence; NULL: nothing. */
const char *plan_warning(const struct plan_question *q);

/* True when the interrupted job has the first file of its pair behind it. */
bool plan_first_file_done(const struct plan_question *q);

/* 0, or -EPROTO with the first rule that forbids it. */
int plan_refuse(const struct plan_question *q, struct fault *ret_fault);

#endif
