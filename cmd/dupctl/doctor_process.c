/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/doctor_process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SMALL_FILE_SIZE 65536u

char *small_file_read(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error;
	char *text = file < 0 ? NULL : malloc(SMALL_FILE_SIZE);
	size_t length = 0;
	ssize_t got = 0;

	while (text && length < SMALL_FILE_SIZE - 1 && (got = read(file, text + length, SMALL_FILE_SIZE - 1 - length)) > 0)
		length += (size_t)got;
	error = errno;
	if (file >= 0)
		close(file);
	if (text && got >= 0) {
		text[length] = '\0';
		return text;
	}
	free(text);
	errno = error;
	return NULL;
}

static bool name_read(int pid, char *ret, size_t size)
{
	char path[48];
	char *text;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	text = small_file_read(path);
	if (!text)
		return false;
	text[strcspn(text, "\n")] = '\0';
	snprintf(ret, size, "%s", text);
	free(text);
	return true;
}

static int process_add(struct process_list *list, int pid)
{
	struct process *grown = realloc(list->processes, (list->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->processes = grown;
	grown[list->count] = (struct process){.pid = pid};
	/* Gone in the meantime: as if it had never been. */
	if (name_read(pid, grown[list->count].name, sizeof(grown[0].name)))
		list->count++;
	return 0;
}

int process_list_read(struct process_list *ret)
{
	DIR *folder = opendir("/proc");
	int r = folder ? 0 : -errno, self = getpid();

	*ret = (struct process_list){0};
	for (struct dirent *entry; r == 0 && (entry = readdir(folder)) != NULL;) {
		int pid = isdigit((unsigned char)entry->d_name[0]) ? (int)strtol(entry->d_name, NULL, 10) : 0;

		if (pid > 0 && pid != self)
			r = process_add(ret, pid);
	}
	if (folder)
		closedir(folder);
	if (r < 0)
		process_list_clear(ret);
	return r;
}

void process_list_clear(struct process_list *list)
{
	free(list->processes);
	*list = (struct process_list){0};
}

const struct process *process_find(const struct process_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->processes[i].name, name, 15) == 0) /* TASK_COMM_LEN less its end */
			return &list->processes[i];
	return NULL;
}

bool process_credentials(int pid, struct credentials *ret)
{
	char path[48];
	char *text;
	bool good;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	text = small_file_read(path);
	good = text && credentials_parse(text, ret);
	free(text);
	return good;
}

struct port_search {
	dev_t *numbers; /* 0: not a device */
	size_t count;
	struct port_holder *holders;
};

/* What the file descriptor `name` of the process in `folder` is. Told by the device's number: a program in a container has another name for it. */
static void descriptor_compare(const struct port_search *search, int folder, const char *name, const struct process *process)
{
	struct statx file;
	dev_t number;

	/* Not asked of a server: a file may be on a network that does not answer. */
	if (statx(folder, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &file) < 0 || !S_ISCHR(file.stx_mode))
		return;
	number = makedev(file.stx_rdev_major, file.stx_rdev_minor);
	for (size_t i = 0; i < search->count; i++)
		if (search->numbers[i] == number && !search->holders[i].process)
			search->holders[i].process = process;
}

static void process_search(const struct port_search *search, struct process *process)
{
	char path[48];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", process->pid);
	folder = opendir(path);
	process->opaque = !folder && (errno == EACCES || errno == EPERM);
	for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;)
		descriptor_compare(search, dirfd(folder), entry->d_name, process);
	if (folder)
		closedir(folder);
}

void port_holders_find(struct process_list *list, const char *const *paths, size_t count, const char *except, struct port_holder *holders)
{
	dev_t *numbers = calloc(count ? count : 1, sizeof(*numbers));
	const struct port_search search = {numbers, count, holders};
	size_t opaque = 0;
	struct stat file;

	for (size_t i = 0; i < count; i++) {
		holders[i] = (struct port_holder){0};
		if (numbers && stat(paths[i], &file) == 0 && S_ISCHR(file.st_mode))
			numbers[i] = file.st_rdev;
	}
	for (size_t i = 0; numbers && i < list->count; i++) {
		if (except && strcmp(list->processes[i].name, except) == 0)
			continue;
		process_search(&search, &list->processes[i]);
		opaque += list->processes[i].opaque;
	}
	for (size_t i = 0; i < count; i++)
		holders[i].opaque_count = opaque;
	free(numbers);
}
