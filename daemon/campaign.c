/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/campaign.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const campaign_states[] = {
    [CAMPAIGN_DRAFT] = "draft",     [CAMPAIGN_RUNNING] = "running", [CAMPAIGN_PAUSED] = "paused",
    [CAMPAIGN_WAITING] = "waiting", [CAMPAIGN_STOPPED] = "stopped", [CAMPAIGN_FINISHED] = "finished",
};

static const char *const offline_names[] = {[OFFLINE_WAIT] = "wait", [OFFLINE_SKIP] = "skip", [OFFLINE_FAIL] = "fail"};

static const char *const wave_states[] = {[WAVE_PENDING] = "pending", [WAVE_RUNNING] = "running", [WAVE_DONE] = "done"};

static const char *const member_states[] = {
    [MEMBER_QUEUED] = "queued", [MEMBER_WAITING] = "waiting",     [MEMBER_RUNNING] = "running", [MEMBER_SUCCEEDED] = "succeeded",
    [MEMBER_FAILED] = "failed", [MEMBER_CANCELLED] = "cancelled", [MEMBER_SKIPPED] = "skipped",
};

/* The index of a name, -1 when it is none of them. */
static int find_name(const char *const names[], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

const char *campaign_state_name(enum campaign_state state)
{
	return campaign_states[state];
}

bool campaign_state_parse(const char *name, enum campaign_state *ret)
{
	int i = find_name(campaign_states, COUNT_OF(campaign_states), name);
	*ret = i < 0 ? CAMPAIGN_DRAFT : (enum campaign_state)i;
	return i >= 0;
}

const char *campaign_offline_name(enum campaign_offline offline)
{
	return offline_names[offline];
}

bool campaign_offline_parse(const char *name, enum campaign_offline *ret)
{
	int i = find_name(offline_names, COUNT_OF(offline_names), name);
	*ret = i < 0 ? OFFLINE_WAIT : (enum campaign_offline)i;
	return i >= 0;
}

const char *wave_state_name(enum wave_state state)
{
	return wave_states[state];
}

const char *member_state_name(enum member_state state)
{
	return member_states[state];
}

bool member_state_parse(const char *name, enum member_state *ret)
{
	int i = find_name(member_states, COUNT_OF(member_states), name);
	*ret = i < 0 ? MEMBER_QUEUED : (enum member_state)i;
	return i >= 0;
}

bool member_state_final(enum member_state state)
{
	switch (state) {
	case MEMBER_QUEUED:
	case MEMBER_WAITING:
	case MEMBER_RUNNING:
		return false;
	case MEMBER_SUCCEEDED:
	case MEMBER_FAILED:
	case MEMBER_CANCELLED:
	case MEMBER_SKIPPED:
		return true;
	}
	return true;
}

void campaign_report_clear(struct campaign_report *report)
{
	free(report->members);
	free(report->devices);
	report->members = NULL;
	report->devices = NULL;
	report->count = 0;
}
