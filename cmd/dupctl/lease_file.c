/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/lease_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* No lease is granted for longer than 30 days: what was not renewed since is of none. */
#define KEPT_S     (31 * 24 * 3600)
#define TOKEN_MAX  64u
#define TOKENS_MAX 512u
#define LETTERS    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct kept_lease {
	char token[TOKEN_MAX + 2]; /* one that is too long is seen to be */
	char holder[64];
};

bool lease_token_valid(const char *token)
{
	size_t length = strlen(token);

	return length > 0 && length <= TOKEN_MAX && strspn(token, LETTERS "-_") == length;
}

/* Where the tokens of this daemon are; false when there is no place for them. */
static bool folder_path(const char *url, struct text *path)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && state[0] == '/')
		text_addf(path, "%s/dupgate/leases/", state);
	else if (home && home[0] == '/')
		text_addf(path, "%s/.local/state/dupgate/leases/", home);
	else
		return false;
	for (; *url; url++)
		text_addn(path, strchr(LETTERS ".-_", *url) ? url : "_", 1);
	return true;
}

/* A device's id can be a file name; nothing else gets there. */
static bool file_path(const char *url, const char *device, struct text *path)
{
	if (!*device || device[0] == '.' || strspn(device, LETTERS ".-_") != strlen(device) || !folder_path(url, path))
		return false;
	text_addf(path, "/%s", device);
	return true;
}

static void line_read(FILE *file, char *line, size_t size)
{
	if (!fgets(line, (int)size, file))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

/* 0, -ENOENT when it is not there or too old, -EBADMSG when it holds no token, or why it cannot be read. */
static int file_read(const char *path, struct kept_lease *ret)
{
	struct stat status;
	FILE *file = fopen(path, "re");
	int error;

	*ret = (struct kept_lease){0};
	if (!file)
		return -errno;
	errno = 0;
	line_read(file, ret->token, sizeof(ret->token));
	line_read(file, ret->holder, sizeof(ret->holder));
	error = ferror(file) && errno ? errno : 0;
	bool old = fstat(fileno(file), &status) < 0 || status.st_mtime + KEPT_S < time(NULL);
	fclose(file);
	if (error)
		return -error;
	if (old)
		unlink(path);
	return old ? -ENOENT : lease_token_valid(ret->token) ? 0 : -EBADMSG;
}

static int unreadable(const char *path, int error, struct text *ret_error)
{
	text_add_clean(ret_error, path);
	text_addf(ret_error, ": %s\n  what to do: remove it, or do without: --no-lease-file, or --lease TOKEN",
		  error == -EBADMSG ? "there is no token of a lease in it" : strerror(-error));
	return error;
}

static void token_add(struct text *ret, const char *token)
{
	text_addf(ret, "%s%s", ret->length ? ", " : "", token);
}

/* One file of the folder; what has gone meanwhile is no error. */
static int kept_file_add(struct text *ret, const char *folder, const char *name, struct text *ret_error)
{
	struct kept_lease kept;
	text_owned path = {0};
	int r;

	text_addf(&path, "%s/%s", folder, name);
	r = file_read(path.bytes, &kept);
	if (r == 0)
		token_add(ret, kept.token);
	return r == 0 || r == -ENOENT ? 0 : unreadable(path.bytes, r, ret_error);
}

static int kept_add(struct text *ret, const char *url, struct text *ret_error)
{
	text_owned folder = {0};
	DIR *directory = folder_path(url, &folder) ? opendir(folder.bytes) : NULL;
	int r = 0;

	if (!directory)
		return folder.length == 0 || errno == ENOENT || errno == ENOTDIR ? 0 : unreadable(folder.bytes, -errno, ret_error);
	size_t count = 0;
	for (const struct dirent *entry; r == 0 && count < TOKENS_MAX && (entry = readdir(directory)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		r = kept_file_add(ret, folder.bytes, entry->d_name, ret_error);
		count++;
	}
	closedir(directory);
	return r;
}

/* That of --lease, else of DUPGATE_LEASE; NULL: none. */
static const char *token_given(const struct options *options)
{
	const char *variable = getenv("DUPGATE_LEASE");

	return options->lease ? options->lease : variable && *variable ? variable : NULL;
}

int lease_tokens_collect(const struct options *options, const char *url, struct text *ret, struct text *ret_error)
{
	const char *token = token_given(options);

	if (token && !lease_token_valid(token)) {
		text_addf(ret_error, "%s holds no token of a lease", options->lease ? "--lease" : "DUPGATE_LEASE");
		return -EINVAL;
	}
	if (token)
		token_add(ret, token);
	return options->lease || options->no_lease_file ? 0 : kept_add(ret, url, ret_error);
}

/* All folders of a path that ends in a file. */
static int folders_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;

		*slash = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

static int file_write(const char *path, const char *token, const char *holder)
{
	text_owned fresh = {0};
	const char *name = strrchr(path, '/') + 1;
	int r = 0;

	/* Hidden, so that nobody reads it before it is whole. */
	text_addn(&fresh, path, (size_t)(name - path));
	text_addf(&fresh, ".%s.%d", name, (int)getpid());
	int fd = open(fresh.bytes, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%s\n%s\n", token, holder) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(fresh.bytes, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(fresh.bytes);
	return r;
}

int lease_file_keep(const char *url, const char *device, const char *token, const char *holder, struct text *ret_error)
{
	text_owned path = {0};
	int r = file_path(url, device, &path) ? folders_make(path.bytes) : -ENOENT;

	if (r == 0)
		r = file_write(path.bytes, token, holder);
	if (r < 0) {
		text_add(ret_error, "the token of ");
		text_add_clean(ret_error, device);
		text_addf(ret_error, " is not kept: %s%s%s", text_bytes(&path), path.length ? ": " : "", strerror(-r));
	}
	return r;
}

void lease_file_forget(const char *url, const char *device)
{
	text_owned path = {0};

	if (file_path(url, device, &path))
		unlink(path.bytes);
}

void lease_file_holder(const char *url, const char *device, struct text *ret)
{
	text_owned path = {0};
	struct kept_lease kept;

	if (file_path(url, device, &path) && file_read(path.bytes, &kept) == 0)
		text_add(ret, kept.holder);
}

bool lease_at_hand(const struct options *options, const char *url, const char *device)
{
	text_owned path = {0};
	struct kept_lease kept;

	if (token_given(options))
		return true;
	return !options->no_lease_file && file_path(url, device, &path) && file_read(path.bytes, &kept) == 0;
}
