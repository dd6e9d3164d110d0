/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole upgrades of a scripted peer: two modems that go as they should, and a case that says where one goes otherwise and how that ends.
 */
#ifndef TESTS_UPGRADE_RIG_H
#define TESTS_UPGRADE_RIG_H

#include <errno.h>

#include "tests/unit/fake_modem.h"
#include "transport/modem/upgrade_run.h"
#include "transport/modem/upgrade_steps.h"

#define OK     "\r\nOK\r\n"
#define ERROR  "\r\nERROR\r\n"
#define IMEI   "354347091234567"
#define SMSTPU "AT+SMSTPU=\"ON_THE_FLY\""

/* The life of a modem that is upgraded. STP is a state of its own. */
enum { APP = 1, RECOVERY, STP, DONE, NEW };

#define SAYS(states, command, text)                                                                                                        \
	{                                                                                                                                  \
		.in = states, .expect = command, .answer = "\r\n" text "\r\n\r\nOK\r\n"                                                    \
	}
#define GOES(states, command, state)                                                                                                       \
	{                                                                                                                                  \
		.in = states, .expect = command, .answer = OK, .next = state                                                               \
	}

extern const struct fake_rule rig_monarch1[];
extern const struct fake_rule rig_monarch2[];
extern const struct modem_timings rig_timings;

#define RIG_IMAGE_SIZE    40000u
#define RIG_SECOND_SIZE   20000u
#define RIG_HELPER_SIZE   5000u
#define RIG_BOOT_ROM_SIZE 3000u

#define CATM1_39529                                                                                                                        \
	{                                                                                                                                  \
		.family = FAMILY_MONARCH1, .release = "LR5.1.1.0-39529", .build = 39529, .size = 40000                                     \
	}
#define GM02_61488                                                                                                                         \
	{                                                                                                                                  \
		.family = FAMILY_MONARCH2, .build = 61488, .size = 40000                                                                   \
	}

#define PREPARE_M1 "AT+BIND=AT | ATE0 | AT+SMLOG? | AT+SQNSUPGRADENTF=\"started\" | AT+SQNWL=\"sqndcc\",2 | AT+CPSMS=0 | AT+CFUN=4 | "
#define SEND       "AT+SMOD? | " SMSTPU " | "
#define IDENTIFY   "ATE0 | ATI | ATI1 | AT+CGSN | "
#define ENDED      "AT+SMUPGRADE? | AT+SMOD? | AT+SMSWBOOT=1,1 | AT+SMOD? | AT+SMOD? | " IDENTIFY "AT+CEREG? | AT+SQNSUPGRADENTF=\"success\" | "

enum power { NO_POWER, POWER_CURES, POWER_HELPS_NOT, POWER_FAILS, POWER_NOT_NOW };

struct upgrade_case {
	const char *name;
	const struct fake_rule *rules; /* NULL: monarch1 */
	struct fake_rule overrides[24];
	int start;           /* 0: APP */
	uint8_t stp_version; /* 0: 1 */
	int stp_next;        /* 0: DONE */
	int stp_again;
	int stp_idle;        /* 0: RECOVERY */
	const char *profile; /* NULL: auto */
	struct upgrade_firmware firmware;
	struct upgrade_options options;
	const char *expected_imei;
	enum modem_family last_family;
	int64_t identity_ms;     /* 0: the rig's */
	int64_t no_report_ms;    /* 0: the rig's */
	int64_t poll_pause_ms;   /* 0: the rig's */
	uint32_t apply_budget_s; /* 0: the rig's */
	bool cancel_at_connect;
	uint32_t rate_bps; /* the profile's one rate; 0: 921600 */
	struct fake_stp more_stp[5];
	bool may_be_at_work;
	enum power power;             /* what the device's power method does */
	bool cancel;                  /* at the point of no return */
	enum upgrade_phase cancel_at; /* when it begins; PHASE_CONNECT: never */
	int phase_error;
	enum upgrade_phase phase_error_at;
	bool refuse_stp;
	bool deaf_once;

	int r;
	enum fault_code code;
	const char *text;
	const char *evidence;
	bool verified;
	int sessions;         /* that brought something */
	size_t bytes[4];      /* of them; 0: not looked at */
	size_t largest_block; /* of the first; 0: not looked at */
	bool unsent;          /* nothing of the bundle itself */
	bool part_only;       /* what came last is not the whole bundle, or not its last file */
	bool again;           /* in a second pass: the progress begins anew */
	int power_cycles;
	const char *phases; /* first letters, with a digit of the steps; s: switch; a + after a phase that has a detail */
	const char *log;    /* without plain AT; NULL: not looked at */
	const char *log_has;
	const char *log_lacks;
	const char *note_has;
	const char *note_once;
	const char *note_lacks;
	const char *detail_has;
	int state; /* of the modem afterwards; 0: not looked at */
};

/* Runs it and asserts all that it says. */
void rig_run(const struct upgrade_case *row);

struct fake_modem *rig_start_monarch1(void); /* from the application */
struct image *rig_image(void);
struct image *rig_image_of(size_t size, bool is_elf);
struct profile rig_profile(const char *name);

#endif
