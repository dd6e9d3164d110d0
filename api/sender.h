/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is at the other end of a connection.
 */
#ifndef API_SENDER_H
#define API_SENDER_H

#include <microhttpd.h>

#include "daemon/errand.h"

/* token: the name of the token that came; NULL: none did. The user of a unix socket is looked up in the system's databases. */
void sender_name(struct MHD_Connection *connection, const char *token, struct actor *ret);

#endif
