/* SPDX-License-Identifier: Apache-2.0
 *
 * The jobs that are not finished: in which order they run, what they wait for, how they end. Thread-safe. Two private mutexes: `change` orders
 * the changes (each is on disk, then seen, then published, before the next), `lock` guards the memory and is never held over the disk: a
 * running job that reports progress waits for nobody's disk.
 */
#ifndef DAEMON_QUEUE_H
#define DAEMON_QUEUE_H

#include "daemon/engine_request.h"
#include "daemon/image_share.h"
#include "daemon/registry.h"
#include "daemon/store.h"

/* Everything is borrowed and outlives the queue. */
struct queue_surroundings {
	unsigned max_parallel;
	unsigned attempts;
	bool require_signature; /* of all that a job sends */
	struct store *store;
	struct registry *registry;
	struct firmware_store *firmware;
	struct image_share *images;
	struct event_bus *events;
	const struct engine_ops *engine;
	int64_t (*now_ms)(void); /* Unix time */
};

struct queue;

/* Takes up what an earlier run left: what ran is queued again and counted as interrupted. Nothing runs yet. */
int queue_new(const struct queue_surroundings *surroundings, struct job_fault *ret_fault, struct queue **ret);
/* Cancels and joins what still runs; on disk it goes back to the queue. */
void queue_free(struct queue *queue);

/* The request is valid and its firmware a digest. retried: the job that this one retries, NULL for none. It is on disk when this returns. */
int queue_submit(struct queue *queue, const struct job_request *request, const struct job_row *retried, const char *to_release,
		 struct job *ret, struct job_fault *ret_fault);
int queue_get(struct queue *queue, const char *id, struct job_row *ret, struct job_fault *ret_fault);
/* At once, or by a run that brings the modem back first. */
int queue_cancel(struct queue *queue, const char *id, struct job *ret, struct job_fault *ret_fault);
/* Replaces a job that was read from the store by what is in memory, when it is not finished. */
void queue_refresh(struct queue *queue, struct job *job);
void queue_count(struct queue *queue, struct gateway_counts *ret);

/* Readable when a turn is due. */
int queue_wake_fd(const struct queue *queue);
void queue_wake(struct queue *queue);

/* Main thread only: joins what ended, lets go on what has waited long enough, starts what may start. Returns the Unix time in ms at which the next
 * turn is due without being woken; 0: none. */
int64_t queue_turn(struct queue *queue);

/* The ordered stop: nothing starts any more; what is not past its point of no return is stopped and queued again. */
void queue_stop(struct queue *queue);
bool queue_stopping(struct queue *queue);
/* Threads that were not joined yet. Main thread only. */
unsigned queue_threads(struct queue *queue);

#endif
