/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the data of a link and the wire of an RFC 2217 server.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "transport/clock.h"
#include "transport/link/com_port.h"
#include "transport/link/link_remote.h"

#define PUMP_SIZE     512u
#define BITS_PER_BYTE 10 /* 8N1 */
#define SECOND_US     INT64_C(1000000)

static uint32_t value_of(const uint8_t *bytes, size_t length)
{
	uint32_t value = 0;

	for (size_t i = 0; i < length && i < sizeof(value); i++)
		value = value << 8 | bytes[i];
	return value;
}

static void count_line_state(struct remote *remote, uint32_t state)
{
	remote->line_state_told = true;
	remote->line_errors.overruns += (state & COM_PORT_LINE_OVERRUN) != 0;
	remote->line_errors.framing_errors += (state & COM_PORT_LINE_FRAMING) != 0;
	remote->line_errors.breaks += (state & COM_PORT_LINE_BREAK) != 0;
}

static void take_sub(struct link *link, const struct telnet_token *token)
{
	struct remote *remote = link->port;

	if (token->option != TELNET_COM_PORT || token->length < 1)
		return;
	uint32_t value = value_of(token->bytes + 1, token->length - 1);
	switch (token->bytes[0]) {
	case COM_PORT_NOTIFY_LINESTATE:
		count_line_state(remote, value);
		break;
	case COM_PORT_SET_LINESTATE_MASK + COM_PORT_ANSWER:
		remote->line_state_told = true;
		break;
	case COM_PORT_NOTIFY_MODEMSTATE:
		remote->cts = (value & COM_PORT_MODEM_CTS) != 0;
		remote->cts_works |= remote->cts;
		break;
	case COM_PORT_SERVER_SUSPENDS:
	case COM_PORT_SERVER_RESUMES:
		link->is_held = token->bytes[0] == COM_PORT_SERVER_SUSPENDS;
		break;
	default:
		break;
	}
	if (token->bytes[0] == remote->awaited) {
		remote->answered = true;
		remote->answer = value;
	}
}

static ssize_t send_bytes(struct link *link, const uint8_t *bytes, size_t length)
{
	ssize_t sent = send(link->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);

	return sent < 0 ? -errno : sent;
}

/* One system call for what waits, if any does. 0 or a negative errno. */
static int flush_out(struct link *link)
{
	struct remote *remote = link->port;

	if (remote->out_start == remote->out_end)
		return 0;
	ssize_t sent = send_bytes(link, remote->out + remote->out_start, remote->out_end - remote->out_start);
	if (sent < 0)
		return (int)sent;
	remote->out_start += (size_t)sent;
	if (remote->out_start == remote->out_end)
		remote->out_start = remote->out_end = 0;
	return 0;
}

/* A peer that asks more than it listens gets no answer in the end. */
static void queue_words(struct remote *remote, const uint8_t *words, size_t length)
{
	if (length > sizeof(remote->out) - remote->out_end)
		return;
	memcpy(remote->out + remote->out_end, words, length);
	remote->out_end += length;
}

static void take_words(struct link *link, const struct telnet_token *token)
{
	struct remote *remote = link->port;
	uint8_t words[3];

	if (token->kind == TELNET_TOKEN_SUB)
		take_sub(link, token);
	if (token->kind == TELNET_TOKEN_NEGOTIATION)
		queue_words(remote, words, telnet_options_take(&remote->options, token, words));
}

/* Takes telnet out of what came, in place. Returns how much data is left. */
static size_t sift(struct link *link, uint8_t *bytes, size_t length)
{
	struct remote *remote = link->port;
	size_t data = 0;

	for (size_t taken = 0; taken < length;) {
		struct telnet_token token;

		taken += telnet_decode(&remote->decoder, bytes + taken, length - taken, &token);
		if (token.kind == TELNET_TOKEN_DATA) {
			memmove(bytes + data, token.bytes, token.length);
			data += token.length;
		} else {
			take_words(link, &token);
		}
	}
	/* What the socket does not take now goes out before the next data. */
	(void)flush_out(link);
	return data;
}

/* Data, without telnet: the count, which may be 0; or a negative errno. */
static ssize_t receive_data(struct link *link, uint8_t *ret_bytes, size_t size)
{
	ssize_t count = recv(link->fd, ret_bytes, size, MSG_DONTWAIT);

	if (count == 0)
		return -ENODEV;
	return count < 0 ? -errno : (ssize_t)sift(link, ret_bytes, (size_t)count);
}

static void keep_text(struct remote *remote, const uint8_t *bytes, size_t length)
{
	size_t room = sizeof(remote->text) - remote->text_length;
	size_t kept = length < room ? length : room;

	memcpy(remote->text + remote->text_length, bytes, kept);
	remote->text_length += kept;
}

static void keep_data(struct remote *remote, const uint8_t *bytes, size_t length)
{
	if (remote->opening) {
		keep_text(remote, bytes, length);
		return;
	}
	if (remote->pending_start == remote->pending_end)
		remote->pending_start = remote->pending_end = 0;
	/* As a tty whose buffer is full. */
	if (length > sizeof(remote->pending) - remote->pending_end) {
		remote->line_errors.overruns++;
		return;
	}
	memcpy(remote->pending + remote->pending_end, bytes, length);
	remote->pending_end += length;
}

