/* SPDX-License-Identifier: Apache-2.0
 *
 * The .minisig file that goes with a file for the cache.
 */
#ifndef DUPCTL_SIGNING_H
#define DUPCTL_SIGNING_H

#include "cmd/dupctl/options.h"
#include "cmd/dupctl/session.h"

/* Opens the signature that goes with `file_name`: the one of --signature, else FILE.minisig beside it when there is one and the file is no archive.
 * *ret NULL: there is none. An exit status; what is wrong has been said. */
int signing_open(const struct options *options, const char *file_name, FILE *file, FILE **ret);

/* Sends it for the firmware of `answer`, which becomes the answer to that. */
int signing_send(struct session *session, FILE *signature, struct http_response *answer, struct failure *failure);

#endif
