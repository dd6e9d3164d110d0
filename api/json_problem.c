/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_problem.h"

#include <stdio.h>

#include "api/json_value.h"

static json_t *candidates_array(const struct json_problem *problem)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < problem->candidate_count; i++) {
		const struct candidate *candidate = &problem->candidates[i];
		json_t *object = JSON_MEMBERS({"sha256", json_text(candidate->sha256)}, {"name", json_text_always(candidate->name)});
		if (json_array_append_new(array, object) == 0)
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

/* Members that a problem has only when there is something to say. */
static int add_what_is_known(json_t *object, const struct json_problem *problem)
{
	const struct job_fault *fault = problem->fault;
	int r = 0;
	if (fault->evidence[0] != '\0')
		r |= json_object_set_new_nocheck(object, "evidence", json_text(fault->evidence));
	if (fault->job[0] != '\0')
		r |= json_object_set_new_nocheck(object, "job", json_text(fault->job));
	if (problem->member[0] != '\0')
		r |= json_object_set_new_nocheck(object, "member", json_text(problem->member));
	if (problem->candidate_count > 0)
		r |= json_object_set_new_nocheck(object, "candidates", candidates_array(problem));
	return r;
}

static const char *remedy_of(const struct json_problem *problem)
{
	return problem->remedy != NULL ? problem->remedy : job_fault_remedy(problem->fault);
}

char *json_problem(const struct json_problem *problem)
{
	char type[96];
	const struct fault_kind *kind = problem->fault->kind;
	snprintf(type, sizeof(type), "urn:dupgate:fault:%s", kind->code);
	json_t *object = JSON_MEMBERS({"type", json_text(type)}, {"title", json_text(kind->title)},
				      {"status", json_integer(problem->status)}, {"detail", json_text_always(problem->fault->message)},
				      {"code", json_text(kind->code)}, {"remedy", json_text(remedy_of(problem))});
	if (object == NULL || add_what_is_known(object, problem) == 0)
		return json_line(object);
	json_decref(object);
	return NULL;
}
