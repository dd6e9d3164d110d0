/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/job_notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTE_SIZE sizeof(((struct job *)0)->notes[0])

static const char ellipsis[] = "…";

/* A sequence that is cut in its middle would make the whole text unusable as JSON. */
static void shorten(char *text)
{
	size_t end = NOTE_SIZE - sizeof(ellipsis);
	while (end > 0 && ((unsigned char)text[end] & 0xC0u) == 0x80u)
		end--;
	memcpy(text + end, ellipsis, sizeof(ellipsis));
}

static void drop_note(struct job *job, size_t index)
{
	job->note_count--;
	memmove(job->notes[index], job->notes[index + 1], (job->note_count - index) * NOTE_SIZE);
}

static void append(struct job *job, const char *note)
{
	for (size_t i = 0; i < job->note_count; i++)
		if (strcmp(job->notes[i], note) == 0)
			drop_note(job, i);
	if (job->note_count == JOB_NOTES_MAX)
		drop_note(job, 0);
	snprintf(job->notes[job->note_count++], NOTE_SIZE, "%s", note);
}

void job_note_add(struct job *job, const char *format, ...)
{
	char note[NOTE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(note, sizeof(note), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(note))
		shorten(note);
	for (char *c = note; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == '\x7f')
			*c = ' ';
	if (note[0] != '\0')
		append(job, note);
}

void job_notes_drop(struct job *job, const char *beginning)
{
	for (size_t i = job->note_count; i > 0; i--)
		if (strncmp(job->notes[i - 1], beginning, strlen(beginning)) == 0)
			drop_note(job, i - 1);
}

void job_notes_join(const struct job *job, char ret[static JOB_NOTES_TEXT_SIZE])
{
	size_t length = 0;
	ret[0] = '\0';
	for (size_t i = 0; i < job->note_count; i++)
		length += (size_t)snprintf(ret + length, JOB_NOTES_TEXT_SIZE - length, "%s\n", job->notes[i]);
}

void job_notes_split(struct job *job, const char *text)
{
	job->note_count = 0;
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
		job_note_add(job, "%.*s", (int)(end - text), text);
}
