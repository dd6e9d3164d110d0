/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/view_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/views.h"

#define DEVICE_COLUMNS_MAX 24u
#define PHASE_COLUMNS      9u
#define PERCENT_COLUMNS    7u  /* "  100 %" */
#define RATE_COLUMNS       13u /* "  1234.5 kB/s" */
#define LEFT_COLUMNS       16u /* "  59 m 59 s left" */
#define BAR_LEAST          8u
#define BAR_MOST           32u
#define DETAIL_LEAST       16u
#define DETAIL_LASTS_MS    10000 /* shorter ones come and go with every block */
#define DETAIL_AGAIN_MS    60000 /* a log that says nothing for minutes is taken for one of a hung program */

enum outcome {
	OUTCOME_VERIFIED,
	OUTCOME_SUCCEEDED,
	OUTCOME_FAILED,
	OUTCOME_CANCELLED,
	OUTCOME_SKIPPED,
	OUTCOME_RUNNING,
	OUTCOME_WAITING,
	OUTCOME_QUEUED,
	OUTCOME_COUNT
};

/* Of a kind that brings no firmware, so that there is nothing to verify: what its success is called. NULL: an upgrade. */
static const char *plain_success(const struct job_row *job)
{
	return strcmp(job->kind, "probe") == 0 ? "answered" : strcmp(job->kind, "power-cycle") == 0 ? "restarted" : NULL;
}

static enum outcome job_outcome(const struct job_row *job)
{
	static const struct {
		const char *state;
		enum outcome outcome;
	} states[] = {
	    {"failed", OUTCOME_FAILED},   {"cancelled", OUTCOME_CANCELLED}, {"running", OUTCOME_RUNNING},
	    {"waiting", OUTCOME_WAITING}, {"queued", OUTCOME_QUEUED},       {"skipped", OUTCOME_SKIPPED},
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].state, job->state) == 0)
			return states[i].outcome;
	return job->verified || plain_success(job) ? OUTCOME_VERIFIED : OUTCOME_SUCCEEDED;
}

size_t view_device_columns(const struct job_row *jobs, size_t count)
{
	size_t widest = 1;

	for (size_t i = 0; i < count; i++) {
		text_owned id = {0};

		text_add_clean(&id, jobs[i].device);
		if (id.length > widest)
			widest = id.length;
	}
	return widest < DEVICE_COLUMNS_MAX ? widest : DEVICE_COLUMNS_MAX;
}

static void device_add(struct text *ret, const char *device, size_t columns)
{
	size_t start = ret->length;

	text_add_clean(ret, device);
	text_cut(ret, start, columns);
	text_pad(ret, start, columns + 2);
}

static bool waits_for_download(const struct job_row *job)
{
	return strcmp(job->state, "waiting") == 0 && strcmp(job->waiting_for, "download") == 0;
}

static void waiting_add(struct text *ret, const struct job_row *job)
{
	if (*job->reason && !*job->waiting_for) {
		text_add(ret, "waiting: ");
		text_add_clean(ret, job->reason);
		return;
	}
	text_add(ret, "waiting for ");
	text_add_clean(ret, *job->waiting_for ? job->waiting_for : "its turn");
	if (waits_for_download(job) && job->fetched >= 0) {
		text_add(ret, ": ");
		view_bytes(ret, job->fetched, job->fetched_total);
	}
	if (!*job->fault.code)
		return;
	text_add(ret, ": ");
	text_add_clean(ret, job->fault.code);
	text_add(ret, ": ");
	text_add_clean(ret, job->fault.message);
}

static void bar_add(struct text *ret, double percent, size_t columns)
{
	size_t filled;

	if (!ret->utf8)
		columns -= 2;
	filled = (size_t)((double)columns * (percent > 100 ? 100 : percent) / 100);
	text_add(ret, ret->utf8 ? "" : "[");
	text_add_color(ret, TEXT_GREEN);
	for (size_t i = 0; i < filled; i++)
		text_add_glyph(ret, "━", "#");
	text_add_color(ret, TEXT_DIM);
	for (size_t i = filled; i < columns; i++)
		text_add_glyph(ret, "─", "-");
	text_add_color(ret, TEXT_PLAIN);
	text_add(ret, ret->utf8 ? "" : "]");
}

