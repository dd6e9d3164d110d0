/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/device_history.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/log.h"
#include "daemon/store.h"

struct device_history {
	struct store *store;
	struct event_bus *events;
	int64_t (*now_ms)(void);
	pthread_mutex_t order; /* what is published is in the order of the ids */
};

static const char *const fact_names[DEVICE_FACT_COUNT] = {
    [DEVICE_FACT_RELEASE_CHANGED] = "release-changed",
    [DEVICE_FACT_IMEI_MOVED] = "imei-moved",
    [DEVICE_FACT_IMEI_CHANGED] = "imei-changed",
    [DEVICE_FACT_QUARANTINED] = "quarantined",
    [DEVICE_FACT_RELEASED_FROM_QUARANTINE] = "released-from-quarantine",
    [DEVICE_FACT_POWER_CYCLED] = "power-cycled",
    [DEVICE_FACT_LEASED] = "leased",
    [DEVICE_FACT_LEASE_TAKEN_OVER] = "lease-taken-over",
    [DEVICE_FACT_LEASE_ENDED] = "lease-ended",
    [DEVICE_FACT_ADOPTED] = "adopted",
    [DEVICE_FACT_SERIAL_SHARED] = "serial-shared",
    [DEVICE_FACT_SERIAL_SINGLE] = "serial-single",
    [DEVICE_FACT_MAINTENANCE_BEGAN] = "maintenance-began",
    [DEVICE_FACT_MAINTENANCE_ENDED] = "maintenance-ended",
};

const char *device_fact_name(enum device_fact fact)
{
	return fact_names[fact];
}

int device_history_new(struct store *store, struct event_bus *events, int64_t (*now_ms)(void), struct device_history **ret)
{
	struct device_history *history = calloc(1, sizeof(*history));
	if (history == NULL)
		return -ENOMEM;
	history->store = store;
	history->events = events;
	history->now_ms = now_ms;
	pthread_mutex_init(&history->order, NULL);
	*ret = history;
	return 0;
}

void device_history_free(struct device_history *history)
{
	if (history == NULL)
		return;
	pthread_mutex_destroy(&history->order);
	free(history);
}

void device_history_note(struct device_history *history, const char *device, enum device_fact fact, const char *job, const char *format,
			 ...)
{
	struct job_fault fault;
	va_list arguments;
	if (history == NULL)
		return;
	struct device_entry entry = {.at_ms = history->now_ms()};
	snprintf(entry.type, sizeof(entry.type), "%s", device_fact_name(fact));
	snprintf(entry.job, sizeof(entry.job), "%s", job);
	va_start(arguments, format);
	vsnprintf(entry.detail, sizeof(entry.detail), format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&history->order);
	if (store_history_add(history->store, device, &entry, &fault) < 0)
		log_warning(device, "what happened is not stored: %s", fault.message);
	event_publish_note(history->events, device, &entry);
	pthread_mutex_unlock(&history->order);
}

int device_history_list(struct device_history *history, const char *device, unsigned limit, struct device_entry **ret, size_t *ret_count,
			struct job_fault *ret_fault)
{
	return store_history_list(history->store, device, limit, ret, ret_count, ret_fault);
}
