/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <errno.h>

int gateway_put_catalogue(struct gateway *gateway, const struct catalogue_text *text, struct catalogue *ret, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	int result = firmware_catalogue_put(gateway->firmware, text, gateway->config->require_signature, &error);
	if (result == 0)
		return gateway_catalogue(gateway, ret, ret_fault);
	job_fault_from_cache(ret_fault, &error);
	return -EPROTO;
}

int gateway_catalogue(struct gateway *gateway, struct catalogue *ret, struct job_fault *ret_fault)
{
	struct cache_error error = {0};
	if (firmware_catalogue_get(gateway->firmware, ret, &error) == 0)
		return 0;
	job_fault_from_cache(ret_fault, &error);
	return -EPROTO;
}
