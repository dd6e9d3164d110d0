/* SPDX-License-Identifier: Apache-2.0
 *
 * application/problem+json (RFC 9457). Pure.
 */
#ifndef API_JSON_PROBLEM_H
#define API_JSON_PROBLEM_H

#include "api/exchange.h"

struct json_problem {
	const struct job_fault *fault;
	int status;
	const char *member; /* "": none */
	const char *remedy; /* NULL: that of the kind */
	const struct candidate *candidates;
	size_t candidate_count;
};

/* Caller frees; NULL without memory. */
char *json_problem(const struct json_problem *problem);

#endif
