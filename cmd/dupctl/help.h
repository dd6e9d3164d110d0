/* SPDX-License-Identifier: Apache-2.0
 *
 * --help, made from the tables of verbs and options. Pure.
 */
#ifndef DUPCTL_HELP_H
#define DUPCTL_HELP_H

#include "cmd/dupctl/verbs.h"

/* The text of `dupctl --help`. */
void help_add(struct text *ret);

/* The text of `dupctl VERB --help`. */
void help_add_verb(struct text *ret, enum verb_id id);

#endif
