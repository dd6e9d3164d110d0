/* SPDX-License-Identifier: Apache-2.0
 *
 * The clients of server-sent events. Each is a cursor into the event bus and nothing else: one that does not read costs nobody anything, and gets a
 * snapshot when it comes back too late.
 */
#ifndef API_EVENTS_H
#define API_EVENTS_H

#include <microhttpd.h>

#include "api/sse.h"
#include "daemon/gateway.h"

struct event_hub;
struct event_client;

int event_hub_new(struct gateway *gateway, unsigned max_clients, struct event_hub **ret);
/* No client is left. */
void event_hub_free(struct event_hub *hub);

/* A client and the response that feeds it. -EBUSY when there are max_clients or the hub has ended. The client is freed, by
 * event_client_free(), when its request is completed, not before. */
int event_client_new(struct event_hub *hub, struct MHD_Connection *connection, const struct sse_filter *filter, struct event_client **ret,
		     struct MHD_Response **ret_response);
void event_client_free(struct event_client *client);

/* Any thread: something was published; time for a sign of life; every stream ends and no new one begins. */
void event_hub_wake(struct event_hub *hub);
void event_hub_heartbeat(struct event_hub *hub);
void event_hub_end(struct event_hub *hub);

#endif
