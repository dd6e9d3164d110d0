/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/one_gateway.h"
#include "tests/unit/made_bundle.h"
#include "tests/unit/suite_run.h"

#define NEW "LR5.1.1.0-39529"

static struct job job;

static void set_up(void)
{
	fixture_make(&fixture, 2);
	fixture.config.health.quarantine_after = 1;
	fixture_start(&fixture);
	memset(&fault, 0, sizeof(fault));
	memset(&job, 0, sizeof(job));
}

/* What the modem of a device was last seen as. */
static void learn(enum boot_mode mode, const char *release, uint32_t build)
{
	bool news = false;
	const struct registry_lesson lesson = {.identity = true, .ours = true, .job = "", .now_ms = 1};
	struct modem_info info = {.boot_mode = mode, .family = FAMILY_MONARCH1, .build = build, .rate_bps = 115200};
	strcpy(info.release, release);
	ck_assert_int_eq(registry_learn(fixture.gateway->registry, "modem0", &info, &lesson, &news, &fault), 0);
}

static void import(const char *name, const void *bytes, size_t length, const struct firmware_facts *stated, char ret[FIRMWARE_SHA256_SIZE])
{
	struct cache_error error = {0};
	struct firmware firmware = {0};
	struct firmware_import *import = NULL;
	ck_assert_int_eq(firmware_import_begin(fixture.gateway->firmware, &error, &import), 0);
	ck_assert_int_eq(firmware_import_append(import, bytes, length, &error), 0);
	int result = firmware_import_commit(import, name, stated, "upload", &firmware, &error);
	ck_assert_msg(result == 0, "%s", error.message);
	memcpy(ret, firmware.sha256, FIRMWARE_SHA256_SIZE);
	firmware_clear(&firmware);
}

static void add_bundle(const char *name, const struct firmware_facts *stated, char ret[FIRMWARE_SHA256_SIZE])
{
	struct made made = {0};
	made_record(&made, "UPGR", 3, 1, "a part", name, strlen(name));
	import(name, made.bytes, made.length, stated, ret);
	made_free(&made);
}

static int recover(const char *reference)
{
	const struct job_request request = fixture_request(0);
	return gateway_recover(fixture.gateway, &request, reference, &job, &fault);
}

static struct job end_upgrade(enum fault_code code, enum upgrade_phase phase)
{
	fixture_modem(0)->fault = code;
	fixture_modem(0)->fault_phase = phase;
	struct job ended = fixture_submit(&fixture, 0);
	ended = fixture_await(&fixture, ended.id, code == FAULT_NONE ? JOB_SUCCEEDED : JOB_FAILED, NULL);
	fixture_await_idle(&fixture);
	fixture_modem(0)->fault = FAULT_NONE;
	return ended;
}

