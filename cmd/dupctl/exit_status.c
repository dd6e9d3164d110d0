/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/exit_status.h"

int exit_status_combine(const int *statuses, size_t count)
{
	size_t done = 0, same = 0;

	for (size_t i = 0; i < count; i++) {
		done += statuses[i] == STATUS_DONE;
		same += statuses[i] == statuses[0];
	}
	if (done == count)
		return STATUS_DONE;
	if (done > 0)
		return STATUS_SOME_FAILED;
	return same == count ? statuses[0] : STATUS_OTHER;
}
