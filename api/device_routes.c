/* SPDX-License-Identifier: Apache-2.0 */
#include "api/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_read.h"
#include "api/json_view.h"
#include "api/references.h"

#define STATUS_CONFLICT 409

int route_list_devices(struct exchange *exchange)
{
	struct device *devices = NULL;
	size_t count = 0;
	int r = gateway_devices(exchange->gateway, exchange_query(exchange, "selector"), &devices, &count, &exchange->fault);
	if (r < 0)
		return r;
	char *json = json_view_devices(devices, count);
	free(devices);
	return exchange_json(exchange, 200, json);
}

int route_get_device(struct exchange *exchange)
{
	struct device device;
	int r = gateway_device(exchange->gateway, exchange->parameter, &device, &exchange->fault);
	return r < 0 ? r : exchange_json(exchange, 200, json_view_device(&device));
}

int route_patch_device(struct exchange *exchange)
{
	struct device_patch patch;
	struct device device;
	struct read_error error;
	int r = json_read_device_patch(exchange->body, exchange->body_length, exchange->merge_patch, &patch, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0)
		r = gateway_check_lease(exchange->gateway, exchange->parameter, exchange->lease_token, &exchange->fault);
	if (r == 0)
		r = gateway_patch_device(exchange->gateway, exchange->parameter, &patch, &device, &exchange->fault);
	return r < 0 ? r : exchange_json(exchange, 200, json_view_device(&device));
}

int route_get_report(struct exchange *exchange)
{
	struct device device;
	struct device_report report;
	int r = gateway_device(exchange->gateway, exchange->parameter, &device, &exchange->fault);
	if (r < 0)
		return r;
	exchange->remedy = "Probe it first (dupctl probe DEVICE --wait): each probe that ends well leaves a report.";
	r = gateway_report(exchange->gateway, exchange->parameter, &report, &exchange->fault);
	return r < 0 ? r : exchange_json(exchange, 200, json_view_report(&report));
}

int device_request_begin(struct exchange *exchange, enum job_kind kind, struct job_request *ret)
{
	struct device device;
	int r = gateway_device(exchange->gateway, exchange->parameter, &device, &exchange->fault);
	if (r < 0)
		return r;
	if (device.offered) {
		exchange->remedy = "Find out what it carries, then say so: dupctl adopt DEVICE --profile NAME.";
		return exchange_refuse(
		    exchange, STATUS_CONFLICT, NULL,
		    "the device %s is a USB adapter that may carry anything: nothing is sent to it until it is given a profile", device.id);
	}
	*ret = (struct job_request){.kind = kind, .way = "auto"};
	memcpy(ret->device, device.id, sizeof(ret->device));
	gateway_own_lease(exchange->gateway, device.id, exchange->lease_token, ret->lease);
	return 0;
}

int route_probe_device(struct exchange *exchange)
{
	struct probe_request asked;
	struct job_request request;
	struct job job;
	struct read_error error;
	int r = json_read_probe(exchange->body, exchange->body_length, &asked, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0)
		r = device_request_begin(exchange, JOB_PROBE, &request);
	if (r < 0)
		return r;
	request.attempts = asked.attempts;
	request.deadline_ms = asked.deadline_ms;
	request.wait_for_lease = asked.wait_for_lease;
	r = gateway_submit(exchange->gateway, &request, "", &job, &exchange->fault);
	return r < 0 ? r : exchange_new_job(exchange, &job);
}

int route_power_cycle_device(struct exchange *exchange)
{
	struct power_cycle_request asked;
	struct job_request request;
	struct job job;
	struct read_error error;
	int r = json_read_power_cycle(exchange->body, exchange->body_length, &asked, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0)
		r = device_request_begin(exchange, JOB_POWER_CYCLE, &request);
	if (r < 0)
		return r;
	memcpy(request.rung, asked.rung, sizeof(request.rung));
	request.wait_for_lease = asked.wait_for_lease;
	r = gateway_submit(exchange->gateway, &request, "", &job, &exchange->fault);
	return r < 0 ? r : exchange_new_job(exchange, &job);
}

static int fill_request(struct exchange *exchange, const struct upgrade_request *asked, struct job_request *request)
{
	int r = device_request_begin(exchange, JOB_UPGRADE, request);
	if (r == 0 && asked->helper[0] != '\0')
		r = reference_resolve(exchange, "helper", asked->helper, request->helper);
	if (r == 0 && asked->second[0] != '\0')
		r = reference_resolve(exchange, "second", asked->second, request->second);
	if (r < 0)
		return r;
	memcpy(request->way, asked->way, sizeof(request->way));
	request->force = asked->force;
	request->allow_downgrade = asked->allow_downgrade;
	request->allow_branch_switch = asked->allow_branch_switch;
	request->priority = asked->priority;
	request->rate_bps = asked->rate_bps;
	request->not_before_ms = asked->not_before_ms;
	request->deadline_ms = asked->deadline_ms;
	request->attempts = asked->attempts;
	request->wait_for_lease = asked->wait_for_lease;
	return 0;
}

static int answer_plan(struct exchange *exchange, const struct job_request *request, const char *firmware)
{
	struct plan plan;
	int r = gateway_plan(exchange->gateway, request, firmware, &plan, &exchange->fault);
	return r < 0 ? r : exchange_json(exchange, 200, json_view_plan(&plan));
}

static int submit(struct exchange *exchange, const struct job_request *request, const struct upgrade_request *asked)
{
	struct job job;
	const struct job_source source = {.url = asked->url, .sha256 = asked->sha256[0] != '\0' ? asked->sha256 : NULL};
	int r = asked->url[0] != '\0' ? gateway_submit_url(exchange->gateway, request, &source, &job, &exchange->fault)
				      : gateway_submit(exchange->gateway, request, asked->firmware, &job, &exchange->fault);
	return r < 0 ? r : exchange_new_job(exchange, &job);
}

/* A plan is made of what a bundle holds. */
static int plan_of_url(struct exchange *exchange, const struct job_request *request, const struct upgrade_request *asked)
{
	int r = asked->sha256[0] != '\0' ? answer_plan(exchange, request, asked->sha256) : -EPROTO;
	if (r != -EPROTO || (exchange->fault.kind != NULL && exchange->fault.kind != fault_kind_find("not-found")))
		return r;
	return exchange_refuse(exchange, 0, "url", "a plan needs the firmware: add it first (POST /firmware with the url), then ask again");
}

int route_upgrade_device(struct exchange *exchange)
{
	struct upgrade_request asked;
	struct job_request request;
	struct read_error error;
	bool dry_run;
	int r = exchange_query_bool(exchange, "dry_run", &dry_run);
	if (r == 0)
		r = json_read_upgrade(exchange->body, exchange->body_length, &asked, &error);
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, error.member, "%s", error.message);
	if (r == 0)
		r = fill_request(exchange, &asked, &request);
	if (r < 0)
		return r;
	exchange->changes_nothing = dry_run;
	if (!dry_run)
		r = submit(exchange, &request, &asked);
	else
		r = asked.url[0] != '\0' ? plan_of_url(exchange, &request, &asked) : answer_plan(exchange, &request, asked.firmware);
	return r < 0 ? reference_explain(exchange, asked.firmware, r) : r;
}
