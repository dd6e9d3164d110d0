/* SPDX-License-Identifier: Apache-2.0 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "firmware-cache/download_attempt.h"
#include "firmware-cache/store_partial.h"

#define URL_IN_TEXT_MAX 160

void download_outcome_describe(const struct download_attempt *attempt, const char *what, const char *evidence, struct cache_error *ret)
{
	const char *url = attempt->transfer->now.url; /* never changes */
	bool cut = strlen(url) > URL_IN_TEXT_MAX;

	cache_error_set(ret, CACHE_ERROR_DOWNLOAD_FAILED, "download of %.*s%s: %s%s", URL_IN_TEXT_MAX, url, cut ? "..." : "",
			attempt->part == PART_SIGNATURE ? "its signature: " : "", what);
	snprintf(ret->evidence, sizeof(ret->evidence), "%s", evidence);
}

static void tell_kept(struct downloads *downloads, struct transfer *transfer, uint64_t bytes)
{
	pthread_mutex_lock(&downloads->lock);
	transfer->now.bytes_done = bytes;
	pthread_mutex_unlock(&downloads->lock);
}

void download_attempt_drop(struct downloads *downloads, struct transfer *transfer, bool keep)
{
	struct download_attempt *attempt = transfer->attempt;
	struct download_record *record = &transfer->record;
	struct cache_error error;

	if (!attempt)
		return;
	download_request_end(attempt);
	keep = keep && attempt->import && (record->validator.etag[0] || record->validator.last_modified[0]);
	if (attempt->import)
		tell_kept(downloads, transfer, keep ? firmware_import_size(attempt->import) : 0);
	if (keep) {
		if (firmware_import_sync(attempt->import) == 0)
			record->durable = firmware_import_size(attempt->import);
		/* Without the new state the old one still holds: less of the bytes is trusted. */
		download_files_save(downloads, transfer, &error);
		firmware_import_suspend(attempt->import);
	} else {
		firmware_import_abort(attempt->import);
	}
	explicit_bzero(attempt, sizeof(*attempt)); /* URLs with their passwords */
	free(attempt);
	transfer->attempt = NULL;
}

/* A cancel that came first stays. */
static void set_state(struct downloads *downloads, struct transfer *transfer, enum download_state state, const struct cache_error *fault)
{
	int64_t wait_ms = transfer->due_ms - downloads_now_ms();
	struct download *now = &transfer->now;

	pthread_mutex_lock(&downloads->lock);
	transfer->storing = false;
	if (now->state != DOWNLOAD_CANCELLED) {
		now->state = state;
		now->fault = fault ? *fault : (struct cache_error){0};
		now->not_before = state == DOWNLOAD_WAITING ? (int64_t)time(NULL) + (wait_ms + 999) / 1000 : 0;
		if (download_state_final(state))
			now->finished_at = (int64_t)time(NULL);
		transfer->announce = true;
	}
	pthread_mutex_unlock(&downloads->lock);
}

void download_outcome_stored(struct download_attempt *attempt, uint64_t size, const char *sha256, bool was_there)
{
	struct downloads *downloads = attempt->downloads;
	struct transfer *transfer = attempt->transfer;

	pthread_mutex_lock(&downloads->lock);
	strcpy(transfer->now.firmware, sha256);
	transfer->now.was_there = was_there;
	transfer->now.bytes_done = size;
	transfer->now.bytes_total = size;
	pthread_mutex_unlock(&downloads->lock);
	download_attempt_drop(downloads, transfer, false);
	set_state(downloads, transfer, DOWNLOAD_SUCCEEDED, NULL);
}

void download_outcome_failed(struct download_attempt *attempt, const struct cache_error *fault)
{
	struct downloads *downloads = attempt->downloads;
	struct transfer *transfer = attempt->transfer;

	download_attempt_drop(downloads, transfer, false);
	set_state(downloads, transfer, DOWNLOAD_FAILED, fault);
}

/* An attempt that got much further than any before it is no sign that there is no use in asking again. */
static void count_failure(struct transfer *transfer, uint64_t held)
{
	if (held >= transfer->most_held + DOWNLOAD_GAIN_MIN)
		transfer->failures = 0;
	if (held > transfer->most_held)
		transfer->most_held = held;
	transfer->failures++;
}

void download_outcome_broken(struct download_attempt *attempt, const struct cache_error *fault, uint64_t asked_s)
{
	struct downloads *downloads = attempt->downloads;
	const struct downloads_options *options = &downloads->options;
	struct transfer *transfer = attempt->transfer;
	int64_t wait;

	count_failure(transfer, attempt->import ? firmware_import_size(attempt->import) : 0);
	if (transfer->failures >= options->attempts) {
		download_outcome_failed(attempt, fault);
		return;
	}
	wait = download_wait_ms(transfer->failures, options->retry_first_ms, options->retry_max_ms, asked_s, randombytes_random());
	download_attempt_drop(downloads, transfer, true);
	transfer->due_ms = downloads_now_ms() + wait;
	set_state(downloads, transfer, DOWNLOAD_WAITING, fault);
}

void download_outcome_postponed(struct downloads *downloads, struct transfer *transfer)
{
	transfer->due_ms = downloads_now_ms() + downloads->options.retry_max_ms;
	set_state(downloads, transfer, DOWNLOAD_WAITING, NULL);
}
