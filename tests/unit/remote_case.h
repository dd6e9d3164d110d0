/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of links over the network share: one link, one peer, and what RFC 2217 looks like as bytes.
 */
#ifndef TESTS_REMOTE_CASE_H
#define TESTS_REMOTE_CASE_H

#include "tests/unit/remote_peer.h"
#include "transport/link/link_backend.h"

/* RFC 2217 and RFC 854. */
#define REMOTE_OFFERS    "fffb00 fffd00 fffb03 fffd03 fffb2c"
#define REMOTE_AGREED    "fffb03 fffd03 fffb01 fffd00 fffb00 fffd2c"
#define REMOTE_RATE      "fffa2c01 0001c200 fff0"
#define REMOTE_RATE_SET  "fffa2c65 0001c200 fff0"
#define REMOTE_FLOW_NONE "fffa2c0501fff0"
#define REMOTE_FLOW_RTS  "fffa2c0503fff0"
#define REMOTE_MASKS     "fffa2c0a1afff0 fffa2c0b11fff0"
#define REMOTE_DONT_ECHO "fffe01"
#define REMOTE_FRAME_SET                                                                                                                   \
	{"fffa2c0208fff0", "fffa2c6608fff0", false}, {"fffa2c0301fff0", "fffa2c6701fff0", false},                                          \
	{                                                                                                                                  \
		"fffa2c0401fff0", "fffa2c6801fff0", false                                                                                  \
	}
/* A server that takes all, at 115200 without flow control. */
#define REMOTE_OPENED                                                                                                                      \
	{REMOTE_OFFERS, REMOTE_AGREED, false}, {REMOTE_DONT_ECHO REMOTE_RATE, REMOTE_RATE_SET, false}, REMOTE_FRAME_SET,                   \
	    {REMOTE_FLOW_NONE, "fffa2c6901fff0", false},                                                                                   \
	{                                                                                                                                  \
		REMOTE_MASKS, "fffa2c6e1afff0", false                                                                                      \
	}

struct remote_case {
	struct remote_peer *peer;
	struct link *port;
	struct fault fault;
	const struct peer_step *script; /* the peer has its address */
};

extern struct remote_case remote_case;

/* 115200, without flow control. */
extern const struct link_settings remote_case_plain;

/* A peer with that one script, which stays connected after it. */
void remote_case_serve(const struct peer_step *steps);
/* link_open_cancellable() of SCHEME://127.0.0.1:N. */
int remote_case_open(const char *scheme, const struct link_settings *settings, int cancel_fd);
/* Both, for a script that begins with REMOTE_OPENED; it must work. */
void remote_case_open_rfc2217(const struct peer_step *steps);
/* Closes both; the peer must have seen all that it expected. */
void remote_case_close(void);

void remote_case_put(const void *bytes, size_t length);
/* Reads until that many bytes are there, which must be these. */
void remote_case_read(const void *expected, size_t length);
void remote_case_line_errors(int64_t overruns, int64_t framing_errors, int64_t breaks);
/* As small as the kernel makes it: SO_SNDBUF or SO_RCVBUF. */
void remote_case_shrink(int fd, int option);

#endif
