/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of a transfer, for the files of this room only: the state of one session and its steps. All steps return 0, or
 * -ETIMEDOUT (no answer within the budget), -EBADMSG (too much came damaged or refused), -ECONNREFUSED (the modem will not open a
 * session), -ECANCELED, or the error of the link.
 */
#ifndef TRANSPORT_STP_SESSION_H
#define TRANSPORT_STP_SESSION_H

#include "transport/stp/stp_exchange.h"
#include "transport/stp/stp_transfer.h"

/* What can happen at every block, and is told so often and no more: who reads the transcript of a bad line finds the begin of it, and the late
 * silences that matter in any case. */
enum stp_event { STP_EVENT_TROUBLE, STP_EVENT_SILENCE, STP_EVENT_KINDS };

struct stp_session {
	struct stp_wire wire;
	const struct stp_source *source;
	const struct stp_options *options;
	struct stp_summary *summary;
	uint32_t transaction;  /* the last one used */
	bool compressed;       /* what this session sends */
	uint64_t wire_size;    /* of the image as this session sends it */
	uint64_t offset;       /* taken by the modem */
	int64_t advanced_ms;   /* when the modem last took something: the budget counts from here */
	uint32_t block_limit;  /* what options and the session's maximum allow */
	uint32_t block_size;   /* of the next block */
	uint32_t clean_blocks; /* in a row */
	bool first_block_passed;
	bool disarmed;       /* the cancel descriptor is put aside */
	int cancel_fd;       /* the one put aside */
	bool progress_due;   /* reported once the next frame is on its way */
	uint64_t bytes_done; /* the most that was reported */
	bool line_held;      /* a write did not get out in time */
	int64_t overruns;    /* of the link when they were last looked at; -1: it does not tell */
	unsigned told[STP_EVENT_KINDS];
	uint64_t untold;
};

/* How long to wait for one request. */
struct stp_patience {
	int64_t first_wait_ms; /* before it is sent again; grows */
	int64_t longest_wait_ms;
	int64_t deadline_ms;
	unsigned nack_limit; /* give up with STP_REFUSED_AGAIN after so many; 0: the general limit only */
	bool at_border;
};
#define STP_REFUSED_AGAIN 1

/* Sends until the modem takes it, as protocol.md 4 says: silence, damage and 0x7F keep the transaction id, a NACK of version 2
 * moves on. STP_REFUSED_AGAIN: see nack_limit. */
int stp_session_request(struct stp_session *session, struct stp_request *request, const struct stp_patience *patience,
			struct stp_response *ret);

/* RESET, OPEN_SESSION and the data type. */
int stp_session_open(struct stp_session *session);

/* All blocks from session->offset on. */
int stp_session_send_blocks(struct stp_session *session);

/* Halves the size of the next block, down to the minimum. */
void stp_session_shrink(struct stp_session *session);

/* The closing RESET; its answer may never come. */
void stp_session_close(struct stp_session *session);

void stp_session_note(const struct stp_session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As a note, if there were not too many of this kind. */
void stp_session_tell(struct stp_session *session, enum stp_event event, const char *format, ...) __attribute__((format(printf, 3, 4)));
void stp_session_report(struct stp_session *session);

#endif
