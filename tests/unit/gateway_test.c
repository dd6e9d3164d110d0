/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/transcript_file.h"
#include "tests/unit/one_gateway.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/made_bundle.h"
#include "tests/unit/suite_run.h"

static void set_up(void)
{
	one_gateway_start(3);
}

static struct device get_device(const char *id)
{
	struct device device;
	ck_assert_int_eq(gateway_device(fixture.gateway, id, &device, &fault), 0);
	return device;
}

static void add_helper(void)
{
	/* ELF32, big-endian, machine 0xA7: updater.elf of monarch1. */
	uint8_t elf[64] = {0x7f, 'E', 'L', 'F', 1, 2, 1};
	struct cache_error error = {0};
	struct firmware firmware = {0};
	struct firmware_import *import = NULL;
	elf[17] = 2;
	elf[19] = 0xA7;
	ck_assert_int_eq(firmware_import_begin(fixture.gateway->firmware, &error, &import), 0);
	ck_assert_int_eq(firmware_import_append(import, elf, sizeof(elf), &error), 0);
	int result = firmware_import_commit(import, "updater.elf", NULL, "upload", &firmware, &error);
	ck_assert_msg(result == 0, "%s", error.message);
	ck_assert_int_eq(firmware.kind, FIRMWARE_HELPER);
	firmware_clear(&firmware);
}

static const struct refusal {
	const char *device, *firmware, *helper, *way;
	int priority;
	const char *code, *word;
} refusals[] = {
    {"nobody", "test.dup", "", "", 0, "not-found", "nobody"},
    {"modem0", "other.dup", "", "", 0, "not-found", "other.dup"},
    {"modem0", "", "", "", 0, "invalid-request", "firmware"},
    {"modem0", NULL, "", "", 0, "invalid-request", "firmware"},
    {"modem0", "updater.elf", "", "", 0, "invalid-request", "helper"},
    {"modem0", "test.dup", "test.dup", "", 0, "invalid-request", "test.dup"},
    {"modem0", "test.dup", "none.elf", "", 0, "not-found", "none.elf"},
    {"modem0", "test.dup", "", "by-air", 0, "invalid-request", "by-air"},
    {"modem0", "test.dup", "", "", 101, "invalid-request", "priority"},
    {"modem0", "test.dup", "", "", -101, "invalid-request", "priority"},
};

START_TEST(a_request_that_cannot_be_is_refused)
{
	const struct refusal *row = &refusals[_i];
	struct job_request request = {.kind = JOB_UPGRADE, .priority = row->priority};
	struct gateway_counts counts;
	struct plan plan;
	struct job job;
	add_helper();
	strcpy(request.device, row->device);
	strcpy(request.helper, row->helper);
	strcpy(request.way, row->way);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, row->firmware, &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, row->code);
	ck_assert_msg(strstr(fault.message, row->word) != NULL, "%s", fault.message);
	ck_assert_int_eq(gateway_plan(fixture.gateway, &request, row->firmware, &plan, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, row->code);
	gateway_counts(fixture.gateway, &counts);
	ck_assert_uint_eq(counts.queued + counts.waiting + counts.running, 0);
}
END_TEST

/* The bundle is for Monarch 1, and so is its device. */
START_TEST(what_no_modem_could_take_is_no_job)
{
	struct plan plan;
	struct job job;
	struct firmware patched = {0};
	struct job_request request = fixture_request(0);
	const struct firmware_facts stated = {.family = "monarch2"};
	ck_assert_int_eq(gateway_patch_firmware(fixture.gateway, "test.dup", NULL, &stated, FACT_FAMILY, &patched, &fault), 0);
	firmware_clear(&patched);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "bundle-wrong-family");
	ck_assert_str_eq(get_device("modem0").job, "");
	/* The dry run shows it as the plan's. */
	ck_assert_int_eq(gateway_plan(fixture.gateway, &request, "test.dup", &plan, &fault), 0);
	ck_assert_str_eq(plan.fault.kind->code, "bundle-wrong-family");
}
END_TEST

