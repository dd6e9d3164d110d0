/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of dupgated-mortal.
 */
#ifndef TESTS_INTEGRATION_MORTAL_H
#define TESTS_INTEGRATION_MORTAL_H

/* One moment at which the process may have to die; any thread. */
void mortal_pass(const char *what);

#endif
