/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's objects as rows for the views. All text is borrowed from the JSON and never NULL ("" when unknown); unknown numbers are -1. Pure.
 */
#ifndef DUPCTL_REPLY_H
#define DUPCTL_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cmd/dupctl/text.h"

struct fault_row {
	const char *code, *message, *evidence, *remedy; /* code "": none */
};

struct job_row {
	const char *id, *kind, *device, *state, *phase, *detail, *waiting_for, *firmware, *firmware_name, *from_release, *to_release;
	const char *created_at, *started_at, *finished_at, *not_before, *retry_of, *requested_by, *campaign;
	const char *waiting_since, *deadline;
	const char *reason; /* of the report of a campaign: why it waits, is done without a job, or was skipped */
	bool has_progress;
	double percent; /* of progress; -1: unknown */
	int64_t bytes_done, bytes_total, rate_bps, eta_s;
	const char *part;
	int64_t step, steps, attempt, attempts_max, interruptions, priority;
	int64_t expected_s; /* that remain, of a job that runs; else that it usually takes */
	bool can_cancel, verified;
	struct fault_row fault;
	const json_t *notes;            /* an array of strings, or NULL. Borrowed. */
	const char *download;           /* that brings its firmware */
	int64_t fetched, fetched_total; /* bytes of it, while the job waits for it: not of the job's JSON, but of its download's */
};

struct device_row {
	const char *id, *alias, *state, *port, *profile, *job, *seen_at, *lease_holder, *lease_reason, *lease_expires_at;
	const char *board, *power, *quarantined_at, *quarantine_code;
	bool offered, maintenance;
	int64_t failures;
	const char *boot_mode_name, *ue, *release, *imei;
	const char *usb_serial, *usb_path, *usb_vid, *usb_pid;
	int64_t boot_mode, build, rate;
	const json_t *labels; /* an object of strings, or NULL. Borrowed. */
};

struct firmware_row {
	const char *sha256, *name, *kind, *form, *family, *release, *helper, *second, *pair_with, *source, *imported_at, *used_at;
	int64_t size, build, base_build, pair_part;
	const json_t *records, *checks, *signature, *stated; /* or NULL. Borrowed. */
};

struct download_row {
	const char *id, *url, *sha256, *state, *firmware, *not_before, *created_at, *finished_at;
	int64_t bytes_done, bytes_total, attempt;
	struct fault_row fault;
	const json_t *jobs; /* an array of ids. Borrowed. */
};

struct plan_row {
	const char *device, *firmware, *helper, *second; /* the names of the files */
	const char *way, *family, *boot_mode_name, *warning;
	int64_t boot_mode, budget_s;
	bool assumed, helper_unused;
	const json_t *steps; /* Borrowed. */
	struct fault_row fault;
};

struct campaign_counts_row {
	int64_t total, queued, waiting, running, succeeded, failed, cancelled, skipped;
};

struct campaign_row {
	const char *id, *name, *firmware, *firmware_name, *release, *selector, *state, *reason, *goes_on_at, *offline;
	const char *created_at, *started_at, *finished_at, *deadline, *requested_by;
	int64_t max_parallel, soak_s, attempts;
	bool pause_after_wave;
	const json_t *waves, *stop_after, *window; /* or NULL. Borrowed. */
	struct campaign_counts_row counts;
};

void campaign_read(const json_t *json, struct campaign_row *ret);

/* Nothing will change any more, but by a retry. */
bool campaign_row_over(const struct campaign_row *campaign);

/* A device of the report of a campaign as a row like its job's: what is told of it. `release`: what the campaign installs. */
json_t *campaign_device_job(const json_t *device, const char *release);

/* What people call a device of the report, on one line: "the blue board, rack=1"; nothing when it has neither alias nor labels. Uncleaned. */
void campaign_device_called(struct text *ret, const json_t *device);

void fault_read(const json_t *json, struct fault_row *ret);
void job_read(const json_t *json, struct job_row *ret);
void device_read(const json_t *json, struct device_row *ret);
void download_read(const json_t *json, struct download_row *ret);
void firmware_read(const json_t *json, struct firmware_row *ret);
void plan_read(const json_t *json, struct plan_row *ret);

/* One member: its text, or ""; its number, or -1. */
const char *reply_text(const json_t *object, const char *member);
int64_t reply_number(const json_t *object, const char *member);

/* Ended, or skipped by its campaign. */
bool job_row_terminal(const struct job_row *job);

/* finished_at - started_at, -1 when not known. */
int64_t job_row_duration_s(const struct job_row *job);

#endif
