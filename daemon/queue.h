/* SPDX-License-Identifier: Apache-2.0
 *
 * The jobs that are not finished: in which order they run, what they wait for, how they end. Thread-safe. Two private mutexes: `change` orders
 * the changes (each is on disk, then seen, then published, before the next), `lock` guards the memory and is never held over the disk: a
 * running job that reports progress waits for nobody's disk.
 */
#ifndef DAEMON_QUEUE_H
#define DAEMON_QUEUE_H

#include "daemon/durations.h"
#include "daemon/engine_request.h"
#include "daemon/image_share.h"
#include "daemon/leases.h"
#include "daemon/registry.h"
#include "daemon/store.h"

/* Everything is borrowed and outlives the queue. */
struct queue_surroundings {
	const struct config *config; /* its limits */
	unsigned max_parallel;
	unsigned attempts;
	unsigned probe_every_s;    /* idle devices; 0: never */
	unsigned quarantine_after; /* failures of the device class in a row; 0: never */
	bool require_signature;    /* of all that a job sends */
	struct store *store;
	struct registry *registry;
	struct leases *leases;
	struct durations *durations;
	struct firmware_store *firmware;
	struct downloads *downloads;
	struct image_share *images;
	struct event_bus *events;
	const struct engine_ops *engine;
	struct power *power;     /* NULL: nobody switches power */
	int64_t (*now_ms)(void); /* Unix time */
};

struct queue;
struct power;

/* Its firmware has yet to come from a URL. Pure. */
bool job_row_lacks_firmware(const struct job_row *row);

/* Takes up what an earlier run left: what ran is queued again and counted as interrupted. Nothing runs yet. */
int queue_new(const struct queue_surroundings *surroundings, struct job_fault *ret_fault, struct queue **ret);
/* Cancels and joins what still runs; on disk it goes back to the queue. */
void queue_free(struct queue *queue);

/* What a new job is made of. */
struct queue_order {
	const struct job_request *request; /* valid; its firmware is a digest, or "" when there is a source */
	const struct job_source *source;   /* NULL: none */
	const struct job_row *retried;     /* the job that this one retries; NULL: none */
	const char *to_release;
};
/* It is on disk when this returns, and a turn is due. "device-leased" when the device is another's, unless the request says that it waits. */
int queue_submit(struct queue *queue, const struct queue_order *order, struct job *ret, struct job_fault *ret_fault);
int queue_get(struct queue *queue, const char *id, struct job_row *ret, struct job_fault *ret_fault);
/* At once, or by a run that brings the modem back first. */
int queue_cancel(struct queue *queue, const char *id, struct job *ret, struct job_fault *ret_fault);
/* The same, of a job that has not begun; "invalid-request" when it has. */
int queue_withdraw(struct queue *queue, const char *id, struct job *ret, struct job_fault *ret_fault);
/* Replaces a job that was read from the store by what is in memory, when it is not finished. */
void queue_refresh(struct queue *queue, struct job *job);
void queue_count(struct queue *queue, struct gateway_counts *ret);

/* The device was leased, or its lease was given up: jobs of others step aside or come back (queue_lease.c). */
void queue_mind_lease(struct queue *queue, const char *device);

/* queue_hold.c. Devices of which no job is started for a while. The memory is the caller's. */
struct queue_hold {
	const char *cut; /* the device for whose sake; it may have a job that runs */
	char (*devices)[DEVICE_ID_SIZE];
	size_t count;
	struct queue_hold *next;
};
/* "device-busy", naming device and job, when one of them but `cut` runs a job, has begun to send a bundle, or may be at work on one;
 * "device-leased" when somebody holds one of them who does not hold `cut`. */
int queue_hold(struct queue *queue, struct queue_hold *hold, struct job_fault *ret_fault);
void queue_let_go(struct queue *queue, const struct queue_hold *hold);
/* Holds those of `more` as well, whatever they do. -ENOMEM. */
int queue_extend_hold(struct queue *queue, struct queue_hold *hold, const struct queue_hold *more);
/* Whether queue_hold() would now. */
int queue_may_hold(struct queue *queue, const struct queue_hold *hold, struct job_fault *ret_fault);
/* "past-point-of-no-return" when the modem of this device may be at work on what a job sent. */
int queue_refuse_cut(struct queue *queue, const char *device, struct job_fault *ret_fault);

/* queue_download.c. Begins a download that goes on without a job, too, or finds the one that is under way. */
int queue_begin_download(struct queue *queue, const struct download_request *request, struct download *ret, struct job_fault *ret_fault);
/* Ends it, and the jobs that wait for it: what is answered outlives the daemon. 1 with the download when it is too late for that. */
int queue_cancel_download(struct queue *queue, const char *id, struct download *ret, struct job_fault *ret_fault);
/* Somebody waits for it: a job, or a person. */
bool queue_wants_download(struct queue *queue, const char *id);
/* The jobs that wait for it, oldest first. *ret is malloc'd, NULL when there are none. */
int queue_download_jobs(struct queue *queue, const char *id, char (**ret)[JOB_ID_SIZE], size_t *ret_count);

/* queue_clock.c. The wall clock was set by so much: what jobs wait for so long goes on as it was. Main thread only. */
void queue_clock_stepped(struct queue *queue, int64_t by_ms);

/* Readable when a turn is due. */
int queue_wake_fd(const struct queue *queue);
/* Something happened that any job may have waited for. */
void queue_wake(struct queue *queue);

/* Main thread only: joins what ended, lets go on what has waited long enough, starts what may start. Returns the Unix time in ms at which the next
 * turn is due without being woken; 0: none. */
int64_t queue_turn(struct queue *queue);

/* The ordered stop: nothing starts any more; what is not past its point of no return is stopped and queued again. */
void queue_stop(struct queue *queue);
bool queue_stopping(struct queue *queue);
/* Threads that were not joined yet, without those that the stop has left in a driver that hangs. Main thread only. */
unsigned queue_threads(struct queue *queue);
/* What the ordered stop waits for, one line: "bench-1 transfer 43 %, bench-2 apply"; cut off at the end of a text too long. */
void queue_describe_threads(struct queue *queue, char *ret, size_t size);
/* Those that were left. Nothing may be freed then: they end with the process. */
unsigned queue_threads_left(struct queue *queue);

#endif
