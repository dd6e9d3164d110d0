/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/transcript_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct transcript_file {
	int fd;
	uint64_t length, limit;
	unsigned dropped;
};

static int open_file(const char *directory, const char *job, int flags)
{
	char path[400];
	if (snprintf(path, sizeof(path), "%s/%s.log", directory, job) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	int fd = open(path, flags | O_CLOEXEC, 0640);
	return fd < 0 ? -errno : fd;
}

int transcript_file_open(const char *directory, const char *job, uint64_t limit, struct transcript_file **ret)
{
	int fd = open_file(directory, job, O_WRONLY | O_CREAT | O_APPEND);
	if (fd < 0)
		return fd;
	struct stat about;
	struct transcript_file *file = calloc(1, sizeof(*file));
	if (file == NULL || fstat(fd, &about) < 0) {
		free(file);
		close(fd);
		return -ENOMEM;
	}
	*file = (struct transcript_file){.fd = fd, .length = (uint64_t)about.st_size, .limit = limit};
	*ret = file;
	return 0;
}

static void write_line(struct transcript_file *file, const char *line)
{
	int written = dprintf(file->fd, "%s\n", line);
	if (written > 0)
		file->length += (uint64_t)written;
}

void transcript_file_close(struct transcript_file *file)
{
	if (file == NULL)
		return;
	if (file->dropped > 0) {
		char line[80];
		snprintf(line, sizeof(line), "# %u more lines were left out: the transcript is full", file->dropped);
		write_line(file, line);
	}
	close(file->fd);
	free(file);
}

void transcript_file_append(void *context, const char *line)
{
	struct transcript_file *file = context;
	if (file->dropped > 0 || file->length + strlen(line) + 1 > file->limit)
		file->dropped++;
	else
		write_line(file, line);
}

void transcript_file_remove(const char *directory, const char *job)
{
	char path[400];
	if (snprintf(path, sizeof(path), "%s/%s.log", directory, job) < (int)sizeof(path))
		(void)unlink(path);
}

uint64_t transcript_file_length(const char *directory, const char *job)
{
	int fd = open_file(directory, job, O_RDONLY);
	struct stat about;
	if (fd < 0)
		return 0;
	uint64_t length = fstat(fd, &about) == 0 ? (uint64_t)about.st_size : 0;
	close(fd);
	return length;
}

static char *read_text(int fd, uint64_t from, size_t size)
{
	char *text = malloc(size + 1);
	size_t length = 0;
	ssize_t got = 1;
	while (text != NULL && length < size && got > 0) {
		got = pread(fd, text + length, size - length, (off_t)(from + length));
		length += got > 0 ? (size_t)got : 0;
	}
	if (text != NULL)
		text[length] = '\0';
	return text;
}

int transcript_file_read_part(const char *directory, const char *job, const struct transcript_part *part, char **ret)
{
	int fd = open_file(directory, job, O_RDONLY);
	if (fd < 0)
		return fd;
	struct stat about;
	int result = fstat(fd, &about) < 0 ? -errno : 0;
	uint64_t end = result == 0 ? (uint64_t)about.st_size : 0;
	if (part->to < end)
		end = part->to;
	char *text = result == 0 ? read_text(fd, part->from, end > part->from ? (size_t)(end - part->from) : 0) : NULL;
	close(fd);
	*ret = text;
	return text != NULL ? 0 : result < 0 ? result : -ENOMEM;
}

int transcript_file_read(const char *directory, const char *job, char **ret)
{
	const struct transcript_part all = {.to = UINT64_MAX};
	return transcript_file_read_part(directory, job, &all, ret);
}
