/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a running upgrade, one function for each phase; for upgrade_run.c only. Each looks at the modem's boot mode first and does
 * only what is still to do.
 */
#ifndef TRANSPORT_UPGRADE_STEPS_H
#define TRANSPORT_UPGRADE_STEPS_H

#include "transport/modem/upgrade_run.h"

/* What AT+SMUPGRADE? says (protocol.md 3). */
enum apply_report { REPORT_PENDING, REPORT_NONE, REPORT_SUCCESS, REPORT_NOT_SUCCESS, REPORT_FAIL, REPORT_ERROR };

/* Pure. */
enum apply_report apply_report_of_reply(const struct at_reply *reply);

struct upgrade {
	const struct upgrade_request *request;
	const struct upgrade_events *events;
	struct upgrade_result *result;
	struct modem modem;
	struct upgrade_plan plan;
	size_t step;   /* index into plan.steps */
	unsigned pass; /* 1, or 2 when the bundle is sent again */
	bool planned;
	bool quiesced;           /* the radio was turned off and the modem not restarted since */
	bool switched;           /* it was us who took the modem out of its application */
	bool crossed;            /* point of no return */
	bool erasing;            /* said so */
	uint64_t wire_bytes;     /* of the last progress */
	bool resumed;            /* the transfer was left to an earlier run */
	enum apply_report apply; /* the last report */
	char apply_text[64];     /* as the modem wrote it, escaped */
};

struct dialogue_line {
	const char *command;      /* "": the profile's or the family's quiesce command */
	enum modem_family family; /* FAMILY_UNKNOWN: both */
	bool required;            /* otherwise ERROR and silence are noted and passed over */
	uint32_t timeout_ms;      /* 0: the profile's */
};

/* More than 0: the bundle has to be sent once more. */
#define UPGRADE_AGAIN 1

/* Runs one phase. 0, UPGRADE_AGAIN, -EPROTO with upgrade->result->fault filled, -ECANCELED, or a callback's error. */
int upgrade_step_run(struct upgrade *upgrade, enum upgrade_phase phase);

bool upgrade_step_known(enum upgrade_action action);

int upgrade_step_transfer(struct upgrade *upgrade);
int upgrade_step_apply(struct upgrade *upgrade);
int upgrade_step_restart(struct upgrade *upgrade);
int upgrade_step_verify(struct upgrade *upgrade);

/* What the steps share; the ints return as upgrade_step_run() does. */
static inline struct fault *upgrade_fault(struct upgrade *upgrade)
{
	return &upgrade->result->fault;
}
int upgrade_pause(struct upgrade *upgrade); /* between two questions of a poll */
int upgrade_say_dialogue(struct upgrade *upgrade, const struct dialogue_line *lines, size_t count);
int upgrade_check_imei(struct upgrade *upgrade, const char *expected); /* only in the application; NULL: none */
int upgrade_switch_to_recovery(struct upgrade *upgrade);
bool upgrade_cross(struct upgrade *upgrade); /* the point of no return, once; false: cancelled */

/* The report (upgrade_report.c). read: all of it, returns as upgrade_step_run(). ask_health: what comes, a job never fails by it. */
int upgrade_read_report(struct upgrade *upgrade);
void upgrade_ask_health(struct upgrade *upgrade);
void upgrade_say_crashes(struct upgrade *upgrade);

/* The callbacks, NULL ones left out. */
int upgrade_say_phase(struct upgrade *upgrade, enum upgrade_phase phase, size_t step, size_t steps, const char *detail);
void upgrade_say_modem(struct upgrade *upgrade);
void upgrade_say(struct upgrade *upgrade, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
