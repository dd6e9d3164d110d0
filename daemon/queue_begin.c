/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the queued jobs begin: the running ones are counted by party and place, queue_turn.c decides, and the threads are made.
 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Of those whose limit is reached so many are told in one turn: what a client asks waits for its end. */
#define TOLD_AT_ONCE 200u

/* Parties that have no job now are remembered up to so many, so that a campaign between two jobs keeps its place in the row. */
#define PARTIES_KEPT 1024u

struct queue_party {
	char campaign[JOB_ID_SIZE];
	uint64_t served;
	unsigned running;
	bool has_jobs;
	size_t number; /* in this turn */
	struct queue_party *next;
};

static struct queue_party *party_of(struct queue *queue, const char *campaign)
{
	struct queue_party *party = name_index_find(&queue->by_campaign, campaign);
	if (party != NULL)
		return party;
	party = calloc(1, sizeof(*party));
	if (party == NULL || name_index_put(&queue->by_campaign, campaign, party) < 0) {
		free(party);
		return NULL;
	}
	snprintf(party->campaign, sizeof(party->campaign), "%s", campaign);
	party->next = queue->parties;
	queue->parties = party;
	return party;
}

static void drop_idle_parties(struct queue *queue)
{
	struct queue_party **link = &queue->parties;
	for (struct queue_party *party = queue->parties; party != NULL; party = party->next)
		party->has_jobs = false;
	for (const struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next) {
		struct queue_party *party = name_index_find(&queue->by_campaign, entry->row.job.request.campaign);
		if (party != NULL && (entry->row.job.state == JOB_QUEUED || entry->row.job.state == JOB_RUNNING))
			party->has_jobs = true;
	}
	while (*link != NULL) {
		struct queue_party *party = *link;
		if (party->has_jobs) {
			link = &party->next;
			continue;
		}
		*link = party->next;
		name_index_remove(&queue->by_campaign, party->campaign);
		free(party);
	}
}

void queue_forget_parties(struct queue *queue)
{
	for (struct queue_party *party = queue->parties, *next; party != NULL; party = next) {
		next = party->next;
		free(party);
	}
	queue->parties = NULL;
	name_index_clear(&queue->by_campaign);
}

/* One that its driver does not let go on takes no other's place. */
static bool is_counted(const struct queued_job *entry)
{
	return entry->row.job.state == JOB_RUNNING && entry->driver_told_ms == 0;
}

/* The device may have got other labels, or another place on USB, since this was found out. */
void queued_job_find_places(struct queued_job *entry)
{
	struct queue *queue = entry->queue;
	const char *id = entry->row.job.request.device;
	struct device device;
	char controller[64];
	if (!limits_any(queue->limits))
		return;
	uint32_t traits = registry_standing(queue->with.registry, id).traits;
	if (entry->traits == traits || !registry_traits(queue->with.registry, id, &device, controller))
		return;
	entry->traits = traits;
	entry->place_count = limits_of(queue->limits, &device, controller, entry->places);
}