int remote_pump(struct link *link)
{
	uint8_t bytes[PUMP_SIZE];
	ssize_t count = receive_data(link, bytes, sizeof(bytes));

	if (count < 0)
		return (int)count;
	keep_data(link->port, bytes, (size_t)count);
	return 0;
}

int remote_await_input(struct link *link, int64_t deadline_ms)
{
	int result = link_wait(link, POLLIN, deadline_ms);

	if (result < 0)
		return result;
	result = remote_pump(link);
	return result == -EAGAIN || result == -EINTR ? 0 : result < 0 ? link_error_of(-result) : 0;
}

bool remote_has_input(const struct link *link)
{
	const struct remote *remote = link->port;

	return remote->pending_start < remote->pending_end;
}

bool remote_has_output(const struct link *link)
{
	const struct remote *remote = link->port;

	return remote->out_start < remote->out_end;
}

ssize_t remote_read(struct link *link, void *ret_bytes, size_t size)
{
	struct remote *remote = link->port;
	size_t kept = remote->pending_end - remote->pending_start;

	if (kept == 0) {
		ssize_t count = receive_data(link, ret_bytes, size);
		return count == 0 ? -EAGAIN : count;
	}
	kept = kept < size ? kept : size;
	memcpy(ret_bytes, remote->pending + remote->pending_start, kept);
	remote->pending_start += kept;
	return (ssize_t)kept;
}

/* When what was just sent will have left the far end, if nothing holds it there. */
static void reckon(struct link *link, size_t length)
{
	struct remote *remote = link->port;
	int64_t now_us = clock_now_ms() * 1000;

	if (link->rate_bps == 0)
		return;
	if (remote->line_free_us < now_us)
		remote->line_free_us = now_us;
	remote->line_free_us += (int64_t)length * BITS_PER_BYTE * SECOND_US / link->rate_bps;
}

/* Of the wire bytes in `out`, the first `words` are telnet's. Returns how much data has gone, and keeps of the rest what must follow it. */
static size_t settle_sent(struct remote *remote, size_t words, size_t sent)
{
	bool split = false;
	size_t data = 0;

	if (sent < words) {
		remote->out_start += sent;
		remote->out_end = remote->out_start + words - sent;
		return 0;
	}
	data = telnet_data_length(remote->out + remote->out_start + words, sent - words, &split);
	remote->out_start = remote->out_end = 0;
	if (split)
		remote->out[remote->out_end++] = TELNET_IAC;
	return data;
}

/* Behind the words that wait, as much as fits. */
static size_t encode_pieces(struct remote *remote, const struct iovec *pieces, int count)
{
	size_t end = remote->out_end;

	for (int i = 0; i < count; i++) {
		size_t taken;

		end += telnet_encode(pieces[i].iov_base, pieces[i].iov_len, remote->out + end, sizeof(remote->out) - end, &taken);
		if (taken < pieces[i].iov_len)
			break;
	}
	return end - remote->out_start;
}

ssize_t remote_write(struct link *link, const struct iovec *pieces, int count)
{
	struct remote *remote = link->port;

	if (link->is_held) {
		int result = remote_pump(link);
		if (result < 0 || link->is_held)
			return result < 0 ? result : -EAGAIN;
	}
	size_t words = remote->out_end - remote->out_start;
	size_t length = encode_pieces(remote, pieces, count);
	ssize_t sent = send_bytes(link, remote->out + remote->out_start, length);
	if (sent < 0)
		return sent;
	size_t data = settle_sent(remote, words, (size_t)sent);
	reckon(link, data);
	return (ssize_t)data;
}

int remote_send_raw(struct link *link, const uint8_t *bytes, size_t length, int64_t deadline_ms)
{
	struct remote *remote = link->port;

	queue_words(remote, bytes, length);
	for (;;) {
		int result = flush_out(link);
		if (result < 0 && result != -EAGAIN && result != -EINTR)
			return link_error_of(-result);
		if (remote->out_start == remote->out_end)
			return 0;
		result = link_wait(link, POLLOUT, deadline_ms);
		if (result < 0)
			return result;
	}
}

int remote_tell(struct link *link, uint8_t command, const uint8_t *value, size_t length, int64_t deadline_ms)
{
	uint8_t message[1 + sizeof(uint32_t)];
	uint8_t wire[TELNET_SUB_SIZE(sizeof(message))];

	message[0] = command;
	memcpy(message + 1, value, length);
	return remote_send_raw(link, wire, telnet_encode_sub(TELNET_COM_PORT, message, 1 + length, wire), deadline_ms);
}

int remote_ask(struct link *link, uint8_t command, const uint8_t *value, size_t length, int64_t deadline_ms, uint32_t *ret_value)
{
	struct remote *remote = link->port;
	int result = 0;

	remote->awaited = (uint8_t)(command + COM_PORT_ANSWER);
	remote->answered = false;
	result = remote_tell(link, command, value, length, deadline_ms);
	while (result == 0 && !remote->answered)
		result = remote_await_input(link, deadline_ms);
	remote->awaited = 0;
	*ret_value = remote->answer;
	return result;
}
