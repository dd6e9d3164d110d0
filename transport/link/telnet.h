/* SPDX-License-Identifier: Apache-2.0
 *
 * Telnet (RFC 854, 855, 856, 858) as far as a serial port over the network (RFC 2217) needs it. Pure: fed bytes, gives tokens; any split of
 * the input gives the same tokens, but that a run of data may come in several pieces.
 */
#ifndef TRANSPORT_LINK_TELNET_H
#define TRANSPORT_LINK_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 854. */
enum telnet_command {
	TELNET_SE = 240,
	TELNET_SB = 250,
	TELNET_WILL = 251,
	TELNET_WONT = 252,
	TELNET_DO = 253,
	TELNET_DONT = 254,
	TELNET_IAC = 255,
};

enum telnet_option {
	TELNET_BINARY = 0,            /* RFC 856 */
	TELNET_SUPPRESS_GO_AHEAD = 3, /* RFC 858 */
	TELNET_COM_PORT = 44,         /* RFC 2217 */
};

/* The longest sub-negotiation that is kept; one that is longer (only a signature can be) is dropped whole. */
#define TELNET_SUB_MAX 64u

enum telnet_token_kind {
	TELNET_TOKEN_NONE,        /* all bytes are taken and nothing is complete */
	TELNET_TOKEN_DATA,        /* bytes, length: a run inside the input */
	TELNET_TOKEN_COMMAND,     /* command: one that stands alone */
	TELNET_TOKEN_NEGOTIATION, /* command: WILL, WONT, DO or DONT; option */
	TELNET_TOKEN_SUB,         /* option; bytes, length: without escapes, inside the decoder, valid until the next call */
};

struct telnet_token {
	enum telnet_token_kind kind;
	uint8_t command;
	uint8_t option;
	const uint8_t *bytes;
	size_t length;
};

enum telnet_state {
	TELNET_STATE_DATA,
	TELNET_STATE_IAC,
	TELNET_STATE_OPTION,
	TELNET_STATE_SUB_OPTION,
	TELNET_STATE_SUB,
	TELNET_STATE_SUB_IAC,
};

struct telnet_decoder {
	enum telnet_state state;
	uint8_t command;
	uint8_t option;
	size_t sub_length; /* more than TELNET_SUB_MAX: too long */
	uint8_t sub[TELNET_SUB_MAX];
};

void telnet_decoder_init(struct telnet_decoder *decoder);

/* Takes bytes up to the end of the next token and returns how many. *ret is always filled. */
size_t telnet_decode(struct telnet_decoder *decoder, const uint8_t *bytes, size_t length, struct telnet_token *ret);

/* Writes data with every IAC doubled, as much as fits whole; returns the length written, *ret_taken the data that is in it. */
size_t telnet_encode(const uint8_t *bytes, size_t length, uint8_t *ret, size_t ret_size, size_t *ret_taken);

/* How many bytes of data the first `length` bytes of encoded data hold; the one whose second IAC is missing counts, and *ret_split is true. */
size_t telnet_data_length(const uint8_t *encoded, size_t length, bool *ret_split);

/* What a sub-negotiation of that many bytes needs at most. */
#define TELNET_SUB_SIZE(length) (5u + 2u * (length))

/* IAC SB option … IAC SE. ret has room for TELNET_SUB_SIZE(length). Returns the length written. */
size_t telnet_encode_sub(uint8_t option, const uint8_t *bytes, size_t length, uint8_t *ret);

/* The options that are wanted on, each a bit; everything else is refused. */
struct telnet_options {
	uint8_t agreed_ours, agreed_theirs;
	uint8_t refused_ours, refused_theirs;
	/* Told no once: a peer that insists is not answered for ever. */
	uint8_t denied_ours[32], denied_theirs[32];
};

#define TELNET_OFFERS_SIZE 15u

/* What to send first: the offer of all that is wanted. Returns TELNET_OFFERS_SIZE. */
size_t telnet_options_begin(struct telnet_options *options, uint8_t *ret);

/* Takes a TELNET_TOKEN_NEGOTIATION; returns the length of what is to be answered, 0 or 3. */
size_t telnet_options_take(struct telnet_options *options, const struct telnet_token *token, uint8_t *ret);

/* 1: both sides pass bytes on as they are, and the peer takes commands for its port; 0: not yet; -1: it refuses binary data; -2: it refuses
 * to be a port. Whether go-ahead is suppressed makes no difference to us. */
int telnet_options_state(const struct telnet_options *options);

#endif
