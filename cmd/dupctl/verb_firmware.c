/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/dupctl/fetch.h"
#include "cmd/dupctl/format.h"
#include "cmd/dupctl/signing.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

#define REDRAW_MS 100

struct upload_view {
	struct session *session;
	const char *name;
	int64_t size, drawn_ms;
};

void firmware_path(struct text *path, const char *reference)
{
	text_add(path, "/firmware/");
	url_escape(path, reference);
}

int verb_firmware_list(struct session *session, const struct options *options)
{
	failure_owned failure = session_failure(session);
	text_owned shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;

	if (session_call(session, "GET", options->available ? "/firmware?available=true" : "/firmware", NULL, &answer, &failure) !=
	    STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	view_firmware_list(&shown, json_object_get(answer, "firmware"), true, session->terminal.width);
	if (options->available) {
		text_add(&shown, "\nThe catalogue offers besides:\n");
		view_available_list(&shown, json_object_get(answer, "available"), session->terminal.width);
	}
	return session_print(session, &shown);
}

int firmware_ask(struct session *session, const char *method, const char *reference, const json_t *body)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);
	json_owned *answer = NULL;
	struct firmware_row firmware;

	firmware_path(&path, reference);
	if (session_call(session, method, path.bytes, body, &answer, &failure) != STATUS_DONE) {
		failure_print(&failure, NULL);
		return failure.status;
	}
	if (session->json)
		return session_print_json(session, answer);
	firmware_read(answer, &firmware);
	view_firmware(&shown, &firmware);
	return session_print(session, &shown);
}

int verb_firmware_show(struct session *session, const struct options *options)
{
	return firmware_ask(session, "GET", options->operands[0], NULL);
}

static int firmware_delete(struct session *session, const char *reference)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, shown = terminal_text(&session->terminal);

	firmware_path(&path, reference);
	if (session_call(session, "DELETE", path.bytes, NULL, NULL, &failure) != STATUS_DONE) {
		failure_print(&failure, failure.status == STATUS_UNREACHABLE ? NULL : reference);
		return failure.status;
	}
	text_add(&shown, "removed ");
	text_add_clean(&shown, reference);
	text_add(&shown, "\n");
	return session->json ? STATUS_DONE : session_print(session, &shown);
}

int verb_firmware_remove(struct session *session, const struct options *options)
{
	int *statuses = calloc(options->operand_count, sizeof(*statuses)), status = STATUS_DONE;

	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < options->operand_count && status < STATUS_UNREACHABLE; i++)
		status = statuses[i] = firmware_delete(session, options->operands[i]);
	if (status < STATUS_UNREACHABLE)
		status = exit_status_combine(statuses, options->operand_count);
	free(statuses);
	return status;
}

static void query_add(struct text *path, const char *name, const char *value)
{
	if (!value)
		return;
	text_addf(path, "&%s=", name);
	url_escape(path, value);
}

static void number_add(struct text *path, const char *name, struct optional_number number)
{
	if (number.set)
		text_addf(path, "&%s=%" PRId64, name, number.value);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void upload_path(struct text *path, const struct options *options)
{
	text_add(path, "/firmware?name=");
	url_escape(path, options->name ? options->name : base_name(options->operands[0]));
	query_add(path, "family", options->family);
	query_add(path, "release", options->release);
	number_add(path, "build", options->build);
	number_add(path, "base_build", options->base_build);
	query_add(path, "helper", options->helper);
	query_add(path, "second", options->second);
}

static void upload_show(void *context, int64_t bytes_done)
{
	struct upload_view *view = context;
	text_owned line = terminal_text(&view->session->terminal), none = {0};
	int64_t now = monotonic_ms();

	if (!view->session->terminal.tty || view->session->json || now - view->drawn_ms < REDRAW_MS)
		return;
	view->drawn_ms = now;
	text_add_clean(&line, view->name);
	text_add(&line, "  ");
	format_size(&line, bytes_done);
	text_add(&line, " of ");
	format_size(&line, view->size);
	text_add(&line, bytes_done >= view->size ? ", being verified" : "");
	text_cut(&line, 0, view->session->terminal.width > 1 ? view->session->terminal.width - 1 : 1);
	text_add(&line, "\n");
	terminal_draw(&view->session->terminal, &none, &line);
}

static int added_show(struct session *session, long http_status, const char *body)
{
	text_owned shown = terminal_text(&session->terminal);
	json_owned *answer = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	const json_t *several = json_object_get(answer, "firmware");
	struct firmware_row firmware;

	if (session->json && answer)
		return session_print_json(session, answer);
	if (several) {
		text_add(&shown, http_status == 200 ? "all of the archive was there already:\n" : "added from the archive:\n");
		view_firmware_list(&shown, several, false, session->terminal.width);
		return session_print(session, &shown);
	}
	firmware_read(answer, &firmware);
	text_add(&shown, http_status == 200 ? "was there already: " : "added ");
	text_add_clean(&shown, firmware.name);
	text_add(&shown, http_status == 200 ? " (it keeps its name and what was stated of it)\n" : "\n");
	view_firmware(&shown, &firmware);
	return session_print(session, &shown);
}

static int file_refuse(const char *path, const char *reason, int status)
{
	struct failure failure = {0};

	text_add(&failure.text, reason);
	failure_print(&failure, path);
	failure_clear(&failure);
	return status;
}

static int file_add(struct session *session, const struct options *options, FILE *file, int64_t size, FILE *signature)
{
	failure_owned failure = session_failure(session);
	text_owned path = {0}, none = {0};
	struct http_response response = {0};
	const char *file_name = options->operands[0];

	upload_path(&path, options);
	struct upload_view view = {.session = session, .name = base_name(file_name), .size = size};
	const struct http_upload upload = {.file = file, .size = size, .progress = upload_show, .context = &view};
	const struct http_request request = {.method = "POST", .path = path.bytes, .upload = &upload};
	int status = session_request(session, &request, &response, &failure);
	long added = response.status;

	if (session->terminal.drawn_count > 0)
		terminal_draw(&session->terminal, &none, &none);
	if (status == STATUS_DONE && signature)
		status = signing_send(session, signature, &response, &failure);
	if (status == STATUS_DONE)
		status = added_show(session, added, text_bytes(&response.body));
	else
		failure_print(&failure, status == STATUS_UNREACHABLE ? NULL : file_name);
	http_response_clear(&response);
	return status;
}

int verb_firmware_add(struct session *session, const struct options *options)
{
	const char *file_name = options->operands[0];
	struct stat facts;
	FILE *signature = NULL;
	FILE *file;
	int status;

	if (option_is_url(file_name))
		return fetch_firmware(session, options);
	file = fopen(file_name, "re");
	if (!file || fstat(fileno(file), &facts) < 0) {
		status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_OTHER;
		return file_refuse(file_name, strerror(errno), status);
	}
	if (!S_ISREG(facts.st_mode)) {
		fclose(file);
		return file_refuse(file_name, "is no file", STATUS_OTHER);
	}
	status = signing_open(options, file_name, file, &signature);
	if (status == STATUS_DONE)
		status = file_add(session, options, file, facts.st_size, signature);
	if (signature)
		fclose(signature);
	fclose(file);
	return status;
}
