/* SPDX-License-Identifier: Apache-2.0
 *
 * Refusals of several devices or jobs: those with the same words become one line that names them all.
 */
#ifndef DUPCTL_COMPLAINTS_H
#define DUPCTL_COMPLAINTS_H

#include "cmd/dupctl/failure.h"

/* Zero-initialise. */
struct complaints {
	struct text why, names;
	size_t count; /* not printed yet */
};

/* Prints what is left, too. */
void complaints_clear(struct complaints *complaints);
#define complaints_owned __attribute__((cleanup(complaints_clear))) struct complaints

/* Kept until one with other words comes, or complaints_tell(). */
void complaints_add(struct complaints *complaints, const struct failure *failure, const char *name);

/* "dupctl: a, b, c and 5 more: why" on stderr. */
void complaints_tell(struct complaints *complaints);

#endif
