/* SPDX-License-Identifier: Apache-2.0
 *
 * A download with the jobs that wait for it, as a value.
 */
#ifndef DAEMON_DOWNLOAD_STATUS_H
#define DAEMON_DOWNLOAD_STATUS_H

#include "daemon/types.h"
#include "firmware-cache/download.h"

struct download_status {
	struct download now;
	size_t job_count;
	const char (*jobs)[JOB_ID_SIZE]; /* oldest first; owned by whoever has the status */
};

#endif
