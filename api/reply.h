/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer as a response of the HTTP library.
 */
#ifndef API_REPLY_H
#define API_REPLY_H

#include <microhttpd.h>

#include "api/exchange.h"

/* Queues the answer, whose body is taken over. */
enum MHD_Result reply_send(struct MHD_Connection *connection, struct answer *answer);

/* Sends a problem in the middle of a body: the HTTP library can answer only at its end, which a client that streams may never reach. Nothing
 * else may be sent on this connection. False when it could not be sent whole. */
bool reply_send_early(struct MHD_Connection *connection, const struct answer *answer);

/* Queues a stream; the response is taken over. */
enum MHD_Result reply_send_stream(struct MHD_Connection *connection, struct MHD_Response *response, const struct answer *answer);

#endif
