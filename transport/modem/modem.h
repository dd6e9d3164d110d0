/* SPDX-License-Identifier: Apache-2.0
 *
 * One modem behind one link: finding it, asking who it is, changing its boot mode. protocol.md 1, 2, 3, 7.
 * Everything here runs on the thread that owns the link and ends at its deadline.
 */
#ifndef TRANSPORT_MODEM_H
#define TRANSPORT_MODEM_H

#include <stdbool.h>
#include <stdint.h>

#include "transport/at/at_session.h"
#include "transport/fault.h"
#include "transport/link/link.h"
#include "transport/modem/profile.h"
#include "transport/modem/report.h"
#include "transport/modem/transcript.h"

enum boot_mode {
	BOOT_MODE_UNKNOWN = -1,
	BOOT_MODE_FFH = 0,
	BOOT_MODE_MTOOLS = 1,
	BOOT_MODE_FFF = 2,
	BOOT_MODE_UPDATER = 3,
	BOOT_MODE_RECOVERY = 4,
};
const char *boot_mode_name(enum boot_mode mode); /* "ffh", "mtools", "fff", "updater", "recovery", "unknown" */

/* What is known of a modem. Empty strings and 0: not known. All text is printable ASCII. */
struct modem_info {
	enum boot_mode boot_mode;
	enum modem_family family;
	char ue[32];      /* "UE5.0.0.0d" */
	char release[48]; /* "LR5.1.1.0-39529" */
	uint32_t build;   /* 39529 */
	char imei[20];
	uint32_t rate_bps;
};

/* The waits of protocol.md 1, 2 and 7, in ms. Tests run with shorter ones. */
struct modem_timings {
	int64_t verdict_ms;       /* no round that would end later is begun for a modem that says nothing */
	int64_t probe_ms;         /* one AT while the rate is looked for */
	int64_t alive_probe_ms;   /* one AT while a restart or an apply is waited for */
	int64_t escape_guard_ms;  /* silence before +++ */
	int64_t escape_after_ms;  /* silence after it */
	int64_t escape_growth_ms; /* added to the first in each further round */
	int64_t refusal_pause_ms; /* between a refused AT+SMSWBOOT=n,1 and n,0 */
	int64_t settle_ms;        /* after a restart was asked for, before the first AT */
	int64_t unchanged_ms;     /* how long a modem may go on answering with the old boot mode */
	int64_t poll_pause_ms;    /* between two questions of a poll */
	int64_t rate_settle_ms;   /* after the host followed an AT+IPR, before the first AT */
	int64_t flush_ms;         /* between the OK of AT+SMSTPU and the first frame */
	int64_t stp_answer_ms;    /* silence after which an STP frame is sent again */
	int64_t no_report_ms;     /* how long a resumed job waits for a modem that has no report of an apply */
	int64_t identity_ms;      /* how long a started application may take to tell release and IMEI */
	int64_t helper_start_ms;  /* from the ELF's last block until the helper answers AT */
	int64_t smupgrade_ms;     /* for the answer to AT+SMUPGRADE; the apply budget goes on after it */
	int64_t bring_back_ms;    /* how long a modem that is to go back to its application may be silent */
	int64_t board_prompt_ms;  /* for the prompt of a board after one try to get it */
	int64_t board_reply_ms;   /* for a board's reply to one line */
	int64_t board_quiet_ms;   /* silence after which a board that was told to pass the line on is taken to do so */
	int64_t board_mirror_ms;  /* for a board that raises the modem's rate before it passes the line on */
	int64_t bridge_ms;        /* how long a modem behind a bridge that just opened may be silent */
	int64_t lines_low_ms;     /* how long modem lines are dropped to restart what hangs on them */
	int64_t lines_effect_ms;  /* how long +SYSSTART, or an answer, is waited for after that */
};
extern const struct modem_timings modem_timings_default;

/* Told after each round of a patient modem_detect() that found nothing: what it saw, as a sentence of a fault. */
typedef void (*modem_waiting_fn)(void *context, int64_t waited_ms, const char *seen);

struct modem {
	struct link *link;                   /* owned */
	struct at_session *at;               /* owned */
	const struct profile *profile;       /* borrowed */
	struct transcript *transcript;       /* borrowed, may be NULL */
	const struct modem_timings *timings; /* borrowed; modem_timings_default after opening */
	uint32_t noted_rate_bps;             /* of the host's side, as the transcript says */
	uint32_t talk_rate_bps;              /* before modem_raise_rate(); 0: not raised */
	enum modem_family likely_family;     /* while info.family is unknown: of the firmware, or as the modem was seen before */
	bool reset_forbidden;                /* between the two files of a pair: AT^RESET is never sent (protocol.md 6, 5) */
	bool application_started;            /* +SYSSTART came since the last restart was asked for */
	struct modem_report *report;         /* borrowed, may be NULL: takes the crash lines that nobody asked for */
	modem_waiting_fn waiting;            /* may be NULL */
	void *waiting_context;
	bool board_spoke;           /* in the last board_open_bridge() */
	char board_release[24];     /* of the board's own firmware, where it tells; printable ASCII */
	struct fault board_silence; /* what board_open_bridge() found, when neither board nor modem said a word */
	struct modem_info info;
};

/* Opens the port at the profile's first rate (or last_rate_bps if not 0). */
int modem_open(struct modem *modem, const char *port, const struct profile *profile, uint32_t last_rate_bps, struct transcript *transcript,
	       int cancel_fd, struct fault *ret_fault);
