/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/table.h"
#include "cmd/dupctl/views.h"

#define GROUPS_SUMMED  3u
#define GROUP_NAMED    3
#define SUMMARY_INDENT 4

static int64_t ended(const struct campaign_counts_row *counts)
{
	return counts->succeeded + counts->failed + counts->cancelled + counts->skipped;
}

static void list_row_add(struct table *table, const struct campaign_row *campaign)
{
	text_owned devices = {0}, failed = {0};
	const struct campaign_counts_row *counts = &campaign->counts;

	if (counts->total > 0)
		text_addf(&devices, "%" PRId64 " of %" PRId64, ended(counts), counts->total);
	if (counts->failed > 0)
		text_addf(&failed, "%" PRId64, counts->failed);
	table_add(table, campaign->id, TEXT_PLAIN);
	table_add(table, campaign->name, TEXT_PLAIN);
	table_add(table, campaign->state, view_state_color(campaign->state));
	table_add(table, campaign->firmware_name, TEXT_PLAIN);
	table_add(table, text_bytes(&devices), TEXT_PLAIN);
	table_add(table, text_bytes(&failed), TEXT_RED);
	table_add(table, campaign->created_at, TEXT_PLAIN);
}

void view_campaign_list(struct text *ret, const json_t *campaigns, size_t width)
{
	static const char *const titles[] = {"CAMPAIGN", "NAME", "STATE", "FIRMWARE", "ENDED", "FAILED", "CREATED"};
	table_owned table = {.titles = titles, .spare = "6314", .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};

	if (json_array_size(campaigns) == 0) {
		text_add(ret, "no campaigns\n");
		return;
	}
	for (size_t i = 0; i < json_array_size(campaigns); i++) {
		struct campaign_row campaign;

		campaign_read(json_array_get(campaigns, i), &campaign);
		list_row_add(&table, &campaign);
	}
	table_render(&table, width, ret);
}

void view_campaign_state(struct text *ret, const struct campaign_row *campaign)
{
	if (!*campaign->id) {
		text_add(ret, "what would become of each device if it started now; nothing was made");
		return;
	}
	text_add(ret, "campaign ");
	text_add_clean(ret, campaign->id);
	text_add(ret, "  ");
	text_add_color(ret, view_state_color(campaign->state));
	text_add_clean(ret, campaign->state);
	text_add_color(ret, TEXT_PLAIN);
	text_add(ret, *campaign->reason ? ": " : "");
	text_add_clean(ret, campaign->reason);
	if (strcmp(campaign->state, "waiting") == 0 && !*campaign->goes_on_at) {
		text_add(ret, " (dupctl campaign approve ");
		text_add_clean(ret, campaign->id);
		text_add(ret, ")");
	}
}

static void count_add(struct text *ret, int64_t count, const char *word)
{
	if (count > 0)
		text_addf(ret, "%s%" PRId64 " %s", ret->length ? ", " : "", count, word);
}

static void counts_field(struct text *ret, const struct campaign_counts_row *counts)
{
	text_owned value = {0};

	count_add(&value, counts->total, "in all");
	count_add(&value, counts->queued, "queued");
	count_add(&value, counts->waiting, "waiting");
	count_add(&value, counts->running, "running");
	count_add(&value, counts->succeeded, "succeeded");
	count_add(&value, counts->failed, "failed");
	count_add(&value, counts->cancelled, "cancelled");
	count_add(&value, counts->skipped, "skipped");
	view_field(ret, "Devices", text_bytes(&value));
}

static void waves_fields(struct text *ret, const json_t *waves)
{
	for (size_t i = 0; i < json_array_size(waves); i++) {
		const json_t *wave = json_array_get(waves, i);
		text_owned title = {0}, value = {.utf8 = ret->utf8};

		text_addf(&title, "Wave %zu", i + 1);
		if (reply_number(wave, "count") > 0)
			text_addf(&value, "%" PRId64 " device%s", reply_number(wave, "count"), reply_number(wave, "count") > 1 ? "s" : "");
		else if (reply_number(wave, "percent") > 0)
			text_addf(&value, "%" PRId64 " %%", reply_number(wave, "percent"));
		else
			text_add_clean(&value, reply_text(wave, "selector"));
		text_add(&value, ": ");
		text_add_clean(&value, reply_text(wave, "state"));
		if (reply_number(wave, "devices") > 0)
			text_addf(&value, ", %" PRId64 " of %" PRId64 " have ended", reply_number(wave, "finished"),
				  reply_number(wave, "devices"));
		view_field(ret, text_bytes(&title), text_bytes(&value));
	}
}

static void stop_after_field(struct text *ret, const json_t *rules)
{
	text_owned value = {0};

	count_add(&value, reply_number(rules, "failed"), "failed");
	count_add(&value, reply_number(rules, "consecutive"), "failed one after the other");
	count_add(&value, reply_number(rules, "percent"), "percent failed");
	view_field(ret, "Stops after", text_bytes(&value));
}

