/* SPDX-License-Identifier: Apache-2.0
 *
 * Probes and upgrades of a scripted peer: what they report, whatever showver does.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "tests/unit/upgrade_rig.h"

#define SHOWVER  "AT!=\"showver\""
#define SHOWCAPS "AT!=\"showCaps\""
#define DBG_PERM "AT!=\"setDbgPerm full\""
#define TABLE                                                                                                                              \
	"SYSTEM VERSION\r\n==============\r\n  FIRMWARE VERSION\r\n    Bootloader0  : 5.1.1.0 [33080]\r\n"                                 \
	"    Bootloader2* : 5.1.1.0 [38638]\r\n    NV Info      : 1.1,0,0\r\n"                                                             \
	"    Software     : 5.1.1.0 [38638] by robot-soft at 2018-11-07 13:57:00\r\n    UE           : 5.0.0.0\r\n"                        \
	"  COMPONENTS\r\n    ZSP0         : 1.0.99-3171"
#define CAPS       "== CAPS ===\r\n.catM : 1\r\n.supported : 28/20/13/12/4/3\r\n.board : 3/4/12/13/20/28"
#define NO_RELEASE "ATE0 | ATI | ATI1 | " SHOWVER " | AT+CGSN | "
#define ASKED_M1   DBG_PERM " | " SHOWCAPS " | AT+CEREG? | "

/* States after the first answers of showver. */
enum { SECOND = NEW + 1, THIRD };
#define ANY_APP (IN(APP) | IN(SECOND) | IN(THIRD))

static struct upgrade_result probe(const struct fake_rule *overrides, const struct fake_rule *rules, const char *log)
{
	struct fake_script script = {.overrides = overrides, .rules = rules, .start = APP};
	struct fake_modem *fake = fake_modem_start(&script);
	struct profile profile = rig_profile(NULL);
	struct upgrade_request request = {.port = fake_modem_port(fake), .profile = &profile, .cancel_fd = -1, .timings = &rig_timings};
	struct upgrade_result result;
	int r = probe_run(&request, NULL, &result);

	fake_modem_stop(fake);
	ck_assert_msg(r == 0, "%d %s: %s", r, fault_code_name(result.fault.code), result.fault.message);
	ck_assert_str_eq(fake_modem_log_without_at(fake), log);
	fake_modem_free(fake);
	return result;
}

static void assert_table(const struct modem_report *report)
{
	ck_assert(report->complete);
	ck_assert_uint_eq(report->versions.boot_loader_count, 2);
	ck_assert_uint_eq(report->versions.boot_loaders[0].build, 33080);
	ck_assert(report->versions.boot_loaders[1].running);
	ck_assert_uint_eq(report->versions.software.build, 38638);
	ck_assert_uint_eq(report->versions.component_count, 1);
}

/* F53: what came before the table that is kept. */
static const struct {
	const char *name;
	struct fake_rule first, second;
	int asked;
} rough_starts[] = {
    {"at once", {0}, {0}, 1},
    {"ERROR once", {IN(APP), SHOWVER, ERROR, .next = SECOND}, {0}, 2},
    {"silence once", {IN(APP), SHOWVER, NULL, .next = SECOND}, {0}, 2},
    {"stops in the middle", {IN(APP), SHOWVER, "\r\nSYSTEM VERSION\r\n    Bootloader0  : 5.1", .next = SECOND}, {0}, 2},
    {"ends early",
     {IN(APP), SHOWVER, "\r\n Bootloader0 : 5.1.1.0 [33080]\r\n\r\nOK\r\n", .next = SECOND},
     {IN(SECOND), SHOWVER, ERROR, .next = THIRD},
     3},
    {"whole but for its OK", {IN(APP), SHOWVER, "\r\n" TABLE "\r\n", .next = SECOND}, {0}, 2},
    {"whole and then ERROR", {IN(APP), SHOWVER, "\r\n" TABLE "\r\n" ERROR, .next = SECOND}, {0}, 2},
    {"nothing but OK", {IN(APP), SHOWVER, OK, .next = SECOND}, {0}, 2},
};

