/* SPDX-License-Identifier: Apache-2.0
 *
 * Ids of jobs: 26 characters of lower-case base 32, 48 bits of Unix time in ms and 80 bits at random. They sort as the jobs were made.
 */
#ifndef DAEMON_JOB_ID_H
#define DAEMON_JOB_ID_H

#include "daemon/types.h"

/* Writes an id that sorts after `last` ("" when there is none), whatever the clock says. */
void job_id_make(int64_t now_ms, const char *last, char ret[JOB_ID_SIZE]);

/* Sorts before the id of every job that was made at this time or after it, wherever the clock was put in between. */
void job_id_since(int64_t ms, char ret[JOB_ID_SIZE]);

/* 26 characters of the alphabet: what may be part of a path. */
bool job_id_valid(const char *id);

#endif
