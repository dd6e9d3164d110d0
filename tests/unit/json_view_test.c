/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_problem.h"
#include "api/json_view.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define SHA "9f2b6c0d4149ac1b6a2f6a3f5c64be0b3a2f3b0d9d9b3f5d0f6a7c0e4b1d2c3a"

static void assert_text(char *text, const char *expected)
{
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(unknown_device_is_null_everywhere)
{
	struct device device = {.id = "bench-1", .state = DEVICE_UNKNOWN, .modem = {.boot_mode = -1}};
	assert_text(json_view_device(&device), "{\"id\":\"bench-1\",\"state\":\"unknown\",\"port\":null,\"profile\":null,\"labels\":{},"
					       "\"usb\":null,\"modem\":null,\"job\":null,"
					       "\"lease\":null,\"alias\":null,\"seen_at\":null,\"board\":null,\"offered\":false,"
					       "\"maintenance\":false,\"quarantine\":null,\"power\":null}\n");
}
END_TEST

START_TEST(known_device_in_the_order_of_the_contract)
{
	struct device device = {.id = "b",
				.alias = "blue",
				.state = DEVICE_BUSY,
				.port = "/dev/ttyUSB0",
				.profile = "monarch1",
				.label_count = 2,
				.labels = {{"rack", "1"}, {"a", ""}},
				.usb = {.known = true, .vid = 0x10C4, .pid = 0x0A, .serial = "0001", .path = "1-1.4"},
				.modem = {.boot_mode = 0, .boot_mode_name = "ffh", .rate_bps = 115200},
				.seen_at_ms = 1700000000007,
				.job = "j1",
				.lease = {.holder = "ci", .since_ms = 1700000000008, .expires_at_ms = 1700000000009},
				.board = "pysense",
				.offered = true,
				.maintenance = true,
				.quarantine = {.since_ms = 1700000000010, .code = "apply-failed", .failures = 3},
				.power = "usb-port:1-1.4"};
	assert_text(
	    json_view_device(&device),
	    "{\"id\":\"b\",\"state\":\"busy\",\"port\":\"/dev/ttyUSB0\",\"profile\":\"monarch1\",\"labels\":{\"rack\":\"1\",\"a\":\"\"},"
	    "\"usb\":{\"vid\":\"10c4\",\"pid\":\"000a\",\"serial\":\"0001\",\"path\":\"1-1.4\"},"
	    "\"modem\":{\"boot_mode\":0,\"boot_mode_name\":\"ffh\",\"ue\":null,\"release\":null,\"build\":null,\"imei\":null,\"rate\":"
	    "115200},"
	    "\"job\":\"j1\",\"lease\":{\"holder\":\"ci\",\"reason\":null,\"since\":\"2023-11-14T22:13:20.008Z\","
	    "\"expires_at\":\"2023-11-14T22:13:20.009Z\"},\"alias\":\"blue\",\"seen_at\":\"2023-11-14T22:13:20.007Z\","
	    "\"board\":\"pysense\",\"offered\":true,\"maintenance\":true,"
	    "\"quarantine\":{\"since\":\"2023-11-14T22:13:20.010Z\",\"code\":\"apply-failed\",\"failures\":3},"
	    "\"power\":\"usb-port:1-1.4\"}\n");
}
END_TEST

/* jansson would lose the member, and with it the object. */
START_TEST(bytes_that_are_no_text_are_escaped)
{
	struct device device = {.id = "b", .modem = {.boot_mode = 2, .release = "LR\xff\xc3\xa9\xc3\xed\xa0\x80\"\n"}};
	char *text = json_view_device(&device);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, "\"release\":\"LR\\\\xFF\xc3\xa9\\\\xC3\\\\xED\\\\xA0\\\\x80\\\"\\n\""));
	free(text);
}
END_TEST

