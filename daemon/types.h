/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices and jobs as values: snapshots that cross threads by copy. Names of design 8. Unknown text is "", unknown numbers are 0 unless said.
 */
#ifndef DAEMON_TYPES_H
#define DAEMON_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/job_fault.h"

#define DEVICE_ID_SIZE    64u
#define JOB_ID_SIZE       32u
#define LABELS_MAX        16u
#define JOB_NOTES_MAX     8u
#define JOB_DOWNLOAD_SIZE 24u
#define REQUESTED_BY_SIZE 64u
#define JOB_ATTEMPTS_MAX  20u /* that a job can be given */

enum device_state { DEVICE_READY, DEVICE_BUSY, DEVICE_ABSENT, DEVICE_STRANDED, DEVICE_QUARANTINED, DEVICE_MAINTENANCE, DEVICE_UNKNOWN };
const char *device_state_name(enum device_state state);
bool device_state_parse(const char *name, enum device_state *ret);

/* 1 to 63 characters of [A-Za-z0-9._-], but not "." or "..". */
bool device_id_valid(const char *id);

struct label {
	char key[32];
	char value[64];
};

/* What a selector takes for a member of the device, and a label can therefore not be called. */
enum device_member {
	DEVICE_MEMBER_NONE,
	DEVICE_MEMBER_STATE,
	DEVICE_MEMBER_RELEASE,
	DEVICE_MEMBER_PROFILE,
	DEVICE_MEMBER_ID,
	DEVICE_MEMBER_BOARD,
	DEVICE_MEMBER_ALIAS
};
enum device_member device_member_find(const char *key);

/* NULL when this can be a label, else the sentence that says why not. A key is 1 to 31 characters of [A-Za-z0-9._-] and no name that a selector
 * takes for a member of the device; a value at most 63 printable ASCII characters without comma. */
const char *label_problem(const char *key, const char *value);

struct device_modem {
	int boot_mode; /* -1: not known */
	char boot_mode_name[16];
	char family[16];
	char ue[32];
	char release[48];
	uint32_t build;
	char imei[20];
	uint32_t rate_bps;
};

/* Where on USB the board is, or was when it was last there. */
struct device_usb {
	bool known; /* it is, or was, on USB */
	uint16_t vid, pid;
	char serial[64]; /* as the board says it, bytes that are no printable ASCII as \xNN; "": it has none */
	char path[64];   /* of the kernel: "1-1.4", which is also what `power = usb-port:` takes */
	uint8_t interface;
};

/* Who holds the device for himself. */
struct device_lease {
	char holder[64]; /* "": nobody */
	char reason[128];
	int64_t since_ms, expires_at_ms; /* Unix time */
};

/* Taken out of use after failures of the device class, one after the other. */
struct device_quarantine {
	int64_t since_ms;  /* Unix time; 0: it is not */
	char code[32];     /* of the last failure */
	uint32_t failures; /* counted before there is a quarantine, too */
};

struct device {
	char id[DEVICE_ID_SIZE];
	char alias[64];
	enum device_state state;
	char port[256]; /* the last one; "": never had one */
	char profile[32];
	char board[32]; /* the kind of hardware: "pysense", or the name of a [board] section; "": not known */
	bool offered;   /* a USB adapter that may carry anything: nothing is sent to it until somebody gives it a profile */
	size_t label_count;
	struct label labels[LABELS_MAX];
	bool maintenance;
	struct device_usb usb;
	struct device_modem modem;
	bool taken_for_ffh;    /* by its board, from silence: a guess for the next way in */
	int64_t seen_at_ms;    /* Unix time in ms of the last answer of the modem; 0: never */
	char job[JOB_ID_SIZE]; /* the job that runs or waits on it */
	struct device_lease lease;
	struct device_quarantine quarantine;
	char power[160]; /* how its power is switched: "usb-port:1-1.4", "usb-authorized:1-1.4", "command:/path …"; "": not at all */
};