static void window_field(struct text *ret, const json_t *window)
{
	static const char *const members[] = {"name", "days", "from", "length", "zone"};
	text_owned value = {.utf8 = ret->utf8};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *part = reply_text(window, members[i]);

		if (*part)
			text_add(&value, value.length ? " " : "");
		text_add_clean(&value, part);
	}
	view_field(ret, "Window", text_bytes(&value));
}

void view_campaign(struct text *ret, const struct campaign_row *campaign)
{
	text_owned soak = {0}, parallel = {0}, attempts = {0};

	if (campaign->soak_s > 0)
		format_duration(&soak, campaign->soak_s);
	if (campaign->max_parallel > 0)
		text_addf(&parallel, "%" PRId64 " job%s", campaign->max_parallel, campaign->max_parallel > 1 ? "s" : "");
	if (campaign->attempts > 0)
		text_addf(&attempts, "%" PRId64 " for each job", campaign->attempts);
	view_field(ret, "Campaign", campaign->id);
	view_field(ret, "Name", campaign->name);
	view_field(ret, "State", campaign->state);
	view_field(ret, "Reason", campaign->reason);
	view_field(ret, "Goes on", campaign->goes_on_at);
	view_field(ret, "Firmware", *campaign->firmware_name ? campaign->firmware_name : campaign->firmware);
	view_field(ret, "Release", campaign->release);
	view_field(ret, "Selector", *campaign->selector ? campaign->selector : "all devices");
	counts_field(ret, &campaign->counts);
	waves_fields(ret, campaign->waves);
	view_field(ret, "At a time", text_bytes(&parallel));
	stop_after_field(ret, campaign->stop_after);
	view_field(ret, "Between", campaign->pause_after_wave ? "each wave is approved" : "");
	view_field(ret, "Soak", text_bytes(&soak));
	window_field(ret, campaign->window);
	view_field(ret, "Deadline", campaign->deadline);
	view_field(ret, "Attempts", text_bytes(&attempts));
	view_field(ret, "Absent ones",
		   strcmp(campaign->offline, "wait") == 0   ? "are waited for"
		   : strcmp(campaign->offline, "skip") == 0 ? "are skipped"
		   : strcmp(campaign->offline, "fail") == 0 ? "fail"
							    : "");
	view_field(ret, "Requested by", campaign->requested_by);
	view_field(ret, "Created", campaign->created_at);
	view_field(ret, "Started", campaign->started_at);
	view_field(ret, "Finished", campaign->finished_at);
}

static void device_row_add(struct table *table, const json_t *device)
{
	text_owned wave = {0}, releases = {.utf8 = table->utf8}, lasted = {0};
	const char *from = reply_text(device, "from_release"), *to = reply_text(device, "to_release");
	const char *code = reply_text(json_object_get(device, "fault"), "code"), *state = reply_text(device, "state");

	if (reply_number(device, "wave") > 0)
		text_addf(&wave, "%" PRId64, reply_number(device, "wave"));
	text_add_clean(&releases, from);
	if (*to) {
		text_add_glyph(&releases, *from ? " → " : "→ ", *from ? " -> " : "-> ");
		text_add_clean(&releases, to);
	}
	if (reply_number(device, "duration_s") >= 0)
		format_duration(&lasted, reply_number(device, "duration_s"));
	table_add(table, reply_text(device, "device"), TEXT_PLAIN);
	table_add(table, text_bytes(&wave), TEXT_PLAIN);
	table_add(table, state, view_state_color(state));
	table_add(table, *code ? code : reply_text(device, "reason"), TEXT_PLAIN);
	table_add(table, text_bytes(&releases), TEXT_PLAIN);
	table_add(table, text_bytes(&lasted), TEXT_PLAIN);
	table_add(table, reply_text(device, "job"), TEXT_PLAIN);
}

/* The id, and what tells people where that is: "m37 (the blue board, rack=2, slot=5)". */
static void device_named_add(struct text *ret, const json_t *device)
{
	text_owned called = {.utf8 = ret->utf8};

	campaign_device_called(&called, device);
	text_add_clean(ret, reply_text(device, "device"));
	if (called.length == 0)
		return;
	text_add(ret, " (");
	text_add_clean(ret, text_bytes(&called));
	text_add(ret, ")");
}

static void fault_lines_add(struct text *ret, const json_t *device)
{
	struct fault_row fault;

	fault_read(json_object_get(device, "fault"), &fault);
	if (!*fault.code)
		return;
	text_add(ret, "\n");
	device_named_add(ret, device);
	text_add(ret, ": ");
	view_fault(ret, &fault, "  ");
	text_add(ret, "\n");
}

void view_campaign_devices(struct text *ret, const json_t *report, size_t width)
{
	static const char *const titles[] = {"DEVICE", "WAVE", "STATE", "NOTE", "RELEASE", "TIME", "JOB"};
	table_owned table = {.titles = titles, .spare = "6514", .column_count = sizeof(titles) / sizeof(titles[0]), .utf8 = ret->utf8};
	const json_t *devices = json_object_get(report, "devices");

	if (json_array_size(devices) == 0)
		return;
	for (size_t i = 0; i < json_array_size(devices); i++)
		device_row_add(&table, json_array_get(devices, i));
	table_render(&table, width, ret);
	for (size_t i = 0; i < json_array_size(devices); i++)
		fault_lines_add(ret, json_array_get(devices, i));
}

