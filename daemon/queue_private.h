/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of the queue: queue.c (verbs), queue_recover.c (start), queue_dispatch.c (main thread), queue_begin.c (which jobs begin), job_state.c (changes), runner.c (the
 * thread of a job), port_loss.c, queue_periodic.c (probes that nobody asked for), queue_download.c (firmware that a URL brings), queue_lease.c, queue_hold.c
 * (power).
 */
#ifndef DAEMON_QUEUE_PRIVATE_H
#define DAEMON_QUEUE_PRIVATE_H

#include <pthread.h>

#include "daemon/limits.h"
#include "daemon/name_index.h"
#include "daemon/queue.h"
#include "daemon/queue_turn.h"

/* Three times the longest apply (protocol.md 7, Budgets). */
#define AT_WORK_MS INT64_C(3600000)

#define INTERRUPTIONS_MAX 5u /* of a job: with this one it ends */
#define PORT_LOSSES_MAX   10u

/* A job that can no longer be cancelled does not keep a device that never comes back. */
#define ABSENCE_MAX_MS INT64_C(86400000)

/* What a job says that waits for the end of it. */
#define IN_MAINTENANCE "the device is in maintenance"

/* What a job says while a cancelled run brings its modem back. */
#define BRINGING_BACK "cancelled: the modem is brought back to its application"

/* How a run ended, as far as the queue cares. */
struct run_outcome {
	int result; /* of the engine: 0, -ECANCELED, else the fault says why */
	struct job_fault fault;
	bool verified;
	bool news;                /* of a periodic probe: it is worth being kept */
	bool remote;              /* the port is one over the network: nobody sees it come back but who opens it */
	bool connected;           /* the modem answered */
	char port[256];           /* that the engine was given last; the device may have another one by now */
	int boot_mode;            /* as last seen in this run; -1: not seen */
	enum upgrade_phase phase; /* in which it ended, if it came to one */
	uint32_t phase_ms;        /* since that began */
	char from_release[48];
	char to_release[48];
};

/* Made under `change`, freed by the main thread only, after its thread was joined. Members are written under both mutexes; but progress and
 * detail, which the job's own thread also writes under `lock` alone. */
struct queued_job {
	struct queue *queue;
	struct job_row row;
	bool sending;   /* this run has passed the point of no return: it cannot be stopped */
	bool put_back;  /* the ordered stop wants it back in the queue */
	bool periodic;  /* a probe that nobody asked for: in no list and not on disk, unless it ends with news (queue_periodic.c) */
	bool gives_way; /* of these: something else wants the device */
	enum modem_family family; /* of its modem, as it was known when the job last changed */
	char hub[64];             /* on which its board hangs; "": on none */
	bool pinned;              /* what it needs of the cache is held */
	bool has_thread, thread_ended;
	bool limited; /* its detail says which limit holds it up: this one with so many; under `change` */
	uint32_t limiting_place;
	unsigned limiting_running;
	bool unsettled; /* it ended, and the store could not take it yet */
	bool left;      /* the ordered stop waits for its thread no longer: it ends with the process */
	/* What its thread waits for the driver to do, since when, and when that was told last; NULL: nothing. Under `lock`. */
	const char *driver_call;
	bool driver_is_remote; /* no driver but a host, the network between, or who knows its address */
	int64_t driver_since_ms, driver_told_ms;
	struct run_outcome outcome;
	int64_t
	    unreached_since_ms;  /* the first of the runs in a row that found the port over the network closed; 0: the last one did not */
	int64_t settle_until_ms; /* the port went away under the last run: not before this it is looked for again; 0: it did not */
	int cancel_fd;           /* -1 when it does not run */
	pthread_t thread;
	bool weighed; /* in some turn; main thread only */
	/* What it takes of limits, as it was found with these traits of the device (0: never yet). Of one that runs it stays. Under `change`. */
	uint32_t traits, places[PLACES_MAX];
	size_t place_count;
	struct queued_job *next, *previous;
	struct queued_job *next_of_device;
	bool is_among_running;
	struct queued_job *next_running, *previous_running;
};

