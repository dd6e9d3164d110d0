/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/at/at_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/at/at_parser.h"
#include "transport/clock.h"
#include "transport/fault.h"

#define READ_SIZE        512u
#define SAMPLE_SIZE      24u
#define PARTIAL_GRACE_MS 20  /* for the rest of a line that has begun: 115200 carries 230 bytes in it */
#define LATE_READ_MS     250 /* after the deadline: for what is queued, and no longer, for a port may never stop to talk */
#define STALE_GRACE_MS   200 /* for more final codes, when what came looks like the answer to another command */
#define RESYNC_ROUND_MS  1000
#define RESYNC_QUIET_MS  150 /* a modem answers in order: after the late reply the one to AT follows within this */
#define RESYNC_LIMIT_MS  3000

struct at_session {
	struct link *link;
	struct at_parser parser;
	at_line_fn unsolicited;
	void *unsolicited_context;
	bool needs_resync;
	struct at_noise noise;
	uint8_t sample[SAMPLE_SIZE];
};

/* One command and what has come for it so far. */
struct exchange {
	struct at_session *session;
	struct at_reply *reply;
	const char *command;
	size_t text_used;
	size_t settled;  /* lines that came before the final code; those after it may belong to the next one */
	bool stale_line; /* the line being read had begun before the command was sent */
	bool echoed;
	bool suspicious; /* looks like the answer to another command */
};

/* protocol.md 2: lines that can come at any time. */
static const char *const unsolicited_prefixes[] = {"+SYSSTART", "+SHUTDOWN", "+SYSFFH", "+CEREG:", "^EXIT:"};

int at_session_new(struct link *link, struct at_session **ret)
{
	struct at_session *session = calloc(1, sizeof *session);

	if (!session)
		return -ENOMEM;
	session->link = link;
	*ret = session;
	return 0;
}

void at_session_free(struct at_session *session)
{
	free(session);
}

void at_session_on_unsolicited(struct at_session *session, at_line_fn fn, void *context)
{
	session->unsolicited = fn;
	session->unsolicited_context = context;
}

void at_session_reset(struct at_session *session)
{
	at_parser_init(&session->parser);
	session->needs_resync = false;
}

static void clear_noise(struct at_session *session)
{
	session->noise = (struct at_noise){.total = 0};
}

static void count_noise(struct at_session *session, const uint8_t *bytes, size_t length)
{
	struct at_noise *noise = &session->noise;

	for (size_t i = 0; i < length; i++, noise->total++) {
		if (noise->total < SAMPLE_SIZE)
			session->sample[noise->total] = bytes[i];
		noise->nul += bytes[i] == 0;
		noise->high_bit += bytes[i] >= 0x80;
	}
}

void at_session_noise(const struct at_session *session, struct at_noise *ret)
{
	size_t kept = session->noise.total < SAMPLE_SIZE ? session->noise.total : SAMPLE_SIZE;

	*ret = session->noise;
	fault_escape(ret->sample, sizeof ret->sample, session->sample, kept);
}

static void give_unsolicited(struct at_session *session, const char *line)
{
	if (session->unsolicited)
		session->unsolicited(session->unsolicited_context, line);
}

/* Reads once and hands every line to fn. Returns 0 or the error of the link. */
static int read_lines(struct at_session *session, int64_t deadline_ms, at_line_fn fn, void *context)
{
	uint8_t bytes[READ_SIZE];
	ssize_t count = link_read(session->link, bytes, sizeof bytes, deadline_ms);

	if (count < 0)
		return (int)count;
	count_noise(session, bytes, (size_t)count);
	for (size_t used = 0, taken = 0; used < (size_t)count; used += taken) {
		const char *line = at_parser_feed(&session->parser, bytes + used, (size_t)count - used, &taken);
		if (line)
			fn(context, line);
	}
	return 0;
}

static void discard_line(void *context, const char *line)
{
	give_unsolicited(context, line);
}

/* Takes what nobody asked for, until nothing came for quiet_ms. A line that has begun gets a moment to end. */
static int drain(struct at_session *session, int64_t quiet_ms, int64_t limit_ms)
{
	int64_t end_ms = clock_deadline_ms(limit_ms);
	int result;

	do {
		int64_t wait_ms = quiet_ms == 0 && at_parser_has_partial(&session->parser) ? PARTIAL_GRACE_MS : quiet_ms;
		result = read_lines(session, clock_deadline_ms(wait_ms), discard_line, session);
	} while (result == 0 && clock_now_ms() < end_ms);
	return result == -ETIMEDOUT ? 0 : result;
}

