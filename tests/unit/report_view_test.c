/* SPDX-License-Identifier: Apache-2.0
 *
 * The report as a person reads it.
 */
#include <check.h>
#include <jansson.h>

#include "cmd/dupctl/views.h"
#include "tests/unit/suite_run.h"

static void assert_view(const char *report, bool color, const char *expected)
{
	json_error_t error;
	json_t *json = json_loads(report, 0, &error);
	text_owned shown = {.utf8 = true, .color = color};

	ck_assert_msg(json != NULL, "%s", error.text);
	view_report(&shown, json);
	ck_assert_str_eq(text_bytes(&shown), expected);
	json_decref(json);
}

static const char full[] =
    "{\"device\":\"bench-1\",\"job\":\"j1\",\"read_at\":\"2026-03-01T10:15:30.250Z\",\"boot_mode\":2,\"boot_mode_name\":\"fff\","
    "\"rate\":921600,\"ue\":\"UE6.0.0.0\",\"release\":\"LR6.0.0.0-40343\",\"build\":40343,\"imei\":\"004999010640000\",\"complete\":true,"
    "\"boot_loaders\":[{\"name\":\"Bootloader0\",\"version\":\"5.1.1.0\",\"build\":33080,\"running\":false},"
    "{\"name\":\"Bootloader1\",\"version\":null,\"build\":41019,\"running\":true},"
    "{\"name\":\"B2\",\"version\":null,\"build\":null,\"running\":false}],"
    "\"software\":{\"version\":\"6.0.0.0\",\"build\":40343,\"built\":\"by robot-soft\"},\"nv_info\":\"1.1,0,0\","
    "\"components\":[{\"name\":\"ZSP0\",\"version\":\"1.0.99-3171\"}],\"capabilities\":{\"catM\":\"1\",\"x\":null},"
    "\"bands\":{\"supported\":[28,20,3],\"board\":[],\"in_use\":null},\"health\":[\"+CEREG: 1,0\"],"
    "\"crashes\":[{\"line\":\"^EXIT: a.c@1\",\"times\":1},{\"line\":\"^EXIT: \\u001b[2Jb.c@2\",\"times\":3}]}";

START_TEST(all_that_is_known)
{
	assert_view(full, false,
		    "Device:       bench-1\n"
		    "Boot mode:    2 fff\n"
		    "Rate:         921600 bit/s\n"
		    "Release:      LR6.0.0.0-40343\n"
		    "Build:        40343\n"
		    "UE:           UE6.0.0.0\n"
		    "IMEI:         004999010640000\n"
		    "Software:     6.0.0.0 [40343] by robot-soft\n"
		    "NV info:      1.1,0,0\n"
		    "Boot loaders:\n"
		    "  Bootloader0  5.1.1.0 [33080]\n"
		    "* Bootloader1  [41019]  running\n"
		    "  B2           -\n"
		    "Components:\n"
		    "  ZSP0  1.0.99-3171\n"
		    "Bands:        28 20 3\n"
		    "  on board:   none\n"
		    "Capabilities:\n"
		    "  catM 1\n"
		    "  x -\n"
		    "Network:      +CEREG: 1,0\n"
		    "Crashed:      ^EXIT: a.c@1\n"
		    "Crashed:      ^EXIT: \\x1b[2Jb.c@2 (3 times)\n"
		    "Read:         2026-03-01T10:15:30.250Z\n"
		    "Job:          j1\n");
}
END_TEST

#define BARE(mode, loaders)                                                                                                                \
	"{\"device\":\"b\",\"boot_mode\":" mode ",\"boot_mode_name\":\"n\",\"complete\":false,\"boot_loaders\":" loaders                   \
	",\"software\":null,\"components\":[],\"capabilities\":null,\"bands\":null,\"health\":[],\"crashes\":[]}"

static const struct {
	const char *report, *expected;
} bare[] = {
    {BARE("4", "[]"), "Device:       b\nBoot mode:    4 n\nMissing:      only the application (boot mode 2) tells versions and bands\n"},
    {BARE("2", "[]"), "Device:       b\nBoot mode:    2 n\nMissing:      the modem did not tell its versions\n"},
    {BARE("2", "[{\"name\":\"B\",\"version\":\"1\",\"build\":null,\"running\":false}]"),
     "Device:       b\nBoot mode:    2 n\nBoot loaders:\n  B  1\nMissing:      the modem did not tell all of its versions\n"},
    {"{}", "Boot mode:    -\nMissing:      only the application (boot mode 2) tells versions and bands\n"},
};

START_TEST(what_is_not_known_has_no_line)
{
	assert_view(bare[_i].report, true, bare[_i].expected);
}
END_TEST

START_TEST(colours_mark_what_runs_and_what_crashed)
{
	assert_view("{\"boot_mode\":2,\"complete\":true,\"boot_loaders\":[{\"name\":\"B\",\"build\":1,\"running\":true}],"
		    "\"crashes\":[{\"line\":\"^EXIT\",\"times\":1}]}",
		    true, "Boot mode:    2 \nBoot loaders:\n\033[32m* B  [1]  running\033[0m\n\033[31mCrashed:      ^EXIT\n\033[0m");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report_view");
	TCase *tcase = tcase_create("report_view");

	tcase_add_test(tcase, all_that_is_known);
	tcase_add_loop_test(tcase, what_is_not_known_has_no_line, 0, (int)(sizeof(bare) / sizeof(bare[0])));
	tcase_add_test(tcase, colours_mark_what_runs_and_what_crashed);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
