/* SPDX-License-Identifier: Apache-2.0
 *
 * The actions of a running upgrade, one function for each; for the files upgrade_*.c only. Each looks at the modem's boot mode first and
 * does only what is still to do.
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
	struct upgrade_options options; /* of the present plan */
	struct upgrade_plan plan;
	size_t steps_expected;   /* until there is a plan */
	size_t step;             /* index into plan.steps */
	unsigned pass;           /* 1, or 2 when the bundle is sent again */
	unsigned replans;        /* how often the modem was found in another boot mode than the plan is made for */
	int64_t waiting_said_ms; /* when connect last said what it waits for; 0: not yet */
	bool bridged;            /* the board passes the line on */
	bool power_cycled;       /* once in a run is enough */
	bool warned;             /* of what force overrides */
	bool quiesced;           /* the radio was turned off and the modem not restarted since */
	bool switched;           /* it was us, or an earlier run, who took the modem out of its application */
	bool crossed;            /* point of no return */
	bool hands_off;          /* it is at work on what an earlier run sent: it is left alone whatever happens */
	bool erasing;            /* said so */
	uint64_t wire_bytes;     /* of the last progress */
	bool resumed;            /* the transfer was left to an earlier run */
	bool trusted;            /* the transfer was left out because the modem reports success */
	bool accepted;           /* AT+SMUPGRADE was answered with OK */
	bool unanswered;         /* it was not answered at all: a success that is reported may be that of an older upgrade */
	enum apply_report apply; /* the last report */
	char apply_text[64];     /* as the modem wrote it, escaped */
};

struct dialogue_line {
	const char *command;      /* "": the profile's or the family's quiesce command */
	enum modem_family family; /* FAMILY_UNKNOWN: both */
	bool required;            /* otherwise ERROR and silence are noted and passed over */
	uint32_t timeout_ms;      /* 0: the profile's */
};

/* More than 0: the bundle has to be sent once more; the modem is in another boot mode than the plan is made for. */
#define UPGRADE_AGAIN  1
#define UPGRADE_REPLAN 2

/* Runs one action. 0, UPGRADE_AGAIN, UPGRADE_REPLAN, -EPROTO with upgrade->result->fault filled, -ECANCELED, or a callback's error. */
int upgrade_step_run(struct upgrade *upgrade, enum upgrade_action action);

/* The actions, by their files; all return as upgrade_step_run(). */
int upgrade_send_boot_rom(struct upgrade *upgrade);
int upgrade_to_ffh(struct upgrade *upgrade);
int upgrade_start_helper(struct upgrade *upgrade);
int upgrade_send(struct upgrade *upgrade);
int upgrade_send_legacy(struct upgrade *upgrade);
int upgrade_store(struct upgrade *upgrade);
int upgrade_await_apply(struct upgrade *upgrade);
int upgrade_apply_stored(struct upgrade *upgrade);
int upgrade_apply_legacy(struct upgrade *upgrade);
int upgrade_restart(struct upgrade *upgrade);
int upgrade_restart_pair(struct upgrade *upgrade);
int upgrade_restart_reset(struct upgrade *upgrade);
int upgrade_verify(struct upgrade *upgrade);

/* Begin and end of a run: what is known is filled in; the modem is put back where that is owed, and the port closed. upgrade_run.c. */
void upgrade_begin(struct upgrade *upgrade, const struct upgrade_request *request, const struct upgrade_events *events,
		   struct upgrade_result *ret);
int upgrade_finish(struct upgrade *upgrade, int r);
/* The phase and its step, as the caller is told. A job that cannot turn back does not end because a disk is full. */
int upgrade_announce(struct upgrade *upgrade, enum upgrade_phase phase, size_t step, size_t steps, const char *detail);

bool upgrade_found_where_bundles_go(const struct upgrade *upgrade); /* nobody of this run brought it there: it may be at work */

