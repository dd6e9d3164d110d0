/* SPDX-License-Identifier: Apache-2.0
 *
 * The record of a job: every AT line both ways with its time, notes, and a summary of the STP blocks. Bounded: the beginning and the
 * end are kept, the middle is dropped and counted. Text, one event a line: "+12.345 > AT+SMOD?", "+12.360 < 2", "+12.400 # note".
 * One thread appends; transcript_text() may be called by any thread (it locks nothing: the caller serialises, see daemon).
 */
#ifndef TRANSPORT_TRANSCRIPT_H
#define TRANSPORT_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "transport/link/link.h"

struct transcript;

/* Where each finished line goes besides (may be NULL): the daemon appends it to the job's file. */
typedef void (*transcript_sink_fn)(void *context, const char *line);

int transcript_new(transcript_sink_fn sink, void *context, struct transcript **ret);
void transcript_free(struct transcript *transcript); /* unfinished lines reach the sink before */

void transcript_note(struct transcript *transcript, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Suspends the recording of bytes while STP runs; the summary comes as a note. */
void transcript_binary(struct transcript *transcript, int on);

/* All that is kept, as text with a note where the middle is missing; to be freed by the caller. NULL when there is no memory. */
char *transcript_text(const struct transcript *transcript, size_t *ret_length);

/* A link_trace_fn with the transcript as its context. */
void transcript_trace(void *transcript, enum link_direction direction, const uint8_t *bytes, size_t length);

#endif
