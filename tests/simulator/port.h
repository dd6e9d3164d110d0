/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pty and its symlink: the socket on the wall. Only the host's side of the pty is ever held open by others; the
 * simulator keeps none, so that it sees when nobody listens and loses what it says then, as a wire would.
 */
#ifndef SIMULATOR_PORT_H
#define SIMULATOR_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PORT_PATH_MAX = 512 };

struct port {
	int master; /* -1: unplugged */
	bool host_absent;
	char link[PORT_PATH_MAX];
	char slave[64];
};

struct host_line {
	uint32_t rate;
	bool rts_cts;
};

/* Makes the pty (raw, no echo) and the symlink `link` to it, over a symlink that is there already. 0 or -errno. */
int port_plug(struct port *port, const char *link);
/* Takes the symlink away, if it is still ours, and hangs up. Twice is harmless. */
void port_unplug(struct port *port);
/* Bytes read, 0 when there is nothing (or nobody), -errno. */
ssize_t port_read(struct port *port, uint8_t *bytes, size_t size);
/* Somebody has the host's side open. */
bool port_host_listens(struct port *port);
/* Never blocks; what nobody takes is lost. */
void port_write(struct port *port, const uint8_t *bytes, size_t length);
/* What the host has set on its side. */
struct host_line port_host_line(const struct port *port);

#endif
