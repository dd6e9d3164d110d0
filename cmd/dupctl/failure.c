/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/failure.h"

#include <stdio.h>
#include <string.h>

/* Refusals by what the modem or the device is, whatever HTTP status they come with. */
static const char *const refusals[] = {
    "device-busy",         "device-leased",  "past-point-of-no-return", "already-installed", "downgrade-refused", "bundle-wrong-base",
    "bundle-wrong-family", "bundle-too-big", "bundle-unsupported",      "helper-needed",     "helper-mismatch",   "port-in-use",
};

static int status_of(long http_status, const char *code)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strcmp(refusals[i], code) == 0)
			return STATUS_REFUSED;
	switch (http_status) {
	case 400:
		return *code ? STATUS_USAGE : STATUS_OTHER; /* what has no code is not dupgate's word */
	case 422:                                           /* understood, but what it names is not there; else it is said of a file */
		return strcmp(code, "invalid-request") == 0 ? STATUS_USAGE : STATUS_OTHER;
	case 404:
		return STATUS_NOT_FOUND;
	case 401:
	case 403:
	case 409:
	case 423:
	case 429:
	case 503:
		return STATUS_REFUSED;
	default:
		return STATUS_OTHER;
	}
}

void failure_clear(struct failure *failure)
{
	text_clear(&failure->text);
	json_decref(failure->problem);
	failure->problem = NULL;
	failure->status = STATUS_DONE;
}

void failure_set(struct failure *failure, int status, const char *sentence)
{
	failure->status = status;
	text_add(&failure->text, sentence);
}

static const char *member_text(const json_t *problem, const char *member)
{
	const char *value = json_string_value(json_object_get(problem, member));

	return value ? value : "";
}

static void line_add(struct text *text, const char *title, const char *value)
{
	if (!*value)
		return;
	text_addf(text, "\n  %s: ", title);
	text_add_clean(text, value);
}

static void candidates_add(struct text *text, const json_t *candidates)
{
	for (size_t i = 0; i < json_array_size(candidates); i++) {
		const json_t *candidate = json_array_get(candidates, i);
		const char *name = json_string_value(candidate);

		if (!name)
			name = member_text(candidate, "name");
		text_add(text, i == 0 ? "\n  candidates: " : ", ");
		text_add_clean(text, name);
		text_add(text, *member_text(candidate, "sha256") ? " " : "");
		text_add_clean(text, member_text(candidate, "sha256"));
	}
}

void failure_from_answer(struct failure *failure, long http_status, const char *body)
{
	json_t *problem = strlen(body) ? json_loads(body, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *code = member_text(problem, "code"), *detail = member_text(problem, "detail");

	failure->status = status_of(http_status, code);
	if (!*code) {
		text_addf(&failure->text, "the answer is HTTP status %ld and no problem document: is this dupgate's address?", http_status);
		json_decref(problem);
		return;
	}
	text_add_clean(&failure->text, code);
	text_add(&failure->text, ": ");
	text_add_clean(&failure->text, *detail ? detail : member_text(problem, "title"));
	line_add(&failure->text, "seen", member_text(problem, "evidence"));
	candidates_add(&failure->text, json_object_get(problem, "candidates"));
	line_add(&failure->text, "what to do", member_text(problem, "remedy"));
	if (http_status == 401)
		line_add(&failure->text, "token", "DUPGATE_TOKEN, or the file dupgate/token in $XDG_CONFIG_HOME");
	failure->problem = problem;
}

void failure_print(const struct failure *failure, const char *subject)
{
	text_owned line = {.utf8 = failure->text.utf8};

	text_add(&line, "dupctl: ");
	if (subject) {
		text_add_clean(&line, subject);
		text_add(&line, ": ");
	}
	text_add(&line, text_bytes(&failure->text));
	fprintf(stderr, "%s\n", line.bytes);
}