/* Those that had the release before. */
static size_t already_count(const json_t *devices)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(devices); i++) {
		const json_t *device = json_array_get(devices, i);

		count += strcmp(reply_text(device, "state"), "succeeded") == 0 && *reply_text(device, "reason");
	}
	return count;
}

/* Those whose firmware declares no release: nothing tells that it is the right one. */
static int64_t unverified_count(const json_t *devices)
{
	int64_t count = 0;

	for (size_t i = 0; i < json_array_size(devices); i++) {
		const json_t *device = json_array_get(devices, i);

		count += json_is_false(json_object_get(device, "verified")) && !*reply_text(device, "reason");
	}
	return count;
}

/* Failures in the same words. */
struct failure_group {
	struct fault_row fault;
	struct text names;
	int64_t count;
};

static bool fault_same(const struct fault_row *a, const struct fault_row *b)
{
	return strcmp(a->code, b->code) == 0 && strcmp(a->message, b->message) == 0 && strcmp(a->remedy, b->remedy) == 0;
}

/* The group of the fault, a new one, or NULL when there is no room for one more. */
static struct failure_group *group_find(struct failure_group *groups, size_t *count, const struct fault_row *fault)
{
	for (size_t i = 0; i < *count; i++)
		if (fault_same(&groups[i].fault, fault))
			return &groups[i];
	if (*count == GROUPS_SUMMED)
		return NULL;
	groups[*count].fault = *fault;
	return &groups[(*count)++];
}

/* Returns how many have failed. */
static int64_t failures_group(const json_t *devices, struct failure_group *groups, size_t *count)
{
	int64_t failed = 0;

	for (size_t i = 0; i < json_array_size(devices); i++) {
		const json_t *device = json_array_get(devices, i);
		struct failure_group *group;
		struct fault_row fault;

		fault_read(json_object_get(device, "fault"), &fault);
		if (!*fault.code || strcmp(reply_text(device, "state"), "failed") != 0)
			continue;
		failed++;
		group = group_find(groups, count, &fault);
		if (!group || group->count++ >= GROUP_NAMED)
			continue;
		text_add(&group->names, group->count > 1 ? ", " : "");
		device_named_add(&group->names, device);
	}
	return failed;
}

static void group_add(struct text *ret, const struct failure_group *group)
{
	text_owned words = {0};

	text_add(&words, text_bytes(&group->names));
	if (group->count > GROUP_NAMED)
		text_addf(&words, " and %" PRId64 " more", group->count - GROUP_NAMED);
	text_addf(&words, ": %s: %s%s%s", group->fault.code, group->fault.message, *group->fault.remedy ? ". " : "", group->fault.remedy);
	text_add_words(ret, text_bytes(&words), SUMMARY_INDENT);
}

/* One kind in the same line, several in lines of their own. */
static void failures_sum_up(struct text *ret, const json_t *devices, const struct campaign_row *campaign)
{
	struct failure_group groups[GROUPS_SUMMED] = {0};
	size_t count = 0;
	int64_t rest;
	bool some;

	for (size_t i = 0; i < GROUPS_SUMMED; i++)
		groups[i].names.utf8 = ret->utf8;
	rest = failures_group(devices, groups, &count);
	some = rest > 0;
	for (size_t i = 0; i < count; i++) {
		rest -= groups[i].count;
		text_add(ret, count > 1 ? "\n  " : "; ");
		group_add(ret, &groups[i]);
		text_clear(&groups[i].names);
	}
	if (rest > 0) {
		text_addf(ret, "\n  and %" PRId64 " more: dupctl campaign report ", rest);
		text_add_clean(ret, campaign->id);
	}
	if (some && campaign_row_over(campaign)) {
		text_add(ret, "\n  then once more: dupctl campaign retry ");
		text_add_clean(ret, campaign->id);
	}
}

void view_campaign_summary(struct text *ret, const json_t *report)
{
	const json_t *devices = json_object_get(report, "devices");
	size_t already = already_count(devices);
	int64_t unverified = unverified_count(devices);
	struct campaign_row campaign;

	campaign_read(json_object_get(report, "campaign"), &campaign);
	text_addf(ret, "%" PRId64 " of %" PRId64 " verified", campaign.counts.succeeded - unverified, campaign.counts.total);
	if (already > 0)
		text_addf(ret, " (%zu had it already)", already);
	count_add(ret, unverified, "installed but not verified");
	count_add(ret, campaign.counts.failed, "failed");
	count_add(ret, campaign.counts.cancelled, "cancelled");
	count_add(ret, campaign.counts.skipped, "skipped");
	count_add(ret, campaign.counts.queued + campaign.counts.waiting + campaign.counts.running, "not ended");
	failures_sum_up(ret, devices, &campaign);
}