struct queue {
	struct queue_surroundings with;
	pthread_mutex_t change;
	pthread_mutex_t lock;
	struct queued_job *jobs;            /* newest first */
	struct queued_job *running;         /* those of them that run; under `change` */
	struct name_index by_id, by_device; /* the latter: the newest job, and the others behind it */
	struct queue_hold *holds;
	char newest_id[JOB_ID_SIZE];
	int64_t probed_until_ms, next_probe_ms; /* main thread only */
	bool all_due;                           /* something happened that any job may have waited for */
	struct limits *limits;                  /* under `change` */
	int64_t turned_ms,
	    due_ms; /* when all were weighed last, and when they are again; main thread only, as all below up to `stopping` */
	struct turn_place *places; /* limits_count() of them, with what runs in this turn */
	size_t place_room;
	struct queue_party *parties;
	struct name_index by_campaign; /* parties */
	uint64_t served;
	bool stopping;
	int64_t stop_began_ms;
	int64_t began_ms, stepped_ms;      /* this run of the daemon, and by how much the clock was set since; under `lock` */
	struct abandoned_modem *abandoned; /* under `lock` */
	bool store_refused;                /* in the last turn; main thread only */
	int wake_fd;
	struct time_zone *zone; /* the last one that a window named; under `change`, like its name */
	char zone_name[64];
};

/* queue_periodic.c. Adds the probes whose moment has come; returns when the next one's does, 0: never. `change` is held. */
int64_t queue_plan_probes(struct queue *queue, int64_t now_ms);
/* Drops one that has not begun when its device is not idle any more. `change` is held. */
void queue_weigh_probe(struct queued_job *entry);
/* Ends those of this device: something else wants it. `change` is held. */
void queue_yield_probe(struct queue *queue, const char *device);
/* Its end differs from that of the device's newest job, when that was a failed probe, or it failed. */
bool queue_probe_is_news(struct queue *queue, const char *device, int result, const struct job_fault *fault);

/* Puts it among those that run, or takes it out, as its state says. `change` is held. */
void queued_job_note_running(struct queued_job *entry);

/* Copies under `lock`. */
struct job_row queued_job_row(struct queued_job *entry);

/* queue_expect.c. What the family of its modem is by now. `change` is held. */
void queued_job_know_family(struct queued_job *entry);
/* Says in `job`, a copy of the entry's, how long it usually takes from now. `lock` is held. */
void queued_job_expect(const struct queued_job *entry, struct job *job);
/* The same in a row that is in no list yet. */
void queue_expect_new(struct queue *queue, struct job_row *row);

/* The list. `change` is held. */
struct queued_job *queue_add(struct queue *queue, const struct job_row *row);
void queue_remove(struct queue *queue, struct queued_job *entry);
/* NULL when it is not there. `lock` is held. */
struct queued_job *queue_find(const struct queue *queue, const char *id);
/* The newest job of the device; the others are behind it, next_of_device. NULL: none. `lock` is held. */
struct queued_job *queue_jobs_of(const struct queue *queue, const char *device);

/* Of a running job the disk has a percent that is so much ahead of what may be told, so that what was told never goes back, not by a crash either; and no
 * block waits for the disk. */
#define PERCENT_STEP 4.0
/* Lets a job that has told all that it may tell more. False when the store refuses. `change` is held. */
bool queued_job_allow_percent(struct queued_job *entry);

/* Progress is written by the job's thread, and by nobody else while it runs. */
void queued_job_set_progress(struct queued_job *entry, const struct job_progress *progress);

/* Persists, makes seen, publishes. `change` is held. Progress is kept as it is in memory. */
int queued_job_keep(struct queued_job *entry, const struct job_row *next, enum event_type type, struct job_fault *ret_fault);

/* The same with the progress of `next`: by the job's thread. */
int queued_job_keep_progress(struct queued_job *entry, const struct job_row *next, struct job_fault *ret_fault);

/* Makes seen and publishes what the store refused; the next change that it takes has this in it. `change` is held. */
void queued_job_show(struct queued_job *entry, const struct job_row *next, enum event_type type);

/* The only way to another state: checks the table, fills in what belongs to the state (times, waiting_for, can_cancel), persists, publishes, then logs. `next`
 * has the members that change besides. `change` is held. */
int queued_job_set_state(struct queued_job *entry, struct job_row *next, enum job_state state, struct job_fault *ret_fault);

/* The table. */
bool job_state_may_become(enum job_state from, enum job_state to);

/* queue_lease.c. Brings next->aside in line with the lease of the device: a job of somebody else that has not begun leaves its place to the holder, and
 * takes it again when the lease has ended and the place is free. `change` is held. */
/* Whether there may be something to do about that. */
bool queued_job_is_out_of_line(struct queued_job *entry);
int queued_job_mind_lease(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault);

/* Whose turn to take the place of a device comes first. */
bool job_goes_before(const struct job *one, const struct job *other);

