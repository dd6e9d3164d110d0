/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware that the daemon fetches from a URL: the request for it, and waiting for its end.
 */
#ifndef DUPCTL_FETCH_H
#define DUPCTL_FETCH_H

#include "cmd/dupctl/options.h"
#include "cmd/dupctl/session.h"

/* "firmware add URL". → enum exit_status. */
int fetch_firmware(struct session *session, const struct options *options);

/* "firmware catalogue URL". → enum exit_status. */
int fetch_catalogue(struct session *session, const struct options *options);

#endif
