/* SPDX-License-Identifier: Apache-2.0 */
#include "api/patience.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define MS_PER_S  INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NEVER     INT64_MAX

struct watched {
	struct watched *previous, *next;
	int fd;
	int64_t deadline_ms;
};

struct patience {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t sooner; /* a deadline before the one that is slept for, or the end */
	int64_t sleeps_until_ms;
	bool stopping;
	struct watched *first;
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

/* Cuts what is due; answers the next deadline. The socket stays its owner's: it sees the end of the stream and closes. */
static int64_t cut_due(struct patience *patience)
{
	int64_t now = now_ms(), next = NEVER;
	for (struct watched *watched = patience->first; watched != NULL; watched = watched->next) {
		if (watched->deadline_ms <= now) {
			shutdown(watched->fd, SHUT_RDWR);
			watched->deadline_ms = NEVER;
		}
		if (watched->deadline_ms < next)
			next = watched->deadline_ms;
	}
	return next;
}

static void sleep_until(struct patience *patience, int64_t deadline_ms)
{
	patience->sleeps_until_ms = deadline_ms;
	if (deadline_ms == NEVER) {
		pthread_cond_wait(&patience->sooner, &patience->lock);
		return;
	}
	struct timespec until = {.tv_sec = (time_t)(deadline_ms / MS_PER_S), .tv_nsec = (long)(deadline_ms % MS_PER_S * NS_PER_MS)};
	pthread_cond_timedwait(&patience->sooner, &patience->lock, &until);
}

static void *patience_thread(void *argument)
{
	struct patience *patience = argument;
	pthread_mutex_lock(&patience->lock);
	while (!patience->stopping)
		sleep_until(patience, cut_due(patience));
	pthread_mutex_unlock(&patience->lock);
	return NULL;
}

int patience_new(struct patience **ret)
{
	struct patience *patience = calloc(1, sizeof(*patience));
	if (patience == NULL)
		return -ENOMEM;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&patience->sooner, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&patience->lock, NULL);
	int error = pthread_create(&patience->thread, NULL, patience_thread, patience);
	if (error != 0) {
		pthread_mutex_destroy(&patience->lock);
		pthread_cond_destroy(&patience->sooner);
		free(patience);
		return -error;
	}
	*ret = patience;
	return 0;
}

void patience_free(struct patience *patience)
{
	if (patience == NULL)
		return;
	pthread_mutex_lock(&patience->lock);
	patience->stopping = true;
	pthread_cond_signal(&patience->sooner);
	pthread_mutex_unlock(&patience->lock);
	pthread_join(patience->thread, NULL);
	pthread_mutex_destroy(&patience->lock);
	pthread_cond_destroy(&patience->sooner);
	free(patience);
}

static void set_deadline(struct patience *patience, struct watched *watched, unsigned seconds)
{
	watched->deadline_ms = seconds == 0 ? NEVER : now_ms() + (int64_t)seconds * MS_PER_S;
	if (watched->deadline_ms < patience->sleeps_until_ms)
		pthread_cond_signal(&patience->sooner);
}

struct watched *patience_add(struct patience *patience, int fd, unsigned seconds)
{
	struct watched *watched = calloc(1, sizeof(*watched));
	if (watched == NULL)
		return NULL;
	watched->fd = fd;
	pthread_mutex_lock(&patience->lock);
	watched->next = patience->first;
	if (watched->next != NULL)
		watched->next->previous = watched;
	patience->first = watched;
	set_deadline(patience, watched, seconds);
	pthread_mutex_unlock(&patience->lock);
	return watched;
}

void patience_set(struct patience *patience, struct watched *watched, unsigned seconds)
{
	if (watched == NULL)
		return;
	pthread_mutex_lock(&patience->lock);
	set_deadline(patience, watched, seconds);
	pthread_mutex_unlock(&patience->lock);
}

void patience_remove(struct patience *patience, struct watched *watched)
{
	if (watched == NULL)
		return;
	pthread_mutex_lock(&patience->lock);
	if (watched->previous != NULL)
		watched->previous->next = watched->next;
	else
		patience->first = watched->next;
	if (watched->next != NULL)
		watched->next->previous = watched->previous;
	pthread_mutex_unlock(&patience->lock);
	free(watched);
}