/* Numbers stand at the right of their column, so that they do not dance. */
static void right_add(struct text *ret, const struct text *value, size_t columns)
{
	size_t taken = text_columns(text_bytes(value), value->length);

	for (; taken < columns; taken++)
		text_add(ret, " ");
	text_add(ret, text_bytes(value));
}

/* In the other phases rate and time left are those of a transfer that is over. */
static bool phase_sends(const struct job_row *job)
{
	return strcmp(job->phase, "transfer") == 0 || strcmp(job->phase, "helper") == 0;
}

static void step_add(struct text *ret, const struct job_row *job)
{
	if (*job->detail)
		text_add_clean(ret, job->detail);
	else if (job->step > 0 && job->steps > 0)
		text_addf(ret, "step %" PRId64 " of %" PRId64, job->step, job->steps);
}

/* Bar, percent, rate, time left, detail: from the left, as far as there is room; the bar takes what the numbers leave. */
static void meters_add(struct text *ret, const struct job_row *job, size_t room)
{
	text_owned rate = {0}, left = {0};
	bool with_left = room >= PERCENT_COLUMNS + RATE_COLUMNS + LEFT_COLUMNS + BAR_LEAST;
	bool with_rate = room >= PERCENT_COLUMNS + RATE_COLUMNS + BAR_LEAST;
	size_t numbers = PERCENT_COLUMNS + (with_rate ? RATE_COLUMNS : 0) + (with_left ? LEFT_COLUMNS : 0);
	size_t bar = room > numbers ? room - numbers : 0;
	bool sending = phase_sends(job);

	bar = bar > BAR_MOST ? BAR_MOST : bar;
	if (bar >= BAR_LEAST)
		bar_add(ret, job->percent, bar);
	text_addf(ret, "  %3d %%", (int)job->percent);
	if (with_rate && sending && job->rate_bps > 0)
		format_rate(&rate, job->rate_bps);
	if (with_left && sending && job->eta_s >= 0) {
		format_duration(&left, job->eta_s);
		text_add(&left, " left");
	}
	if (with_rate)
		right_add(ret, &rate, RATE_COLUMNS);
	if (with_left)
		right_add(ret, &left, LEFT_COLUMNS);
	if (*job->detail && room >= numbers + bar + 2 + DETAIL_LEAST) {
		text_add(ret, "  ");
		text_add_clean(ret, job->detail);
	}
}

static void live_line(struct text *ret, const struct job_row *job, size_t device_columns, size_t width)
{
	size_t start = ret->length, phase;
	size_t before = device_columns + 2 + PHASE_COLUMNS + 2;
	enum outcome outcome = job_outcome(job);

	device_add(ret, job->device, device_columns);
	phase = ret->length;
	if (outcome == OUTCOME_WAITING) {
		waiting_add(ret, job);
	} else if (outcome == OUTCOME_QUEUED) {
		text_add(ret, "queued");
	} else {
		text_add_clean(ret, *job->phase ? job->phase : "starting");
		text_pad(ret, phase, PHASE_COLUMNS + 2);
		if (job->has_progress && job->percent >= 0)
			meters_add(ret, job, width > before ? width - before : 0);
		else
			step_add(ret, job);
	}
	text_cut(ret, start, width);
	text_add(ret, "\n");
}

static void outcomes_count(const struct job_row *jobs, size_t count, size_t counts[static OUTCOME_COUNT])
{
	for (size_t i = 0; i < OUTCOME_COUNT; i++)
		counts[i] = 0;
	for (size_t i = 0; i < count; i++)
		counts[job_outcome(&jobs[i])]++;
}

