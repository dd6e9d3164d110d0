/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cmd/dupctl/http_once.h"

/* Between a request and its repetition, in ms: long enough in all for a daemon to be started again. */
static const int pauses_ms[] = {100, 300, 1000, 2000, 4000, 4000};

#define REPEATS         (sizeof(pauses_ms) / sizeof(pauses_ms[0]))
#define STATUS_CONFLICT 409

/* A random UUID (RFC 4122, version 4). False without randomness. */
static bool key_make(char ret[HTTP_KEY_SIZE])
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return false;
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0, at = 0; i < sizeof(bytes); i++)
		at += (size_t)snprintf(ret + at, HTTP_KEY_SIZE - at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
	return true;
}

/* False when the user wants out meanwhile. */
static bool pause_for(int ms, int interrupt_fd)
{
	struct pollfd poller = {.fd = interrupt_fd, .events = POLLIN};

	return poll(&poller, 1, ms) == 0;
}

/* Whether what was sent may have been done, without our knowing the answer. Once it may, a daemon that is not reachable is one that starts again. */
static bool is_lost(int r, const struct http_response *response, bool lost_before)
{
	if (r == 0)
		return lost_before && response->status == STATUS_CONFLICT && response->may_come_again;
	return r == -ECONNRESET || (r == -ECONNREFUSED && lost_before);
}

int http_perform(struct http_client *client, const struct http_request *request, struct http_response *ret, struct text *ret_error)
{
	char key[HTTP_KEY_SIZE] = "";
	bool keyed = strcmp(request->method, "POST") == 0 && !request->upload && key_make(key);
	bool lost = false;
	int r = http_perform_once(client, request, keyed ? key : NULL, ret, ret_error);

	for (size_t i = 0; keyed && i < REPEATS; i++) {
		lost = is_lost(r, ret, lost);
		if (!lost || !pause_for(pauses_ms[i], http_interrupt_fd(client)))
			break;
		http_response_clear(ret);
		text_clear(ret_error);
		r = http_perform_once(client, request, key, ret, ret_error);
	}
	return r == -ECONNRESET ? -ECONNREFUSED : r;
}
