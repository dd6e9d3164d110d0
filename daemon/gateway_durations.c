/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include "daemon/durations.h"

int gateway_durations(struct gateway *gateway, const char *family, struct duration **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	enum modem_family known = FAMILY_UNKNOWN;
	if (family != NULL && (!modem_family_parse(family, &known) || known == FAMILY_UNKNOWN))
		return job_fault_set(ret_fault, "invalid-request", "family must be monarch1 or monarch2");
	return durations_list(gateway->durations, known, ret, ret_count);
}
