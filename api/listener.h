/* SPDX-License-Identifier: Apache-2.0
 *
 * The sockets that the API listens on: those of the configuration, or those that systemd passed.
 */
#ifndef API_LISTENER_H
#define API_LISTENER_H

#include <sys/socket.h>
#include <sys/stat.h>

#include "api/security.h"
#include "daemon/config.h"

struct listener {
	int fd;
	enum listener_kind kind;
	char address[160];   /* "http://127.0.0.1:8480", "unix:/path" */
	char unix_path[112]; /* the file to remove at the end; "" when it is not ours */
	dev_t device;
	ino_t inode;
};

/* "127.0.0.1:8480", "[::1]:8480", "localhost:0", "unix:/path". False when it is none. Pure. */
bool listener_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_length);

/* Opens all, or none: -EPROTO with a fault that names the address. Not thread-safe (systemd's environment). Caller closes. */
int listeners_open(const struct config *config, struct listener **ret, size_t *ret_count, struct job_fault *ret_fault);
void listeners_close(struct listener *listeners, size_t count);

#endif
