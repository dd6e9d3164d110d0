/* SPDX-License-Identifier: Apache-2.0
 *
 * What must survive: jobs with their history, what is known of devices. SQLite in state_dir/dupgate.db (WAL, every commit is on the disk when the
 * verb returns). Each verb is one transaction. Thread-safe: one mutex for the writing connection, one for the reading one, so that a
 * reader does not wait for a writer's disk. Unless said otherwise: 0, or -EPROTO with an infrastructure-error.
 */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include "daemon/gateway.h"

struct store;

/* Creates state_dir (0750) when it is missing, takes its lock (a second daemon is refused, the pid of the first is named), brings the schema
 * up to date. A database of a newer dupgate is refused, and one that SQLite cannot read. */
int store_open(const char *state_dir, struct job_fault *ret_fault, struct store **ret);
void store_close(struct store *store);

/* The last write reached the disk. ret_why says what happened when not. */
bool store_healthy(struct store *store, char *ret_why, size_t ret_why_size);

/* A job as it is kept: what is seen of it, and what only the queue needs. */
struct job_row {
	struct job job;
	char furthest_phase[16]; /* over all runs of the job; "" when it never ran */
	bool cancel_requested;   /* accepted while it ran: a restart must not bring it back */
};

int store_job_insert(struct store *store, const struct job_row *row, struct job_fault *ret_fault);
int store_job_update(struct store *store, const struct job_row *row, struct job_fault *ret_fault);
/* not-found when there is none. */
int store_job_get(struct store *store, const char *id, struct job_row *ret, struct job_fault *ret_fault);
/* Newest first. Caller frees *ret. */
int store_job_list(struct store *store, const struct job_filter *filter, struct job **ret, size_t *ret_count, bool *ret_more,
		   struct job_fault *ret_fault);
/* Oldest first. Caller frees *ret. */
int store_jobs_unfinished(struct store *store, struct job_row **ret, size_t *ret_count, struct job_fault *ret_fault);
/* "" when there was never one. */
int store_job_newest_id(struct store *store, char ret[JOB_ID_SIZE], struct job_fault *ret_fault);

/* What is kept of a device between runs; the configuration says the rest. */
struct device_row {
	char id[DEVICE_ID_SIZE];
	char alias[64];
	bool maintenance;
	bool labels_patched; /* the labels below replace those of the configuration */
	size_t label_count;
	struct label labels[LABELS_MAX];
	struct device_modem modem; /* rate_bps: the last one at which it answered */
	int64_t seen_at_ms;
};

/* Makes the row when there is none yet. ret->id is set. */
int store_device_load(struct store *store, const char *id, struct device_row *ret, struct job_fault *ret_fault);
int store_device_save(struct store *store, const struct device_row *row, struct job_fault *ret_fault);

/* state_dir/transcripts, made at open. Borrowed. */
const char *store_transcript_dir(const struct store *store);

#endif
