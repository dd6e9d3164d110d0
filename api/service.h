/* SPDX-License-Identifier: Apache-2.0
 *
 * What the requests of all listeners share.
 */
#ifndef API_SERVICE_H
#define API_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/errands.h"
#include "api/events.h"
#include "api/import_worker.h"
#include "api/listener.h"
#include "api/patience.h"
#include "api/tokens.h"

struct service {
	struct gateway *gateway;
	struct event_hub *hub;
	struct import_worker *worker;
	struct patience *patience;
	struct errand_desk *desk;
	struct token_ring *tokens; /* NULL: none */
	atomic_bool stopping;
	pthread_mutex_t lock;
	pthread_cond_t completed;
	unsigned open_requests;
};

/* One listener and the daemon of the HTTP library that serves it. */
struct door {
	struct service *service;
	struct listener *listener;
	struct MHD_Daemon *daemon;
};

#endif
