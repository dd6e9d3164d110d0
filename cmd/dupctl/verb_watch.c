/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/signals.h"
#include "cmd/dupctl/subscription.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/view_progress.h"
#include "cmd/dupctl/views.h"

#define TICK_MS 1000

struct watch {
	struct session *session;
	const struct options *options;
	struct subscription subscription;
	bool finished; /* the job that is watched has ended, with this status: */
	int outcome;
	bool reader_gone;
};

static bool device_wanted(const struct options *options, const char *device)
{
	for (size_t i = 0; i < options->operand_count; i++)
		if (strcmp(options->operands[i], device) == 0)
			return true;
	return options->operand_count == 0;
}

static void clock_add(struct text *line)
{
	time_t now = time(NULL);
	struct tm fields;
	char formatted[16];

	localtime_r(&now, &fields);
	strftime(formatted, sizeof(formatted), "%H:%M:%S  ", &fields);
	text_add(line, formatted);
}

static void device_line(struct text *line, const json_t *now)
{
	struct device_row device;

	device_read(now, &device);
	text_add_clean(line, device.id);
	text_add(line, "  ");
	text_add_color(line, view_state_color(device.state));
	text_add_clean(line, device.state);
	text_add_color(line, TEXT_PLAIN);
	if (device.boot_mode >= 0) {
		text_add(line, ", mode ");
		view_boot_mode(line, device.boot_mode, device.boot_mode_name);
	}
	text_add(line, *device.release ? ", " : "");
	text_add_clean(line, device.release);
	text_add(line, "\n");
}

static void note_line(struct text *line, const json_t *data)
{
	const json_t *entry = json_object_get(data, "entry");

	text_add_clean(line, reply_text(data, "device"));
	text_add(line, "  ");
	text_add_clean(line, reply_text(entry, "type"));
	text_add(line, ": ");
	text_add_clean(line, reply_text(entry, "detail"));
	text_add(line, "\n");
}

static void job_line(struct text *line, const json_t *now)
{
	struct progress_marks marks = {0};
	struct job_row job;

	job_read(now, &job);
	text_add(line, "job ");
	text_add_clean(line, job.id);
	text_add(line, "  ");
	if (job_row_terminal(&job))
		view_progress_result(line, &job, strlen(job.device));
	else
		view_progress_plain(line, &job, strlen(job.device), &marks, 0);
}

static void progress_line(struct text *line, const json_t *data)
{
	json_owned *job = json_pack("{s:O?, s:O?, s:O?, s:s}", "device", json_object_get(data, "device"), "phase",
				    json_object_get(data, "phase"), "progress", json_object_get(data, "progress"), "state", "running");
	struct progress_marks marks = {.tenth = -1};
	struct job_row row;

	job_read(job, &row);
	text_add(line, "job ");
	text_add_clean(line, reply_text(data, "job"));
	text_add(line, "  ");
	view_progress_plain(line, &row, strlen(row.device), &marks, 0);
}

static void download_line(struct text *line, const json_t *data)
{
	const json_t *now = json_object_get(data, "now");
	struct download_row download;

	download_read(now ? now : data, &download);
	text_add(line, "download ");
	text_add_clean(line, reply_text(data, "download"));
	text_add(line, "  ");
	text_add_color(line, view_state_color(download.state));
	text_add_clean(line, download.state);
	text_add_color(line, TEXT_PLAIN);
	if (now) {
		text_add(line, "  ");
		text_add_clean(line, download.url);
	} else {
		view_bytes(line, download.bytes_done, download.bytes_total);
	}
	text_add(line, "\n");
}

static void event_line(struct text *line, const char *type, const json_t *data)
{
	clock_add(line);
	if (strcmp(type, "device-changed") == 0) {
		device_line(line, json_object_get(data, "now"));
	} else if (strcmp(type, "device-noted") == 0) {
		note_line(line, data);
	} else if (strcmp(type, "job-progress") == 0) {
		progress_line(line, data);
	} else if (strncmp(type, "job-", 4) == 0) {
		job_line(line, json_object_get(data, "now"));
	} else if (strncmp(type, "download-", 9) == 0) {
		download_line(line, data);
	} else if (strcmp(type, "snapshot") == 0) {
		text_add(line, "some events were missed; it goes on from here\n");
	} else {
		text_add_clean(line, type);
		text_add(line, " ");
		text_add_clean(line, reply_text(data, "firmware"));
		text_add(line, "\n");
	}
}

