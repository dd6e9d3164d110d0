/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_LENGTH_MIN 16u
#define TOKEN_LENGTH_MAX 512u
#define TOKENS_MAX       64u
#define FILE_LENGTH_MAX  65536u

struct token_ring {
	char *text; /* of the file; the tokens stand in it */
	size_t count;
	struct {
		char name[TOKEN_NAME_SIZE];
		const char *token;
		size_t length;
	} tokens[TOKENS_MAX];
};

static int check_file(int fd, const char *path, struct job_fault *ret_fault)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return job_fault_set(ret_fault, "invalid-request", "token_file %s is no file", path);
	if ((st.st_mode & S_IRWXO) != 0)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s is open to everybody: chmod o= it", path);
	if (st.st_size > FILE_LENGTH_MAX)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s has more than %u bytes", path, FILE_LENGTH_MAX);
	return 0;
}

static int read_file(const char *path, char *text, struct job_fault *ret_fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s: %s", path, strerror(errno));
	int r = check_file(fd, path, ret_fault);
	ssize_t got = r == 0 ? read(fd, text, FILE_LENGTH_MAX) : 0;
	if (got < 0)
		r = job_fault_set(ret_fault, "invalid-request", "token_file %s: %s", path, strerror(errno));
	text[got > 0 ? got : 0] = '\0';
	close(fd);
	return r;
}

static int check_token(const char *token, const char *path, struct job_fault *ret_fault)
{
	size_t length = strlen(token);
	if (length < TOKEN_LENGTH_MIN || length > TOKEN_LENGTH_MAX)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s must hold tokens of %u to %u characters", path,
				     TOKEN_LENGTH_MIN, TOKEN_LENGTH_MAX);
	for (const char *c = token; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return job_fault_set(ret_fault, "invalid-request",
					     "token_file %s must hold one word of printable ASCII on each line", path);
	return 0;
}

/* Of the one line [name:]token that is not empty. */
static size_t name_length(const char *line)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t length = strspn(line, letters);
	return length > 0 && length < TOKEN_NAME_SIZE && line[length] == ':' ? length : 0;
}

static int add_token(struct token_ring *ring, const char *name, size_t name_size, const char *token, const char *path,
		     struct job_fault *ret_fault)
{
	char called[TOKEN_NAME_SIZE];
	int r = check_token(token, path, ret_fault);
	if (r < 0)
		return r;
	if (ring->count == TOKENS_MAX)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s holds more than %u tokens", path, TOKENS_MAX);
	snprintf(called, sizeof(called), "%.*s", (int)name_size, name);
	for (size_t i = 0; i < ring->count; i++) {
		if (strcmp(ring->tokens[i].name, called) == 0)
			return job_fault_set(ret_fault, "invalid-request", "token_file %s has two tokens of the name %s", path, called);
		if (strcmp(ring->tokens[i].token, token) == 0)
			return job_fault_set(ret_fault, "invalid-request", "token_file %s has the token of %s twice", path, called);
	}
	memcpy(ring->tokens[ring->count].name, called, sizeof(called));
	ring->tokens[ring->count].token = token;
	ring->tokens[ring->count++].length = strlen(token);
	return 0;
}

static int add_line(struct token_ring *ring, const char *line, bool alone, const char *path, struct job_fault *ret_fault)
{
	size_t name = name_length(line);
	bool whole = name == 0 || (alone && strlen(line) >= TOKEN_LENGTH_MIN);
	bool named = name > 0 && (!alone || strlen(line + name + 1) >= TOKEN_LENGTH_MIN);
	int r = named ? add_token(ring, line, name, line + name + 1, path, ret_fault) : 0;
	if (r < 0 || !whole)
		return r;
	return add_token(ring, TOKEN_NAME_DEFAULT, sizeof(TOKEN_NAME_DEFAULT) - 1, line, path, ret_fault);
}

/* The first line of *text that is not empty, ended and without the blanks around it; *text goes on behind it. NULL: no more. */
static char *next_line(char **text)
{
	static const char blanks[] = " \t\r\n";
	char *line = *text + strspn(*text, blanks);
	if (*line == '\0')
		return NULL;
	size_t length = strcspn(line, "\n");
	*text = line + length + (line[length] != '\0');
	while (length > 0 && strchr(blanks, line[length - 1]) != NULL)
		length--;
	line[length] = '\0';
	return line;
}

static int add_lines(struct token_ring *ring, const char *path, struct job_fault *ret_fault)
{
	char *text = ring->text, *line = next_line(&text);
	bool alone = line != NULL && text[strspn(text, " \t\r\n")] == '\0';
	int r = 0;
	if (line == NULL)
		return check_token("", path, ret_fault);
	for (; r == 0 && line != NULL; line = next_line(&text))
		r = add_line(ring, line, alone, path, ret_fault);
	return r;
}

int token_ring_read(const char *path, struct token_ring **ret, struct job_fault *ret_fault)
{
	struct token_ring *ring = calloc(1, sizeof(*ring));
	if (ring == NULL)
		return -ENOMEM;
	ring->text = calloc(1, FILE_LENGTH_MAX + 1);
	int r = ring->text != NULL ? read_file(path, ring->text, ret_fault) : -ENOMEM;
	if (r == 0)
		r = add_lines(ring, path, ret_fault);
	if (r < 0) {
		token_ring_free(ring);
		return r;
	}
	*ret = ring;
	return 0;
}

void token_ring_free(struct token_ring *ring)
{
	if (ring == NULL)
		return;
	if (ring->text != NULL)
		sodium_memzero(ring->text, FILE_LENGTH_MAX + 1);
	free(ring->text);
	free(ring);
}

const char *token_ring_find(const struct token_ring *ring, const char *token)
{
	const char *found = NULL;
	size_t length = strlen(token);
	for (size_t i = 0; ring != NULL && i < ring->count; i++)
		if (ring->tokens[i].length == length && sodium_memcmp(ring->tokens[i].token, token, length) == 0)
			found = ring->tokens[i].name;
	return found;
}
