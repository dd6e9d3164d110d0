/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/link/link_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/clock.h"

#define TOLD_SIZE 4096u
#define BLANKS    " \t"

struct lookup {
	pid_t pid;
	int output;
	char told[TOLD_SIZE];
	size_t length;
};

/* Of a number: nobody is asked. */
static int add_number(const char *host, uint16_t port, struct link_hosts *ret)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found = NULL;
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	int result = getaddrinfo(host, service, &hints, &found);
	if (result != 0)
		return result == EAI_MEMORY ? -ENOMEM : -ENOENT;
	memcpy(&ret->addresses[ret->count], found->ai_addr, found->ai_addrlen);
	ret->lengths[ret->count++] = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int spawn(const char *program, char *const words[], int output, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	int error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (error == 0)
		error = posix_spawn(ret, program, &actions, &attributes, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -error;
}

static int begin(struct lookup *lookup, const char *program, const char *host)
{
	char name[] = "getent", what[] = "ahosts", end[] = "--", wanted[256];
	char *const words[] = {name, what, end, wanted, NULL};
	int ends[2];

	snprintf(wanted, sizeof(wanted), "%s", host);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	int result = spawn(program, words, ends[1], &lookup->pid);
	close(ends[1]);
	if (result == 0)
		lookup->output = ends[0];
	else
		close(ends[0]);
	return result;
}

/* The end may still be on its way when it has told all: it is not waited for. */
static void finish(const struct lookup *lookup)
{
	kill(lookup->pid, SIGKILL);
	while (waitpid(lookup->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(lookup->output);
}

/* 1: it has told all; 0: there may be more. */
static int read_some(struct lookup *lookup)
{
	ssize_t count = read(lookup->output, lookup->told + lookup->length, sizeof(lookup->told) - 1 - lookup->length);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	lookup->length += (size_t)count;
	return count == 0;
}

/* Not by clock_poll(): a program works while nothing is heard of it. */
static int await_all(struct lookup *lookup, int cancel_fd, int64_t deadline_ms)
{
	struct pollfd fds[2] = {{.fd = lookup->output, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
	int result = 0;

	while (result == 0) {
		int64_t left_ms = deadline_ms - clock_now_ms();
		if (left_ms <= 0)
			return -ETIMEDOUT;
		int count = poll(fds, 2, left_ms < 60000 ? (int)left_ms : 60000);
		if (count < 0 && errno != EINTR)
			return -errno;
		if (count > 0 && fds[1].revents)
			return -ECANCELED;
		if (count > 0 && fds[0].revents)
			result = read_some(lookup);
	}
	return result < 0 ? result : 0;
}

/* "127.0.0.1       STREAM localhost": each address comes once with each kind of socket. */
static int parse(struct lookup *lookup, uint16_t port, struct link_hosts *ret)
{
	char *lines = NULL, *words = NULL;

	lookup->told[lookup->length] = '\0';
	for (char *line = strtok_r(lookup->told, "\n", &lines); line && ret->count < LINK_LOOKUP_ADDRESSES;
	     line = strtok_r(NULL, "\n", &lines)) {
		const char *number = strtok_r(line, BLANKS, &words);
		const char *kind = strtok_r(NULL, BLANKS, &words);
		if (kind && strcmp(kind, "STREAM") == 0 && add_number(number, port, ret) == -ENOMEM)
			return -ENOMEM;
	}
	return ret->count > 0 ? 0 : -ENOENT;
}

int link_look_up(const char *program, const char *host, uint16_t port, int cancel_fd, int64_t deadline_ms, struct link_hosts *ret)
{
	struct lookup lookup = {.output = -1};

	ret->count = 0;
	int result = add_number(host, port, ret);
	if (result != -ENOENT)
		return result;
	result = begin(&lookup, program, host);
	if (result < 0)
		return result == -ENOENT ? -ENOPKG : result;
	result = await_all(&lookup, cancel_fd, deadline_ms);
	finish(&lookup);
	return result < 0 ? result : parse(&lookup, port, ret);
}
