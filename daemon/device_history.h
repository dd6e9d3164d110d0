/* SPDX-License-Identifier: Apache-2.0
 *
 * What happened to a device besides its jobs: a modem that moved, a release that changed outside of a job, a lease that was taken over, a power
 * cycle. Each entry is on the disk before it is published (topic `device`, type `device-noted`). The oldest give way. Thread-safe.
 */
#ifndef DAEMON_DEVICE_HISTORY_H
#define DAEMON_DEVICE_HISTORY_H

#include "daemon/events.h"
#include "daemon/types.h"

#define DEVICE_HISTORY_MAX 200u /* entries of a device */

struct store;
struct device_history;

/* A fact that is told of a device. Names are stable: they are what users filter by. */
enum device_fact {
	DEVICE_FACT_RELEASE_CHANGED, /* the modem runs another release than was known, and no job of ours put it there */
	DEVICE_FACT_IMEI_MOVED,      /* a modem that was known behind another device */
	DEVICE_FACT_IMEI_CHANGED,    /* another modem than was known */
	DEVICE_FACT_QUARANTINED,
	DEVICE_FACT_RELEASED_FROM_QUARANTINE,
	DEVICE_FACT_POWER_CYCLED,
	DEVICE_FACT_LEASED,
	DEVICE_FACT_LEASE_TAKEN_OVER,
	DEVICE_FACT_LEASE_ENDED,
	DEVICE_FACT_ADOPTED,       /* an offered adapter was given a profile */
	DEVICE_FACT_SERIAL_SHARED, /* two boards carry its serial number */
	DEVICE_FACT_SERIAL_SINGLE, /* what was taken for another board with its serial number was this one */
	DEVICE_FACT_MAINTENANCE_BEGAN,
	DEVICE_FACT_MAINTENANCE_ENDED,
	DEVICE_FACT_COUNT
};
const char *device_fact_name(enum device_fact fact); /* "release-changed", "imei-moved" ... */

struct device_entry {
	int64_t id;    /* grows */
	int64_t at_ms; /* Unix time */
	char type[32];
	char detail[200];      /* a sentence */
	char job[JOB_ID_SIZE]; /* "": none */
};

/* All are borrowed. */
int device_history_new(struct store *store, struct event_bus *events, int64_t (*now_ms)(void), struct device_history **ret);
void device_history_free(struct device_history *history);

/* The device has a row in the store. What the disk refuses is published all the same, without an id. job: "" for none. NULL history: nothing. */
void device_history_note(struct device_history *history, const char *device, enum device_fact fact, const char *job, const char *format,
			 ...) __attribute__((format(printf, 5, 6)));

/* Newest first, at most `limit`. Caller frees. */
int device_history_list(struct device_history *history, const char *device, unsigned limit, struct device_entry **ret, size_t *ret_count,
			struct job_fault *ret_fault);

#endif
