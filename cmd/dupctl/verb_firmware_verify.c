/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/dupctl/survey_view.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

struct verification {
	struct session *session;
	struct text shown;
	json_t *contents; /* NULL: text is wanted */
};

static void content_found(void *context, const struct survey *survey)
{
	struct verification *verification = context;

	if (verification->contents)
		json_array_append_new(verification->contents, survey_json(survey));
	else
		view_survey(&verification->shown, survey);
}

static int file_fail(const struct session *session, const char *path, const struct cache_error *error)
{
	failure_owned failure = session_failure(session);
	const struct fault_row row = {cache_error_code_name(error->code), error->message, error->evidence, survey_remedy(error->code)};

	view_fault(&failure.text, &row, "  ");
	failure_print(&failure, path);
	return STATUS_OTHER;
}

/* What is printed for one file, whatever was found. */
static int verification_show(struct verification *verification, const char *path, int result, const struct cache_error *error)
{
	json_owned *document = NULL;

	if (!verification->contents)
		return session_print(verification->session, &verification->shown);
	document = json_pack("{s:o, s:b, s:O, s:o}", "file", json_of_path(path), "good", result == 0, "contents", verification->contents,
			     "fault", result == -EPROTO ? cache_error_json(error) : json_null());
	return document ? session_print_json(verification->session, document) : STATUS_OTHER;
}

static int file_verify(struct session *session, const char *path)
{
	struct verification verification = {.session = session, .shown = terminal_text(&session->terminal)};
	struct cache_error error = {0};
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), status, r;

	if (file < 0) {
		status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_OTHER;
		cache_error_set(&error, CACHE_ERROR_IO, "%s", strerror(errno));
		file_fail(session, path, &error);
		return status;
	}
	verification.contents = session->json ? json_array() : NULL;
	r = survey_file(file, path, content_found, &verification, &error);
	close(file);
	status = verification_show(&verification, path, r, &error);
	if (r == -EPROTO)
		status = file_fail(session, path, &error);
	else if (r < 0)
		status = STATUS_OTHER;
	json_decref(verification.contents);
	text_clear(&verification.shown);
	return status;
}

int verb_firmware_verify(struct session *session, const struct options *options)
{
	int *statuses = calloc(options->operand_count, sizeof(*statuses)), status;

	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < options->operand_count; i++)
		statuses[i] = file_verify(session, options->operands[i]);
	status = exit_status_combine(statuses, options->operand_count);
	free(statuses);
	return status;
}
