/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario files: what goes wrong, when, on which modem. Reading them and telling which rules fire; no effects here. */
#ifndef SIMULATOR_SCENARIO_H
#define SIMULATOR_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SCENARIO_TEXT_MAX = 256,
	SCENARIO_NAME_MAX = 64,
	SCENARIO_ALL = -1,
};

enum trigger { TRIGGER_COMMAND, TRIGGER_FRAME, TRIGGER_BLOCK, TRIGGER_BYTES, TRIGGER_RECORD, TRIGGER_STATE, TRIGGER_AT_MS };

enum verb {
	VERB_DROP,
	VERB_CORRUPT,
	VERB_DELAY,
	VERB_NACK,
	VERB_NOT_UNDERSTOOD,
	VERB_SILENCE,
	VERB_ERROR,
	VERB_NOISE,
	VERB_TEXT,
	VERB_HANG_UP,
	VERB_POWER_LOSS,
	VERB_STALL,
	VERB_RESIDUE,
	VERB_REFUSE_SESSION,
	VERB_STALE_OK,
	VERB_BOARD_RESET,
	VERB_ANSWER,
	VERB_RATE,
	VERB_BREAK,
};

enum direction { DIRECTION_DEFAULT, DIRECTION_INCOMING, DIRECTION_OUTGOING };

/* Blocks that have no fixed number. */
#define BLOCK_MIDDLE (UINT64_MAX - 1)
#define BLOCK_LAST   (UINT64_MAX - 2)

struct rule {
	int modem; /* SCENARIO_ALL or an index */
	int mode;  /* the boot mode it must be in; SCENARIO_ALL for any */
	enum trigger trigger;
	enum verb verb;
	char command[SCENARIO_TEXT_MAX]; /* upper case; '*' at its end matches the rest */
	uint64_t number;                 /* block, bytes, record, state, STP operation or milliseconds, by trigger */
	uint64_t nth;                    /* first match that fires, from 1 */
	uint64_t times;                  /* how many matches fire; UINT64_MAX for always */
	uint64_t count;                  /* bytes; UINT64_MAX when not given */
	uint64_t ms;                     /* UINT64_MAX for ever or not given */
	bool ms_given;
	enum direction of;
	bool header;                /* the damage is in the frame's header */
	uint64_t before;            /* record: so many bytes before it begins, 0 for its beginning */
	uint64_t rate;              /* rate: the new one */
	char as[SCENARIO_NAME_MAX]; /* hang-up, power-loss: the port comes back by that name; empty for the old one */
	char text[SCENARIO_TEXT_MAX];
	size_t text_length;
};

enum { WRONG_RATE_DEFAULT, WRONG_RATE_JUNK, WRONG_RATE_SILENCE };
enum { START_COMMAND, START_DATA, START_UNPOWERED, START_SILENT };
enum { IPR_OBEY, IPR_REFUSE, IPR_IGNORE };

/* All of one width, so that one table reads them; 0 is what a modem is like without. */
struct setting {
	int modem;
	unsigned given; /* a bit for each that the file has */
	uint64_t start; /* until a power cut, what it is at first */
	uint64_t wrong_rate;
	uint64_t stp_idle_ms;
	uint64_t board_busy;            /* a program runs on the board after its start */
	uint64_t mirror_drop;           /* of so many bytes for the modem, its bridge loses one */
	uint64_t mirror_buffer;         /* bytes for the modem that its bridge can hold back; 0: all */
	uint64_t ipr;                   /* what AT+IPR= does */
	uint64_t passes;                /* so often a full bundle has to come before it runs */
	uint64_t recovery_errors;       /* recovery answers ERROR to all but AT+SMSTPU until a bundle is in */
	uint64_t report_busy_ms;        /* AT+SMUPGRADE? says "on-going" that long after an upgrade */
	uint64_t break_ms;              /* a break so long after a bundle is whole */
	uint64_t fragile;               /* a power cut while flash is erased or written for good kills */
	uint64_t restart_after_upgrade; /* by itself, after AT+SMUPGRADE */
	uint64_t attached;              /* the switch of the boot mode is refused until AT+CFUN has quieted it */
	uint64_t sleep_ms;              /* the application sleeps after so long, and loses the command that wakes it */
	char report_until_reset[SCENARIO_TEXT_MAX];
};

struct scenario {
	struct rule *rules;
	size_t rule_count;
	struct setting *settings;
	size_t setting_count;
};

/* Something that happened; `from` (inclusive) to `to` (exclusive) are the numbers it covers. */
struct happening {
	enum trigger trigger;
	const char *command;
	uint64_t from;
	uint64_t to;
	/* of a record that is near: where it begins; `from` and `to` are bytes then, and `record` its number */
	bool near;
	uint64_t border, record;
	int mode;
};

/* The states a rule can wait for. */
enum scenario_state {
	STATE_APPLICATION,
	STATE_RECOVERY,
	STATE_DATA,
	STATE_STP,
	STATE_APPLY,
	STATE_RESTART,
	STATE_FFH,
	STATE_MTOOLS,
	STATE_UPDATER,
	STATE_HELPER,
	STATE_DEAD,
};

/* Reads FILE. False: one line that names the rule went to stderr. */
bool scenario_load(struct scenario *ret, const char *path);
/* One order: a rule without "when" and "times", to be carried out at once. False: one line went to stderr. */
bool scenario_read_order(struct rule *ret, const char *line);
void scenario_free(struct scenario *scenario);

/* Walks the rules from *cursor on; `seen` holds one counter per rule and belongs to the modem. NULL at the end. */
const struct rule *scenario_next(const struct scenario *scenario, uint32_t *seen, unsigned modem, const struct happening *happening,
				 size_t *cursor);
/* The first moment of this modem's at_ms rules from `from_ms` on; UINT64_MAX when none. */
uint64_t scenario_next_ms(const struct scenario *scenario, unsigned modem, uint64_t from_ms);
/* All settings that name this modem, later ones winning. */
struct setting scenario_settings(const struct scenario *scenario, unsigned modem);

#endif
