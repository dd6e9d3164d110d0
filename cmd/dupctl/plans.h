/* SPDX-License-Identifier: Apache-2.0
 *
 * What a job would do to each device: --dry-run.
 */
#ifndef DUPCTL_PLANS_H
#define DUPCTL_PLANS_H

#include "cmd/dupctl/selection.h"

/* "/devices/ID/upgrade", escaped, with the query that asks for the plan alone. */
void plans_path(struct text *path, const char *device, const char *action, bool dry_run);

/* Asks for the plan of each ("upgrade", "recover") and shows them. An exit status; a plan that is forbidden counts as refused. */
int plans_ask(struct session *session, const struct selection *selection, const char *action, const json_t *body);

#endif