/* "AT+CEREG?" asks for "+CEREG": the length of that name. */
static size_t command_name(const char *command, const char **ret_name)
{
	*ret_name = command + (strncasecmp(command, "AT", 2) == 0 ? 2 : 0);
	return strcspn(*ret_name, "=?;");
}

static bool answers_command(const char *command, const char *line)
{
	const char *name;
	size_t length = command_name(command, &name);

	return length > 0 && strncmp(line, name, length) == 0 && line[length] == ':';
}

static bool is_unsolicited(const char *command, const char *line)
{
	for (size_t i = 0; i < sizeof unsolicited_prefixes / sizeof unsolicited_prefixes[0]; i++) {
		const char *prefix = unsolicited_prefixes[i];
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			return !answers_command(command, line);
	}
	return false;
}

/* Hands out the first `count` lines of the reply as stale and closes the gap. */
static void drop_lines(struct exchange *exchange, size_t count)
{
	struct at_reply *reply = exchange->reply;

	for (size_t i = 0; i < count; i++)
		give_unsolicited(exchange->session, reply->lines[i]);
	reply->line_count -= count;
	memmove(reply->lines, reply->lines + count, sizeof reply->lines[0] * reply->line_count);
}

static void append_line(struct exchange *exchange, const char *line)
{
	struct at_reply *reply = exchange->reply;
	size_t size = strlen(line) + 1;

	if (reply->line_count == AT_REPLY_LINES_MAX || size > sizeof reply->text - exchange->text_used) {
		reply->truncated = true;
		return;
	}
	char *place = reply->text + exchange->text_used;
	memcpy(place, line, size);
	exchange->text_used += size;
	reply->lines[reply->line_count++] = place;
}

/* The last final code wins, with the lines since the one before it. */
static void settle(struct exchange *exchange, enum at_final final, const char *line)
{
	struct at_reply *reply = exchange->reply;
	size_t length = strnlen(line, sizeof reply->final_text - 1);

	if (reply->final != AT_FINAL_NONE) {
		drop_lines(exchange, exchange->settled);
		exchange->suspicious = true;
	}
	reply->final = final;
	memcpy(reply->final_text, line, length);
	reply->final_text[length] = '\0';
	exchange->settled = reply->line_count;
}

/* The echo proves that all before it was there before the command. */
static void begin_after_echo(struct exchange *exchange)
{
	exchange->echoed = true;
	drop_lines(exchange, exchange->reply->line_count);
	exchange->settled = 0;
	exchange->text_used = 0;
	exchange->reply->final = AT_FINAL_NONE;
	exchange->reply->final_text[0] = '\0';
}

static void take_reply_line(void *context, const char *line)
{
	struct exchange *exchange = context;
	enum at_final final = at_final_of(line);

	if (exchange->stale_line || is_unsolicited(exchange->command, line)) {
		exchange->stale_line = false;
		give_unsolicited(exchange->session, line);
	} else if (!exchange->echoed && strcmp(line, exchange->command) == 0) {
		begin_after_echo(exchange);
	} else if (final != AT_FINAL_NONE) {
		settle(exchange, final, line);
	} else {
		if (line[0] == '+' && strchr(line, ':') && !answers_command(exchange->command, line))
			exchange->suspicious = true;
		append_line(exchange, line);
	}
}

/* How long to look for more once a final code came: not at all (what is queued is read all the same) in the ordinary case. */
static int64_t grace_deadline_ms(const struct exchange *exchange)
{
	if (exchange->suspicious)
		return clock_deadline_ms(STALE_GRACE_MS);
	if (at_parser_has_partial(&exchange->session->parser))
		return clock_deadline_ms(PARTIAL_GRACE_MS);
	return 0;
}

static int await_final(struct exchange *exchange, int64_t deadline_ms)
{
	struct at_reply *reply = exchange->reply;

	for (;;) {
		bool settled = reply->final != AT_FINAL_NONE;
		int64_t wait_ms = settled ? grace_deadline_ms(exchange) : deadline_ms;
		int result = read_lines(exchange->session, wait_ms, take_reply_line, exchange);

		settled = reply->final != AT_FINAL_NONE;
		if (result == 0 && clock_now_ms() < deadline_ms + (settled ? 0 : LATE_READ_MS))
			continue;
		if (!settled)
			return result == 0 ? -ETIMEDOUT : result;
		/* What came behind the last final code belongs to no command. */
		for (size_t i = exchange->settled; i < reply->line_count; i++)
			give_unsolicited(exchange->session, reply->lines[i]);
		reply->line_count = exchange->settled;
		return 0;
	}
}