/* What an earlier run sent: waits while the modem is at work on it. *ret_report: what it says then. upgrade_apply.c. */
int upgrade_await_earlier(struct upgrade *upgrade, enum apply_report *ret_report);
int upgrade_say_smupgrade(struct upgrade *upgrade);            /* AT+SMUPGRADE, and what becomes of it */
int upgrade_apply_failed(struct upgrade *upgrade);             /* the fault; -EPROTO */
int upgrade_reset(struct upgrade *upgrade, int64_t budget_ms); /* AT^RESET and alive again; errors of the line, -ETIMEDOUT */

/* What is sent, and how the modem is asked for it. upgrade_transfer.c. */
struct upgrade_sending {
	const struct image *image;
	const char *command;
	unsigned modes;      /* 1u << boot mode: where the command is taken */
	uint32_t block_size; /* 0: the profile's */
	bool one_way;        /* no way back from its first block */
	bool shown;          /* its blocks are the job's progress */
};
int upgrade_send_image(struct upgrade *upgrade, const struct upgrade_sending *sending);

/* What the steps share; the ints return as upgrade_step_run() does. upgrade_steps.c. */
static inline struct fault *upgrade_fault(struct upgrade *upgrade)
{
	return &upgrade->result->fault;
}
static inline const struct upgrade_step *upgrade_step_now(const struct upgrade *upgrade)
{
	return &upgrade->plan.steps[upgrade->step];
}
bool upgrade_did(const struct upgrade *upgrade, enum upgrade_action action); /* before this step of the plan */
int upgrade_pause(struct upgrade *upgrade);                                  /* between two questions of a poll */
int upgrade_say_dialogue(struct upgrade *upgrade, const struct dialogue_line *lines, size_t count);
int upgrade_identify(struct upgrade *upgrade);                         /* release and IMEI, and whether it is the one of this job */
int upgrade_await_identity(struct upgrade *upgrade);                   /* after a start of the application; no check */
int upgrade_check_imei(struct upgrade *upgrade, const char *expected); /* only in the application; NULL: none */
const char *upgrade_known_imei(const struct upgrade *upgrade);
int upgrade_quiet(struct upgrade *upgrade);
bool upgrade_cross(struct upgrade *upgrade); /* the point of no return, once; false: cancelled */

/* Finding the modem and changing its boot mode, with the cures of field-failures.md F01, F02 and F09. upgrade_connect.c. */
int upgrade_connect(struct upgrade *upgrade);
int upgrade_open(struct upgrade *upgrade, enum boot_mode last_boot_mode); /* the port, through the board, and the modem behind */
void upgrade_close(struct upgrade *upgrade);                              /* nothing when it is closed */
int upgrade_switch(struct upgrade *upgrade, enum boot_mode wanted);
int upgrade_to_recovery(struct upgrade *upgrade);
/* Starts the application of a modem in recovery once, for what recovery does not tell; UPGRADE_REPLAN. A whole application comes up; where a transfer was
 * broken off recovery comes back (field-failures.md F44, F46), which does not show in its rate: a cold start of it is at 115200 either way. What another tool
 * had applied half may start into the boot ROM, whence only the helper of the bundle leads (protocol.md 6, 4): so the start is forborne where the modem
 * itself reports that an upgrade failed, unless the helper is at hand. What is not known then is refused by the plan. */
int upgrade_look(struct upgrade *upgrade);

/* The report (upgrade_report.c). read: all of it, returns as upgrade_step_run(). ask_health: what comes, a job never fails by it. */
int upgrade_read_report(struct upgrade *upgrade);
void upgrade_ask_health(struct upgrade *upgrade);
void upgrade_say_crashes(struct upgrade *upgrade);

/* The callbacks, NULL ones left out. */
int upgrade_say_phase(struct upgrade *upgrade, enum upgrade_phase phase, size_t step, size_t steps, const char *detail);
void upgrade_say_modem(struct upgrade *upgrade);
void upgrade_say(struct upgrade *upgrade, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
