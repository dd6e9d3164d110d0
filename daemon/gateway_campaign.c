/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/campaign_plan.h"
#include "daemon/campaigns.h"
#include "daemon/job_files.h"
#include "daemon/job_id.h"
#include "daemon/selector.h"
#include "daemon/time_zone.h"

static int check_zone(const char *name, struct job_fault *ret_fault)
{
	struct time_zone *zone = NULL;
	int result = time_zone_load(name, &zone);
	time_zone_free(zone);
	if (result == 0 || result == -ENOMEM)
		return result;
	return job_fault_set(ret_fault, "invalid-request", "this system has no time zone \"%s\"", name);
}

static int check_waves(const struct campaign_order *order, struct job_fault *ret_fault)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < order->wave_count; i++) {
		struct selector *selector = NULL;
		if (order->waves[i].kind == WAVE_SELECTOR)
			result = selector_compile(order->waves[i].selector, &selector, ret_fault);
		selector_free(selector);
	}
	return result;
}

/* Those that the selector means now. Caller frees *ret. */
static int select_devices(struct gateway *gateway, const char *selector, struct device **ret, size_t *ret_count,
			  struct job_fault *ret_fault)
{
	struct device *devices = NULL;
	int result = gateway_devices(gateway, selector, &devices, ret_count, ret_fault);
	if (result < 0)
		return result;
	if (*ret_count == 0) {
		free(devices);
		return job_fault_set(ret_fault, "invalid-request", "the selector \"%s\" matches no device", selector);
	}
	*ret = devices;
	return 0;
}

/* What was asked for, whole and checked. */
static int prepare(struct gateway *gateway, const struct campaign_order *order, const char *firmware, struct campaign *ret,
		   struct job_fault *ret_fault)
{
	struct job_files files = {0};
	*ret = (struct campaign){.order = *order};
	struct campaign_order *own = &ret->order;
	own->request.kind = JOB_UPGRADE;
	if (own->max_parallel == 0)
		own->max_parallel = gateway->config->max_parallel;
	if (own->wave_count == 0)
		own->waves[own->wave_count++] = (struct campaign_wave){.kind = WAVE_PERCENT, .number = 100};
	int result = check_waves(own, ret_fault);
	if (result == 0 && own->window.days != 0)
		result = check_zone(own->window.zone, ret_fault);
	if (result == 0)
		result = job_files_resolve(gateway->firmware, &own->request, firmware, &files, ret_fault);
	if (result < 0)
		return result;
	if (gateway->config->require_signature)
		result = job_files_judge(gateway->firmware, &files, ret_fault);
	snprintf(ret->release, sizeof(ret->release), "%.*s", (int)sizeof(ret->release) - 1, files.bundle.facts.release);
	job_files_clear(&files);
	return result;
}

/* The devices of the campaign as members, each in its wave. Caller frees *ret. */
static int enlist(struct gateway *gateway, const struct campaign_order *order, struct campaign_member **ret, size_t *ret_count,
		  struct job_fault *ret_fault)
{
	size_t count = 0;
	struct device *devices = NULL;
	int result = select_devices(gateway, order->selector, &devices, &count, ret_fault);
	if (result < 0)
		return result;
	int *waves = calloc(count, sizeof(*waves));
	struct campaign_member *members = calloc(count, sizeof(*members));
	result = waves == NULL || members == NULL ? -ENOMEM : campaign_split(order, devices, count, waves, ret_fault);
	for (size_t i = 0; result == 0 && i < count; i++) {
		struct campaign_member *member = &members[i];
		memcpy(member->device, devices[i].id, sizeof(member->device));
		memcpy(member->from_release, devices[i].modem.release, sizeof(member->from_release));
		member->wave = waves[i];
		if (waves[i] >= 0)
			continue;
		member->state = MEMBER_SKIPPED;
		snprintf(member->reason, sizeof(member->reason), "it is in no wave");
	}
	free(devices);
	free(waves);
	if (result < 0) {
		free(members);
		return result;
	}
	*ret = members;
	*ret_count = count;
	return 0;
}

int gateway_create_campaign(struct gateway *gateway, const struct campaign_order *order, const char *firmware, struct campaign *ret,
			    struct job_fault *ret_fault)
{
	size_t count;
	struct device *devices = NULL;
	int result = prepare(gateway, order, firmware, ret, ret_fault);
	if (result == 0)
		result = select_devices(gateway, order->selector, &devices, &count, ret_fault);
	free(devices);
	return result < 0 ? result : campaigns_add(gateway->campaigns, ret, NULL, 0, ret_fault);
}

int gateway_run_campaign(struct gateway *gateway, const struct campaign_order *order, const char *firmware, struct campaign *ret,
			 struct job_fault *ret_fault)
{
	size_t count = 0;
	struct campaign_member *members = NULL;
	int result = prepare(gateway, order, firmware, ret, ret_fault);
	if (result == 0)
		result = enlist(gateway, &ret->order, &members, &count, ret_fault);
	ret->state = CAMPAIGN_RUNNING;
	if (result == 0)
		result = campaigns_add(gateway->campaigns, ret, members, count, ret_fault);
	free(members);
	return result;
}

static enum member_state foreseen(enum member_verdict verdict)
{
	switch (verdict) {
	case VERDICT_GO:
		return MEMBER_QUEUED;
	case VERDICT_WAIT:
		return MEMBER_WAITING;
	case VERDICT_DONE:
		return MEMBER_SUCCEEDED;
	case VERDICT_SKIP:
		return MEMBER_SKIPPED;
	case VERDICT_FAIL:
		return MEMBER_FAILED;
	}
	return MEMBER_QUEUED;
}

