/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/job_files.h"
#include "daemon/job_id.h"
#include "daemon/plan_preview.h"

#define PRIORITY_MAX 100

int gateway_check_deadline(const struct gateway *gateway, int64_t deadline_ms, struct job_fault *ret_fault)
{
	if (deadline_ms == 0 || deadline_ms > gateway->now_ms())
		return 0;
	return job_fault_set(ret_fault, "invalid-request", "the deadline has passed already");
}

/* A campaign's was checked when that was made: by now it may have passed, and the queue tells what comes of that. */
static int check_terms(const struct gateway *gateway, const struct job_request *request, struct job_fault *ret_fault)
{
	if (request->attempts > JOB_ATTEMPTS_MAX)
		return job_fault_set(ret_fault, "invalid-request", "attempts is between 1 and %u", JOB_ATTEMPTS_MAX);
	if (request->campaign[0] != '\0')
		return 0;
	if (request->deadline_ms != 0 && request->deadline_ms <= request->not_before_ms)
		return job_fault_set(ret_fault, "invalid-request", "not_before is not before the deadline: no attempt could ever begin");
	return gateway_check_deadline(gateway, request->deadline_ms, ret_fault);
}

static int check_request(const struct gateway *gateway, struct job_request *request, struct job_fault *ret_fault)
{
	enum upgrade_way way;
	if (!engine_way_parse(request->way, &way))
		return job_fault_set(ret_fault, "invalid-request", "there is no way \"%s\": it is auto, on-the-fly, fff or legacy",
				     request->way);
	if (request->priority < -PRIORITY_MAX || request->priority > PRIORITY_MAX)
		return job_fault_set(ret_fault, "invalid-request", "priority is between %d and %d", -PRIORITY_MAX, PRIORITY_MAX);
	if (request->way[0] == '\0')
		memcpy(request->way, "auto", sizeof("auto"));
	return check_terms(gateway, request, ret_fault);
}

/* All that can be wrong with a request, and its references as digests. *ret is the caller's to clear when this returns 0; empty for a probe. */
static int resolve(struct gateway *gateway, struct job_request *request, const char *reference, struct device *ret_device,
		   struct job_files *ret, struct job_fault *ret_fault)
{
	int result = registry_get(gateway->registry, request->device, ret_device, ret_fault);
	if (result == 0)
		result = check_request(gateway, request, ret_fault);
	if (result == 0 && request->kind == JOB_UPGRADE)
		result = job_files_resolve(gateway->firmware, request, reference, ret, ret_fault);
	if (result == 0 && gateway->config->require_signature) {
		result = job_files_judge(gateway->firmware, ret, ret_fault);
		if (result < 0)
			job_files_clear(ret);
	}
	return result;
}

/* What the device itself has against a job. */
static int refuse_by_state(const struct device *device, const struct job_request *request, struct job_fault *ret_fault)
{
	const struct device_quarantine *quarantine = &device->quarantine;
	if (device->offered)
		return registry_refuse_offered(device->id, ret_fault);
	if (device->maintenance) {
		job_fault_set(ret_fault, "device-busy", "the device %s is in maintenance", device->id);
		return job_fault_advise(ret_fault, "Ask whoever put it there (dupctl history %s), or end it: dupctl maintenance %s off.",
					device->id, device->id);
	}
	if (quarantine->since_ms == 0 || request->kind != JOB_UPGRADE || request->force || request->recover)
		return 0;
	job_fault_set(ret_fault, "device-busy",
		      "the device %s is quarantined: %u upgrades in a row failed by the device, the last with %s; force upgrades it "
		      "all the same, PATCH {\"quarantine\": false} (dupctl unquarantine) lets it out",
		      device->id, quarantine->failures, quarantine->code);
	return job_fault_advise(ret_fault, "Look at the board (dupctl history %s), then let it out: dupctl unquarantine %s.", device->id,
				device->id);
}

/* What no modem could change is said at once; of one that is to be brought back its application may do, and nothing is sent. */
static int refuse_in_vain(struct gateway *gateway, const struct job_request *request, const struct job_files *files,
			  struct job_fault *ret_fault)
{
	struct upgrade_firmware wanted;
	struct upgrade_options options;
	struct fault fault = {0};
	if (request->kind != JOB_UPGRADE || request->recover)
		return 0;
	engine_firmware(files, &wanted);
	engine_options(request, "", &options);
	if (upgrade_refuse(registry_profile(gateway->registry, request->device), &wanted, &options, &fault) == 0)
		return 0;
	job_fault_from_engine(ret_fault, &fault);
	return -EPROTO;
}

int gateway_submit_cached(struct gateway *gateway, struct job_request *request, const char *reference, const struct job_row *retried,
			  struct job *ret, struct job_fault *ret_fault)
{
	struct device device;
	struct job_files files = {0};
	struct queue_order order = {.request = request, .retried = retried};
	int result = resolve(gateway, request, reference, &device, &files, ret_fault);
	order.to_release = files.bundle.facts.release;
	if (result == 0)
		result = refuse_by_state(&device, request, ret_fault);
	if (result == 0)
		result = refuse_in_vain(gateway, request, &files, ret_fault);
	if (result == 0 && request->kind == JOB_POWER_CYCLE)
		result = gateway_check_power(gateway, request, ret_fault);
	if (result == 0)
		result = queue_submit(gateway->queue, &order, ret, ret_fault);
	job_files_clear(&files);
	return result;
}