void view_progress_summary(struct text *ret, const struct job_row *jobs, size_t count, size_t refused)
{
	static const char *const words[OUTCOME_COUNT] = {
	    "verified", "installed but not verified", "failed", "cancelled", "skipped", "running", "waiting", "queued"};
	const char *success = count > 0 ? plain_success(&jobs[0]) : NULL;
	size_t counts[OUTCOME_COUNT];

	outcomes_count(jobs, count, counts);
	text_addf(ret, "%zu of %zu %s", counts[OUTCOME_VERIFIED], count + refused, success ? success : words[OUTCOME_VERIFIED]);
	for (size_t i = OUTCOME_SUCCEEDED; i < OUTCOME_COUNT; i++)
		if (counts[i] > 0)
			text_addf(ret, ", %zu %s", counts[i], words[i]);
	if (refused > 0)
		text_addf(ret, ", %zu refused", refused);
}

static void live_summary(struct text *ret, const struct job_row *jobs, size_t count, const struct progress_area *area)
{
	size_t start = ret->length;

	view_progress_summary(ret, jobs, count, 0);
	text_add(ret, "  ");
	format_duration(ret, area->elapsed_s);
	if (*area->note) {
		text_add(ret, "  ");
		text_add_color(ret, TEXT_YELLOW);
		text_add_clean(ret, area->note);
		text_add_color(ret, TEXT_PLAIN);
	}
	text_cut(ret, start, area->width);
	text_add(ret, "\n");
}

void view_progress_live(struct text *ret, const struct job_row *jobs, size_t count, const struct progress_area *area)
{
	static const enum outcome order[] = {OUTCOME_RUNNING, OUTCOME_WAITING, OUTCOME_QUEUED};
	size_t device_columns = view_device_columns(jobs, count), counts[OUTCOME_COUNT], pending, shown = 0, room;

	outcomes_count(jobs, count, counts);
	pending = counts[OUTCOME_RUNNING] + counts[OUTCOME_WAITING] + counts[OUTCOME_QUEUED];
	room = area->rows > 1 ? area->rows - 1 : 0;
	if (pending > room && room > 0)
		room--;
	for (size_t pass = 0; pass < sizeof(order) / sizeof(order[0]); pass++) {
		for (size_t i = 0; i < count && shown < room; i++) {
			if (job_outcome(&jobs[i]) != order[pass])
				continue;
			live_line(ret, &jobs[i], device_columns, area->width);
			shown++;
		}
	}
	if (pending > shown && area->rows > 1) {
		text_add_glyph(ret, "…", "...");
		text_addf(ret, " and %zu more\n", pending - shown);
	}
	live_summary(ret, jobs, count, area);
}

static void releases_add(struct text *ret, const struct job_row *job)
{
	if (!*job->from_release && !*job->to_release)
		return;
	text_add(ret, ", ");
	if (plain_success(job)) {
		text_add_clean(ret, *job->to_release ? job->to_release : job->from_release);
		return;
	}
	text_add_clean(ret, job->from_release);
	if (!*job->to_release)
		return;
	text_add(ret, *job->from_release ? " " : "");
	text_add_glyph(ret, "→ ", "-> ");
	text_add_clean(ret, job->to_release);
}

void view_progress_result(struct text *ret, const struct job_row *job, size_t device_columns)
{
	enum outcome outcome = job_outcome(job);
	bool good = outcome == OUTCOME_VERIFIED || outcome == OUTCOME_SUCCEEDED;

	device_add(ret, job->device, device_columns);
	text_add_color(ret, view_state_color(job->state));
	if (good && plain_success(job))
		text_add(ret, plain_success(job));
	else if (good)
		text_add(ret, outcome == OUTCOME_VERIFIED ? "verified" : "installed but not verified: the firmware declares no release");
	else
		text_add_clean(ret, job->state);
	text_add_color(ret, TEXT_PLAIN);
	if (*job->reason && !*job->fault.code) {
		text_add(ret, ": ");
		text_add_words(ret, job->reason, 4);
	} else if (good) {
		releases_add(ret, job);
	} else if (*job->fault.code) {
		text_add(ret, ": ");
		view_fault(ret, &job->fault, "  ");
	}
	if (job_row_duration_s(job) >= 0) {
		text_add(ret, good ? " (" : "\n  after ");
		format_duration(ret, job_row_duration_s(job));
		text_add(ret, good ? ")" : "");
	}
	text_add(ret, "\n");
}