START_TEST(queued_job)
{
	struct job job = {.id = "j1",
			  .request = {.kind = JOB_POWER_CYCLE, .device = "b", .rung = "auto", .requested_by = "token:lab-ci"},
			  .created_at_ms = 1,
			  .attempt = 1,
			  .attempts_max = 3,
			  .can_cancel = true};
	assert_text(
	    json_view_job(&job),
	    "{\"id\":\"j1\",\"kind\":\"power-cycle\",\"device\":\"b\",\"state\":\"queued\",\"phase\":null,\"waiting_for\":null,"
	    "\"firmware\":null,"
	    "\"from_release\":null,\"to_release\":null,\"progress\":null,\"step\":0,\"steps\":0,\"can_cancel\":true,\"attempt\":1,"
	    "\"interruptions\":0,\"created_at\":\"1970-01-01T00:00:00.001Z\",\"started_at\":null,\"finished_at\":null,\"verified\":false,"
	    "\"fault\":null,\"retry_of\":null,\"priority\":0,\"firmware_name\":null,\"detail\":null,\"not_before\":null,\"notes\":[],"
	    "\"download\":null,\"rung\":\"auto\",\"requested_by\":\"token:lab-ci\",\"campaign\":null,"
	    "\"waiting_since\":null,\"deadline\":null,\"attempts_max\":3,\"expected_s\":null}\n");
}
END_TEST

START_TEST(waiting_job_with_everything)
{
	struct job job = {
	    .id = "j2",
	    .request = {.kind = JOB_UPGRADE,
			.device = "b",
			.firmware = SHA,
			.firmware_name = "x.dup",
			.priority = -3,
			.retry_of = "j1",
			.deadline_ms = 9000},
	    .waiting_since_ms = 3500,
	    .attempts_max = 7,
	    .expected_known = true,
	    .expected_s = 95,
	    .state = JOB_WAITING,
	    .phase = "transfer",
	    .detail = "d",
	    .waiting_for = WAIT_RETRY,
	    .from_release = "A",
	    .to_release = "B",
	    .progress = {.known = true, .bytes_done = 1, .bytes_total = 3, .percent = 99.99999, .rate_bps = 9, .eta_s = 0, .part = "p"},
	    .step = 4,
	    .steps = 8,
	    .attempt = 2,
	    .interruptions = 1,
	    .created_at_ms = 1000,
	    .started_at_ms = 2000,
	    .finished_at_ms = 3000,
	    .not_before_ms = 4000,
	    .verified = true,
	    .note_count = 2,
	    .notes = {"first", "the \"second\""},
	    .download = "0195512f5c1a3d90a1b2"};
	job_fault_set(&job.fault, "port-gone", "gone");
	char *text = json_view_job(&job);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text,
				     "\"state\":\"waiting\",\"phase\":\"transfer\",\"waiting_for\":\"retry\",\"firmware\":\"" SHA
				     "\",\"from_release\":\"A\",\"to_release\":\"B\",\"progress\":{\"bytes_done\":1,\"bytes_total\":3,"
				     "\"percent\":99.99,\"rate_bps\":9,\"eta_s\":0,\"part\":\"p\"},\"step\":4,\"steps\":8,"
				     "\"can_cancel\":false,\"attempt\":2,\"interruptions\":1,"));
	ck_assert_ptr_nonnull(strstr(text,
				     "\"started_at\":\"1970-01-01T00:00:02.000Z\",\"finished_at\":\"1970-01-01T00:00:03.000Z\","
				     "\"verified\":true,\"fault\":{\"code\":\"port-gone\",\"class\":\"transient\",\"message\":\"gone\","
				     "\"evidence\":null,\"remedy\":\""));
	ck_assert_ptr_nonnull(
	    strstr(text, "\"retry_of\":\"j1\",\"priority\":-3,\"firmware_name\":\"x.dup\",\"detail\":\"d\","
			 "\"not_before\":\"1970-01-01T00:00:04.000Z\",\"notes\":[\"first\",\"the "
			 "\\\"second\\\"\"],\"download\":\"0195512f5c1a3d90a1b2\",\"rung\":null,\"requested_by\":null,\"campaign\":null,"
			 "\"waiting_since\":\"1970-01-01T00:00:03.500Z\",\"deadline\":\"1970-01-01T00:00:09.000Z\",\"attempts_max\":7,"
			 "\"expected_s\":95}\n"));
	free(text);
}
END_TEST

