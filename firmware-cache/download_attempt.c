/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/download_attempt.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "firmware-cache/catalogue.h"
#include "firmware-cache/store_partial.h"

static void store_firmware(struct download_attempt *attempt);

static void tell_bytes(struct download_attempt *attempt)
{
	struct transfer *transfer = attempt->transfer;

	pthread_mutex_lock(&attempt->downloads->lock);
	transfer->now.bytes_done = firmware_import_size(attempt->import);
	transfer->now.bytes_total = transfer->record.total;
	pthread_mutex_unlock(&attempt->downloads->lock);
}

/* Bytes that nobody vouches for any more must not meet those that come. */
static int forget_bytes(struct download_attempt *attempt)
{
	struct download_record *record = &attempt->transfer->record;

	record->validator = (struct download_validator){0};
	record->total = DOWNLOAD_BYTES_UNKNOWN;
	record->durable = 0;
	attempt->gone_on = false;
	return firmware_import_rewind(attempt->import, &attempt->refusal);
}

/* What is on disk always belongs to the validator on disk: the file is emptied before the new validator is written, and filled after. */
static int begin_body(struct download_attempt *attempt)
{
	struct download_record *record = &attempt->transfer->record;
	const struct download_answer *answer = &attempt->run.answer;
	int r = forget_bytes(attempt);

	if (r < 0)
		return r;
	download_answer_validator(answer, &record->validator);
	record->total = answer->length;
	strcpy(record->boot, attempt->downloads->boot);
	attempt->end_in_doubt = answer->length == DOWNLOAD_BYTES_UNKNOWN && !answer->chunked;
	if (record->total != DOWNLOAD_BYTES_UNKNOWN)
		r = firmware_import_fits(attempt->import, record->total, &attempt->refusal);
	if (r == 0)
		r = download_files_save(attempt->downloads, attempt->transfer, &attempt->refusal);
	tell_bytes(attempt);
	return r;
}

int download_attempt_judge(struct download_attempt *attempt)
{
	struct download_request_run *run = &attempt->run;
	struct download_record *record = &attempt->transfer->record;

	run->verdict = download_answer_judge(&run->answer, run->held, record);
	run->mark_ms = downloads_now_ms();
	switch (run->verdict) {
	case VERDICT_BODY:
		return attempt->part == PART_FIRMWARE ? begin_body(attempt) : 0;
	case VERDICT_REST:
		if (record->total == DOWNLOAD_BYTES_UNKNOWN)
			record->total = run->answer.range_total;
		attempt->end_in_doubt = false;
		tell_bytes(attempt);
		return 0;
	case VERDICT_NONE:
	case VERDICT_REDIRECT:
	case VERDICT_START_OVER:
	case VERDICT_RETRY:
	case VERDICT_REFUSED:
		break;
	}
	return -EPROTO; /* the rest of such an answer is of no use, and may have no end */
}

static int take_signature(struct download_attempt *attempt, const void *bytes, size_t length)
{
	if (length > SIGNATURE_TEXT_MAX - attempt->signature_length)
		return cache_error_set(&attempt->refusal, CACHE_ERROR_SIGNATURE_BAD,
				       "what the signature's URL gives is no .minisig file: it is longer than %u bytes",
				       SIGNATURE_TEXT_MAX);
	memcpy(attempt->signature + attempt->signature_length, bytes, length);
	attempt->signature_length += length;
	return 0;
}

int download_attempt_take(struct download_attempt *attempt, const void *bytes, size_t length)
{
	uint64_t total = attempt->transfer->record.total;

	if (attempt->part == PART_SIGNATURE)
		return take_signature(attempt, bytes, length);
	if (length > total - firmware_import_size(attempt->import))
		return cache_error_set(&attempt->refusal, CACHE_ERROR_DOWNLOAD_FAILED, "the server sends more than it said");
	return firmware_import_append(attempt->import, bytes, length, &attempt->refusal);
}

static void fail(struct download_attempt *attempt, const char *what, const char *evidence)
{
	struct cache_error fault;

	download_outcome_describe(attempt, what, evidence, &fault);
	download_outcome_failed(attempt, &fault);
}

/* The first request of a part, or one more after the bytes were forgotten. */
static void request_part(struct download_attempt *attempt)
{
	struct download_request_run *run = &attempt->run;
	struct cache_error fault;

	attempt->redirects = 0;
	if (download_url_check(attempt->part_url, !attempt->downloads->options.forbid_http, &attempt->part_origin, &fault) < 0) {
		download_outcome_failed(attempt, &fault);
		return;
	}
	strcpy(run->url, attempt->part_url);
	run->origin = attempt->part_origin;
	run->held = attempt->part == PART_FIRMWARE ? firmware_import_size(attempt->import) : 0;
	if (download_request_start(attempt, &fault) < 0)
		download_outcome_failed(attempt, &fault);
}

