/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/follow.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/signals.h"
#include "cmd/dupctl/subscription.h"

#define REDRAW_MS   100
#define TICK_MS     1000
#define HINTED_JOBS 3u
/* Longer than a daemon takes to stop while modems apply a bundle. */
#define UNREACHABLE_MAX_MS (30 * 60 * 1000)

struct follow {
	struct session *session;
	const struct follow_request *request;
	struct fleet *fleet;
	struct subscription subscription;
	int64_t begun_ms, drawn_ms;
	bool changed, reader_gone;
};

static int job_refresh(struct follow *follow, size_t index)
{
	failure_owned failure = session_failure(follow->session);
	text_owned path = {0};
	json_t *job = NULL;
	int status;

	text_add(&path, "/jobs/");
	url_escape(&path, follow->fleet->rows[index].id);
	status = session_call(follow->session, "GET", path.bytes, NULL, &job, &failure);
	if (status == STATUS_DONE)
		fleet_update(follow->fleet, index, job);
	else if (status == STATUS_NOT_FOUND)
		fleet_lose(follow->fleet, index);
	follow->changed |= !follow->fleet->jobs[index].stale;
	return status;
}

/* Asks for the jobs that may have ended unseen, up to the first that gets no answer. The number of the signal that ended it, or 0. */
static int fleet_refresh(struct follow *follow)
{
	for (size_t i = 0; i < follow->fleet->count; i++) {
		int status = follow->fleet->jobs[i].stale ? job_refresh(follow, i) : STATUS_DONE;

		if (status > STATUS_SIGNAL)
			return status - STATUS_SIGNAL;
		if (follow->fleet->jobs[i].stale)
			return 0;
	}
	return 0;
}

static void results_show(struct follow *follow, struct text *permanent)
{
	struct fleet *fleet = follow->fleet;
	size_t columns = view_device_columns(fleet->rows, fleet->count);

	for (size_t i = 0; i < fleet->count; i++) {
		if (!job_row_terminal(&fleet->rows[i])) {
			if (!follow->session->terminal.tty)
				view_progress_plain(permanent, &fleet->rows[i], columns, &fleet->jobs[i].marks);
		} else if (!fleet->jobs[i].told) {
			view_progress_result(permanent, &fleet->rows[i], columns);
			fleet->jobs[i].told = true;
		}
	}
}

static void live_lines(struct follow *follow, struct text *lines)
{
	struct terminal *terminal = &follow->session->terminal;
	struct progress_area area = {
	    .elapsed_s = (monotonic_ms() - follow->begun_ms) / 1000,
	    .note = follow->subscription.lost_since_ms ? "connection lost, trying again" : "",
	};

	terminal_measure(terminal);
	/* The last column and the last row stay free: a full line would wrap, a full screen would scroll. */
	area.width = terminal->width > 1 ? terminal->width - 1 : 1;
	area.rows = terminal->height > 1 ? terminal->height - 1 : 1;
	view_progress_live(lines, follow->fleet->rows, follow->fleet->count, &area);
}

static void follow_show(struct follow *follow, bool live)
{
	struct terminal *terminal = &follow->session->terminal;
	text_owned permanent = terminal_text(terminal), lines = terminal_text(terminal);

	if (follow->session->json)
		return;
	results_show(follow, &permanent);
	if (live && terminal->tty)
		live_lines(follow, &lines);
	follow->reader_gone |= terminal_draw(terminal, &permanent, &lines) < 0;
	follow->drawn_ms = monotonic_ms();
	follow->changed = false;
}

static void event_take(void *context, const struct sse_event *event)
{
	struct follow *follow = context;

	fleet_apply(follow->fleet, event);
	follow->changed = true;
	/* Plain lines tell every phase, however short; on a terminal a few frames a second are enough. */
	if (!follow->session->terminal.tty)
		follow_show(follow, false);
}

static void hints_add(struct text *text, const struct fleet *fleet)
{
	size_t hinted = 0;

	text_add(text, "\n  watch them:  dupctl watch\n  cancel them: dupctl cancel");
	for (size_t i = 0; i < fleet->count; i++) {
		if (job_row_terminal(&fleet->rows[i]) || hinted++ >= HINTED_JOBS)
			continue;
		text_add(text, " ");
		text_add_clean(text, fleet->rows[i].id);
	}
	if (hinted > HINTED_JOBS)
		text_addf(text, " and %zu more: dupctl jobs", hinted - HINTED_JOBS);
}

