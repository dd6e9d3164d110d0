/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/dupctl/signals.h"
#include "cmd/dupctl/subscription.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

#define TICK_MS       1000
#define REDRAW_MS     100
#define SIGNATURE_MAX 2048u

struct fetch {
	struct session *session;
	struct subscription subscription;
	char id[64];
	json_t *now; /* the download; owned */
	bool stale;  /* it may have changed unseen: to be asked for */
	char told_state[16];
	int told_tenth;
	int64_t deadline_ms, drawn_ms;
	bool changed; /* since it was drawn */
	bool reader_gone;
	bool catalogue; /* it brings no firmware, but what can be fetched */
};

static void text_member(json_t *body, const char *member, const char *value)
{
	if (value)
		json_object_set_new(body, member, json_string(value));
}

static void number_member(json_t *body, const char *member, struct optional_number number)
{
	if (number.set)
		json_object_set_new(body, member, json_integer(number.value));
}

/* STATUS_DONE, or what is wrong with the file: said. */
static int signature_member(json_t *body, const char *path)
{
	failure_owned failure = {0};
	char signature[SIGNATURE_MAX + 1];
	FILE *file = path ? fopen(path, "re") : NULL;
	size_t length;

	if (!path)
		return STATUS_DONE;
	if (!file) {
		failure_set(&failure, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_OTHER, strerror(errno));
	} else {
		length = fread(signature, 1, sizeof(signature), file);
		if (ferror(file) || length == sizeof(signature) ||
		    json_object_set_new(body, "signature", json_stringn(signature, length)) < 0)
			failure_set(&failure, STATUS_OTHER, "is no signature of minisign");
		fclose(file);
	}
	if (failure.status != STATUS_DONE)
		failure_print(&failure, path);
	return failure.status;
}

static json_t *request_body(const struct options *options)
{
	json_t *body = json_object();

	text_member(body, "url", options->operands[0]);
	text_member(body, "sha256", options->sha256);
	text_member(body, "name", options->name);
	text_member(body, "family", options->family);
	text_member(body, "release", options->release);
	number_member(body, "build", options->build);
	number_member(body, "base_build", options->base_build);
	text_member(body, "helper", options->helper);
	text_member(body, "second", options->second);
	return body;
}

static bool ended(const json_t *download)
{
	const char *state = reply_text(download, "state");

	return strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
}

static void take_now(struct fetch *fetch, json_t *now)
{
	fetch->stale = false;
	if (!json_is_object(now) || strcmp(reply_text(now, "id"), fetch->id) != 0)
		return;
	json_decref(fetch->now);
	fetch->now = json_incref(now);
}

static void take_snapshot(struct fetch *fetch, const json_t *downloads)
{
	fetch->stale = true;
	for (size_t i = 0; i < json_array_size(downloads); i++)
		if (strcmp(reply_text(json_array_get(downloads, i), "id"), fetch->id) == 0)
			take_now(fetch, json_array_get(downloads, i));
}

/* The last part of the path: a line of a terminal has to hold the numbers as well. */
static const char *short_name(const char *url)
{
	const char *slash = strrchr(url, '/');

	return slash && slash[1] ? slash + 1 : url;
}

static void state_line(struct text *line, const struct download_row *download, bool tty)
{
	text_add_clean(line, tty ? short_name(download->url) : download->url);
	text_add(line, "  ");
	text_add_clean(line, download->state);
	if (strcmp(download->state, "running") == 0 && download->bytes_done > 0) {
		text_add(line, "  ");
		view_bytes(line, download->bytes_done, download->bytes_total);
	}
	if (strcmp(download->state, "waiting") == 0 && *download->fault.code) {
		text_add(line, "  ");
		text_add_clean(line, download->fault.code);
		text_add(line, ": ");
		text_add_clean(line, download->fault.message);
	}
}

