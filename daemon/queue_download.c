/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/job_files.h"
#include "daemon/job_pins.h"
#include "daemon/log.h"

bool job_row_lacks_firmware(const struct job_row *row)
{
	return row->job.request.kind == JOB_UPGRADE && row->job.request.firmware[0] == '\0' && row->url[0] != '\0';
}

static int begin(struct queue *queue, const struct download_request *request, struct download *ret, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	int result = downloads_begin(queue->with.downloads, request, ret, &error);
	if (result == -EPROTO)
		job_fault_from_cache(ret_fault, &error);
	return result < 0 ? result : 0;
}

int queue_fetch(struct queue *queue, struct job_row *row, struct job_fault *ret_fault)
{
	struct download download;
	const struct download_request request = {
	    .url = row->url,
	    .sha256 = row->url_sha256[0] != '\0' ? row->url_sha256 : NULL,
	    .try_minisig = queue->with.require_signature,
	};
	int result = begin(queue, &request, &download, ret_fault);
	if (result == 0)
		memcpy(row->job.download, download.id, sizeof(download.id));
	return result;
}

/* Under `change`: no job can drop the download between its begin and the note that a person wants it. */
int queue_begin_download(struct queue *queue, const struct download_request *request, struct download *ret, struct job_fault *ret_fault)
{
	bool kept = false;
	pthread_mutex_lock(&queue->change);
	int result = begin(queue, request, ret, ret_fault);
	if (result == 0)
		result = store_download_kept(queue->with.store, ret->id, &kept, ret_fault);
	if (result == 0 && !kept)
		result = store_download_keep(queue->with.store, ret->id, ret_fault);
	pthread_mutex_unlock(&queue->change);
	return result;
}

/* `lock` is held. */
static bool waits_for(const struct queued_job *entry, const char *id)
{
	return entry->row.job.state == JOB_WAITING && job_row_lacks_firmware(&entry->row) && strcmp(entry->row.job.download, id) == 0;
}

static bool has_waiting_job(struct queue *queue, const char *id)
{
	bool found = false;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue->jobs; entry != NULL && !found; entry = entry->next)
		found = waits_for(entry, id);
	pthread_mutex_unlock(&queue->lock);
	return found;
}

bool queue_wants_download(struct queue *queue, const char *id)
{
	struct job_fault fault;
	bool kept = false;
	if (has_waiting_job(queue, id))
		return true;
	/* When it cannot be told nothing is thrown away. */
	return store_download_kept(queue->with.store, id, &kept, &fault) < 0 || kept;
}

void queue_drop_download(struct queue *queue, const char *id)
{
	struct cache_error error;
	struct download download;
	if (id[0] != '\0' && !queue_wants_download(queue, id) && downloads_cancel(queue->with.downloads, id, &download, &error) == 0)
		log_info(NULL, "download %s is cancelled: no job waits for it any more", id);
}

int queue_download_jobs(struct queue *queue, const char *id, char (**ret)[JOB_ID_SIZE], size_t *ret_count)
{
	size_t count = 0;
	char(*ids)[JOB_ID_SIZE] = NULL;
	pthread_mutex_lock(&queue->lock);
	for (const struct queued_job *entry = queue->jobs; entry != NULL; entry = entry->next)
		count += waits_for(entry, id);
	if (count > 0)
		ids = calloc(count, sizeof(*ids));
	/* The list of jobs begins with the newest. */
	size_t left = ids != NULL ? count : 0;
	for (const struct queued_job *entry = queue->jobs; entry != NULL && left > 0; entry = entry->next)
		if (waits_for(entry, id))
			memcpy(ids[--left], entry->row.job.id, sizeof(*ids));
	pthread_mutex_unlock(&queue->lock);
	if (count > 0 && ids == NULL)
		return -ENOMEM;
	*ret = ids;
	*ret_count = count;
	return 0;
}

/* What came is put into the request as if it had been named in it. The caller has the pins of *ret_request. */
static int take_firmware(struct queue *queue, const struct download *download, struct job_row *next, struct job_request *ret_request)
{
	struct job_files files = {0};
	struct job_fault *fault = &next->job.fault;
	if (download->firmware[0] == '\0')
		return job_fault_set(fault, "bundle-unsupported",
				     "%s brought an archive of several bundles, which are in the cache now: name one of them",
				     download->url);
	int result = job_files_resolve(queue->with.firmware, ret_request, download->firmware, &files, fault);
	if (result == 0 && queue->with.require_signature)
		result = job_files_check_signatures(queue->with.firmware, &files, fault);
	if (result == 0)
		snprintf(next->job.to_release, sizeof(next->job.to_release), "%s", files.bundle.facts.release);
	job_files_clear(&files);
	if (result == 0)
		result = job_pins_take(queue->with.firmware, ret_request, fault);
	return result;
}

static int fail(struct queued_job *entry, struct job_row *next)
{
	struct job_fault unused;
	return queued_job_set_state(entry, next, JOB_FAILED, &unused);
}

static int take_success(struct queued_job *entry, const struct download *download, struct job_row *next)
{
	struct queue *queue = entry->queue;
	const struct job_request before = next->job.request;
	struct job_request with_firmware = before;
	struct job_fault unused;
	int result = take_firmware(queue, download, next, &with_firmware);
	if (result == -ENOMEM)
		return result;
	if (result < 0)
		return fail(entry, next);
	next->job.request = with_firmware;
	if (next->job.not_before_ms > queue->with.now_ms()) { /* it goes on waiting, and out of `waiting` it would forget until when */
		next->job.waiting_for = WAIT_TIME;
		result = queued_job_keep(entry, next, EVENT_JOB_CHANGED, &unused);
	} else {
		result = queued_job_set_state(entry, next, JOB_QUEUED, &unused);
	}
	job_pins_drop(queue->with.firmware, result == 0 ? &before : &with_firmware);
	return result;
}

/* Those that have ended are forgotten with the daemon, and after many others: it is asked for again, and found in the cache or fetched. */
static int begin_again(struct queued_job *entry, struct job_row *next)
{
	struct job_fault unused;
	int result = queue_fetch(entry->queue, next, &next->job.fault);
	if (result == -EPROTO)
		return fail(entry, next);
	if (result == 0)
		result = queued_job_keep(entry, next, EVENT_JOB_CHANGED, &unused);
	return result < 0 ? result : 1;
}

int queued_job_take_download(struct queued_job *entry, struct job_row *next)
{
	struct download download;
	struct cache_error error;
	if (downloads_get(entry->queue->with.downloads, next->job.download, &download, &error) < 0)
		return begin_again(entry, next);
	switch (download.state) {
	case DOWNLOAD_QUEUED:
	case DOWNLOAD_RUNNING:
	case DOWNLOAD_WAITING:
	case DOWNLOAD_STATE_COUNT:
		return 1;
	case DOWNLOAD_SUCCEEDED:
		return take_success(entry, &download, next);
	case DOWNLOAD_FAILED:
		job_fault_from_cache(&next->job.fault, &download.fault);
		break;
	case DOWNLOAD_CANCELLED:
		job_fault_set(&next->job.fault, "download-failed", "the download of %s was cancelled", download.url);
		break;
	}
	return fail(entry, next);
}
