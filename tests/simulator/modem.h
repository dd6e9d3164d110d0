/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One simulated modem: what it is, what it is doing, and the wire to it. Driven from outside by "something came" and "it is
 * this late now"; says itself when it wants to be called next. Everything runs on one thread.
 *
 * The parts: modem.c (time, phases, the wire), modem_boot.c (start, restart, power), modem_at.c (command line), modem_info.c
 * (long answers), modem_stp.c (frames), modem_session.c (what they carry), modem_upgrade.c (what a bundle makes of it),
 * modem_helper.c (ELFs), modem_faults.c (scenario rules), state.c (its JSON file). replay.h makes it
 * answer from a transcript instead. A board (board.h) may stand between it and
 * its port.
 */
#ifndef SIMULATOR_MODEM_H
#define SIMULATOR_MODEM_H

#include <zlib.h>

#include "tests/simulator/board.h"
#include "tests/simulator/bundle_check.h"
#include "tests/simulator/elf_check.h"
#include "tests/simulator/line.h"
#include "tests/simulator/options.h"
#include "tests/simulator/port.h"
#include "tests/simulator/replay.h"
#include "tests/simulator/scenario.h"

/* The build of a Monarch 1 as it left the factory (protocol.md 6.3). */
#define FACTORY_BUILD "33080"

enum {
	AT_LINE_MAX = 256,
	STP_HEADER = 16,
	STP_ANSWER_MAX = STP_HEADER + 4,
	REASON_MAX = 128,
	TAKEN_MAX = 32,
};

/* What the modem is busy with. */
enum phase { PHASE_COMMAND, PHASE_DATA, PHASE_STP, PHASE_APPLY, PHASE_RESTART, PHASE_OFF, PHASE_HELPER, PHASE_DEAD };

/* What a session brings: a bundle to keep, a bundle that is written as it comes, or an ELF to run. */
enum cargo { CARGO_STORED, CARGO_ON_THE_FLY, CARGO_HELPER };

/* What AT+SMUPGRADE? reports. */
enum report { REPORT_NONE, REPORT_SUCCESS, REPORT_FAIL };

/* What rules want of the command or frame at hand. */
struct effects {
	bool nack;
	bool not_understood;
	bool error;
	bool stale_ok;
	bool refuse;
	bool cut; /* hang-up or power loss follows; nothing is answered */
	bool power_loss;
	bool silence;
	bool lost;                 /* the whole frame never came */
	bool damaged;              /* its header is to be damaged */
	bool unanswered;           /* taken, but the answer is lost */
	const struct rule *answer; /* what to say instead */
	const char *cut_as;        /* the name the port comes back by; NULL for its old one */
	uint16_t residue;
	uint64_t cut_ns;
	uint64_t silence_ns;
	uint64_t delay_ns;
};

struct at_line {
	char text[AT_LINE_MAX];
	size_t length;
	bool too_long;
	bool echo;
	bool lost;        /* the line that comes in woke the modem, which did not hear it */
	uint64_t last_ns; /* something came */
};

struct data_mode {
	uint64_t last_ns;
	unsigned pluses;
	bool candidate; /* silence came first, and only pluses since */
};

struct stp {
	enum cargo cargo;
	/* the frame that is coming in */
	uint8_t header[STP_HEADER];
	uint32_t have;
	uint8_t *payload; /* max_transfer bytes */
	uint32_t payload_length;
	uint32_t payload_have;
	uint64_t last_byte_ns;
	struct effects effects;
	/* the session */
	bool open;
	uint8_t session;
	bool answered; /* last_* and answer hold the last request taken */
	uint8_t last_operation;
	uint32_t last_transaction;
	uint8_t answer[STP_ANSWER_MAX];
	size_t answer_length;
	bool announced;
	uint16_t announced_length;
	bool compressed;
	bool stream_ended;
	z_stream stream;
	bool stream_ready;
	bool stream_broken;
	struct bundle_check check;
	struct elf_check elf;
	uint64_t session_blocks;
	uint64_t session_bytes;
	uint64_t whole_ns; /* when the bundle became whole, NEVER before */
	/* the numbers of blocks that rules know by name, 0 until they are known */
	uint64_t middle_block, last_block;
	uint32_t longest_block;
};

struct counters {
	uint64_t attempted, succeeded, failed;
	uint64_t sessions, blocks, bytes, resends, crc_errors;
	uint64_t rules_fired; /* since the simulator's start */
	bool compressed;      /* of the last session */
	uint64_t helpers_loaded, helpers_refused;
	uint64_t doubled; /* whole bundles of the very release that ran already */
};

