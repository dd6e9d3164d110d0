/* SPDX-License-Identifier: Apache-2.0
 *
 * A modem's side of STP for tests, on a thread: scripted misbehaviour, answers always sent in fragments, every request recorded.
 * Its checksum is computed bit by bit, apart from the code under test.
 */
#ifndef TESTS_STP_PEER_H
#define TESTS_STP_PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stp_peer_action {
	PEER_DEAF,           /* as if the request had never come */
	PEER_MUTE,           /* does it, does not answer */
	PEER_NACK,           /* op | 0x40 */
	PEER_NOT_UNDERSTOOD, /* 0x7F */
	PEER_DAMAGE,         /* does it, answers with a wrong checksum */
	PEER_RESIDUE,        /* leaves the last `value` bytes of the block */
	PEER_BUSY,           /* does it, answers after `value` ms */
	PEER_TEXT,           /* does it, sends text before the answer */
	PEER_STALE,          /* does it, answers the one before again with a residue of `value`, then this one */
	PEER_IMPOSSIBLE,     /* does it, answers with `value` bytes of 0xFF as payload */
	PEER_HANG_UP,        /* closes */
};

/* Applies to requests `first` … `last`, counted from 1, among those with this op. */
struct stp_peer_rule {
	uint8_t op;
	unsigned first;
	unsigned last;
	enum stp_peer_action action;
	unsigned value;
};

struct stp_peer_seen {
	uint8_t op;
	uint8_t session;
	uint32_t transaction;
	uint16_t length;
	uint16_t announced; /* of a block command */
	bool crc_good;
};

#define STP_PEER_SEEN_MAX 8192u
#define STP_PEER_OPS      5u

struct stp_peer {
	uint8_t version;
	uint16_t max_transfer;
	unsigned refuse_opens; /* ok = 0 for so many */
	bool checksums;        /* in answers; else 0, as real modems do */
	unsigned fragment;     /* answers in pieces of 1 … fragment bytes; 0: whole */
	size_t half_block;     /* begins in the middle of a block that misses so many bytes */
	bool forgiving;        /* the second RESET ends all misbehaviour */
	bool waits_for_open;   /* a RESET is answered and changes nothing until a session was opened */
	const struct stp_peer_rule *rules;
	size_t rule_count;

	int fd; /* the peer's end, closed by its thread */
	pthread_t thread;
	unsigned counts[STP_PEER_OPS];
	struct stp_peer_seen seen[STP_PEER_SEEN_MAX];
	size_t seen_count;
	uint8_t *image;
	size_t image_size;
	size_t image_room;
	uint32_t data_type;
	uint32_t last_block; /* transaction of the block taken last */
	uint16_t last_residue;
};

/* Starts the thread; returns the host's end. What is asserted on may be read after stp_peer_stop() only. */
int stp_peer_start(struct stp_peer *peer);
void stp_peer_stop(struct stp_peer *peer);

uint16_t stp_peer_crc16(const uint8_t *bytes, size_t length);

/* How many requests with this op were seen. */
unsigned stp_peer_count(const struct stp_peer *peer, uint8_t op);

#endif
