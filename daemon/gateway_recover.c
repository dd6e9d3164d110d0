/* SPDX-License-Identifier: Apache-2.0
 *
 * Which firmware brings a stranded modem back: POST /devices/{id}/recover.
 */
#include "daemon/gateway_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/job_files.h"

#define FFH 0 /* the boot mode that needs a helper: protocol.md 6, 4 */

/* What was looked at so far. */
struct recovery {
	struct gateway *gateway;
	const struct job_request *asked;
	struct device device;
	struct job_request request; /* the one that will do, when `found` */
	struct job_row retried;     /* the job that it takes up; id "": none */
	struct plan plan;
	bool found;
	char without_helper[FIRMWARE_NAME_SIZE]; /* a bundle that lacks nothing but its helper; "": none */
	struct job_fault refusal;                /* the first one */
};

static int refuse_unless_stranded(const struct device *device, struct job_fault *ret_fault)
{
	bool outside = device->modem.boot_mode >= 0 && device->modem.boot_mode != BOOT_MODE_FFF;
	if (device->job[0] != '\0') {
		job_fault_set(ret_fault, "device-busy", "the device %s has the job %s", device->id, device->job);
		memcpy(ret_fault->job, device->job, sizeof(ret_fault->job));
		return job_fault_advise(ret_fault, "Wait for its end (dupctl watch --job %s), or cancel it: dupctl cancel %s.", device->job,
					device->job);
	}
	if (outside && (device->state == DEVICE_STRANDED || device->state == DEVICE_QUARANTINED))
		return 0;
	return job_fault_set(ret_fault, "invalid-request", "the device %s is not stranded: it is %s%s%s%s", device->id,
			     device_state_name(device->state), device->modem.boot_mode_name[0] != '\0' ? ", last seen in boot mode " : "",
			     device->modem.boot_mode_name, device->state == DEVICE_UNKNOWN ? "; probe it first" : "");
}

static void note_refusal(struct recovery *recovery, const struct job_fault *fault, const struct job_request *request)
{
	if (strcmp(fault->kind->code, "helper-needed") == 0 && recovery->without_helper[0] == '\0')
		memcpy(recovery->without_helper, request->firmware_name, sizeof(recovery->without_helper));
	if (recovery->refusal.kind == NULL)
		recovery->refusal = *fault;
}

/* One firmware, with its own helper and second file where those are not named. row: the job that had it; NULL: none. 0, or memory is out. */
static int consider(struct recovery *recovery, const char *reference, const struct job_row *row)
{
	struct job_request request = *recovery->asked;
	struct plan plan;
	struct job_fault fault = {0};
	if (recovery->found || reference[0] == '\0')
		return 0;
	if (row != NULL && request.helper[0] == '\0')
		memcpy(request.helper, row->job.request.helper, sizeof(request.helper));
	if (row != NULL)
		memcpy(request.second, row->job.request.second, sizeof(request.second));
	int result = gateway_plan(recovery->gateway, &request, reference, &plan, &fault);
	if (result < 0 && result != -EPROTO)
		return result;
	if (result == 0)
		memcpy(request.firmware_name, plan.firmware.name, sizeof(request.firmware_name));
	if (result == 0 && plan.fault.kind == NULL) {
		recovery->found = true;
		recovery->request = request;
		recovery->plan = plan;
		memcpy(recovery->request.firmware, plan.firmware.sha256, sizeof(recovery->request.firmware));
		if (row != NULL && row->job.state != JOB_SUCCEEDED)
			recovery->retried = *row;
	} else {
		note_refusal(recovery, result < 0 ? &fault : &plan.fault, &request);
	}
	return 0;
}

/* A job that did not end well is taken up where it left the modem. */
static int consider_last(struct recovery *recovery, struct job_fault *ret_fault)
{
	struct store *store = recovery->gateway->store;
	char id[JOB_ID_SIZE] = "";
	struct job_row row;
	int result = store_job_newest_upgrade(store, recovery->device.id, id, ret_fault);
	if (result < 0 || id[0] == '\0')
		return result;
	result = store_job_get(store, id, &row, ret_fault);
	if (result == 0 && row.job.state != JOB_SUCCEEDED)
		result = consider(recovery, row.job.request.firmware, &row);
	return result;
}

static int consider_last_good(struct recovery *recovery, struct job_fault *ret_fault)
{
	struct store *store = recovery->gateway->store;
	char id[JOB_ID_SIZE] = "";
	struct job_row row;
	int result = store_job_newest_good(store, recovery->device.id, id, ret_fault);
	if (result < 0 || id[0] == '\0')
		return result;
	result = store_job_get(store, id, &row, ret_fault);
	return result < 0 ? result : consider(recovery, row.job.request.firmware, &row);
}

