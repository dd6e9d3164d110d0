/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of an upgrade before there is a job, from what is known of the modem. Pure.
 */
#ifndef DAEMON_PLAN_PREVIEW_H
#define DAEMON_PLAN_PREVIEW_H

#include "daemon/engine_request.h"
#include "daemon/gateway.h"

/* begun_before: of store_job_begun_before(); same_modem: of registry_knows_by_serial(). */
void plan_preview(const struct device *device, const struct profile *profile, const struct job_files *files,
		  const struct job_request *request, bool begun_before, bool same_modem, struct plan *ret);

#endif