/* What people see of it until the firmware is there: the last part of the path, when that can be a name. */
static void name_after_url(const char *url, struct job_request *request)
{
	char shown[DOWNLOAD_URL_SIZE];
	struct cache_error unused;
	if (download_url_shown(url, shown, &unused) < 0)
		return;
	shown[strcspn(shown, "?#")] = '\0';
	const char *name = strrchr(shown, '/') + 1;
	if (firmware_name_valid(name))
		snprintf(request->firmware_name, sizeof(request->firmware_name), "%s", name);
}

/* The device and the request are checked before anything is fetched; what depends on the firmware is, when it is there. */
static int submit_url(struct gateway *gateway, struct job_request *request, const struct job_source *source, const struct job_row *retried,
		      struct job *ret, struct job_fault *ret_fault)
{
	struct device device;
	const struct queue_order order = {.request = request, .source = source, .retried = retried, .to_release = ""};
	int result = registry_get(gateway->registry, request->device, &device, ret_fault);
	if (result == 0)
		result = check_request(gateway, request, ret_fault);
	if (result == 0)
		result = refuse_by_state(&device, request, ret_fault);
	if (result < 0)
		return result;
	request->firmware[0] = '\0';
	if (source->name != NULL)
		snprintf(request->firmware_name, sizeof(request->firmware_name), "%s", source->name);
	else
		name_after_url(source->url, request);
	return queue_submit(gateway->queue, &order, ret, ret_fault);
}

static bool is_in_cache(struct gateway *gateway, const char *sha256)
{
	struct firmware firmware = {0};
	struct cache_error unused;
	bool there = sha256 != NULL && firmware_find(gateway->firmware, sha256, &firmware, &unused) == 0;
	firmware_clear(&firmware);
	return there;
}

int gateway_submit_url(struct gateway *gateway, const struct job_request *request, const struct job_source *source, struct job *ret,
		       struct job_fault *ret_fault)
{
	struct job_request own = *request;
	own.retry_of[0] = '\0';
	if (is_in_cache(gateway, source->sha256))
		return gateway_submit_cached(gateway, &own, source->sha256, NULL, ret, ret_fault);
	return submit_url(gateway, &own, source, NULL, ret, ret_fault);
}

int gateway_submit(struct gateway *gateway, const struct job_request *request, const char *firmware_reference, struct job *ret,
		   struct job_fault *ret_fault)
{
	struct job_request own = *request;
	own.retry_of[0] = '\0';
	struct catalogue_offer offer;
	int result = gateway_find_offer(gateway, firmware_reference, &offer, ret_fault);
	if (result < 0)
		return result;
	const struct job_source source = {.url = offer.url, .sha256 = offer.sha256, .name = offer.name};
	return result > 0 ? submit_url(gateway, &own, &source, NULL, ret, ret_fault)
			  : gateway_submit_cached(gateway, &own, firmware_reference, NULL, ret, ret_fault);
}

int gateway_retry(struct gateway *gateway, const char *id, const char *lease_token, bool wait_for_lease, struct job *ret,
		  struct job_fault *ret_fault)
{
	struct job_row row;
	if (!job_id_valid(id))
		return job_fault_set(ret_fault, "not-found", "there is no job of that id");
	int result = queue_get(gateway->queue, id, &row, ret_fault);
	if (result < 0)
		return result;
	if (!job_state_terminal(row.job.state))
		return job_fault_set(ret_fault, "invalid-request", "job %s is %s; only a job that has ended can be retried", id,
				     job_state_name(row.job.state));
	struct job_request request = row.job.request;
	memcpy(request.retry_of, row.job.id, sizeof(request.retry_of));
	request.not_before_ms = request.deadline_ms = 0;
	request.campaign[0] = request.window[0] = '\0'; /* a person does this, and now */
	request.wait_for_lease = wait_for_lease;
	gateway_own_lease(gateway, request.device, lease_token, request.lease);
	if (job_row_lacks_firmware(&row)) {
		const struct job_source source = {.url = row.url,
						  .sha256 = row.url_sha256[0] != '\0' ? row.url_sha256 : NULL,
						  .name = request.firmware_name[0] != '\0' ? request.firmware_name : NULL};
		return submit_url(gateway, &request, &source, &row, ret, ret_fault);
	}
	return gateway_submit_cached(gateway, &request, request.firmware, &row, ret, ret_fault);
}

int gateway_plan(struct gateway *gateway, const struct job_request *request, const char *firmware_reference, struct plan *ret,
		 struct job_fault *ret_fault)
{
	struct job_request own = *request;
	struct device device;
	struct job_files files = {0};
	int result = resolve(gateway, &own, firmware_reference, &device, &files, ret_fault);
	bool begun_before = true;
	if (result == 0)
		result = store_job_begun_before(gateway->store, device.id, "", &begun_before, ret_fault);
	if (result == 0)
		plan_preview(&device, registry_profile(gateway->registry, device.id), &files, &own, begun_before,
			     registry_knows_by_serial(gateway->registry, device.id), ret);
	job_files_clear(&files);
	return result;
}
