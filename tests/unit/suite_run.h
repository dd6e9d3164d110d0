/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of each main() of the unit tests.
 */
#ifndef TESTS_SUITE_RUN_H
#define TESTS_SUITE_RUN_H

#include <check.h>

/* Runs all tests of the suite, which it frees, and tells of those that failed. The exit status of the program. */
int suite_run(Suite *suite);

#endif
