/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/minisign.h"

#include <check.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void run(const char *const arguments[])
{
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	ck_assert_int_eq(posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s failed", arguments[0]);
}

void minisign_write(const char *name, const void *bytes, size_t length)
{
	FILE *file = fopen(name, "wb");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	ck_assert_int_eq(fclose(file), 0);
}

size_t minisign_read(const char *name, char *ret, size_t size)
{
	FILE *file = fopen(name, "rb");

	ck_assert_ptr_nonnull(file);
	size_t length = fread(ret, 1, size, file);
	ck_assert_int_eq(fclose(file), 0);
	return length;
}

void minisign_make_key(const char *name)
{
	char public[64], secret[64];

	snprintf(public, sizeof(public), "keys/%s.pub", name);
	snprintf(secret, sizeof(secret), "%s.key", name);
	run((const char *const[]){"minisign", "-G", "-W", "-p", public, "-s", secret, NULL});
}

void minisign_sign(const char *key, const char *file, const char *format)
{
	char secret[64];

	snprintf(secret, sizeof(secret), "%s.key", key);
	run((const char *const[]){"minisign", "-S", format, "-s", secret, "-t", "for\tthe lab", "-m", file, NULL});
}
