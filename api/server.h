/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP in, JSON out: the listeners of the configuration, one epoll thread each. design 8 and 9.
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "daemon/gateway.h"

struct api_server;

/* Opens every listen address (systemd's sockets, when it passed some, instead). 0, or -EPROTO with a fault that names the address. The gateway
 * is borrowed. Port 0 is allowed; api_server_address() tells the real one. */
int api_server_start(struct gateway *gateway, struct job_fault *ret_fault, struct api_server **ret);

/* "http://127.0.0.1:8480" or "unix:/path" of listener `index`; NULL after the last. Borrowed. */
const char *api_server_address(const struct api_server *server, size_t index);

/* Hooks for the main loop (daemon/main_loop.h); main thread. */
void api_server_on_events(void *server);
void api_server_on_heartbeat(void *server);
void api_server_quiesce(void *server);

/* Ends event streams, waits for answers under way, stops the listeners. */
void api_server_stop(struct api_server *server);

#endif
