/* SPDX-License-Identifier: Apache-2.0
 *
 * [limits] and [limit NAME] of the configuration.
 */
#include "daemon/config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

static char directory[64], file[80];

static void set_up(void)
{
	strcpy(directory, "/tmp/config-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/c.conf", directory);
}

static void tear_down(void)
{
	unlink(file);
	rmdir(directory);
}

static int load(const char *text, struct config *ret, char *ret_error, size_t size)
{
	FILE *stream = fopen(file, "we");
	ck_assert_ptr_nonnull(stream);
	ck_assert_int_ge(fputs(text, stream), 0);
	ck_assert_int_eq(fclose(stream), 0);
	return config_load(file, ret, ret_error, size);
}

static struct config load_good(const char *text)
{
	struct config config;
	char error[512] = "";
	ck_assert_msg(load(text, &config, error, sizeof(error)) == 0, "%s", error);
	return config;
}

#define SEVEN(name)                                                                                                                        \
	"[limit 1" name "]\n[limit 2" name "]\n[limit 3" name "]\n[limit 4" name "]\n[limit 5" name "]\n[limit 6" name "]\n[limit 7" name  \
	"]\n"
#define ONE_OF_BOTH "a limit is for what a selector matches, or for each value of a label: give one of selector and each"

/* The error begins with the path of the file and a colon. */
static const struct {
	const char *text, *error;
} bad_texts[] = {
    {"[limits]\nper_hub = 1025\n", "2: [limits] per_hub: \"1025\" is not a number from 0 to 1024"},
    {"[limits]\nper_bus = 1\n", "2: [limits] per_bus: there is no such key"},
    {"[limit]\n", "1: [limit]: a limit's name has 1 to 31 characters of A-Z a-z 0-9 . _ -"},
    {"[limit a]\nmax_parallel = 1\neach = rack\n[limit a]\n", "4: [limit a]: the limit is already in line 1"},
    {"[limit a]\nmax_parallel = 0\n", "2: [limit a] max_parallel: \"0\" is not a number from 1 to 1024"},
    {"[limit a]\neach = rack\n", "1: [limit a] max_parallel is missing"},
    {"[limit a]\nmax_parallel = 1\n", "1: [limit a] " ONE_OF_BOTH},
    {"[limit a]\nmax_parallel = 1\neach = rack\nselector = rack=1\n", "1: [limit a] " ONE_OF_BOTH},
    {"[limit a]\nselector = rack=1,state=ready\n", "2: [limit a] selector: a limit cannot depend on the state of a device"},
    {"[limit a]\nselector = state=lost\n", "2: [limit a] selector: selector, character 7: \"state=lost\": there is no such state"},
    {"[limit a]\neach = release\n",
     "2: [limit a] each: \"release\": state, release, profile, id, board and alias are members of the device, not labels"},
    {SEVEN("a") SEVEN("b") "[limit more]\n", "15: [limit more]: there are at most 14 limits"},
};

START_TEST(a_bad_limit_is_refused_with_its_line)
{
	struct config config;
	char error[512] = "", expected[512];
	ck_assert_int_eq(load(bad_texts[_i].text, &config, error, sizeof(error)), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:%s", file, bad_texts[_i].error);
	ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(limits_arrive)
{
	struct config config = load_good("[limits]\nper_controller = 16\nper_hub = 4\n[limit lyon]\nmax_parallel = 8\nselector = "
					 "site=lyon,!spare\n[limit racks]\neach = rack\nmax_parallel = 2\n");
	ck_assert_uint_eq(config.per_controller, 16);
	ck_assert_uint_eq(config.per_hub, 4);
	ck_assert_uint_eq(config.limit_count, 2);
	ck_assert_str_eq(config.limits[0].name, "lyon");
	ck_assert_uint_eq(config.limits[0].max_parallel, 8);
	ck_assert_str_eq(config.limits[0].selector, "site=lyon,!spare");
	ck_assert_str_eq(config.limits[0].each, "");
	ck_assert_str_eq(config.limits[1].each, "rack");
	ck_assert_str_eq(config.limits[1].selector, "");
	ck_assert_uint_eq(config.limits[1].max_parallel, 2);
	config_clear(&config);
}
END_TEST

START_TEST(without_them_nothing_is_limited)
{
	struct config config = load_good("[limits]\n");
	ck_assert_uint_eq(config.per_controller, 0);
	ck_assert_uint_eq(config.per_hub, 0);
	ck_assert_uint_eq(config.limit_count, 0);
	config_clear(&config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config_limits");
	TCase *tests = tcase_create("limits");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, a_bad_limit_is_refused_with_its_line, 0, (int)(sizeof(bad_texts) / sizeof(bad_texts[0])));
	tcase_add_test(tests, limits_arrive);
	tcase_add_test(tests, without_them_nothing_is_limited);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
