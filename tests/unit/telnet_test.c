/* SPDX-License-Identifier: Apache-2.0
 *
 * Telnet: golden bytes of RFC 854 and 2217, every split, bounds.
 */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suite_run.h"
#include "transport/link/telnet.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(...)      (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* What the decoder makes of the input, as text: data in hex, negotiations and sub-negotiations by name. */
struct story {
	char text[512];
	size_t length;
	bool in_data;
};

__attribute__((format(printf, 2, 3))) static void tell(struct story *story, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int written = vsnprintf(story->text + story->length, sizeof(story->text) - story->length, format, arguments);
	va_end(arguments);
	story->length += (size_t)written;
	ck_assert_uint_lt(story->length, sizeof(story->text));
}

static void tell_bytes(struct story *story, const struct telnet_token *token)
{
	for (size_t i = 0; i < token->length; i++)
		tell(story, "%02x", token->bytes[i]);
}

static const char *name_of(uint8_t command)
{
	switch (command) {
	case TELNET_WILL:
		return "will";
	case TELNET_WONT:
		return "wont";
	case TELNET_DO:
		return "do";
	case TELNET_DONT:
		return "dont";
	default:
		return "command";
	}
}

static void tell_token(struct story *story, const struct telnet_token *token)
{
	bool data = token->kind == TELNET_TOKEN_DATA;

	if (!(data && story->in_data))
		tell(story, "%s", story->length > 0 ? "|" : "");
	story->in_data = data;
	switch (token->kind) {
	case TELNET_TOKEN_NONE:
		ck_abort_msg("no token");
		break;
	case TELNET_TOKEN_DATA:
		tell_bytes(story, token);
		break;
	case TELNET_TOKEN_COMMAND:
		tell(story, "command %u", token->command);
		break;
	case TELNET_TOKEN_NEGOTIATION:
		tell(story, "%s %u", name_of(token->command), token->option);
		break;
	case TELNET_TOKEN_SUB:
		tell(story, "sub %u ", token->option);
		tell_bytes(story, token);
		break;
	}
}

static void feed(struct telnet_decoder *decoder, struct story *story, const uint8_t *bytes, size_t length)
{
	for (size_t taken = 0; taken < length;) {
		struct telnet_token token;

		taken += telnet_decode(decoder, bytes + taken, length - taken, &token);
		if (token.kind != TELNET_TOKEN_NONE)
			tell_token(story, &token);
	}
}

static const struct {
	const char *story;
	const uint8_t *bytes;
	size_t length;
} decoded[] = {
    {"61620d0a00", BYTES('a', 'b', '\r', '\n', 0)},
    {"61ff62", BYTES('a', 255, 255, 'b')},
    {"ffff", BYTES(255, 255, 255, 255)},
    /* RFC 854: IAC DO, WILL, WONT, DONT; NOP and BREAK between data. */
    {"do 44|will 0|wont 1|dont 3", BYTES(255, 253, 44, 255, 251, 0, 255, 252, 1, 255, 254, 3)},
    {"61|command 241|62|command 243", BYTES('a', 255, 241, 'b', 255, 243)},
    {"will 255", BYTES(255, 251, 255)},
    /* RFC 2217, SET-BAUDRATE: the answer for 115200; one whose value has an IAC in it, doubled. */
    {"sub 44 650001c200", BYTES(255, 250, 44, 101, 0, 1, 194, 0, 255, 240)},
    {"sub 44 65000000ff", BYTES(255, 250, 44, 101, 0, 0, 0, 255, 255, 255, 240)},
    /* What ser2net 4.3.11 says first. */
    {"will 3|do 3|will 1|dont 1|do 0|will 0|do 44",
     BYTES(255, 251, 3, 255, 253, 3, 255, 251, 1, 255, 254, 1, 255, 253, 0, 255, 251, 0, 255, 253, 44)},
    {"61|sub 44 |62", BYTES('a', 255, 250, 44, 255, 240, 'b')},
    /* A sub-negotiation that another command cuts off. */
    {"do 1|61", BYTES(255, 250, 44, 101, 255, 253, 1, 'a')},
    {"sub 44 6a10", BYTES(255, 250, 44, 101, 255, 250, 44, 106, 16, 255, 240)},
    {"command 240|61", BYTES(255, 240, 'a')},
};

START_TEST(decodes_the_same_in_any_two_pieces)
{
	for (size_t split = 0; split <= decoded[_i].length; split++) {
		struct telnet_decoder decoder;
		struct story story = {.length = 0};

		telnet_decoder_init(&decoder);
		feed(&decoder, &story, decoded[_i].bytes, split);
		feed(&decoder, &story, decoded[_i].bytes + split, decoded[_i].length - split);
		ck_assert_str_eq(story.text, decoded[_i].story);
	}
}
END_TEST

