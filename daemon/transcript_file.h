/* SPDX-License-Identifier: Apache-2.0
 *
 * The transcript of a job on disk: one plain file, appended to by every run of the job, bounded.
 */
#ifndef DAEMON_TRANSCRIPT_FILE_H
#define DAEMON_TRANSCRIPT_FILE_H

#include <stddef.h>
#include <stdint.h>

struct transcript_file;

/* Opens DIRECTORY/<job>.log at its end. What would make it longer than `limit` bytes is dropped and counted. 0 or negative errno. */
int transcript_file_open(const char *directory, const char *job, uint64_t limit, struct transcript_file **ret);

/* Says how many lines were dropped, when there are any. NULL is fine. */
void transcript_file_close(struct transcript_file *file);

/* A transcript_sink_fn. A disk that says no loses the line, never the job. */
void transcript_file_append(void *file, const char *line);

/* Of a job that is not kept. */
void transcript_file_remove(const char *directory, const char *job);

/* So many bytes are in it by now; 0 when the job never ran. */
uint64_t transcript_file_length(const char *directory, const char *job);

struct transcript_part {
	uint64_t from, to; /* offsets; what is behind the end of the file is left out */
};

/* All of it, or a part, NUL-terminated; caller frees. -ENOENT when the job never ran. */
int transcript_file_read(const char *directory, const char *job, char **ret);
int transcript_file_read_part(const char *directory, const char *job, const struct transcript_part *part, char **ret);

#endif
