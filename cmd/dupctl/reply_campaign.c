/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/dupctl/reply.h"

static struct campaign_counts_row counts_read(const json_t *json)
{
	return (struct campaign_counts_row){
	    .total = reply_number(json, "total"),
	    .queued = reply_number(json, "queued"),
	    .waiting = reply_number(json, "waiting"),
	    .running = reply_number(json, "running"),
	    .succeeded = reply_number(json, "succeeded"),
	    .failed = reply_number(json, "failed"),
	    .cancelled = reply_number(json, "cancelled"),
	    .skipped = reply_number(json, "skipped"),
	};
}

void campaign_read(const json_t *json, struct campaign_row *ret)
{
	const json_t *window = json_object_get(json, "window");

	*ret = (struct campaign_row){
	    .id = reply_text(json, "id"),
	    .name = reply_text(json, "name"),
	    .firmware = reply_text(json, "firmware"),
	    .firmware_name = reply_text(json, "firmware_name"),
	    .release = reply_text(json, "release"),
	    .selector = reply_text(json, "selector"),
	    .state = reply_text(json, "state"),
	    .reason = reply_text(json, "reason"),
	    .goes_on_at = reply_text(json, "goes_on_at"),
	    .offline = reply_text(json, "offline"),
	    .created_at = reply_text(json, "created_at"),
	    .started_at = reply_text(json, "started_at"),
	    .finished_at = reply_text(json, "finished_at"),
	    .deadline = reply_text(json, "deadline"),
	    .requested_by = reply_text(json, "requested_by"),
	    .attempts = reply_number(json, "attempts"),
	    .max_parallel = reply_number(json, "max_parallel"),
	    .soak_s = reply_number(json, "soak_s"),
	    .pause_after_wave = json_is_true(json_object_get(json, "pause_after_wave")),
	    .waves = json_object_get(json, "waves"),
	    .stop_after = json_object_get(json, "stop_after"),
	    .window = json_is_object(window) ? window : NULL,
	    .counts = counts_read(json_object_get(json, "counts")),
	};
}

bool campaign_row_over(const struct campaign_row *campaign)
{
	bool final = strcmp(campaign->state, "stopped") == 0 || strcmp(campaign->state, "finished") == 0;

	return final && campaign->counts.queued + campaign->counts.waiting + campaign->counts.running == 0;
}

json_t *campaign_device_job(const json_t *device, const char *release)
{
	static const char *const same[] = {"device", "state", "reason", "from_release", "to_release", "started_at", "finished_at", "fault"};
	const json_t *told = json_object_get(device, "verified");
	bool had_it = *reply_text(device, "reason") != '\0';
	bool verified = strcmp(reply_text(device, "state"), "succeeded") == 0 && (had_it ? *release != '\0' : json_is_true(told));
	json_t *job = json_pack("{s:s, s:b}", "kind", "upgrade", "verified", verified);

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		json_object_set(job, same[i], json_object_get(device, same[i]));
	json_object_set(job, "id", json_object_get(device, "job"));
	return job;
}

void campaign_device_called(struct text *ret, const json_t *device)
{
	const char *alias = reply_text(device, "alias"), *key;
	json_t *value;

	text_add(ret, alias);
	json_object_foreach(json_object_get(device, "labels"), key, value)
	{
		text_add(ret, ret->length > 0 ? ", " : "");
		text_add(ret, key);
		text_add(ret, "=");
		text_add(ret, json_string_value(value) ? json_string_value(value) : "");
	}
}
