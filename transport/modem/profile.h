/* SPDX-License-Identifier: Apache-2.0
 *
 * How a kind of board and modem is talked to, as data. The built-in ones: monarch1, monarch2, pycom, walter, avr-iot and
 * auto (nothing known yet: both families' rates are tried). A configuration section may override any value.
 */
#ifndef TRANSPORT_PROFILE_H
#define TRANSPORT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/modem/chat_script.h"

enum modem_family { FAMILY_UNKNOWN, FAMILY_MONARCH1, FAMILY_MONARCH2 };
const char *modem_family_name(enum modem_family family); /* "monarch1", "monarch2", "unknown" */
bool modem_family_parse(const char *name, enum modem_family *ret);

/* What stands between the host and the modem: protocol.md 9. */
enum board_kind { BOARD_DIRECT, BOARD_PYCOM, BOARD_AVR_IOT, BOARD_CHAT };

#define PROFILE_RATES_MAX 4u

/* Which modem lines restart the modem when they are dropped and raised. protocol.md knows of none: a matter of how the board is wired. */
enum profile_lines { LINES_NONE, LINES_DTR, LINES_RTS, LINES_BOTH };

struct profile {
	char name[32];
	enum modem_family family;          /* FAMILY_UNKNOWN: told by identify */
	uint32_t rates[PROFILE_RATES_MAX]; /* tried in this order, 0 ends */
	bool hardware_flow;
	uint32_t block_size;     /* payload of an STP block; 0: the family's */
	uint32_t block_size_min; /* shrinking ends here */
	/* What the line is set to by AT+IPR for a transfer (protocol.md 2), whatever the modem talks at; 0: the talk rate serves. Where the
	 * configuration does not name it, it follows `rates`: the fastest of them; behind a board it is 0. */
	uint32_t transfer_rate_bps;
	bool transfer_rate_named;
	char quiesce[32]; /* "AT+CFUN=4", "AT+CFUN=5"; empty: the family's */
	uint32_t command_timeout_ms;
	uint32_t boot_budget_s; /* protocol.md 7, Budgets */
	uint32_t block_budget_s;
	uint32_t apply_budget_s;
	enum board_kind board;
	uint32_t board_rate_bps;  /* of the board's own console; 0: that of its kind */
	uint32_t bridge_rate_bps; /* of the host's side once the board passes the line on; 0: that of its kind */
	struct chat_script chat;  /* BOARD_CHAT only */
	enum profile_lines restart_lines;
};

/* Built-in profile by name, NULL if there is none. profile_builtin_at() walks them: NULL after the last. */
const struct profile *profile_builtin(const char *name);
const struct profile *profile_builtin_at(size_t index);

/* Sets one value by its configuration key ("rates" = "921600,115200"): rates, transfer_rate (a rate; none or 0), flow (rtscts or
 * none), block_size, block_size_min, quiesce, command_timeout_ms, boot_budget_s, block_budget_s, apply_budget_s, board (direct, pycom,
 * avr-iot or chat), restart_lines (none, dtr, rts or dtr,rts), board_rate, bridge_rate, chat (one more line of the script). 0; -ENOENT unknown key; -EINVAL bad value with the reason
 * in ret_why (at least 128 bytes). */
int profile_set(struct profile *profile, const char *key, const char *value, char *ret_why, size_t ret_why_size);

/* The command that quiets the radio before the switch: the profile's own or the family's. */
const char *profile_quiesce(const struct profile *profile, enum modem_family family);

/* The rates of the host's side before and after the board passes the line on: the profile's own or those of the kind of board; where that
 * has none either, the first of `rates`. */
uint32_t profile_board_rate(const struct profile *profile);
uint32_t profile_bridge_rate(const struct profile *profile);

/* What is wrong with a profile of which every value is good: "board: …", without a full stop; NULL: nothing. */
const char *profile_contradiction(const struct profile *profile);

/* The block size to begin with: the profile's own or the family's (protocol.md 4: 2016 everywhere, 8176 on Monarch 2). */
uint32_t profile_block_size(const struct profile *profile, enum modem_family family);

#endif
