/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "firmware-cache/download_engine.h"
#include "firmware-cache/download_url.h"
#include "firmware-cache/facts.h"

static const char *const state_names[DOWNLOAD_STATE_COUNT] = {
    [DOWNLOAD_QUEUED] = "queued",       [DOWNLOAD_RUNNING] = "running", [DOWNLOAD_WAITING] = "waiting",
    [DOWNLOAD_SUCCEEDED] = "succeeded", [DOWNLOAD_FAILED] = "failed",   [DOWNLOAD_CANCELLED] = "cancelled",
};

const char *download_state_name(enum download_state state)
{
	return (unsigned)state < DOWNLOAD_STATE_COUNT ? state_names[state] : "failed";
}

bool download_state_final(enum download_state state)
{
	return state == DOWNLOAD_SUCCEEDED || state == DOWNLOAD_FAILED || state == DOWNLOAD_CANCELLED;
}

struct transfer *transfer_new(const struct download_record *record)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	struct cache_error error;
	struct download *now;

	if (!transfer)
		return NULL;
	transfer->record = *record;
	transfer->held = true;
	now = &transfer->now;
	strcpy(now->id, record->id);
	strcpy(now->sha256, record->sha256);
	if (download_url_shown(record->url, now->url, &error) < 0)
		now->url[0] = '\0';
	now->bytes_total = record->total;
	now->created_at = record->created_at;
	return transfer;
}

void transfer_free(struct transfer *transfer)
{
	explicit_bzero(transfer, sizeof(*transfer)); /* the URL may hold a password */
	free(transfer);
}

int downloads_insert(struct downloads *downloads, struct transfer *transfer)
{
	size_t at = downloads->count;

	if (downloads->count == downloads->capacity) {
		size_t capacity = downloads->capacity ? 2 * downloads->capacity : 16;
		struct transfer **grown = reallocarray(downloads->transfers, capacity, sizeof(struct transfer *));

		if (!grown) {
			transfer_free(transfer);
			return -ENOMEM;
		}
		downloads->transfers = grown;
		downloads->capacity = capacity;
	}
	for (; at > 0 && strcmp(downloads->transfers[at - 1]->record.id, transfer->record.id) > 0; at--)
		downloads->transfers[at] = downloads->transfers[at - 1];
	downloads->transfers[at] = transfer;
	downloads->count++;
	return 0;
}

static struct transfer *find(struct downloads *downloads, const char *id)
{
	for (size_t i = 0; i < downloads->count; i++) {
		struct transfer *transfer = downloads->transfers[i];

		if (!transfer->unwanted && strcmp(transfer->record.id, id) == 0)
			return transfer;
	}
	return NULL;
}

static struct transfer *find_equal(struct downloads *downloads, const struct download_record *record)
{
	for (size_t i = 0; i < downloads->count; i++) {
		struct transfer *transfer = downloads->transfers[i];

		if (!transfer->unwanted && !download_state_final(transfer->now.state) && strcmp(transfer->record.url, record->url) == 0 &&
		    strcmp(transfer->record.sha256, record->sha256) == 0 && transfer->record.catalogue == record->catalogue)
			return transfer;
	}
	return NULL;
}

static size_t count_unfinished(const struct downloads *downloads)
{
	size_t count = 0;

	for (size_t i = 0; i < downloads->count; i++)
		count += !download_state_final(downloads->transfers[i]->now.state);
	return count;
}

/* Two of one millisecond, and a clock that is set back, must not change the order. */
static void make_id(struct downloads *downloads, struct download_record *record)
{
	struct timespec now;
	int64_t ms;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (ms <= downloads->last_id_ms)
		ms = downloads->last_id_ms + 1;
	downloads->last_id_ms = ms;
	record->created_at = now.tv_sec;
	snprintf(record->id, sizeof(record->id), "%012" PRIx64 "%08" PRIx32, (uint64_t)ms & 0xffffffffffff, randombytes_random());
}

static int refuse(struct cache_error *ret_error, const char *reason)
{
	return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "%s", reason);
}

static int take_signature(const struct download_request *request, const struct downloads *downloads, struct download_record *ret,
			  struct cache_error *ret_error)
{
	struct download_origin origin;
	int r;

