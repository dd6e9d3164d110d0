/* SPDX-License-Identifier: Apache-2.0
 *
 * The token of the daemon, when it wants one: DUPGATE_TOKEN, else the first line of $XDG_CONFIG_HOME/dupgate/token.
 */
#ifndef DUPCTL_CREDENTIALS_H
#define DUPCTL_CREDENTIALS_H

#include "cmd/dupctl/text.h"

/* Appends the token; nothing when there is none. -EINVAL or the errno of the file, with a sentence. */
int credentials_load(struct text *ret_token, struct text *ret_error);

#endif