static void complete_firmware(struct download_attempt *attempt)
{
	const struct download_record *record = &attempt->transfer->record;

	attempt->part = PART_SIGNATURE;
	strcpy(attempt->part_url, record->signature_url);
	if (record->try_minisig && !download_url_minisig(record->url, attempt->part_url))
		attempt->part_url[0] = '\0';
	if (attempt->part_url[0])
		request_part(attempt);
	else
		store_firmware(attempt);
}

/* Asked before each: what a modem will get is not what somebody has just called off. */
static bool begin_storing(struct download_attempt *attempt)
{
	bool wanted;

	pthread_mutex_lock(&attempt->downloads->lock);
	wanted = attempt->transfer->now.state == DOWNLOAD_RUNNING;
	attempt->transfer->storing = wanted;
	pthread_mutex_unlock(&attempt->downloads->lock);
	return wanted;
}

/* Content that is wrong: a splice, a cut that nobody noticed, or really what the server has. Its bytes are gone, so that the next attempt has to
 * begin anew. */
static void refuse_content(struct download_attempt *attempt, struct cache_error *error)
{
	const char *encoding = attempt->run.answer.encoding;
	struct cache_error fault;
	bool passing = error->code == CACHE_ERROR_DIGEST_MISMATCH || error->code == CACHE_ERROR_BUNDLE_DAMAGED ||
		       error->code == CACHE_ERROR_BUNDLE_UNSUPPORTED;

	if (encoding[0] && !error->evidence[0])
		snprintf(error->evidence, sizeof(error->evidence), "the server sent it with Content-Encoding: %s", encoding);
	download_outcome_describe(attempt, error->message, error->evidence, &fault);
	fault.code = error->code;
	if (passing && (attempt->gone_on || attempt->end_in_doubt))
		download_outcome_broken(attempt, &fault, 0);
	else
		download_outcome_failed(attempt, &fault);
}

/* Of an archive the bundle that an upgrade means; when there are several, that is nobody's guess. */
static void tell_stored(struct download_attempt *attempt, uint64_t size, const struct firmware_batch *batch)
{
	const struct firmware_batch_item *main = firmware_batch_main(batch);
	const struct downloads_options *options = &attempt->downloads->options;

	if (options->stored)
		options->stored(options->context, batch);
	download_outcome_stored(attempt, size, main ? main->firmware.sha256 : "", main && !main->is_new);
}

/* NULL: none. */
static const char *signature_of(struct download_attempt *attempt)
{
	const struct download_record *record = &attempt->transfer->record;

	attempt->signature[attempt->signature_length] = '\0';
	if (attempt->signature_length > 0)
		return attempt->signature;
	return record->signature[0] ? record->signature : NULL;
}

static int put_catalogue(struct download_attempt *attempt, const struct firmware_import *import, struct cache_error *ret_error)
{
	const struct downloads_options *options = &attempt->downloads->options;
	const struct download_record *record = &attempt->transfer->record;
	struct catalogue_text catalogue = {.source = attempt->transfer->now.url, .signature = signature_of(attempt)};
	struct cache_error unused;
	char *text = NULL;
	int r = firmware_import_read(import, CATALOGUE_SIZE_MAX, &text, &catalogue.length, ret_error);

	/* One that only happened to be there and is none. */
	if (catalogue.signature && record->try_minisig &&
	    signature_check_form(catalogue.signature, strlen(catalogue.signature), &unused) < 0)
		catalogue.signature = NULL;
	catalogue.text = text;
	if (r == 0)
		r = firmware_catalogue_put(options->store, &catalogue, options->require_signature, ret_error);
	free(text);
	return r;
}

static void store_catalogue(struct download_attempt *attempt)
{
	struct firmware_import *import = attempt->import;
	struct cache_error error;
	uint64_t size = firmware_import_size(import);
	int r;

	if (!begin_storing(attempt))
		return;
	attempt->import = NULL;
	attempt->part = PART_FIRMWARE;
	r = put_catalogue(attempt, import, &error);
	firmware_import_abort(import);
	if (r < 0)
		refuse_content(attempt, &error);
	else
		download_outcome_stored(attempt, size, "", false);
}

