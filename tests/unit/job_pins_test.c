/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_pins.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/cache_case.h"
#include "tests/unit/suite_run.h"

static struct job_request request;
static struct job_fault fault;

static void set_up(void)
{
	cache_set_up();
	request = (struct job_request){.kind = JOB_UPGRADE};
	cache_add("the bundle", "pair-1.dup", request.firmware);
	cache_add_helper(2, "updater.elf", request.helper);
	cache_add("its second file", "pair-2.dup", request.second);
}

static char *const members[] = {request.firmware, request.helper, request.second};

START_TEST(what_a_job_needs_cannot_be_removed)
{
	ck_assert_int_eq(job_pins_take(cache_case.store, &request, &fault), 0);
	ck_assert_int_eq(firmware_remove(cache_case.store, members[_i], &cache_case.error), -EPROTO);
	ck_assert_int_eq(cache_case.error.code, CACHE_ERROR_IN_USE);
	job_pins_drop(cache_case.store, &request);
	ck_assert_int_eq(firmware_remove(cache_case.store, members[_i], &cache_case.error), 0);
}
END_TEST

START_TEST(when_one_is_gone_none_is_pinned)
{
	static const char *const words[] = {"the firmware ", "the helper ", "the second file "};
	ck_assert_int_eq(firmware_remove(cache_case.store, members[_i], &cache_case.error), 0);
	ck_assert_int_eq(job_pins_take(cache_case.store, &request, &fault), -EPROTO);
	ck_assert_str_eq(fault.kind->code, "not-found");
	ck_assert_msg(strncmp(fault.message, words[_i], strlen(words[_i])) == 0, "%s", fault.message);
	ck_assert_ptr_nonnull(strstr(fault.message, members[_i]));
	for (int i = 0; i < 3; i++)
		if (i != _i)
			ck_assert_int_eq(firmware_remove(cache_case.store, members[i], &cache_case.error), 0);
}
END_TEST

START_TEST(what_is_not_needed_is_not_looked_for)
{
	struct job_request probe = {.kind = JOB_PROBE};
	ck_assert_int_eq(job_pins_take(cache_case.store, &probe, &fault), 0);
	job_pins_drop(cache_case.store, &probe);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job_pins");
	TCase *tests = tcase_create("pins");
	tcase_add_checked_fixture(tests, set_up, cache_tear_down);
	tcase_add_loop_test(tests, what_a_job_needs_cannot_be_removed, 0, 3);
	tcase_add_loop_test(tests, when_one_is_gone_none_is_pinned, 0, 3);
	tcase_add_test(tests, what_is_not_needed_is_not_looked_for);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
