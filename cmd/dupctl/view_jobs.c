/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/table.h"
#include "cmd/dupctl/views.h"

#define STEP_COLUMNS 17u

/* "transfer 47 %", "for retry", "modem-silent": what there is to say beside the state. */
static void note_add(struct text *ret, const struct job_row *job)
{
	if (strcmp(job->state, "failed") == 0) {
		text_add_clean(ret, job->fault.code);
	} else if (strcmp(job->state, "waiting") == 0) {
		text_add(ret, "for ");
		text_add_clean(ret, job->waiting_for);
	} else if (strcmp(job->state, "succeeded") == 0) {
		text_add(ret, job->verified ? "verified" : "");
	} else if (strcmp(job->state, "running") == 0) {
		text_add_clean(ret, job->phase);
		if (job->percent >= 0)
			text_addf(ret, " %d %%", (int)job->percent);
	}
}

static void row_add(struct table *table, const struct job_row *job)
{
	text_owned note = {.utf8 = table->utf8}, releases = {.utf8 = table->utf8};

	note_add(&note, job);
	text_add_clean(&releases, job->from_release);
	if (*job->to_release && strcmp(job->kind, "upgrade") == 0) {
		text_add_glyph(&releases, *job->from_release ? " → " : "→ ", *job->from_release ? " -> " : "-> ");
		text_add_clean(&releases, job->to_release);
	}
	table_add(table, job->id, TEXT_PLAIN);
	table_add(table, job->device, TEXT_PLAIN);
	table_add(table, job->kind, TEXT_PLAIN);
	table_add(table, job->state, view_state_color(job->state));
	table_add(table, text_bytes(&note), TEXT_PLAIN);
	table_add(table, text_bytes(&releases), TEXT_PLAIN);
	table_add(table, job->created_at, TEXT_PLAIN);
}

