/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/follow.h"

#define HINTED_JOBS 3u

struct jobs_subject {
	struct fleet *fleet;
	size_t refused;
};

static void jobs_apply(void *subject, const struct sse_event *event)
{
	fleet_apply(((struct jobs_subject *)subject)->fleet, event);
}

static void jobs_mark_stale(void *subject)
{
	fleet_mark_stale(((struct jobs_subject *)subject)->fleet);
}

static int job_refresh(struct session *session, struct fleet *fleet, size_t index, bool *ret_changed)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0};
	json_t *job = NULL;
	int status;

	text_add(&path, "/jobs/");
	url_escape(&path, fleet->rows[index].id);
	status = session_call(session, "GET", path.bytes, NULL, &job, &failure);
	if (status == STATUS_DONE)
		fleet_update(fleet, index, job);
	else if (status == STATUS_NOT_FOUND)
		fleet_lose(fleet, index);
	*ret_changed |= !fleet->jobs[index].stale;
	return status;
}

/* Asks for the jobs that may have ended unseen, up to the first that gets no answer. */
static int jobs_refresh(void *subject, struct session *session, bool *ret_changed, struct failure *failure)
{
	struct fleet *fleet = ((struct jobs_subject *)subject)->fleet;

	for (size_t i = 0; i < fleet->count; i++) {
		int status = fleet->jobs[i].stale ? job_refresh(session, fleet, i, ret_changed) : STATUS_DONE;

		if (status > STATUS_SIGNAL)
			return failure->status = status;
		if (fleet->jobs[i].stale)
			return STATUS_DONE;
	}
	return STATUS_DONE;
}

static bool jobs_over(const void *subject)
{
	return fleet_unfinished(((const struct jobs_subject *)subject)->fleet) == 0;
}

static void jobs_summary(const void *subject, struct text *ret)
{
	const struct jobs_subject *jobs = subject;

	if (jobs->fleet->count + jobs->refused > 1)
		view_progress_summary(ret, jobs->fleet->rows, jobs->fleet->count, jobs->refused);
}

static void jobs_leave(const void *subject, struct text *ret)
{
	const struct fleet *fleet = ((const struct jobs_subject *)subject)->fleet;
	size_t unfinished = fleet_unfinished(fleet), hinted = 0;

	text_addf(ret, ": %zu of %zu jobs %s on", unfinished, fleet->count, unfinished == 1 ? "goes" : "go");
	text_add(ret, "\n  watch them:  dupctl watch\n  cancel them: dupctl cancel");
	for (size_t i = 0; i < fleet->count; i++) {
		if (job_row_terminal(&fleet->rows[i]) || hinted++ >= HINTED_JOBS)
			continue;
		text_add(ret, " ");
		text_add_clean(ret, fleet->rows[i].id);
	}
	if (hinted > HINTED_JOBS)
		text_addf(ret, " and %zu more: dupctl jobs", hinted - HINTED_JOBS);
}

static const struct follow_kind jobs_kind = {
    .events = "/events?topics=job,progress,firmware&snapshot=true",
    .apply = jobs_apply,
    .mark_stale = jobs_mark_stale,
    .refresh = jobs_refresh,
    .over = jobs_over,
    .summary = jobs_summary,
    .leave = jobs_leave,
};

int follow_jobs(struct session *session, struct fleet *fleet, size_t refused, int64_t deadline_ms)
{
	struct jobs_subject subject = {.fleet = fleet, .refused = refused};

	return follow_until_over(session, &(struct follow_request){&jobs_kind, &subject, fleet, deadline_ms});
}
