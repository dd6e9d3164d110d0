/* SPDX-License-Identifier: Apache-2.0
 *
 * Which devices are meant: comma-separated terms key=value or key!=value, all of which must hold. Pure.
 */
#ifndef DAEMON_SELECTOR_H
#define DAEMON_SELECTOR_H

#include "daemon/types.h"

/* 0, or -EPROTO with an invalid-request that names the term. NULL and "" are fine. */
int selector_check(const char *selector, struct job_fault *ret_fault);

/* A checked selector. Keys: state, release, profile, id; any other is a label, and a label that is missing equals nothing. */
bool selector_matches(const char *selector, const struct device *device);

#endif
