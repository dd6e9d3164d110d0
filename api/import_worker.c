/* SPDX-License-Identifier: Apache-2.0 */
#include "api/import_worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define QUEUE_MAX_TASKS 64u

struct import_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct import_task *first, **last;
	unsigned waiting;
	bool stopping;
	bool joined;
};

static struct import_task *next_task(struct import_worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	while (worker->first == NULL && !worker->stopping)
		pthread_cond_wait(&worker->changed, &worker->lock);
	struct import_task *task = worker->first;
	if (task != NULL) {
		worker->first = task->next;
		worker->waiting--;
	}
	if (worker->first == NULL)
		worker->last = &worker->first;
	pthread_mutex_unlock(&worker->lock);
	return task;
}

static void *import_thread(void *argument)
{
	struct import_worker *worker = argument;
	struct import_task *task;
	while ((task = next_task(worker)) != NULL) {
		struct MHD_Connection *connection = task->connection;
		task->run(task->context);
		MHD_resume_connection(connection);
	}
	return NULL;
}

int import_worker_new(struct import_worker **ret)
{
	struct import_worker *worker = calloc(1, sizeof(*worker));
	if (worker == NULL)
		return -ENOMEM;
	worker->last = &worker->first;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->changed, NULL);
	int error = pthread_create(&worker->thread, NULL, import_thread, worker);
	worker->joined = error != 0;
	if (error != 0) {
		import_worker_free(worker);
		return -error;
	}
	*ret = worker;
	return 0;
}

void import_worker_stop(struct import_worker *worker)
{
	if (worker->joined)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	worker->joined = true;
}

void import_worker_free(struct import_worker *worker)
{
	if (worker == NULL)
		return;
	import_worker_stop(worker);
	pthread_mutex_destroy(&worker->lock);
	pthread_cond_destroy(&worker->changed);
	free(worker);
}

int import_worker_submit(struct import_worker *worker, struct import_task *task)
{
	int r = -EBUSY;
	pthread_mutex_lock(&worker->lock);
	if (!worker->stopping && worker->waiting < QUEUE_MAX_TASKS) {
		task->next = NULL;
		*worker->last = task;
		worker->last = &task->next;
		worker->waiting++;
		/* Under the lock: the worker must not resume before it is parked. */
		MHD_suspend_connection(task->connection);
		pthread_cond_signal(&worker->changed);
		r = 0;
	}
	pthread_mutex_unlock(&worker->lock);
	return r;
}