START_TEST(only_a_stranded_device_is_recovered)
{
	ck_assert_int_eq(recover(""), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_str_eq(fault.message, "the device modem0 is not stranded: it is unknown; probe it first");
	learn(BOOT_MODE_FFF, "", 0);
	ck_assert_int_eq(recover("test.dup"), -EPROTO);
	ck_assert_str_eq(fault.message, "the device modem0 is not stranded: it is ready, last seen in boot mode fff");
	learn(BOOT_MODE_MTOOLS, NEW, 39529);
	const struct device_patch patch = {.set_maintenance = true, .maintenance = true};
	struct device device;
	ck_assert_int_eq(gateway_patch_device(fixture.gateway, "modem0", &patch, &device, &fault), 0);
	ck_assert_int_eq(recover(""), -EPROTO);
	ck_assert_ptr_nonnull(strstr(fault.message, "it is maintenance"));
}
END_TEST

/* What a retry would do, and none is asked for a second time while it has a job. */
START_TEST(the_last_job_that_did_not_end_well_is_taken_up)
{
	struct job failed = end_upgrade(FAULT_RELEASE_MISMATCH, PHASE_APPLY);
	learn(BOOT_MODE_RECOVERY, "", 0);
	ck_assert_int_eq(recover(""), 0);
	ck_assert_str_eq(job.request.retry_of, failed.id);
	ck_assert_str_eq(job.request.firmware, fixture.sha256);
	ck_assert(job.request.recover);
	char first[JOB_ID_SIZE];
	memcpy(first, job.id, sizeof(first));
	ck_assert_int_eq(recover(""), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "device-busy");
	ck_assert_str_eq(fault.job, first);
	fixture_await(&fixture, first, JOB_SUCCEEDED, NULL);
	ck_assert(fixture_modem(0)->recover);
	ck_assert(fixture_modem(0)->begun_before);
	ck_assert_int_eq(fixture_modem(0)->resume_phase, PHASE_APPLY);
}
END_TEST

START_TEST(else_the_last_good_one)
{
	char other[FIRMWARE_SHA256_SIZE];
	end_upgrade(FAULT_NONE, PHASE_CONNECT);
	add_bundle("CATM1-41000.dup", NULL, other);
	learn(BOOT_MODE_UPDATER, "LR5.1.1.0-41000", 41000); /* somebody else brought that one: what worked under us comes first */
	ck_assert_int_eq(recover(""), 0);
	ck_assert_str_eq(job.request.firmware, fixture.sha256);
	ck_assert_str_eq(job.request.retry_of, "");
}
END_TEST

START_TEST(else_a_full_bundle_of_the_release_that_was_told)
{
	char of_release[FIRMWARE_SHA256_SIZE], unused[FIRMWARE_SHA256_SIZE];
	add_bundle("upgdiff_33080-to-41000.dup", NULL, unused);
	add_bundle("CATM1-41000.dup", &(struct firmware_facts){.family = "monarch1", .release = "LR5.2.0.0-41000"}, of_release);
	add_bundle("other.dup", &(struct firmware_facts){.family = "monarch2", .release = "LR5.2.0.0-41000"}, unused);
	learn(BOOT_MODE_RECOVERY, "LR5.2.0.0-41000", 41000);
	ck_assert_int_eq(recover(""), 0);
	ck_assert_str_eq(job.request.firmware, of_release);
}
END_TEST

START_TEST(nothing_that_fits_is_told)
{
	learn(BOOT_MODE_RECOVERY, "LR5.1.1.0-12345", 12345);
	ck_assert_int_eq(recover(""), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_str_eq(fault.message,
			 "no firmware in the cache is known to fit modem0: a full bundle of the family monarch1 is needed; dupctl "
			 "firmware add BUNDLE.dup, then dupctl recover modem0 --firmware BUNDLE.dup");
	learn(BOOT_MODE_FFH, "LR5.1.1.0-12345", 12345);
	ck_assert_int_eq(recover(""), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_ptr_nonnull(strstr(fault.message, "is needed with its updater.elf; dupctl firmware add BUNDLE.dup --helper updater.elf"));
	ck_assert_int_eq(recover("none.dup"), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_ptr_nonnull(strstr(fault.message, "none.dup"));
}
END_TEST

/* ELF32, big-endian, machine 0xA7: protocol.md 5. */
static const unsigned char updater[64] = {0x7f, 'E', 'L', 'F', 1, 2, 1, [17] = 2, [18] = 0, [19] = 0xA7, [23] = 1};

START_TEST(boot_mode_0_needs_the_helper_of_the_bundle)
{
	char helper[FIRMWARE_SHA256_SIZE];
	struct firmware firmware = {0};
	struct cache_error error = {0};
	learn(BOOT_MODE_FFH, NEW, 39529);
	ck_assert_int_eq(recover(""), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "helper-needed");
	ck_assert_str_eq(fault.message,
			 "the modem is in boot mode 0 (ffh), where test.dup needs the updater.elf that came with it: dupctl firmware add "
			 "updater.elf, dupctl firmware edit test.dup --helper updater.elf, then recover again");
	ck_assert_int_eq(recover("test.dup"), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "helper-needed");
	import("updater.elf", updater, sizeof(updater), NULL, helper);
	struct firmware_facts stated = {.family = ""};
	memcpy(stated.helper, helper, sizeof(stated.helper));
	ck_assert_int_eq(firmware_patch(fixture.gateway->firmware, fixture.sha256, NULL, &stated, FACT_HELPER, &firmware, &error), 0);
	firmware_clear(&firmware);
	ck_assert_int_eq(recover(""), 0);
	ck_assert_str_eq(job.request.helper, helper);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert(fixture_modem(0)->had_helper);
}
END_TEST

START_TEST(a_dry_run_answers_the_plan)
{
	struct plan plan;
	const struct job_request request = fixture_request(0);
	learn(BOOT_MODE_RECOVERY, NEW, 39529);
	uint64_t head = event_bus_head(gateway_events(fixture.gateway));
	ck_assert_int_eq(gateway_plan_recovery(fixture.gateway, &request, "", &plan, &fault), 0);
	ck_assert_str_eq(plan.firmware.sha256, fixture.sha256);
	ck_assert_int_eq(plan.boot_mode, 4);
	ck_assert_str_eq(plan.steps[2].what, "start the application once (AT+SMSWBOOT=1,1)");
	ck_assert_ptr_null(plan.fault.kind);
	ck_assert_uint_eq(event_bus_head(gateway_events(fixture.gateway)), head);
}
END_TEST

START_TEST(a_quarantined_device_is_recovered)
{
	struct device device;
	end_upgrade(FAULT_APPLY_FAILED, PHASE_APPLY);
	learn(BOOT_MODE_RECOVERY, "", 0);
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem0", &device, &fault), 0);
	ck_assert_int_eq(device.state, DEVICE_QUARANTINED);
	ck_assert_int_eq(recover(""), 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(gateway_device(fixture.gateway, "modem0", &device, &fault), 0);
	ck_assert_int_eq(device.state, DEVICE_READY);
	/* It is kept, so that a restart and a retry know what the job is for. */
	struct job_row row;
	ck_assert_int_eq(store_job_get(fixture.gateway->store, job.id, &row, &fault), 0);
	ck_assert(row.job.request.recover);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recover");
	TCase *tcase = tcase_create("recover");
	tcase_add_checked_fixture(tcase, set_up, one_gateway_clear);
	tcase_add_test(tcase, only_a_stranded_device_is_recovered);
	tcase_add_test(tcase, the_last_job_that_did_not_end_well_is_taken_up);
	tcase_add_test(tcase, else_the_last_good_one);
	tcase_add_test(tcase, else_a_full_bundle_of_the_release_that_was_told);
	tcase_add_test(tcase, nothing_that_fits_is_told);
	tcase_add_test(tcase, boot_mode_0_needs_the_helper_of_the_bundle);
	tcase_add_test(tcase, a_dry_run_answers_the_plan);
	tcase_add_test(tcase, a_quarantined_device_is_recovered);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