/* Room for all places that were ever met, none of them taken. */
static int clear_places(struct queue *queue)
{
	size_t count = limits_count(queue->limits);
	if (count > queue->place_room) {
		struct turn_place *grown = reallocarray(queue->places, 2 * count, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		queue->places = grown;
		queue->place_room = 2 * count;
	}
	for (size_t i = 0; i < count; i++)
		queue->places[i] = (struct turn_place){.most = limits_most(queue->limits, (uint32_t)i)};
	return 0;
}

struct roll {
	unsigned running;
	size_t queued, parties;
};

static int count_running(struct queue *queue, unsigned *ret)
{
	*ret = 0;
	for (struct queue_party *party = queue->parties; party != NULL; party = party->next)
		party->running = 0;
	for (const struct queued_job *entry = queue->running; entry != NULL; entry = entry->next_running) {
		struct queue_party *party = party_of(queue, entry->row.job.request.campaign);
		if (party == NULL)
			return -ENOMEM;
		party->running += is_counted(entry);
		*ret += is_counted(entry);
	}
	int result = clear_places(queue);
	for (const struct queued_job *entry = queue->running; entry != NULL && result == 0; entry = entry->next_running)
		for (size_t i = 0; i < entry->place_count && is_counted(entry); i++)
			queue->places[entry->places[i]].running++;
	return result;
}

/* Counts what runs, by party and by place, and what is queued before `known`. */
static int count_jobs(struct queue *queue, const struct queued_job *known, struct roll *ret)
{
	*ret = (struct roll){0};
	for (struct queued_job *entry = queue->jobs; entry != known; entry = entry->next) {
		if (entry->row.job.state != JOB_QUEUED)
			continue;
		queued_job_find_places(entry);
		if (party_of(queue, entry->row.job.request.campaign) == NULL)
			return -ENOMEM;
		ret->queued++;
	}
	int result = count_running(queue, &ret->running);
	if (queue->by_campaign.count > PARTIES_KEPT)
		drop_idle_parties(queue);
	ret->parties = queue->by_campaign.count;
	return result;
}

/* A thread is on its device; or, of two periodic probes, on its hub. `lock` is held. */
static bool is_in_the_way(const struct queued_job *entry, const struct queued_job *other)
{
	bool same_hub = entry->periodic && other->periodic && entry->hub[0] != '\0' && strcmp(entry->hub, other->hub) == 0;
	return other->has_thread && same_hub;
}

static bool may_start(const struct queue *queue, const struct queued_job *entry)
{
	const char *device = entry->row.job.request.device;
	bool may = entry->row.job.state == JOB_QUEUED && !queue_holds(queue, device);
	for (const struct queued_job *other = queue_jobs_of(queue, device); other != NULL && may; other = other->next_of_device)
		may = !other->has_thread;
	for (const struct queued_job *other = queue->jobs; entry->periodic && other != NULL && may; other = other->next)
		may = !is_in_the_way(entry, other);
	return may;
}

/* One whose device a thread has not left yet is passed over until that is joined. */
static bool may_start_now(struct queued_job *entry)
{
	pthread_mutex_lock(&entry->queue->lock);
	bool may = may_start(entry->queue, entry);
	pthread_mutex_unlock(&entry->queue->lock);
	return may;
}

static void forget_last_run(struct queued_job *entry, int cancel_fd)
{
	pthread_mutex_lock(&entry->queue->lock);
	entry->cancel_fd = cancel_fd;
	entry->sending = entry->put_back = false;
	entry->settle_until_ms = 0;
	entry->outcome = (struct run_outcome){0};
	entry->driver_call = NULL;
	entry->driver_since_ms = entry->driver_told_ms = 0;
	pthread_mutex_unlock(&entry->queue->lock);
}

static int start_thread(struct queued_job *entry)
{
	pthread_mutex_lock(&entry->queue->lock);
	int result = pthread_create(&entry->thread, NULL, runner_main, entry);
	entry->has_thread = result == 0;
	pthread_mutex_unlock(&entry->queue->lock);
	return -result;
}

/* Invalid before the write: the store says that it runs before its thread exists. False when the store refused. */
static bool start(struct queued_job *entry)
{
	struct job_fault fault;
	struct job_row next = queued_job_row(entry);
	int cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cancel_fd < 0)
		return false;
	forget_last_run(entry, cancel_fd);
	next.job.fault = (struct job_fault){0};
	if (queued_job_set_state(entry, &next, JOB_RUNNING, &fault) < 0) {
		forget_last_run(entry, -1);
		close(cancel_fd);
		return false;
	}
	int result = start_thread(entry);
	if (result == 0)
		return true;
	forget_last_run(entry, -1);
	close(cancel_fd);
	entry->outcome.result = result;
	job_fault_set(&entry->outcome.fault, "infrastructure-error", "no thread for the job: %s", strerror(-result));
	queued_job_settle(entry);
	return true;
}

