/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of dupgated-mortal.
 */
#ifndef TESTS_INTEGRATION_MORTAL_H
#define TESTS_INTEGRATION_MORTAL_H

#include <pthread.h>

/* One moment at which the process may have to die; any thread. */
void mortal_pass(const char *what);

/* A thread that is no moment. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*entry)(void *), void *context);

#endif