	if (request->signature && strlen(request->signature) >= sizeof(ret->signature))
		return refuse(ret_error, "signature should be the text of a .minisig file, of at most 2048 bytes");
	snprintf(ret->signature, sizeof(ret->signature), "%s", request->signature ? request->signature : "");
	ret->catalogue = request->catalogue;
	ret->try_minisig = request->try_minisig && !request->signature && !request->signature_url;
	if (!request->signature_url)
		return 0;
	r = download_url_check(request->signature_url, !downloads->options.forbid_http, &origin, ret_error);
	if (r == 0)
		strcpy(ret->signature_url, request->signature_url);
	return r;
}

static int compose(const struct downloads *downloads, const struct download_request *request, struct download_record *ret,
		   struct cache_error *ret_error)
{
	struct download_origin origin;
	int r = download_url_check(request->url, !downloads->options.forbid_http, &origin, ret_error);

	if (r < 0)
		return r;
	strcpy(ret->url, request->url);
	ret->total = DOWNLOAD_BYTES_UNKNOWN;
	if (request->sha256 && !sha256_text_valid(request->sha256))
		return refuse(ret_error, "sha256 should be 64 lower-case hexadecimal digits");
	snprintf(ret->sha256, sizeof(ret->sha256), "%s", request->sha256 ? request->sha256 : "");
	if (request->name && !firmware_name_valid(request->name))
		return refuse(ret_error, "name should be 1 to 127 printable characters without a slash");
	if (request->name)
		strcpy(ret->name, request->name);
	else
		download_url_name(request->url, ret->name);
	if (request->stated) {
		r = facts_check(request->stated, ret_error);
		if (r == 0)
			r = facts_check_release(request->stated, ret_error);
		ret->stated = *request->stated;
	}
	return r == 0 ? take_signature(request, downloads, ret, ret_error) : r;
}

/* Somebody cares for what an earlier run left: it needs no downloads_resume() any more. */
static void release_earlier(struct transfer *transfer)
{
	transfer->held = transfer->held && !transfer->of_earlier_run;
	transfer->of_earlier_run = false;
}

/* 1 with the equal one, 0 with a new one that is held back until it is on disk. */
static int find_or_add(struct downloads *downloads, struct download_record *record, struct transfer **ret, struct cache_error *ret_error)
{
	*ret = find_equal(downloads, record);
	if (*ret) {
		release_earlier(*ret);
		return 1;
	}
	if (count_unfinished(downloads) >= DOWNLOAD_UNFINISHED_MAX)
		return cache_error_set(ret_error, CACHE_ERROR_CACHE_FULL, "%u downloads are under way: wait until some have ended",
				       DOWNLOAD_UNFINISHED_MAX);
	make_id(downloads, record);
	*ret = transfer_new(record);
	if (!*ret || downloads_insert(downloads, *ret) < 0)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for a download");
	return 0;
}

int downloads_begin(struct downloads *downloads, const struct download_request *request, struct download *ret,
		    struct cache_error *ret_error)
{
	struct download_record record = {0};
	struct transfer *transfer;
	int r = compose(downloads, request, &record, ret_error);

	if (r < 0)
		return r;
	pthread_mutex_lock(&downloads->lock);
	r = find_or_add(downloads, &record, &transfer, ret_error);
	if (r >= 0)
		*ret = transfer->now;
	pthread_mutex_unlock(&downloads->lock);
	if (r > 0)
		downloads_wake(downloads);
	if (r != 0)
		return r;
	r = download_files_save(downloads, transfer, ret_error);
	pthread_mutex_lock(&downloads->lock);
	transfer->unwanted = r < 0;
	transfer->announce = true;
	transfer->held = false;
	pthread_mutex_unlock(&downloads->lock);
	downloads_wake(downloads);
	return r;
}

int downloads_get(struct downloads *downloads, const char *id, struct download *ret, struct cache_error *ret_error)
{
	const struct transfer *transfer;

	pthread_mutex_lock(&downloads->lock);
	transfer = find(downloads, id);
	if (transfer)
		*ret = transfer->now;
	pthread_mutex_unlock(&downloads->lock);
	return transfer ? 0 : cache_error_set(ret_error, CACHE_ERROR_NOT_FOUND, "there is no download %s", id);
}