/* Of a job that waits for its device: says in *next that this is in maintenance, or does not any more, and since when the device is absent, which it is
 * not while it is in maintenance. True: that is news. `change` is held. */
bool queued_job_mind_maintenance(struct queued_job *entry, struct job_row *next);

/* What keeps the job from running now. `change` is held, and it does not run. */
enum job_wait queued_job_obstacle(struct queued_job *entry, int64_t now_ms);

/* Begins the download of a row that lacks its firmware, or finds it under way. `change` is held. */
int queue_fetch(struct queue *queue, struct job_row *row, struct job_fault *ret_fault);

/* For a job that lacks its firmware: 1 while it has to wait on; 0 when *next has the firmware, or the job has failed for want of it (then it is
 * terminal); negative when the store refused. `change` is held. */
int queued_job_take_download(struct queued_job *entry, struct job_row *next);

/* Ends a download that nobody waits for any more. `change` is held. */
void queue_drop_download(struct queue *queue, const char *id);

/* queue_window.c. When a job may begin by its window: now_ms, when it has none, has begun, or the window is open for long enough. `change` is held. */
int64_t queued_job_may_begin_ms(struct queue *queue, const struct job *job, int64_t now_ms);
/* Says in the job until when it waits for its window, when it does. True: that is another moment than it said. `change` is held. */
bool queued_job_mind_window(struct queue *queue, struct job *job, int64_t now_ms);

/* queue_clock.c. It waits longer from now on than any such wait is, or since a moment that is yet to come: the clock was set back while nobody saw it. Pure. */
bool job_row_waits_too_long(const struct job_row *row, int64_t turn_ms);
void job_row_shorten_wait(struct job_row *row, int64_t now_ms);

/* Another reason begins now; the same one goes on. */
void queued_job_wait_for(struct queued_job *entry, struct job *job, enum job_wait reason);

/* To waiting, with the reason in next->job.waiting_for. `change` is held. */
int queued_job_wait(struct queued_job *entry, struct job_row *next, enum job_wait reason, struct job_fault *ret_fault);

/* True when the last run ended because the port went away under it, or was not there: says so in *next, and counts it unless the job was
 * waiting for that port over the network already. `change` is held. */
bool port_loss_count(struct queued_job *entry, struct job_row *next);

/* Cancelled though the modem may be outside its application: its port is away, or too many runs tried. `change` is held. */
int queued_job_give_up_way_back(struct queued_job *entry, struct job_row *next, struct job_fault *ret_fault);

/* Brings entry->outcome into the job's state. `change` is held. When the store refuses, unsettled stays set. */
void queued_job_settle(struct queued_job *entry);

/* Jobs of this device are not to be started now. `lock` is held. */
bool queue_holds(const struct queue *queue, const char *device);

/* queue_clock.c. Remembers when a job ended whose modem it may have left at work, whatever is done to the clock afterwards. `lock` is not held. */
void queue_note_abandoned(struct queue *queue, const struct job *job);
/* How long that is ago. */
int64_t queue_abandoned_for_ms(struct queue *queue, const struct job *job);
void queue_forget_abandoned(struct queue *queue);

/* An earlier job, before this one (NULL: any), failed in a transfer or an apply and may have left its modem at it. Later nobody can help that modem but
 * by its power. */
bool queue_may_be_at_work(struct queue *queue, const char *device, const char *job);

/* queue_begin.c. Starts the queued jobs whose turn it is, of those that stand before `known` (NULL: of all). False when the store refused. Main
 * thread, `change` is held. */
bool queue_start_jobs(struct queue *queue, const struct queued_job *known);
/* Which places a job that is to begin would take. `change` is held. */
void queued_job_find_places(struct queued_job *entry);
void queue_forget_parties(struct queue *queue);

/* The thread of a running job; ends with the outcome settled or marked. */
void *runner_main(void *entry);

/* Drivers that hang, queue_driver.c. The thread of a job says when it calls one (`call`: "opened", "closed"), of which kind of port, and when that is
 * over (NULL). */
void queued_job_call_driver(struct queued_job *entry, const char *call, bool is_remote);
/* Tells of calls that take long; when the daemon stops, leaves their threads behind. Main thread, `change` is held. Returns when it has to look
 * again; 0: not by itself. */
int64_t queue_mind_drivers(struct queue *queue, int64_t now_ms);

/* Fills queue->jobs from the store. */
int queue_recover(struct queue *queue, struct job_fault *ret_fault);

#endif
