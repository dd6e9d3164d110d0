/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway of a test that needs no other, and what it was refused with last: gateway_fixture.h for one.
 */
#ifndef TESTS_ONE_GATEWAY_H
#define TESTS_ONE_GATEWAY_H

#include "tests/unit/gateway_fixture.h"

extern struct fixture fixture;
extern struct job_fault fault;

/* Makes and starts it with so many devices; nothing was refused yet. For the set-up of a checked fixture, like: */
void one_gateway_start(size_t devices);
/* for its teardown. */
void one_gateway_clear(void);

#endif
