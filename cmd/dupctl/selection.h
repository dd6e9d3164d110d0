/* SPDX-License-Identifier: Apache-2.0
 *
 * Which devices a verb is for: those named, those a selector fits, or all.
 */
#ifndef DUPCTL_SELECTION_H
#define DUPCTL_SELECTION_H

#include "cmd/dupctl/options.h"
#include "cmd/dupctl/session.h"

struct selection {
	char **devices;
	size_t count;
	json_t *listed; /* what the daemon said of them; NULL: they were named */
};
void selection_clear(struct selection *selection);
#define selection_owned __attribute__((cleanup(selection_clear))) struct selection

/* Asks the daemon unless devices are named. Each device once. STATUS_NOT_FOUND when nothing fits. */
int selection_resolve(struct session *session, const struct options *options, struct selection *ret, struct failure *failure);

/* `visit` for each device that is meant, in order, until the daemon is not there any more or a signal comes; it says what is wrong by itself. The one
 * status of all. */
int selection_each(struct session *session, const struct options *options,
		   int (*visit)(struct session *session, const struct options *options, const char *device, void *context), void *context);

/* "/devices" with the selector as its query. */
void selection_path(const char *selector, struct text *ret);

#endif