int downloads_list(struct downloads *downloads, struct download **ret, size_t *ret_count)
{
	struct download *list;
	size_t count = 0;

	pthread_mutex_lock(&downloads->lock);
	list = calloc(downloads->count + 1, sizeof(*list));
	for (size_t i = 0; list && i < downloads->count; i++) {
		if (!downloads->transfers[i]->unwanted)
			list[count++] = downloads->transfers[i]->now;
	}
	pthread_mutex_unlock(&downloads->lock);
	if (!list)
		return -ENOMEM;
	*ret = list;
	*ret_count = count;
	return 0;
}

int downloads_cancel(struct downloads *downloads, const char *id, struct download *ret, struct cache_error *ret_error)
{
	struct transfer *transfer;
	int r;

	pthread_mutex_lock(&downloads->lock);
	transfer = find(downloads, id);
	if (transfer) {
		r = download_state_final(transfer->now.state) || transfer->storing;
		if (r == 0) {
			transfer->now.state = DOWNLOAD_CANCELLED;
			transfer->now.not_before = 0;
			transfer->now.finished_at = (int64_t)time(NULL);
			release_earlier(transfer);
		}
		*ret = transfer->now;
	} else {
		r = cache_error_set(ret_error, CACHE_ERROR_NOT_FOUND, "there is no download %s", id);
	}
	pthread_mutex_unlock(&downloads->lock);
	if (r == 0)
		downloads_wake(downloads);
	return r;
}

void downloads_resume(struct downloads *downloads, bool (*wanted)(void *context, const struct download *download), void *context)
{
	struct download *list;
	size_t count;

	if (downloads_list(downloads, &list, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		bool keep = !wanted || wanted(context, &list[i]);
		struct transfer *transfer;

		pthread_mutex_lock(&downloads->lock);
		transfer = find(downloads, list[i].id);
		if (transfer && transfer->of_earlier_run) {
			transfer->unwanted = !keep;
			release_earlier(transfer);
		}
		pthread_mutex_unlock(&downloads->lock);
	}
	free(list);
	downloads_wake(downloads);
}

/* Tells a part that the page cache still vouches for from one that a power cut may have holed. */
static void read_boot_id(char ret[static DOWNLOAD_BOOT_SIZE])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	ret[0] = '\0';
	if (!file)
		return;
	if (fgets(ret, DOWNLOAD_BOOT_SIZE, file))
		ret[strcspn(ret, "\n")] = '\0';
	fclose(file);
}

static void downloads_free(struct downloads *downloads)
{
	for (size_t i = 0; i < downloads->count; i++)
		transfer_free(downloads->transfers[i]);
	free(downloads->transfers);
	downloads_options_free(&downloads->options);
	pthread_mutex_destroy(&downloads->lock);
	free(downloads);
}

static int check_file(const char *path, struct cache_error *ret_error)
{
	if (!path || access(path, R_OK) == 0)
		return 0;
	return cache_error_set(ret_error, CACHE_ERROR_INVALID_REQUEST, "cannot read %s: %s", path, strerrordesc_np(errno));
}

static int check_options(const struct downloads_options *options, struct cache_error *ret_error)
{
	int r = check_file(options->ca_file, ret_error);

	for (size_t i = 0; i < options->host_count && r == 0; i++) {
		const struct download_host *host = &options->hosts[i];

		if (!host->name || !host->name[0])
			return refuse(ret_error, "a section with credentials names no host");
		r = check_file(host->ca_file, ret_error);
		if (r == 0)
			r = check_file(host->client_cert, ret_error);
		if (r == 0)
			r = check_file(host->client_key, ret_error);
	}
	return r;
}

int downloads_open(const struct downloads_options *options, struct cache_error *ret_error, struct downloads **ret)
{
	struct downloads *downloads;
	int r = check_options(options, ret_error);

	if (r < 0)
		return r;
	downloads = calloc(1, sizeof(*downloads));
	if (!downloads)
		return cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for downloads");
	pthread_mutex_init(&downloads->lock, NULL);
	read_boot_id(downloads->boot);
	if (downloads_options_copy(options, &downloads->options) < 0)
		r = cache_error_set(ret_error, CACHE_ERROR_IO, "no memory for downloads");
	if (r == 0)
		r = download_files_load(downloads, ret_error);
	if (r == 0)
		r = downloads_start_thread(downloads, ret_error);
	if (r < 0) {
		downloads_free(downloads);
		return r;
	}
	*ret = downloads;
	return 0;
}

void downloads_close(struct downloads *downloads)
{
	if (!downloads)
		return;
	downloads_stop_thread(downloads);
	downloads_free(downloads);
}