START_TEST(a_helper_is_kept_by_its_digest)
{
	struct job job;
	struct job_request request = fixture_request(0);
	add_helper();
	strcpy(request.helper, "updater.elf");
	strcpy(request.way, "on-the-fly");
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
	ck_assert_uint_eq(strlen(job.request.helper), 64);
	ck_assert_str_eq(job.request.way, "on-the-fly");
	/* The engine gets it, and the plan names it. */
	struct plan plan;
	ck_assert_int_eq(gateway_plan(fixture.gateway, &request, "test.dup", &plan, &fault), 0);
	ck_assert_str_eq(plan.helper.name, "updater.elf");
	ck_assert(plan.helper_unused); /* from the application */
	ck_assert_str_eq(plan.helper.sha256, job.request.helper);
	ck_assert_str_eq(plan.second.name, "");
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert(fixture_modem(0)->had_helper);
	ck_assert(!fixture_modem(0)->had_second);
}
END_TEST

/* The events of firmware that came since. */
static size_t count_news(uint64_t *head)
{
	uint64_t before = *head;
	*head = event_bus_head(gateway_events(fixture.gateway));
	return (size_t)(*head - before);
}

static void add_bundle(const char *name, const char *text, char ret_sha256[FIRMWARE_SHA256_SIZE])
{
	struct made made = {0};
	struct cache_error error = {0};
	struct firmware firmware = {0};
	struct firmware_import *import = NULL;
	made_record(&made, "UPGR", 3, 1, "a part", text, strlen(text));
	ck_assert_int_eq(firmware_import_begin(fixture.gateway->firmware, &error, &import), 0);
	ck_assert_int_eq(firmware_import_append(import, made.bytes, made.length, &error), 0);
	ck_assert_int_eq(firmware_import_commit(import, name, NULL, "upload", &firmware, &error), 0);
	ck_assert_int_eq(gateway_firmware_added(fixture.gateway, &firmware), 0);
	memcpy(ret_sha256, firmware.sha256, FIRMWARE_SHA256_SIZE);
	firmware_clear(&firmware);
	made_free(&made);
}

START_TEST(news_of_one_file_of_a_pair_are_news_of_the_other)
{
	char first[FIRMWARE_SHA256_SIZE], second[FIRMWARE_SHA256_SIZE];
	struct firmware patched;
	uint64_t head = event_bus_head(gateway_events(fixture.gateway));
	add_bundle("CATM1-5.2-48829-1.dup", "one", first);
	ck_assert_uint_eq(count_news(&head), 1);
	add_bundle("CATM1-5.2-48829-2.dup", "two", second);
	ck_assert_uint_eq(count_news(&head), 2);
	const struct firmware_facts stated = {.base_build = 39529};
	ck_assert_int_eq(gateway_patch_firmware(fixture.gateway, second, NULL, &stated, FACT_BASE_BUILD, &patched, &fault), 0);
	firmware_clear(&patched);
	ck_assert_uint_eq(count_news(&head), 2); /* once each */
	ck_assert_int_eq(gateway_patch_firmware(fixture.gateway, second, "end.dup", NULL, 0, &patched, &fault), 0);
	firmware_clear(&patched);
	ck_assert_uint_eq(count_news(&head), 2); /* the first lost it */
	ck_assert_int_eq(gateway_patch_firmware(fixture.gateway, second, "CATM1-5.2-48829-2.dup", NULL, 0, &patched, &fault), 0);
	firmware_clear(&patched);
	ck_assert_uint_eq(count_news(&head), 2); /* and has it again */
	ck_assert_int_eq(gateway_remove_firmware(fixture.gateway, second, &fault), 0);
	ck_assert_uint_eq(count_news(&head), 2);
	ck_assert_int_eq(gateway_remove_firmware(fixture.gateway, first, &fault), 0);
	ck_assert_uint_eq(count_news(&head), 1);
}
END_TEST

