/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs one upgrade or one probe on one modem, on the calling thread, from open port to verified release.
 */
#ifndef TRANSPORT_UPGRADE_RUN_H
#define TRANSPORT_UPGRADE_RUN_H

#include "transport/modem/image.h"
#include "transport/modem/upgrade_plan.h"

/* What whoever switches the power tells the run that waits for it, on the running thread. */
struct power_watch {
	void (*look)(void *context);   /* hears what the modem says meanwhile; to be called every 100 ms or so while it takes */
	void (*let_go)(void *context); /* the port goes away, or has gone: it is closed, so that it may come back under its name */
	void *context;
};

/* The caller's ears; all are called on the running thread and must not block for long. All may be NULL. */
struct upgrade_events {
	/* A phase begins, or goes on with another detail. `step` of `steps` counts from 1; until the plan is made, steps is that of a plan from
	 * the application. Phases go forward only, but for a second pass (the modem did not confirm the first: detail says so). detail: "the modem is erasing flash, this is normal" and the like, or "".
	 * Called before anything of the phase is sent; a return below 0 (a negative errno) ends the run with that: the store could not say it. */
	int (*phase)(void *context, enum upgrade_phase phase, size_t step, size_t steps, const char *detail);
	void (*progress)(void *context, const struct stp_progress *progress); /* after every block */
	void (*modem)(void *context, const struct modem_info *info);          /* whenever more is known */
	/* The plan is made, or made anew: how the bundle goes in. Before the first phase of that plan; never WAY_AUTO. Not of a plan that sends nothing. */
	void (*way)(void *context, enum upgrade_way way);
	void (*note)(void *context, const char *text); /* a decision worth a log line */
	/* The first block of the bundle is about to leave: false when the job was cancelled (run returns -ECANCELED). After true
	 * the cancel descriptor is no longer looked at until the modem is verified or the run failed. */
	bool (*point_of_no_return)(void *context);
	/* Takes all power from the board and gives it back; called only where field-failures.md allows it, never past the point of no return.
	 * Returns when the port is there again, which may have another name now: request->port is what the caller has at that name. watch: NULL when
	 * the port is closed already. 0; -EPROTO with FAULT_POWER_CYCLE_FAILED; -EAGAIN: nothing was done, as it may not be done now, the fault's
	 * message says why; -ECANCELED: the power is on. NULL: this device has no such method. */
	int (*power_cycle)(void *context, const struct power_watch *watch, struct fault *ret_fault);
	/* The port is about to be "opened" or "closed", which no deadline of ours bounds: a driver that hangs keeps the thread. NULL: it is over. */
	void (*driver)(void *context, const char *call);
	void *context;
};

struct upgrade_request {
	const char *port;
	const struct profile *profile;
	uint32_t last_rate_bps;                  /* 0: not known */
	enum modem_family last_family;           /* as the modem was last seen; FAMILY_UNKNOWN */
	const char *expected_imei;               /* NULL or the one of this device: another one is FAULT_IDENTITY_CHANGED */
	const struct upgrade_firmware *firmware; /* NULL for a probe */
	struct upgrade_options options;
	const struct image *image;           /* NULL for a probe */
	const struct image *boot_rom;        /* the bundle's own boot ROM package as an image; NULL: it has none */
	const struct image *helper;          /* the ELF; NULL: none given */
	const struct image *second;          /* the second file of a pair; NULL: there is none */
	enum boot_mode last_boot_mode;       /* as the modem was last seen; BOOT_MODE_UNKNOWN */
	bool may_be_at_work;                 /* another job failed here in a transfer or an apply, not long ago: no power action */
	int cancel_fd;                       /* readable: stop; -1: none */
	struct transcript *transcript;       /* may be NULL */
	const struct modem_timings *timings; /* NULL: the real ones */
};

struct upgrade_result {
	struct modem_info before;
	struct modem_info after;
	bool verified; /* the release (or build) that the firmware declares was read back */
	bool sent;     /* at least one block of the bundle left the host */
	struct stp_summary stp;
	struct modem_report report; /* a probe: all; an upgrade: health after the restart, crashes at any time */
	bool boot_mode_refuted;     /* what last_boot_mode made the board do was in vain: the next run goes another way without it */
	struct fault fault;
};

/* 0: done. -ECANCELED: stopped before the point of no return, the modem was brought back to its application where possible. -EPROTO: see
 * ret->fault. Other: the error a callback returned. ret is filled as far as things went in every case. */
int upgrade_run(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret);

/* Detect, identify and the report only. The same returns. */
int probe_run(const struct upgrade_request *request, const struct upgrade_events *events, struct upgrade_result *ret);

#endif
