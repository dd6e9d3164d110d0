/* SPDX-License-Identifier: Apache-2.0 */
#include "api/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define BACKLOG     512
#define SOCKET_MODE 0660

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
	struct sockaddr_storage storage;
};

static bool parse_unix(const char *path, struct sockaddr_un *ret)
{
	ret->sun_family = AF_UNIX;
	size_t length = strlen(path);
	if (path[0] != '/' || length >= sizeof(ret->sun_path))
		return false;
	memcpy(ret->sun_path, path, length + 1);
	return true;
}

static bool parse_port(const char *text, in_port_t *ret)
{
	char *end = NULL;
	unsigned long port = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || port > UINT16_MAX)
		return false;
	*ret = htons((uint16_t)port);
	return true;
}

/* `host` is numeric, or "localhost": names that need a resolver would let a listener depend on the network. */
static bool parse_host(const char *host, in_port_t port, union address *ret, socklen_t *ret_length)
{
	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = port;
		*ret_length = sizeof(ret->v4);
		return true;
	}
	size_t length = strlen(host);
	char inside[INET6_ADDRSTRLEN];
	if (length < 2 || host[0] != '[' || host[length - 1] != ']' || length - 2 >= sizeof(inside))
		return false;
	memcpy(inside, host + 1, length - 2);
	inside[length - 2] = '\0';
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = port;
	*ret_length = sizeof(ret->v6);
	return inet_pton(AF_INET6, inside, &ret->v6.sin6_addr) == 1;
}

bool listener_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_length)
{
	union address address = {0};
	char host[64];
	const char *colon = strrchr(text, ':');
	in_port_t port;
	*ret_length = sizeof(address.local);
	bool fits;
	if (strncmp(text, "unix:", 5) == 0)
		fits = parse_unix(text + 5, &address.local);
	else if (colon == NULL || (size_t)(colon - text) >= sizeof(host) || !parse_port(colon + 1, &port))
		fits = false;
	else {
		snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
		fits = parse_host(host, port, &address, ret_length);
	}
	*ret = address.storage;
	return fits;
}

static enum listener_kind kind_of(const union address *address)
{
	if (address->any.sa_family == AF_UNIX)
		return LISTENER_UNIX;
	if (address->any.sa_family == AF_INET)
		return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127 ? LISTENER_LOOPBACK : LISTENER_OPEN;
	if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr))
		return LISTENER_LOOPBACK;
	return LISTENER_OPEN;
}

static int fault_of(struct job_fault *ret_fault, const char *address, const char *why)
{
	return job_fault_set(ret_fault, "infrastructure-error", "cannot listen on %s: %s", address, why);
}

/* Reads kind and address back from the socket: the port may have been 0, and systemd's sockets have no text. */
static int describe(struct listener *listener, struct job_fault *ret_fault)
{
	union address address = {0};
	socklen_t length = sizeof(address);
	char host[INET6_ADDRSTRLEN];
	if (getsockname(listener->fd, &address.any, &length) < 0)
		return fault_of(ret_fault, listener->address, strerror(errno));
	listener->kind = kind_of(&address);
	if (address.any.sa_family == AF_UNIX) {
		snprintf(listener->address, sizeof(listener->address), "unix:%s", address.local.sun_path);
	} else if (address.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof(host));
		snprintf(listener->address, sizeof(listener->address), "http://%s:%u", host, ntohs(address.v4.sin_port));
	} else if (address.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof(host));
		snprintf(listener->address, sizeof(listener->address), "http://[%s]:%u", host, ntohs(address.v6.sin6_port));
	} else {
		return fault_of(ret_fault, listener->address, "it is neither an internet nor a unix socket");
	}
	return 0;
}

