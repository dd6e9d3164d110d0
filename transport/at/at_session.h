/* SPDX-License-Identifier: Apache-2.0
 *
 * One AT command in flight over a link. Lines that no command asked for are kept apart; the answer of a command is the
 * last final result code that came after it was wholly sent (protocol.md 2, "a stale OK has destroyed a modem").
 */
#ifndef TRANSPORT_AT_SESSION_H
#define TRANSPORT_AT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/link/link.h"

#define AT_REPLY_TEXT_SIZE 4096u
#define AT_REPLY_LINES_MAX 96u

enum at_final { AT_FINAL_NONE, AT_FINAL_OK, AT_FINAL_ERROR, AT_FINAL_CONNECT, AT_FINAL_NO_CARRIER };

/* A reply by value. Lines are without line ends and without the echo; the final result code is not among them. */
struct at_reply {
	enum at_final final;
	char final_text[64]; /* as received: "OK", "ERROR", "+CME ERROR: 4" */
	size_t line_count;
	const char *lines[AT_REPLY_LINES_MAX]; /* point into text */
	char text[AT_REPLY_TEXT_SIZE];
	bool truncated; /* more came than fits; what is here is the beginning */
};

/* What the bytes of a wait looked like, for the verdict of a detection (protocol.md 2, "what the first bytes mean"). */
struct at_noise {
	size_t total;    /* bytes received */
	size_t nul;      /* of them NUL */
	size_t high_bit; /* of them ≥ 0x80 */
	char sample[64]; /* the first of them, escaped */
};

struct at_session;

/* Lines outside a reply: unsolicited ones, stale ones. */
typedef void (*at_line_fn)(void *context, const char *line);

/* The link is borrowed and has to outlive the session. */
int at_session_new(struct link *link, struct at_session **ret);
void at_session_free(struct at_session *session);
static inline void at_session_freep(struct at_session **session)
{
	at_session_free(*session);
}

/* Called for each unsolicited line, on the caller's thread, during a command or at_session_listen(). */
void at_session_on_unsolicited(struct at_session *session, at_line_fn fn, void *context);

/* Drains stale input, sends command + CR, waits for the final result code. Returns 0 when one came (any: look at
 * ret->final), -ETIMEDOUT when none came in timeout_ms (the session resynchronises before the next command: drain, AT, OK),
 * -ECANCELED, -ENODEV or another negative errno of the link. The command has no line end and no control characters: -EINVAL. */
int at_command(struct at_session *session, const char *command, int64_t timeout_ms, struct at_reply *ret);

/* As at_command(), 0 only for OK; -EREMOTEIO for any other final code. ret may be NULL. */
int at_command_ok(struct at_session *session, const char *command, int64_t timeout_ms, struct at_reply *ret);

/* Sends raw text without CR and without waiting for an answer: the "+++" escape. */
int at_send_raw(struct at_session *session, const char *text, int64_t timeout_ms);

/* Reads for that long and hands out unsolicited lines; ends early when a line contains `until` (may be NULL): returns 1
 * then, 0 at the end of the time, or a negative errno. */
int at_session_listen(struct at_session *session, int64_t duration_ms, const char *until);

/* Forgets half-read lines and pending resynchronisation: after the rate changed or binary traffic ended. */
void at_session_reset(struct at_session *session);

/* What arrived since the last call of at_command(), as bytes: for the verdict when no final code came. */
void at_session_noise(const struct at_session *session, struct at_noise *ret);

#endif
