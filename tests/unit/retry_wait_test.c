/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/retry_wait.h"

#include <check.h>
#include <stdio.h>

#include "tests/unit/suite_run.h"

#define JOBS 500u

static const struct {
	uint32_t attempt;
	int64_t usual_ms;
} rows[] = {{1, 5000}, {2, 15000}, {3, 45000}, {4, 120000}, {5, 300000}, {6, 300000}, {20, 300000}};

START_TEST(a_wait_is_a_fifth_around_the_usual_one)
{
	int64_t usual_ms = rows[_i].usual_ms, shortest_ms = INT64_MAX, longest_ms = 0;
	for (unsigned i = 0; i < JOBS; i++) {
		char id[32];
		snprintf(id, sizeof(id), "01jnm8z5x4d3kq6y7w2v9t%04u", i);
		int64_t wait_ms = retry_wait_ms(id, rows[_i].attempt);
		shortest_ms = wait_ms < shortest_ms ? wait_ms : shortest_ms;
		longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
	}
	ck_assert_int_ge(shortest_ms, usual_ms * 8 / 10);
	ck_assert_int_lt(shortest_ms, usual_ms * 82 / 100);
	ck_assert_int_le(longest_ms, usual_ms * 12 / 10);
	ck_assert_int_gt(longest_ms, usual_ms * 118 / 100);
}
END_TEST

START_TEST(a_wait_follows_from_the_job_and_the_attempt)
{
	ck_assert_int_eq(retry_wait_ms("01jnm8z5x4d3kq6y7w2v9t0r1s", 1), 4612);
	ck_assert_int_eq(retry_wait_ms("01jnm8z5x4d3kq6y7w2v9t0r1t", 1), 5474);
	ck_assert_int_eq(retry_wait_ms("01jnm8z5x4d3kq6y7w2v9t0r1s", 5), 336412);
	ck_assert_int_eq(retry_wait_ms("01jnm8z5x4d3kq6y7w2v9t0r1s", 6), 248025);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retry_wait");
	TCase *cases = tcase_create("waits");
	tcase_add_loop_test(cases, a_wait_is_a_fifth_around_the_usual_one, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(cases, a_wait_follows_from_the_job_and_the_attempt);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