/* A file that a dead daemon left behind is taken away; one that somebody answers on, or that is no socket, is not. */
static int clear_stale(const union address *address, const char *text, struct job_fault *ret_fault)
{
	struct stat st;
	if (lstat(address->local.sun_path, &st) < 0)
		return errno == ENOENT ? 0 : fault_of(ret_fault, text, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fault_of(ret_fault, text, "there is a file of that name that is no socket");
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return fault_of(ret_fault, text, strerror(errno));
	int r = connect(probe, &address->any, sizeof(address->local)) < 0 ? -errno : 0;
	close(probe);
	if (r != -ECONNREFUSED)
		return fault_of(ret_fault, text, r == 0 || r == -EAGAIN ? "another program answers on it" : strerror(-r));
	return unlink(address->local.sun_path) == 0 ? 0 : fault_of(ret_fault, text, strerror(errno));
}

/* Nobody can connect before listen(), so that the mode is set in time. */
static int own_file(struct listener *listener, const char *path, struct job_fault *ret_fault)
{
	struct stat st;
	snprintf(listener->unix_path, sizeof(listener->unix_path), "%s", path);
	if (chmod(path, SOCKET_MODE) < 0 || lstat(path, &st) < 0)
		return fault_of(ret_fault, listener->address, strerror(errno));
	listener->device = st.st_dev;
	listener->inode = st.st_ino;
	return 0;
}

static int bind_and_listen(struct listener *listener, const union address *address, socklen_t length, struct job_fault *ret_fault)
{
	bool local = address->any.sa_family == AF_UNIX;
	int on = 1;
	if (!local && setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return fault_of(ret_fault, listener->address, strerror(errno));
	if (address->any.sa_family == AF_INET6 && setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return fault_of(ret_fault, listener->address, strerror(errno));
	if (bind(listener->fd, &address->any, length) < 0)
		return fault_of(ret_fault, listener->address, strerror(errno));
	int r = local ? own_file(listener, address->local.sun_path, ret_fault) : 0;
	if (r == 0 && listen(listener->fd, BACKLOG) < 0)
		r = fault_of(ret_fault, listener->address, strerror(errno));
	return r;
}

static int open_one(struct listener *listener, const char *text, struct job_fault *ret_fault)
{
	union address address;
	socklen_t length;
	snprintf(listener->address, sizeof(listener->address), "%s", text);
	if (!listener_parse(text, &address.storage, &length))
		return job_fault_set(ret_fault, "invalid-request", "listen: \"%s\" is neither address:port nor unix:/path", text);
	bool local = address.any.sa_family == AF_UNIX;
	int r = local ? clear_stale(&address, text, ret_fault) : 0;
	if (r < 0)
		return r;
	listener->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return fault_of(ret_fault, text, strerror(errno));
	r = bind_and_listen(listener, &address, length, ret_fault);
	return r < 0 ? r : describe(listener, ret_fault);
}

static int adopt(struct listener *listener, int fd, struct job_fault *ret_fault)
{
	listener->fd = fd;
	snprintf(listener->address, sizeof(listener->address), "socket %d of systemd", fd);
	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
		return fault_of(ret_fault, listener->address, "it is no listening stream socket");
	return describe(listener, ret_fault);
}

int listeners_open(const struct config *config, struct listener **ret, size_t *ret_count, struct job_fault *ret_fault)
{
	int passed = sd_listen_fds(1);
	if (passed < 0)
		return job_fault_set(ret_fault, "infrastructure-error", "systemd's sockets: %s", strerror(-passed));
	size_t count = passed > 0 ? (size_t)passed : config->listen_count;
	struct listener *listeners = calloc(count + 1, sizeof(*listeners));
	if (listeners == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		listeners[i].fd = -1;
	for (size_t i = 0; i < count; i++) {
		int r = passed > 0 ? adopt(&listeners[i], SD_LISTEN_FDS_START + (int)i, ret_fault)
				   : open_one(&listeners[i], config->listen[i], ret_fault);
		if (r < 0) {
			listeners_close(listeners, count);
			return r;
		}
	}
	*ret = listeners;
	*ret_count = count;
	return 0;
}

static void remove_own_file(const struct listener *listener)
{
	struct stat st;
	if (listener->unix_path[0] == '\0' || lstat(listener->unix_path, &st) < 0)
		return;
	if (st.st_dev == listener->device && st.st_ino == listener->inode)
		unlink(listener->unix_path);
}

void listeners_close(struct listener *listeners, size_t count)
{
	for (size_t i = 0; listeners != NULL && i < count; i++) {
		remove_own_file(&listeners[i]);
		if (listeners[i].fd >= 0)
			close(listeners[i].fd);
	}
	free(listeners);
}
