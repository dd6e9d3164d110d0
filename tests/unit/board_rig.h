/* SPDX-License-Identifier: Apache-2.0
 *
 * Boards in front of a modem: a row says how the scripted peer answers and how the opening of the bridge ends.
 */
#ifndef TESTS_BOARD_RIG_H
#define TESTS_BOARD_RIG_H

#include "tests/unit/fake_modem.h"
#include "transport/modem/board.h"

/* The states of a board. */
enum { REPL = 1, MIRROR, BUSY, LATER };

#define OK "\r\nOK\r\n"

/* The modem behind a bridge at 921600. */
#define BRIDGED(line, text)                                                                                                                \
	{                                                                                                                                  \
		.in = IN(MIRROR), .expect = line, .answer = text, .rate_bps = 921600                                                       \
	}
#define MODEM BRIDGED("AT", OK), BRIDGED("AT+SMOD?", "\r\n2\r\nOK\r\n")

extern const struct modem_timings board_timings;

struct board_row {
	const char *name;
	const char *profile;
	const char *keys[10]; /* key, value, … */
	struct fake_rule rules[10];
	int start;     /* 0: REPL */
	bool ffh;      /* the modem was last seen there */
	bool recovery; /* or there */
	int r;         /* of opening the bridge */
	bool silence;  /* judged by what is kept for the detection, which is not run */
	int r_detect;  /* of what follows, when that is 0 */
	enum fault_code code;
	const char *text;
	const char *evidence;
	const char *log; /* what came, without AT */
	const char *release;
	uint32_t rate_bps;
	enum boot_mode mode; /* afterwards */
};

/* Opens the bridge, lets the modem be detected behind it, and asserts all that the row says. */
void board_row_run(const struct board_row *row);

#endif
