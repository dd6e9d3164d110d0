/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/link/telnet.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

void telnet_decoder_init(struct telnet_decoder *decoder)
{
	decoder->state = TELNET_STATE_DATA;
	decoder->sub_length = 0;
}

static size_t take_data(struct telnet_decoder *decoder, const uint8_t *bytes, size_t length, struct telnet_token *ret)
{
	const uint8_t *end = memchr(bytes, TELNET_IAC, length);
	size_t run = end ? (size_t)(end - bytes) : length;

	if (run == 0) {
		decoder->state = TELNET_STATE_IAC;
		return 1;
	}
	ret->kind = TELNET_TOKEN_DATA;
	ret->bytes = bytes;
	ret->length = run;
	return run;
}

static void take_command(struct telnet_decoder *decoder, const uint8_t *byte, struct telnet_token *ret)
{
	decoder->command = *byte;
	decoder->state = TELNET_STATE_DATA;
	switch (*byte) {
	case TELNET_IAC:
		ret->kind = TELNET_TOKEN_DATA;
		ret->bytes = byte;
		ret->length = 1;
		return;
	case TELNET_SB:
		decoder->state = TELNET_STATE_SUB_OPTION;
		return;
	case TELNET_WILL:
	case TELNET_WONT:
	case TELNET_DO:
	case TELNET_DONT:
		decoder->state = TELNET_STATE_OPTION;
		return;
	default:
		ret->kind = TELNET_TOKEN_COMMAND;
		ret->command = *byte;
	}
}

static void keep_sub_byte(struct telnet_decoder *decoder, uint8_t byte)
{
	decoder->state = TELNET_STATE_SUB;
	if (decoder->sub_length < TELNET_SUB_MAX)
		decoder->sub[decoder->sub_length] = byte;
	if (decoder->sub_length <= TELNET_SUB_MAX)
		decoder->sub_length++;
}

/* Behind an IAC in a sub-negotiation. One that neither is doubled nor ends it cuts it off: the command counts. */
static void take_sub_command(struct telnet_decoder *decoder, const uint8_t *byte, struct telnet_token *ret)
{
	if (*byte == TELNET_IAC) {
		keep_sub_byte(decoder, *byte);
		return;
	}
	if (*byte != TELNET_SE) {
		take_command(decoder, byte, ret);
		return;
	}
	decoder->state = TELNET_STATE_DATA;
	if (decoder->sub_length > TELNET_SUB_MAX)
		return;
	ret->kind = TELNET_TOKEN_SUB;
	ret->option = decoder->option;
	ret->bytes = decoder->sub;
	ret->length = decoder->sub_length;
}

static void take_byte(struct telnet_decoder *decoder, const uint8_t *byte, struct telnet_token *ret)
{
	switch (decoder->state) {
	case TELNET_STATE_DATA: /* take_data() has these */
		break;
	case TELNET_STATE_IAC:
		take_command(decoder, byte, ret);
		break;
	case TELNET_STATE_OPTION:
		decoder->state = TELNET_STATE_DATA;
		ret->kind = TELNET_TOKEN_NEGOTIATION;
		ret->command = decoder->command;
		ret->option = *byte;
		break;
	case TELNET_STATE_SUB_OPTION:
		decoder->option = *byte;
		decoder->sub_length = 0;
		decoder->state = TELNET_STATE_SUB;
		break;
	case TELNET_STATE_SUB:
		if (*byte == TELNET_IAC)
			decoder->state = TELNET_STATE_SUB_IAC;
		else
			keep_sub_byte(decoder, *byte);
		break;
	case TELNET_STATE_SUB_IAC:
		take_sub_command(decoder, byte, ret);
		break;
	}
}

size_t telnet_decode(struct telnet_decoder *decoder, const uint8_t *bytes, size_t length, struct telnet_token *ret)
{
	size_t taken = 0;

	memset(ret, 0, sizeof(*ret));
	while (taken < length && ret->kind == TELNET_TOKEN_NONE) {
		if (decoder->state == TELNET_STATE_DATA)
			taken += take_data(decoder, bytes + taken, length - taken, ret);
		else
			take_byte(decoder, bytes + taken++, ret);
	}
	return taken;
}

