/* SPDX-License-Identifier: Apache-2.0
 *
 * One STP session: RESET, OPEN_SESSION, data type, blocks, closing RESET. The transfer adapts its block size, sends again as
 * protocol.md 4 says, and reports progress. It owns no memory of the data: the image is shared by all jobs.
 */
#ifndef TRANSPORT_STP_TRANSFER_H
#define TRANSPORT_STP_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/fault.h"
#include "transport/link/link.h"

/* A stretch of the image that a person knows by name: a record of the bundle. */
struct stp_part {
	uint64_t offset;      /* in the plain image */
	uint64_t wire_offset; /* where it begins in the compressed stream, when there is one */
	char description[64];
};

/* What is sent, read-only, shared: plain bytes and, where version 2 sessions need it, the same as one zlib stream. */
struct stp_source {
	const uint8_t *plain;
	uint64_t plain_size;
	const uint8_t *compressed; /* NULL: send plain */
	uint64_t compressed_size;
	bool is_elf; /* data type 2/3 instead of 4/5 */
	const struct stp_part *parts;
	size_t part_count;
};

struct stp_progress {
	uint64_t bytes_done;  /* of the plain image, scaled when compressed; never goes back, also over a session that starts again */
	uint64_t bytes_total; /* the plain image's size */
	uint64_t wire_bytes;  /* payload sent and taken in this session */
	const char *part;     /* description of the current record, "" when unknown; valid during the call */
	bool at_border;       /* the modem may be silent over the next block: it erases flash */
};

struct stp_summary {
	uint8_t version;
	uint16_t max_transfer; /* as the modem said, header included */
	bool compressed;
	uint32_t block_size; /* the last one used */
	uint64_t blocks;
	uint64_t resends; /* silence, 0x7F */
	uint64_t nacks;
	uint64_t damaged; /* responses with a wrong checksum */
	uint64_t residue_bytes;
	uint64_t skipped_bytes;  /* text between frames */
	uint64_t overruns;       /* bytes that the kernel lost meanwhile; 0 also where it does not tell */
	uint64_t framing_errors; /* the same for these two; a break is a line held low: a modem that restarts, or whose power breaks down */
	uint64_t breaks;
	uint32_t sessions; /* opened: 1 when all went well */
	int64_t longest_silence_ms;
	int64_t duration_ms;
};

struct stp_options {
	uint32_t block_size; /* wanted payload of a block; the session's maximum caps it. 2016 is proven everywhere, 8176 on Monarch 2 */
	uint32_t block_size_min;   /* shrinking ends here */
	int64_t answer_timeout_ms; /* silence after which a version 1 frame is sent again */
	int64_t block_budget_ms;   /* ≥ 120 s: how long one block may take at a record's border (protocol.md 7) */
	bool allow_compression;
	/* Called right before the first block command of the session leaves: false ends the transfer with -ECANCELED.
	 * From here on there is no way back: after true the transfer does not look at the link's cancel descriptor, until it returns.
	 * Called once, not again when the session starts over. May be NULL: then the transfer can be cancelled at any time. */
	bool (*before_first_block)(void *context);
	void (*progress)(void *context,
			 const struct stp_progress *progress); /* after each block and when the modem falls silent; may be NULL */
	void (*note)(
	    void *context,
	    const char
		*line); /* for the transcript: session facts, and each resend, residue and silence of 2 s, up to a bound; may be NULL */
	void *context;
};

/* The modem has answered OK to AT+SMSTPU or AT+STP; input was flushed for 200 ms. Returns 0, -ECANCELED, or -EPROTO with
 * *ret_fault: FAULT_STP_REFUSED, FAULT_STP_NO_ANSWER, FAULT_STP_DAMAGED, FAULT_TRANSFER_STALLED, FAULT_PORT_GONE. *ret_summary is
 * filled in every case. Blocks for as long as the transfer takes. */
int stp_transfer(struct link *link, const struct stp_source *source, const struct stp_options *options, struct fault *ret_fault,
		 struct stp_summary *ret_summary);

/* Ends a session that somebody else left open (a killed daemon): RESET, and when nothing answers enough NUL bytes to complete a
 * half-sent block, then RESET again. Returns 1 when the other side answered STP, 0 when it did not, negative errno of the link. At
 * most ~5 s. What a modem does after it answered is open: it may take AT again, or wait for OPEN_SESSION. Try AT; if it stays
 * silent, stp_abandon_waiting(). */
int stp_abandon(struct link *link);

/* For a modem that answered stp_abandon() and no AT since: OPEN_SESSION, then RESET, which ends a session like any other. The same
 * returns; 1 says that a session was opened and closed. At most ~2 s. Try AT again. */
int stp_abandon_waiting(struct link *link);

#endif
