/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"
#include "daemon/job_id.h"
#include "daemon/leases.h"

int gateway_check_lease(struct gateway *gateway, const char *device, const char *token, struct job_fault *ret_fault)
{
	return leases_check(gateway->leases, device, token, NULL, ret_fault);
}

void gateway_own_lease(struct gateway *gateway, const char *device, const char *token, char ret_id[JOB_ID_SIZE])
{
	struct job_fault unused;
	(void)leases_check(gateway->leases, device, token, ret_id, &unused);
}

/* What waits for the end of a lease does nothing to the device, and so does what has ended. */
int gateway_check_job_lease(struct gateway *gateway, const char *job, const char *token, struct job_fault *ret_fault)
{
	struct job_row row;
	if (!job_id_valid(job))
		return 0;
	int result = queue_get(gateway->queue, job, &row, ret_fault);
	if (result < 0 || row.aside || job_state_terminal(row.job.state))
		return result;
	return leases_check(gateway->leases, row.job.request.device, token, NULL, ret_fault);
}

int gateway_grant_lease(struct gateway *gateway, const char *device, const struct lease_order *order, struct lease_grant *ret,
			struct job_fault *ret_fault)
{
	struct device known;
	int result = registry_get(gateway->registry, device, &known, ret_fault);
	if (result == 0)
		result = leases_grant(gateway->leases, known.id, order, ret, ret_fault);
	if (result == 0)
		queue_mind_lease(gateway->queue, known.id);
	return result;
}

int gateway_release_lease(struct gateway *gateway, const char *device, const char *token, bool force, const char *reason,
			  struct job_fault *ret_fault)
{
	struct device known;
	int result = registry_get(gateway->registry, device, &known, ret_fault);
	if (result == 0)
		result = leases_release(gateway->leases, known.id, token, force, reason, ret_fault);
	if (result == 0)
		queue_mind_lease(gateway->queue, known.id);
	return result;
}
