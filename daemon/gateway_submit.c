/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <errno.h>
#include <string.h>

#include "daemon/job_files.h"
#include "daemon/job_id.h"
#include "daemon/plan_preview.h"

#define PRIORITY_MAX 100

static int check_request(struct job_request *request, struct job_fault *ret_fault)
{
	enum upgrade_way way;
	if (!engine_way_parse(request->way, &way))
		return job_fault_set(ret_fault, "invalid-request", "there is no way \"%s\": it is auto, on-the-fly, fff or legacy",
				     request->way);
	if (request->priority < -PRIORITY_MAX || request->priority > PRIORITY_MAX)
		return job_fault_set(ret_fault, "invalid-request", "priority is between %d and %d", -PRIORITY_MAX, PRIORITY_MAX);
	if (request->way[0] == '\0')
		memcpy(request->way, "auto", sizeof("auto"));
	return 0;
}

/* All that can be wrong with a request, and its references as digests. *ret is the caller's to clear when this returns 0; empty for a probe. */
static int resolve(struct gateway *gateway, struct job_request *request, const char *reference, struct device *ret_device,
		   struct job_files *ret, struct job_fault *ret_fault)
{
	int result = registry_get(gateway->registry, request->device, ret_device, ret_fault);
	if (result == 0)
		result = check_request(request, ret_fault);
	if (result == 0 && request->kind == JOB_UPGRADE)
		result = job_files_resolve(gateway->firmware, request, reference, ret, ret_fault);
	if (result == 0 && gateway->config->require_signature) {
		result = job_files_judge(gateway->firmware, ret, ret_fault);
		if (result < 0)
			job_files_clear(ret);
	}
	return result;
}

static int submit(struct gateway *gateway, struct job_request *request, const char *reference, const struct job_row *retried,
		  struct job *ret, struct job_fault *ret_fault)
{
	struct device device;
	struct job_files files = {0};
	int result = resolve(gateway, request, reference, &device, &files, ret_fault);
	if (result == 0 && device.maintenance)
		result = job_fault_set(ret_fault, "device-busy", "the device %s is in maintenance", device.id);
	if (result == 0)
		result = queue_submit(gateway->queue, request, retried, files.bundle.facts.release, ret, ret_fault);
	job_files_clear(&files);
	return result;
}

int gateway_submit(struct gateway *gateway, const struct job_request *request, const char *firmware_reference, struct job *ret,
		   struct job_fault *ret_fault)
{
	struct job_request own = *request;
	own.retry_of[0] = '\0';
	return submit(gateway, &own, firmware_reference, NULL, ret, ret_fault);
}

int gateway_retry(struct gateway *gateway, const char *id, struct job *ret, struct job_fault *ret_fault)
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
	request.not_before_ms = 0;
	return submit(gateway, &request, request.firmware, &row, ret, ret_fault);
}

int gateway_plan(struct gateway *gateway, const struct job_request *request, const char *firmware_reference, struct plan *ret,
		 struct job_fault *ret_fault)
{
	struct job_request own = *request;
	struct device device;
	struct job_files files = {0};
	int result = resolve(gateway, &own, firmware_reference, &device, &files, ret_fault);
	if (result == 0)
		plan_preview(&device, registry_profile(gateway->registry, device.id), &files, &own, ret);
	job_files_clear(&files);
	return result;
}
