/* SPDX-License-Identifier: Apache-2.0
 *
 * What dupctl's exit status says. design 11; scripts rely on the numbers.
 */
#ifndef DUPCTL_EXIT_STATUS_H
#define DUPCTL_EXIT_STATUS_H

#include <stddef.h>

enum exit_status {
	STATUS_DONE = 0,
	STATUS_OTHER = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_FOUND = 3,
	STATUS_REFUSED = 4, /* busy, leased or refused */
	STATUS_JOB_FAILED = 5,
	STATUS_SOME_FAILED = 6,
	STATUS_TIMEOUT = 7, /* --timeout passed, work goes on */
	STATUS_UNREACHABLE = 8,
	STATUS_SIGNAL = 128, /* plus the signal's number: the user stopped looking, work goes on */
};

/* The one status of several outcomes: DONE when all are, SOME_FAILED when some are, else the highest of them: a job that failed says more than a
 * refusal, that more than something that is not there. count 0 is DONE. Pure. */
int exit_status_combine(const int *statuses, size_t count);

#endif
