/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that one upgrade sends: the bundle, its helper, the second file of a pair. What the cache says of them, by value.
 */
#ifndef DAEMON_JOB_FILES_H
#define DAEMON_JOB_FILES_H

#include "daemon/types.h"
#include "firmware-cache/store.h"

/* sha256 "" where there is none. Owned: job_files_clear(). */
struct job_files {
	struct firmware bundle;
	struct firmware helper;
	struct firmware second;
};
void job_files_clear(struct job_files *files);

/* Those of a request whose digests are known already (a job that runs). 0, -EPROTO with the fault, or -ENOMEM. */
int job_files_find(struct firmware_store *store, const struct job_request *request, struct job_files *ret, struct job_fault *ret_fault);

/* Those of a request as it comes: `bundle` and the helper and second of the request are references, empty where the bundle's own are meant. Puts
 * digests and name into the request. Refuses what no modem could take: the second file of a pair alone, the first without the second, files
 * that do not belong together, a bundle too big for its way. The same returns. */
int job_files_resolve(struct firmware_store *store, struct job_request *request, const char *bundle, struct job_files *ret,
		      struct job_fault *ret_fault);

/* Where signatures are required: 0 when every file has a good one, by what was told of the bytes when they came; "signature-missing",
 * "signature-bad". */
int job_files_judge(struct firmware_store *store, const struct job_files *files, struct job_fault *ret_fault);
/* The same by the bytes on disk, all read for it: before they are sent. */
int job_files_check_signatures(struct firmware_store *store, const struct job_files *files, struct job_fault *ret_fault);

#endif
