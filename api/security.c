/* SPDX-License-Identifier: Apache-2.0 */
#include "api/security.h"

#include <string.h>
#include <strings.h>

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

const char *security_token_name(const struct token_ring *tokens, const struct head *head)
{
	static const char scheme[] = "Bearer ";
	const char *given = head->fields[HEAD_AUTHORIZATION];
	if (given == NULL || strncasecmp(given, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	return token_ring_find(tokens, given + sizeof(scheme) - 1);
}

bool security_admits(enum listener_kind kind, const struct token_ring *tokens, const struct head *head, struct refusal *ret)
{
	if (!host_fits(kind, head, ret) || !origin_fits(head, ret))
		return false;
	if (kind != LISTENER_OPEN || security_token_name(tokens, head) != NULL)
		return true;
	refuse(ret, 401, "this listener needs the token: Authorization: Bearer …");
	ret->ask_for_token = true;
	return false;
}
