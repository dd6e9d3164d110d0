/* SPDX-License-Identifier: Apache-2.0
 *
 * The attempts of a job, one by one: each time that it ran. Retries are some of them; a run that the end of the daemon cut off, or that found
 * its port gone, is an attempt here as well, though it does not count as one of those that the job gets.
 */
#ifndef DAEMON_ATTEMPTS_H
#define DAEMON_ATTEMPTS_H

#include "daemon/types.h"

#define ATTEMPT_PHASES_MAX 9u /* of a job (design 6) */

struct gateway;

/* interrupted: the daemon ended, or was stopped in good order, while it ran. */
enum attempt_outcome { ATTEMPT_RUNNING, ATTEMPT_SUCCEEDED, ATTEMPT_FAILED, ATTEMPT_CANCELLED, ATTEMPT_INTERRUPTED };
const char *attempt_outcome_name(enum attempt_outcome outcome);
bool attempt_outcome_parse(const char *name, enum attempt_outcome *ret);

struct attempt_phase {
	char name[16];
	uint32_t ms; /* that it took; of the phase in which a daemon died it is not known */
};

struct job_attempt {
	uint32_t number; /* from 1, as they ran */
	int64_t started_at_ms;
	int64_t finished_at_ms; /* Unix time; 0: it runs, or nobody knows when it was interrupted */
	enum attempt_outcome outcome;
	char way[16];        /* how its bundle goes in, as enum upgrade_way names it; "": nobody had chosen yet, or nothing was to send */
	char phase[16];      /* in which it is or ended; "": it came to none */
	uint64_t bytes_done; /* of the bundle, in this attempt */
	size_t phase_count;
	struct attempt_phase phases[ATTEMPT_PHASES_MAX]; /* those that began, in their order */
	struct job_fault fault;
};

/* How long the attempts of a family that succeeded took (daemon/durations.h). */
struct duration {
	char family[16];
	char way[16];   /* "": all of them together */
	char phase[16]; /* "": the whole */
	unsigned count; /* attempts that had it */
	uint32_t median_ms, p90_ms;
};

/* Verbs of the gateway: thread-safe, 0 or -EPROTO with the fault. */

/* Oldest first; none of a job that never ran, or ran before attempts were kept. Caller frees *ret. */
int gateway_attempts(struct gateway *gateway, const char *job, struct job_attempt **ret, size_t *ret_count, struct job_fault *ret_fault);
/* Its part of the transcript. Caller frees. "not-found" when there is no such attempt. */
int gateway_attempt_transcript(struct gateway *gateway, const char *job, uint32_t number, char **ret_text, struct job_fault *ret_fault);

/* family NULL: of all; "invalid-request" when there is no such one. Caller frees *ret. */
int gateway_durations(struct gateway *gateway, const char *family, struct duration **ret, size_t *ret_count, struct job_fault *ret_fault);

#endif
