/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of hosts. The C library looks one up for as long as the system is set up to, and nobody can call it back; a program that does it can be ended.
 */
#ifndef TRANSPORT_LINK_LOOKUP_H
#define TRANSPORT_LINK_LOOKUP_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_LOOKUP_ADDRESSES 8u

/* Of libc-bin, which every Debian has: it asks as getaddrinfo() does. */
#define LINK_LOOKUP_PROGRAM "/usr/bin/getent"

struct link_hosts {
	size_t count;
	struct sockaddr_storage addresses[LINK_LOOKUP_ADDRESSES]; /* in the order in which they are to be tried */
	socklen_t lengths[LINK_LOOKUP_ADDRESSES];
};

/* A number is taken as it is; for a name `program` is run with "ahosts", "--" and the name. Blocks until the deadline at most. 0; -ECANCELED as soon as
 * cancel_fd (-1: none) is readable; -ETIMEDOUT; -ENOENT: nobody knows the name; or why the
 * program cannot be run, -ENOPKG: it is not there. Nothing of it is left then. */
int link_look_up(const char *program, const char *host, uint16_t port, int cancel_fd, int64_t deadline_ms, struct link_hosts *ret);

#endif
