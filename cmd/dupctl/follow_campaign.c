/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/follow_campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/dupctl/campaign_fleet.h"
#include "cmd/dupctl/follow.h"
#include "cmd/dupctl/verb_functions.h"
#include "cmd/dupctl/views.h"

/* A report of a thousand devices is some hundred kilobytes. */
#define REPORT_PAUSE_MS 500
/* What a device waits for may change without an event. */
#define REPORT_AGE_MS 10000

struct campaign_subject {
	struct campaign_fleet campaign;
	int64_t asked_ms;
	struct text told; /* what was said of the campaign last */
};

static void subject_apply(void *subject, const struct sse_event *event)
{
	campaign_fleet_apply(&((struct campaign_subject *)subject)->campaign, event);
}

static void subject_mark_stale(void *subject)
{
	((struct campaign_subject *)subject)->campaign.urgent = true;
}

static int subject_refresh(void *subject, struct session *session, bool *ret_changed, struct failure *failure)
{
	struct campaign_subject *watched = subject;
	failure_owned refused = session_failure(session);
	json_t *report = NULL;
	int64_t age_ms = monotonic_ms() - watched->asked_ms;
	int status;

	if (!watched->campaign.urgent && age_ms < (watched->campaign.stale ? REPORT_PAUSE_MS : REPORT_AGE_MS))
		return STATUS_DONE;
	status = campaign_report_get(session, watched->campaign.id, &report, &refused);
	watched->asked_ms = monotonic_ms();
	if (status == STATUS_DONE && report) {
		campaign_fleet_report(&watched->campaign, report);
		*ret_changed = true;
	} else if (status == STATUS_NOT_FOUND || status == STATUS_USAGE || status > STATUS_SIGNAL) {
		text_add(&failure->text, text_bytes(&refused.text));
		failure->status = status;
	}
	return failure->status;
}

static bool subject_over(const void *subject)
{
	const struct campaign_subject *watched = subject;

	return watched->campaign.report && campaign_row_over(&watched->campaign.now);
}

static void subject_tell(void *subject, struct text *ret)
{
	struct campaign_subject *watched = subject;
	text_owned line = {.utf8 = ret->utf8};

	/* The summary says how it ended. */
	if (!watched->campaign.report || strcmp(watched->campaign.now.state, "finished") == 0)
		return;
	view_campaign_state(&line, &watched->campaign.now);
	if (strcmp(text_bytes(&line), text_bytes(&watched->told)) == 0)
		return;
	text_clear(&watched->told);
	text_add(&watched->told, text_bytes(&line));
	text_add(ret, text_bytes(&line));
	text_add(ret, "\n");
}

static void subject_note(const void *subject, struct text *ret)
{
	const struct campaign_row *now = &((const struct campaign_subject *)subject)->campaign.now;

	if (!now->state || strcmp(now->state, "running") == 0)
		return;
	text_add(ret, now->state);
}

static void subject_summary(const void *subject, struct text *ret)
{
	view_campaign_summary(ret, ((const struct campaign_subject *)subject)->campaign.report);
}

static void subject_leave(const void *subject, struct text *ret)
{
	const struct campaign_fleet *campaign = &((const struct campaign_subject *)subject)->campaign;
	size_t unfinished = fleet_unfinished(&campaign->fleet);

	text_add(ret, ": the campaign goes on");
	if (campaign->report)
		text_addf(ret, ", %zu of %zu devices have ended", campaign->fleet.count - unfinished, campaign->fleet.count);
	text_add(ret, "\n  come back to it: dupctl campaign watch ");
	text_add_clean(ret, campaign->id);
	text_add(ret, "\n  stop it:         dupctl campaign stop ");
	text_add_clean(ret, campaign->id);
}

static const struct follow_kind campaign_kind = {
    .events = "/events?topics=job,progress,campaign&snapshot=true",
    .apply = subject_apply,
    .mark_stale = subject_mark_stale,
    .refresh = subject_refresh,
    .over = subject_over,
    .tell = subject_tell,
    .note = subject_note,
    .summary = subject_summary,
    .leave = subject_leave,
};

static int device_status(const json_t *device)
{
	const char *state = reply_text(device, "state");

	if (strcmp(state, "succeeded") == 0)
		return STATUS_DONE;
	return strcmp(state, "skipped") == 0 ? STATUS_REFUSED : STATUS_JOB_FAILED;
}

int campaign_outcome(const json_t *report)
{
	const json_t *devices = json_object_get(report, "devices");
	size_t count = json_array_size(devices);
	int *statuses = calloc(count + 1, sizeof(*statuses)), status;

	if (!statuses)
		return STATUS_OTHER;
	for (size_t i = 0; i < count; i++)
		statuses[i] = device_status(json_array_get(devices, i));
	status = exit_status_combine(statuses, count);
	free(statuses);
	return status;
}

int follow_campaign(struct session *session, const char *id, int64_t deadline_ms)
{
	struct campaign_subject watched = {.campaign = {.id = id, .urgent = true}};
	const struct follow_request request = {&campaign_kind, &watched, &watched.campaign.fleet, deadline_ms};
	int status = follow_until_over(session, &request);

	if (session->json && watched.campaign.report && status < STATUS_SIGNAL &&
	    session_print_json(session, watched.campaign.report) != STATUS_DONE)
		status = STATUS_OTHER;
	if (status == STATUS_DONE)
		status = campaign_outcome(watched.campaign.report);
	campaign_fleet_clear(&watched.campaign);
	text_clear(&watched.told);
	return status;
}