START_TEST(percent_has_no_seventeen_digits)
{
	struct job job = {.id = "j", .progress = {.known = true, .percent = 33.333333333, .eta_s = -1}, .created_at_ms = 1};
	char *text = json_view_job(&job);
	ck_assert_ptr_nonnull(strstr(text, "\"percent\":33.33,\"rate_bps\":0,\"eta_s\":null,\"part\":null}"));
	free(text);
}
END_TEST

START_TEST(history)
{
	const struct device_entry entries[2] = {{.id = 8, .at_ms = 1000, .type = "leased", .detail = "by \"ci\"", .job = "j1"},
						{.at_ms = 1, .type = "adopted", .detail = "as pycom"}};
	char *text = json_view_history(entries, 2);
	ck_assert_str_eq(text, "{\"history\":[{\"id\":8,\"at\":\"1970-01-01T00:00:01.000Z\",\"type\":\"leased\",\"detail\":\"by "
			       "\\\"ci\\\"\",\"job\":\"j1\"},{\"id\":null,\"at\":\"1970-01-01T00:00:00.001Z\",\"type\":"
			       "\"adopted\",\"detail\":\"as pycom\",\"job\":null}]}\n");
	free(text);
}
END_TEST

START_TEST(lists_and_their_cursor)
{
	struct job jobs[2] = {{.id = "j2", .created_at_ms = 1}, {.id = "j1", .created_at_ms = 1}};
	char *text = json_view_jobs(jobs, 2, "j1");
	ck_assert_ptr_nonnull(strstr(text, "{\"jobs\":[{\"id\":\"j2\","));
	ck_assert_ptr_nonnull(strstr(text, "],\"next\":\"j1\"}\n"));
	free(text);
	assert_text(json_view_jobs(NULL, 0, NULL), "{\"jobs\":[],\"next\":null}\n");
	assert_text(json_view_devices(NULL, 0), "{\"devices\":[]}\n");
	assert_text(json_view_firmware_list(NULL, 0), "{\"firmware\":[]}\n");
}
END_TEST

START_TEST(firmware_tells_what_was_checked)
{
	struct bundle bundle = {
	    .record_count = 2,
	    .records = {{.magic = "DUP0", .version = 1, .offset = 0, .size = 4, .check = BUNDLE_CHECK_GOOD, .description = "first"},
			{.magic = "DUP1",
			 .version = 3,
			 .signature_type = BUNDLE_SIGNATURE_RSA_SHA256,
			 .offset = 64,
			 .size = 5,
			 .check = BUNDLE_CHECK_LEFT_TO_MODEM}}};
	struct firmware firmware = {.sha256 = SHA,
				    .name = "x.dup",
				    .size = 4294967296,
				    .facts = {.family = "monarch1", .release = "LR1", .build = 7, .base_build = 6, .helper = SHA},
				    .stated = {.release = "LR1", .base_build = 6},
				    .pair_part = 2,
				    .partner = "x-1.dup",
				    .source = "upload",
				    .imported_at = 1700000000,
				    .used_at_ns = 1700000061999999999,
				    .bundle = &bundle};
	assert_text(json_view_firmware(&firmware),
		    "{\"sha256\":\"" SHA "\",\"name\":\"x.dup\",\"size\":4294967296,\"kind\":\"bundle\",\"form\":\"differential\","
		    "\"family\":\"monarch1\",\"release\":\"LR1\","
		    "\"build\":7,\"base_build\":6,\"stated\":[\"release\",\"base_build\"],"
		    "\"records\":[{\"magic\":\"DUP0\",\"description\":\"first\",\"offset\":0,\"size\":4,"
		    "\"checksum\":\"fletcher-32\",\"check\":\"good\"},"
		    "{\"magic\":\"DUP1\",\"description\":null,\"offset\":64,\"size\":5,\"checksum\":\"rsa\",\"check\":\"left-to-modem\"}],"
		    "\"checks\":{\"structure\":\"good\",\"checksum\":\"good\",\"signature\":\"left-to-modem\",\"digest\":\"good\"},"
		    "\"signature\":null,"
		    "\"helper\":\"" SHA "\",\"second\":null,\"pair_part\":2,\"pair_with\":\"x-1.dup\",\"source\":\"upload\",\"imported_"
		    "at\":\"2023-11-14T22:13:20Z\",\"used_at\":\"2023-11-14T22:14:21Z\"}\n");
}
END_TEST

