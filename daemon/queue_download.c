/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/catalogue_trust.h"
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
	    .name = row->job.request.firmware_name[0] != '\0' ? row->job.request.firmware_name : NULL,
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

/* The newest download of that content since the job was made. */
static bool find_download(struct queue *queue, const char *sha256, int64_t since_ms, struct download *ret)
{
	struct download *list = NULL;
	size_t count = 0;
	bool found = false;
	if (downloads_list(queue->with.downloads, &list, &count) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].sha256, sha256) != 0 || list[i].created_at < since_ms / 1000)
			continue;
		*ret = list[i];
		found = true;
	}
	free(list);
	return found;
}

static int fetch_one(struct queue *queue, const struct catalogue_entry *entry, const struct job *job, struct job_fault *ret_fault)
{
	struct download download;
	bool kept = false;
	if (find_download(queue, entry->sha256, job->created_at_ms, &download) && download_state_final(download.state)) {
		job_fault_from_cache(ret_fault, &download.fault);
		return job_fault_set(ret_fault, download.state == DOWNLOAD_FAILED ? ret_fault->kind->code : "download-failed",
				     "%s, which goes with it, did not come: %s", entry->name,
				     download.state == DOWNLOAD_FAILED ? download.fault.message : "its download ended without it");
	}
	const struct download_request request = {
	    .url = entry->url, .sha256 = entry->sha256, .name = entry->name, .try_minisig = queue->with.require_signature};
	int result = begin(queue, &request, &download, ret_fault);
	if (result == 0)
		result = store_download_kept(queue->with.store, download.id, &kept, ret_fault);
	if (result == 0 && !kept)
		result = store_download_keep(queue->with.store, download.id, ret_fault);
	return result < 0 ? result : 1;
}

/* What the catalogue says goes with it, and is not here. 0: nothing; 1: it is on its way. */
static int fetch_rest(struct queue *queue, const char *sha256, const struct job *job, struct job_fault *ret_fault)
{
	struct catalogue catalogue;
	struct job_fault no_catalogue;
	struct cache_error unused;
	int result = 0;
	if (catalogue_trusted(queue->with.firmware, queue->with.require_signature, &catalogue, &no_catalogue) < 0)
		return 0;
	const struct catalogue_entry *entry = catalogue_find(&catalogue, sha256, &unused);
	const char *const wanted[] = {entry != NULL ? entry->facts.helper : "", entry != NULL ? entry->facts.second : ""};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && result >= 0; i++) {
		if (wanted[i][0] == '\0' || firmware_is_there(queue->with.firmware, wanted[i]))
			continue;
		result = fetch_one(queue, catalogue_find(&catalogue, wanted[i], &unused), job, ret_fault);
	}
	catalogue_clear(&catalogue);
	return result;
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
		result = job_files_judge(queue->with.firmware, &files, fault);
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
	int result = fetch_rest(queue, download->firmware, &next->job, &next->job.fault);
	if (result > 0)
		return 1;
	if (result == 0)
		result = take_firmware(queue, download, next, &with_firmware);
	if (result == -ENOMEM)
		return result;
	if (result < 0)
		return fail(entry, next);
	next->job.request = with_firmware;
	/* It goes on waiting, and out of `waiting` it would forget until when. */
	if (next->aside || next->job.not_before_ms > queue->with.now_ms()) {
		queued_job_wait_for(entry, &next->job, next->aside ? WAIT_LEASE : WAIT_TIME);
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

static bool is_waiting_for(struct queued_job *entry, const char *id)
{
	pthread_mutex_lock(&entry->queue->lock);
	bool waits = waits_for(entry, id);
	pthread_mutex_unlock(&entry->queue->lock);
	return waits;
}

int queue_cancel_download(struct queue *queue, const char *id, struct download *ret, struct job_fault *ret_fault)
{
	bool kept = false;
	struct cache_error error = {0};
	pthread_mutex_lock(&queue->change);
	/* First, so that what is seen to be cancelled is not taken up by the next run of the daemon. */
	int result = store_download_kept(queue->with.store, id, &kept, ret_fault);
	if (result == 0 && kept)
		result = store_download_forget(queue->with.store, id, ret_fault);
	if (result == 0)
		result = downloads_cancel(queue->with.downloads, id, ret, &error);
	if (result == -EPROTO && error.code != CACHE_ERROR_NONE)
		job_fault_from_cache(ret_fault, &error);
	if (result == 1 && kept && !download_state_final(ret->state))
		(void)store_download_keep(queue->with.store, id, ret_fault);
	/* Under `change` none is added or taken out. What the store refuses now is tried again in the next turn. */
	for (struct queued_job *entry = queue->jobs; result == 0 && entry != NULL; entry = entry->next) {
		struct job_row next;
		if (!is_waiting_for(entry, id))
			continue;
		next = queued_job_row(entry);
		(void)queued_job_take_download(entry, &next);
	}
	pthread_mutex_unlock(&queue->change);
	return result;
}
