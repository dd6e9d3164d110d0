/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/selector.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct device device = {
    .id = "bench-1",
    .state = DEVICE_READY,
    .profile = "walter",
    .label_count = 3,
    .labels = {{"rack", "1"}, {"bench", ""}, {"note", "a b=c"}},
    .modem = {.release = "LR5.1.1.0-39529"},
};

static const struct {
	const char *selector;
	bool matches;
} good[] = {
    {NULL, true},
    {"", true},
    {"rack=1", true},
    {"rack=2", false},
    {"rack=", false},
    {"rack=11", false},
    {"rac=1", false},
    {"rack!=1", false},
    {"rack!=2", true},
    {"bench=", true},
    {"bench!=", false},
    {"note=a b=c", true},
    {"row=1", false},
    {"row=", false},
    {"row!=1", true},
    {"state=ready", true},
    {"state!=ready", false},
    {"state=busy", false},
    {"state!=busy", true},
    {"release=LR5.1.1.0-39529", true},
    {"release!=LR5.1.1.0-39529", false},
    {"release=LR5.1.1.0", false},
    {"profile=walter", true},
    {"profile=auto", false},
    {"id=bench-1", true},
    {"id!=bench-1", false},
    {"id=bench-10", false},
    {"rack=1,state=ready,id!=bench-2", true},
    {"rack=1,state=busy", false},
    {"state=busy,rack=1", false},
    {"rack=1,rack=2", false},
};

START_TEST(terms_match)
{
	struct job_fault fault = {0};
	ck_assert_int_eq(selector_check(good[_i].selector, &fault), 0);
	ck_assert_ptr_null(fault.kind);
	ck_assert_int_eq(selector_matches(good[_i].selector, &device), good[_i].matches);
}
END_TEST

static const struct {
	const char *selector, *message;
} bad[] = {
    {"rack", "selector: \"rack\" is not key=value or key!=value"},
    {"=1", "selector: \"=1\" is not key=value or key!=value"},
    {"!=1", "selector: \"!=1\" is not key=value or key!=value"},
    {",", "selector: \"\" is not key=value or key!=value"},
    {"rack=1,", "selector: \"\" is not key=value or key!=value"},
    {"rack=1,,id=x", "selector: \"\" is not key=value or key!=value"},
    {"rack=1,bench", "selector: \"bench\" is not key=value or key!=value"},
    {"state=gone", "selector: there is no state \"gone\""},
    {"rack=1,state!=", "selector: there is no state \"\""},
    {"state=readyreadyreadyreadyreadyready", "selector: there is no state \"readyreadyreadyreadyreadyready\""},
};

START_TEST(a_bad_term_is_named)
{
	struct job_fault fault = {0};
	ck_assert_int_eq(selector_check(bad[_i].selector, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_str_eq(fault.message, bad[_i].message);
}
END_TEST

START_TEST(release_and_state_of_an_unknown_modem)
{
	static const struct device unknown = {.id = "x", .state = DEVICE_UNKNOWN};
	ck_assert(selector_matches("release=", &unknown));
	ck_assert(selector_matches("state=unknown,release!=LR5.1.1.0-39529", &unknown));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("selector");
	TCase *tests = tcase_create("terms");
	tcase_add_loop_test(tests, terms_match, 0, (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(tests, a_bad_term_is_named, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tests, release_and_state_of_an_unknown_modem);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
