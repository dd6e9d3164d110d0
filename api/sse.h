/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client of server-sent events asked for, and the text of what it gets. Pure. design 9.
 */
#ifndef API_SSE_H
#define API_SSE_H

#include "daemon/events.h"

#define SSE_HEARTBEAT ": heartbeat\n\n"
#define SSE_PREAMBLE  "retry: 2000\n\n"

struct sse_filter {
	unsigned topics; /* of enum event_topic */
	char device[DEVICE_ID_SIZE];
	char job[JOB_ID_SIZE];
	bool snapshot_first;
	bool job_only; /* the stream of one job: its state first, over after its terminal event */
	bool resume;   /* the client named the last event it has: */
	bool resume_known;
	uint64_t resume_after;
	char resume_epoch[32]; /* the run of the daemon, this one or another, of that event; "": it is no id */
};

/* "device,job" → a mask; false when a name is none or empty, *ret_bad then begins it. */
bool sse_topics_parse(const char *text, unsigned *ret, const char **ret_bad);

/* Reads Last-Event-ID into the filter. What is no id of this epoch resumes with a snapshot. */
void sse_filter_resume(struct sse_filter *filter, const char *last_event_id, const char *epoch);

bool sse_filter_passes(const struct sse_filter *filter, const struct event *event);

/* One event of the stream: id, event, data. `json` is one line. Caller frees; NULL without memory. */
char *sse_block(const char *epoch, uint64_t seq, const char *name, const char *json);

/* For event_text(). */
char *sse_render(const struct event *event, const char *epoch);

#endif
