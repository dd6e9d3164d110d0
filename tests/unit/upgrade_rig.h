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

#define RIG_IMAGE_SIZE 40000u

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

struct upgrade_case {
	const char *name;
	const struct fake_rule *rules; /* NULL: monarch1 */
	struct fake_rule overrides[8];
	int start;           /* 0: APP */
	uint8_t stp_version; /* 0: 1 */
	int stp_next;        /* 0: DONE */
	int stp_again;
	int stp_idle;        /* 0: RECOVERY */
	const char *profile; /* NULL: auto */
	struct upgrade_firmware firmware;
	struct upgrade_options options;
	const char *expected_imei;
	bool cancel; /* at the point of no return */
	int phase_error;
	enum upgrade_phase phase_error_at;
	bool refuse_stp;
	bool deaf_once;

	int r;
	enum fault_code code;
	const char *text;
	const char *evidence;
	bool verified;
	int sessions;       /* that brought the image */
	const char *phases; /* first letters, with a digit of the steps; s: switch; a + after a phase that has a detail */
	const char *log;    /* without plain AT; NULL: not looked at */
	const char *log_has;
	const char *log_lacks;
	const char *note_has;
	int state; /* of the modem afterwards; 0: not looked at */
};

/* Runs it and asserts all that it says. */
void rig_run(const struct upgrade_case *row);

struct fake_modem *rig_start_monarch1(void); /* from the application */
struct image *rig_image(void);
struct profile rig_profile(const char *name);

#endif
