/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/selector.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/suite_run.h"

static const struct device device = {
    .id = "bench-1",
    .alias = "the blue board",
    .state = DEVICE_READY,
    .profile = "walter",
    .board = "pysense",
    .label_count = 6,
    .labels = {{"rack", "1"}, {"bench", ""}, {"note", "a b=c"}, {"in", "out"}, {"odd", "f(x)"}, {"worse", ") ("}},
    .modem = {.release = "LR5.1.1.0-39529"},
};

static const struct {
	const char *selector;
	bool matches;
} good[] = {
    {NULL, true},
    {"", true},
    {"  ", true},
    {"rack=1", true},
    {"rack==1", true},
    {"rack=2", false},
    {"rack=", false},
    {"rack=11", false},
    {"rac=1", false},
    {"Rack=1", false},
    {"rack!=1", false},
    {"rack!=2", true},
    {" rack = 1 ", true},
    {"rack\t!=\t1", false},
    {"bench=", true},
    {"bench!=", false},
    {"note=a b=c", true},
    {"note=a b", false},
    {"note= a b=c ", true},
    {"row=1", false},
    {"row=", false},
    {"row!=1", true},
    {"rack", true},
    {"bench", true},
    {"row", false},
    {"!row", true},
    {"! row", true},
    {"!rack", false},
    {" !rack ", false},
    {"!bench", false},
    {"rack in (1)", true},
    {"rack in (1,2)", true},
    {"rack in (2,1)", true},
    {"rack in ( 2 , 1 )", true},
    {"rack in(2,1)", true},
    {"rack in (2,3)", false},
    {"rack notin (2,3)", true},
    {"rack notin (2,1)", false},
    {"row in (1)", false},
    {"row notin (1)", true},
    {"row in (,1)", false},
    {"bench in (,x)", true},
    {"bench in (x,)", true},
    {"note in (x,a b=c)", true},
    {"in", true},
    {"in=out", true},
    {"in in (out)", true},
    {"in notin (out)", false},
    {"notin", false},
    {"odd=f(x)", true},
    {"odd in (f(x))", true},
    {"odd in (f(x),y)", true},
    {"odd in (f(y),g(x))", false},
    {"worse=) (", true},
    {"worse!=) (", false},
    {"rack in (1),note=a b=c", true},
    {"rack in (1) , note=x", false},
    {"state=ready", true},
    {"state!=ready", false},
    {"state=busy", false},
    {"state!=busy", true},
    {"state in (busy, ready)", true},
    {"state notin (busy, ready)", false},
    {"release=LR5.1.1.0-39529", true},
    {"release!=LR5.1.1.0-39529", false},
    {"release=LR5.1.1.0", false},
    {"release", true},
    {"!release", false},
    {"profile=walter", true},
    {"profile=auto", false},
    {"id=bench-1", true},
    {"id!=bench-1", false},
    {"id=bench-10", false},
    {"board=pysense", true},
    {"board in (pytrack, pysense)", true},
    {"!board", false},
    {"alias=the blue board", true},
    {"alias!=the blue board", false},
    {"rack=1,state=ready,id!=bench-2", true},
    {"rack=1,state=busy", false},
    {"state=busy,rack=1", false},
    {"rack=1,rack=2", false},
    {"rack,bench,!row", true},
    {"rack,bench,row", false},
};

START_TEST(terms_match)
{
	struct job_fault fault = {0};
	struct selector *selector = NULL;
	ck_assert_msg(selector_compile(good[_i].selector, &selector, &fault) == 0, "%s", fault.message);
	ck_assert_ptr_null(fault.kind);
	ck_assert_int_eq(selector_matches(selector, &device), good[_i].matches);
	selector_free(selector);
}
END_TEST

