/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include "daemon/job_retention.h"

int64_t gateway_prune_jobs(struct gateway *gateway)
{
	return job_retention_turn(gateway->retention);
}
