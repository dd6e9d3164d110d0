/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread for what waits for the disk longer than event clients may wait: the end of an upload. Its connection is parked meanwhile.
 */
#ifndef API_IMPORT_WORKER_H
#define API_IMPORT_WORKER_H

#include <microhttpd.h>

struct import_worker;

struct import_task {
	void (*run)(void *context); /* on the worker's thread, exactly once */
	void *context;
	struct MHD_Connection *connection;
	struct import_task *next;
};

int import_worker_new(struct import_worker **ret);
/* Runs what is queued, then ends. Every connection has been resumed when this returns. */
void import_worker_stop(struct import_worker *worker);
void import_worker_free(struct import_worker *worker);

/* Called from within the connection's handler: parks it; it is resumed after the run. The task belongs to the caller and must live until then.
 * -EBUSY when too many wait or the worker stops: nothing is parked then. */
int import_worker_submit(struct import_worker *worker, struct import_task *task);

#endif
