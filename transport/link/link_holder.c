/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/link/link_backend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PTY_FOLDER "/dev/pts/"

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* Reads a small file of /proc below folder as text. */
static bool read_text(int folder, const char *name, char *ret, size_t ret_size)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t count = read(fd, ret, ret_size - 1);
	close(fd);
	if (count < 0)
		return false;
	ret[count] = '\0';
	return true;
}

/* The number of the pty whose master this descriptor is, or -1. */
static long master_index(int process, const char *descriptor)
{
	char name[64];
	char text[256];

	snprintf(name, sizeof name, "fdinfo/%.32s", descriptor);
	if (!read_text(process, name, text, sizeof text))
		return -1;
	const char *index = strstr(text, "tty-index:");
	return index ? strtol(index + strlen("tty-index:"), NULL, 10) : -1;
}

static bool is_master(const char *target)
{
	return strcmp(target, "/dev/ptmx") == 0 || strcmp(target, PTY_FOLDER "ptmx") == 0;
}

/* Does the process hold path, and is it not the one at the master end? */
static bool process_holds(int process, const char *path)
{
	long pty = strncmp(path, PTY_FOLDER, strlen(PTY_FOLDER)) == 0 ? strtol(path + strlen(PTY_FOLDER), NULL, 10) : -1;
	int folder_fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder_fd < 0)
		return false;
	__attribute__((cleanup(close_folder))) DIR *folder = fdopendir(folder_fd);
	if (!folder) {
		close(folder_fd);
		return false;
	}
	bool holds = false;
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		char target[256];
		ssize_t length = readlinkat(folder_fd, entry->d_name, target, sizeof target - 1);

		if (length <= 0)
			continue;
		target[length] = '\0';
		if (strcmp(target, path) == 0)
			holds = true;
		if (pty >= 0 && is_master(target) && master_index(process, entry->d_name) == pty)
			return false;
	}
	return holds;
}

static void read_program(int process, struct link_holder *ret)
{
	if (!read_text(process, "comm", ret->program, sizeof ret->program))
		snprintf(ret->program, sizeof ret->program, "unknown");
	ret->program[strcspn(ret->program, "\n")] = '\0';
}

bool link_holder_find(const char *path, pid_t except, struct link_holder *ret)
{
	__attribute__((cleanup(close_folder))) DIR *all = opendir("/proc");
	bool found = false;

	if (!all)
		return false;
	for (const struct dirent *entry = readdir(all); entry && !found; entry = readdir(all)) {
		char *end = NULL;
		long pid = strtol(entry->d_name, &end, 10);

		if (pid <= 0 || *end != '\0' || pid == except)
			continue;
		int process = openat(dirfd(all), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		found = process_holds(process, path);
		if (found) {
			ret->pid = (pid_t)pid;
			read_program(process, ret);
		}
		close(process);
	}
	return found;
}

/* "1: FLOCK  ADVISORY  WRITE 1234 00:05:1023 0 EOF": the pid before the file. Who waits for a lock has "->" in his line. */
static long locked_by(char *line, const char *file)
{
	char *place = strstr(line, file);

	if (!place || !strstr(line, " FLOCK ") || strstr(line, "->"))
		return -1;
	*place = '\0';
	const char *pid = strrchr(line, ' ');
	return pid ? strtol(pid + 1, NULL, 10) : -1;
}

bool link_holder_of_lock(const char *path, struct link_holder *ret)
{
	char line[256];
	char file[64];
	struct stat status;
	long pid = -1;
	FILE *locks = stat(path, &status) == 0 ? fopen("/proc/locks", "re") : NULL;

	if (!locks)
		return false;
	snprintf(file, sizeof file, " %02x:%02x:%lu ", major(status.st_dev), minor(status.st_dev), (unsigned long)status.st_ino);
	while (pid <= 0 && fgets(line, sizeof line, locks))
		pid = locked_by(line, file);
	fclose(locks);
	if (pid <= 0)
		return false;
	snprintf(line, sizeof line, "/proc/%ld", pid);
	int process = open(line, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process < 0)
		return false;
	ret->pid = (pid_t)pid;
	read_program(process, ret);
	close(process);
	return true;
}
