/* SPDX-License-Identifier: Apache-2.0
 *
 * Talking with the board in front of a modem: what both kinds of dialogue (prompt and chat script) do with bytes. Private to board*.c; all on
 * the thread that owns the link. Negative returns are those of the link.
 */
#ifndef TRANSPORT_BOARD_TALK_H
#define TRANSPORT_BOARD_TALK_H

#include "transport/modem/modem.h"

#define BOARD_HEARD_SIZE 96u

struct board_talk {
	struct modem *modem;
	uint8_t bytes[256]; /* read and not yet taken: from `begin` to `end` */
	size_t begin, end;
	uint8_t heard[BOARD_HEARD_SIZE]; /* the last that was taken since board_forget() */
	size_t heard_length;
	size_t total; /* of all bytes taken */
	size_t junk;  /* of them NUL or with the high bit: another rate, or no power */
};

/* Sees to it that there is something to take: 0, or -ETIMEDOUT at the deadline. */
int board_hear(struct board_talk *talk, int64_t deadline_ms);
void board_take(struct board_talk *talk, size_t count);
void board_forget(struct board_talk *talk);

int board_say(struct board_talk *talk, const void *bytes, size_t length);

/* Sets the host's side. -EPROTO with FAULT_BOARD_NO_BRIDGE when the port does not take this rate; what is unread is forgotten. */
int board_set_rate(struct board_talk *talk, uint32_t rate_bps, struct fault *ret_fault);

enum board_answer { ANSWER_NONE, ANSWER_ERROR, ANSWER_OK };

/* AT so many times, until it is OK. Fills *ret, and what the bytes of all tries looked like in *ret_noise. 0. */
int board_probe(struct board_talk *talk, int tries, enum board_answer *ret, struct at_noise *ret_noise);

/* AT until something answers or timings->bridge_ms are over. */
int board_await_modem(struct board_talk *talk, enum board_answer *ret, struct at_noise *ret_noise);

/* Bytes came, and they are text at this rate. */
bool board_noise_is_text(size_t total, size_t junk);

/* The last of what was heard as evidence. */
void board_set_evidence(const struct board_talk *talk, struct fault *fault);

/* protocol.md 9, "Pycom mirror". As board_open_bridge(). */
int board_open_mirror(struct board_talk *talk, enum boot_mode last_boot_mode, struct fault *ret_fault);

#endif
