/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a request did not do what was asked: the exit status, the text for people, the problem document for programs.
 */
#ifndef DUPCTL_FAILURE_H
#define DUPCTL_FAILURE_H

#include <jansson.h>

#include "cmd/dupctl/exit_status.h"
#include "cmd/dupctl/text.h"

struct failure {
	int status;       /* enum exit_status; 0: none */
	struct text text; /* "code: detail", then lines that begin with two spaces; no newline at the end */
	json_t *problem;  /* what the daemon answered, NULL when it did not */
};
#define failure_owned __attribute__((cleanup(failure_clear))) struct failure

void failure_clear(struct failure *failure);

/* From an answer with a status of 400 and more. Pure. failure->text keeps its abilities (utf8). */
void failure_from_answer(struct failure *failure, long http_status, const char *body);

/* From a sentence of our own. */
void failure_set(struct failure *failure, int status, const char *sentence);

/* "dupctl: [subject: ]text" on stderr. */
void failure_print(const struct failure *failure, const char *subject);

#endif