START_TEST(showver_is_asked_until_it_is_whole)
{
	struct fake_rule overrides[] = {rough_starts[_i].first,
					rough_starts[_i].second,
					SAYS(0, SHOWVER, TABLE),
					{.expect = DBG_PERM, .answer = OK},
					SAYS(0, SHOWCAPS, CAPS),
					SAYS(0, "AT+CEREG?", "+CEREG: 1,0"),
					{0}};
	/* An empty rule would end the table. */
	for (size_t i = 0; i < 2; i++) {
		if (!overrides[i].expect)
			overrides[i] = (struct fake_rule){.expect = "never"};
	}
	char log[256] = "AT+SMOD? | " IDENTIFY;
	for (int i = 0; i < rough_starts[_i].asked; i++)
		strncat(log, SHOWVER " | ", sizeof(log) - strlen(log) - 1);
	strncat(log, ASKED_M1, sizeof(log) - strlen(log) - 1);
	struct upgrade_result result = probe(overrides, rig_monarch1, log);
	const struct modem_report *report = &result.report;

	assert_table(report);
	ck_assert_uint_eq(report->capabilities.count, 1);
	ck_assert_uint_eq(report->capabilities.supported.count, 6);
	ck_assert_uint_eq(report->capabilities.supported.bands[0], 28);
	ck_assert_uint_eq(report->capabilities.board.bands[0], 3);
	ck_assert(!report->capabilities.in_use.told);
	ck_assert_uint_eq(report->health_count, 1);
	ck_assert_str_eq(report->health[0], "+CEREG: 1,0");
	ck_assert_uint_eq(report->crash_count, 0);
}
END_TEST

/* A table that never becomes whole is better than none, and the fullest of them is kept. */
START_TEST(the_fullest_of_partial_tables_is_kept)
{
	static const struct fake_rule overrides[] = {
	    {IN(APP), SHOWVER, "\r\nBootloader0 : [1]\r\nBootloader1* : [2]\r\n", .next = SECOND},
	    {IN(SECOND), SHOWVER, "\r\nBootloader0 : [3]\r\n\r\nOK\r\n", .next = THIRD},
	    {.in = IN(THIRD), .expect = SHOWVER, .answer = "\r\nBootloader0 : [7]\r\nBootloader1 : [8]\r\n" ERROR},
	    {.expect = DBG_PERM, .answer = ERROR},
	    {.expect = SHOWCAPS, .answer = "\r\n.catM : 1\r\n.supported : 3\r\n" ERROR},
	    {.expect = "AT+CEREG?", .answer = "\r\n+CEREG: 1,0\r\n" ERROR},
	    {0},
	};
	struct upgrade_result result =
	    probe(overrides, rig_monarch1, "AT+SMOD? | " IDENTIFY SHOWVER " | " SHOWVER " | " SHOWVER " | " ASKED_M1);

	ck_assert(!result.report.complete);
	ck_assert_uint_eq(result.report.versions.boot_loader_count, 2);
	ck_assert_uint_eq(result.report.versions.boot_loaders[0].build, 1);
	ck_assert_uint_eq(result.report.capabilities.count, 0);
	ck_assert(!result.report.capabilities.supported.told);
	ck_assert_uint_eq(result.report.health_count, 0);
}
END_TEST

START_TEST(a_table_longer_than_a_reply_is_cut_and_said)
{
	static char table[AT_REPLY_TEXT_SIZE * 2] = "\r\nBootloader0* : [1]\r\nSoftware : [1]\r\nCOMPONENTS\r\n";
	for (unsigned i = 0; i < AT_REPLY_LINES_MAX; i++)
		snprintf(table + strlen(table), sizeof(table) - strlen(table), "line %u\r\n", i);
	strncat(table, "\r\nOK\r\n", sizeof(table) - strlen(table) - 1);
	const struct fake_rule overrides[] = {{.expect = SHOWVER, .answer = table}, {0}};
	struct upgrade_result result = probe(overrides, rig_monarch2, "AT+SMOD? | " IDENTIFY SHOWVER " | AT+CEREG? | ");

	ck_assert(!result.report.complete);
	ck_assert(result.report.versions.cut);
	ck_assert_uint_eq(result.report.versions.software.build, 1);
	ck_assert_uint_eq(result.report.versions.component_count, 0);
}
END_TEST

START_TEST(the_bracketed_build_stands_in)
{
	static const struct fake_rule overrides[] = {
	    SAYS(0, "ATI1", "UE5.0.0.0d"),
	    SAYS(0, SHOWVER, TABLE),
	    {0},
	};
	struct upgrade_result result = probe(overrides, rig_monarch1, "AT+SMOD? | " NO_RELEASE SHOWVER " | " ASKED_M1);

	ck_assert_str_eq(result.after.release, "");
	ck_assert_uint_eq(result.after.build, 38638);
}
END_TEST

START_TEST(the_release_outweighs_the_bracketed_build)
{
	static const struct fake_rule overrides[] = {SAYS(0, SHOWVER, "Bootloader0* : [1]\r\nSoftware : [40343]"), {0}};
	struct upgrade_result result = probe(overrides, rig_monarch2, "AT+SMOD? | " IDENTIFY SHOWVER " | AT+CEREG? | ");

	ck_assert_uint_eq(result.report.versions.software.build, 40343);
	ck_assert_uint_eq(result.after.build, 59577);
}
END_TEST

