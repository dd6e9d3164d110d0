/* SPDX-License-Identifier: Apache-2.0
 *
 * The report of a probe on its way: from the engine's words to rows, to the disk and back, to JSON.
 */
#include "daemon/device_report.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_problem.h"
#include "api/json_view.h"
#include "tests/unit/one_gateway.h"
#include "tests/unit/suite_run.h"

static void set_up(void)
{
	one_gateway_start(2);
}

static const struct modem_info info = {.boot_mode = BOOT_MODE_FFF,
				       .family = FAMILY_MONARCH1,
				       .ue = "UE6.0.0.0",
				       .release = "LR6.0.0.0-40343",
				       .build = 40343,
				       .imei = "355000000000001",
				       .rate_bps = 921600};

static const struct modem_report told = {
    .complete = true,
    .versions = {.boot_loader_count = 2,
		 .boot_loaders = {{"Bootloader0", "5.1.1.0", 33080, false}, {"Bootloader1", "", 41019, true}},
		 .software = {true, "6.0.0.0", 40343, "by robot-soft at 2018-11-07 13:57:00"},
		 .nv_info = "1.1,0,0",
		 .ue = "6.0.0.0",
		 .component_count = 2,
		 .components = {{"ZSP0", "1.0.99-3171"}, {"ZSP1", ""}}},
    .capabilities = {.supported = {.told = true, .count = 3, .bands = {28, 20, 3}},
		     .board = {.told = true},
		     .count = 1,
		     .lines = {{"catM", "1"}}},
    .health_count = 1,
    .health = {"+CEREG: 1,0"},
    .crash_count = 1,
    .crashes = {{"^EXIT: File: rfcChar.c@107", 2}},
};