void view_job_list(struct text *ret, const json_t *jobs, size_t width)
{
	static const char *const titles[] = {"JOB", "DEVICE", "KIND", "STATE", "NOTE", "RELEASE", "CREATED"};
	table_owned table = {.titles = titles, .spare = "62541", .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};

	if (json_array_size(jobs) == 0) {
		text_add(ret, "no jobs\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(jobs); i++) {
		struct job_row job;

		job_read(json_array_get(jobs, i), &job);
		row_add(&table, &job);
	}
	table_render(&table, width, ret);
}

static void progress_field(struct text *ret, const struct job_row *job)
{
	text_owned value = {0};

	if (!job->has_progress || job->percent < 0)
		return;
	text_addf(&value, "%.1f %%", job->percent);
	if (job->bytes_total > 0) {
		text_add(&value, ", ");
		format_size(&value, job->bytes_done);
		text_add(&value, " of ");
		format_size(&value, job->bytes_total);
	}
	if (job->rate_bps > 0) {
		text_add(&value, ", ");
		format_rate(&value, job->rate_bps);
	}
	if (job->eta_s >= 0 && !job_row_terminal(job)) {
		text_add(&value, ", ");
		format_duration(&value, job->eta_s);
		text_add(&value, " left");
	}
	view_field(ret, "Progress", text_bytes(&value));
}

static void number_field(struct text *ret, const char *title, int64_t value)
{
	text_owned number = {0};

	text_addf(&number, "%" PRId64, value);
	view_field(ret, title, text_bytes(&number));
}

void view_waiting_jobs(struct text *ret, const json_t *jobs)
{
	for (size_t i = json_array_size(jobs); i-- > 0;) {
		text_owned value = {.utf8 = ret->utf8};
		struct job_row job;

		job_read(json_array_get(jobs, i), &job);
		text_add_clean(&value, job.id);
		text_add(&value, ", ");
		text_add_clean(&value, job.kind);
		text_add(&value, ", for ");
		text_add_clean(&value, *job.waiting_for ? job.waiting_for : "its turn");
		text_add(&value, ", since ");
		text_add_clean(&value, *job.waiting_since ? job.waiting_since : job.created_at);
		text_add(&value, *job.detail ? ": " : "");
		text_add_clean(&value, job.detail);
		view_field(ret, "Job waits", text_bytes(&value));
	}
}

/* "device, since 2026-03-01T10:15:30Z". */
static void waiting_field(struct text *ret, const struct job_row *job)
{
	text_owned value = {.utf8 = ret->utf8};

	text_add_clean(&value, job->waiting_for);
	text_add(&value, *job->waiting_since ? ", since " : "");
	text_add_clean(&value, job->waiting_since);
	view_field(ret, "Waiting for", text_bytes(&value));
}

static void attempt_field(struct text *ret, const struct job_row *job)
{
	text_owned value = {0};

	if (job->attempt < 1)
		return;
	text_addf(&value, "%" PRId64, job->attempt);
	if (job->attempts_max > 0)
		text_addf(&value, " of %" PRId64, job->attempts_max);
	view_field(ret, "Attempt", text_bytes(&value));
}

/* What remains is told with the progress where that is known. */
static void expected_field(struct text *ret, const struct job_row *job)
{
	bool running = strcmp(job->state, "running") == 0;
	text_owned value = {0};

	if (job->expected_s < 0 || job_row_terminal(job))
		return;
	format_duration(&value, job->expected_s);
	text_add(&value, ", by what others took");
	view_field(ret, running ? "To go" : "Lasts about", text_bytes(&value));
}

static void fault_field(struct text *ret, const struct fault_row *fault)
{
	if (!*fault->code)
		return;
	text_add(ret, "Fault:        ");
	view_fault(ret, fault, "  ");
	text_add(ret, "\n");
}

static void notes_fields(struct text *ret, const json_t *notes)
{
	for (size_t i = 0; i < json_array_size(notes); i++) {
		const char *note = json_string_value(json_array_get(notes, i));
		view_field(ret, "Note", note ? note : "");
	}
}

void view_job(struct text *ret, const struct job_row *job)
{
	bool upgrade = strcmp(job->kind, "upgrade") == 0;

	view_field(ret, "Job", job->id);
	view_field(ret, "Kind", job->kind);
	view_field(ret, "Device", job->device);
	view_field(ret, "State", job->state);
	waiting_field(ret, job);
	view_field(ret, "Phase", job->phase);
	view_field(ret, "Detail", job->detail);
	progress_field(ret, job);
	expected_field(ret, job);
	view_field(ret, "Firmware", *job->firmware_name ? job->firmware_name : job->firmware);
	view_field(ret, "Download", job->download);
	view_field(ret, upgrade ? "From" : "Release", job->from_release);
	if (upgrade)
		view_field(ret, "To", job->to_release);
	if (upgrade && strcmp(job->state, "succeeded") == 0)
		view_field(ret, "Verified", job->verified ? "yes" : "no: the firmware declares no release");
	fault_field(ret, &job->fault);
	notes_fields(ret, job->notes);
	attempt_field(ret, job);
	if (job->interruptions > 0)
		number_field(ret, "Interrupted", job->interruptions);
	if (!job_row_terminal(job))
		view_field(ret, "Can cancel", job->can_cancel ? "yes" : "no");
	view_field(ret, "Retry of", job->retry_of);
	view_field(ret, "Requested by", job->requested_by);
	view_field(ret, "Not before", job->not_before);
	view_field(ret, "Deadline", job->deadline);
	view_field(ret, "Created", job->created_at);
	view_field(ret, "Started", job->started_at);
	view_field(ret, "Finished", job->finished_at);
}

static void plan_file_add(struct text *ret, const char *what, const char *name)
{
	if (!*name)
		return;
	text_addf(ret, ", %s", what);
	text_add_clean(ret, name);
}

static void plan_step_add(struct text *ret, size_t number, const json_t *step)
{
	size_t start = ret->length;
	text_owned what = {.utf8 = ret->utf8};

	text_addf(ret, "  %2zu. ", number);
	text_add_clean(ret, reply_text(step, "phase"));
	text_pad(ret, start, STEP_COLUMNS);
	text_add_clean(&what, reply_text(step, "what"));
	if (reply_number(step, "budget_s") > 0) {
		text_add(&what, " (at most ");
		format_duration(&what, reply_number(step, "budget_s"));
		text_add(&what, ")");
	}
	text_add_words(ret, text_bytes(&what), STEP_COLUMNS);
	text_add(ret, "\n");
	if (!*reply_text(step, "why"))
		return;
	start = ret->length;
	text_pad(ret, start, STEP_COLUMNS);
	text_add_words(ret, reply_text(step, "why"), STEP_COLUMNS);
	text_add(ret, "\n");
}

void view_plan(struct text *ret, const struct plan_row *plan)
{
	text_add_clean(ret, plan->device);
	text_add(ret, ": ");
	text_add_clean(ret, plan->firmware);
	plan_file_add(ret, "then ", plan->second);
	plan_file_add(ret, plan->helper_unused ? "without its helper " : "helper ", plan->helper);
	text_add(ret, *plan->firmware ? ": " : "");
	if (*plan->fault.code) {
		text_add(ret, "refused: ");
		view_fault(ret, &plan->fault, "  ");
		text_add(ret, "\n");
		return;
	}
	text_add_clean(ret, plan->way);
	text_add(ret, ", from boot mode ");
	view_boot_mode(ret, plan->boot_mode, plan->boot_mode_name);
	text_add(ret, ", ");
	text_add_clean(ret, plan->family);
	text_add(ret, plan->assumed ? " (assumed: the modem was never asked)\n" : "\n");
	if (*plan->warning) {
		text_add_color(ret, TEXT_RED);
		text_add(ret, "  Warning: ");
		text_add_clean(ret, plan->warning);
		text_add_color(ret, TEXT_PLAIN);
		text_add(ret, "\n");
	}
	for (size_t i = 0; i < json_array_size(plan->steps); i++)
		plan_step_add(ret, i + 1, json_array_get(plan->steps, i));
	if (plan->budget_s <= 0)
		return;
	text_add(ret, "  All together at most ");
	format_duration(ret, plan->budget_s);
	text_add(ret, ".\n");
}