START_TEST(a_run_of_data_is_one_token)
{
	const uint8_t bytes[] = {'a', 'b', 'c', 255, 255, 'd'};
	struct telnet_decoder decoder;
	struct telnet_token token;

	telnet_decoder_init(&decoder);
	ck_assert_uint_eq(telnet_decode(&decoder, bytes, sizeof(bytes), &token), 3);
	ck_assert_ptr_eq(token.bytes, bytes);
	ck_assert_uint_eq(token.length, 3);
	ck_assert_uint_eq(telnet_decode(&decoder, bytes + 3, 3, &token), 2);
	ck_assert_uint_eq(token.length, 1);
	ck_assert_uint_eq(token.bytes[0], 255);
}
END_TEST

static void feed_sub(size_t length, struct story *story)
{
	struct telnet_decoder decoder;
	uint8_t bytes[5 + 2 * TELNET_SUB_MAX + 1] = {255, 250, 44};

	memset(bytes + 3, 7, length);
	bytes[3 + length] = 255;
	bytes[4 + length] = 240;
	bytes[5 + length] = 'x';
	telnet_decoder_init(&decoder);
	feed(&decoder, story, bytes, length + 6);
}

START_TEST(a_sub_negotiation_is_bounded)
{
	struct story kept = {.length = 0}, dropped = {.length = 0}, huge = {.length = 0};

	feed_sub(TELNET_SUB_MAX, &kept);
	ck_assert_uint_eq(kept.length, strlen("sub 44 ") + 2 * TELNET_SUB_MAX + strlen("|78"));
	feed_sub(TELNET_SUB_MAX + 1, &dropped);
	ck_assert_str_eq(dropped.text, "78");
	feed_sub(2 * TELNET_SUB_MAX, &huge);
	ck_assert_str_eq(huge.text, "78");
}
END_TEST

START_TEST(doubles_every_iac)
{
	const uint8_t data[] = {1, 255, 255, 2};
	const uint8_t golden[] = {1, 255, 255, 255, 255, 2};
	uint8_t wire[8];
	size_t taken;

	ck_assert_uint_eq(telnet_encode(data, sizeof(data), wire, sizeof(wire), &taken), sizeof(golden));
	ck_assert_uint_eq(taken, 4);
	ck_assert_mem_eq(wire, golden, sizeof(golden));
	/* No half of a pair where there is no room for both. */
	ck_assert_uint_eq(telnet_encode(data, sizeof(data), wire, 4, &taken), 3);
	ck_assert_uint_eq(taken, 2);
	ck_assert_uint_eq(telnet_encode(data, sizeof(data), wire, 0, &taken), 0);
	ck_assert_uint_eq(taken, 0);
}
END_TEST

START_TEST(counts_the_data_of_a_part)
{
	const uint8_t wire[] = {1, 255, 255, 2, 255, 255};
	const struct {
		size_t data;
		bool split;
	} parts[] = {{0, false}, {1, false}, {2, true}, {2, false}, {3, false}, {4, true}, {4, false}};
	bool split;

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		ck_assert_uint_eq(telnet_data_length(wire, i, &split), parts[i].data);
		ck_assert_int_eq(split, parts[i].split);
	}
}
END_TEST

START_TEST(writes_a_command_for_the_port)
{
	/* RFC 2217: IAC SB COM-PORT-OPTION SET-BAUDRATE <value(4)> IAC SE. */
	const uint8_t rate_921600[] = {255, 250, 44, 1, 0, 14, 16, 0, 255, 240};
	const uint8_t rate_255[] = {255, 250, 44, 1, 0, 0, 0, 255, 255, 255, 240};
	uint8_t wire[TELNET_SUB_SIZE(5)];

	ck_assert_uint_eq(telnet_encode_sub(TELNET_COM_PORT, BYTES(1, 0, 14, 16, 0), wire), sizeof(rate_921600));
	ck_assert_mem_eq(wire, rate_921600, sizeof(rate_921600));
	ck_assert_uint_eq(telnet_encode_sub(TELNET_COM_PORT, BYTES(1, 0, 0, 0, 255), wire), sizeof(rate_255));
	ck_assert_mem_eq(wire, rate_255, sizeof(rate_255));
}
END_TEST

static size_t take(struct telnet_options *options, uint8_t command, uint8_t option, uint8_t *ret)
{
	const struct telnet_token token = {.kind = TELNET_TOKEN_NEGOTIATION, .command = command, .option = option};

	return telnet_options_take(options, &token, ret);
}

