/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs of dupctl: one row each.
 */
#ifndef DUPCTL_VERBS_H
#define DUPCTL_VERBS_H

#include "cmd/dupctl/options.h"

struct session;

struct verb {
	const char *name;                                                   /* "firmware" */
	const char *second_name;                                            /* "add", or NULL */
	const char *operands;                                               /* for the usage line: "[DEVICE…]" */
	size_t least, most;                                                 /* how many operands */
	const char *summary;                                                /* one line */
	const char *text;                                                   /* more, for --help; lines of up to 78 characters */
	int (*run)(struct session *session, const struct options *options); /* → enum exit_status */
};

/* Never NULL for id < VERB_COUNT. */
const struct verb *verb_find(enum verb_id id);

/* True for a verb that needs no daemon. */
bool verb_local(enum verb_id id);

/* Finds words[0] (and words[1]) among the verbs: how many words it takes, or 0. A first word alone means its first row ("firmware" is "firmware list"). */
size_t verb_parse(size_t count, char *const *words, enum verb_id *ret);

#endif
