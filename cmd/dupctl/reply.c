/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/reply.h"

#include <string.h>

#include "cmd/dupctl/format.h"

const char *reply_text(const json_t *object, const char *member)
{
	const char *value = json_string_value(json_object_get(object, member));

	return value ? value : "";
}

int64_t reply_number(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	return json_is_integer(value) ? json_integer_value(value) : json_is_real(value) ? (int64_t)json_real_value(value) : -1;
}

void fault_read(const json_t *json, struct fault_row *ret)
{
	ret->code = reply_text(json, "code");
	ret->message = reply_text(json, "message");
	ret->evidence = reply_text(json, "evidence");
	ret->remedy = reply_text(json, "remedy");
}

static void progress_read(const json_t *json, struct job_row *ret)
{
	const json_t *percent = json_object_get(json, "percent");

	ret->has_progress = json_is_object(json);
	ret->percent = json_is_number(percent) ? json_number_value(percent) : -1;
	ret->bytes_done = reply_number(json, "bytes_done");
	ret->bytes_total = reply_number(json, "bytes_total");
	ret->rate_bps = reply_number(json, "rate_bps");
	ret->eta_s = reply_number(json, "eta_s");
	ret->part = reply_text(json, "part");
}

void download_read(const json_t *json, struct download_row *ret)
{
	*ret = (struct download_row){
	    .id = reply_text(json, "id"),
	    .url = reply_text(json, "url"),
	    .sha256 = reply_text(json, "sha256"),
	    .state = reply_text(json, "state"),
	    .firmware = reply_text(json, "firmware"),
	    .not_before = reply_text(json, "not_before"),
	    .created_at = reply_text(json, "created_at"),
	    .finished_at = reply_text(json, "finished_at"),
	    .bytes_done = reply_number(json, "bytes_done"),
	    .bytes_total = reply_number(json, "bytes_total"),
	    .attempt = reply_number(json, "attempt"),
	    .jobs = json_object_get(json, "jobs"),
	};
	fault_read(json_object_get(json, "fault"), &ret->fault);
}

void job_read(const json_t *json, struct job_row *ret)
{
	*ret = (struct job_row){
	    .id = reply_text(json, "id"),
	    .kind = reply_text(json, "kind"),
	    .device = reply_text(json, "device"),
	    .state = reply_text(json, "state"),
	    .phase = reply_text(json, "phase"),
	    .detail = reply_text(json, "detail"),
	    .waiting_for = reply_text(json, "waiting_for"),
	    .firmware = reply_text(json, "firmware"),
	    .firmware_name = reply_text(json, "firmware_name"),
	    .from_release = reply_text(json, "from_release"),
	    .to_release = reply_text(json, "to_release"),
	    .created_at = reply_text(json, "created_at"),
	    .started_at = reply_text(json, "started_at"),
	    .finished_at = reply_text(json, "finished_at"),
	    .not_before = reply_text(json, "not_before"),
	    .retry_of = reply_text(json, "retry_of"),
	    .requested_by = reply_text(json, "requested_by"),
	    .campaign = reply_text(json, "campaign"),
	    .waiting_since = reply_text(json, "waiting_since"),
	    .deadline = reply_text(json, "deadline"),
	    .reason = reply_text(json, "reason"),
	    .download = reply_text(json, "download"),
	    .fetched = -1,
	    .fetched_total = -1,
	    .step = reply_number(json, "step"),
	    .steps = reply_number(json, "steps"),
	    .attempt = reply_number(json, "attempt"),
	    .attempts_max = reply_number(json, "attempts_max"),
	    .expected_s = reply_number(json, "expected_s"),
	    .interruptions = reply_number(json, "interruptions"),
	    .priority = reply_number(json, "priority"),
	    .can_cancel = json_is_true(json_object_get(json, "can_cancel")),
	    .verified = json_is_true(json_object_get(json, "verified")),
	};
	ret->notes = json_object_get(json, "notes");
	progress_read(json_object_get(json, "progress"), ret);
	fault_read(json_object_get(json, "fault"), &ret->fault);
}

