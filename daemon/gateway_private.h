/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a gateway, for its own files and for tests that bring their own engine and clock.
 */
#ifndef DAEMON_GATEWAY_PRIVATE_H
#define DAEMON_GATEWAY_PRIVATE_H

#include "daemon/gateway.h"
#include "daemon/port_watch.h"
#include "daemon/queue.h"

struct gateway {
	const struct config *config; /* borrowed */
	int64_t (*now_ms)(void);     /* Unix time */
	struct store *store;
	struct firmware_store *firmware;
	struct downloads *downloads;
	struct event_bus *events;
	struct device_history *history;
	struct registry *registry;
	struct hotplug *hotplug; /* NULL: boards on USB are not looked for */
	struct leases *leases;
	struct power *power;
	struct image_share *images;
	struct durations *durations;
	struct queue *queue;
	struct campaigns *campaigns;
	struct job_retention *retention;
	struct port_watch *port_watch;     /* NULL: the kernel gives none */
	int64_t prune_at_ms, pruned_at_ms; /* gateway_prune_errands(), main thread only */
};

/* What the catalogue offers. */
struct catalogue_offer {
	char url[CATALOGUE_URL_MAX + 1];
	char sha256[FIRMWARE_SHA256_SIZE];
	char name[FIRMWARE_NAME_SIZE];
};
/* 1 with the offer that a reference means which the cache does not know; 0: there is none. "signature-missing", "signature-bad" of a catalogue that is
 * not to be used; "invalid-request" for an ambiguous reference. */
int gateway_find_offer(struct gateway *gateway, const char *reference, struct catalogue_offer *ret, struct job_fault *ret_fault);
/* States what the catalogue says of what came, where nobody else has, and links the files that go together. */
void gateway_apply_catalogue(struct gateway *gateway, const struct firmware_batch *batch);

/* A request whose firmware is in the cache. retried: the job that it takes up; NULL: none. */
int gateway_submit_cached(struct gateway *gateway, struct job_request *request, const char *reference, const struct job_row *retried,
			  struct job *ret, struct job_fault *ret_fault);

/* What came by an import, told to whoever listens. */
void gateway_firmware_stored(struct gateway *gateway, const struct firmware_batch *batch);

/* Opens gateway->downloads, held back until gateway_resume_downloads(), for which there is a queue. */
int gateway_open_downloads(struct gateway *gateway, struct job_fault *ret_fault);
void gateway_resume_downloads(struct gateway *gateway);

/* Watches the ports that are paths. */
int gateway_open_ports(struct gateway *gateway);

/* Opens gateway->power, with what each device has by now (gateway_power.c). */
int gateway_open_power(struct gateway *gateway, int64_t (*now_ms)(void));
/* What forbids a power cycle at this moment. */
int gateway_check_power(struct gateway *gateway, const struct job_request *request, struct job_fault *ret_fault);

/* The cache made room; `context` is the gateway. */
void gateway_firmware_evicted(void *context, const struct firmware *firmware);
/* Its bytes on disk are others, or right again (`error` NULL): whoever looked at them last found out. */
void gateway_firmware_rot_found(void *context, const struct firmware *firmware, const struct cache_error *error);

/* For the store of the firmware. */
void gateway_key_refused(void *context, const char *what);

/* Finds the boards on USB that are there, when the configuration wants that. */
void gateway_open_hotplug(struct gateway *gateway);

/* gateway_new() with another engine and another clock (Unix time in ms). */
int gateway_new_with(const struct config *config, const struct engine_ops *engine, int64_t (*now_ms)(void), struct job_fault *ret_fault,
		     struct gateway **ret);

#endif
