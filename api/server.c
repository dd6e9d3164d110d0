/* SPDX-License-Identifier: Apache-2.0 */
#include "api/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/json_view.h"
#include "api/request.h"
#include "api/service.h"

#define IDLE_S            30u
#define MEMORY_LIMIT      16384u /* of one connection: head, and pieces of bodies */
#define OTHER_CONNECTIONS 256u   /* besides the event clients */
#define STOP_S            2

struct api_server {
	struct service service;
	struct listener *listeners;
	size_t listener_count;
	struct door *doors;
};

static int start_door(struct door *door, struct job_fault *ret_fault)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
	unsigned connections = gateway_config(door->service->gateway)->max_event_clients + OTHER_CONNECTIONS;
	door->daemon = MHD_start_daemon(flags, 0, NULL, NULL, request_arrives, door, MHD_OPTION_LISTEN_SOCKET, door->listener->fd,
					MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
					MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LIMIT, MHD_OPTION_NOTIFY_COMPLETED,
					request_completed, door, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, door,
					MHD_OPTION_UNESCAPE_CALLBACK, request_keep_escapes, NULL, MHD_OPTION_END);
	if (door->daemon == NULL)
		return job_fault_set(ret_fault, "infrastructure-error", "cannot serve %s", door->listener->address);
	return 0;
}

static int check_listener(const struct listener *listener, const struct token_ring *tokens, struct job_fault *ret_fault)
{
	if (listener->kind != LISTENER_OPEN || tokens != NULL)
		return 0;
	return job_fault_set(ret_fault, "invalid-request", "%s is neither loopback nor a unix socket: it needs a token_file in [http]",
			     listener->address);
}

static int start_doors(struct api_server *server, struct job_fault *ret_fault)
{
	int r = 0;
	server->doors = calloc(server->listener_count + 1, sizeof(*server->doors));
	if (server->doors == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < server->listener_count; i++)
		r = check_listener(&server->listeners[i], server->service.tokens, ret_fault);
	for (size_t i = 0; r == 0 && i < server->listener_count; i++) {
		server->doors[i] = (struct door){.service = &server->service, .listener = &server->listeners[i]};
		r = start_door(&server->doors[i], ret_fault);
	}
	return r;
}

static int start(struct api_server *server, struct gateway *gateway, struct job_fault *ret_fault)
{
	const struct config *config = gateway_config(gateway);
	struct service *service = &server->service;
	service->gateway = gateway;
	int r = config->token_file[0] != '\0' ? token_ring_read(config->token_file, &service->tokens, ret_fault) : 0;
	if (r == 0)
		r = event_hub_new(gateway, config->max_event_clients, &service->hub);
	if (r == 0)
		r = patience_new(&service->patience);
	if (r == 0)
		r = errand_desk_new(&service->desk);
	if (r == 0)
		r = import_worker_new(&service->worker);
	if (r == 0)
		r = listeners_open(config, &server->listeners, &server->listener_count, ret_fault);
	return r < 0 ? r : start_doors(server, ret_fault);
}

int api_server_start(struct gateway *gateway, struct job_fault *ret_fault, struct api_server **ret)
{
	struct api_server *server = calloc(1, sizeof(*server));
	if (server == NULL)
		return -ENOMEM;
	pthread_mutex_init(&server->service.lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&server->service.completed, &attributes);
	pthread_condattr_destroy(&attributes);
	json_view_prepare();
	int r = sodium_init() < 0 ? -EIO : start(server, gateway, ret_fault);
	if (r < 0) {
		api_server_stop(server);
		return r;
	}
	*ret = server;
	return 0;
}

const char *api_server_address(const struct api_server *server, size_t index)
{
	return index < server->listener_count ? server->listeners[index].address : NULL;
}

void api_server_on_events(void *server)
{
	event_hub_wake(((struct api_server *)server)->service.hub);
}

void api_server_on_heartbeat(void *server)
{
	event_hub_heartbeat(((struct api_server *)server)->service.hub);
}

void api_server_quiesce(void *server)
{
	atomic_store(&((struct api_server *)server)->service.stopping, true);
}

/* Clients that read get the end of their streams and answers; for one that does not, the library may cut the connection: nothing of it is
 * parked any more. */
static void wait_for_requests(struct service *service)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STOP_S;
	pthread_mutex_lock(&service->lock);
	while (service->open_requests > 0 && pthread_cond_timedwait(&service->completed, &service->lock, &until) == 0)
		;
	pthread_mutex_unlock(&service->lock);
}

static void stop_doors(struct api_server *server)
{
	for (size_t i = 0; server->doors != NULL && i < server->listener_count; i++)
		if (server->doors[i].daemon != NULL)
			MHD_quiesce_daemon(server->doors[i].daemon);
	if (server->service.hub != NULL)
		event_hub_end(server->service.hub);
	if (server->service.worker != NULL)
		import_worker_stop(server->service.worker);
	wait_for_requests(&server->service);
	for (size_t i = 0; server->doors != NULL && i < server->listener_count; i++)
		if (server->doors[i].daemon != NULL)
			MHD_stop_daemon(server->doors[i].daemon);
}

void api_server_stop(struct api_server *server)
{
	if (server == NULL)
		return;
	api_server_quiesce(server);
	stop_doors(server);
	listeners_close(server->listeners, server->listener_count);
	event_hub_free(server->service.hub);
	import_worker_free(server->service.worker);
	patience_free(server->service.patience);
	pthread_cond_destroy(&server->service.completed);
	pthread_mutex_destroy(&server->service.lock);
	token_ring_free(server->service.tokens);
	errand_desk_free(server->service.desk);
	free(server->doors);
	free(server);
}
