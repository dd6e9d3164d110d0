/* SPDX-License-Identifier: Apache-2.0
 *
 * Ports over the network, for the files of this room only. What is heard of a peer that is dead is bounded: see link_connect().
 */
#ifndef TRANSPORT_LINK_REMOTE_H
#define TRANSPORT_LINK_REMOTE_H

#include "transport/link/link_address.h"
#include "transport/link/link_backend.h"
#include "transport/link/telnet.h"

/* How long a peer may leave what we sent, or our keepalives, without an acknowledgement until the port counts as gone. Longer than any
 * switch or router takes to find another way (spanning tree: 30 s); a transfer waits 120 s for a block as it is. */
#define LINK_PEER_DEAD_MS 30000

/* True when what was sent was sent again, and for so long nothing was acknowledged. Not of a peer that takes no more bytes and says so, as flow
 * control holds its port: for that the kernel's own TCP_USER_TIMEOUT ends a connection all the same, in the middle of a transfer. */
bool link_peer_is_dead(int fd, int64_t silence_ms);

/* A socket that is connected, non-blocking, with keepalives. A name is looked up for 10 s at most (link_lookup.h); its addresses are tried one after the
 * other, for patience_ms in all. 0, -ECANCELED, -ENOMEM, or -EPROTO with FAULT_PORT_GONE: refused, no route, no such name, no answer. */
int link_connect(const struct link_address *address, int cancel_fd, int64_t patience_ms, struct fault *ret_fault, int *ret_fd);

/* A link to the port of that string, which is none of a tty. Errors as link_open(), and -ECANCELED. */
int link_remote_new(const char *port, const struct link_address *address, const struct link_settings *settings, int cancel_fd,
		    struct fault *ret_fault, struct link **ret);

#define REMOTE_OUT_SIZE     32768u /* of wire bytes: an STP frame of 8192 bytes fits even were all of it 0xFF, so that it is one system call */
#define REMOTE_PENDING_SIZE 65536u /* what a tty's own buffer holds, too */
#define REMOTE_TEXT_SIZE    160u

/* What a link to an RFC 2217 server has beside its socket. */
struct remote {
	struct telnet_decoder decoder;
	struct telnet_options options;
	/* The answer that is waited for: its number, and what came; 0: none is. */
	uint8_t awaited;
	bool answered;
	uint32_t answer;
	bool hardware_flow;
	bool deaf_to_purge; /* it never answered one */
	/* Of modem states: CTS was seen on, so that off means something; how it was last. */
	bool cts_works, cts;
	bool line_state_told;
	struct link_line_errors line_errors;
	int64_t line_free_us; /* when the last byte that was sent has left the far end's port, by the rate */
	/* Data while the port is opened is no modem's: a banner, or why the server refuses. */
	bool opening;
	size_t text_length;
	char text[REMOTE_TEXT_SIZE];
	/* Data that came while an answer was awaited. */
	size_t pending_start, pending_end;
	uint8_t pending[REMOTE_PENDING_SIZE];
	/* Wire bytes that have yet to be sent: words of telnet; of data at most the second half of a doubled IAC. */
	size_t out_start, out_end;
	uint8_t out[REMOTE_OUT_SIZE];
};

/* link_telnet.c: bytes of the wire to data and back, and one command at a time. */

/* The operations of link_ops. */
ssize_t remote_read(struct link *link, void *ret_bytes, size_t size);
ssize_t remote_write(struct link *link, const struct iovec *pieces, int count);
bool remote_has_input(const struct link *link);
bool remote_has_output(const struct link *link);

/* Reads what has come, without waiting, and keeps the data of it. 0, -EAGAIN when there was nothing, -ENODEV, … */
int remote_pump(struct link *link);
/* Waits for more and takes it in. */
int remote_await_input(struct link *link, int64_t deadline_ms);
/* Sends telnet's words, all of them. */
int remote_send_raw(struct link *link, const uint8_t *bytes, size_t length, int64_t deadline_ms);
/* A command of RFC 2217 that is not waited for. */
int remote_tell(struct link *link, uint8_t command, const uint8_t *value, size_t length, int64_t deadline_ms);
/* One that is: 0 and the value of the answer, -ETIMEDOUT when there is none. */
int remote_ask(struct link *link, uint8_t command, const uint8_t *value, size_t length, int64_t deadline_ms, uint32_t *ret_value);

#endif
