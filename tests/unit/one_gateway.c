/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/one_gateway.h"

#include <string.h>

struct fixture fixture;
struct job_fault fault;

void one_gateway_start(size_t devices)
{
	fixture_make(&fixture, devices);
	fixture_start(&fixture);
	memset(&fault, 0, sizeof(fault));
}

void one_gateway_clear(void)
{
	fixture_clear(&fixture);
}
