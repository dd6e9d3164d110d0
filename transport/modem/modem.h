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

struct modem {
	struct link *link;             /* owned */
	struct at_session *at;         /* owned */
	const struct profile *profile; /* borrowed */
	struct transcript *transcript; /* borrowed, may be NULL */
	struct modem_info info;
};

/* Opens the port at the profile's first rate (or last_rate_bps if not 0). */
int modem_open(struct modem *modem, const char *port, const struct profile *profile, uint32_t last_rate_bps, struct transcript *transcript,
	       int cancel_fd, struct fault *ret_fault);
/* Takes an open link: tests. */
int modem_open_link(struct modem *modem, struct link *link, const struct profile *profile, struct transcript *transcript);
void modem_close(struct modem *modem);

/* Finds the rate, leaves data mode, ends an STP session somebody left open, asks AT+SMOD?. Tries until patience_ms
 * has passed (0: one round of the ladder, under 15 s; healthy modems need under 3 s). Fills info.rate_bps and info.boot_mode. Faults:
 * FAULT_MODEM_SILENT, _UNPOWERED, _WRONG_RATE, _IN_DATA_MODE, _ANSWERS_ERROR, PORT_GONE. -ECANCELED. */
int modem_detect(struct modem *modem, int64_t patience_ms, struct fault *ret_fault);

/* Asks what the boot mode allows (ATI, ATI1, AT+CGSN, AT+CGMR) and fills info. What the modem does not answer stays empty. */
int modem_identify(struct modem *modem, struct fault *ret_fault);

/* AT+SMOD? once; BOOT_MODE_UNKNOWN when the answer is none. 0 or negative errno. */
int modem_ask_boot_mode(struct modem *modem, enum boot_mode *ret);

/* Brings the modem to mode 2 or 4 by AT+SMSWBOOT with the fallback of protocol.md 1, judged by AT+SMOD?. Does nothing
 * when it is there already. FAULT_BOOT_MODE_REFUSED, FAULT_BOOT_MODE_UNCHANGED, FAULT_RESTART_TIMEOUT. */
int modem_switch_boot_mode(struct modem *modem, enum boot_mode wanted, struct fault *ret_fault);

/* AT at the known rate, then at the others, until OK or the budget is over. 0, -ETIMEDOUT, -ECANCELED, -ENODEV. */
int modem_await_alive(struct modem *modem, int64_t budget_ms);

/* "LR5.1.1.0-39529" → 39529; 0 when there is no number after the last dash. Pure. */
uint32_t release_build(const char *release);

#endif
