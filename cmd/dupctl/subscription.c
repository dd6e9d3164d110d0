/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/subscription.h"

#include <errno.h>
#include <poll.h>

#define FIRST_PAUSE_MS 200
#define LONG_PAUSE_MS  5000
/* The daemon sends a comment every 15 s. */
#define SILENCE_MS 45000

static void stream_drop(struct subscription *subscription)
{
	int64_t now = monotonic_ms(), pause = FIRST_PAUSE_MS;

	http_stream_free(subscription->stream);
	subscription->stream = NULL;
	for (unsigned i = 0; i < subscription->failures && pause < LONG_PAUSE_MS; i++)
		pause *= 2;
	subscription->failures++;
	subscription->connect_at_ms = now + (pause < LONG_PAUSE_MS ? pause : LONG_PAUSE_MS);
	if (subscription->lost_since_ms == 0)
		subscription->lost_since_ms = now;
}

/* The stream has ended: for good, or to be tried again? */
static enum subscription_state stream_end(struct subscription *subscription, struct failure *failure)
{
	long status = http_stream_status(subscription->stream);

	if (status >= 400 && status < 500 && status != 408 && status != 429) {
		failure_from_answer(failure, status, http_stream_body(subscription->stream));
		return SUBSCRIPTION_REFUSED;
	}
	stream_drop(subscription);
	return SUBSCRIPTION_LOST;
}

static void pause_wait(const struct subscription *subscription, int64_t timeout_ms)
{
	struct pollfd poller = {.fd = subscription->session->signals, .events = POLLIN};
	int64_t left = subscription->connect_at_ms - monotonic_ms();

	if (left > timeout_ms)
		left = timeout_ms;
	if (left > 0)
		poll(&poller, 1, (int)left);
}

static enum subscription_state stream_wait(struct subscription *subscription, int64_t timeout_ms, struct failure *failure)
{
	if (http_stream_wait(subscription->stream, (int)timeout_ms) < 0)
		return stream_end(subscription, failure);
	if (http_stream_status(subscription->stream) == 200) {
		subscription->lost_since_ms = 0;
		subscription->failures = 0;
	}
	if (monotonic_ms() - http_stream_heard_ms(subscription->stream) > SILENCE_MS)
		stream_drop(subscription);
	return subscription->lost_since_ms ? SUBSCRIPTION_LOST : SUBSCRIPTION_LIVE;
}

enum subscription_state subscription_wait(struct subscription *subscription, int64_t timeout_ms, struct failure *failure)
{
	if (!subscription->stream) {
		pause_wait(subscription, timeout_ms);
		if (monotonic_ms() < subscription->connect_at_ms)
			return SUBSCRIPTION_LOST;
		if (http_stream_open(subscription->session->http, subscription->path, &subscription->parser, &subscription->stream) < 0) {
			failure_set(failure, STATUS_OTHER, "out of memory");
			return SUBSCRIPTION_REFUSED;
		}
	}
	return stream_wait(subscription, timeout_ms, failure);
}

void subscription_clear(struct subscription *subscription)
{
	http_stream_free(subscription->stream);
	subscription->stream = NULL;
	sse_parser_clear(&subscription->parser);
}
