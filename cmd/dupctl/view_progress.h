/* SPDX-License-Identifier: Apache-2.0
 *
 * How far jobs are: live lines on a terminal, plain lines elsewhere, one line for each result, one for all. Pure.
 */
#ifndef DUPCTL_VIEW_PROGRESS_H
#define DUPCTL_VIEW_PROGRESS_H

#include "cmd/dupctl/reply.h"
#include "cmd/dupctl/text.h"

struct progress_area {
	size_t width;      /* columns of a line, at most */
	size_t rows;       /* lines in all, the summary included */
	int64_t elapsed_s; /* since the beginning */
	const char *note;  /* after the summary: "connection lost, trying again"; "" for none */
};

/* A line for each job that has not ended, as many as fit, running ones first; then how many more there are; then the summary. */
void view_progress_live(struct text *ret, const struct job_row *jobs, size_t count, const struct progress_area *area);

/* "bench-1  verified, LR… → LR… (2 m 13 s)"; for a failure its lines. */
void view_progress_result(struct text *ret, const struct job_row *job, size_t device_columns);

/* "7 of 8 verified, 1 failed", without a newline. */
void view_progress_summary(struct text *ret, const struct job_row *jobs, size_t count, size_t refused);

/* Of the detail of a job. Times as now_ms below. */
struct progress_detail {
	char kind[200]; /* without its digits */
	int64_t since_ms;
	bool told;
	int64_t line_ms; /* of the last line of the job */
};

/* What was said of a job last. Zero-initialise. */
struct progress_marks {
	char state[16], phase[16], waiting_for[16];
	int tenth;
	int fetched_tenth; /* of the download that it waits for */
	struct progress_detail detail;
};

/* A line when the state or phase is new, another tenth is done, or the detail has lasted for ten seconds; and once a minute while a job that runs has a
 * detail and nothing else is to be said; else nothing. now_ms: of a clock that is never set. Not for terminal states. */
void view_progress_plain(struct text *ret, const struct job_row *job, size_t device_columns, struct progress_marks *marks, int64_t now_ms);

/* The width of the column of device ids, at most 24. */
size_t view_device_columns(const struct job_row *jobs, size_t count);

#endif
