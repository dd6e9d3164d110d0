/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_value.h"
#include "api/json_view.h"

#include <string.h>

/* Takes over `item`; lets go of `array` and answers NULL when it cannot be appended. */
static json_t *append(json_t *array, json_t *item)
{
	if (json_array_append_new(array, item) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *wave_object(const struct campaign_wave *wave)
{
	return JSON_MEMBERS({"count", wave->kind == WAVE_COUNT ? json_count(wave->number) : json_null()},
			    {"percent", wave->kind == WAVE_PERCENT ? json_count(wave->number) : json_null()},
			    {"selector", wave->kind == WAVE_SELECTOR ? json_text_always(wave->selector) : json_null()},
			    {"state", json_text(wave_state_name(wave->state))}, {"devices", json_count(wave->devices)},
			    {"finished", json_count(wave->finished)});
}

static json_t *wave_array(const struct campaign_order *order)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < order->wave_count; i++)
		array = append(array, wave_object(&order->waves[i]));
	return array;
}

static json_t *window_object(const struct window *window)
{
	char days[32], from[16], length[16];
	if (window->days == 0)
		return json_null();
	window_days_text(window, days, sizeof(days));
	window_from_text(window, from, sizeof(from));
	window_length_text(window, length, sizeof(length));
	return JSON_MEMBERS({"name", json_text(window->name)}, {"days", json_text(days)}, {"from", json_text(from)},
			    {"length", json_text(length)}, {"zone", json_text(window->zone)});
}

static json_t *counts_object(const struct campaign_counts *counts)
{
	return JSON_MEMBERS({"total", json_count(counts->total)}, {"queued", json_count(counts->queued)},
			    {"waiting", json_count(counts->waiting)}, {"running", json_count(counts->running)},
			    {"succeeded", json_count(counts->succeeded)}, {"failed", json_count(counts->failed)},
			    {"cancelled", json_count(counts->cancelled)}, {"skipped", json_count(counts->skipped)});
}

static json_t *stop_object(const struct campaign_stop_rules *rules)
{
	return JSON_MEMBERS({"failed", json_number(rules->failed)}, {"consecutive", json_number(rules->consecutive)},
			    {"percent", json_number(rules->percent)});
}

json_t *json_campaign_object(const struct campaign *campaign)
{
	const struct campaign_order *order = &campaign->order;
	const struct job_request *request = &order->request;
	return JSON_MEMBERS({"id", json_text(campaign->id)}, {"name", json_text(order->name)}, {"firmware", json_text(request->firmware)},
			    {"firmware_name", json_text(request->firmware_name)}, {"release", json_text(campaign->release)},
			    {"selector", json_text_always(order->selector)}, {"state", json_text(campaign_state_name(campaign->state))},
			    {"waves", wave_array(order)}, {"max_parallel", json_count(order->max_parallel)},
			    {"stop_after", stop_object(&order->stop_after)}, {"pause_after_wave", json_boolean(order->pause_after_wave)},
			    {"soak_s", json_count(order->soak_s)}, {"window", window_object(&order->window)},
			    {"offline", json_text(campaign_offline_name(order->offline))},
			    {"dry_run", json_boolean(campaign->id[0] == '\0')}, {"counts", counts_object(&campaign->counts)},
			    {"created_at", json_time_ms(campaign->created_at_ms)}, {"started_at", json_time_ms(campaign->started_at_ms)},
			    {"finished_at", json_time_ms(campaign->finished_at_ms)}, {"reason", json_text(campaign->reason)},
			    {"goes_on_at", json_time_ms(campaign->goes_on_at_ms)}, {"deadline", json_time_ms(request->deadline_ms)},
			    {"attempts", json_number(request->attempts)}, {"requested_by", json_text(request->requested_by)});
}

json_t *json_campaign_array(const struct campaign *campaigns, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < count; i++)
		array = append(array, json_campaign_object(&campaigns[i]));
	return array;
}

static json_t *fault_object(const struct campaign_member *member)
{
	struct job_fault fault = {.kind = member->fault};
	_Static_assert(sizeof(member->fault_message) <= sizeof(fault.message), "it fits");
	_Static_assert(sizeof(member->fault_evidence) <= sizeof(fault.evidence), "it fits");
	memcpy(fault.message, member->fault_message, sizeof(member->fault_message));
	memcpy(fault.evidence, member->fault_evidence, sizeof(member->fault_evidence));
	return json_fault_object(&fault);
}

static json_t *duration(const struct campaign_member *member)
{
	/* A clock that was set back makes no negative one. */
	if (member->started_at_ms == 0 || member->finished_at_ms < member->started_at_ms)
		return json_null();
	return json_real((double)(member->finished_at_ms - member->started_at_ms) / 1000.0);
}

static json_t *member_object(const struct campaign_member *member, const struct device *device)
{
	return JSON_MEMBERS(
	    {"device", json_text(member->device)}, {"wave", json_number((uint64_t)(member->wave + 1))},
	    {"state", json_text(member_state_name(member->state))}, {"reason", json_text(member->reason)}, {"job", json_text(member->job)},
	    {"from_release", json_text(member->from_release)}, {"to_release", json_text(member->to_release)},
	    {"started_at", json_time_ms(member->started_at_ms)}, {"finished_at", json_time_ms(member->finished_at_ms)},
	    {"duration_s", duration(member)},
	    {"verified", member->state == MEMBER_SUCCEEDED && member->job[0] != '\0' ? json_boolean(member->verified) : json_null()},
	    {"attempts", json_count(member->attempts)}, {"fault", fault_object(member)}, {"alias", json_text(device->alias)},
	    {"labels", json_labels_object(device)});
}

static json_t *member_array(const struct campaign_report *report)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < report->count; i++)
		array = append(array, member_object(&report->members[i], &report->devices[i]));
	return array;
}

char *json_view_campaign(const struct campaign *campaign)
{
	return json_line(json_campaign_object(campaign));
}

char *json_view_campaigns(const struct campaign *campaigns, size_t count, const char *next)
{
	return json_line(JSON_MEMBERS({"campaigns", json_campaign_array(campaigns, count)}, {"next", json_text(next != NULL ? next : "")}));
}

char *json_view_campaign_report(const struct campaign_report *report)
{
	const char *next = report->more ? report->members[report->count - 1].device : "";
	return json_line(JSON_MEMBERS({"campaign", json_campaign_object(&report->campaign)}, {"devices", member_array(report)},
				      {"next", json_text(next)}));
}
