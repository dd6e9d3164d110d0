/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/junit.h"

#include <inttypes.h>
#include <string.h>

#include "cmd/dupctl/format.h"
#include "cmd/dupctl/reply.h"

/* "2026-03-01T10:16:00": schemas want a time without a zone; it is UTC. */
#define TIMESTAMP_CHARACTERS 19u

static bool character_fits(uint32_t character)
{
	if (character == '\n' || character == '\t')
		return true;
	/* The range of C1 is legal, and of no use to anybody who reads. */
	if (character < 0x20 || (character >= 0x7f && character < 0xa0))
		return false;
	return character != 0xfffe && character != 0xffff;
}

static const char *reference_of(uint32_t character, bool attribute)
{
	switch (character) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return attribute ? "&quot;" : NULL;
	case '\n':
		return attribute ? "&#10;" : NULL;
	case '\t':
		return attribute ? "&#9;" : NULL;
	default:
		return NULL;
	}
}

void junit_add_text(struct text *ret, const char *bytes, bool attribute)
{
	while (*bytes) {
		uint32_t character = 0;
		size_t length = utf8_decode(bytes, &character);
		const char *reference = length ? reference_of(character, attribute) : NULL;

		if (length == 0)
			text_add(ret, "\xef\xbf\xbd");
		else if (reference)
			text_add(ret, reference);
		else if (character_fits(character))
			text_addn(ret, bytes, length);
		bytes += length ? length : 1;
	}
}

static void attribute_add(struct text *ret, const char *name, const char *value)
{
	text_addf(ret, " %s=\"", name);
	junit_add_text(ret, value, true);
	text_add(ret, "\"");
}

static void count_add(struct text *ret, const char *name, int64_t count)
{
	text_addf(ret, " %s=\"%" PRId64 "\"", name, count);
}

static void time_add(struct text *ret, double seconds)
{
	text_addf(ret, " time=\"%.3f\"", seconds > 0 ? seconds : 0);
}

static bool state_is(const json_t *device, const char *state)
{
	return strcmp(reply_text(device, "state"), state) == 0;
}

static void line_add(struct text *ret, const char *title, const char *value)
{
	if (!*value)
		return;
	text_addf(ret, "%s", title);
	junit_add_text(ret, value, false);
	text_add(ret, "\n");
}

static void failure_add(struct text *ret, const json_t *device)
{
	struct fault_row fault;
	text_owned called = {.utf8 = true};

	campaign_device_called(&called, device);
	fault_read(json_object_get(device, "fault"), &fault);
	text_add(ret, "<failure");
	attribute_add(ret, "type", *fault.code ? fault.code : "failed");
	attribute_add(ret, "message", *fault.message ? fault.message : reply_text(device, "reason"));
	text_add(ret, ">");
	line_add(ret, "", fault.message);
	line_add(ret, "seen: ", fault.evidence);
	line_add(ret, "what to do: ", fault.remedy);
	line_add(ret, "device: ", text_bytes(&called));
	line_add(ret, "job: ", reply_text(device, "job"));
	if (reply_number(device, "attempts") > 0)
		text_addf(ret, "attempts: %" PRId64 "\n", reply_number(device, "attempts"));
	text_add(ret, "</failure>");
}

static void outcome_add(struct text *ret, const json_t *device)
{
	const char *state = reply_text(device, "state"), *reason = reply_text(device, "reason");
	text_owned message = {.utf8 = true};

	if (state_is(device, "failed")) {
		failure_add(ret, device);
		return;
	}
	text_addf(&message, "%s%s%s", state, *reason ? ": " : "", reason);
	if (state_is(device, "skipped") || state_is(device, "cancelled")) {
		text_add(ret, "<skipped");
		attribute_add(ret, "message", message.bytes);
	} else {
		text_add(ret, "<error type=\"not-finished\"");
		attribute_add(ret, "message", message.bytes);
	}
	text_add(ret, "/>");
}

static void case_add(struct text *ret, const json_t *device)
{
	text_add(ret, "    <testcase classname=\"dupgate.upgrade\"");
	attribute_add(ret, "name", reply_text(device, "device"));
	time_add(ret, json_number_value(json_object_get(device, "duration_s")));
	if (state_is(device, "succeeded")) {
		text_add(ret, "/>\n");
		return;
	}
	text_add(ret, ">");
	outcome_add(ret, device);
	text_add(ret, "</testcase>\n");
}

static void property_add(struct text *ret, const char *name, const char *value)
{
	if (!*value)
		return;
	text_add(ret, "      <property");
	attribute_add(ret, "name", name);
	attribute_add(ret, "value", value);
	text_add(ret, "/>\n");
}

/* From the start to the end of all; 0 when it has not ended. */
static double lasted_s(const struct campaign_row *campaign)
{
	int64_t started, finished;

	if (!parse_time(campaign->started_at, &started) || !parse_time(campaign->finished_at, &finished))
		return 0;
	return (double)(finished - started);
}

/* The schemas know properties of a suite only. */
static void devices_add(struct text *ret, const json_t *devices)
{
	for (size_t i = 0; i < json_array_size(devices); i++) {
		const json_t *device = json_array_get(devices, i);
		text_owned called = {.utf8 = true}, name = {.utf8 = true};

		campaign_device_called(&called, device);
		text_addf(&name, "device %s", reply_text(device, "device"));
		property_add(ret, text_bytes(&name), text_bytes(&called));
	}
}

static void suite_begin(struct text *ret, const struct campaign_row *campaign, const json_t *devices, const char *hostname)
{
	const struct campaign_counts_row *counts = &campaign->counts;
	const char *began = *campaign->started_at ? campaign->started_at : campaign->created_at;
	text_owned name = {.utf8 = true}, timestamp = {0};

	text_addf(&name, "%s", *campaign->name ? campaign->name : "campaign ");
	text_add(&name, *campaign->name ? "" : campaign->id);
	text_addn(&timestamp, began, strlen(began) < TIMESTAMP_CHARACTERS ? strlen(began) : TIMESTAMP_CHARACTERS);
	text_add(ret, "  <testsuite id=\"0\" package=\"dupgate\"");
	attribute_add(ret, "name", name.bytes);
	attribute_add(ret, "timestamp", text_bytes(&timestamp));
	attribute_add(ret, "hostname", hostname);
	count_add(ret, "tests", counts->total);
	count_add(ret, "failures", counts->failed);
	count_add(ret, "errors", counts->queued + counts->waiting + counts->running);
	count_add(ret, "skipped", counts->skipped + counts->cancelled);
	time_add(ret, lasted_s(campaign));
	text_add(ret, ">\n    <properties>\n");
	property_add(ret, "campaign", campaign->id);
	property_add(ret, "state", campaign->state);
	property_add(ret, "firmware", campaign->firmware_name);
	property_add(ret, "sha256", campaign->firmware);
	property_add(ret, "release", campaign->release);
	property_add(ret, "selector", campaign->selector);
	devices_add(ret, devices);
	text_add(ret, "    </properties>\n");
}

void junit_add_report(struct text *ret, const json_t *report, const char *hostname)
{
	const json_t *devices = json_object_get(report, "devices");
	struct campaign_row campaign;

	campaign_read(json_object_get(report, "campaign"), &campaign);
	text_add(ret, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	suite_begin(ret, &campaign, devices, hostname);
	for (size_t i = 0; i < json_array_size(devices); i++)
		case_add(ret, json_array_get(devices, i));
	text_add(ret, "    <system-out>");
	junit_add_text(ret, campaign.reason, false);
	text_add(ret, "</system-out>\n    <system-err/>\n  </testsuite>\n</testsuites>\n");
}
