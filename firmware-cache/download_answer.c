/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware-cache/download_answer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "firmware-cache/utf8.h"

/* Decimal digits at *text, which is moved behind them. */
static bool take_number(const char **text, uint64_t *ret)
{
	const char *at = *text;
	uint64_t number = 0;

	while (*at >= '0' && *at <= '9') {
		uint64_t digit = (uint64_t)(*at++ - '0');

		if (number > (INT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (at == *text)
		return false;
	*text = at;
	*ret = number;
	return true;
}

static bool take_text(const char **text, const char *expected)
{
	size_t length = strlen(expected);

	if (strncasecmp(*text, expected, length) != 0)
		return false;
	*text += length;
	return true;
}

bool download_content_range(const char *text, struct download_answer *ret)
{
	uint64_t first;
	uint64_t last;
	uint64_t total = DOWNLOAD_BYTES_UNKNOWN;

	if (!take_text(&text, "bytes ") || !take_number(&text, &first) || !take_text(&text, "-") || !take_number(&text, &last) ||
	    !take_text(&text, "/"))
		return false;
	if (!take_text(&text, "*") && !take_number(&text, &total))
		return false;
	if (*text != '\0' || first > last || last >= total)
		return false;
	ret->range_first = first;
	ret->range_last = last;
	ret->range_total = total;
	return true;
}

static void take_status(struct download_answer *answer, const char *line)
{
	const char *at = strchr(line, ' ');
	uint64_t status = 0;

	*answer = (struct download_answer){.length = DOWNLOAD_BYTES_UNKNOWN};
	if (!at)
		return;
	at++;
	if (!take_number(&at, &status) || status > 999)
		return;
	answer->status = (unsigned)status;
	while (*at == ' ')
		at++;
	snprintf(answer->reason, sizeof(answer->reason), "%s", at);
	utf8_make_printable(answer->reason);
}

/* A value that does not fit is as good as none: half of a validator would be another one. */
static void keep(char *ret, size_t size, const char *value)
{
	if (strlen(value) < size)
		strcpy(ret, value);
	else
		ret[0] = '\0';
}

static void take_header(struct download_answer *answer, const char *name, const char *value)
{
	const char *at = value;
	uint64_t length;

	if (strcasecmp(name, "Content-Length") == 0) {
		answer->length = take_number(&at, &length) && *at == '\0' ? length : DOWNLOAD_BYTES_UNKNOWN;
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		answer->chunked = strcasecmp(value, "chunked") == 0;
	} else if (strcasecmp(name, "Content-Range") == 0) {
		answer->range_valid = !answer->has_range && download_content_range(value, answer);
		answer->has_range = true;
	} else if (strcasecmp(name, "ETag") == 0) {
		keep(answer->etag, sizeof(answer->etag), value);
	} else if (strcasecmp(name, "Last-Modified") == 0) {
		keep(answer->last_modified, sizeof(answer->last_modified), value);
	} else if (strcasecmp(name, "Date") == 0) {
		keep(answer->date, sizeof(answer->date), value);
	} else if (strcasecmp(name, "Retry-After") == 0) {
		keep(answer->retry_after, sizeof(answer->retry_after), value);
	} else if (strcasecmp(name, "Location") == 0) {
		keep(answer->location, sizeof(answer->location), value);
	} else if (strcasecmp(name, "Content-Encoding") == 0 && strcasecmp(value, "identity") != 0) {
		snprintf(answer->encoding, sizeof(answer->encoding), "%s", value);
		utf8_make_printable(answer->encoding);
	}
}

void download_answer_line(struct download_answer *answer, const char *line, size_t length)
{
	char text[DOWNLOAD_URL_SIZE + 64]; /* longer ones are none of those that matter */
	char *value;

	while (length > 0 && strchr("\r\n \t", line[length - 1]))
		length--;
	if (answer->complete && answer->status >= 200)
		return;
	if (length == 0) {
		answer->complete = answer->status >= 200;
		return;
	}
	if (length >= sizeof(text) || memchr(line, '\0', length))
		return;
	memcpy(text, line, length);
	text[length] = '\0';
	if (strncasecmp(text, "HTTP/", 5) == 0) {
		take_status(answer, text);
		return;
	}
	value = strchr(text, ':');
	if (!value)
		return;
	*value++ = '\0';
	take_header(answer, text, value + strspn(value, " \t"));
}

static bool etag_strong(const char *etag)
{
	size_t length = strlen(etag);

	return length >= 2 && etag[0] == '"' && etag[length - 1] == '"';
}

void download_answer_validator(const struct download_answer *answer, struct download_validator *ret)
{
	time_t modified;
	time_t date;

	*ret = (struct download_validator){0};
	if (etag_strong(answer->etag)) {
		strcpy(ret->etag, answer->etag);
		return;
	}
	/* A weak ETag says that the server itself does not vouch for the bytes. */
	if (answer->etag[0] || !answer->last_modified[0] || !answer->date[0])
		return;
	modified = curl_getdate(answer->last_modified, NULL);
	date = curl_getdate(answer->date, NULL);
	if (modified >= 0 && date > modified)
		strcpy(ret->last_modified, answer->last_modified);
}

static bool rest_fits(const struct download_answer *answer, uint64_t held, const struct download_record *record)
{
	const struct download_validator *validator = &record->validator;
	uint64_t total = record->total;

	if (!answer->range_valid || answer->range_first != held)
		return false;
	if (total == DOWNLOAD_BYTES_UNKNOWN)
		total = answer->range_total;
	if (total == DOWNLOAD_BYTES_UNKNOWN || answer->range_last != total - 1)
		return false;
	if (answer->range_total != DOWNLOAD_BYTES_UNKNOWN && answer->range_total != total)
		return false;
	if (answer->length != DOWNLOAD_BYTES_UNKNOWN && answer->length != total - held)
		return false;
	/* Servers that know no If-Range still tell that it is another file. */
	if (validator->etag[0] && answer->etag[0] && strcmp(validator->etag, answer->etag) != 0)
		return false;
	return !validator->last_modified[0] || !answer->last_modified[0] || strcmp(validator->last_modified, answer->last_modified) == 0;
}

enum download_verdict download_answer_judge(const struct download_answer *answer, uint64_t held, const struct download_record *record)
{
	switch (answer->status) {
	case 200:
		return VERDICT_BODY;
	case 206:
		if (held == 0)
			return VERDICT_RETRY;
		return rest_fits(answer, held, record) ? VERDICT_REST : VERDICT_START_OVER;
	case 416:
		return held > 0 ? VERDICT_START_OVER : VERDICT_REFUSED;
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return VERDICT_REDIRECT;
	case 429:
		return VERDICT_RETRY;
	default:
		return answer->status >= 500 && answer->status <= 599 ? VERDICT_RETRY : VERDICT_REFUSED;
	}
}

uint64_t download_retry_after(const struct download_answer *answer, int64_t now)
{
	const char *at = answer->retry_after;
	uint64_t seconds;
	time_t when;

	if (take_number(&at, &seconds))
		return *at == '\0' ? seconds : 0;
	when = answer->retry_after[0] ? curl_getdate(answer->retry_after, NULL) : -1;
	return when > now ? (uint64_t)(when - now) : 0;
}

int64_t download_wait_ms(unsigned failures, unsigned first_ms, unsigned max_ms, uint64_t asked_s, uint32_t chance)
{
	uint64_t wait = first_ms;

	while (failures-- > 1 && wait < max_ms)
		wait *= 2;
	if (wait > max_ms)
		wait = max_ms;
	/* Many daemons that lost the same server must not all come back at once. */
	wait -= wait / 2 * chance / UINT32_MAX;
	if (asked_s > max_ms / 1000)
		return max_ms;
	return (int64_t)(wait > asked_s * 1000 ? wait : asked_s * 1000);
}
