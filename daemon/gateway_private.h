/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a gateway, for its own files and for tests that bring their own engine and clock.
 */
#ifndef DAEMON_GATEWAY_PRIVATE_H
#define DAEMON_GATEWAY_PRIVATE_H

#include "daemon/gateway.h"
#include "daemon/queue.h"

struct gateway {
	const struct config *config; /* borrowed */
	struct store *store;
	struct firmware_store *firmware;
	struct downloads *downloads;
	struct event_bus *events;
	struct registry *registry;
	struct image_share *images;
	struct queue *queue;
};

/* What came by an import, told to whoever listens. */
void gateway_firmware_stored(struct gateway *gateway, const struct firmware_batch *batch);

/* Opens gateway->downloads, held back until gateway_resume_downloads(), for which there is a queue. */
int gateway_open_downloads(struct gateway *gateway, struct job_fault *ret_fault);
void gateway_resume_downloads(struct gateway *gateway);

/* The cache made room; `context` is the gateway. */
void gateway_firmware_evicted(void *context, const struct firmware *firmware);

/* For the store of the firmware. */
void gateway_key_refused(void *context, const char *what);

/* gateway_new() with another engine and another clock (Unix time in ms). */
int gateway_new_with(const struct config *config, const struct engine_ops *engine, int64_t (*now_ms)(void), struct job_fault *ret_fault,
		     struct gateway **ret);

#endif
