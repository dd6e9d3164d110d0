/* SPDX-License-Identifier: Apache-2.0
 *
 * Getting a modem out of a session whose host is gone.
 */
#include <errno.h>

#include "transport/clock.h"
#include "transport/stp/stp_exchange.h"
#include "transport/stp/stp_transfer.h"

#define PADDING_SIZE     (8192u + STP_HEADER_SIZE)
#define ABANDON_WAIT_MS  500
#define ABANDON_PAD_MS   2000
#define ABANDON_DRAIN_MS 1000
#define ABANDON_TRIES    3

/* 1 when anything that is STP came back, 0 when not. */
static int provoke(struct stp_wire *wire, const struct stp_request *request, int64_t wait_ms)
{
	enum stp_answer answer = STP_ANSWER_SILENCE;
	struct stp_response response;
	int seen = 0;

	wait_ms += link_latency_ms(wire->link);
	for (int i = 0; i < ABANDON_TRIES && answer != STP_ANSWER_TAKEN; i++) {
		int64_t deadline_ms = clock_deadline_ms(wait_ms);
		int result = stp_send(wire, request, deadline_ms);
		if (result == 0)
			result = stp_await(wire, request, deadline_ms, &answer, &response);
		if (result < 0)
			return result == -ETIMEDOUT ? seen : result;
		if (answer == STP_ANSWER_SILENCE)
			return seen;
		seen = 1;
	}
	return seen;
}

int stp_abandon(struct link *link)
{
	static const uint8_t padding[PADDING_SIZE];
	struct stp_request reset = {.op = STP_RESET};
	struct stp_wire wire;

	stp_wire_init(&wire, link);
	int result = provoke(&wire, &reset, ABANDON_WAIT_MS);
	if (result != 0)
		return result;
	/* The other side may be waiting for the rest of a block, and the RESET went into it. */
	union {
		const uint8_t *in;
		void *out;
	} bytes = {.in = padding};
	struct iovec piece = {bytes.out, sizeof padding};
	result = link_write(link, &piece, 1, clock_deadline_ms(ABANDON_PAD_MS));
	if (result == 0)
		result = link_drain(link, clock_deadline_ms(ABANDON_DRAIN_MS));
	if (result < 0)
		return result == -ETIMEDOUT ? 0 : result;
	return provoke(&wire, &reset, ABANDON_WAIT_MS);
}

int stp_abandon_waiting(struct link *link)
{
	struct stp_request open = {.op = STP_OPEN_SESSION, .session = 1, .transaction = 1};
	struct stp_request reset = {.op = STP_RESET};
	struct stp_wire wire;

	stp_wire_init(&wire, link);
	int result = provoke(&wire, &open, ABANDON_WAIT_MS);
	if (result <= 0)
		return result;
	result = provoke(&wire, &reset, ABANDON_WAIT_MS);
	return result < 0 ? result : 1;
}
