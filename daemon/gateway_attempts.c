/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gateway_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/transcript_file.h"

static int list_rows(struct gateway *gateway, const char *id, struct attempt_row **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	struct job job;
	int result = gateway_job(gateway, id, &job, ret_fault);
	return result < 0 ? result : store_attempts_list(gateway->store, id, ret, ret_count, ret_fault);
}

int gateway_attempts(struct gateway *gateway, const char *job, struct job_attempt **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	struct attempt_row *rows = NULL;
	size_t count = 0;
	int result = list_rows(gateway, job, &rows, &count, ret_fault);
	if (result < 0)
		return result;
	struct job_attempt *attempts = calloc(count > 0 ? count : 1, sizeof(*attempts));
	for (size_t i = 0; attempts != NULL && i < count; i++)
		attempts[i] = rows[i].attempt;
	free(rows);
	*ret = attempts;
	*ret_count = count;
	return attempts != NULL ? 0 : -ENOMEM;
}

/* It begins where the file ended when the attempt did begin, and ends where the next one begins. */
static int find_part(const struct attempt_row *rows, size_t count, uint32_t number, struct transcript_part *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].attempt.number != number)
			continue;
		*ret = (struct transcript_part){.from = rows[i].log_from, .to = i + 1 < count ? rows[i + 1].log_from : UINT64_MAX};
		return 0;
	}
	return -ENOENT;
}

int gateway_attempt_transcript(struct gateway *gateway, const char *job, uint32_t number, char **ret_text, struct job_fault *ret_fault)
{
	struct attempt_row *rows = NULL;
	size_t count = 0;
	struct transcript_part part;
	int result = list_rows(gateway, job, &rows, &count, ret_fault);
	if (result < 0)
		return result;
	result = find_part(rows, count, number, &part);
	free(rows);
	if (result < 0)
		return job_fault_set(ret_fault, "not-found", "job %s has no attempt %u", job, number);
	result = transcript_file_read_part(store_transcript_dir(gateway->store), job, &part, ret_text);
	if (result == -ENOENT)
		return job_fault_set(ret_fault, "not-found", "there is no transcript of job %s", job);
	if (result < 0)
		return job_fault_set(ret_fault, "infrastructure-error", "the transcript of job %s cannot be read: %s", job,
				     strerror(-result));
	return 0;
}
