/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/link/link_address.h"

#include <stddef.h>
#include <string.h>

#include "transport/link/link.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define DIGITS          "0123456789"
#define LETTERS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
/* Of a name or an IPv4 address; of an IPv6 address with its zone. */
#define NAME_BYTES LETTERS DIGITS ".-_"
#define IPV6_BYTES LETTERS DIGITS ":.%-_"

static const struct {
	const char *text;
	enum link_kind kind;
} schemes[] = {{"rfc2217://", LINK_KIND_RFC2217}, {"tcp://", LINK_KIND_TCP}};

static const char not_host_port[] = "is not HOST:PORT behind its scheme";

/* The text behind the scheme; NULL when there is none that is known. */
static const char *skip_scheme(const char *text, enum link_kind *ret)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		size_t length = strlen(schemes[i].text);

		if (strncmp(text, schemes[i].text, length) != 0)
			continue;
		*ret = schemes[i].kind;
		return text + length;
	}
	return NULL;
}

static const char *parse_port(const char *text, uint16_t *ret)
{
	size_t digits = strspn(text, DIGITS);
	uint32_t port = 0;

	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return "has no port number from 1 to 65535 at its end";
	for (size_t i = 0; i < digits; i++)
		port = port * 10 + (uint32_t)(text[i] - '0');
	*ret = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX ? NULL : "has no port number from 1 to 65535 at its end";
}

static const char *take_host(const char *host, size_t length, struct link_address *ret)
{
	if (length == 0)
		return not_host_port;
	if (length >= sizeof(ret->host))
		return "has a host name of more than 253 bytes";
	memcpy(ret->host, host, length);
	ret->host[length] = '\0';
	return NULL;
}

/* "[fe80::1%eth0]:4001" */
static const char *parse_bracketed(const char *text, struct link_address *ret)
{
	size_t length = strspn(text + 1, IPV6_BYTES);
	const char *end = text + 1 + length;

	if (end[0] != ']' || end[1] != ':' || !memchr(text + 1, ':', length))
		return "is not [IPv6 address]:PORT behind its scheme";
	const char *problem = take_host(text + 1, length, ret);
	return problem ? problem : parse_port(end + 2, &ret->port);
}

static const char *parse_host_port(const char *text, struct link_address *ret)
{
	size_t length = strspn(text, NAME_BYTES);

	if (text[0] == '[')
		return parse_bracketed(text, ret);
	if (text[length] != ':')
		return not_host_port;
	if (strchr(text + length + 1, ':'))
		return "has more than one colon: write an IPv6 address in brackets";
	const char *problem = take_host(text, length, ret);
	return problem ? problem : parse_port(text + length + 1, &ret->port);
}

const char *link_address_parse(const char *text, struct link_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (text[0] == '/')
		return NULL;
	const char *rest = skip_scheme(text, &ret->kind);
	if (!rest)
		return "is none of the absolute path of a tty, rfc2217://HOST:PORT, tcp://HOST:PORT";
	return parse_host_port(rest, ret);
}

const char *link_port_problem(const char *port)
{
	struct link_address address;

	return link_address_parse(port, &address);
}

bool link_port_is_remote(const char *port)
{
	struct link_address address;

	return !link_address_parse(port, &address) && address.kind != LINK_KIND_TTY;
}