void device_read(const json_t *json, struct device_row *ret)
{
	const json_t *modem = json_object_get(json, "modem"), *usb = json_object_get(json, "usb"),
		     *labels = json_object_get(json, "labels");

	*ret = (struct device_row){
	    .id = reply_text(json, "id"),
	    .alias = reply_text(json, "alias"),
	    .state = reply_text(json, "state"),
	    .port = reply_text(json, "port"),
	    .profile = reply_text(json, "profile"),
	    .job = reply_text(json, "job"),
	    .seen_at = reply_text(json, "seen_at"),
	    .lease_holder = reply_text(json_object_get(json, "lease"), "holder"),
	    .lease_reason = reply_text(json_object_get(json, "lease"), "reason"),
	    .lease_expires_at = reply_text(json_object_get(json, "lease"), "expires_at"),
	    .board = reply_text(json, "board"),
	    .power = reply_text(json, "power"),
	    .quarantined_at = reply_text(json_object_get(json, "quarantine"), "since"),
	    .quarantine_code = reply_text(json_object_get(json, "quarantine"), "code"),
	    .offered = json_is_true(json_object_get(json, "offered")),
	    .maintenance = json_is_true(json_object_get(json, "maintenance")),
	    .failures = reply_number(json_object_get(json, "quarantine"), "failures"),
	    .boot_mode_name = reply_text(modem, "boot_mode_name"),
	    .ue = reply_text(modem, "ue"),
	    .release = reply_text(modem, "release"),
	    .imei = reply_text(modem, "imei"),
	    .usb_serial = reply_text(usb, "serial"),
	    .usb_path = reply_text(usb, "path"),
	    .usb_vid = reply_text(usb, "vid"),
	    .usb_pid = reply_text(usb, "pid"),
	    .boot_mode = reply_number(modem, "boot_mode"),
	    .build = reply_number(modem, "build"),
	    .rate = reply_number(modem, "rate"),
	    .labels = json_is_object(labels) ? labels : NULL,
	};
}

void firmware_read(const json_t *json, struct firmware_row *ret)
{
	*ret = (struct firmware_row){
	    .sha256 = reply_text(json, "sha256"),
	    .name = reply_text(json, "name"),
	    .kind = reply_text(json, "kind"),
	    .form = reply_text(json, "form"),
	    .family = reply_text(json, "family"),
	    .release = reply_text(json, "release"),
	    .helper = reply_text(json, "helper"),
	    .second = reply_text(json, "second"),
	    .pair_with = reply_text(json, "pair_with"),
	    .pair_part = reply_number(json, "pair_part"),
	    .source = reply_text(json, "source"),
	    .imported_at = reply_text(json, "imported_at"),
	    .used_at = reply_text(json, "used_at"),
	    .size = reply_number(json, "size"),
	    .build = reply_number(json, "build"),
	    .base_build = reply_number(json, "base_build"),
	    .records = json_object_get(json, "records"),
	    .checks = json_object_get(json, "checks"),
	    .signature = json_object_get(json, "signature"),
	    .stated = json_object_get(json, "stated"),
	};
}

void plan_read(const json_t *json, struct plan_row *ret)
{
	*ret = (struct plan_row){
	    .device = reply_text(json, "device"),
	    .firmware = reply_text(json, "firmware_name"),
	    .helper = reply_text(json, "helper_name"),
	    .second = reply_text(json, "second_name"),
	    .budget_s = reply_number(json, "budget_s"),
	    .helper_unused = json_is_true(json_object_get(json, "helper_unused")),
	    .way = reply_text(json, "way"),
	    .family = reply_text(json, "family"),
	    .boot_mode_name = reply_text(json, "boot_mode_name"),
	    .boot_mode = reply_number(json, "boot_mode"),
	    .assumed = json_is_true(json_object_get(json, "assumed")),
	    .warning = reply_text(json, "warning"),
	    .steps = json_object_get(json, "steps"),
	};
	fault_read(json_object_get(json, "fault"), &ret->fault);
}

bool job_row_terminal(const struct job_row *job)
{
	return strcmp(job->state, "succeeded") == 0 || strcmp(job->state, "failed") == 0 || strcmp(job->state, "cancelled") == 0 ||
	       strcmp(job->state, "skipped") == 0;
}

int64_t job_row_duration_s(const struct job_row *job)
{
	int64_t started, finished;

	if (!parse_time(job->started_at, &started) || !parse_time(job->finished_at, &finished) || finished < started)
		return -1;
	return finished - started;
}
