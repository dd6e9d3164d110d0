/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of a modem, as they were captured and as they can come out damaged.
 */
#include "transport/modem/report.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define LINES_MAX 160u

/* Cuts a captured table into lines, as a reply has them. */
static size_t cut_lines(char *text, const char *ret[LINES_MAX])
{
	size_t count = 0;

	for (char *line = strtok(text, "\n"); line && count < LINES_MAX; line = strtok(NULL, "\n"))
		ret[count++] = line;
	return count;
}

static struct version_table read_versions(const char *captured)
{
	struct version_table table;
	const char *lines[LINES_MAX];
	char text[8192];

	snprintf(text, sizeof(text), "%s", captured);
	memset(&table, 0xA5, sizeof(table));
	size_t count = cut_lines(text, lines);
	version_table_read(&table, lines, count);
	return table;
}

static struct capability_table read_capabilities(const char *captured)
{
	struct capability_table table;
	const char *lines[LINES_MAX];
	char text[8192];

	snprintf(text, sizeof(text), "%s", captured);
	memset(&table, 0xA5, sizeof(table));
	size_t count = cut_lines(text, lines);
	capability_table_read(&table, lines, count);
	return table;
}

/* protocol.md 8, as it is there. */
static const char seen[] = "SYSTEM VERSION\n"
			   "==============\n"
			   "  FIRMWARE VERSION\n"
			   "    Bootloader0  : 5.1.1.0 [33080]\n"
			   "    Bootloader1  : 6.0.0.0 [40343]\n"
			   "    Bootloader2* : 5.1.1.0 [38638]\n"
			   "    NV Info      : 1.1,0,0\n"
			   "    Software     : 6.0.0.0 [40343] by robot-soft at 2018-11-07 13:57:00\n"
			   "    UE           : 6.0.0.0\n"
			   "  COMPONENTS\n"
			   "    ZSP0         : 1.0.99-3171\n"
			   "    ZSP1         : 1.0.98-3170\n";

START_TEST(the_table_that_was_seen)
{
	struct version_table table = read_versions(seen);

	ck_assert_uint_eq(table.boot_loader_count, 3);
	static const struct report_boot_loader loaders[] = {
	    {"Bootloader0", "5.1.1.0", 33080, false}, {"Bootloader1", "6.0.0.0", 40343, false}, {"Bootloader2", "5.1.1.0", 38638, true}};
	for (size_t i = 0; i < 3; i++) {
		ck_assert_str_eq(table.boot_loaders[i].name, loaders[i].name);
		ck_assert_str_eq(table.boot_loaders[i].version, loaders[i].version);
		ck_assert_uint_eq(table.boot_loaders[i].build, loaders[i].build);
		ck_assert_int_eq(table.boot_loaders[i].running, loaders[i].running);
	}
	ck_assert_str_eq(table.nv_info, "1.1,0,0");
	ck_assert(table.software.told);
	ck_assert_str_eq(table.software.version, "6.0.0.0");
	ck_assert_uint_eq(table.software.build, 40343);
	ck_assert_str_eq(table.software.built, "by robot-soft at 2018-11-07 13:57:00");
	ck_assert_str_eq(table.ue, "6.0.0.0");
	ck_assert_uint_eq(table.component_count, 2);
	ck_assert_str_eq(table.components[0].name, "ZSP0");
	ck_assert_str_eq(table.components[0].value, "1.0.99-3171");
	ck_assert_str_eq(table.components[1].name, "ZSP1");
	ck_assert_str_eq(table.components[1].value, "1.0.98-3170");
	ck_assert(!table.cut);
	ck_assert(version_table_whole(&table));
	ck_assert_uint_eq(version_table_weight(&table), 8);
}
END_TEST

