/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board in front of a modem (protocol.md 9): what the host talks to first. It has a dialogue of its own, opens a bridge when it
 * is told to, and from then on only passes bytes on, as long as both of its sides run at the rate that it keeps. What it
 * sends comes in fragments of a few bytes with pauses.
 *
 * board.c carries bytes, repl.c is the MicroPython prompt, console.c the boards with a plain command line.
 */
#ifndef SIMULATOR_BOARD_H
#define SIMULATOR_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct modem;
struct board;

enum {
	BOARD_LINE_MAX = 256,
	BOARD_OUT_SIZE = 16384,
	BOARD_STEPS_MAX = 64,
};

enum board_state {
	BOARD_PROMPT, /* takes commands */
	BOARD_BUSY,   /* a program of the board runs and chatters; Ctrl-C ends it */
	BOARD_HUNG,   /* takes nothing any more */
	BOARD_BRIDGE,
};

/* A kind of board: its rates and its dialogue. */
struct board_kind {
	const char *name;
	uint32_t rate;              /* of its own dialogue */
	uint32_t bridge_host_rate;  /* of the bridge, towards the host */
	uint32_t bridge_modem_rate; /* and towards the modem; 0: the family's */
	const char *firmware;       /* its own release, where it has one */
	bool upgrade_mode;          /* pycom: the firmware knows LTE.modem_upgrade_mode */
	/* After power-up or a reset. */
	void (*boot)(struct modem *modem);
	/* One byte from the host, heard at the right rate, while it does not bridge. */
	void (*take)(struct modem *modem, uint8_t byte);
};

/* A line of a script file. */
struct board_step {
	enum { STEP_SEND, STEP_EXPECT, STEP_SECRET, STEP_WRONG } kind;
	char text[BOARD_LINE_MAX];
};

struct board_script {
	uint32_t rate;
	uint32_t bridge_rate; /* 0: `rate` towards the host, the family's towards the modem */
	size_t count;
	struct board_step steps[BOARD_STEPS_MAX];
};

struct board {
	const struct board_kind *kind;
	struct board_script script;
	enum board_state state;
	unsigned boots;
	/* the dialogue */
	char line[BOARD_LINE_MAX];
	size_t length;
	size_t step;         /* script: the next one */
	unsigned modules;    /* pycom: what was imported */
	bool block;          /* pycom: inside a block, "... " */
	bool after_return;   /* the host's line ended in CR; an LF right after it belongs to it */
	uint64_t chatter_ns; /* next line of a running program, NEVER */
	unsigned chatter;
	/* towards the host */
	uint8_t out[BOARD_OUT_SIZE];
	uint32_t out_head, out_used;
	uint32_t old_left, old_rate; /* of these bytes, what was said before the bridge opened, and its rate */
	uint64_t out_ns;             /* the next fragment, not before */
	unsigned fragment;
	uint64_t junk_ns;
	/* the bridge, towards the modem */
	uint64_t passed;     /* bytes, for mirror_drop */
	uint64_t drained_ns; /* when mirror_buffer will be empty */
};

/* A name that --board takes: "direct" (NULL comes back), a kind of board, or "script:FILE", which is read. False: a line went to stderr. */
bool board_make(struct board **ret, const char *name);
void board_free(struct board *board);

/* Power-up or reset: its dialogue again, whatever it was doing. The modem does not notice. */
void board_reset(struct modem *modem);
/* From the host, in place. Returns how many bytes go on to the modem; the rest was the board's, or is lost. */
size_t board_hear(struct modem *modem, uint8_t *bytes, size_t length, uint32_t host_rate, uint64_t now);
/* From the modem, which talked at `rate`. */
void board_pass(struct modem *modem, const uint8_t *bytes, size_t length, uint32_t rate);
/* What it has still to say to a host that is not there is lost. */
void board_lose(struct board *board);
/* The next fragment for the host; *ret_rate is the rate the board sends it at. 0: nothing is due. */
size_t board_send(struct modem *modem, uint64_t now, uint8_t *bytes, size_t size, uint32_t *ret_rate);
uint64_t board_due(const struct modem *modem);

/* --- for the dialogues ----------------------------------------------------------------------------------------- */

void board_put(struct board *board, const void *bytes, size_t length);
void board_print(struct board *board, const char *text);
void board_set_state(struct modem *modem, enum board_state state);

void repl_boot(struct modem *modem);
void repl_take(struct modem *modem, uint8_t byte);
/* The next line of the program that runs. */
void repl_chatter(struct board *board);

void avr_boot(struct modem *modem);
void avr_take(struct modem *modem, uint8_t byte);
bool script_load(struct board_script *ret, const char *path);
void script_boot(struct modem *modem);
void script_take(struct modem *modem, uint8_t byte);

#endif