size_t telnet_encode(const uint8_t *bytes, size_t length, uint8_t *ret, size_t ret_size, size_t *ret_taken)
{
	size_t written = 0, taken = 0;

	while (taken < length) {
		size_t width = bytes[taken] == TELNET_IAC ? 2 : 1;

		if (ret_size - written < width)
			break;
		ret[written++] = bytes[taken];
		if (width == 2)
			ret[written++] = TELNET_IAC;
		taken++;
	}
	*ret_taken = taken;
	return written;
}

size_t telnet_data_length(const uint8_t *encoded, size_t length, bool *ret_split)
{
	size_t data = 0, at = 0;

	while (at < length) {
		at += encoded[at] == TELNET_IAC ? 2 : 1;
		data++;
	}
	*ret_split = at > length;
	return data;
}

size_t telnet_encode_sub(uint8_t option, const uint8_t *bytes, size_t length, uint8_t *ret)
{
	size_t taken, written = 0;

	ret[written++] = TELNET_IAC;
	ret[written++] = TELNET_SB;
	ret[written++] = option;
	written += telnet_encode(bytes, length, ret + written, 2 * length, &taken);
	ret[written++] = TELNET_IAC;
	ret[written++] = TELNET_SE;
	return written;
}

enum { WANTED_BINARY = 1, WANTED_COM_PORT = 2, WANTED_GO_AHEAD = 4 };

/* The order in which they are offered. */
static const struct {
	uint8_t option;
	uint8_t bit;
	bool ours, theirs; /* which side is to have it */
} wanted[] = {
    {TELNET_BINARY, WANTED_BINARY, true, true},
    {TELNET_SUPPRESS_GO_AHEAD, WANTED_GO_AHEAD, true, true},
    {TELNET_COM_PORT, WANTED_COM_PORT, true, false},
};

static size_t put(uint8_t *ret, uint8_t command, uint8_t option)
{
	ret[0] = TELNET_IAC;
	ret[1] = command;
	ret[2] = option;
	return 3;
}

size_t telnet_options_begin(struct telnet_options *options, uint8_t *ret)
{
	size_t written = 0;

	memset(options, 0, sizeof(*options));
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		if (wanted[i].ours)
			written += put(ret + written, TELNET_WILL, wanted[i].option);
		if (wanted[i].theirs)
			written += put(ret + written, TELNET_DO, wanted[i].option);
	}
	return written;
}

static uint8_t wanted_bit(uint8_t option, bool ours)
{
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		if (wanted[i].option == option && (ours ? wanted[i].ours : wanted[i].theirs))
			return wanted[i].bit;
	}
	return 0;
}

/* All that is wanted was offered at the start: a word of the peer about it is the answer, or an offer that crossed ours, and needs none. */
size_t telnet_options_take(struct telnet_options *options, const struct telnet_token *token, uint8_t *ret)
{
	bool ours = token->command == TELNET_DO || token->command == TELNET_DONT;
	bool on = token->command == TELNET_DO || token->command == TELNET_WILL;
	uint8_t bit = wanted_bit(token->option, ours);
	uint8_t *agreed = ours ? &options->agreed_ours : &options->agreed_theirs;
	uint8_t *refused = ours ? &options->refused_ours : &options->refused_theirs;
	uint8_t *denied = (ours ? options->denied_ours : options->denied_theirs) + token->option / 8;
	uint8_t mask = (uint8_t)(1u << token->option % 8);

	if (bit != 0) {
		*agreed = (uint8_t)(on ? *agreed | bit : *agreed & ~bit);
		*refused = (uint8_t)(on ? *refused & ~bit : *refused | bit);
		return 0;
	}
	if (!on || *denied & mask)
		return 0;
	*denied |= mask;
	return put(ret, ours ? TELNET_WONT : TELNET_DONT, token->option);
}

int telnet_options_state(const struct telnet_options *options)
{
	if (options->refused_ours & WANTED_COM_PORT)
		return -2;
	if ((options->refused_ours | options->refused_theirs) & WANTED_BINARY)
		return -1;
	bool agreed = options->agreed_ours & WANTED_COM_PORT && options->agreed_ours & options->agreed_theirs & WANTED_BINARY;
	return agreed ? 1 : 0;
}