static bool is_what_it_ran(const struct firmware *firmware, const struct device_modem *modem)
{
	const struct firmware_facts *facts = &firmware->facts;
	bool same = modem->release[0] != '\0' && strcmp(facts->release, modem->release) == 0;
	if (facts->release[0] == '\0' || modem->release[0] == '\0')
		same = modem->build != 0 && facts->build == modem->build;
	return same && firmware->kind == FIRMWARE_BUNDLE && firmware_form(firmware) == FORM_FULL &&
	       strcmp(facts->family, modem->family) == 0;
}

static int consider_cached(struct recovery *recovery)
{
	struct firmware *list = NULL;
	size_t count = 0;
	int result = firmware_list(recovery->gateway->firmware, &list, &count);
	for (size_t i = count; result == 0 && i > 0; i--) /* the newest first */
		if (is_what_it_ran(&list[i - 1], &recovery->device.modem))
			result = consider(recovery, list[i - 1].sha256, NULL);
	firmware_list_free(list, count);
	return result;
}

static const char *helper_of(const char *family)
{
	if (strcmp(family, "monarch1") == 0)
		return "updater.elf";
	return strcmp(family, "monarch2") == 0 ? "mtools.elf" : "updater.elf (monarch1) or mtools.elf (monarch2)";
}

/* Exactly what is missing, and how it gets here. */
static int name_what_is_needed(const struct recovery *recovery, struct job_fault *ret_fault)
{
	const struct device *device = &recovery->device;
	const struct profile *profile = registry_profile(recovery->gateway->registry, device->id);
	const char *family = device->modem.family;
	if (family[0] == '\0' && profile != NULL && profile->family != FAMILY_UNKNOWN)
		family = modem_family_name(profile->family);
	const char *helper = helper_of(family);
	bool needs_helper = device->modem.boot_mode == FFH;
	if (recovery->without_helper[0] != '\0')
		return job_fault_set(
		    ret_fault, "helper-needed",
		    "the modem is in boot mode 0 (ffh), where %s needs the %s that came with it: dupctl firmware add %s, dupctl "
		    "firmware edit %s --helper %s, then recover again",
		    recovery->without_helper, helper, helper, recovery->without_helper, helper);
	job_fault_set(ret_fault, "not-found",
		      "no firmware in the cache is known to fit %s: a full bundle of the family %s is needed%s%s; dupctl firmware add "
		      "BUNDLE.dup%s%s, then dupctl recover %s --firmware BUNDLE.dup",
		      device->id, family[0] != '\0' ? family : "of the modem (monarch1 or monarch2)", needs_helper ? " with its " : "",
		      needs_helper ? helper : "", needs_helper ? " --helper " : "", needs_helper ? helper : "", device->id);
	if (recovery->refusal.kind != NULL)
		snprintf(ret_fault->evidence, sizeof(ret_fault->evidence), "%.380s", recovery->refusal.message);
	return -EPROTO;
}

static int choose(struct recovery *recovery, const char *reference, struct job_fault *ret_fault)
{
	int result = registry_get(recovery->gateway->registry, recovery->asked->device, &recovery->device, ret_fault);
	if (result == 0)
		result = refuse_unless_stranded(&recovery->device, ret_fault);
	if (result < 0)
		return result;
	if (reference[0] != '\0') {
		result = consider(recovery, reference, NULL);
		if (result == 0 && !recovery->found && recovery->without_helper[0] == '\0')
			*ret_fault = recovery->refusal;
	} else {
		result = consider_last(recovery, ret_fault);
		if (result == 0)
			result = consider_last_good(recovery, ret_fault);
		if (result == 0)
			result = consider_cached(recovery);
	}
	if (result < 0 || recovery->found)
		return result;
	bool told = reference[0] != '\0' && recovery->without_helper[0] == '\0';
	return told ? -EPROTO : name_what_is_needed(recovery, ret_fault);
}

static struct recovery begin(struct gateway *gateway, struct job_request *own, const struct job_request *request)
{
	*own = *request;
	own->kind = JOB_UPGRADE;
	own->recover = true;
	own->retry_of[0] = '\0';
	return (struct recovery){.gateway = gateway, .asked = own};
}

int gateway_recover(struct gateway *gateway, const struct job_request *request, const char *reference, struct job *ret,
		    struct job_fault *ret_fault)
{
	struct job_request own;
	struct recovery recovery = begin(gateway, &own, request);
	int result = choose(&recovery, reference, ret_fault);
	if (result < 0)
		return result;
	const struct job_row *retried = recovery.retried.job.id[0] != '\0' ? &recovery.retried : NULL;
	if (retried != NULL)
		memcpy(recovery.request.retry_of, retried->job.id, sizeof(recovery.request.retry_of));
	return gateway_submit_cached(gateway, &recovery.request, recovery.request.firmware, retried, ret, ret_fault);
}

int gateway_plan_recovery(struct gateway *gateway, const struct job_request *request, const char *reference, struct plan *ret,
			  struct job_fault *ret_fault)
{
	struct job_request own;
	struct recovery recovery = begin(gateway, &own, request);
	int result = choose(&recovery, reference, ret_fault);
	if (result == 0)
		*ret = recovery.plan;
	return result;
}
