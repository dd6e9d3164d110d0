/* SPDX-License-Identifier: Apache-2.0
 *
 * A scripted peer at the other end of a pty: a table of "in this state, when this line comes, answer that". It answers in pieces of one
 * to three bytes, knows the rate that the host has set, and speaks just enough STP (protocol.md 4) to take an image.
 * It runs on a thread of its own between start and stop; what it saw may be read after the stop.
 */
#ifndef TESTS_FAKE_MODEM_H
#define TESTS_FAKE_MODEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IN(state) (1u << (state))

struct fake_rule {
	unsigned in;          /* the states, IN(1) | IN(2); 0: all */
	const char *expect;   /* a line without its end, "+++", "^C", "^B"; NULL ends the table */
	const char *answer;   /* NULL: nothing */
	int next;             /* the state after; 0: stays */
	uint32_t rate_bps;    /* only when the host is at that rate; 0: any */
	size_t answer_length; /* when the answer holds NULs */
	bool hang_up;
	bool *flag; /* set when the rule is used; may be NULL */
};

/* A state that speaks STP, when there are several. */
struct fake_stp {
	int state; /* 0 ends the table */
	int next;  /* after a session that sent something */
	int idle;  /* after one that sent nothing */
	uint16_t max_transfer;
};

struct fake_script {
	const struct fake_rule *overrides; /* looked at first; may be NULL */
	const struct fake_rule *rules;
	int start;     /* the first state, from 1 */
	int stp;       /* the state that speaks STP; 0: none */
	int stp_next;  /* the state after a session that sent something */
	int stp_again; /* the same after the second and later ones; 0: as the first */
	int stp_idle;  /* the state after a session that sent nothing */
	bool in_block; /* starts in the middle of a block of 2016 bytes */
	uint8_t stp_version;
	bool refuse;    /* OPEN_SESSION is refused */
	bool deaf_once; /* the first TRANSFER_BLOCK_CMD is not answered */
	struct fake_stp more_stp[5];
};

struct fake_modem;

struct fake_modem *fake_modem_start(const struct fake_script *script);
const char *fake_modem_port(const struct fake_modem *modem);
void fake_modem_stop(struct fake_modem *modem);
void fake_modem_free(struct fake_modem *modem);
/* From the next byte that it reads on it is in that state. */
void fake_modem_power_cycle(struct fake_modem *modem, int state);

/* After the stop: every line that came, each with " | " behind. */
const char *fake_modem_log(const struct fake_modem *modem);
/* The same without the plain AT, of which there are as many as the waits need. */
const char *fake_modem_log_without_at(struct fake_modem *modem);
int fake_modem_count(const struct fake_modem *modem, const char *line);
int fake_modem_state(const struct fake_modem *modem);

/* After the stop: the silence before the last "+++", in ms. */
int64_t fake_modem_escape_guard_ms(const struct fake_modem *modem);

/* After the stop: the blocks of the last session, its data type (0: none asked), how many sessions sent something. */
const uint8_t *fake_modem_received(const struct fake_modem *modem, size_t *ret_length);
uint32_t fake_modem_data_type(const struct fake_modem *modem);
int fake_modem_sessions(const struct fake_modem *modem);

/* After the stop: of the nth session that sent something, from 0: how much, and its largest block. */
size_t fake_modem_session_bytes(const struct fake_modem *modem, int session);
size_t fake_modem_session_block(const struct fake_modem *modem, int session);

#endif
