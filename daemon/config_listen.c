/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "daemon/config_table.h"

#define UNIX_PREFIX "unix:"

/* Decimal digits only: strtoul would take " +5" as well. */
static bool is_port(const char *text)
{
	size_t length = strlen(text);
	if (length == 0 || length > 5 || strspn(text, "0123456789") != length)
		return false;
	return strtoul(text, NULL, 10) <= 65535;
}

/* Splits "127.0.0.1:8480" or "[::1]:8480". False when it has another form. */
static bool split_address(const char *address, char ret_host[INET6_ADDRSTRLEN], const char **ret_port)
{
	bool bracketed = address[0] == '[';
	const char *start = bracketed ? address + 1 : address;
	const char *end = strchr(start, bracketed ? ']' : ':');
	if (end == NULL || end - start >= INET6_ADDRSTRLEN)
		return false;
	const char *colon = bracketed ? end + 1 : end;
	if (*colon != ':')
		return false;
	memcpy(ret_host, start, (size_t)(end - start));
	ret_host[end - start] = '\0';
	*ret_port = colon + 1;
	return true;
}

static int check_unix_path(const char *path, struct config_why why)
{
	if (path[0] != '/')
		return config_refuse(why, "the path of a unix socket must be absolute");
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return config_refuse(why, "the path of a unix socket has at most %zu bytes",
				     sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	return 0;
}

static int check_address(const char *address, struct config_why why)
{
	char host[INET6_ADDRSTRLEN];
	const char *port;
	struct in6_addr parsed;
	if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return check_unix_path(address + strlen(UNIX_PREFIX), why);
	if (!split_address(address, host, &port) || inet_pton(address[0] == '[' ? AF_INET6 : AF_INET, host, &parsed) != 1)
		return config_refuse(why, "\"%s\" is not an address: write 127.0.0.1:8480, [::1]:8480 or unix:/path", address);
	if (!is_port(port))
		return config_refuse(why, "\"%s\" is not a port from 0 to 65535", port);
	return 0;
}

bool config_listen_is_local(const char *address)
{
	char host[INET6_ADDRSTRLEN];
	const char *port;
	struct in_addr v4;
	struct in6_addr v6;
	if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return true;
	if (!split_address(address, host, &port))
		return false;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* Two listeners on port 0 get two ports. */
static bool is_listed(const struct config *config, const char *address)
{
	const char *port = strrchr(address, ':');
	if (port != NULL && strcmp(port, ":0") == 0)
		return false;
	for (size_t i = 0; i < config->listen_count; i++)
		if (strcmp(config->listen[i], address) == 0)
			return true;
	return false;
}

static int add_address(struct config *config, const char *start, size_t length, struct config_why why)
{
	char address[sizeof(config->listen[0])] = "";
	if (length == 0)
		return config_refuse(why, "an address is missing");
	if (length >= sizeof(address))
		return config_refuse(why, "an address has at most %zu bytes", sizeof(address) - 1);
	memcpy(address, start, length);
	int error = check_address(address, why);
	if (error < 0)
		return error;
	if (is_listed(config, address))
		return config_refuse(why, "\"%s\" is there twice", address);
	char(*list)[128] = reallocarray(config->listen, config->listen_count + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	config->listen = list;
	memcpy(list[config->listen_count++], address, sizeof(address));
	return 0;
}

int config_set_listen(struct config *config, const char *value, struct config_why why)
{
	config->listen_count = 0;
	for (;;) {
		value += strspn(value, " \t");
		size_t whole = strcspn(value, ","), length = whole;
		while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
			length--;
		int error = add_address(config, value, length, why);
		if (error < 0 || value[whole] == '\0')
			return error;
		value += whole + 1;
	}
}