/* On a terminal a line that is drawn again; elsewhere one for each state and each tenth. */
static void progress_show(struct fetch *fetch)
{
	struct terminal *terminal = &fetch->session->terminal;
	text_owned line = terminal_text(terminal), none = {0};
	struct download_row download;
	int tenth;

	download_read(fetch->now, &download);
	tenth = download.bytes_total > 0 ? (int)(10 * download.bytes_done / download.bytes_total) : 0;
	fetch->changed = false;
	if (fetch->session->json || ended(fetch->now))
		return;
	state_line(&line, &download, terminal->tty);
	if (terminal->tty) {
		terminal_measure(terminal);
		text_cut(&line, 0, terminal->width > 1 ? terminal->width - 1 : 1);
		text_add(&line, "\n");
		fetch->reader_gone |= terminal_draw(terminal, &none, &line) < 0;
		fetch->drawn_ms = monotonic_ms();
	} else if (strcmp(fetch->told_state, download.state) != 0 || tenth > fetch->told_tenth) {
		text_add(&line, "\n");
		fetch->reader_gone |= session_print(fetch->session, &line) != STATUS_DONE;
	}
	snprintf(fetch->told_state, sizeof(fetch->told_state), "%s", download.state);
	fetch->told_tenth = tenth > fetch->told_tenth ? tenth : fetch->told_tenth;
}

static void event_take(void *context, const struct sse_event *event)
{
	struct fetch *fetch = context;
	json_owned *data = json_loads(event->data, JSON_REJECT_DUPLICATES, NULL);
	const char *type = reply_text(data, "type");
	bool own = strcmp(reply_text(data, "download"), fetch->id) == 0;
	bool state_changed = false;

	if (strcmp(type, "snapshot") == 0) {
		take_snapshot(fetch, json_object_get(data, "downloads"));
	} else if (own && strcmp(type, "download-changed") == 0) {
		take_now(fetch, json_object_get(data, "now"));
		state_changed = true;
	} else if (own && strcmp(type, "download-progress") == 0) {
		json_object_set(fetch->now, "bytes_done", json_object_get(data, "bytes_done"));
		json_object_set(fetch->now, "bytes_total", json_object_get(data, "bytes_total"));
	}
	fetch->changed = true;
	if (!fetch->session->terminal.tty || state_changed)
		progress_show(fetch);
}

/* The snapshot did not have it: it has ended, and may be forgotten. */
static int refresh(struct fetch *fetch, struct failure *failure)
{
	text_owned path = {0};
	json_owned *now = NULL;
	int status;

	download_path(&path, fetch->id);
	status = session_call(fetch->session, "GET", path.bytes, NULL, &now, failure);
	if (status == STATUS_DONE)
		take_now(fetch, now);
	if (status != STATUS_UNREACHABLE)
		return status;
	failure_clear(failure);
	return STATUS_DONE;
}

static int leave(struct fetch *fetch, int status, const char *why)
{
	failure_owned failure = session_failure(fetch->session);

	failure_set(&failure, status, why);
	text_addf(&failure.text, ": the download goes on\n  look at it: dupctl downloads show %s\n  cancel it:  dupctl downloads cancel %s",
		  fetch->id, fetch->id);
	failure_print(&failure, NULL);
	return status;
}

static int step(struct fetch *fetch)
{
	failure_owned failure = session_failure(fetch->session);
	int64_t now = monotonic_ms(), left = fetch->changed ? fetch->drawn_ms + REDRAW_MS - now : TICK_MS;
	int status, signal;

	if (fetch->deadline_ms && fetch->deadline_ms - now < left)
		left = fetch->deadline_ms - now;
	left = left < 0 ? 0 : left < TICK_MS ? left : TICK_MS;
	if (subscription_wait(&fetch->subscription, left, &failure) == SUBSCRIPTION_REFUSED) {
		failure_print(&failure, "events");
		return leave(fetch, failure.status, "the events cannot be followed");
	}
	status = fetch->stale ? refresh(fetch, &failure) : STATUS_DONE;
	if (status != STATUS_DONE) {
		failure_print(&failure, NULL);
		return status;
	}
	signal = signals_next(fetch->session->signals);
	if (signal)
		return leave(fetch, STATUS_SIGNAL + signal, "interrupted");
	if (fetch->deadline_ms && monotonic_ms() >= fetch->deadline_ms && !ended(fetch->now))
		return leave(fetch, STATUS_TIMEOUT, "the time is over");
	return STATUS_DONE;
}