static void outcome_take(struct watch *watch, const char *type, const json_t *data)
{
	const char *state = reply_text(json_object_get(data, "now"), "state");

	watch->finished = strcmp(type, "job-finished") == 0 && watch->options->job;
	if (watch->finished)
		watch->outcome = strcmp(state, "succeeded") == 0 ? STATUS_DONE : STATUS_JOB_FAILED;
}

static void event_take(void *context, const struct sse_event *event)
{
	struct watch *watch = context;
	json_owned *data = json_loads(event->data, JSON_REJECT_DUPLICATES, NULL);
	const char *type = reply_text(data, "type");
	text_owned line = terminal_text(&watch->session->terminal);
	char *compact;

	if (!data || !(device_wanted(watch->options, reply_text(data, "device")) || strcmp(type, "snapshot") == 0))
		return;
	outcome_take(watch, type, data);
	if (watch->session->json) {
		/* One document a line. */
		compact = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(6) | (watch->session->terminal.tty ? JSON_ENSURE_ASCII : 0));
		text_addf(&line, "%s\n", compact ? compact : "{}");
		free(compact);
	} else {
		event_line(&line, type, data);
	}
	watch->reader_gone |= session_print(watch->session, &line) != STATUS_DONE;
}

static void watch_path(struct text *path, const struct options *options)
{
	if (options->job) {
		text_add(path, "/jobs/");
		url_escape(path, options->job);
		text_add(path, "/events");
		return;
	}
	text_add(path, "/events");
	if (options->operand_count == 1) {
		text_add(path, "?device=");
		url_escape(path, options->operands[0]);
	}
}

/* A name that is mistyped would be waited for in vain. */
static int devices_check(struct session *session, const struct options *options)
{
	for (size_t i = 0; i < options->operand_count; i++) {
		failure_owned failure = session_failure(session);
		text_owned path = {0};

		text_add(&path, "/devices/");
		url_escape(&path, options->operands[i]);
		if (session_call(session, "GET", path.bytes, NULL, NULL, &failure) != STATUS_DONE) {
			failure_print(&failure, NULL);
			return failure.status;
		}
	}
	return STATUS_DONE;
}

static int watch_loop(struct watch *watch, int64_t deadline_ms)
{
	failure_owned failure = session_failure(watch->session);
	bool lost = false, ever = false;

	while (!watch->reader_gone) {
		int64_t left = deadline_ms ? deadline_ms - monotonic_ms() : TICK_MS;
		int signal = signals_next(watch->session->signals);
		enum subscription_state state;

		if (signal)
			return STATUS_SIGNAL + signal;
		if (left <= 0)
			return STATUS_TIMEOUT;
		state = subscription_wait(&watch->subscription, left < TICK_MS ? left : TICK_MS, &failure);
		if (watch->finished)
			return watch->outcome;
		if (state == SUBSCRIPTION_LOST && !ever)
			session_set_unreachable(&failure, "the events cannot be followed: the daemon does not answer");
		if (failure.status != STATUS_DONE) {
			failure_print(&failure, NULL);
			return failure.status;
		}
		ever = true;
		if (lost != (state == SUBSCRIPTION_LOST))
			fputs(lost ? "dupctl: connected again\n" : "dupctl: connection lost, trying again\n", stderr);
		lost = state == SUBSCRIPTION_LOST;
	}
	return STATUS_OTHER;
}

int verb_watch(struct session *session, const struct options *options)
{
	text_owned path = {0};
	struct watch watch = {.session = session, .options = options};
	int status = devices_check(session, options);

	if (status != STATUS_DONE)
		return status;
	watch_path(&path, options);
	watch.subscription = (struct subscription){
	    .session = session,
	    .path = path.bytes,
	};
	watch.subscription.parser.event = event_take;
	watch.subscription.parser.context = &watch;
	status = watch_loop(&watch, options->timeout_s.set ? monotonic_ms() + options->timeout_s.value * 1000 : 0);
	subscription_clear(&watch.subscription);
	return status;
}
