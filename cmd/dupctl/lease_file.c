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
	char token[TOKEN_MAX + 1];
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

static bool file_read(const char *path, struct kept_lease *ret)
{
	struct stat status;
	FILE *file = fopen(path, "re");

	*ret = (struct kept_lease){0};
	if (!file)
		return false;
	line_read(file, ret->token, sizeof(ret->token));
	line_read(file, ret->holder, sizeof(ret->holder));
	bool old = fstat(fileno(file), &status) < 0 || status.st_mtime + KEPT_S < time(NULL);
	fclose(file);
	if (old)
		unlink(path);
	return !old && lease_token_valid(ret->token);
}

static void token_add(struct text *ret, const char *token)
{
	text_addf(ret, "%s%s", ret->length ? ", " : "", token);
}

static void kept_add(struct text *ret, const char *url)
{
	text_owned folder = {0};
	DIR *directory = folder_path(url, &folder) ? opendir(folder.bytes) : NULL;
	size_t count = 0;

	for (const struct dirent *entry; directory && count < TOKENS_MAX && (entry = readdir(directory)) != NULL;) {
		text_owned path = {0};
		struct kept_lease kept;

		if (entry->d_name[0] == '.')
			continue;
		text_addf(&path, "%s/%s", folder.bytes, entry->d_name);
		if (!file_read(path.bytes, &kept))
			continue;
		token_add(ret, kept.token);
		count++;
	}
	if (directory)
		closedir(directory);
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
	if (!options->no_lease_file)
		kept_add(ret, url);
	return 0;
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
	int r = 0;

	text_addf(&fresh, "%s.%d", path, (int)getpid());
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

	if (file_path(url, device, &path) && file_read(path.bytes, &kept))
		text_add(ret, kept.holder);
}

bool lease_at_hand(const struct options *options, const char *url, const char *device)
{
	text_owned path = {0};
	struct kept_lease kept;

	if (token_given(options))
		return true;
	return !options->no_lease_file && file_path(url, device, &path) && file_read(path.bytes, &kept);
}