/* How often a firmware came in whole and was applied. */
struct taken {
	char release[RELEASE_MAX];
	enum bundle_kind kind;
	uint64_t count;
};

/* What flash and boot ROM hold besides the release. */
struct flash {
	bool no_application; /* nothing to start: it comes up in FFH whatever is asked */
	uint64_t passes;     /* of those that a bundle needs by the setting; 0: none is under way */
	bool erased;         /* the main area; recovery comes up instead of the application until a bundle is whole */
	bool pair_half;      /* the first file of a pair is in or going in, the second is not in yet */
	char boot_rom[RELEASE_MAX];
	char boot_rom_before[RELEASE_MAX]; /* empty: never replaced */
	char dead[REASON_MAX];             /* why it will never answer again; empty: it lives */
};

/* A bundle that is stored but not applied (AT+SMSTPU in the application). */
struct stored {
	enum { STORED_NONE, STORED_GOOD, STORED_BAD } state;
	enum bundle_kind kind;
	bool boot_rom; /* one is among its records */
	char release[RELEASE_MAX];
	char ue[RELEASE_MAX];
};

struct modem {
	unsigned index;
	const struct options *options;
	const struct scenario *scenario;
	struct setting setting;
	uint32_t *seen; /* one counter per rule */

	struct port port;
	char name[SCENARIO_NAME_MAX]; /* of the port */
	int epoll;
	struct line line;
	bool readable;       /* the port may have bytes that were not read yet */
	struct play *play;   /* NULL: it is itself, no transcript */
	struct board *board; /* NULL: the modem is behind the port itself */

	/* what it is, kept in the state file */
	enum boot_mode mode;
	enum boot_mode next_mode;
	uint32_t rate;
	char release[RELEASE_MAX];
	char ue[RELEASE_MAX];
	char imei[16];
	enum report report;
	struct stored stored;
	struct counters counters;
	struct flash flash;
	struct taken taken[TAKEN_MAX];
	unsigned taken_count;
	bool helper;                      /* it runs from RAM, loaded in FFH */
	char helper_release[RELEASE_MAX]; /* the bundle that the helper came with; empty: it does not say */
	char last_failure[REASON_MAX];

	/* what it is doing */
	enum phase phase;
	uint64_t now;        /* the moment that is being dealt with */
	uint64_t started_ns; /* at_ms counts from here */
	uint64_t at_ms_done;
	uint64_t phase_end_ns;
	uint64_t busy_until_ns; /* takes no input before */
	uint64_t mute_until_ns; /* hears and says nothing before */
	uint64_t plug_ns;       /* the port comes back */
	uint64_t answer_delay_ns;
	bool unanswered;  /* what is being answered gets lost on the way */
	uint64_t junk_ns; /* last junk for a host at a wrong rate */
	bool applying_stored;
	bool upgraded;         /* an upgrade went in since the last start */
	uint8_t functionality; /* AT+CFUN */
	bool stays_awake;      /* by AT+CPSMS=0 */
	bool line_low;         /* without power, the line shows NULs whatever the rate */
	bool only_errors;      /* by the setting recovery_errors */
	bool report_hidden;    /* by the setting report_until_reset */
	uint64_t report_ready_ns;
	uint64_t break_ns; /* a break goes out */
	bool rate_set;     /* by AT+IPR, since the last start */

	struct at_line at;
	struct data_mode data;
	struct stp stp;

	/* armed damage: bytes still to be lost or flipped */
	uint64_t rx_drop, rx_corrupt, tx_drop, tx_corrupt;
};

/* --- for the loop ---------------------------------------------------------------------------------------------- */

/* Readies modem `index` and plugs it in. Scenario and options outlive it. False: a line went to stderr. */
bool modem_start(struct modem *modem, unsigned index, const struct options *options, const struct scenario *scenario, int epoll);
void modem_stop(struct modem *modem);
/* Reads what came and does everything that is due by `now`. */
void modem_advance(struct modem *modem, uint64_t now);
/* Carries out an order, if it is for this modem. */
void modem_obey(struct modem *modem, const struct rule *order, uint64_t now);
/* When modem_advance has to be called next; NEVER if only input can wake it. */
uint64_t modem_due(const struct modem *modem);

/* --- between the parts ----------------------------------------------------------------------------------------- */