START_TEST(no_report_outside_the_application)
{
	static const struct fake_rule overrides[] = {SAYS(0, "AT+SMOD?", "4"), {0}};
	struct upgrade_result result = probe(overrides, rig_monarch1, "AT+SMOD? | ATE0 | ");

	ck_assert_int_eq(result.after.boot_mode, BOOT_MODE_RECOVERY);
	ck_assert(!result.report.complete);
	ck_assert_uint_eq(result.report.versions.boot_loader_count, 0);
	ck_assert_uint_eq(result.report.health_count, 0);
}
END_TEST

START_TEST(a_probe_hears_crashes)
{
	static const struct fake_rule overrides[] = {
	    {.expect = "ATI", .answer = "\r\n^EXIT: File: rfcChar.c@107\r\n\r\nVZM20Q\r\n\r\nOK\r\n"},
	    {.expect = SHOWVER, .answer = "\r\n" TABLE "\r\n^EXIT: File: rfcChar.c@107\r\n\r\nOK\r\n"},
	    {0},
	};
	struct upgrade_result result = probe(overrides, rig_monarch2, "AT+SMOD? | " IDENTIFY SHOWVER " | AT+CEREG? | ");

	assert_table(&result.report);
	ck_assert_uint_eq(result.report.crash_count, 1);
	ck_assert_str_eq(result.report.crashes[0].line, "^EXIT: File: rfcChar.c@107");
	ck_assert_uint_eq(result.report.crashes[0].times, 2);
}
END_TEST

/* F55: reported, and the job is none the worse for it. */
static const struct upgrade_case crashing[] = {
    {.name = "crashes after the upgrade",
     .overrides = {{.in = IN(NEW), .expect = "ATI", .answer = "\r\n^EXIT: File: rfcChar.c@107\r\n\r\nVZM20Q\r\nUE5.0.0.0d\r\n\r\nOK\r\n"}},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_has = ENDED,
     .log_lacks = SHOWVER,
     .note_has = "the modem crashed: ^EXIT: File: rfcChar.c@107\n"},
    {.name = "crashes before, twice, and the job fails",
     .overrides = {{.in = IN(APP), .expect = "ATI", .answer = "\r\n^EXIT: x.c@1\r\n\r\nOK\r\n"}},
     .firmware = CATM1_39529,
     .options = {.way = WAY_ON_THE_FLY},
     .expected_imei = "354347091234568",
     .r = -EPROTO,
     .code = FAULT_IDENTITY_CHANGED,
     .note_has = "the modem crashed: ^EXIT: x.c@1\n"},
    {.name = "says how it stands after the restart",
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_lacks = SHOWVER,
     .note_has = "after the restart: +CEREG: 1,0\n"},
    {.name = "tells its new build in brackets only",
     .overrides = {SAYS(IN(NEW), "ATI1", "UE5.0.0.0d"), SAYS(IN(NEW), SHOWVER, "Software : [39529]")},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_has = NO_RELEASE},
    {.name = "tells another build in brackets",
     .overrides = {SAYS(IN(NEW), "ATI1", "UE5.0.0.0d"), SAYS(IN(NEW), SHOWVER, "Software : [38638]")},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_RELEASE_MISMATCH,
     .sessions = 1},
    {.name = "is where it should be, by its brackets",
     .overrides = {SAYS(IN(APP), "ATI1", "UE5.0.0.0d"), SAYS(IN(APP), SHOWVER, "Software : 5.1.1.0 [39529]")},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_ALREADY_INSTALLED},
    {.name = "tells no release and no build",
     .overrides = {SAYS(IN(NEW), "ATI1", "UE5.0.0.0d"), {.in = IN(NEW), .expect = SHOWVER, .answer = ERROR}},
     .firmware = CATM1_39529,
     .r = -EPROTO,
     .code = FAULT_RELEASE_MISMATCH,
     .sessions = 1},
    {.name = "no answer about its health",
     .overrides = {{.in = IN(NEW), .expect = "AT+CEREG?"}},
     .firmware = CATM1_39529,
     .verified = true,
     .sessions = 1,
     .log_has = "AT+CEREG? | AT+SQNSUPGRADENTF=\"success\" | "},
};

START_TEST(an_upgrade_says_what_crashed)
{
	rig_run(&crashing[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report_ask");
	TCase *tcase = tcase_create("report_ask");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, showver_is_asked_until_it_is_whole, 0, (int)(sizeof(rough_starts) / sizeof(rough_starts[0])));
	tcase_add_test(tcase, the_fullest_of_partial_tables_is_kept);
	tcase_add_test(tcase, a_table_longer_than_a_reply_is_cut_and_said);
	tcase_add_test(tcase, the_bracketed_build_stands_in);
	tcase_add_test(tcase, the_release_outweighs_the_bracketed_build);
	tcase_add_test(tcase, no_report_outside_the_application);
	tcase_add_test(tcase, a_probe_hears_crashes);
	tcase_add_loop_test(tcase, an_upgrade_says_what_crashed, 0, (int)(sizeof(crashing) / sizeof(crashing[0])));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