static void store_firmware(struct download_attempt *attempt)
{
	const struct download_record *record = &attempt->transfer->record;
	struct firmware_import *import = attempt->import;
	char source[FIRMWARE_SOURCE_STATED_MAX + 1];
	const struct firmware_statement statement = {
	    .name = record->name[0] ? record->name : NULL,
	    .facts = &record->stated,
	    .source = source,
	    .signature = signature_of(attempt),
	    .signature_guessed = record->try_minisig,
	};
	struct cache_error error;
	struct firmware_batch batch;
	uint64_t size;
	int r;

	if (record->catalogue) {
		store_catalogue(attempt);
		return;
	}
	if (!begin_storing(attempt))
		return; /* the cancel takes it away */
	attempt->import = NULL;
	attempt->part = PART_FIRMWARE;
	snprintf(source, sizeof(source), "%.*s", (int)sizeof(source) - 1, attempt->transfer->now.url);
	firmware_import_expect(import, record->sha256, attempt->end_in_doubt);
	size = firmware_import_size(import);
	r = firmware_import_commit_all(import, &statement, &batch, &error);
	if (r < 0) {
		refuse_content(attempt, &error);
		return;
	}
	tell_stored(attempt, size, &batch);
	firmware_batch_clear(&batch);
}

/* How many bytes of an earlier attempt can be gone on with. */
static uint64_t trusted_bytes(const struct downloads *downloads, const struct transfer *transfer)
{
	const struct download_record *record = &transfer->record;
	bool same_boot = record->boot[0] && strcmp(record->boot, downloads->boot) == 0;
	uint64_t trusted = same_boot ? DOWNLOAD_BYTES_UNKNOWN : record->durable;

	if (!record->validator.etag[0] && !record->validator.last_modified[0])
		return 0;
	return trusted < record->total ? trusted : record->total;
}

static bool already_there(struct download_attempt *attempt)
{
	const char *sha256 = attempt->transfer->record.sha256;
	struct cache_error error;
	struct firmware firmware;

	if (!sha256[0] || firmware_find(attempt->downloads->options.store, sha256, &firmware, &error) < 0)
		return false;
	download_outcome_stored(attempt, firmware.size, firmware.sha256, true);
	firmware_clear(&firmware);
	return true;
}

static int open_part(struct download_attempt *attempt, struct cache_error *ret_error)
{
	struct download_record *record = &attempt->transfer->record;
	struct firmware_store *store = attempt->downloads->options.store;
	uint64_t trusted = trusted_bytes(attempt->downloads, attempt->transfer);
	char name[32];
	int r;

	download_part_name(record->id, name);
	r = firmware_import_resume(store, name, trusted, ret_error, &attempt->import);
	if (r < 0)
		return r;
	attempt->gone_on = firmware_import_size(attempt->import) > 0;
	if (!attempt->gone_on)
		record->total = DOWNLOAD_BYTES_UNKNOWN;
	tell_bytes(attempt);
	return 0;
}

void download_attempt_begin(struct downloads *downloads, struct transfer *transfer)
{
	struct download_attempt *attempt = calloc(1, sizeof(*attempt));
	struct cache_error fault;

	if (!attempt) {
		download_outcome_postponed(downloads, transfer);
		return;
	}
	attempt->downloads = downloads;
	attempt->transfer = transfer;
	transfer->attempt = attempt;
	strcpy(attempt->part_url, transfer->record.url);
	if (already_there(attempt))
		return;
	if (open_part(attempt, &fault) < 0)
		download_outcome_failed(attempt, &fault);
	else if (attempt->gone_on && firmware_import_size(attempt->import) == transfer->record.total)
		complete_firmware(attempt);
	else
		request_part(attempt);
}

static void follow_redirect(struct download_attempt *attempt)
{
	struct download_request_run *run = &attempt->run;
	const char *location = run->answer.location;
	char next[DOWNLOAD_URL_SIZE];
	struct cache_error error;
	char shown[DOWNLOAD_URL_SIZE];
	bool was_https = run->origin.https;

	if (attempt->redirects++ >= attempt->downloads->options.max_redirects) {
		fail(attempt, "the server redirects once too often (max_redirects)", "");
		return;
	}
	if (!download_url_resolve(run->url, location, next) ||
	    download_url_check(next, !attempt->downloads->options.forbid_http && !was_https, &run->origin, &error) < 0) {
		fail(attempt,
		     was_https ? "the server redirects to something else than https, which is not followed"
			       : "the server redirects to something else than http or https, which is not followed",
		     "");
		return;
	}
	strcpy(run->url, next);
	if (download_request_start(attempt, &error) < 0) {
		if (download_url_shown(next, shown, &error) == 0)
			snprintf(error.evidence, sizeof(error.evidence), "redirected to %.200s", shown);
		download_outcome_failed(attempt, &error);
	}
}

