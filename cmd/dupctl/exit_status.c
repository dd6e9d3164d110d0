/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/exit_status.h"

int exit_status_combine(const int *statuses, size_t count)
{
	size_t done = 0;
	int highest = STATUS_DONE;

	for (size_t i = 0; i < count; i++) {
		done += statuses[i] == STATUS_DONE;
		highest = statuses[i] > highest ? statuses[i] : highest;
	}
	return done > 0 && done < count ? STATUS_SOME_FAILED : highest;
}