enum job_kind { JOB_UPGRADE, JOB_PROBE, JOB_POWER_CYCLE };
const char *job_kind_name(enum job_kind kind); /* "upgrade", "probe", "power-cycle" */
bool job_kind_parse(const char *name, enum job_kind *ret);

enum job_state { JOB_QUEUED, JOB_WAITING, JOB_RUNNING, JOB_SUCCEEDED, JOB_FAILED, JOB_CANCELLED };
const char *job_state_name(enum job_state state);
bool job_state_parse(const char *name, enum job_state *ret);
bool job_state_terminal(enum job_state state);

enum job_wait { WAIT_NOTHING, WAIT_DEVICE, WAIT_LEASE, WAIT_TIME, WAIT_RETRY, WAIT_DOWNLOAD };
const char *job_wait_name(enum job_wait wait); /* "" for none */
bool job_wait_parse(const char *name, enum job_wait *ret);

/* What the caller of an upgrade asked for. */
struct job_request {
	enum job_kind kind;
	char device[DEVICE_ID_SIZE];
	char firmware[65]; /* sha256; "" for a probe */
	char firmware_name[128];
	char helper[65]; /* sha256; "" for none */
	char second[65]; /* sha256 of the second file of a pair; "" for none */
	char rung[8];    /* of a power cycle: "power", "lines", "reset", "auto"; "" for others */
	char way[16];    /* "auto", "on-the-fly", "fff", "legacy" */
	bool force;
	bool recover; /* an application that comes up is enough: daemon/gateway_recover.c */
	bool allow_downgrade;
	bool allow_branch_switch;
	int priority;          /* higher first, -100 … 100, default 0 */
	uint32_t rate_bps;     /* 0: the profile's */
	int64_t not_before_ms; /* Unix time; 0: now */
	int64_t deadline_ms;   /* Unix time after which no attempt of it begins; 0: none */
	uint32_t attempts;     /* 1 … JOB_ATTEMPTS_MAX; 0: as many as the configuration says */
	char retry_of[JOB_ID_SIZE];
	char lease[JOB_ID_SIZE];              /* under which it is asked for, as gateway_own_lease() told; "": none */
	char requested_by[REQUESTED_BY_SIZE]; /* as actor_name() tells (daemon/errand.h); "": the daemon itself */
	char campaign[JOB_ID_SIZE];           /* that made it; "": none */
	char window[160];                     /* in which alone it may begin, as window_text() has it; "": any time */
	bool wait_for_lease;                  /* when the device is another's: wait until it no longer is; not kept */
};

struct job_progress {
	bool known;
	uint64_t bytes_done, bytes_total;
	double percent;    /* never goes back within a job */
	uint64_t rate_bps; /* payload bits per second, smoothed */
	int64_t eta_s;     /* -1: not known */
	char part[64];
};

struct job {
	char id[JOB_ID_SIZE];
	struct job_request request;
	enum job_state state;
	char phase[16];   /* "" when it never ran */
	char detail[200]; /* a sentence about right now: "the modem is erasing flash, this is normal" */
	enum job_wait waiting_for;
	int64_t waiting_since_ms;         /* Unix time since which it waits for that; 0: it does not wait */
	char download[JOB_DOWNLOAD_SIZE]; /* id of the one that brings its firmware; "": none */
	char from_release[48];
	char to_release[48]; /* as read back; before the end as the firmware declares */
	struct job_progress progress;
	uint32_t step, steps;
	bool can_cancel;
	uint32_t attempt;      /* from 1 */
	uint32_t attempts_max; /* its own, or those of the configuration when it was made */
	uint32_t interruptions;
	int64_t created_at_ms, started_at_ms, finished_at_ms; /* Unix time; 0: not yet */
	int64_t not_before_ms;                                /* when a waiting job goes on; 0: none */
	bool expected_known;                                  /* of one that has not ended */
	int64_t expected_s;                                   /* that usually remain; of one that does not run, its usual whole length */
	bool verified;
	size_t note_count;
	char notes[JOB_NOTES_MAX][120]; /* decisions of the engine that a person should know of, oldest first; the oldest give way */
	struct job_fault fault;         /* the last one, also while waiting for a retry */
};

#endif
