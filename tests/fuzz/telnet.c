/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoder of telnet: any split gives the same data and the same tokens; data that is encoded comes back; what is answered is bounded.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/harness.h"
#include "transport/link/telnet.h"

struct tokens {
	uint64_t sum; /* of all tokens and their borders, data by the byte */
	size_t data, others, answers;
	struct telnet_options options;
};

static void add(struct tokens *tokens, unsigned value)
{
	tokens->sum = tokens->sum * 1099511628211u + value;
}

static void take_token(struct tokens *tokens, const struct telnet_token *token)
{
	uint8_t answer[3];

	if (token->kind == TELNET_TOKEN_DATA)
		tokens->data += token->length;
	else
		tokens->others++;
	LAW(token->kind != TELNET_TOKEN_DATA || token->length > 0);
	LAW(token->kind != TELNET_TOKEN_SUB || token->length <= TELNET_SUB_MAX);
	if (token->kind != TELNET_TOKEN_DATA)
		add(tokens, 256u + (unsigned)token->kind);
	add(tokens, token->command);
	add(tokens, token->option);
	for (size_t i = 0; i < token->length; i++) {
		add(tokens, token->bytes[i]);
		if (token->kind == TELNET_TOKEN_DATA && i + 1 < token->length) {
			add(tokens, 0);
			add(tokens, 0);
		}
	}
	if (token->kind != TELNET_TOKEN_NEGOTIATION)
		return;
	size_t length = telnet_options_take(&tokens->options, token, answer);
	LAW(length == 0 || length == 3);
	tokens->answers += length / 3;
}

static void feed(struct telnet_decoder *decoder, struct tokens *tokens, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		struct telnet_token token;
		size_t taken = telnet_decode(decoder, bytes, length, &token);

		LAW(taken > 0 && taken <= length);
		LAW(token.kind != TELNET_TOKEN_NONE || taken == length);
		if (token.kind == TELNET_TOKEN_DATA)
			LAW(token.bytes >= bytes && token.bytes + token.length <= bytes + taken);
		if (token.kind != TELNET_TOKEN_NONE)
			take_token(tokens, &token);
		bytes += taken;
		length -= taken;
	}
}

static void begin(struct telnet_decoder *decoder, struct tokens *tokens)
{
	uint8_t offers[TELNET_OFFERS_SIZE];

	memset(tokens, 0, sizeof(*tokens));
	telnet_decoder_init(decoder);
	telnet_options_begin(&tokens->options, offers);
}

static void judge_round_trip(const uint8_t *bytes, size_t length)
{
	size_t size = 2 * length + 1, taken = 0, got = 0;
	uint8_t *wire = malloc(size);
	struct telnet_decoder decoder;
	bool split;

	LAW(wire);
	size_t written = telnet_encode(bytes, length, wire, size, &taken);
	LAW(taken == length && written >= length && written <= 2 * length);
	LAW(telnet_data_length(wire, written, &split) == length && !split);
	telnet_decoder_init(&decoder);
	for (size_t at = 0; at < written;) {
		struct telnet_token token;

		at += telnet_decode(&decoder, wire + at, written - at, &token);
		LAW(token.kind == TELNET_TOKEN_DATA || (token.kind == TELNET_TOKEN_NONE && at == written));
		LAW(got + token.length <= length && (token.length == 0 || memcmp(bytes + got, token.bytes, token.length) == 0));
		got += token.length;
	}
	LAW(got == length);
	free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct telnet_decoder decoder;
	struct tokens whole, split;

	begin(&decoder, &whole);
	feed(&decoder, &whole, bytes, length);
	begin(&decoder, &split);
	for (size_t at = 0, piece; at < length; at += piece) {
		piece = next_piece(bytes, at, length);
		feed(&decoder, &split, bytes + at, piece);
	}
	LAW(whole.sum == split.sum && whole.data == split.data && whole.others == split.others);
	/* Every option is refused once at most, on each side. */
	LAW(whole.answers == split.answers && whole.answers <= 512);
	LAW(memcmp(&whole.options, &split.options, sizeof(whole.options)) == 0);
	if (length > 0)
		judge_round_trip(bytes, length);
	return 0;
}
