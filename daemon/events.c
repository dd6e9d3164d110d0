/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/device_history.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* What an event is in memory: one allocation, the copy of the device or job behind it. */
struct event_box {
	struct event event;
	atomic_uint references;
	_Atomic(char *) text;
};

struct event_bus {
	pthread_mutex_t lock; /* guards slots, head and first */
	struct event **slots; /* seq % capacity */
	size_t capacity;
	uint64_t head;  /* seq of the newest */
	uint64_t first; /* seq of the oldest that can still be read; head + 1 when there is none */
	int wake_fd;
	char epoch[32];
};

static const char *const type_names[] = {
    [EVENT_DEVICE_CHANGED] = "device-changed",     [EVENT_JOB_CREATED] = "job-created",
    [EVENT_JOB_CHANGED] = "job-changed",           [EVENT_JOB_FINISHED] = "job-finished",
    [EVENT_JOB_PROGRESS] = "job-progress",         [EVENT_FIRMWARE_ADDED] = "firmware-added",
    [EVENT_FIRMWARE_CHANGED] = "firmware-changed", [EVENT_FIRMWARE_REMOVED] = "firmware-removed",
    [EVENT_DOWNLOAD_CHANGED] = "download-changed", [EVENT_DOWNLOAD_PROGRESS] = "download-progress",
    [EVENT_DEVICE_NOTED] = "device-noted",         [EVENT_CAMPAIGN_CHANGED] = "campaign-changed",
    [EVENT_CAMPAIGN_REMOVED] = "campaign-removed",
};

const char *event_type_name(enum event_type type)
{
	return type_names[type];
}

const char *event_topic_name(enum event_topic topic)
{
	switch (topic) {
	case TOPIC_DEVICE:
		return "device";
	case TOPIC_JOB:
		return "job";
	case TOPIC_PROGRESS:
		return "progress";
	case TOPIC_FIRMWARE:
		return "firmware";
	case TOPIC_CAMPAIGN:
		return "campaign";
	}
	return "";
}

static struct event_box *box_of(struct event *event)
{
	return (struct event_box *)event;
}

struct event *event_ref(struct event *event)
{
	atomic_fetch_add_explicit(&box_of(event)->references, 1, memory_order_relaxed);
	return event;
}

void event_unref(struct event *event)
{
	if (event == NULL)
		return;
	struct event_box *box = box_of(event);
	if (atomic_fetch_sub_explicit(&box->references, 1, memory_order_acq_rel) > 1)
		return;
	free(atomic_load_explicit(&box->text, memory_order_relaxed));
	free(box);
}

const char *event_text(struct event *event, char *(*render)(const struct event *event, const char *epoch), const char *epoch)
{
	struct event_box *box = box_of(event);
	char *text = atomic_load_explicit(&box->text, memory_order_acquire);
	if (text != NULL)
		return text;
	char *made = render(event, epoch);
	if (made == NULL)
		return NULL;
	/* Two readers may render at once; the text of the first one stays. */
	if (atomic_compare_exchange_strong_explicit(&box->text, &text, made, memory_order_acq_rel, memory_order_acquire))
		return made;
	free(made);
	return text;
}

int event_bus_new(size_t capacity, struct event_bus **ret)
{
	if (capacity == 0)
		return -EINVAL;
	if (sodium_init() < 0)
		return -EIO;
	struct event_bus *bus = calloc(1, sizeof(*bus));
	if (bus == NULL)
		return -ENOMEM;
	bus->capacity = capacity;
	bus->first = 1;
	snprintf(bus->epoch, sizeof(bus->epoch), "%08" PRIx32 "%08" PRIx64, randombytes_random(), (uint64_t)time(NULL));
	pthread_mutex_init(&bus->lock, NULL);
	bus->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int error = bus->wake_fd < 0 ? -errno : 0;
	bus->slots = calloc(capacity, sizeof(struct event *));
	if (bus->slots == NULL)
		error = -ENOMEM;
	if (error < 0) {
		event_bus_free(bus);
		return error;
	}
	*ret = bus;
	return 0;
}

void event_bus_free(struct event_bus *bus)
{
	if (bus == NULL)
		return;
	for (size_t i = 0; bus->slots != NULL && i < bus->capacity; i++)
		event_unref(bus->slots[i]);
	free(bus->slots);
	if (bus->wake_fd >= 0)
		close(bus->wake_fd);
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}

const char *event_bus_epoch(const struct event_bus *bus)
{
	return bus->epoch;
}

int event_bus_wake_fd(const struct event_bus *bus)
{
	return bus->wake_fd;
}

uint64_t event_bus_head(struct event_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	uint64_t head = bus->head;
	pthread_mutex_unlock(&bus->lock);
	return head;
}

/* An event with a copy of `now` behind it; NULL when memory is out. */
static struct event *event_new(enum event_topic topic, enum event_type type, const void *now, size_t size, const void **ret_copy)
{
	struct event_box *box = malloc(sizeof(*box) + size);
	if (box == NULL)
		return NULL;
	memset(box, 0, sizeof(*box));
	box->event.topic = topic;
	box->event.type = type;
	atomic_init(&box->references, 1);
	atomic_init(&box->text, NULL);
	if (size > 0) {
		memcpy(box + 1, now, size);
		*ret_copy = box + 1;
	}
	return &box->event;
}

/* Takes the event. NULL stands for one that memory was out for: its number is spent and the ring begins anew after it, so that every reader
 * learns by -ESTALE that it missed something. */