static int success_show(struct session *session, const struct download_row *download)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;
	struct firmware_row firmware;

	if (!*download->firmware) {
		text_add(&shown, "added all of an archive of several: dupctl firmware list\n");
		return session_print(session, &shown);
	}
	firmware_path(&path, download->firmware);
	if (session_call(session, "GET", path.bytes, NULL, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	firmware_read(answer, &firmware);
	text_add(&shown, "added ");
	text_add_clean(&shown, firmware.name);
	text_add(&shown, "\n");
	view_firmware(&shown, &firmware);
	return session_print(session, &shown);
}

static int end_show(struct fetch *fetch)
{
	struct session *session = fetch->session;
	text_owned shown = terminal_text(&session->terminal), none = {0};
	struct download_row download;
	bool good;

	download_read(fetch->now, &download);
	good = strcmp(download.state, "succeeded") == 0;
	if (session->terminal.drawn_count > 0)
		terminal_draw(&session->terminal, &none, &none);
	if (session->json)
		return session_print_json(session, fetch->now) != STATUS_DONE ? STATUS_OTHER : good ? STATUS_DONE : STATUS_JOB_FAILED;
	if (good)
		return fetch->catalogue ? catalogue_show(session) : success_show(session, &download);
	text_add_clean(&shown, download.url);
	text_add(&shown, "  ");
	text_add_clean(&shown, download.state);
	if (*download.fault.code) {
		text_add(&shown, ": ");
		view_fault(&shown, &download.fault, "  ");
	}
	text_add(&shown, "\n");
	return session_print(session, &shown) != STATUS_DONE ? STATUS_OTHER : STATUS_JOB_FAILED;
}

static int download_follow(struct session *session, const struct options *options, json_t *download)
{
	struct fetch fetch = {
	    .session = session,
	    .subscription = {.session = session, .path = "/events?topics=firmware&snapshot=true"},
	    .now = json_incref(download),
	    .catalogue = options->verb == VERB_FIRMWARE_CATALOGUE,
	    .deadline_ms = options->timeout_s.set ? monotonic_ms() + options->timeout_s.value * 1000 : 0,
	};
	int status = STATUS_DONE;

	snprintf(fetch.id, sizeof(fetch.id), "%s", reply_text(download, "id"));
	fetch.subscription.parser.event = event_take;
	fetch.subscription.parser.context = &fetch;
	while (status == STATUS_DONE && !fetch.reader_gone && !ended(fetch.now)) {
		if (session->terminal.tty && fetch.changed && monotonic_ms() - fetch.drawn_ms >= REDRAW_MS)
			progress_show(&fetch);
		status = step(&fetch);
	}
	if (status == STATUS_DONE)
		status = fetch.reader_gone ? STATUS_OTHER : end_show(&fetch);
	json_decref(fetch.now);
	subscription_clear(&fetch.subscription);
	terminal_clear(&session->terminal);
	return status;
}

static int begun_show(struct session *session, const json_t *answer)
{
	text_owned shown = terminal_text(&session->terminal);
	struct download_row download;

	if (session->json)
		return session_print_json(session, answer);
	download_read(answer, &download);
	text_add_clean(&shown, download.url);
	text_add(&shown, "  ");
	text_add_clean(&shown, download.state);
	text_add(&shown, ", download ");
	text_add_clean(&shown, download.id);
	text_add(&shown, "\n");
	return session_print(session, &shown);
}

static int known_show(struct session *session, const json_t *answer)
{
	text_owned shown = terminal_text(&session->terminal);
	struct firmware_row firmware;

	if (session->json)
		return session_print_json(session, answer);
	firmware_read(answer, &firmware);
	text_add(&shown, "was there already: ");
	text_add_clean(&shown, firmware.name);
	text_add(&shown, " (nothing was fetched)\n");
	view_firmware(&shown, &firmware);
	return session_print(session, &shown);
}

int fetch_firmware(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	json_owned *body = request_body(options);
	json_owned *answer = NULL;
	int status = signature_member(body, options->signature);

	if (status != STATUS_DONE)
		return status;
	if (session_call(session, "POST", "/firmware", body, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (!json_object_get(answer, "state")) /* a firmware: the cache has that digest */
		return known_show(session, answer);
	return options->wait ? download_follow(session, options, answer) : begun_show(session, answer);
}

int fetch_catalogue(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	json_owned *body = json_object();
	json_owned *answer = NULL;
	int status = signature_member(body, options->signature);

	if (status != STATUS_DONE)
		return status;
	text_member(body, "url", options->operands[0]);
	if (session_call(session, "POST", "/firmware/catalogue", body, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	return options->wait ? download_follow(session, options, answer) : begun_show(session, answer);
}