static int follow_leave(struct follow *follow, int status, const char *why)
{
	failure_owned failure = session_failure(follow->session);
	size_t unfinished = fleet_unfinished(follow->fleet);

	follow_show(follow, false);
	failure_set(&failure, status, why);
	text_addf(&failure.text, ": %zu of %zu jobs %s on", unfinished, follow->fleet->count, unfinished == 1 ? "goes" : "go");
	hints_add(&failure.text, follow->fleet);
	failure_print(&failure, NULL);
	return status;
}

static int64_t next_wait_ms(const struct follow *follow)
{
	int64_t now = monotonic_ms(), wait = TICK_MS;

	if (follow->changed && follow->drawn_ms + REDRAW_MS - now < wait)
		wait = follow->drawn_ms + REDRAW_MS - now;
	if (follow->request->deadline_ms && follow->request->deadline_ms - now < wait)
		wait = follow->request->deadline_ms - now;
	return wait > 0 ? wait : 0;
}

static int follow_step(struct follow *follow)
{
	failure_owned failure = session_failure(follow->session);
	const struct subscription *subscription = &follow->subscription;
	bool lost = subscription->lost_since_ms != 0;
	unsigned failures = subscription->failures;
	int64_t now;
	int signal = 0;

	if (subscription_wait(&follow->subscription, next_wait_ms(follow), &failure) == SUBSCRIPTION_REFUSED) {
		failure_print(&failure, "events");
		return follow_leave(follow, failure.status, "the events cannot be followed");
	}
	now = monotonic_ms();
	follow->changed |= lost != (subscription->lost_since_ms != 0);
	/* Where the stream is refused but the daemon answers, each job is asked for as often as the stream is tried. */
	if (subscription->failures > failures && failures > 0)
		fleet_mark_stale(follow->fleet);
	if (subscription->lost_since_ms == 0 || subscription->failures > failures)
		signal = fleet_refresh(follow);
	if (signal == 0)
		signal = signals_next(follow->session->signals);
	if (signal)
		return follow_leave(follow, STATUS_SIGNAL + signal, "interrupted");
	if (follow->request->deadline_ms && now >= follow->request->deadline_ms && fleet_unfinished(follow->fleet))
		return follow_leave(follow, STATUS_TIMEOUT, "the time is over");
	if (subscription->lost_since_ms && now - subscription->lost_since_ms > UNREACHABLE_MAX_MS)
		return follow_leave(follow, STATUS_UNREACHABLE, "the daemon was not reachable for 30 minutes");
	return STATUS_DONE;
}

static int follow_end(struct follow *follow)
{
	text_owned summary = terminal_text(&follow->session->terminal);

	follow_show(follow, false);
	view_progress_summary(&summary, follow->fleet->rows, follow->fleet->count, follow->request->refused);
	text_add(&summary, "\n");
	if (!follow->session->json && follow->fleet->count + follow->request->refused > 1)
		session_print(follow->session, &summary);
	return STATUS_DONE;
}

int follow_jobs(struct session *session, const struct follow_request *request)
{
	struct follow follow = {
	    .session = session,
	    .request = request,
	    .fleet = request->fleet,
	    .subscription = {.session = session, .path = "/events?topics=job,progress,firmware&snapshot=true"},
	    .begun_ms = monotonic_ms(),
	    .changed = true,
	};
	int status = STATUS_DONE;

	follow.subscription.parser.event = event_take;
	follow.subscription.parser.context = &follow;
	while (status == STATUS_DONE && !follow.reader_gone && fleet_unfinished(follow.fleet) > 0) {
		int64_t now = monotonic_ms();
		bool tick = session->terminal.tty && now - follow.drawn_ms >= TICK_MS;

		if (tick || (follow.changed && now - follow.drawn_ms >= REDRAW_MS))
			follow_show(&follow, true);
		status = follow_step(&follow);
	}
	if (follow.reader_gone)
		status = STATUS_OTHER;
	else if (status == STATUS_DONE)
		status = follow_end(&follow);
	subscription_clear(&follow.subscription);
	terminal_clear(&session->terminal);
	return status;
}
