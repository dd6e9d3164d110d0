/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/signals.h"
#include "cmd/dupctl/subscription.h"

#define REDRAW_MS 100
#define TICK_MS   1000
/* Longer than a daemon takes to stop while modems apply a bundle. */
#define UNREACHABLE_MAX_MS (30 * 60 * 1000)

struct follow {
	struct session *session;
	const struct follow_request *request;
	const struct follow_kind *kind;
	struct subscription subscription;
	int64_t begun_ms, drawn_ms;
	bool changed, reader_gone;
};

static void results_show(struct follow *follow, struct text *permanent)
{
	struct fleet *fleet = follow->request->fleet;
	size_t columns = view_device_columns(fleet->rows, fleet->count);

	for (size_t i = 0; i < fleet->count; i++) {
		if (!job_row_terminal(&fleet->rows[i])) {
			if (!follow->session->terminal.tty)
				view_progress_plain(permanent, &fleet->rows[i], columns, &fleet->jobs[i].marks, monotonic_ms());
		} else if (!fleet->jobs[i].told) {
			view_progress_result(permanent, &fleet->rows[i], columns);
			fleet->jobs[i].told = true;
		}
	}
}

static void live_lines(struct follow *follow, struct text *lines)
{
	struct terminal *terminal = &follow->session->terminal;
	struct progress_area area = {.elapsed_s = (monotonic_ms() - follow->begun_ms) / 1000};
	text_owned note = terminal_text(terminal);

	if (follow->subscription.lost_since_ms)
		text_add(&note, "connection lost, trying again");
	else if (follow->kind->note)
		follow->kind->note(follow->request->subject, &note);
	area.note = text_bytes(&note);
	terminal_measure(terminal);
	/* The last column and the last row stay free: a full line would wrap, a full screen would scroll. */
	area.width = terminal->width > 1 ? terminal->width - 1 : 1;
	area.rows = terminal->height > 1 ? terminal->height - 1 : 1;
	view_progress_live(lines, follow->request->fleet->rows, follow->request->fleet->count, &area);
}

static void follow_show(struct follow *follow, bool live)
{
	struct terminal *terminal = &follow->session->terminal;
	text_owned permanent = terminal_text(terminal), lines = terminal_text(terminal);

	if (follow->session->json)
		return;
	if (follow->kind->tell)
		follow->kind->tell(follow->request->subject, &permanent);
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

	follow->kind->apply(follow->request->subject, event);
	follow->changed = true;
	/* Plain lines tell every phase, however short; on a terminal a few frames a second are enough. */
	if (!follow->session->terminal.tty)
		follow_show(follow, false);
}

static int follow_leave(struct follow *follow, int status, const char *why)
{
	failure_owned failure = session_failure(follow->session);

	follow_show(follow, false);
	failure_set(&failure, status, why);
	follow->kind->leave(follow->request->subject, &failure.text);
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

/* On a terminal the last line says it. */
static void connection_tell(const struct follow *follow)
{
	if (!follow->session->terminal.tty || follow->session->json)
		fputs(follow->subscription.lost_since_ms ? "dupctl: connection lost, trying again\n" : "dupctl: connected again\n", stderr);
}

/* What came, and what has to be asked for because it may have come unseen. Not DONE: explained, with the status to end with. */
static int news_take(struct follow *follow)
{
	failure_owned failure = session_failure(follow->session);
	const struct subscription *subscription = &follow->subscription;
	bool lost = subscription->lost_since_ms != 0;
	unsigned failures = subscription->failures;
	int status = STATUS_DONE;

	if (subscription_wait(&follow->subscription, next_wait_ms(follow), &failure) == SUBSCRIPTION_REFUSED) {
		failure_print(&failure, "events");
		return follow_leave(follow, failure.status, "the events cannot be followed");
	}
	if (lost != (subscription->lost_since_ms != 0)) {
		follow->changed = true;
		connection_tell(follow);
	}
	/* Where the stream is refused but the daemon answers, it is asked as often as the stream is tried. */
	if (subscription->failures > failures && failures > 0)
		follow->kind->mark_stale(follow->request->subject);
	if (subscription->lost_since_ms == 0 || subscription->failures > failures)
		status = follow->kind->refresh(follow->request->subject, follow->session, &follow->changed, &failure);
	if (status > STATUS_SIGNAL)
		return follow_leave(follow, status, "interrupted");
	if (status != STATUS_DONE)
		failure_print(&failure, NULL);
	return status;
}

static int follow_step(struct follow *follow)
{
	const struct subscription *subscription = &follow->subscription;
	int status = news_take(follow), signal;
	int64_t now = monotonic_ms();

	if (status != STATUS_DONE)
		return status;
	signal = signals_next(follow->session->signals);
	if (signal)
		return follow_leave(follow, STATUS_SIGNAL + signal, "interrupted");
	if (follow->request->deadline_ms && now >= follow->request->deadline_ms && !follow->kind->over(follow->request->subject))
		return follow_leave(follow, STATUS_TIMEOUT, "the time is over");
	if (subscription->lost_since_ms && now - subscription->lost_since_ms > UNREACHABLE_MAX_MS)
		return follow_leave(follow, STATUS_UNREACHABLE, "the daemon was not reachable for 30 minutes");
	return STATUS_DONE;
}

static int follow_end(struct follow *follow)
{
	text_owned summary = terminal_text(&follow->session->terminal);

	follow_show(follow, false);
	follow->kind->summary(follow->request->subject, &summary);
	if (follow->session->json || summary.length == 0)
		return STATUS_DONE;
	text_add(&summary, "\n");
	return session_print(follow->session, &summary);
}

int follow_until_over(struct session *session, const struct follow_request *request)
{
	struct follow follow = {
	    .session = session,
	    .request = request,
	    .kind = request->kind,
	    .subscription = {.session = session, .path = request->kind->events},
	    .begun_ms = monotonic_ms(),
	    .changed = true,
	};
	int status = STATUS_DONE;

	follow.subscription.parser.event = event_take;
	follow.subscription.parser.context = &follow;
	while (status == STATUS_DONE && !follow.reader_gone && !request->kind->over(request->subject)) {
		int64_t now = monotonic_ms();
		bool tick = now - follow.drawn_ms >= TICK_MS;

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
