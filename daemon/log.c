/* SPDX-License-Identifier: Apache-2.0 */
#define SD_JOURNAL_SUPPRESS_LOCATION /* the line of this file tells nobody anything */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 1024u

static _Atomic(enum log_level) shown_level = LOG_LEVEL_INFO;

static const struct {
	const char *name;
	int priority; /* of syslog */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

void log_set_level(enum log_level level)
{
	atomic_store(&shown_level, level);
}

/* systemd says which stream is the journal's; a redirected stderr is another one (systemd.exec(5), JOURNAL_STREAM). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char own[64];
	if (stream == NULL || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

static int log_to_journal(enum log_level level, const char *device, const char *message)
{
	if (device == NULL)
		return sd_journal_send("MESSAGE=%s", message, "PRIORITY=%i", levels[level].priority, NULL);
	return sd_journal_send("MESSAGE=[%s] %s", device, message, "PRIORITY=%i", levels[level].priority, "DUPGATE_DEVICE=%s", device,
			       NULL);
}

static void log_to_stderr(enum log_level level, const char *device, const char *message)
{
	struct timespec now;
	struct tm utc;
	char date[32], line[LINE_SIZE + 160];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	int length = snprintf(line, sizeof(line), "%s.%03ldZ %s %s%s%s%s\n", date, now.tv_nsec / 1000000, levels[level].name,
			      device != NULL ? "[" : "", device != NULL ? device : "", device != NULL ? "] " : "", message);
	/* One write, so that the lines of two threads do not mix; when nobody can take it there is nobody to tell. */
	size_t size = length < (int)sizeof(line) ? (size_t)length : sizeof(line) - 1;
	ssize_t written = write(STDERR_FILENO, line, size);
	(void)written;
}

void log_line(enum log_level level, const char *device, const char *format, ...)
{
	if (level > atomic_load(&shown_level))
		return;
	char message[LINE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(message))
		strcpy(message + sizeof(message) - sizeof("..."), "...");
	/* A line is one line: what a message brings along must not look like another. */
	for (char *c = message; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	if (!stderr_is_journal() || log_to_journal(level, device, message) < 0)
		log_to_stderr(level, device, message);
}