/* The variants of protocol.md 8, empty fields, and what a line can be cut to. */
static const struct {
	const char *line;
	struct report_boot_loader loader;
} loader_lines[] = {
    {"Bootloader1* : [41019]", {"Bootloader1", "", 41019, true}},
    {"Bootloader1 : NA", {"Bootloader1", "", 0, false}},
    {"Bootloader1 :", {"Bootloader1", "", 0, false}},
    {"Bootloader1*:5.1.1.0[1]", {"Bootloader1", "5.1.1.0", 1, true}},
    {"Bootloader1 * : 5.1.1.0 [ 7 ]", {"Bootloader1", "5.1.1.0", 7, true}},
    {"bootloader9 : unknown", {"bootloader9", "", 0, false}},
    {"Bootloader1 : 5.1.1.0", {"Bootloader1", "5.1.1.0", 0, false}},
    {"Bootloader1 : 5.1.1.0 [380", {"Bootloader1", "5.1.1.0 [380", 0, false}},
    {"Bootloader1 : 5.1.1.0 [38x]", {"Bootloader1", "5.1.1.0", 0, false}},
    {"Bootloader1 : 5.1.1.0 []", {"Bootloader1", "5.1.1.0", 0, false}},
    {"Bootloader1 : 5.1.1.0 [4294967295]", {"Bootloader1", "5.1.1.0", 4294967295u, false}},
    {"Bootloader1 : 5.1.1.0 [4294967296]", {"Bootloader1", "5.1.1.0", 0, false}},
    {"Bootloader1 : ]5[", {"Bootloader1", "]5[", 0, false}},
    {"Bootloader1 : 5.1\xFF\x01 [5]", {"Bootloader1", "5.1??", 5, false}},
};

START_TEST(each_boot_loader_line)
{
	struct version_table table = read_versions(loader_lines[_i].line);
	const struct report_boot_loader *wanted = &loader_lines[_i].loader;

	ck_assert_uint_eq(table.boot_loader_count, 1);
	ck_assert_str_eq(table.boot_loaders[0].name, wanted->name);
	ck_assert_str_eq(table.boot_loaders[0].version, wanted->version);
	ck_assert_uint_eq(table.boot_loaders[0].build, wanted->build);
	ck_assert_int_eq(table.boot_loaders[0].running, wanted->running);
	ck_assert(!table.cut);
}
END_TEST

START_TEST(blanks_are_accepted)
{
	struct version_table table = read_versions("SYSTEM VERSION\nBootloader0* : NA\nNV Info :\nSoftware :\nUE : Unknown\nCOMPONENTS\n");

	ck_assert(version_table_whole(&table));
	ck_assert_str_eq(table.nv_info, "");
	ck_assert_str_eq(table.ue, "");
	ck_assert_str_eq(table.software.version, "");
	ck_assert_uint_eq(table.software.build, 0);
	ck_assert_str_eq(table.software.built, "");
	ck_assert_uint_eq(table.component_count, 0);
}
END_TEST

START_TEST(the_bracket_alone_is_a_build)
{
	struct version_table table = read_versions("Software : [41019] by robot-soft");

	ck_assert_str_eq(table.software.version, "");
	ck_assert_uint_eq(table.software.build, 41019);
	ck_assert_str_eq(table.software.built, "by robot-soft");
	ck_assert(!version_table_whole(&table));
	table = read_versions("Bootloader0* : 5.1.1.0 [33080]");
	ck_assert(!version_table_whole(&table));
}
END_TEST

START_TEST(what_has_no_place_is_kept_by_name)
{
	struct version_table table = read_versions("Calibration : 3\nCOMPONENTS\nSoftware : 9\n : nothing\nBootloader0 : 1");

	ck_assert_uint_eq(table.component_count, 3);
	ck_assert_str_eq(table.components[0].name, "Calibration");
	ck_assert_str_eq(table.components[0].value, "3");
	ck_assert_str_eq(table.components[1].name, "Software");
	ck_assert_str_eq(table.components[1].value, "9");
	ck_assert_str_eq(table.components[2].name, "Bootloader0");
	ck_assert(!table.software.told);
	ck_assert_uint_eq(table.boot_loader_count, 0);
}
END_TEST

