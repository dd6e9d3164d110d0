/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/fetch.h"
#include "cmd/dupctl/signing.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

/* The most that the daemon takes (openapi.yaml, putCatalogue). */
#define CATALOGUE_MAX 1048576u
#define SIGNATURE_MAX 2047u

static int answer_show(struct session *session, const json_t *catalogue)
{
	text_owned shown = terminal_text(&session->terminal);

	if (session->json)
		return session_print_json(session, catalogue);
	view_catalogue(&shown, catalogue, session->terminal.width);
	return session_print(session, &shown);
}

/* A request whose answer is the catalogue. */
static int catalogue_ask(struct session *session, const char *method, const json_t *body)
{
	failure_owned failure = session_failure(session);
	json_owned *answer = NULL;

	if (session_call(session, method, "/firmware/catalogue", body, &answer, &failure) == STATUS_DONE)
		return answer_show(session, answer);
	failure_print(&failure, NULL);
	return failure.status;
}

int catalogue_show(struct session *session)
{
	return catalogue_ask(session, "GET", NULL);
}

static int refuse(const char *path, const char *why, int status)
{
	failure_owned failure = {0};

	failure_set(&failure, status, why);
	failure_print(&failure, path);
	return status;
}

/* All of the file, byte by byte, as a member of the body: a signature is of the bytes. */
static int file_member(json_t *body, const char *member, FILE *file, const char *path, size_t most)
{
	char *bytes = malloc(most + 1);
	size_t length = bytes ? fread(bytes, 1, most + 1, file) : 0;
	int status = STATUS_DONE;

	if (!bytes || ferror(file))
		status = refuse(path, strerror(errno), STATUS_OTHER);
	else if (length > most)
		status = refuse(path, "is too big", STATUS_OTHER);
	else if (json_object_set_new(body, member, json_stringn(bytes, length)) < 0)
		status = refuse(path, "is not UTF-8", STATUS_OTHER);
	free(bytes);
	return status;
}

static int file_give(struct session *session, const struct options *options)
{
	const char *path = options->operands[0];
	FILE *file = fopen(path, "re"), *signature = NULL;
	json_owned *body = json_object();
	int status;

	if (!file)
		return refuse(path, strerror(errno), errno == ENOENT ? STATUS_NOT_FOUND : STATUS_OTHER);
	status = signing_open(options, path, file, &signature);
	if (status == STATUS_DONE)
		status = file_member(body, "catalogue", file, path, CATALOGUE_MAX);
	if (status == STATUS_DONE && signature)
		status =
		    file_member(body, "signature", signature, options->signature ? options->signature : "its signature", SIGNATURE_MAX);
	if (signature)
		fclose(signature);
	fclose(file);
	return status == STATUS_DONE ? catalogue_ask(session, "POST", body) : status;
}

int verb_firmware_catalogue(struct session *session, const struct options *options)
{
	if (options->operand_count == 0)
		return catalogue_show(session);
	return option_is_url(options->operands[0]) ? fetch_catalogue(session, options) : file_give(session, options);
}
