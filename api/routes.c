/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"

static const struct route routes[] = {
    {"GET", "/devices", route_list_devices, BODY_NONE, {"selector"}},
    {"GET", "/devices/{id}", route_get_device, BODY_NONE, {NULL}},
    {"PATCH", "/devices/{id}", route_patch_device, BODY_JSON, {NULL}},
    {"POST", "/devices/{id}/probe", route_probe_device, BODY_JSON, {NULL}},
    {"POST", "/devices/{id}/power-cycle", route_power_cycle_device, BODY_JSON, {NULL}},
    {"GET", "/devices/{id}/report", route_get_report, BODY_NONE, {NULL}},
    {"GET", "/devices/{id}/history", route_get_history, BODY_NONE, {"limit"}},
    {"POST", "/devices/{id}/recover", route_recover_device, BODY_JSON, {"dry_run"}},
    {"POST", "/devices/{id}/upgrade", route_upgrade_device, BODY_JSON, {"dry_run"}},
    {"PUT", "/devices/{id}/lease", route_put_lease, BODY_JSON, {NULL}},
    {"DELETE", "/devices/{id}/lease", route_end_lease, BODY_NONE, {"force", "reason"}},
    {"GET",
     "/jobs",
     route_list_jobs,
     BODY_NONE,
     {"state", "device", "campaign", "kind", "code", "firmware", "since", "until", "limit", "before"}},
    {"GET", "/jobs/{id}", route_get_job, BODY_NONE, {NULL}},
    {"DELETE", "/jobs/{id}", route_cancel_job, BODY_NONE, {NULL}},
    {"POST", "/jobs/{id}/retry", route_retry_job, BODY_JSON, {NULL}},
    {"GET", "/jobs/{id}/transcript", route_get_transcript, BODY_NONE, {NULL}},
    {"GET", "/jobs/{id}/attempts", route_list_attempts, BODY_NONE, {NULL}},
    {"GET", "/jobs/{id}/attempts/{number}/transcript", route_get_attempt_transcript, BODY_NONE, {NULL}},
    {"GET", "/durations", route_list_durations, BODY_NONE, {"family"}},
    {"GET", "/jobs/{id}/events", route_follow_job, BODY_NONE, {NULL}},
    {"POST", "/upgrades", route_upgrade_many, BODY_JSON, {NULL}},
    {"GET", "/campaigns", route_list_campaigns, BODY_NONE, {"limit", "before"}},
    {"POST", "/campaigns", route_create_campaign, BODY_JSON, {NULL}},
    {"GET", "/campaigns/{id}", route_get_campaign, BODY_NONE, {NULL}},
    {"DELETE", "/campaigns/{id}", route_remove_campaign, BODY_NONE, {NULL}},
    {"GET", "/campaigns/{id}/report", route_get_campaign_report, BODY_NONE, {"limit", "after"}},
    {"POST", "/campaigns/{id}/start", route_start_campaign, BODY_JSON, {NULL}},
    {"POST", "/campaigns/{id}/pause", route_pause_campaign, BODY_JSON, {NULL}},
    {"POST", "/campaigns/{id}/resume", route_resume_campaign, BODY_JSON, {NULL}},
    {"POST", "/campaigns/{id}/stop", route_stop_campaign, BODY_JSON, {NULL}},
    {"POST", "/campaigns/{id}/approve", route_approve_campaign, BODY_JSON, {NULL}},
    {"POST", "/campaigns/{id}/retry", route_retry_campaign, BODY_JSON, {NULL}},
    {"GET", "/firmware", route_list_firmware, BODY_NONE, {"available"}},
    {"POST", "/firmware", route_add_firmware, BODY_FILE, {"name", "family", "release", "build", "base_build", "helper", "second"}},
    {"POST", "/firmware/catalogue", route_put_catalogue, BODY_JSON_LONG, {NULL}},
    {"GET", "/firmware/catalogue", route_get_catalogue, BODY_NONE, {NULL}},
    {"GET", "/firmware/{sha256}", route_get_firmware, BODY_NONE, {NULL}},
    {"GET", "/firmware/{sha256}/content", route_get_content, BODY_NONE_READ, {NULL}},
    {"PATCH", "/firmware/{sha256}", route_patch_firmware, BODY_JSON, {NULL}},
    {"PUT", "/firmware/{sha256}/signature", route_sign_firmware, BODY_TEXT, {NULL}},
    {"DELETE", "/firmware/{sha256}", route_remove_firmware, BODY_NONE, {NULL}},
    {"GET", "/downloads", route_list_downloads, BODY_NONE, {NULL}},
    {"GET", "/downloads/{id}", route_get_download, BODY_NONE, {NULL}},
    {"DELETE", "/downloads/{id}", route_cancel_download, BODY_NONE, {NULL}},
    {"GET", "/events", route_follow_events, BODY_NONE, {"topics", "device", "job", "snapshot"}},
    {"GET", "/audit", route_list_audit, BODY_NONE, {"device", "limit", "before"}},
    {"GET", "/healthz", route_get_health, BODY_NONE, {NULL}},
    {"GET", "/readyz", route_get_readiness, BODY_NONE, {NULL}},
    {"GET", "/version", route_get_version, BODY_NONE, {NULL}},
    {"GET", "/openapi.yaml", route_get_openapi, BODY_NONE, {NULL}},
};

