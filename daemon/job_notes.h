/* SPDX-License-Identifier: Apache-2.0
 *
 * The notes of a job: decisions that a person should know of. The newest JOB_NOTES_MAX are kept, oldest first, none twice. Pure.
 */
#ifndef DAEMON_JOB_NOTES_H
#define DAEMON_JOB_NOTES_H

#include "daemon/types.h"

#define JOB_NOTES_TEXT_SIZE (JOB_NOTES_MAX * sizeof(((struct job *)0)->notes[0]) + 1)

/* UTF-8; what does not fit is replaced by "…", control characters by spaces. A note that is there already moves to the end. */
void job_note_add(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Before one is added that says more than those that begin so. */
void job_notes_drop(struct job *job, const char *beginning);

/* One line for each, and back. */
void job_notes_join(const struct job *job, char ret[static JOB_NOTES_TEXT_SIZE]);
void job_notes_split(struct job *job, const char *text);

#endif
