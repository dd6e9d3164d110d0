/* SPDX-License-Identifier: Apache-2.0
 *
 * Port strings, taken apart. Pure; any thread.
 */
#ifndef TRANSPORT_LINK_ADDRESS_H
#define TRANSPORT_LINK_ADDRESS_H

#include <stdint.h>

#define LINK_HOST_SIZE 254u /* a name of the DNS has at most 253 bytes */

enum link_kind {
	LINK_KIND_TTY,     /* an absolute path */
	LINK_KIND_RFC2217, /* rfc2217://HOST:PORT, a telnet server that sets its port as it is told */
	LINK_KIND_TCP,     /* tcp://HOST:PORT, bytes as they are */
};

struct link_address {
	enum link_kind kind;
	char host[LINK_HOST_SIZE]; /* a name or a number, without brackets; "" for a tty */
	uint16_t port;             /* 1 to 65535; 0 for a tty */
};

/* NULL when *ret is filled, else why the text is no port: a clause without a full stop, "is …" or "has …". */
const char *link_address_parse(const char *text, struct link_address *ret);

#endif
