/* SPDX-License-Identifier: Apache-2.0
 *
 * The header of an HTTP answer, line by line, and what is made of it: no text without its end, no range that is none, nothing gone on with that
 * nobody vouches for, nothing changed by what comes after the empty line.
 */
#include "firmware-cache/download_answer.h"

#include <string.h>

#include "tests/fuzz/harness.h"

#define HELD 100u

static void judge_texts(const struct download_answer *answer)
{
	LAW(memchr(answer->reason, 0, sizeof(answer->reason)));
	LAW(memchr(answer->etag, 0, sizeof(answer->etag)));
	LAW(memchr(answer->last_modified, 0, sizeof(answer->last_modified)));
	LAW(memchr(answer->date, 0, sizeof(answer->date)));
	LAW(memchr(answer->retry_after, 0, sizeof(answer->retry_after)));
	LAW(memchr(answer->location, 0, sizeof(answer->location)));
	LAW(memchr(answer->encoding, 0, sizeof(answer->encoding)));
}

static void judge_verdict(const struct download_answer *answer)
{
	struct download_record record = {.total = DOWNLOAD_BYTES_UNKNOWN};
	enum download_verdict whole = download_answer_judge(answer, 0, &record);
	enum download_verdict rest;

	download_answer_validator(answer, &record.validator);
	LAW(!record.validator.etag[0] || record.validator.etag[0] == '"');
	LAW(!record.validator.etag[0] || !record.validator.last_modified[0]);
	rest = download_answer_judge(answer, HELD, &record);
	LAW(whole != VERDICT_REST && whole != VERDICT_START_OVER && whole != VERDICT_NONE && rest != VERDICT_NONE);
	LAW((whole == VERDICT_BODY) == (answer->status == 200));
	LAW(rest != VERDICT_REST ||
	    (answer->status == 206 && answer->range_first == HELD && answer->range_last + 1 == answer->range_total));
	LAW(download_wait_ms(1, 1000, 60000, download_retry_after(answer, 1641038400), 0) <= 60000);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct download_answer answer = {.length = DOWNLOAD_BYTES_UNKNOWN};
	struct download_answer after;

	for (size_t at = 0; at < length;) {
		const uint8_t *end = memchr(bytes + at, '\n', length - at);
		size_t line = end ? (size_t)(end - bytes) + 1 - at : length - at;
		bool complete = answer.complete;

		after = answer;
		download_answer_line(&after, (const char *)bytes + at, line);
		LAW(!complete || memcmp(&after, &answer, sizeof(answer)) == 0);
		answer = after;
		at += line;
	}
	judge_texts(&answer);
	LAW(!answer.complete || answer.status >= 200);
	LAW(!answer.range_valid || (answer.has_range && answer.range_first <= answer.range_last && answer.range_last < answer.range_total));
	judge_verdict(&answer);
	return 0;
}
