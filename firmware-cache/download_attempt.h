/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the downloads: one attempt, from its first request to what it leaves. All of it belongs to the thread.
 */
#ifndef FIRMWARE_CACHE_DOWNLOAD_ATTEMPT_H
#define FIRMWARE_CACHE_DOWNLOAD_ATTEMPT_H

#include "firmware-cache/download_answer.h"
#include "firmware-cache/download_engine.h"
#include "firmware-cache/download_url.h"

#define DOWNLOAD_TEXT_SIZE 256u /* what libcurl says, with NUL */

enum attempt_part { PART_FIRMWARE, PART_SIGNATURE };

/* One request to one server: a redirect makes the next one. */
struct download_request_run {
	void *easy;    /* of libcurl; NULL: none under way */
	void *headers; /* its list */
	char url[DOWNLOAD_URL_SIZE];
	struct download_origin origin;
	uint64_t held; /* asked to go on from; 0: from the begin */
	struct download_answer answer;
	enum download_verdict verdict;
	size_t header_bytes;
	uint64_t received;
	int64_t began_ms;
	int64_t mark_ms; /* since then `received` has grown by less than it should in stall_ms */
	uint64_t mark_bytes;
	char text[DOWNLOAD_TEXT_SIZE];
};

struct download_attempt {
	struct downloads *downloads;
	struct transfer *transfer;
	enum attempt_part part;
	char part_url[DOWNLOAD_URL_SIZE]; /* of the first request of the part, whole */
	struct download_origin part_origin;
	int redirects;
	struct download_request_run run;
	struct firmware_import *import;
	bool gone_on;               /* with bytes of an earlier attempt */
	bool end_in_doubt;          /* the body ended with the connection, and nobody had said where */
	struct cache_error refusal; /* of what came: why a callback ended the request */
	char signature[SIGNATURE_TEXT_MAX + 1];
	size_t signature_length;
};

/* download_request.c. Starts what run.url and run.held say. -EPROTO with what libcurl or a file of the configuration refuses. */
int download_request_start(struct download_attempt *attempt, struct cache_error *ret_error);
void download_request_end(struct download_attempt *attempt);
/* The attempt a handle of libcurl belongs to. */
struct download_attempt *download_request_attempt(void *easy);

/* download_failure.c: what a result of libcurl is called for people. False when asking again may help. */
struct download_failure {
	bool final;
	char what[192];
	char evidence[256];
};
void download_failure_of_curl(const struct download_request_run *run, int code, struct download_failure *ret);
void download_failure_of_status(const struct download_request_run *run, struct download_failure *ret);

/* download_attempt.c. The answer's header is there: what becomes of the body; 0, or -EPROTO with attempt->refusal. */
int download_attempt_judge(struct download_attempt *attempt);
int download_attempt_take(struct download_attempt *attempt, const void *bytes, size_t length);

/* A new attempt of a transfer that has none. */
void download_attempt_begin(struct downloads *downloads, struct transfer *transfer);
/* A request has ended as libcurl says. */
void download_attempt_ended(struct download_attempt *attempt, int code);
/* Ends one that is too slow. */
void download_attempt_watch(struct download_attempt *attempt, int64_t now_ms);
/* Without a word: the bytes are kept for the next one, or not. */
void download_attempt_drop(struct downloads *downloads, struct transfer *transfer, bool keep);

/* download_outcome.c: how an attempt leaves its transfer; the attempt is gone after each. */
void download_outcome_stored(struct download_attempt *attempt, uint64_t size, const char *sha256, bool was_there);
void download_outcome_failed(struct download_attempt *attempt, const struct cache_error *fault);
/* Again later, or failed when it was the last attempt. */
void download_outcome_broken(struct download_attempt *attempt, const struct cache_error *fault, uint64_t asked_s);
/* There was no memory for an attempt. */
void download_outcome_postponed(struct downloads *downloads, struct transfer *transfer);
/* "download of URL: …" */
void download_outcome_describe(const struct download_attempt *attempt, const char *what, const char *evidence, struct cache_error *ret);

#endif