/* Takes an open link: tests. 0 or negative errno; the modem must not move in memory until modem_close(). */
int modem_open_link(struct modem *modem, struct link *link, const struct profile *profile, struct transcript *transcript);
void modem_close(struct modem *modem);

/* Finds the rate, leaves data mode, ends an STP session somebody left open, asks AT+SMOD?. Tries until patience_ms
 * has passed (0: as many rounds of the ladder as leave a verdict in under 30 s; healthy modems need under 3 s). Fills info.rate_bps (0 where the port's rate is not known) and info.boot_mode. Faults:
 * FAULT_MODEM_SILENT, _UNPOWERED, _WRONG_RATE, _IN_DATA_MODE, _ANSWERS_ERROR, PORT_GONE. -ECANCELED. */
int modem_detect(struct modem *modem, int64_t patience_ms, struct fault *ret_fault);

/* Asks what the boot mode allows (ATI, ATI1, AT+CGSN, AT+CGMR) and fills info. What the modem does not answer stays empty. Only where ATI1 is
 * answered without a release the table of versions is asked for the build. */
int modem_identify(struct modem *modem, struct fault *ret_fault);

/* Application only. What the modem does not tell stays empty and is no fault: an ERROR, silence, a table that ends early. showver is asked
 * for a few times until it is complete. 0; else the line is gone (-EPROTO, FAULT_PORT_GONE) or -ECANCELED. protocol.md 3 and 8. */
int modem_ask_versions(struct modem *modem, struct modem_report *report, struct fault *ret_fault);
int modem_ask_capabilities(struct modem *modem, struct modem_report *report, struct fault *ret_fault); /* Monarch 1 */
int modem_ask_health(struct modem *modem, struct modem_report *report, struct fault *ret_fault);

/* The build in the brackets of showver's software line, 0 when it tells none: asks once. 0 or negative errno. */
int modem_ask_build(struct modem *modem, uint32_t *ret);

/* The host's side, with a note of it; the errors of link_set_rate(). */
int modem_set_host_rate(struct modem *modem, uint32_t rate_bps);

/* AT once, for which the modem has timeout_ms beside the way of the network. As at_command(). */
int modem_probe(struct modem *modem, int64_t timeout_ms, struct at_reply *ret);

/* AT+SMOD? once; BOOT_MODE_UNKNOWN when the answer is none. 0 or negative errno. */
int modem_ask_boot_mode(struct modem *modem, enum boot_mode *ret);

/* info.family, or likely_family while that is unknown. */
enum modem_family modem_likely_family(const struct modem *modem);

/* AT+SMOD? until it is answered, a few times, into info.boot_mode. A Monarch 2 modem that answers ERROR to everything is
 * in RECOVERY (protocol.md 7 B). FAULT_MODEM_ANSWERS_ERROR, FAULT_MODEM_SILENT, FAULT_PORT_GONE; -ECANCELED. */
int modem_settle_boot_mode(struct modem *modem, struct fault *ret_fault);

/* Brings the modem to mode 0, 2 or 4 by AT+SMSWBOOT with the fallback of protocol.md 1, judged by AT+SMOD?. Does nothing
 * when it is there already. FAULT_BOOT_MODE_REFUSED, FAULT_BOOT_MODE_UNCHANGED, FAULT_RESTART_TIMEOUT. */
int modem_switch_boot_mode(struct modem *modem, enum boot_mode wanted, struct fault *ret_fault);

/* The same, but asks once. */
int modem_try_boot_mode(struct modem *modem, enum boot_mode wanted, struct fault *ret_fault);

/* AT at the known rate, then at the others, until OK or the budget is over; a Monarch 2 modem that answers nothing but ERROR is
 * alive too. Fills info.rate_bps. 0, -ETIMEDOUT, -ECANCELED, -ENODEV. */
int modem_await_alive(struct modem *modem, int64_t budget_ms);

/* Brings the line to the profile's transfer_rate_bps by AT+IPR (protocol.md 2): asks, follows, verifies by AT, and goes back to the rate of
 * before when the modem does not answer at the new one. A modem that refuses or stays is noted and is no fault, nor is a port that cannot
 * do the rate. 0; -EPROTO with FAULT_MODEM_SILENT when it answers at neither rate, or FAULT_PORT_GONE; -ECANCELED. info.rate_bps follows, the
 * rate of before is kept in modem->talk_rate_bps. For any boot mode; safe to call again. At a port of a fixed rate (link.h) nothing is changed. */
int modem_raise_rate(struct modem *modem, struct fault *ret_fault);
/* Undoes it where the line still is at the raised rate: a modem that went back to another one by a restart was found there. Same
 * returns. */
int modem_restore_rate(struct modem *modem, struct fault *ret_fault);

/* What a link error means for a person: -ECANCELED and -ENOMEM stay what they are, all others are FAULT_PORT_GONE (or, for
 * -ETIMEDOUT, FAULT_MODEM_SILENT) and -EPROTO. */
int modem_line_fault(int error, struct fault *ret_fault);

/* Reads the number of an AT+SMOD? reply. Pure. */
enum boot_mode boot_mode_of_reply(const struct at_reply *reply);

/* Which family the text of a version line belongs to: "UE5…", "LR6…", "VZM20Q", "UE8…", "GM02S…". Pure. */
enum modem_family modem_family_of_text(const char *text);

/* "LR5.1.1.0-39529" → 39529; 0 when there is no number after the last dash. Pure. */
uint32_t release_build(const char *release);

#endif
