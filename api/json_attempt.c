/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_value.h"
#include "api/json_view.h"

#include <stdio.h>

/* Takes over `item`; lets go of `array` and answers NULL when it cannot be appended. */
static json_t *append(json_t *array, json_t *item)
{
	if (json_array_append_new(array, item) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *duration_array(const struct job_attempt *attempt)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < attempt->phase_count; i++)
		array = append(array, JSON_MEMBERS({"phase", json_text(attempt->phases[i].name)},
						   {"seconds", json_real((double)attempt->phases[i].ms / 1000.0)}));
	return array;
}

static json_t *attempt_object(const char *job, const struct job_attempt *attempt)
{
	char transcript[96];
	snprintf(transcript, sizeof(transcript), "/jobs/%s/attempts/%u/transcript", job, attempt->number);
	return JSON_MEMBERS({"number", json_count(attempt->number)}, {"started_at", json_time_ms(attempt->started_at_ms)},
			    {"finished_at", json_time_ms(attempt->finished_at_ms)},
			    {"outcome", json_text(attempt_outcome_name(attempt->outcome))}, {"phase", json_text(attempt->phase)},
			    {"bytes_done", json_count(attempt->bytes_done)}, {"durations", duration_array(attempt)},
			    {"fault", json_fault_object(&attempt->fault)}, {"transcript", json_text(transcript)});
}

char *json_view_attempts(const char *job, const struct job_attempt *attempts, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < count; i++)
		array = append(array, attempt_object(job, &attempts[i]));
	return json_line(JSON_MEMBERS({"attempts", array}));
}

static json_t *usual_object(const struct duration *duration)
{
	return JSON_MEMBERS({"family", json_text(duration->family)}, {"way", json_text_always(duration->way)},
			    {"phase", json_text_always(duration->phase)}, {"count", json_count(duration->count)},
			    {"median_s", json_real((double)duration->median_ms / 1000.0)},
			    {"p90_s", json_real((double)duration->p90_ms / 1000.0)});
}

char *json_view_durations(const struct duration *durations, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < count; i++)
		array = append(array, usual_object(&durations[i]));
	return json_line(JSON_MEMBERS({"durations", array}));
}
