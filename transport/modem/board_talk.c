/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/modem/board_talk.h"

#include <errno.h>
#include <string.h>

#include "transport/clock.h"

#define WRITE_MS     2000
#define LATE_READ_MS 250 /* after the deadline: for what is queued, and no longer, for a board may never stop to talk */

int board_hear(struct board_talk *talk, int64_t deadline_ms)
{
	if (clock_now_ms() >= deadline_ms + LATE_READ_MS)
		return -ETIMEDOUT;
	if (talk->begin < talk->end)
		return 0;
	ssize_t count = link_read(talk->modem->link, talk->bytes, sizeof(talk->bytes), deadline_ms);
	if (count < 0)
		return (int)count;
	talk->begin = 0;
	talk->end = (size_t)count;
	return 0;
}

void board_take(struct board_talk *talk, size_t count)
{
	for (; count > 0; count--) {
		uint8_t byte = talk->bytes[talk->begin++];
		if (talk->heard_length == sizeof(talk->heard))
			memmove(talk->heard, talk->heard + 1, --talk->heard_length);
		talk->heard[talk->heard_length++] = byte;
		talk->total++;
		talk->junk += byte == 0 || byte >= 0x80;
	}
}

void board_forget(struct board_talk *talk)
{
	talk->heard_length = 0;
}

int board_say(struct board_talk *talk, const void *bytes, size_t length)
{
	char copy[CHAT_TEXT_SIZE];
	struct iovec piece = {.iov_base = copy, .iov_len = length};

	if (length > sizeof(copy))
		return -EINVAL;
	memcpy(copy, bytes, length);
	return link_write(talk->modem->link, &piece, 1, clock_deadline_ms(WRITE_MS));
}

int board_set_rate(struct board_talk *talk, uint32_t rate_bps, struct fault *ret_fault)
{
	struct modem *modem = talk->modem;
	int r = modem_set_host_rate(modem, rate_bps);

	talk->begin = talk->end = 0;
	at_session_reset(modem->at);
	if (r != -EINVAL)
		return r;
	return fault_set(ret_fault, FAULT_BOARD_NO_BRIDGE, "the port does not take %u bit/s and stays at %u: the board is out of reach",
			 rate_bps, link_rate(modem->link));
}

static void add_noise(const struct at_noise *more, struct at_noise *sum)
{
	if (sum->total == 0)
		memcpy(sum->sample, more->sample, sizeof(sum->sample));
	sum->total += more->total;
	sum->nul += more->nul;
	sum->high_bit += more->high_bit;
}

int board_probe(struct board_talk *talk, int tries, enum board_answer *ret, struct at_noise *ret_noise)
{
	struct at_session *at = talk->modem->at;
	struct at_reply reply;
	struct at_noise noise;

	*ret = ANSWER_NONE;
	memset(ret_noise, 0, sizeof(*ret_noise));
	for (int i = 0; i < tries && *ret != ANSWER_OK; i++) {
		int r = modem_probe(talk->modem, talk->modem->timings->probe_ms, &reply);
		if (r < 0 && r != -ETIMEDOUT)
			return r;
		at_session_noise(at, &noise);
		add_noise(&noise, ret_noise);
		if (r == 0)
			*ret = reply.final == AT_FINAL_OK ? ANSWER_OK : ANSWER_ERROR;
		else
			at_session_reset(at); /* the next AT is the resynchronisation */
	}
	return 0;
}

int board_await_modem(struct board_talk *talk, enum board_answer *ret, struct at_noise *ret_noise)
{
	int64_t deadline_ms = clock_deadline_ms(talk->modem->timings->bridge_ms);
	struct at_noise sum = {.total = 0};
	int r;

	do {
		r = board_probe(talk, 1, ret, ret_noise);
		add_noise(ret_noise, &sum);
	} while (r == 0 && *ret == ANSWER_NONE && clock_now_ms() < deadline_ms);
	*ret_noise = sum;
	return r;
}

bool board_noise_is_text(size_t total, size_t junk)
{
	return total > 0 && junk * 4 < total;
}

void board_set_evidence(const struct board_talk *talk, struct fault *fault)
{
	if (talk->heard_length > 0)
		fault_set_evidence(fault, talk->heard, talk->heard_length);
}