static int send_line(struct at_session *session, const char *command, int64_t deadline_ms)
{
	char end[] = "\r";
	struct iovec pieces[2] = {{.iov_len = strlen(command)}, {.iov_base = end, .iov_len = 1}};
	char text[AT_LINE_MAX];

	if (pieces[0].iov_len >= sizeof text)
		return -EINVAL;
	memcpy(text, command, pieces[0].iov_len);
	pieces[0].iov_base = text;
	return link_write(session->link, pieces, 2, deadline_ms);
}

/* Drains, sends, waits: no more, no less. */
static int converse(struct at_session *session, const char *command, int64_t deadline_ms, struct at_reply *ret)
{
	struct exchange exchange = {.session = session, .reply = ret, .command = command};
	int result = drain(session, 0, RESYNC_LIMIT_MS);

	ret->final = AT_FINAL_NONE;
	ret->final_text[0] = '\0';
	ret->line_count = 0;
	ret->truncated = false;
	if (result < 0)
		return result;
	exchange.stale_line = at_parser_has_partial(&session->parser);
	result = send_line(session, command, deadline_ms);
	if (result == 0)
		result = await_final(&exchange, deadline_ms);
	if (result == -ETIMEDOUT || result == -ECANCELED)
		session->needs_resync = true;
	return result;
}

/* A command timed out and its reply may still come. A modem answers in order, so AT is sent until anything answers, and then
 * silence is waited for: a late reply and the one to AT are both gone by then. */
static int resynchronise(struct at_session *session, int64_t deadline_ms)
{
	struct at_reply reply;
	int result;

	do {
		int64_t round_ms = clock_deadline_ms(RESYNC_ROUND_MS);
		result = converse(session, "AT", round_ms < deadline_ms ? round_ms : deadline_ms, &reply);
	} while (result == -ETIMEDOUT && clock_now_ms() < deadline_ms);
	if (result == 0)
		result = drain(session, RESYNC_QUIET_MS, RESYNC_LIMIT_MS);
	if (result == 0)
		session->needs_resync = false;
	return result;
}

static bool is_sendable(const char *command)
{
	size_t length = strlen(command);

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)command[i] < 0x20 || (unsigned char)command[i] >= 0x7F)
			return false;
	}
	return length > 0 && length < AT_LINE_MAX;
}

int at_command(struct at_session *session, const char *command, int64_t timeout_ms, struct at_reply *ret)
{
	if (!is_sendable(command))
		return -EINVAL;
	clear_noise(session);
	ret->final = AT_FINAL_NONE;
	ret->line_count = 0;
	if (session->needs_resync) {
		int result = resynchronise(session, clock_deadline_ms(timeout_ms));
		if (result < 0)
			return result;
	}
	return converse(session, command, clock_deadline_ms(timeout_ms), ret);
}

int at_command_ok(struct at_session *session, const char *command, int64_t timeout_ms, struct at_reply *ret)
{
	struct at_reply own;
	struct at_reply *reply = ret ? ret : &own;
	int result = at_command(session, command, timeout_ms, reply);

	if (result < 0)
		return result;
	return reply->final == AT_FINAL_OK ? 0 : -EREMOTEIO;
}

int at_send_raw(struct at_session *session, const char *text, int64_t timeout_ms)
{
	char bytes[AT_LINE_MAX];
	struct iovec piece = {.iov_base = bytes, .iov_len = strlen(text)};

	if (piece.iov_len > sizeof bytes)
		return -EINVAL;
	memcpy(bytes, text, piece.iov_len);
	return link_write(session->link, &piece, 1, clock_deadline_ms(timeout_ms));
}

struct listener {
	struct at_session *session;
	const char *until;
	bool found;
};

static void hear_line(void *context, const char *line)
{
	struct listener *listener = context;

	give_unsolicited(listener->session, line);
	if (listener->until && strstr(line, listener->until))
		listener->found = true;
}

int at_session_listen(struct at_session *session, int64_t duration_ms, const char *until)
{
	struct listener listener = {.session = session, .until = until};
	int64_t end_ms = clock_deadline_ms(duration_ms);
	int result;

	do
		result = read_lines(session, end_ms, hear_line, &listener);
	while (result == 0 && !listener.found && clock_now_ms() < end_ms);
	if (listener.found)
		return 1;
	return result == -ETIMEDOUT ? 0 : result;
}