static void publish(struct event_bus *bus, struct event *event)
{
	pthread_mutex_lock(&bus->lock);
	uint64_t seq = ++bus->head;
	struct event **slot = &bus->slots[seq % bus->capacity];
	struct event *old = *slot;
	*slot = event;
	if (event != NULL)
		event->seq = seq;
	if (event == NULL)
		bus->first = seq + 1;
	else if (bus->head - bus->first >= bus->capacity)
		bus->first = bus->head - bus->capacity + 1;
	pthread_mutex_unlock(&bus->lock);
	event_unref(old);
	/* EAGAIN means that the counter is at its end, so it is readable anyway. */
	uint64_t one = 1;
	ssize_t written = write(bus->wake_fd, &one, sizeof(one));
	(void)written;
}

void event_publish_device(struct event_bus *bus, enum event_type type, const struct device *device)
{
	const void *copy = NULL;
	struct event *event = event_new(TOPIC_DEVICE, type, device, sizeof(*device), &copy);
	if (event != NULL) {
		event->device_now = copy;
		snprintf(event->device, sizeof(event->device), "%s", device->id);
	}
	publish(bus, event);
}

void event_publish_campaign(struct event_bus *bus, enum event_type type, const struct campaign *campaign)
{
	const void *copy = NULL;
	struct event *event = event_new(TOPIC_CAMPAIGN, type, campaign, sizeof(*campaign), &copy);
	if (event != NULL)
		event->campaign_now = copy;
	publish(bus, event);
}

void event_publish_note(struct event_bus *bus, const char *device, const struct device_entry *entry)
{
	const void *copy = NULL;
	struct event *event = event_new(TOPIC_DEVICE, EVENT_DEVICE_NOTED, entry, sizeof(*entry), &copy);
	if (event != NULL) {
		event->entry = copy;
		snprintf(event->device, sizeof(event->device), "%s", device);
	}
	publish(bus, event);
}

static struct event *progress_event_new(const struct job *job)
{
	const void *copy = NULL;
	struct job_moment moment = {.progress = job->progress};
	memcpy(moment.phase, job->phase, sizeof(moment.phase));
	struct event *event = event_new(TOPIC_PROGRESS, EVENT_JOB_PROGRESS, &moment, sizeof(moment), &copy);
	if (event != NULL)
		event->moment = copy;
	return event;
}

static struct event *job_event_new(enum event_type type, const struct job *job)
{
	const void *copy = NULL;
	struct event *event = event_new(TOPIC_JOB, type, job, sizeof(*job), &copy);
	if (event != NULL)
		event->job_now = copy;
	return event;
}

void event_publish_job(struct event_bus *bus, enum event_type type, const struct job *job)
{
	struct event *event = type == EVENT_JOB_PROGRESS ? progress_event_new(job) : job_event_new(type, job);
	if (event != NULL) {
		snprintf(event->device, sizeof(event->device), "%s", job->request.device);
		snprintf(event->job, sizeof(event->job), "%s", job->id);
		snprintf(event->firmware, sizeof(event->firmware), "%s", job->request.firmware);
	}
	publish(bus, event);
}

void event_publish_firmware(struct event_bus *bus, enum event_type type, const char *sha256)
{
	struct event *event = event_new(TOPIC_FIRMWARE, type, NULL, 0, NULL);
	if (event != NULL)
		snprintf(event->firmware, sizeof(event->firmware), "%s", sha256);
	publish(bus, event);
}

/* The jobs stand behind the status that names them. */
static struct event *download_event_new(const struct download_status *status)
{
	const void *copy = NULL;
	size_t jobs_size = status->job_count * sizeof(*status->jobs);
	struct download_status *whole = malloc(sizeof(*whole) + jobs_size);
	if (whole == NULL)
		return NULL;
	*whole = *status;
	if (jobs_size > 0)
		memcpy(whole + 1, status->jobs, jobs_size);
	struct event *event = event_new(TOPIC_FIRMWARE, EVENT_DOWNLOAD_CHANGED, whole, sizeof(*whole) + jobs_size, &copy);
	free(whole);
	if (event == NULL)
		return NULL;
	struct download_status *own = (struct download_status *)(box_of(event) + 1);
	own->jobs = (const char(*)[JOB_ID_SIZE])(own + 1);
	event->download_now = own;
	return event;
}

void event_publish_download(struct event_bus *bus, const struct download_status *status)
{
	struct event *event = download_event_new(status);
	if (event != NULL)
		memcpy(event->download, status->now.id, sizeof(event->download));
	publish(bus, event);
}

void event_publish_download_progress(struct event_bus *bus, const struct download *download)
{
	struct event *event = event_new(TOPIC_FIRMWARE, EVENT_DOWNLOAD_PROGRESS, NULL, 0, NULL);
	if (event != NULL) {
		memcpy(event->download, download->id, sizeof(event->download));
		event->bytes_done = download->bytes_done;
		event->bytes_total = download->bytes_total;
	}
	publish(bus, event);
}

int event_bus_read(struct event_bus *bus, uint64_t after, struct event **ret, size_t count)
{
	int error = 0;
	size_t taken = 0;
	pthread_mutex_lock(&bus->lock);
	if (after + 1 < bus->first || after > bus->head)
		error = -ESTALE;
	while (error == 0 && taken < count && after + taken < bus->head) {
		ret[taken] = event_ref(bus->slots[(after + taken + 1) % bus->capacity]);
		taken++;
	}
	pthread_mutex_unlock(&bus->lock);
	return error < 0 ? error : (int)taken;
}
