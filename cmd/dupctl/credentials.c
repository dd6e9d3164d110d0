/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/dupctl/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void token_path(struct text *path)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && config[0] == '/')
		text_addf(path, "%s/dupgate/token", config);
	else if (home && *home)
		text_addf(path, "%s/.config/dupgate/token", home);
}

/* A header is made of it: nothing that could end a line. */
static int token_take(const char *token, const char *source, struct text *ret_token, struct text *ret_error)
{
	for (const char *at = token; *at; at++) {
		if (*at <= ' ' || *at > '~') {
			text_addf(ret_error, "%s holds a token with characters that no token has", source);
			return -EINVAL;
		}
	}
	text_add(ret_token, token);
	return 0;
}

int credentials_load(struct text *ret_token, struct text *ret_error)
{
	const char *variable = getenv("DUPGATE_TOKEN");
	text_owned path = {0};
	char line[1024] = "";
	FILE *file;

	if (variable && *variable)
		return token_take(variable, "DUPGATE_TOKEN", ret_token, ret_error);
	token_path(&path);
	file = path.length ? fopen(path.bytes, "re") : NULL;
	if (!file) {
		if (path.length == 0 || errno == ENOENT || errno == ENOTDIR)
			return 0;
		text_addf(ret_error, "%s: %m", path.bytes);
		return -errno;
	}
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	line[strcspn(line, " \t\r\n")] = '\0';
	return token_take(line, path.bytes, ret_token, ret_error);
}