static const char *const bad_ids[] = {"", "../../etc/passwd", "01HF7YAT00WV1P72J52H8KWKGV", "01hf7yat00wv1p72j52h8kwkg",
				      "01hf7yat00wv1p72j52h8kwkgv"};

START_TEST(an_id_that_is_none_is_not_found)
{
	struct job job;
	char *text = NULL;
	const char *id = bad_ids[_i];
	ck_assert_int_eq(gateway_job(fixture.gateway, id, &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_int_eq(gateway_cancel(fixture.gateway, id, &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_int_eq(gateway_retry(fixture.gateway, id, NULL, false, &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_int_eq(gateway_transcript(fixture.gateway, id, &text, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
}
END_TEST

START_TEST(a_device_in_maintenance_takes_no_job)
{
	struct device device;
	struct job job;
	struct job_request request = fixture_request(0);
	const struct device_patch on = {.set_maintenance = true, .maintenance = true}, off = {.set_maintenance = true};
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem0", &on, &device, &fault), 0);
	ck_assert_int_eq(device.state, DEVICE_MAINTENANCE);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_ptr_nonnull(strstr(fault.message, "maintenance"));
	ck_assert_str_eq(job_fault_remedy(&fault),
			 "Ask whoever put it there (dupctl history modem0), or end it: dupctl maintenance modem0 off.");
	ck_assert_str_eq(fault.job, "");
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem0", &off, &device, &fault), 0);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &job, &fault), 0);
}
END_TEST

START_TEST(a_device_with_a_job_says_what_to_do_about_it)
{
	char expected[200];
	struct job second;
	struct job_request request = fixture_request(0);
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_TRANSFER;
	struct job job = fixture_submit(&fixture, 0);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &second, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	snprintf(expected, sizeof(expected), "Wait for its end (dupctl watch --job %s), or cancel it: dupctl cancel %s.", job.id, job.id);
	ck_assert_str_eq(job_fault_remedy(&fault), expected);
	fixture_await_point_of_no_return(&fixture, job.id);
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, "test.dup", &second, &fault), -EPROTO);
	snprintf(expected, sizeof(expected), "Wait for its end (dupctl watch --job %s): it cannot be cancelled any more.", job.id);
	ck_assert_str_eq(job_fault_remedy(&fault), expected);
	fixture_open_gate(0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
}
END_TEST

START_TEST(what_is_patched_outlives_the_daemon)
{
	struct device device;
	struct device_patch patch = {
	    .set_labels = true, .label_count = 1, .labels = {{"place", "left"}}, .set_alias = true, .alias = "lefty"};
	ck_assert_str_eq(get_device("modem1").labels[0].key, "rack");
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem1", &patch, &device, &fault), 0);
	ck_assert_str_eq(device.alias, "lefty");
	patch = (struct device_patch){.set_maintenance = true, .maintenance = true};
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem1", &patch, &device, &fault), 0);
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "nobody", &patch, &device, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	fixture_stop(&fixture);
	fixture_start(&fixture);
	device = get_device("modem1");
	ck_assert_str_eq(device.alias, "lefty");
	ck_assert(device.maintenance);
	ck_assert_uint_eq(device.label_count, 1);
	ck_assert_str_eq(device.labels[0].key, "place");
	ck_assert_str_eq(get_device("modem0").labels[0].key, "rack");
}
END_TEST

static const struct {
	const char *selector;
	const char *ids;
} selections[] = {
    {NULL, "modem0 modem1 modem2 "},
    {"rack=0", "modem0 modem2 "},
    {"rack=0,id!=modem0", "modem2 "},
    {"state=absent", ""},
};

START_TEST(devices_are_selected)
{
	char ids[64] = "";
	size_t count = 0;
	struct device *devices = NULL;
	ck_assert_int_eq(gateway_devices(fixture.gateway, selections[_i].selector, &devices, &count, &fault), 0);
	for (size_t i = 0; i < count; i++) {
		strcat(ids, devices[i].id);
		strcat(ids, " ");
	}
	free(devices);
	ck_assert_str_eq(ids, selections[_i].ids);
	ck_assert_int_eq(gateway_devices(fixture.gateway, "rack in", &devices, &count, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
}
END_TEST

static const struct {
	enum boot_mode mode;
	enum device_state state;
} states[] = {
    {BOOT_MODE_UNKNOWN, DEVICE_UNKNOWN}, {BOOT_MODE_FFH, DEVICE_STRANDED},     {BOOT_MODE_MTOOLS, DEVICE_STRANDED},
    {BOOT_MODE_FFF, DEVICE_READY},       {BOOT_MODE_UPDATER, DEVICE_STRANDED}, {BOOT_MODE_RECOVERY, DEVICE_STRANDED},
};

static int learn(const char *device, const struct modem_info *info, bool identity, int64_t now_ms)
{
	bool news = false;
	const struct registry_lesson lesson = {.identity = identity, .job = "", .now_ms = now_ms};
	return registry_learn(fixture.gateway->registry, device, info, &lesson, &news, &fault);
}

START_TEST(the_state_of_a_device_follows_its_boot_mode)
{
	const struct modem_info info = {.boot_mode = states[_i].mode, .rate_bps = 115200};
	ck_assert_int_eq(learn("modem0", &info, false, 1), 0);
	ck_assert_int_eq(get_device("modem0").state, states[_i].state);
	ck_assert_uint_eq(get_device("modem0").modem.rate_bps, 115200);
}
END_TEST

START_TEST(what_a_modem_does_not_tell_stays_known)
{
	struct modem_info info = {.boot_mode = BOOT_MODE_FFF, .family = FAMILY_MONARCH2, .build = 59577, .rate_bps = 115200};
	strcpy(info.release, "LR8.0.5.13-59577");
	strcpy(info.imei, "1");
	ck_assert_int_eq(learn("modem0", &info, false, 1), 0);
	info = (struct modem_info){.boot_mode = BOOT_MODE_RECOVERY, .imei = "2"};
	ck_assert_int_eq(learn("modem0", &info, false, 2), 0);
	struct device device = get_device("modem0");
	ck_assert_int_eq(device.modem.boot_mode, 4);
	ck_assert_str_eq(device.modem.release, "LR8.0.5.13-59577");
	ck_assert_str_eq(device.modem.family, "monarch2");
	ck_assert_uint_eq(device.modem.rate_bps, 115200);
	/* Who it is, only a person can say anew: by a probe. */
	ck_assert_str_eq(device.modem.imei, "1");
	ck_assert_int_eq(learn("modem0", &info, true, 3), 0);
	ck_assert_str_eq(get_device("modem0").modem.imei, "2");
	ck_assert_str_eq(get_device("modem0").modem.release, "");
	ck_assert_str_eq(get_device("modem0").modem.family, "");
	ck_assert_uint_eq(get_device("modem0").modem.rate_bps, 115200);
}
END_TEST

START_TEST(a_plan_is_made_without_a_modem_and_changes_nothing)
{
	struct plan plan;
	struct job_request request = fixture_request(0);
	uint64_t head = event_bus_head(gateway_events(fixture.gateway));
	int result = gateway_plan(fixture.gateway, &request, "test.dup", &plan, &fault);
	ck_assert_msg(result == 0, "%s", fault.message);
	ck_assert(plan.assumed);
	ck_assert_int_eq(plan.boot_mode, 2);
	ck_assert_str_eq(plan.device, "modem0");
	ck_assert_str_eq(plan.firmware.sha256, fixture.sha256);
	ck_assert_str_eq(plan.firmware.name, "test.dup");
	ck_assert_str_eq(plan.helper.sha256, "");
	ck_assert_str_eq(plan.boot_mode_name, "fff");
	ck_assert_str_eq(plan.family, "monarch1");
	ck_assert_str_eq(plan.way, "on-the-fly");
	ck_assert_ptr_null(plan.fault.kind);
	ck_assert_uint_gt(plan.step_count, 3);
	ck_assert_str_eq(plan.steps[plan.step_count - 1].phase, "verify");
	uint32_t together_s = 0;
	for (size_t i = 0; i < plan.step_count; i++)
		together_s += plan.steps[i].budget_s;
	ck_assert_uint_eq(plan.budget_s, together_s);
	ck_assert_uint_eq(event_bus_head(gateway_events(fixture.gateway)), head);
	ck_assert_str_eq(get_device("modem0").job, "");
}
END_TEST

START_TEST(a_plan_that_is_forbidden_says_why)
{
	struct plan plan;
	struct job_request request = fixture_request(0);
	struct modem_info info = {.boot_mode = BOOT_MODE_FFF, .family = FAMILY_MONARCH1, .build = 39529, .rate_bps = 921600};
	strcpy(info.release, "LR5.1.1.0-39529");
	ck_assert_int_eq(learn("modem0", &info, false, 1), 0);
	ck_assert_int_eq(gateway_plan(fixture.gateway, &request, "test.dup", &plan, &fault), 0);
	ck_assert(!plan.assumed);
	ck_assert_str_eq(plan.fault.kind->code, "already-installed");
	ck_assert_uint_eq(plan.step_count, 0);
	/* In recovery the release it had is no longer what it has. */
	info.boot_mode = BOOT_MODE_RECOVERY;
	ck_assert_int_eq(learn("modem0", &info, false, 1), 0);
	ck_assert_int_eq(gateway_plan(fixture.gateway, &request, "test.dup", &plan, &fault), 0);
	ck_assert_ptr_null(plan.fault.kind);
	ck_assert_int_eq(plan.boot_mode, 4);
}
END_TEST

START_TEST(the_transcript_grows_with_the_runs)
{
	char *text = NULL;
	struct job job = fixture_submit(&fixture, 0);
	ck_assert_int_eq(gateway_transcript(fixture.gateway, job.id, &text, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_ptr_nonnull(strstr(fault.message, "has not run"));
	fixture_modem(0)->fault = FAULT_PORT_GONE;
	fixture_modem(0)->fault_phase = PHASE_CONNECT;
	fixture_await(&fixture, job.id, JOB_WAITING, NULL);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	fixture_advance(6000); /* the longest that a first wait can be */
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(gateway_transcript(fixture.gateway, job.id, &text, &fault), 0);
	const char *first = strstr(text, "run 1 of modem0");
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_nonnull(strstr(
	    first,
	    "run begins at 2023-11-14T22:13:26Z: upgrade of modem0, attempt 2, interrupted 0 times before, port lost 0 times before, "
	    "furthest phase connect"));
	ck_assert_ptr_nonnull(strstr(first, "run 2 of modem0"));
	free(text);
	transcript_file_remove(store_transcript_dir(fixture.gateway->store), job.id);
	ck_assert_int_eq(gateway_transcript(fixture.gateway, job.id, &text, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_ptr_nonnull(strstr(fault.message, "its file is gone"));
}
END_TEST

START_TEST(what_is_known_of_a_modem_is_told_to_the_engine)
{
	struct job job = fixture_submit(&fixture, 1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_str_eq(fixture_modem(1)->expected_imei, "");
	ck_assert_int_eq(fixture_modem(1)->last_family, FAMILY_UNKNOWN);
	job = fixture_submit(&fixture, 1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_str_eq(fixture_modem(1)->expected_imei, "355000000000001");
	ck_assert_uint_eq(fixture_modem(1)->last_rate_bps, 921600);
	ck_assert_int_eq(fixture_modem(1)->last_family, FAMILY_MONARCH1);
}
END_TEST

START_TEST(lists_show_what_is_true_now)
{
	struct job *jobs = NULL;
	size_t count = 0;
	char next[JOB_ID_SIZE] = "more";
	struct job_filter filter = {.limit = 2};
	fixture_modem(0)->gated = true;
	fixture_modem(0)->gate = PHASE_APPLY;
	struct job job = fixture_submit(&fixture, 0);
	fixture_await(&fixture, job.id, JOB_RUNNING, "apply");
	ck_assert_int_eq(gateway_jobs(fixture.gateway, &filter, &jobs, &count, next, &fault), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(next, "");
	/* Progress is not on the disk for every block, but it is shown. */
	ck_assert_uint_eq(jobs[0].progress.bytes_done, 1000);
	free(jobs);
	fixture_open_gate(0);
	filter.limit = 501;
	ck_assert_int_eq(gateway_jobs(fixture.gateway, &filter, &jobs, &count, next, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
}
END_TEST

START_TEST(firmware_verbs_are_published)
{
	struct event *events[8];
	struct firmware firmware = {0};
	uint64_t head = event_bus_head(gateway_events(fixture.gateway));
	ck_assert_int_eq(gateway_patch_firmware(fixture.gateway, "test.dup", "new.dup", NULL, 0, &firmware, &fault), 0);
	ck_assert_str_eq(firmware.name, "new.dup");
	firmware_clear(&firmware);
	ck_assert_int_eq(gateway_remove_firmware(fixture.gateway, "new.dup", &fault), 0);
	ck_assert_int_eq(gateway_remove_firmware(fixture.gateway, "new.dup", &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_int_eq(event_bus_read(gateway_events(fixture.gateway), head, events, 8), 2);
	ck_assert_int_eq(events[0]->type, EVENT_FIRMWARE_CHANGED);
	ck_assert_int_eq(events[1]->type, EVENT_FIRMWARE_REMOVED);
	ck_assert_str_eq(events[1]->firmware, fixture.sha256);
	event_unref(events[0]);
	event_unref(events[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gateway");
	TCase *tcase = tcase_create("gateway");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, set_up, one_gateway_clear);
	tcase_add_loop_test(tcase, a_request_that_cannot_be_is_refused, 0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tcase, what_no_modem_could_take_is_no_job);
	tcase_add_test(tcase, a_helper_is_kept_by_its_digest);
	tcase_add_test(tcase, news_of_one_file_of_a_pair_are_news_of_the_other);
	tcase_add_loop_test(tcase, an_id_that_is_none_is_not_found, 0, sizeof(bad_ids) / sizeof(bad_ids[0]));
	tcase_add_test(tcase, a_device_in_maintenance_takes_no_job);
	tcase_add_test(tcase, a_device_with_a_job_says_what_to_do_about_it);
	tcase_add_test(tcase, what_is_patched_outlives_the_daemon);
	tcase_add_loop_test(tcase, devices_are_selected, 0, sizeof(selections) / sizeof(selections[0]));
	tcase_add_loop_test(tcase, the_state_of_a_device_follows_its_boot_mode, 0, sizeof(states) / sizeof(states[0]));
	tcase_add_test(tcase, what_a_modem_does_not_tell_stays_known);
	tcase_add_test(tcase, a_plan_is_made_without_a_modem_and_changes_nothing);
	tcase_add_test(tcase, a_plan_that_is_forbidden_says_why);
	tcase_add_test(tcase, the_transcript_grows_with_the_runs);
	tcase_add_test(tcase, what_is_known_of_a_modem_is_told_to_the_engine);
	tcase_add_test(tcase, lists_show_what_is_true_now);
	tcase_add_test(tcase, firmware_verbs_are_published);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
