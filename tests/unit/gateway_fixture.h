/* SPDX-License-Identifier: Apache-2.0
 *
 * A gateway over temporary folders, with modems that follow a script instead of a wire, and a clock that stands until it is moved.
 * Several gateways may live in one test; the modems and the clock are shared by them.
 */
#ifndef TESTS_GATEWAY_FIXTURE_H
#define TESTS_GATEWAY_FIXTURE_H

#include "daemon/gateway_private.h"

#define FIXTURE_MODEMS   6u
#define FIXTURE_START_MS INT64_C(1700000000000)

/* What modem N does in a run. A gate holds the run in that phase (after the phase was said) until it is opened or the run is cancelled. */
struct fake_modem {
	_Atomic bool gated; /* this and the next may be set while it runs */
	_Atomic enum upgrade_phase gate;
	enum fault_code fault; /* in which the run ends, in fault_phase; FAULT_NONE: it succeeds */
	enum upgrade_phase fault_phase;
	bool in_driver;    /* the gate is a call of the driver that does not return */
	_Atomic bool deaf; /* a gate looks at the cancel descriptor no more */
	bool forgets_imei;
	bool found_in_recovery; /* told in identify */
	const char *note;       /* said in the phase prepare; NULL: none */
	enum upgrade_way way;   /* that it says before that phase; WAY_AUTO: it says none */
	bool boot_mode_refuted;
	bool taken_for_ffh;                /* by its board, when it fails */
	bool sends_nothing;                /* it finds all done but the end */
	const struct modem_report *report; /* what a probe finds besides; NULL: nothing */
	const char *imei;                  /* NULL: one made from the number */
	unsigned runs;                     /* counted by the engine */
	char expected_imei[20];            /* as asked in the last run */
	uint32_t last_rate_bps;
	enum modem_family last_family, from_family;
	enum upgrade_phase resume_phase, reached;
	enum boot_mode last_boot_mode;
	bool allow_branch_switch, sent_before, may_be_at_work, begun_before, recover;
	uint32_t from_build;
	bool had_image, had_helper, had_second;
};

struct fixture {
	char directory[128];
	struct config config;
	struct gateway *gateway;
	char sha256[65]; /* a bundle that is in the cache */
};

/* The script of modem N; set it while it does not run. */
struct fake_modem *fixture_modem(size_t number);
void fixture_open_gate(size_t number);
void fixture_advance(int64_t ms);
int64_t fixture_now(void);

/* Devices "modem0" … on files that exist; everything is removed by fixture_clear(). Those above FIXTURE_MODEMS have no script: they must not run. */
void fixture_make(struct fixture *fixture, size_t devices);
void fixture_clear(struct fixture *fixture);

/* A second fixture on a copy of the first one's folders, as they are on the disk this moment: what a daemon that was killed leaves. The ports are
 * the same. */
void fixture_copy(const struct fixture *from, struct fixture *ret);

/* Opens the gateway, which must work; imports the bundle. */
void fixture_start(struct fixture *fixture);
void fixture_stop(struct fixture *fixture);

struct job_request fixture_request(size_t device);
struct job fixture_submit(struct fixture *fixture, size_t device);
struct job fixture_job(struct fixture *fixture, const char *id);

/* Turns until the job is so (and, phase not NULL, in this phase); fails after 10 s. */
struct job fixture_await(struct fixture *fixture, const char *id, enum job_state state, const char *phase);

/* The same until the job can no longer be cancelled though it runs. */
void fixture_await_point_of_no_return(struct fixture *fixture, const char *id);

/* Turns until no thread is left. */
void fixture_await_idle(struct fixture *fixture);

#endif
