/* SPDX-License-Identifier: Apache-2.0
 *
 * Which devices are meant. Pure. The grammar, as Kubernetes has it for labels; blanks are allowed around every word:
 *
 *   selector = [ term { "," term } ]                      all terms must hold; "" means every device
 *   term     = key ( "=" | "==" | "!=" ) value
 *            | key ( "in" | "notin" ) "(" value { "," value } ")"
 *            | key                                        it has this label
 *            | "!" key                                    it has not
 *   key      = state | release | profile | id | board | alias, or that of a label
 *   value    = what a label may be: no comma, no blank at its ends; in a list a parenthesis only with its other half
 *
 * A label that is missing equals nothing: `!=` and `notin` hold of it. A member that is not known is empty, and counts as missing for `key` and `!key`.
 */
#ifndef DAEMON_SELECTOR_H
#define DAEMON_SELECTOR_H

#include "daemon/types.h"

struct selector;

/* NULL is as "". -EPROTO with an invalid-request that names the place and the term, or -ENOMEM. */
int selector_compile(const char *text, struct selector **ret, struct job_fault *ret_fault);
void selector_free(struct selector *selector);

/* One of its terms is about this member, not DEVICE_MEMBER_NONE. */
bool selector_asks(const struct selector *selector, enum device_member member);

bool selector_matches(const struct selector *selector, const struct device *device);

#endif