START_TEST(helper_has_no_records_to_check)
{
	struct firmware firmware = {.sha256 = SHA, .name = "u.elf", .kind = FIRMWARE_HELPER};
	char *text = json_view_firmware(&firmware);
	ck_assert_ptr_nonnull(
	    strstr(text, "\"kind\":\"helper\",\"form\":null,\"family\":null,\"release\":null,\"build\":null,\"base_build\":null,\"stated\":"
			 "[],\"records\":[],"
			 "\"checks\":{\"structure\":\"good\",\"checksum\":\"none\",\"signature\":\"none\",\"digest\":\"good\"}"));
	free(text);
}
END_TEST

START_TEST(a_signature_is_told_with_its_key_or_the_reason)
{
	struct bundle bundle = {.record_count = 1, .records = {{.magic = "UPGR", .version = 3, .check = BUNDLE_CHECK_LEFT_TO_MODEM}}};
	struct firmware firmware = {
	    .sha256 = SHA,
	    .name = "x.dup",
	    .bundle = &bundle,
	    .signature = {.verdict = SIGNATURE_GOOD, .report = {.key_id = "1D4A", .key_name = "v.pub", .trusted_comment = "lab"}}};
	char *text = json_view_firmware(&firmware);
	ck_assert_ptr_nonnull(strstr(text,
				     "\"signature\":\"good\",\"digest\":\"good\"},\"signature\":{\"verdict\":\"good\",\"key_id\":\"1D4A\","
				     "\"key_name\":\"v.pub\",\"trusted_comment\":\"lab\",\"reason\":null}"));
	free(text);
	firmware.signature = (struct firmware_signature){.verdict = SIGNATURE_BAD, .report = {.key_id = "1D4A"}, .reason = "why"};
	text = json_view_firmware(&firmware);
	ck_assert_ptr_nonnull(strstr(text,
				     "\"signature\":\"bad\",\"digest\":\"good\"},\"signature\":{\"verdict\":\"bad\",\"key_id\":\"1D4A\","
				     "\"key_name\":null,\"trusted_comment\":null,\"reason\":\"why\"}"));
	free(text);
}
END_TEST

START_TEST(plan_with_steps)
{
	struct plan plan = {.device = "b",
			    .firmware = {SHA, "x-1.dup"},
			    .second = {SHA, "x-2.dup"},
			    .way = "on-the-fly",
			    .family = "monarch2",
			    .boot_mode = 4,
			    .boot_mode_name = "recovery",
			    .warning = "risky",
			    .budget_s = 31,
			    .step_count = 1,
			    .steps = {{.phase = "connect", .what = "w", .budget_s = 30}}};
	assert_text(json_view_plan(&plan),
		    "{\"plan\":{\"device\":\"b\",\"firmware\":\"" SHA
		    "\",\"firmware_name\":\"x-1.dup\",\"helper\":null,\"helper_name\":null,\"helper_unused\":false,\"second\":\"" SHA
		    "\",\"second_name\":\"x-2.dup\",\"way\":\"on-the-fly\",\"family\":\"monarch2\",\"boot_mode\":4,"
		    "\"boot_mode_name\":\"recovery\","
		    "\"assumed\":false,\"warning\":\"risky\",\"steps\":[{\"phase\":\"connect\",\"what\":\"w\",\"why\":null,\"budget_s\":30}"
		    "],\"budget_s\":31,"
		    "\"fault\":null}}\n");
}
END_TEST