static void marks_set(struct progress_marks *marks, const struct job_row *job, int tenth)
{
	snprintf(marks->state, sizeof(marks->state), "%s", job->state);
	snprintf(marks->phase, sizeof(marks->phase), "%s", job->phase);
	snprintf(marks->waiting_for, sizeof(marks->waiting_for), "%s", job->waiting_for);
	if (tenth > marks->tenth)
		marks->tenth = tenth;
	if (waits_for_download(job) && job->fetched_total > 0 && 10 * job->fetched / job->fetched_total > marks->fetched_tenth)
		marks->fetched_tenth = (int)(10 * job->fetched / job->fetched_total);
}

static void numbers_add(struct text *ret, const struct job_row *job)
{
	text_addf(ret, " %d %%", (int)job->percent);
	if (job->rate_bps > 0 && phase_sends(job)) {
		text_add(ret, ", ");
		format_rate(ret, job->rate_bps);
	}
	if (job->eta_s >= 0 && phase_sends(job)) {
		text_add(ret, ", ");
		format_duration(ret, job->eta_s);
		text_add(ret, " left");
	}
}

/* What stands in it besides numbers, which may count on. */
static void detail_kind(const char *detail, char *ret, size_t size)
{
	size_t length = 0;

	for (; *detail && length + 1 < size; detail++)
		if (*detail < '0' || *detail > '9')
			ret[length++] = *detail;
	ret[length] = '\0';
}

/* It has lasted and was not said yet; or the job runs, and nothing was said of it for a minute. */
static bool detail_due(const struct job_row *job, struct progress_detail *detail, int64_t now_ms)
{
	char kind[sizeof(detail->kind)];

	detail_kind(job->detail, kind, sizeof(kind));
	if (strcmp(kind, detail->kind) != 0) {
		memcpy(detail->kind, kind, sizeof(kind));
		detail->since_ms = now_ms;
		detail->told = false;
	}
	if (!*job->detail)
		return false;
	return (!detail->told && now_ms - detail->since_ms >= DETAIL_LASTS_MS) ||
	       (job_outcome(job) == OUTCOME_RUNNING && now_ms - detail->line_ms >= DETAIL_AGAIN_MS);
}

void view_progress_plain(struct text *ret, const struct job_row *job, size_t device_columns, struct progress_marks *marks, int64_t now_ms)
{
	int tenth = job->has_progress && job->percent >= 0 ? (int)job->percent / 10 : 0;
	struct progress_marks now = *marks;
	enum outcome outcome = job_outcome(job);
	bool due = detail_due(job, &marks->detail, now_ms), news;

	marks_set(&now, job, tenth);
	now.detail = marks->detail;
	news = memcmp(&now, marks, sizeof(now)) != 0;
	if (!news && !due)
		return;
	device_add(ret, job->device, device_columns);
	if (outcome == OUTCOME_WAITING)
		waiting_add(ret, job);
	else if (outcome == OUTCOME_QUEUED)
		text_add(ret, "queued");
	else
		text_add_clean(ret, *job->phase ? job->phase : "starting");
	if (outcome == OUTCOME_RUNNING && now.tenth > marks->tenth)
		numbers_add(ret, job);
	if (due) {
		text_add(ret, ": ");
		text_add_clean(ret, job->detail);
	}
	text_add(ret, "\n");
	*marks = now;
	marks->detail.told |= due;
	marks->detail.line_ms = now_ms;
}