START_TEST(more_than_fits_is_cut_and_said)
{
	char text[4096] = "Bootloader0* : 1 [1]\nSoftware : 1 [1]\nCOMPONENTS\n";

	for (unsigned i = 0; i < REPORT_COMPONENTS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "C%u : %u\n", i, i);
	struct version_table table = read_versions(text);
	ck_assert(version_table_whole(&table));
	ck_assert_uint_eq(table.component_count, REPORT_COMPONENTS_MAX);
	ck_assert_str_eq(table.components[REPORT_COMPONENTS_MAX - 1].name, "C31");
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "one : more\n");
	table = read_versions(text);
	ck_assert(table.cut);
	ck_assert(!version_table_whole(&table));

	text[0] = '\0';
	for (unsigned i = 0; i <= REPORT_LOADERS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "Bootloader%u : 1 [%u]\n", i, i + 1);
	table = read_versions(text);
	ck_assert_uint_eq(table.boot_loader_count, REPORT_LOADERS_MAX);
	ck_assert(table.cut);

	/* 47 characters fit. */
	table = read_versions("Bootloader0 : 12345678901234567890123456789012345678901234567 [5]");
	ck_assert_uint_eq(strlen(table.boot_loaders[0].version), 47);
	ck_assert(!table.cut);
	table = read_versions("Bootloader0 : 123456789012345678901234567890123456789012345678 [5]");
	ck_assert_uint_eq(strlen(table.boot_loaders[0].version), 47);
	ck_assert_uint_eq(table.boot_loaders[0].build, 5);
	ck_assert(table.cut);
}
END_TEST

/* Wherever the modem stopped: nothing is read that was not there, and only the whole table counts as whole. */
START_TEST(every_beginning_of_the_table)
{
	for (size_t length = 0; length < sizeof(seen); length++) {
		char text[sizeof(seen)];
		memcpy(text, seen, length);
		text[length] = '\0';
		struct version_table table = read_versions(text);
		ck_assert_uint_le(table.boot_loader_count, 3);
		ck_assert_uint_le(table.component_count, 2);
		ck_assert_int_eq(version_table_whole(&table), strstr(text, "Software     :") != NULL);
		ck_assert_uint_le(version_table_weight(&table), 8);
	}
}
END_TEST

static void assert_bands(const struct report_bands *bands, const uint16_t *wanted, size_t count)
{
	ck_assert(bands->told);
	ck_assert_uint_eq(bands->count, count);
	ck_assert_mem_eq(bands->bands, wanted, count * sizeof(*wanted));
}

START_TEST(the_capabilities_that_were_seen)
{
	struct capability_table table =
	    read_capabilities("== CAPS ===\n.catM : 1\n.supported : 28/20/13/12/4/3\n.board : 3/4/12/13/20/28\n");

	assert_bands(&table.supported, (const uint16_t[]){28, 20, 13, 12, 4, 3}, 6);
	assert_bands(&table.board, (const uint16_t[]){3, 4, 12, 13, 20, 28}, 6);
	ck_assert(!table.in_use.told);
	ck_assert_uint_eq(table.count, 1);
	ck_assert_str_eq(table.lines[0].name, "catM");
	ck_assert_str_eq(table.lines[0].value, "1");
	ck_assert(!table.cut);
}
END_TEST

START_TEST(a_second_list_of_the_same_name_is_kept_as_a_line)
{
	struct capability_table table = read_capabilities(".board : 3/4\n.board : 20");

	assert_bands(&table.board, (const uint16_t[]){3, 4}, 2);
	ck_assert_uint_eq(table.count, 1);
	ck_assert_str_eq(table.lines[0].name, "board");
	ck_assert_str_eq(table.lines[0].value, "20");
}
END_TEST

START_TEST(capabilities_that_were_not_seen)
{
	struct capability_table table =
	    read_capabilities("  .inUse : 20 / 28\n.supported : all\n.board :\n.catM:1\n.catM : 0\n.catM : 2\n. : 3\nno colon");

	assert_bands(&table.in_use, (const uint16_t[]){20, 28}, 2);
	ck_assert(!table.supported.told);
	ck_assert(table.board.told);
	ck_assert_uint_eq(table.board.count, 0);
	static const struct report_pair wanted[] = {{"supported", "all"}, {"catM", "1"}, {"catM#2", "0"}, {"catM#3", "2"}};
	ck_assert_uint_eq(table.count, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(table.lines[i].name, wanted[i].name);
		ck_assert_str_eq(table.lines[i].value, wanted[i].value);
	}
}
END_TEST

static const struct {
	const char *line;
	bool bands;
} band_lines[] = {
    {".supported : 65535", true}, {".supported : 65536", false}, {".supported : 0", false}, {".supported : 3//4", false},
    {".supported : -3", false},   {".supported : 3/x", false},   {".Supported : 3", true},
};

