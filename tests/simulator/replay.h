/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job's transcript, played by a modem: it answers as the one did that the transcript is of. replay_load.c reads the file,
 * replay_plan.c tells from its notes what the lines alone do not say (rates, boot modes, sessions), replay.c plays it.
 */
#ifndef SIMULATOR_REPLAY_H
#define SIMULATOR_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct modem;
struct effects;

enum {
	REPLAY_TEXT_MAX = 1024,
	REPLAY_SPEED_UNIT = 1000,
	REPLAY_TRANSFER_MAX = 16384,
};

/* Something the modem said. */
struct replay_said {
	uint64_t at_ns;
	size_t length;
	bool raw; /* bytes, not a line */
	char *text;
};

enum replay_kind {
	TROUBLE_UNANSWERED,
	TROUBLE_NACK,
	TROUBLE_NOT_UNDERSTOOD,
	TROUBLE_SILENT,
	TROUBLE_RESIDUE,
	TROUBLE_REFUSED,
	TROUBLE_GONE
};

/* Something that went wrong in a session. */
struct replay_trouble {
	enum replay_kind kind;
	uint8_t operation;
	uint64_t byte;    /* of the session, as sent */
	uint64_t value;   /* milliseconds or bytes, by kind */
	unsigned session; /* from 1, among those of its command */
	bool for_good;    /* it went on like that, to the end of this session */
};

/* A command and what followed it up to the next one. The first entry has no command. */
struct replay_entry {
	char *command;
	unsigned line;
	uint64_t at_ns;
	uint32_t host_rate; /* that the host talked at, as far as it is known; 0: it is not */
	uint32_t rate;      /* of the modem; 0: whatever the host has set */
	int mode;           /* AT+SMOD? number, -1: not known */
	size_t first, count;
	size_t answer; /* of these lines, up to its final result code; 0: it had none */
	bool skipped;  /* not a command that the modem heard: sent at another rate, or a frame */
	bool board;    /* a board heard it, whose bridge was not open yet */
	bool found;    /* its rate is one that the host found */
	bool attempt;  /* the first of an attempt */
	bool begins;   /* the same, or the first after the modem or the port was gone */
	bool gone;     /* the port went away after it */
	bool transfer; /* STP followed */
	/* STP, by the notes */
	uint8_t version;
	uint32_t max_transfer;
	unsigned sessions;
	uint64_t blocks;     /* of the last session */
	uint64_t ended_ns;   /* when its summary was written; 0: it was not */
	bool stopped;        /* the job ended there */
	bool stops_at_block; /* nothing says at which byte: after `blocks` */
	size_t first_trouble, trouble_count;
};

struct replay {
	struct replay_entry *entries;
	size_t entry_count;
	struct replay_said *said;
	size_t said_count;
	struct replay_trouble *troubles;
	size_t trouble_count;
};

/* Reads FILE. False: one line that names the line of the file went to stderr. */
bool replay_load(struct replay *ret, const char *path);
void replay_free(struct replay *replay);

/* For replay_load.c: the modem or its port is another one behind this entry, the rate has to be found again. */
bool replay_restarts(const struct replay_entry *entry);
/* What the modem talks at behind it, as far as the entry tells: AT+IPR changes it. */
uint32_t replay_rate_after(const struct replay_entry *entry);
/* A note, by its words; and what is told from all of them at the end. */
void replay_take_note(struct replay *replay, const char *note, uint64_t at_ns, uint32_t *host_rate);
void replay_plan(struct replay *replay);

/* --- playing it ------------------------------------------------------------------------------------------------ */

struct play;

/* One modem's place in it; `speed` in REPLAY_SPEED_UNIT. NULL: out of memory. */
struct play *play_new(const struct replay *replay, uint64_t speed);
void play_free(struct play *play);
void play_start(struct modem *modem);
/* True: the modem hears and talks at whatever rate the host has set. */
bool play_any_rate(const struct modem *modem);
void play_line(struct modem *modem, const char *line);
/* In the middle of STP: what is no frame but text. Returns how many bytes it took. */
size_t play_text(struct modem *modem, const uint8_t *bytes, size_t length);
void play_advance(struct modem *modem);
uint64_t play_due(const struct modem *modem);
/* The session that the transcript has: 0 where it does not say. */
uint8_t play_version(const struct modem *modem);
uint32_t play_max_transfer(const struct modem *modem);
/* What a frame of `operation` with `length` bytes of payload meets. */
void play_frame(struct modem *modem, uint8_t operation, uint32_t length, struct effects *effects);
/* The session was reset, or nothing came any more. */
void play_session_end(struct modem *modem);
/* For the state file. */
unsigned play_at_line(const struct play *play);
uint64_t play_repeated(const struct play *play);
uint64_t play_unknown(const struct play *play);

#endif
