/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_value.h"
#include "api/json_view.h"

#define MS_PER_S 1000

static json_t *jobs_array(const struct download_status *status)
{
	json_t *jobs = json_array();
	for (size_t i = 0; jobs != NULL && i < status->job_count; i++) {
		if (json_array_append_new(jobs, json_text_always(status->jobs[i])) == 0)
			continue;
		json_decref(jobs);
		return NULL;
	}
	return jobs;
}

static json_t *fault_object(const struct cache_error *error)
{
	struct job_fault fault;
	if (error->code == CACHE_ERROR_NONE)
		return json_null();
	job_fault_from_cache(&fault, error);
	return json_fault_object(&fault);
}

json_t *json_download_total(uint64_t bytes_total)
{
	return bytes_total != DOWNLOAD_BYTES_UNKNOWN ? json_count(bytes_total) : json_null();
}

json_t *json_download_object(const struct download_status *status)
{
	const struct download *now = &status->now;
	return JSON_MEMBERS({"id", json_text(now->id)}, {"url", json_text_always(now->url)}, {"sha256", json_text(now->sha256)},
			    {"state", json_text(download_state_name(now->state))}, {"bytes_done", json_count(now->bytes_done)},
			    {"bytes_total", json_download_total(now->bytes_total)}, {"attempt", json_count(now->attempt)},
			    {"not_before", json_time_ms(now->not_before * MS_PER_S)}, {"firmware", json_text(now->firmware)},
			    {"jobs", jobs_array(status)}, {"fault", fault_object(&now->fault)},
			    {"created_at", json_time_ms(now->created_at * MS_PER_S)},
			    {"finished_at", json_time_ms(now->finished_at * MS_PER_S)});
}

json_t *json_download_array(const struct download_status *list, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < count; i++) {
		if (json_array_append_new(array, json_download_object(&list[i])) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

char *json_view_download(const struct download_status *status)
{
	return json_line(json_download_object(status));
}

char *json_view_downloads(const struct download_status *list, size_t count)
{
	return json_line(JSON_MEMBERS({"downloads", json_download_array(list, count)}));
}
