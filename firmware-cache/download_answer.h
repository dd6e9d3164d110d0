/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the downloads: what the header of an HTTP answer says, and what is to be made of its body. Pure.
 */
#ifndef FIRMWARE_CACHE_DOWNLOAD_ANSWER_H
#define FIRMWARE_CACHE_DOWNLOAD_ANSWER_H

#include "firmware-cache/download_record.h"

#define DOWNLOAD_HEADER_MAX    65536u /* bytes of all header lines of an attempt */
#define DOWNLOAD_GAIN_MIN      (1024u * 1024u)
#define DOWNLOAD_SPEED_MIN     100u /* bytes a second: with less, libcurl's own watch was late by seconds */
#define DOWNLOAD_REASON_SIZE   64u
#define DOWNLOAD_ENCODING_SIZE 32u

struct download_answer {
	bool complete; /* the empty line has come */
	unsigned status;
	char reason[DOWNLOAD_REASON_SIZE];
	uint64_t length; /* Content-Length; DOWNLOAD_BYTES_UNKNOWN */
	bool chunked;
	bool has_range;
	bool range_valid; /* "bytes FIRST-LAST/TOTAL" */
	uint64_t range_first;
	uint64_t range_last;
	uint64_t range_total;                       /* DOWNLOAD_BYTES_UNKNOWN for "*" */
	char etag[DOWNLOAD_ETAG_SIZE];              /* as it came, weak ones too; "": none, or too long */
	char last_modified[DOWNLOAD_HTTP_DATE_MAX]; /* as it came */
	char date[DOWNLOAD_HTTP_DATE_MAX];
	char retry_after[DOWNLOAD_HTTP_DATE_MAX];
	char location[DOWNLOAD_URL_SIZE];
	char encoding[DOWNLOAD_ENCODING_SIZE]; /* Content-Encoding; "": none */
};

/* One header line as it comes, with its line end. A status line begins anew; 1xx answers never become complete. What comes after that (trailers)
 * changes nothing. */
void download_answer_line(struct download_answer *answer, const char *line, size_t length);

/* "bytes FIRST-LAST/TOTAL" with FIRST ≤ LAST < TOTAL. */
bool download_content_range(const char *text, struct download_answer *ret);

/* What a later If-Range may name. Strong ETags, else a Last-Modified at least 1 s older than the answer's Date (RFC 9110, 8.8.2.2). */
void download_answer_validator(const struct download_answer *answer, struct download_validator *ret);

enum download_verdict {
	VERDICT_NONE,
	VERDICT_BODY,       /* the whole, from its first byte */
	VERDICT_REST,       /* what was asked for: from the first byte that is missing to the last one */
	VERDICT_REDIRECT,   /* to the Location, when there is one */
	VERDICT_START_OVER, /* the bytes that are held belong to something else: ask for the whole */
	VERDICT_RETRY,      /* later */
	VERDICT_REFUSED,    /* nothing gets better by asking again */
};

/* `held`: the byte that was asked to go on from; 0: the whole. */
enum download_verdict download_answer_judge(const struct download_answer *answer, uint64_t held, const struct download_record *record);

/* Seconds that Retry-After asks to wait, from now (Unix time, s); 0 when it says nothing that can be read. */
uint64_t download_retry_after(const struct download_answer *answer, int64_t now);

/* The wait after so many failures in a row (from 1), in ms: doubling from first to max, less up to a half by chance; at least what the server asked
 * for, and never more than max. */
int64_t download_wait_ms(unsigned failures, unsigned first_ms, unsigned max_ms, uint64_t asked_s, uint32_t chance);

#endif
