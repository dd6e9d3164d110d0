/* SPDX-License-Identifier: Apache-2.0
 *
 * The event bus: a ring of immutable events with ids, a cursor for each subscriber. Publishing never waits for a reader; a reader that fell out
 * of the ring is told so. Thread-safe; one private mutex; nothing is called back under it.
 */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include "daemon/campaign.h"
#include "daemon/download_status.h"

struct device_entry;

enum event_topic { TOPIC_DEVICE = 1, TOPIC_JOB = 2, TOPIC_PROGRESS = 4, TOPIC_FIRMWARE = 8, TOPIC_CAMPAIGN = 16 };
const char *event_topic_name(enum event_topic topic);
#define TOPICS_ALL 31u

enum event_type {
	EVENT_DEVICE_CHANGED, /* device: added or any member changed */
	EVENT_JOB_CREATED,
	EVENT_JOB_CHANGED,  /* state, phase, waiting_for, can_cancel, fault … */
	EVENT_JOB_FINISHED, /* a terminal state */
	EVENT_JOB_PROGRESS,
	EVENT_FIRMWARE_ADDED,
	EVENT_FIRMWARE_CHANGED,
	EVENT_FIRMWARE_REMOVED,
	EVENT_DOWNLOAD_CHANGED,
	EVENT_DOWNLOAD_PROGRESS,
	EVENT_CAMPAIGN_CHANGED, /* campaign: new, or any member changed */
	EVENT_CAMPAIGN_REMOVED,
	EVENT_DEVICE_NOTED, /* device: something to remember happened to it */
};
const char *event_type_name(enum event_type type); /* "device-changed" … */

/* Where a job is, without the rest of it. */
struct job_moment {
	char phase[16];
	struct job_progress progress;
};

/* Reference-counted, immutable but for the rendering, which is made once by the first reader. */
struct event {
	uint64_t seq; /* from 1 in an epoch */
	enum event_topic topic;
	enum event_type type;
	char device[DEVICE_ID_SIZE]; /* "" when none */
	char job[JOB_ID_SIZE];
	char firmware[65];
	char download[DOWNLOAD_ID_SIZE];
	uint64_t bytes_done, bytes_total; /* of EVENT_DOWNLOAD_PROGRESS */
	/* At most one of these by topic, NULL otherwise; owned by the event. */
	const struct device *device_now;
	const struct campaign *campaign_now;
	const struct device_entry *entry; /* EVENT_DEVICE_NOTED */
	const struct job *job_now;
	const struct download_status *download_now; /* EVENT_DOWNLOAD_CHANGED */
	const struct job_moment *moment;            /* TOPIC_PROGRESS: most events are of this topic, and the whole job is 3 KiB */
};

struct event *event_ref(struct event *event);
void event_unref(struct event *event);

/* The text of the event, made by `render` the first time (malloc'd, NULL on failure) and kept. Any thread. */
const char *event_text(struct event *event, char *(*render)(const struct event *event, const char *epoch), const char *epoch);

struct event_bus;
/* Holds the newest `capacity` events: about 3 KiB each for jobs, 2.5 KiB for devices, 0.5 KiB for progress, and their text once somebody read it. */
int event_bus_new(size_t capacity, struct event_bus **ret);
void event_bus_free(struct event_bus *bus);

/* The epoch of this run of the daemon: the first half of every id ("<epoch>-<seq>"). */
const char *event_bus_epoch(const struct event_bus *bus);

void event_publish_device(struct event_bus *bus, enum event_type type, const struct device *device);
void event_publish_campaign(struct event_bus *bus, enum event_type type, const struct campaign *campaign);
/* EVENT_DEVICE_NOTED: daemon/device_history.h. */
void event_publish_note(struct event_bus *bus, const char *device, const struct device_entry *entry);
void event_publish_job(struct event_bus *bus, enum event_type type, const struct job *job);
void event_publish_firmware(struct event_bus *bus, enum event_type type, const char *sha256);

/* Every state, and how far it is. */
void event_publish_download(struct event_bus *bus, const struct download_status *status);
void event_publish_download_progress(struct event_bus *bus, const struct download *download);

/* An eventfd that becomes readable after a publication; read by the main loop, which then wakes the api's clients. */
int event_bus_wake_fd(const struct event_bus *bus);

/* The seq of the newest event, 0 when none. */
uint64_t event_bus_head(struct event_bus *bus);

/* Copies up to `count` references of events with seq > after. Returns how many (0: none yet), or -ESTALE when `after` + 1 has left the ring
 * or `after` is of the future (an id that somebody made up). The caller unrefs each. */
int event_bus_read(struct event_bus *bus, uint64_t after, struct event **ret, size_t count);

#endif