START_TEST(each_list_of_bands)
{
	struct capability_table table = read_capabilities(band_lines[_i].line);

	ck_assert_int_eq(table.supported.told, band_lines[_i].bands);
	ck_assert_uint_eq(table.count, band_lines[_i].bands ? 0 : 1);
}
END_TEST

START_TEST(too_many_capabilities_are_cut_and_said)
{
	char text[4096] = "";

	for (unsigned i = 0; i <= REPORT_CAPABILITIES_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ".c%u : 1\n", i);
	struct capability_table table = read_capabilities(text);
	ck_assert_uint_eq(table.count, REPORT_CAPABILITIES_MAX);
	ck_assert(table.cut);

	snprintf(text, sizeof(text), ".board : 1");
	for (unsigned i = 1; i <= REPORT_BANDS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "/%u", i + 1);
	table = read_capabilities(text);
	ck_assert_uint_eq(table.board.count, REPORT_BANDS_MAX);
	ck_assert_uint_eq(table.board.bands[REPORT_BANDS_MAX - 1], REPORT_BANDS_MAX);
	ck_assert(table.cut);
}
END_TEST

START_TEST(crashes_are_counted)
{
	struct modem_report report = {0};
	char line[64];

	ck_assert(!report_add_crash(&report, "+SYSSTART"));
	ck_assert(!report_add_crash(&report, "EXIT"));
	ck_assert(report_add_crash(&report, "^EXIT: File: rfcChar.c@107"));
	ck_assert(report_add_crash(&report, "^EXIT: File: other.c@1"));
	ck_assert(report_add_crash(&report, " ^EXIT: File: rfcChar.c@107 "));
	ck_assert_uint_eq(report.crash_count, 2);
	ck_assert_str_eq(report.crashes[0].line, "^EXIT: File: rfcChar.c@107");
	ck_assert_uint_eq(report.crashes[0].times, 2);
	ck_assert_str_eq(report.crashes[1].line, "^EXIT: File: other.c@1");
	ck_assert_uint_eq(report.crashes[1].times, 1);
	for (unsigned i = 0; i < REPORT_CRASHES_MAX; i++) {
		snprintf(line, sizeof(line), "^EXIT: %u", i);
		ck_assert(report_add_crash(&report, line));
	}
	ck_assert_uint_eq(report.crash_count, REPORT_CRASHES_MAX);
	ck_assert_str_eq(report.crashes[REPORT_CRASHES_MAX - 1].line, "^EXIT: 5");
}
END_TEST

START_TEST(health_lines_are_bounded)
{
	struct modem_report report = {0};

	for (unsigned i = 0; i <= REPORT_HEALTH_MAX; i++)
		report_add_health(&report, i == 0 ? " +CEREG: 1,0" : "+CEREG: 1,1");
	ck_assert_uint_eq(report.health_count, REPORT_HEALTH_MAX);
	ck_assert_str_eq(report.health[0], "+CEREG: 1,0");
	ck_assert_str_eq(report.health[REPORT_HEALTH_MAX - 1], "+CEREG: 1,1");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *tcase = tcase_create("report");

	tcase_add_test(tcase, the_table_that_was_seen);
	tcase_add_loop_test(tcase, each_boot_loader_line, 0, (int)(sizeof(loader_lines) / sizeof(loader_lines[0])));
	tcase_add_test(tcase, blanks_are_accepted);
	tcase_add_test(tcase, the_bracket_alone_is_a_build);
	tcase_add_test(tcase, what_has_no_place_is_kept_by_name);
	tcase_add_test(tcase, more_than_fits_is_cut_and_said);
	tcase_add_test(tcase, every_beginning_of_the_table);
	tcase_add_test(tcase, the_capabilities_that_were_seen);
	tcase_add_test(tcase, a_second_list_of_the_same_name_is_kept_as_a_line);
	tcase_add_test(tcase, capabilities_that_were_not_seen);
	tcase_add_loop_test(tcase, each_list_of_bands, 0, (int)(sizeof(band_lines) / sizeof(band_lines[0])));
	tcase_add_test(tcase, too_many_capabilities_are_cut_and_said);
	tcase_add_test(tcase, crashes_are_counted);
	tcase_add_test(tcase, health_lines_are_bounded);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
