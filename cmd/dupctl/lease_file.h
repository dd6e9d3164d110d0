/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of leases, kept between one command and the next: $XDG_STATE_HOME/dupgate/leases/DAEMON/DEVICE, readable by the user alone. A token goes
 * to the daemon that gave it and to no other: DAEMON is its address.
 */
#ifndef DUPCTL_LEASE_FILE_H
#define DUPCTL_LEASE_FILE_H

#include "cmd/dupctl/options.h"

/* Characters of a token, and nothing that would end a header or a line. */
bool lease_token_valid(const char *token);

/* All that are to be sent to this daemon, separated by commas, "" for none: that of --lease alone when it is given; else that of DUPGATE_LEASE and, unless
 * --no-lease-file, those that are kept. With a sentence: -EINVAL when the one given can be none; another negative errno when a file cannot be read, or holds
 * none. */
int lease_tokens_collect(const struct options *options, const char *url, struct text *ret, struct text *ret_error);

/* device: an id, as the daemon says it. A negative errno with a sentence. */
int lease_file_keep(const char *url, const char *device, const char *token, const char *holder, struct text *ret_error);
void lease_file_forget(const char *url, const char *device);

/* True when there is a token that may be the device's: one that was given, or one that is kept for it. */
bool lease_at_hand(const struct options *options, const char *url, const char *device);

/* As whom the device was leased by the token that is kept: "" when none is. */
void lease_file_holder(const char *url, const char *device, struct text *ret);

#endif
