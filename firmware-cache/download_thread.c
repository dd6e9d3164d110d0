/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "firmware-cache/download_attempt.h"
#include "firmware-cache/store_partial.h"

#define IDLE_MS 60000
#define TICK_MS 100 /* between two looks at the speed of what runs */

int64_t downloads_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void downloads_wake(struct downloads *downloads)
{
	curl_multi_wakeup(downloads->multi);
}

/* A copy under the lock, told outside of it. */
static void announce(struct downloads *downloads, struct transfer *transfer)
{
	struct download now;

	pthread_mutex_lock(&downloads->lock);
	transfer->announce = false;
	now = transfer->now;
	pthread_mutex_unlock(&downloads->lock);
	if (downloads->options.changed)
		downloads->options.changed(downloads->options.context, &now);
}

static void take_out(struct downloads *downloads, struct transfer *transfer)
{
	size_t at = 0;

	download_files_remove(downloads, transfer);
	pthread_mutex_lock(&downloads->lock);
	while (downloads->transfers[at] != transfer)
		at++;
	downloads->count--;
	memmove(&downloads->transfers[at], &downloads->transfers[at + 1], (downloads->count - at) * sizeof(struct transfer *));
	pthread_mutex_unlock(&downloads->lock);
	transfer_free(transfer);
}

/* What the marks and the state of a transfer ask of the thread. */
enum need { NEED_NOTHING, NEED_REMOVAL, NEED_BURIAL, NEED_ATTEMPT, NEED_WATCH };

static enum need need_of(const struct transfer *transfer, int64_t now_ms)
{
	if (transfer->held)
		return NEED_NOTHING;
	if (transfer->unwanted)
		return NEED_REMOVAL;
	switch (transfer->now.state) {
	case DOWNLOAD_QUEUED:
		return NEED_ATTEMPT;
	case DOWNLOAD_WAITING:
		return now_ms >= transfer->due_ms ? NEED_ATTEMPT : NEED_NOTHING;
	case DOWNLOAD_RUNNING:
		return NEED_WATCH;
	case DOWNLOAD_SUCCEEDED:
	case DOWNLOAD_FAILED:
	case DOWNLOAD_CANCELLED:
	case DOWNLOAD_STATE_COUNT:
		break;
	}
	return transfer->settled ? NEED_NOTHING : NEED_BURIAL;
}

static struct transfer *transfer_at(struct downloads *downloads, size_t at, enum need *ret_need, bool *ret_announce)
{
	struct transfer *transfer = NULL;

	pthread_mutex_lock(&downloads->lock);
	if (at < downloads->count) {
		transfer = downloads->transfers[at];
		*ret_need = need_of(transfer, downloads_now_ms());
		*ret_announce = transfer->announce && !transfer->held && !transfer->unwanted;
	}
	pthread_mutex_unlock(&downloads->lock);
	return transfer;
}

/* False when it has been called off meanwhile. */
static bool take_slot(struct downloads *downloads, struct transfer *transfer)
{
	bool wanted;

	pthread_mutex_lock(&downloads->lock);
	wanted = !download_state_final(transfer->now.state) && !transfer->unwanted;
	if (wanted) {
		transfer->now.state = DOWNLOAD_RUNNING;
		transfer->now.attempt++;
		transfer->now.not_before = 0;
	}
	pthread_mutex_unlock(&downloads->lock);
	return wanted;
}

static size_t count_running(struct downloads *downloads)
{
	size_t count = 0;

	pthread_mutex_lock(&downloads->lock);
	for (size_t i = 0; i < downloads->count; i++)
		count += downloads->transfers[i]->attempt != NULL;
	pthread_mutex_unlock(&downloads->lock);
	return count;
}

static void watch(struct downloads *downloads, struct transfer *transfer)
{
	int64_t now_ms = downloads_now_ms();
	struct download now;

	if (transfer->attempt)
		download_attempt_watch(transfer->attempt, now_ms);
	pthread_mutex_lock(&downloads->lock);
	if (transfer->attempt && transfer->attempt->import)
		transfer->now.bytes_done = firmware_import_size(transfer->attempt->import);
	now = transfer->now;
	pthread_mutex_unlock(&downloads->lock);
	if (now.state != DOWNLOAD_RUNNING || now.bytes_done == transfer->told_bytes || now_ms - transfer->told_ms < DOWNLOAD_PROGRESS_MS)
		return;
	transfer->told_ms = now_ms;
	transfer->told_bytes = now.bytes_done;
	if (downloads->options.progress)
		downloads->options.progress(downloads->options.context, &now);
}