static const struct report_row rows[] = {
    {REPORT_BOOT_LOADER, "Bootloader0", "5.1.1.0", 33080, false},
    {REPORT_BOOT_LOADER, "Bootloader1", "", 41019, true},
    {REPORT_COMPONENT, "ZSP0", "1.0.99-3171", 0, false},
    {REPORT_COMPONENT, "ZSP1", "", 0, false},
    {REPORT_CAPABILITY, "catM", "1", 0, false},
    {REPORT_BANDS, "supported", "28/20/3", 0, false},
    {REPORT_BANDS, "board", "", 0, false},
    {REPORT_HEALTH, "", "+CEREG: 1,0", 0, false},
    {REPORT_CRASH, "", "^EXIT: File: rfcChar.c@107", 2, false},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void assert_told(const struct device_report *report)
{
	ck_assert(report->complete);
	ck_assert_int_eq(report->modem.boot_mode, 2);
	ck_assert_str_eq(report->modem.boot_mode_name, "fff");
	ck_assert_str_eq(report->modem.family, "monarch1");
	ck_assert_str_eq(report->modem.ue, "UE6.0.0.0");
	ck_assert_str_eq(report->modem.release, "LR6.0.0.0-40343");
	ck_assert_uint_eq(report->modem.build, 40343);
	ck_assert_str_eq(report->modem.imei, "355000000000001");
	ck_assert_uint_eq(report->modem.rate_bps, 921600);
	ck_assert_str_eq(report->software_version, "6.0.0.0");
	ck_assert_uint_eq(report->software_build, 40343);
	ck_assert_str_eq(report->software_built, "by robot-soft at 2018-11-07 13:57:00");
	ck_assert_str_eq(report->nv_info, "1.1,0,0");
	ck_assert_uint_eq(report->row_count, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		ck_assert_int_eq(report->rows[i].part, rows[i].part);
		ck_assert_str_eq(report->rows[i].name, rows[i].name);
		ck_assert_str_eq(report->rows[i].value, rows[i].value);
		ck_assert_uint_eq(report->rows[i].number, rows[i].number);
		ck_assert_int_eq(report->rows[i].running, rows[i].running);
	}
}

static struct device_report make_report(void)
{
	struct device_report report;
	memset(&report, 0xA5, sizeof(report));
	device_report_fill(&report, &info, &told);
	strcpy(report.device, "modem0");
	strcpy(report.job, "j1");
	report.read_at_ms = 1700000000007;
	return report;
}

START_TEST(all_that_was_told_has_a_row)
{
	struct device_report report = make_report();
	assert_told(&report);
}
END_TEST

START_TEST(the_ue_of_the_table_stands_in)
{
	struct device_report report;
	struct modem_info silent = info;
	silent.ue[0] = '\0';
	silent.family = FAMILY_UNKNOWN;
	device_report_fill(&report, &silent, &told);
	ck_assert_str_eq(report.modem.ue, "6.0.0.0");
	ck_assert_str_eq(report.modem.family, "");
}
END_TEST

START_TEST(the_fullest_report_fits)
{
	static struct modem_report full;
	static struct device_report report, back;
	memset(&full, 0, sizeof(full));
	full.versions.boot_loader_count = REPORT_LOADERS_MAX;
	full.versions.component_count = REPORT_COMPONENTS_MAX;
	full.capabilities.count = REPORT_CAPABILITIES_MAX;
	full.health_count = REPORT_HEALTH_MAX;
	full.crash_count = REPORT_CRASHES_MAX;
	struct report_bands all = {.told = true, .count = REPORT_BANDS_MAX};
	for (size_t i = 0; i < REPORT_BANDS_MAX; i++)
		all.bands[i] = 65535;
	full.capabilities.supported = full.capabilities.board = full.capabilities.in_use = all;
	device_report_fill(&report, &info, &full);
	ck_assert_uint_eq(report.row_count, REPORT_LOADERS_MAX + REPORT_COMPONENTS_MAX + REPORT_CAPABILITIES_MAX + 3 + REPORT_HEALTH_MAX +
						REPORT_CRASHES_MAX);
	strcpy(report.device, "modem0");
	ck_assert_int_eq(store_report_save(fixture.gateway->store, &report, &fault), 0);
	ck_assert_int_eq(store_report_load(fixture.gateway->store, "modem0", &back, &fault), 0);
	ck_assert_uint_eq(back.row_count, report.row_count);
	const struct report_row *bands = &back.rows[REPORT_LOADERS_MAX + REPORT_COMPONENTS_MAX + REPORT_CAPABILITIES_MAX];
	ck_assert_uint_eq(strlen(bands->value), REPORT_BANDS_MAX * strlen("65535/") - 1);
}
END_TEST

START_TEST(each_probe_takes_the_place_of_the_one_before)
{
	struct device_report report = make_report(), back;
	struct store *store = fixture.gateway->store;
	ck_assert_int_eq(store_report_load(store, "modem0", &back, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_int_eq(store_report_save(store, &report, &fault), 0);
	ck_assert_int_eq(store_report_load(store, "modem0", &back, &fault), 0);
	ck_assert_str_eq(back.device, "modem0");
	ck_assert_str_eq(back.job, "j1");
	ck_assert_int_eq(back.read_at_ms, 1700000000007);
	assert_told(&back);

	struct modem_report nothing = {0};
	device_report_fill(&report, &info, &nothing);
	strcpy(report.device, "modem0");
	strcpy(report.job, "j2");
	ck_assert_int_eq(store_report_save(store, &report, &fault), 0);
	ck_assert_int_eq(store_report_load(store, "modem0", &back, &fault), 0);
	ck_assert_str_eq(back.job, "j2");
	ck_assert_uint_eq(back.row_count, 0);
	ck_assert(!back.complete);
	ck_assert_str_eq(back.nv_info, "");
	ck_assert_int_eq(store_report_load(store, "modem1", &back, &fault), -EPROTO);
}
END_TEST

/* All or nothing: what was there stays when the new one cannot be written. */
START_TEST(a_report_of_no_device_is_refused_whole)
{
	struct device_report report = make_report(), back;
	strcpy(report.device, "nobody");
	ck_assert_int_eq(store_report_save(fixture.gateway->store, &report, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "infrastructure-error");
	ck_assert_int_eq(store_report_load(fixture.gateway->store, "nobody", &back, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
}
END_TEST

START_TEST(a_probe_that_ends_well_leaves_its_report)
{
	struct device_report report;
	struct job job;
	struct job_request request = fixture_request(1);
	request.kind = JOB_PROBE;
	ck_assert_int_eq(gateway_report(fixture.gateway, "modem1", &report, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_ptr_nonnull(strstr(fault.message, "no report of modem1"));
	ck_assert_int_eq(gateway_report(fixture.gateway, "modem9", &report, &fault), -EPROTO);
	ck_assert_ptr_nonnull(strstr(fault.message, "no device modem9"));

	fixture_modem(1)->report = &told;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, NULL, &job, &fault), 0);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, "identify");
	ck_assert_int_eq(gateway_report(fixture.gateway, "modem1", &report, &fault), 0);
	ck_assert_str_eq(report.device, "modem1");
	ck_assert_str_eq(report.job, job.id);
	ck_assert_int_eq(report.read_at_ms, FIXTURE_START_MS);
	ck_assert_str_eq(report.modem.release, "LR5.1.1.0-38638");
	ck_assert_uint_eq(report.row_count, ROWS);

	/* One that fails changes nothing, and neither does an upgrade. */
	char first[JOB_ID_SIZE];
	memcpy(first, report.job, sizeof(first));
	fixture_modem(1)->fault = FAULT_MODEM_UNPOWERED;
	fixture_modem(1)->fault_phase = PHASE_IDENTIFY;
	ck_assert_int_eq(gateway_submit(fixture.gateway, &request, NULL, &job, &fault), 0);
	fixture_await(&fixture, job.id, JOB_FAILED, NULL);
	fixture_modem(1)->fault = FAULT_NONE;
	job = fixture_submit(&fixture, 1);
	fixture_await(&fixture, job.id, JOB_SUCCEEDED, NULL);
	ck_assert_int_eq(gateway_report(fixture.gateway, "modem1", &report, &fault), 0);
	ck_assert_str_eq(report.job, first);
}
END_TEST

static void assert_json(const struct device_report *report, const char *expected)
{
	char *text = json_view_report(report);
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(json_of_a_report)
{
	struct device_report report = make_report();
	assert_json(&report,
		    "{\"device\":\"modem0\",\"job\":\"j1\",\"read_at\":\"2023-11-14T22:13:20.007Z\",\"boot_mode\":2,"
		    "\"boot_mode_name\":\"fff\",\"rate\":921600,\"ue\":\"UE6.0.0.0\",\"release\":\"LR6.0.0.0-40343\",\"build\":40343,"
		    "\"imei\":\"355000000000001\",\"complete\":true,\"boot_loaders\":["
		    "{\"name\":\"Bootloader0\",\"version\":\"5.1.1.0\",\"build\":33080,\"running\":false},"
		    "{\"name\":\"Bootloader1\",\"version\":null,\"build\":41019,\"running\":true}],"
		    "\"software\":{\"version\":\"6.0.0.0\",\"build\":40343,\"built\":\"by robot-soft at 2018-11-07 13:57:00\"},"
		    "\"nv_info\":\"1.1,0,0\",\"components\":[{\"name\":\"ZSP0\",\"version\":\"1.0.99-3171\"},"
		    "{\"name\":\"ZSP1\",\"version\":null}],\"capabilities\":{\"catM\":\"1\"},"
		    "\"bands\":{\"supported\":[28,20,3],\"board\":[],\"in_use\":null},\"health\":[\"+CEREG: 1,0\"],"
		    "\"crashes\":[{\"line\":\"^EXIT: File: rfcChar.c@107\",\"times\":2}]}\n");
}
END_TEST

START_TEST(json_of_a_modem_that_tells_nothing)
{
	struct device_report report = {.device = "b", .job = "j", .read_at_ms = 1700000000007, .modem = {.boot_mode = -1}};
	assert_json(&report, "{\"device\":\"b\",\"job\":\"j\",\"read_at\":\"2023-11-14T22:13:20.007Z\",\"boot_mode\":null,"
			     "\"boot_mode_name\":null,\"rate\":null,\"ue\":null,\"release\":null,\"build\":null,\"imei\":null,"
			     "\"complete\":false,\"boot_loaders\":[],\"software\":null,\"nv_info\":null,\"components\":[],"
			     "\"capabilities\":null,\"bands\":null,\"health\":[],\"crashes\":[]}\n");
}
END_TEST

START_TEST(a_problem_can_have_a_closer_remedy)
{
	job_fault_set(&fault, "not-found", "no report");
	struct json_problem problem = {.fault = &fault, .status = 404, .member = "", .remedy = "Probe it."};
	char *text = json_problem(&problem);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, "\"remedy\":\"Probe it.\""));
	free(text);
}
END_TEST

START_TEST(names_of_the_parts)
{
	for (int i = 0; i < REPORT_PART_COUNT; i++) {
		enum report_part part = REPORT_PART_COUNT;
		ck_assert(report_part_parse(report_part_name((enum report_part)i), &part));
		ck_assert_int_eq(part, i);
	}
	enum report_part part;
	ck_assert(!report_part_parse("", &part));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("device_report");
	TCase *tcase = tcase_create("device_report");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, one_gateway_clear);
	tcase_add_test(tcase, all_that_was_told_has_a_row);
	tcase_add_test(tcase, the_ue_of_the_table_stands_in);
	tcase_add_test(tcase, the_fullest_report_fits);
	tcase_add_test(tcase, each_probe_takes_the_place_of_the_one_before);
	tcase_add_test(tcase, a_report_of_no_device_is_refused_whole);
	tcase_add_test(tcase, a_probe_that_ends_well_leaves_its_report);
	tcase_add_test(tcase, json_of_a_report);
	tcase_add_test(tcase, json_of_a_modem_that_tells_nothing);
	tcase_add_test(tcase, a_problem_can_have_a_closer_remedy);
	tcase_add_test(tcase, names_of_the_parts);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