/* Those that are to be chosen from; their places are left to the entries. */
static void fill_turn(struct queue *queue, const struct queued_job *known, struct turn *turn)
{
	size_t number = 0;
	for (struct queue_party *party = queue->parties; party != NULL; party = party->next) {
		turn->parties[number] = (struct turn_party){.running = party->running, .served = party->served};
		party->number = number++;
	}
	for (struct queued_job *entry = queue->jobs; entry != known; entry = entry->next) {
		const struct job *job = &entry->row.job;
		const struct queue_party *party = name_index_find(&queue->by_campaign, job->request.campaign);
		bool full = turn_full_place(queue->places, entry->places, entry->place_count) < entry->place_count;
		if (job->state != JOB_QUEUED || party == NULL || full) /* a place that is taken stays so in this turn */
			continue;
		turn->candidates[turn->count++] = (struct turn_candidate){
		    .id = job->id,
		    .priority = job->request.priority,
		    .party = party->number,
		    .places = entry->places,
		    .place_count = entry->place_count,
		    .job = entry,
		};
	}
}

static bool start_in_turn(struct queue *queue, struct turn *turn, unsigned running)
{
	const struct turn_candidate *candidate;
	bool taken = true;
	while (taken && running < queue->with.max_parallel && (candidate = turn_next(turn)) != NULL) {
		if (!may_start_now(candidate->job))
			continue;
		taken = start(candidate->job);
		if (!taken)
			break;
		turn_take(turn, candidate);
		running++;
	}
	for (struct queue_party *party = queue->parties; party != NULL; party = party->next)
		party->served = turn->parties[party->number].served;
	return taken;
}

/* Only in memory: the next turn of the next run of the daemon finds it out anew. False: it said so before. */
static bool tell_limit(struct queued_job *entry, const char *detail)
{
	struct queue *queue = entry->queue;
	bool news = strcmp(entry->row.job.detail, detail) != 0;
	entry->limited = detail[0] != '\0';
	if (!news || entry->periodic)
		return false;
	pthread_mutex_lock(&queue->lock);
	snprintf(entry->row.job.detail, sizeof(entry->row.job.detail), "%s", detail);
	struct job now = entry->row.job;
	pthread_mutex_unlock(&queue->lock);
	event_publish_job(queue->with.events, EVENT_JOB_CHANGED, &now);
	return true;
}

/* Says which of its limits is reached, or that none is any more. Whether that was worth telling. */
static bool mind_limit(struct queued_job *entry)
{
	const struct queue *queue = entry->queue;
	char detail[sizeof(((struct job *)0)->detail)];
	size_t full = turn_full_place(queue->places, entry->places, entry->place_count);
	if (full == entry->place_count)
		return entry->limited && tell_limit(entry, "");
	uint32_t place = entry->places[full];
	unsigned running = queue->places[place].running;
	if (entry->limited && entry->limiting_place == place && entry->limiting_running == running)
		return false;
	entry->limiting_place = place;
	entry->limiting_running = running;
	limits_describe(queue->limits, place, running, detail, sizeof(detail));
	return tell_limit(entry, detail);
}

static void tell_limits(struct queue *queue, const struct queued_job *known)
{
	unsigned told = 0;
	struct queued_job *entry = queue->jobs;
	for (; entry != known && told < TOLD_AT_ONCE; entry = entry->next)
		told += entry->row.job.state == JOB_QUEUED && mind_limit(entry);
	if (entry != known)
		queue_wake(queue); /* the others in the next turn */
}

/* Those that may begin do, as long as there is room. False when the store refused. */
static bool take_turn(struct queue *queue, const struct queued_job *known, const struct roll *roll)
{
	struct turn turn = {
	    .candidates = calloc(roll->queued, sizeof(*turn.candidates)),
	    .parties = calloc(roll->parties + 1, sizeof(*turn.parties)),
	    .places = queue->places,
	    .served = &queue->served,
	};
	bool taken = true;
	if (turn.candidates != NULL && turn.parties != NULL) {
		fill_turn(queue, known, &turn);
		if (turn_begin(&turn) == 0)
			taken = start_in_turn(queue, &turn, roll->running);
		turn_end(&turn);
	}
	free(turn.candidates);
	free(turn.parties);
	return taken;
}

bool queue_start_jobs(struct queue *queue, const struct queued_job *known)
{
	struct roll roll;
	bool taken = true;
	if (count_jobs(queue, known, &roll) < 0 || roll.queued == 0)
		return true;
	if (roll.running < queue->with.max_parallel)
		taken = take_turn(queue, known, &roll);
	if (limits_any(queue->limits))
		tell_limits(queue, known);
	return taken;
}
