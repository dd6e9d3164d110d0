/* SPDX-License-Identifier: Apache-2.0 */
#include "api/security.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_LENGTH_MIN 16u
#define TOKEN_LENGTH_MAX 512u

static const char *const loopback_hosts[] = {"localhost", "127.0.0.1", "[::1]"};

static bool refuse(struct refusal *ret, int status, const char *why)
{
	*ret = (struct refusal){.status = status, .why = why};
	return false;
}

/* "" or ":8480". Any port: a tunnel brings its own. */
static bool is_port_suffix(const char *text)
{
	if (text[0] == '\0')
		return true;
	return text[0] == ':' && text[1] != '\0' && text[1 + strspn(text + 1, "0123456789")] == '\0';
}

static bool is_loopback_host(const char *host)
{
	for (size_t i = 0; i < sizeof(loopback_hosts) / sizeof(loopback_hosts[0]); i++) {
		size_t length = strlen(loopback_hosts[i]);
		if (strncasecmp(host, loopback_hosts[i], length) == 0 && is_port_suffix(host + length))
			return true;
	}
	return false;
}

static bool host_fits(enum listener_kind kind, const struct head *head, struct refusal *ret)
{
	if (head->counts[HEAD_HOST] > 1)
		return refuse(ret, 400, "there must be one Host, not several");
	if (head->counts[HEAD_HOST] == 0)
		return head->before_1_1 || refuse(ret, 400, "there must be a Host");
	if (kind != LISTENER_LOOPBACK || is_loopback_host(head->fields[HEAD_HOST]))
		return true;
	return refuse(ret, 403, "on a loopback listener the Host must be localhost, 127.0.0.1 or [::1]");
}

static bool is_same_origin(const struct head *head)
{
	static const char scheme[] = "http://";
	const char *origin = head->fields[HEAD_ORIGIN], *host = head->fields[HEAD_HOST];
	size_t length = sizeof(scheme) - 1;
	return head->counts[HEAD_ORIGIN] == 1 && host != NULL && strncasecmp(origin, scheme, length) == 0 &&
	       strcasecmp(origin + length, host) == 0;
}

/* Browsers say where a request comes from. Only a person who follows a link may come from elsewhere, and only to look. */
static bool fetch_site_fits(const struct head *head)
{
	const char *site = head->fields[HEAD_SEC_FETCH_SITE], *mode = head->fields[HEAD_SEC_FETCH_MODE];
	if (site == NULL || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0)
		return true;
	return !head_has_effects(head) && mode != NULL && strcmp(mode, "navigate") == 0;
}

static bool origin_fits(const struct head *head, struct refusal *ret)
{
	bool fits = head->counts[HEAD_ORIGIN] == 0 || is_same_origin(head);
	if (fits && fetch_site_fits(head))
		return true;
	return refuse(ret, 403, "a page of another origin must not drive this gateway");
}

static bool token_fits(const char *token, const struct head *head)
{
	static const char scheme[] = "Bearer ";
	const char *given = head->fields[HEAD_AUTHORIZATION];
	if (token == NULL || given == NULL || strncasecmp(given, scheme, sizeof(scheme) - 1) != 0)
		return false;
	given += sizeof(scheme) - 1;
	size_t length = strlen(token);
	return strlen(given) == length && sodium_memcmp(given, token, length) == 0;
}

bool security_admits(enum listener_kind kind, const char *token, const struct head *head, struct refusal *ret)
{
	if (!host_fits(kind, head, ret) || !origin_fits(head, ret))
		return false;
	if (kind != LISTENER_OPEN || token_fits(token, head))
		return true;
	refuse(ret, 401, "this listener needs the token: Authorization: Bearer …");
	ret->ask_for_token = true;
	return false;
}

static int check_token_file(int fd, const char *path, struct job_fault *ret_fault)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return job_fault_set(ret_fault, "invalid-request", "token_file %s is no file", path);
	if ((st.st_mode & S_IRWXO) != 0)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s is open to everybody: chmod o= it", path);
	return 0;
}

/* The part of text[0..length) between the blanks, moved to the front and ended. */
static size_t trim(char *text, size_t length)
{
	static const char blanks[] = " \t\r\n";
	size_t start = 0;
	while (start < length && strchr(blanks, text[start]) != NULL)
		start++;
	while (length > start && strchr(blanks, text[length - 1]) != NULL)
		length--;
	memmove(text, text + start, length - start);
	text[length - start] = '\0';
	return length - start;
}

static int check_token(const char *token, size_t length, const char *path, struct job_fault *ret_fault)
{
	if (length < TOKEN_LENGTH_MIN || length > TOKEN_LENGTH_MAX)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s must hold a token of %u to %u characters", path,
				     TOKEN_LENGTH_MIN, TOKEN_LENGTH_MAX);
	for (size_t i = 0; i < length; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return job_fault_set(ret_fault, "invalid-request", "token_file %s must hold one word of printable ASCII", path);
	return 0;
}

int security_read_token(const char *path, char **ret, struct job_fault *ret_fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return job_fault_set(ret_fault, "invalid-request", "token_file %s: %s", path, strerror(errno));
	char *token = calloc(1, 2 * TOKEN_LENGTH_MAX);
	int r = token != NULL ? check_token_file(fd, path, ret_fault) : -ENOMEM;
	ssize_t got = r == 0 ? read(fd, token, 2 * TOKEN_LENGTH_MAX - 1) : 0;
	if (got < 0)
		r = job_fault_set(ret_fault, "invalid-request", "token_file %s: %s", path, strerror(errno));
	if (r == 0)
		r = check_token(token, trim(token, (size_t)got), path, ret_fault);
	close(fd);
	if (r == 0)
		*ret = token;
	else
		free(token);
	return r;
}
