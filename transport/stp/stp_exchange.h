/* SPDX-License-Identifier: Apache-2.0
 *
 * One STP request and what comes back for it, over a link. No retries here: those are the transfer's.
 */
#ifndef TRANSPORT_STP_EXCHANGE_H
#define TRANSPORT_STP_EXCHANGE_H

#include "transport/link/link.h"
#include "transport/stp/stp_frame.h"

#define STP_LAST_BYTES 48u

struct stp_wire {
	struct link *link; /* borrowed */
	struct stp_reader reader;
	uint8_t last[STP_LAST_BYTES]; /* the beginning of the last piece received, as evidence */
	size_t last_length;
};

struct stp_request {
	uint8_t op;
	uint8_t session;
	uint32_t transaction;
	const uint8_t *payload; /* borrowed */
	uint16_t length;
};

enum stp_answer {
	STP_ANSWER_TAKEN,          /* the response that belongs to the request */
	STP_ANSWER_NACK,           /* op | 0x40 */
	STP_ANSWER_NOT_UNDERSTOOD, /* 0x7F, whatever its ids: the modem could not read ours */
	STP_ANSWER_DAMAGED,        /* a response came and its checksum does not hold, or it cannot be */
	STP_ANSWER_SILENCE,        /* nothing of these until the deadline */
};

void stp_wire_init(struct stp_wire *wire, struct link *link);

/* One frame, one system call. The errors of link_write(). */
int stp_send(struct stp_wire *wire, const struct stp_request *request, int64_t deadline_ms);

/* Waits for the answer to this request; responses to others (an answer that came late) are passed over. 0 with *ret_answer and,
 * when taken, *ret_response; or an error of link_read() other than -ETIMEDOUT. */
int stp_await(struct stp_wire *wire, const struct stp_request *request, int64_t deadline_ms, enum stp_answer *ret_answer,
	      struct stp_response *ret_response);

#endif
