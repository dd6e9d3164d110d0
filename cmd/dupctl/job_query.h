/* SPDX-License-Identifier: Apache-2.0
 *
 * Which jobs are listed: the options as a query of GET /jobs. Pure.
 */
#ifndef DUPCTL_JOB_QUERY_H
#define DUPCTL_JOB_QUERY_H

#include "cmd/dupctl/options.h"

/* Jobs of one page, at most: of the API. */
#define JOBS_PAGE 500
/* Jobs that are shown when no limit is given. */
#define JOBS_SHOWN 100

/* Whether the filters can be understood. -EINVAL with a sentence. */
int job_query_check(const struct options *options, struct text *error);

/* Whether something is asked for that only a list can keep to. */
bool job_query_filtered(const struct options *options);

/* "/jobs?limit=…" with all filters. `now_s`: Unix time that "2h" counts from. `before`: the cursor, "" for the first page. */
void job_query_path(struct text *path, const struct options *options, int64_t now_s, const char *before, int64_t limit);

#endif