static const struct {
	const char *selector, *message;
} bad[] = {
    {"=1", "selector, character 1: \"=1\": a key has characters of A-Z a-z 0-9 . _ -"},
    {"!=1", "selector, character 2: \"!=1\": a key has characters of A-Z a-z 0-9 . _ -"},
    {"!", "selector, character 2: \"!\": a key has characters of A-Z a-z 0-9 . _ -"},
    {"rack=1,\xc3\xa4=1", "selector, character 8: \"\xc3\xa4=1\": a key has characters of A-Z a-z 0-9 . _ -"},
    {"01234567890123456789012345678901", "selector, character 33: \"01234567890123456789012345678901\": a key has at most 31 characters"},
    {",", "selector, character 1: \"\": a term is missing"},
    {"rack=1,", "selector, character 8: \"\": a term is missing"},
    {"rack=1, ", "selector, character 9: \"\": a term is missing"},
    {"rack=1,,id=x", "selector, character 8: \"\": a term is missing"},
    {"rack=1,bench 2", "selector, character 14: \"bench 2\": =, !=, in or notin follows a key"},
    {"rack ! 2", "selector, character 6: \"rack ! 2\": =, !=, in or notin follows a key"},
    {"rack ina (2)", "selector, character 6: \"rack ina (2)\": =, !=, in or notin follows a key"},
    {"!rack=1", "selector, character 6: \"!rack=1\": a comma follows a term"},
    {"!rack in (1)", "selector, character 7: \"!rack in (1)\": a comma follows a term"},
    {"rack in 1", "selector, character 9: \"rack in 1\": a list in parentheses follows in and notin"},
    {"rack in", "selector, character 8: \"rack in\": a list in parentheses follows in and notin"},
    {"rack in ()", "selector, character 10: \"rack in ()\": the list is empty"},
    {"rack in ( )", "selector, character 10: \"rack in ( )\": the list is empty"},
    {"rack in (1", "selector, character 10: \"rack in (1\": the list has no )"},
    {"id=x,rack in (1,2", "selector, character 17: \"rack in (1,2\": the list has no )"},
    {"rack in (1,(2)", "selector, character 12: \"rack in (1,(2)\": the list has no )"},
    {"rack in (1) x", "selector, character 13: \"rack in (1)\": a comma follows a term"},
    {"state=gone", "selector, character 7: \"state=gone\": there is no such state"},
    {"state in (ready,gone)", "selector, character 17: \"state in (ready,gone)\": there is no such state"},
    {"rack=1,state!=", "selector, character 15: \"state!=\": there is no such state"},
    {"state=readyreadyreadyreadyreadyready", "selector, character 7: \"state=readyreadyreadyreadyreadyready\": there is no such state"},
    {"rack=a\nb", "selector, character 6: \"rack=a\nb\": a value has no control characters"},
    {"rack=0123456789012345678901234567890123456789012345678901234567\x7f",
     "selector, character 6: \"rack=0123456789012345678901234567890123456789012345678901234...\": a value has no control characters"},
};

START_TEST(a_bad_term_is_named)
{
	struct job_fault fault = {0};
	struct selector *selector = NULL;
	ck_assert_int_eq(selector_compile(bad[_i].selector, &selector, &fault), -EPROTO);
	ck_assert_ptr_null(selector);
	ck_assert_str_eq(fault.kind->code, "invalid-request");
	ck_assert_str_eq(fault.message, bad[_i].message);
}
END_TEST

static const struct {
	const char *selector;
	bool matches;
} of_nothing[] = {
    {"release=", true},       {"state=unknown,release!=LR5.1.1.0-39529", true},
    {"release", false},       {"!release,!board,!alias", true},
    {"board!=pysense", true}, {"state", true},
    {"!id", false},
};

START_TEST(what_is_not_known_is_empty)
{
	static const struct device unknown = {.id = "x", .state = DEVICE_UNKNOWN};
	struct job_fault fault = {0};
	struct selector *selector = NULL;
	ck_assert_int_eq(selector_compile(of_nothing[_i].selector, &selector, &fault), 0);
	ck_assert_int_eq(selector_matches(selector, &unknown), of_nothing[_i].matches);
	selector_free(selector);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("selector");
	TCase *tests = tcase_create("terms");
	tcase_add_loop_test(tests, terms_match, 0, (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(tests, a_bad_term_is_named, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_loop_test(tests, what_is_not_known_is_empty, 0, (int)(sizeof(of_nothing) / sizeof(of_nothing[0])));
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