static void fail_by_status(struct download_attempt *attempt)
{
	const struct download_request_run *run = &attempt->run;
	struct download_failure failure;
	struct cache_error fault;

	if (attempt->part == PART_SIGNATURE && attempt->transfer->record.try_minisig && run->verdict == VERDICT_REFUSED) {
		attempt->signature_length = 0;
		store_firmware(attempt);
		return;
	}
	download_failure_of_status(run, &failure);
	download_outcome_describe(attempt, failure.what, failure.evidence, &fault);
	if (failure.final)
		download_outcome_failed(attempt, &fault);
	else
		download_outcome_broken(attempt, &fault, download_retry_after(&run->answer, (int64_t)time(NULL)));
}

/* A callback said no: what it said counts, not what libcurl makes of it. */
static void fail_by_refusal(struct download_attempt *attempt)
{
	struct cache_error fault;

	download_outcome_describe(attempt, attempt->refusal.message, attempt->refusal.evidence, &fault);
	fault.code = attempt->refusal.code;
	if (fault.code == CACHE_ERROR_DOWNLOAD_FAILED)
		download_outcome_broken(attempt, &fault, 0);
	else
		download_outcome_failed(attempt, &fault);
}

static void end_body(struct download_attempt *attempt, int code, const struct download_failure *failure)
{
	struct download_record *record = &attempt->transfer->record;
	struct cache_error fault;

	if (code != CURLE_OK) {
		download_outcome_describe(attempt, failure->what, failure->evidence, &fault);
		if (failure->final)
			download_outcome_failed(attempt, &fault);
		else
			download_outcome_broken(attempt, &fault, 0);
	} else if (attempt->part == PART_SIGNATURE) {
		store_firmware(attempt);
	} else if (record->total != DOWNLOAD_BYTES_UNKNOWN && firmware_import_size(attempt->import) != record->total) {
		download_outcome_describe(attempt, "the connection ended before the file did", "", &fault);
		download_outcome_broken(attempt, &fault, 0);
	} else {
		record->total = firmware_import_size(attempt->import);
		tell_bytes(attempt);
		complete_firmware(attempt);
	}
}

void download_attempt_ended(struct download_attempt *attempt, int code)
{
	enum download_verdict verdict = attempt->run.verdict;
	struct download_failure failure;

	download_failure_of_curl(&attempt->run, code, &failure);
	download_request_end(attempt);
	if (attempt->refusal.code != CACHE_ERROR_NONE) {
		fail_by_refusal(attempt);
		return;
	}
	switch (verdict) {
	case VERDICT_NONE:
	case VERDICT_BODY:
	case VERDICT_REST:
		end_body(attempt, verdict == VERDICT_NONE && code == CURLE_OK ? CURLE_WEIRD_SERVER_REPLY : code, &failure);
		break;
	case VERDICT_REDIRECT:
		follow_redirect(attempt);
		break;
	case VERDICT_START_OVER:
		if (forget_bytes(attempt) < 0)
			fail_by_refusal(attempt);
		else
			request_part(attempt);
		break;
	case VERDICT_RETRY:
	case VERDICT_REFUSED:
		fail_by_status(attempt);
		break;
	}
}

void download_attempt_watch(struct download_attempt *attempt, int64_t now_ms)
{
	const struct downloads_options *options = &attempt->downloads->options;
	struct download_request_run *run = &attempt->run;
	char evidence[96];
	struct cache_error fault;
	bool late;

	if (!run->easy)
		return;
	if (run->answer.complete) {
		if ((run->received - run->mark_bytes) * 1000 >= (uint64_t)DOWNLOAD_SPEED_MIN * options->stall_ms) {
			run->mark_ms = now_ms;
			run->mark_bytes = run->received;
		}
		late = now_ms - run->mark_ms > (int64_t)options->stall_ms;
		snprintf(evidence, sizeof(evidence), "%" PRIu64 " bytes in %u ms", run->received - run->mark_bytes, options->stall_ms);
	} else {
		late = now_ms - run->began_ms > (int64_t)options->connect_ms + options->stall_ms;
		snprintf(evidence, sizeof(evidence), "no whole header in %u ms", options->connect_ms + options->stall_ms);
	}
	if (!late)
		return;
	download_request_end(attempt);
	download_outcome_describe(attempt, run->answer.complete ? "the transfer stalled" : "the host does not answer in time", evidence,
				  &fault);
	download_outcome_broken(attempt, &fault, 0);
}
