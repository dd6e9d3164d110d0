/* SPDX-License-Identifier: Apache-2.0
 *
 * New jobs, one request each: what was accepted, what was refused, and, when asked for, waiting for their end.
 */
#ifndef DUPCTL_SUBMISSION_H
#define DUPCTL_SUBMISSION_H

#include "cmd/dupctl/complaints.h"
#include "cmd/dupctl/fleet.h"
#include "cmd/dupctl/options.h"
#include "cmd/dupctl/session.h"

struct submission {
	struct fleet fleet;
	json_t *refused; /* array of {"device" or "job", "problem"} */
	int *statuses;   /* of those that were refused */
	size_t refused_count;
	struct complaints complaints; /* about those, not printed yet */
	int64_t deadline_ms;          /* of the waiting; 0: none */
	json_t *reports;              /* array, shown as JSON beside the jobs; NULL: none were asked for */
};
void submission_clear(struct submission *submission);
#define submission_owned __attribute__((cleanup(submission_clear))) struct submission

/* Takes the time for --timeout. */
struct submission submission_begin(const struct options *options);

/* What every job can be asked for with; NULL when nothing is said. A new reference. */
json_t *submission_terms(const struct options *options);

/* One request. A refusal is kept, and printed with those that say the same, before anything is waited for. STATUS_DONE, or, when it makes no sense to go on with others, STATUS_UNREACHABLE or a signal:
 * printed. `member` ("device" or "job") and `name` say what it is for. */
int submission_post(struct session *session, struct submission *submission, const char *path, const json_t *body, const char *member,
		    const char *name);

/* Waits when asked for: STATUS_DONE when that was to its end, or nothing was to be waited for. */
int submission_wait(struct session *session, struct submission *submission, const struct options *options);

/* Prints what there is to print, and gives the status of all together; `status`: of the waiting. */
int submission_show(struct session *session, struct submission *submission, const struct options *options, int status);

/* Both. */
int submission_end(struct session *session, struct submission *submission, const struct options *options);

#endif