/* What is against an upgrade of the device itself, and what its plan says. */
static int foresee(struct gateway *gateway, const struct campaign *campaign, struct campaign_member *member, struct job_fault *ret_fault)
{
	struct plan plan;
	struct device device;
	struct job_request request = campaign->order.request;
	int result = registry_get(gateway->registry, member->device, &device, ret_fault);
	if (result < 0)
		return result;
	bool present = registry_present(gateway->registry, device.id);
	member->state = foreseen(campaign_judge(campaign, &device, present, member->reason, sizeof(member->reason)));
	if (member->state == MEMBER_FAILED)
		member->fault = fault_kind_find(campaign_fault_of(&device));
	if (member->state == MEMBER_FAILED)
		memcpy(member->fault_message, member->reason, sizeof(member->reason));
	if (member->state != MEMBER_QUEUED && member->state != MEMBER_WAITING)
		return 0;
	memcpy(request.device, device.id, sizeof(request.device));
	result = gateway_plan(gateway, &request, campaign->order.request.firmware, &plan, ret_fault);
	if (result < 0 || plan.fault.kind == NULL)
		return result;
	member->fault = plan.fault.kind;
	snprintf(member->fault_message, sizeof(member->fault_message), "%.*s", (int)sizeof(member->fault_message) - 1, plan.fault.message);
	snprintf(member->fault_evidence, sizeof(member->fault_evidence), "%.*s", (int)sizeof(member->fault_evidence) - 1,
		 plan.fault.evidence);
	if (member->reason[0] == '\0')
		snprintf(member->reason, sizeof(member->reason), "%s: %.*s",
			 plan.assumed ? "its modem was never asked; as far as is known its job would fail" : "its job would fail",
			 (int)(sizeof(member->reason) / 2), plan.fault.message);
	return 0;
}

/* What they are called now. */
static int look_at_devices(struct gateway *gateway, struct campaign_report *report)
{
	struct job_fault ignored;
	report->devices = calloc(report->count + 1, sizeof(*report->devices));
	if (report->devices == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < report->count; i++)
		if (registry_get(gateway->registry, report->members[i].device, &report->devices[i], &ignored) < 0)
			report->devices[i] = (struct device){0};
	return 0;
}

int gateway_try_campaign(struct gateway *gateway, const struct campaign_order *order, const char *firmware, struct campaign_report *ret,
			 struct job_fault *ret_fault)
{
	*ret = (struct campaign_report){0};
	int result = prepare(gateway, order, firmware, &ret->campaign, ret_fault);
	if (result == 0)
		result = enlist(gateway, &ret->campaign.order, &ret->members, &ret->count, ret_fault);
	for (size_t i = 0; result == 0 && i < ret->count; i++)
		if (ret->members[i].state != MEMBER_SKIPPED)
			result = foresee(gateway, &ret->campaign, &ret->members[i], ret_fault);
	if (result == 0)
		result = look_at_devices(gateway, ret);
	ret->campaign.created_at_ms = gateway->now_ms();
	campaign_tally(&ret->campaign, ret->members, ret->count);
	if (result < 0)
		campaign_report_clear(ret);
	return result;
}

static int check_id(const char *id, struct job_fault *ret_fault)
{
	return job_id_valid(id) ? 0 : job_fault_set(ret_fault, "not-found", "there is no campaign of that id");
}

int gateway_campaign_report(struct gateway *gateway, const char *id, const struct campaign_page *page, struct campaign_report *ret,
			    struct job_fault *ret_fault)
{
	*ret = (struct campaign_report){0};
	int result = check_id(id, ret_fault);
	if (result == 0)
		result = campaigns_get(gateway->campaigns, id, page, ret, ret_fault);
	if (result == 0)
		result = look_at_devices(gateway, ret);
	if (result < 0)
		campaign_report_clear(ret);
	return result;
}

int gateway_campaign(struct gateway *gateway, const char *id, struct campaign *ret, struct job_fault *ret_fault)
{
	int result = check_id(id, ret_fault);
	return result < 0 ? result : campaigns_glance(gateway->campaigns, id, ret, ret_fault);
}

int gateway_direct_campaign(struct gateway *gateway, const char *id, enum campaign_verb verb, struct campaign *ret,
			    struct job_fault *ret_fault)
{
	struct campaign campaign;
	struct campaign_member *members = NULL;
	size_t count = 0;
	int result = gateway_campaign(gateway, id, &campaign, ret_fault);
	if (result == 0 && verb == CAMPAIGN_START && campaign.state == CAMPAIGN_DRAFT)
		result = enlist(gateway, &campaign.order, &members, &count, ret_fault);
	if (result == 0)
		result = campaigns_direct(gateway->campaigns, id, verb, members, count, ret, ret_fault);
	free(members);
	return result;
}

int gateway_campaigns(struct gateway *gateway, const char *before, unsigned limit, struct campaign **ret, size_t *ret_count, bool *ret_more,
		      struct job_fault *ret_fault)
{
	return campaigns_list(gateway->campaigns, before, limit, ret, ret_count, ret_more, ret_fault);
}

int gateway_remove_campaign(struct gateway *gateway, const char *id, struct job_fault *ret_fault)
{
	int result = check_id(id, ret_fault);
	return result < 0 ? result : campaigns_remove(gateway->campaigns, id, ret_fault);
}
