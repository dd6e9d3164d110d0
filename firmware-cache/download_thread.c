/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "firmware-cache/download_engine.h"

#define IDLE_MS 60000

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

static struct transfer *transfer_at(struct downloads *downloads, size_t at, bool *ret_unwanted, bool *ret_announce)
{
	struct transfer *transfer = NULL;

	pthread_mutex_lock(&downloads->lock);
	if (at < downloads->count) {
		transfer = downloads->transfers[at];
		*ret_unwanted = transfer->unwanted && !transfer->held;
		*ret_announce = transfer->announce && !transfer->unwanted;
	}
	pthread_mutex_unlock(&downloads->lock);
	return transfer;
}

static void attend(struct downloads *downloads)
{
	struct transfer *transfer;
	bool unwanted;
	bool announced;

	for (size_t at = 0; (transfer = transfer_at(downloads, at, &unwanted, &announced));) {
		if (unwanted) {
			take_out(downloads, transfer);
			continue;
		}
		if (announced)
			announce(downloads, transfer);
		at++;
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

static void *run(void *context)
{
	struct downloads *downloads = context;

	while (!closing(downloads)) {
		attend(downloads);
		curl_multi_poll(downloads->multi, NULL, 0, IDLE_MS, NULL);
	}
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