START_TEST(forbidden_plan_names_no_way)
{
	struct plan plan = {.device = "b",
			    .firmware = {SHA, "x"},
			    .way = "auto",
			    .family = "unknown",
			    .boot_mode = -1,
			    .boot_mode_name = "unknown",
			    .assumed = true};
	job_fault_set(&plan.fault, "bundle-wrong-family", "m");
	char *text = json_view_plan(&plan);
	ck_assert_ptr_nonnull(strstr(
	    text, "\"way\":null,\"family\":null,\"boot_mode\":null,\"boot_mode_name\":null,\"assumed\":true,\"warning\":null,\"steps\":[],"
		  "\"budget_s\":0,\"fault\":{\"code\":\"bundle-wrong-family\",\"class\":\"bundle\",\"message\":\"m\","));
	free(text);
}
END_TEST

START_TEST(problem_has_only_what_there_is)
{
	struct job_fault fault;
	job_fault_set(&fault, "not-found", "there is no device \"x\"");
	struct json_problem problem = {.fault = &fault, .status = 404, .member = ""};
	char expected[1024];
	snprintf(expected, sizeof(expected),
		 "{\"type\":\"urn:dupgate:fault:not-found\",\"title\":\"%s\",\"status\":404,\"detail\":\"there is no device \\\"x\\\"\","
		 "\"code\":\"not-found\",\"remedy\":\"%s\"}\n",
		 fault.kind->title, fault.kind->remedy);
	assert_text(json_problem(&problem), expected);
	job_fault_advise(&fault, "look for %s", "y");
	char *text = json_problem(&problem);
	ck_assert_ptr_nonnull(strstr(text, "\"remedy\":\"look for y\"}"));
	free(text);
}
END_TEST

START_TEST(problem_with_all_there_is)
{
	struct job_fault fault;
	struct candidate candidates[] = {{SHA, "a"}, {SHA, "b"}};
	job_fault_set(&fault, "device-busy", "busy");
	strcpy(fault.evidence, "e");
	strcpy(fault.job, "j1");
	struct json_problem problem = {.fault = &fault, .status = 409, .member = "m", .candidates = candidates, .candidate_count = 2};
	char *text = json_problem(&problem);
	ck_assert_ptr_nonnull(strstr(text, "\",\"evidence\":\"e\",\"job\":\"j1\",\"member\":\"m\",\"candidates\":[{\"sha256\":\"" SHA
					   "\",\"name\":\"a\"},{\"sha256\":\"" SHA "\",\"name\":\"b\"}]}\n"));
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_view");
	TCase *tcase = tcase_create("views");
	tcase_add_test(tcase, unknown_device_is_null_everywhere);
	tcase_add_test(tcase, known_device_in_the_order_of_the_contract);
	tcase_add_test(tcase, bytes_that_are_no_text_are_escaped);
	tcase_add_test(tcase, history);
	tcase_add_test(tcase, queued_job);
	tcase_add_test(tcase, waiting_job_with_everything);
	tcase_add_test(tcase, percent_has_no_seventeen_digits);
	tcase_add_test(tcase, history);
	tcase_add_test(tcase, lists_and_their_cursor);
	tcase_add_test(tcase, firmware_tells_what_was_checked);
	tcase_add_test(tcase, helper_has_no_records_to_check);
	tcase_add_test(tcase, a_signature_is_told_with_its_key_or_the_reason);
	tcase_add_test(tcase, plan_with_steps);
	tcase_add_test(tcase, forbidden_plan_names_no_way);
	tcase_add_test(tcase, problem_has_only_what_there_is);
	tcase_add_test(tcase, problem_with_all_there_is);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