START_TEST(offers_and_agrees)
{
	const uint8_t offers[] = {255, 251, 0, 255, 253, 0, 255, 251, 3, 255, 253, 3, 255, 251, 44};
	struct telnet_options options;
	uint8_t wire[TELNET_OFFERS_SIZE];

	ck_assert_uint_eq(telnet_options_begin(&options, wire), TELNET_OFFERS_SIZE);
	ck_assert_mem_eq(wire, offers, sizeof(offers));
	/* In any order, with nothing to answer: it was all offered. */
	ck_assert_uint_eq(take(&options, TELNET_DO, TELNET_COM_PORT, wire), 0);
	ck_assert_int_eq(telnet_options_state(&options), 0);
	ck_assert_uint_eq(take(&options, TELNET_WILL, TELNET_BINARY, wire), 0);
	ck_assert_int_eq(telnet_options_state(&options), 0);
	ck_assert_uint_eq(take(&options, TELNET_DO, TELNET_BINARY, wire), 0);
	ck_assert_int_eq(telnet_options_state(&options), 1);
	ck_assert_uint_eq(take(&options, TELNET_WONT, TELNET_SUPPRESS_GO_AHEAD, wire), 0);
	ck_assert_int_eq(telnet_options_state(&options), 1);
	/* A server that takes its word back is none any more. */
	ck_assert_uint_eq(take(&options, TELNET_DONT, TELNET_COM_PORT, wire), 0);
	ck_assert_int_eq(telnet_options_state(&options), -2);
	take(&options, TELNET_DO, TELNET_COM_PORT, wire);
	ck_assert_int_eq(telnet_options_state(&options), 1);
}
END_TEST

static const struct {
	uint8_t command, option;
	int state;
} refusals[] = {
    {TELNET_DONT, TELNET_COM_PORT, -2},
    {TELNET_DONT, TELNET_BINARY, -1},
    {TELNET_WONT, TELNET_BINARY, -1},
    {TELNET_DONT, TELNET_SUPPRESS_GO_AHEAD, 0},
};

START_TEST(a_refusal_is_seen)
{
	struct telnet_options options;
	uint8_t wire[TELNET_OFFERS_SIZE];

	telnet_options_begin(&options, wire);
	ck_assert_uint_eq(take(&options, refusals[_i].command, refusals[_i].option, wire), 0);
	ck_assert_int_eq(telnet_options_state(&options), refusals[_i].state);
}
END_TEST

START_TEST(refuses_the_rest_once)
{
	const uint8_t dont_echo[] = {255, 254, 1}, wont_echo[] = {255, 252, 1};
	struct telnet_options options;
	uint8_t wire[TELNET_OFFERS_SIZE];

	telnet_options_begin(&options, wire);
	ck_assert_uint_eq(take(&options, TELNET_WILL, 1, wire), 3);
	ck_assert_mem_eq(wire, dont_echo, 3);
	ck_assert_uint_eq(take(&options, TELNET_WILL, 1, wire), 0);
	ck_assert_uint_eq(take(&options, TELNET_DO, 1, wire), 3);
	ck_assert_mem_eq(wire, wont_echo, 3);
	ck_assert_uint_eq(take(&options, TELNET_DO, 1, wire), 0);
	/* What is off already is no news: an answer would go round for ever. */
	ck_assert_uint_eq(take(&options, TELNET_DONT, 31, wire), 0);
	ck_assert_uint_eq(take(&options, TELNET_WONT, 31, wire), 0);
	/* Another one of the same byte of the set; the last of all; the peer as a client of ours, which it is not. */
	ck_assert_uint_eq(take(&options, TELNET_WILL, 2, wire), 3);
	ck_assert_uint_eq(take(&options, TELNET_DO, 255, wire), 3);
	ck_assert_uint_eq(take(&options, TELNET_WILL, TELNET_COM_PORT, wire), 3);
	ck_assert_int_eq(telnet_options_state(&options), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("telnet");
	TCase *cases = tcase_create("all");

	tcase_add_loop_test(cases, decodes_the_same_in_any_two_pieces, 0, COUNT_OF(decoded));
	tcase_add_test(cases, a_run_of_data_is_one_token);
	tcase_add_test(cases, a_sub_negotiation_is_bounded);
	tcase_add_test(cases, doubles_every_iac);
	tcase_add_test(cases, counts_the_data_of_a_part);
	tcase_add_test(cases, writes_a_command_for_the_port);
	tcase_add_test(cases, offers_and_agrees);
	tcase_add_loop_test(cases, a_refusal_is_seen, 0, COUNT_OF(refusals));
	tcase_add_test(cases, refuses_the_rest_once);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