/* POST /firmware again: a URL in the place of the file. */
static const struct route fetch = {"POST", "/firmware", route_fetch_firmware, BODY_JSON, {NULL}};

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

const struct route *route_at(size_t index)
{
	return index < ROUTE_COUNT ? &routes[index] : NULL;
}

static bool method_fits(const struct route *route, const char *method)
{
	return strcmp(route->method, strcmp(method, "HEAD") == 0 ? "GET" : method) == 0;
}

static void allow(struct exchange *exchange, const struct route *route)
{
	char *text = exchange->answer.allow;
	size_t used = strlen(text);
	snprintf(text + used, sizeof(exchange->answer.allow) - used, "%s%s%s", used > 0 ? ", " : "", route->method,
		 strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
}

static int refuse_parameter(struct exchange *exchange, enum url_verdict verdict)
{
	if (verdict == URL_TOO_LONG)
		return job_fault_set(&exchange->fault, "not-found", "nothing has a name that long");
	return exchange_refuse(exchange, 0, NULL, "the path has an id that cannot be one");
}

int route_find(struct exchange *exchange, const char *method, const char *path, const struct route **ret)
{
	bool fixed = false; /* a path of its own, which stands before those with a parameter: no reference means it */
	exchange->answer.allow[0] = '\0';
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		bool has_parameter = strchr(routes[i].pattern, '{') != NULL;
		if (fixed && has_parameter)
			continue;
		enum url_verdict verdict = url_match(routes[i].pattern, path, exchange->parameter, exchange->second_parameter);
		if (verdict == URL_DIFFERS)
			continue;
		if (verdict != URL_FITS)
			return refuse_parameter(exchange, verdict);
		fixed = !has_parameter;
		if (method_fits(&routes[i], method)) {
			exchange->answer.allow[0] = '\0';
			*ret = &routes[i];
			return 0;
		}
		allow(exchange, &routes[i]);
	}
	if (exchange->answer.allow[0] != '\0')
		return exchange_refuse(exchange, 405, NULL, "this takes %s", exchange->answer.allow);
	return job_fault_set(&exchange->fault, "not-found", "there is no such path; GET /openapi.yaml describes those that are");
}

const struct route *route_of_json(const struct route *route)
{
	return route->handler == route_add_firmware ? &fetch : NULL;
}

static bool route_takes(const struct route *route, const char *name)
{
	for (size_t i = 0; i < QUERY_MAX && route->query[i] != NULL; i++)
		if (strcmp(route->query[i], name) == 0)
			return true;
	return false;
}

int route_take_query(struct exchange *exchange, const struct route *route, const char *raw_name, const char *raw_value)
{
	struct query_item item;
	int r = url_decode(raw_name, strlen(raw_name), item.name, sizeof(item.name));
	if (r == -EINVAL)
		return exchange_refuse(exchange, 0, NULL, "the query has a name that cannot be read");
	if (r < 0 || !route_takes(route, item.name))
		return exchange_refuse(exchange, 0, r < 0 ? NULL : item.name, "unknown query parameter \"%.60s\"",
				       r < 0 ? raw_name : item.name);
	if (exchange_query(exchange, item.name) != NULL)
		return exchange_refuse(exchange, 0, item.name, "%s is given twice", item.name);
	r = url_decode(raw_value, strlen(raw_value), item.value, sizeof(item.value));
	if (r < 0)
		return exchange_refuse(exchange, 0, item.name, r == -EINVAL ? "%s has bytes that no text has" : "%s is too long",
				       item.name);
	exchange->query[exchange->query_count++] = item;
	return 0;
}