void modem_set_phase(struct modem *modem, enum phase phase);
/* Bytes to the host, not before the turn-around has passed. */
void modem_send(struct modem *modem, const void *bytes, size_t length);
/* Echo: without the turn-around. */
void modem_send_now(struct modem *modem, const void *bytes, size_t length);
/* "\r\nTEXT\r\n", TEXT by printf. */
__attribute__((format(printf, 2, 3))) void modem_say(struct modem *modem, const char *format, ...);
/* The sum, or NEVER where it would run over. */
uint64_t modem_after(uint64_t start, uint64_t duration);
/* Goes down after what is queued has left, and comes up in next_mode. */
void modem_restart(struct modem *modem);
/* Silence while the bundle goes in; `stored`: the one that AT+SMUPGRADE applies, which is answered at the end. */
void modem_apply(struct modem *modem, bool stored);
void modem_fail_upgrade(struct modem *modem, const char *why);
/* The bundle of the phase that ended runs, or has killed the modem. */
void modem_end_apply(struct modem *modem);
/* Why this modem cannot take the bundle that has come in whole; NULL when it can. */
const char *modem_refuses(const struct modem *modem, const struct bundle_check *check);
/* It answers nothing from now on, whatever is done. */
void modem_die(struct modem *modem, const char *why);
/* It comes back by another name, if `as` says one. */
void modem_unplug(struct modem *modem, uint64_t for_ns, const char *as);
void modem_power_loss(struct modem *modem, uint64_t for_ns, const char *as);
/* Release, boot mode, rate, IMEI and so on as options and family say. */
void modem_set_identity(struct modem *modem);
/* Up in next_mode. */
void modem_come_up(struct modem *modem);
/* The phase that ends by itself has ended. */
void modem_end_phase(struct modem *modem);
/* Of the application. */
uint32_t modem_default_rate(const struct modem *modem);
/* What a host sees that listens at another rate than the other end talks: junk, or nothing. */
bool modem_wrong_rate_is_junk(const struct modem *modem, uint32_t host_rate, uint32_t talk_rate);

/* Each takes bytes of its phase and returns how many; the rest belongs to the phase that follows. */
size_t at_feed(struct modem *modem, const uint8_t *bytes, size_t length);
size_t stp_feed(struct modem *modem, const uint8_t *bytes, size_t length);

/* A table, line by line: showver, showCaps, ATI. */
void info_identity(struct modem *modem);
void info_versions(struct modem *modem);
void info_capabilities(struct modem *modem);

void stp_enter(struct modem *modem, enum cargo cargo);
void stp_leave(struct modem *modem);
uint64_t stp_due(const struct modem *modem);
void stp_advance(struct modem *modem);
/* What OPEN_SESSION says: less in FFH. */
uint32_t stp_max_transfer(const struct modem *modem);
/* A session is open and bytes of a bundle have come. */
bool stp_in_transfer(const struct modem *modem);

/* The content of a session: begun, unpacked or not, fed block by block (from stp.payload), judged. */
void session_open(struct modem *modem, uint8_t number);
void session_set_compressed(struct modem *modem, bool compressed);
void session_take(struct modem *modem, uint32_t length);
/* Bytes of what is being brought, unpacked; 0: its headers do not say, or not yet. */
uint64_t session_size(const struct modem *modem);
/* Of these, how many are here. */
uint64_t session_offset(const struct modem *modem);
/* `why`: what to say where it is merely not whole. */
void session_end(struct modem *modem, const char *why);
/* The modem ends it, whatever came: a failed upgrade, if anything had, and back to commands. */
void session_give_up(struct modem *modem);
void session_close(struct stp *stp);
/* What comes is written at once, rather than stored. */
bool session_flashes(const struct modem *modem);

/* The end of a session that brought a helper: it starts, or FFH goes on. */
void helper_end(struct modem *modem, const char *why);
/* It is up and answers. */
void helper_start(struct modem *modem);

/* Collects what the rules want of a happening. Noise and texts go out at once, damage is armed. */
void faults_of(struct modem *modem, const struct happening *happening, struct effects *effects);
/* Carries out silence, cut and delay. True: nothing more is to be done or answered. */
bool faults_stop(struct modem *modem, const struct effects *effects);
void faults_of_state(struct modem *modem, enum scenario_state state);
void faults_of_time(struct modem *modem);
uint64_t faults_due(const struct modem *modem);

/* Writes the state file, whole or not at all; without --state-dir nothing. */
void state_save(const struct modem *modem);
/* Reads it over the defaults. False: a line went to stderr. No file is fine. */
bool state_load(struct modem *modem);

#endif
