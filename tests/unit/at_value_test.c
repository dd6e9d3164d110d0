/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/at/at_value.h"

#include <check.h>

#include "tests/unit/suite_run.h"

START_TEST(prefixes_are_told_apart)
{
	struct at_value value;
	int64_t number;

	ck_assert(at_value_begin(&value, "+CEREG: 1,0", "+CEREG:"));
	ck_assert(at_value_int(&value, &number));
	ck_assert_int_eq(number, 1);
	ck_assert(!at_value_end(&value));
	ck_assert(at_value_int(&value, &number));
	ck_assert_int_eq(number, 0);
	ck_assert(at_value_end(&value));
	ck_assert(!at_value_begin(&value, "+CEREG: 1,0", "+CREG:"));
	ck_assert(!at_value_int(&value, &number));
	ck_assert(!at_value_end(&value));
	ck_assert(at_value_begin(&value, "2", ""));
	ck_assert(at_value_int(&value, &number));
	ck_assert_int_eq(number, 2);
}
END_TEST

static const struct {
	const char *text;
	bool good;
	int64_t number;
} integers[] = {
    {"0", true, 0},
    {"  42 ", true, 42},
    {"-7", true, -7},
    {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN},
    {"9223372036854775808", false, 0},
    {"99999999999999999999", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"4x", false, 0},
    {"x", false, 0},
    {"1 2", false, 0},
    {"+1", false, 0},
    {"\"1\"", false, 0},
};

START_TEST(integers_are_read_whole_or_not_at_all)
{
	struct at_value value;
	int64_t number = 0;

	ck_assert(at_value_begin(&value, integers[_i].text, ""));
	ck_assert_msg(at_value_int(&value, &number) == integers[_i].good, "%s", integers[_i].text);
	ck_assert_int_eq(number, integers[_i].number);
	ck_assert(at_value_end(&value) == integers[_i].good);
}
END_TEST

START_TEST(a_failure_sticks)
{
	struct at_value value;
	int64_t number = 5;
	char text[8];

	ck_assert(at_value_begin(&value, "x,2", ""));
	ck_assert(!at_value_int(&value, &number));
	ck_assert(!at_value_int(&value, &number));
	ck_assert(!at_value_string(&value, text, sizeof text));
	ck_assert_int_eq(number, 5);
}
END_TEST

START_TEST(fields_do_not_run_out_silently)
{
	struct at_value value;
	int64_t number;

	ck_assert(at_value_begin(&value, "1,", ""));
	ck_assert(at_value_int(&value, &number));
	ck_assert(!at_value_end(&value));
	ck_assert(!at_value_int(&value, &number));
	ck_assert(at_value_begin(&value, "1", ""));
	ck_assert(at_value_int(&value, &number));
	ck_assert(!at_value_int(&value, &number));
}
END_TEST

START_TEST(strings_are_quoted_or_bare)
{
	struct at_value value;
	char text[8];

	ck_assert(at_value_begin(&value, "+X: \"a,b\" , plain ,,\"\"", "+X:"));
	ck_assert(at_value_string(&value, text, sizeof text));
	ck_assert_str_eq(text, "a,b");
	ck_assert(at_value_string(&value, text, sizeof text));
	ck_assert_str_eq(text, "plain");
	ck_assert(at_value_string(&value, text, sizeof text));
	ck_assert_str_eq(text, "");
	ck_assert(!at_value_end(&value));
	ck_assert(at_value_string(&value, text, sizeof text));
	ck_assert_str_eq(text, "");
	ck_assert(at_value_end(&value));
}
END_TEST

START_TEST(bad_strings_fail)
{
	static const char *const bad[] = {"\"open", "\"a\"b", "12345678"};
	struct at_value value;
	char text[8] = "kept";

	ck_assert(at_value_begin(&value, bad[_i], ""));
	ck_assert(!at_value_string(&value, text, sizeof text));
	ck_assert_str_eq(text, "kept");
	ck_assert(!at_value_end(&value));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("at_value");
	TCase *tests = tcase_create("values");

	tcase_add_test(tests, prefixes_are_told_apart);
	tcase_add_loop_test(tests, integers_are_read_whole_or_not_at_all, 0, (int)(sizeof integers / sizeof integers[0]));
	tcase_add_test(tests, a_failure_sticks);
	tcase_add_test(tests, fields_do_not_run_out_silently);
	tcase_add_test(tests, strings_are_quoted_or_bare);
	tcase_add_loop_test(tests, bad_strings_fail, 0, 3);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
