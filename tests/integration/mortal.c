/* SPDX-License-Identifier: Apache-2.0
 *
 * A daemon that dies as by SIGKILL at a chosen moment: stands between the daemon's objects and what makes a change last or be seen, at the link of
 * dupgated-mortal (-Wl,--wrap). Every such call is two moments, just before it and just after it, counted from 1 over all threads;
 * DUPGATE_DIES_AT names the one at which the process ends, DUPGATE_MOMENTS a file that gets a line of each. With DUPGATE_MOMENTS_OF only those count
 * whose name has that word.
 */
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/events.h"
#include "daemon/store.h"
#include "tests/integration/mortal.h"

static atomic_long moments;

static void note(long number, const char *what)
{
	char line[80];
	const char *path = getenv("DUPGATE_MOMENTS");
	int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		return;
	int length = snprintf(line, sizeof(line), "%ld %s\n", number, what);
	(void)!write(fd, line, (size_t)length);
	close(fd);
}

void mortal_pass(const char *what)
{
	const char *last = getenv("DUPGATE_DIES_AT"), *word = getenv("DUPGATE_MOMENTS_OF");
	if (word != NULL && strstr(what, word) == NULL)
		return;
	long number = atomic_fetch_add(&moments, 1) + 1;
	note(number, what);
	if (last != NULL && strtol(last, NULL, 10) == number)
		kill(getpid(), SIGKILL);
}

int __real_sqlite3_exec(sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **), void *context, char **ret_error);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **), void *context, char **ret_error);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **), void *context, char **ret_error)
{
	bool lasts = strcmp(sql, "COMMIT") == 0;
	if (lasts)
		mortal_pass("before commit");
	int result = __real_sqlite3_exec(db, sql, callback, context, ret_error);
	if (lasts)
		mortal_pass("after commit");
	return result;
}

void __real_event_publish_job(struct event_bus *bus, enum event_type type, const struct job *job);
void __wrap_event_publish_job(struct event_bus *bus, enum event_type type, const struct job *job);
void __wrap_event_publish_job(struct event_bus *bus, enum event_type type, const struct job *job)
{
	/* How often progress is told depends on the machine's mood. */
	bool change = type != EVENT_JOB_PROGRESS;
	if (change)
		mortal_pass("before event");
	__real_event_publish_job(bus, type, job);
	if (change)
		mortal_pass("after event");
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*entry)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*entry)(void *), void *context)
{
	mortal_pass("before thread");
	int result = __real_pthread_create(thread, attributes, entry, context);
	mortal_pass("after thread");
	return result;
}

enum MHD_Result __real_MHD_queue_response(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response);
enum MHD_Result __wrap_MHD_queue_response(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response);
enum MHD_Result __wrap_MHD_queue_response(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
	bool accepted = status == MHD_HTTP_ACCEPTED;
	if (accepted)
		mortal_pass("before answer");
	enum MHD_Result result = __real_MHD_queue_response(connection, status, response);
	if (accepted)
		mortal_pass("after answer");
	return result;
}

int __real_store_campaign_save(struct store *store, const struct campaign_change *change, struct job_fault *ret_fault);
int __wrap_store_campaign_save(struct store *store, const struct campaign_change *change, struct job_fault *ret_fault);
int __wrap_store_campaign_save(struct store *store, const struct campaign_change *change, struct job_fault *ret_fault)
{
	mortal_pass("before campaign is saved");
	int result = __real_store_campaign_save(store, change, ret_fault);
	mortal_pass("after campaign is saved");
	return result;
}

void __real_event_publish_campaign(struct event_bus *bus, enum event_type type, const struct campaign *campaign);
void __wrap_event_publish_campaign(struct event_bus *bus, enum event_type type, const struct campaign *campaign);
void __wrap_event_publish_campaign(struct event_bus *bus, enum event_type type, const struct campaign *campaign)
{
	mortal_pass("before campaign is told");
	__real_event_publish_campaign(bus, type, campaign);
	mortal_pass("after campaign is told");
}

int __real_store_job_insert(struct store *store, const struct job_row *row, struct job_fault *ret_fault);
int __wrap_store_job_insert(struct store *store, const struct job_row *row, struct job_fault *ret_fault);
int __wrap_store_job_insert(struct store *store, const struct job_row *row, struct job_fault *ret_fault)
{
	bool of_campaign = row->job.request.campaign[0] != '\0';
	if (of_campaign)
		mortal_pass("before job of campaign");
	int result = __real_store_job_insert(store, row, ret_fault);
	if (of_campaign)
		mortal_pass("after job of campaign");
	return result;
}