static void meet(struct downloads *downloads, struct transfer *transfer, enum need need)
{
	switch (need) {
	case NEED_NOTHING:
		break;
	case NEED_REMOVAL:
		download_attempt_drop(downloads, transfer, false);
		take_out(downloads, transfer);
		break;
	case NEED_BURIAL:
		download_attempt_drop(downloads, transfer, false);
		download_files_remove(downloads, transfer);
		transfer->settled = true;
		announce(downloads, transfer);
		break;
	case NEED_ATTEMPT:
		if (count_running(downloads) < downloads->options.max_parallel && take_slot(downloads, transfer)) {
			announce(downloads, transfer);
			download_attempt_begin(downloads, transfer);
		}
		break;
	case NEED_WATCH:
		watch(downloads, transfer);
		break;
	}
}

static void attend(struct downloads *downloads)
{
	struct transfer *transfer;
	enum need need;
	bool announced;

	for (size_t at = 0; (transfer = transfer_at(downloads, at, &need, &announced)); at += need != NEED_REMOVAL) {
		if (announced && need != NEED_BURIAL)
			announce(downloads, transfer);
		meet(downloads, transfer, need);
	}
}

static struct transfer *oldest_settled(struct downloads *downloads, size_t *ret_count)
{
	struct transfer *oldest = NULL;

	*ret_count = 0;
	pthread_mutex_lock(&downloads->lock);
	for (size_t i = downloads->count; i-- > 0;) {
		if (downloads->transfers[i]->settled) {
			oldest = downloads->transfers[i];
			++*ret_count;
		}
	}
	pthread_mutex_unlock(&downloads->lock);
	return oldest;
}

/* The oldest that have ended make room. */
static void forget_old(struct downloads *downloads)
{
	size_t settled;
	struct transfer *oldest = oldest_settled(downloads, &settled);

	while (settled > DOWNLOAD_FINISHED_KEPT) {
		take_out(downloads, oldest);
		oldest = oldest_settled(downloads, &settled);
	}
}

static bool closing(struct downloads *downloads)
{
	bool now;

	pthread_mutex_lock(&downloads->lock);
	now = downloads->closing;
	pthread_mutex_unlock(&downloads->lock);
	return now;
}

static void collect_ended(struct downloads *downloads)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(downloads->multi, &left))) {
		if (message->msg == CURLMSG_DONE)
			download_attempt_ended(download_request_attempt(message->easy_handle), (int)message->data.result);
	}
}

static int64_t wait_for_one(const struct transfer *transfer, bool slot_free, int64_t now_ms)
{
	if (transfer->announce && !transfer->held)
		return 0;
	switch (need_of(transfer, now_ms)) {
	case NEED_REMOVAL:
	case NEED_BURIAL:
		return 0;
	case NEED_ATTEMPT:
		return slot_free ? 0 : IDLE_MS;
	case NEED_WATCH:
		return TICK_MS;
	case NEED_NOTHING:
		break;
	}
	return transfer->now.state == DOWNLOAD_WAITING && !transfer->held ? transfer->due_ms - now_ms : IDLE_MS;
}

/* How long the thread may rest when nothing comes from the network. */
static int rest_ms(struct downloads *downloads)
{
	bool slot_free = count_running(downloads) < downloads->options.max_parallel;
	int64_t now_ms = downloads_now_ms();
	int64_t rest = IDLE_MS;

	pthread_mutex_lock(&downloads->lock);
	for (size_t i = 0; i < downloads->count; i++) {
		int64_t one = wait_for_one(downloads->transfers[i], slot_free, now_ms);

		rest = one < rest ? one : rest;
	}
	pthread_mutex_unlock(&downloads->lock);
	return (int)rest;
}

static void *run(void *context)
{
	struct downloads *downloads = context;
	int running;

	while (!closing(downloads)) {
		curl_multi_perform(downloads->multi, &running);
		collect_ended(downloads);
		attend(downloads);
		forget_old(downloads);
		curl_multi_poll(downloads->multi, NULL, 0, rest_ms(downloads), NULL);
	}
	for (size_t i = 0; i < downloads->count; i++)
		download_attempt_drop(downloads, downloads->transfers[i], true);
	return NULL;
}

int downloads_start_thread(struct downloads *downloads, struct cache_error *ret_error)
{
	sigset_t all;
	sigset_t before;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "libcurl does not start");
	downloads->multi = curl_multi_init();
	if (!downloads->multi) {
		curl_global_cleanup();
		return cache_error_set(ret_error, CACHE_ERROR_IO, "libcurl does not start");
	}
	/* Signals are the main thread's; a peer that has gone must not end the process. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&downloads->thread, NULL, run, downloads);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		curl_multi_cleanup(downloads->multi);
		curl_global_cleanup();
		return cache_error_set(ret_error, CACHE_ERROR_IO, "cannot start the thread of the downloads: %s", strerrordesc_np(r));
	}
	return 0;
}

void downloads_stop_thread(struct downloads *downloads)
{
	pthread_mutex_lock(&downloads->lock);
	downloads->closing = true;
	pthread_mutex_unlock(&downloads->lock);
	downloads_wake(downloads);
	pthread_join(downloads->thread, NULL);
	curl_multi_cleanup(downloads->multi);
	curl_global_cleanup();
}
