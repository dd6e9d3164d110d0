/* SPDX-License-Identifier: Apache-2.0
 *
 * One request of a session until the modem takes it: what is sent again, when, and with which transaction id.
 */
#include "transport/stp/stp_session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "transport/clock.h"
#include "transport/stp/stp_position.h"

#define REFUSALS_MAX      16u /* in a row, for one request */
#define REFUSALS_AT_ONCE  4u  /* answered without a pause */
#define PAUSE_FIRST_MS    10
#define PAUSE_LONGEST_MS  1000
#define NACK_NEXT_VERSION 2u
#define BITS_PER_BYTE     10 /* 8N1 */
#define EVENTS_TOLD       64u
#define SILENCE_TOLD_MS   2000

/* What happened to one request so far. */
struct course {
	struct stp_request *request;
	const struct stp_patience *patience;
	int64_t started_ms;
	int64_t wait_ms;
	unsigned silences;
	unsigned refusals;
	unsigned nacks;
	bool fate_known; /* nothing was sent whose answer is missing: the modem has not taken it */
};

__attribute__((format(printf, 2, 0))) static void give_note(const struct stp_session *session, const char *format, va_list arguments)
{
	char line[256];

	if (!session->options->note)
		return;
	vsnprintf(line, sizeof line, format, arguments);
	session->options->note(session->options->context, line);
}

void stp_session_note(const struct stp_session *session, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	give_note(session, format, arguments);
	va_end(arguments);
}

void stp_session_tell(struct stp_session *session, enum stp_event event, const char *format, ...)
{
	va_list arguments;

	if (session->told[event] == EVENTS_TOLD) {
		session->untold++;
		return;
	}
	session->told[event]++;
	va_start(arguments, format);
	give_note(session, format, arguments);
	va_end(arguments);
}

void stp_session_report(struct stp_session *session)
{
	const struct stp_source *source = session->source;
	uint64_t done = stp_plain_position(source, session->compressed, session->offset);

	session->progress_due = false;
	if (done > session->bytes_done)
		session->bytes_done = done;
	if (!session->options->progress)
		return;
	struct stp_progress progress = {
	    .bytes_done = session->bytes_done,
	    .bytes_total = source->plain_size,
	    .wire_bytes = session->offset,
	    .part = stp_part_at(source, session->compressed, session->offset),
	    .at_border = stp_is_border(source, session->compressed, session->offset, session->block_size),
	};
	session->options->progress(session->options->context, &progress);
}

/* How long the frame itself takes on the line: that is no silence. */
static int64_t transmit_ms(const struct stp_session *session, const struct stp_request *request)
{
	uint32_t rate_bps = link_rate(session->wire.link);

	return rate_bps == 0 ? 0 : (int64_t)(STP_HEADER_SIZE + request->length) * BITS_PER_BYTE * 1000 / rate_bps;
}

static int send_and_await(struct stp_session *session, const struct course *course, enum stp_answer *ret_answer, struct stp_response *ret)
{
	int64_t deadline_ms = course->patience->deadline_ms;
	int result = stp_send(&session->wire, course->request, deadline_ms);

	*ret_answer = STP_ANSWER_SILENCE;
	if (result == -ETIMEDOUT) {
		session->line_held = true;
		return 0;
	}
	if (result < 0)
		return result;
	if (session->progress_due)
		stp_session_report(session);
	int64_t wait_end_ms = clock_deadline_ms(course->wait_ms + transmit_ms(session, course->request));
	return stp_await(&session->wire, course->request, wait_end_ms < deadline_ms ? wait_end_ms : deadline_ms, ret_answer, ret);
}

static void tell_trouble(struct stp_session *session, const struct course *course, const char *what)
{
	stp_session_tell(session, STP_EVENT_TROUBLE, "%s for request 0x%02x, transaction %u, at byte %llu: sent again%s", what,
			 course->request->op, course->request->transaction, (unsigned long long)session->offset,
			 course->patience->at_border ? " (the modem may be erasing flash here)" : "");
}

/* Of an answer that came late, and still in time. */
static void tell_silence(struct stp_session *session, const struct course *course, int64_t silence_ms)
{
	if (course->silences == 0 && course->refusals == 0 && silence_ms >= SILENCE_TOLD_MS)
		stp_session_tell(session, STP_EVENT_SILENCE, "silent for %lld ms at byte %llu", (long long)silence_ms,
				 (unsigned long long)session->offset);
}

static void count_silence(struct stp_session *session, struct course *course)
{
	int64_t longest_ms = course->patience->longest_wait_ms;

	course->silences++;
	course->fate_known = false;
	session->summary->resends++;
	/* The first repeat comes soon, because a lost frame is likelier than a busy modem; at a border it is the other way round. */
	if (course->silences > 1 || course->patience->at_border)
		course->wait_ms *= 2;
	if (course->wait_ms > longest_ms)
		course->wait_ms = longest_ms;
	tell_trouble(session, course, "no answer");
	bool is_block = course->request->op == STP_TRANSFER_BLOCK_CMD || course->request->op == STP_TRANSFER_BLOCK;
	if (course->silences == 1 && is_block)
		stp_session_report(session);
}

static void count_nack(struct stp_session *session, struct course *course)
{
	course->nacks++;
	course->refusals++;
	session->summary->nacks++;
	tell_trouble(session, course, "NACK");
	/* After silence the modem may have taken it and lost the answer: under a new id it would take it twice. */
	if (session->summary->version >= NACK_NEXT_VERSION && course->fate_known)
		course->request->transaction = ++session->transaction;
}

/* A modem that refuses at once would otherwise be asked thousands of times a second. */
static int pause_after_refusals(struct stp_session *session, const struct course *course)
{
	int64_t pause_ms = PAUSE_FIRST_MS;

	if (course->refusals < REFUSALS_AT_ONCE)
		return 0;
	for (unsigned i = REFUSALS_AT_ONCE; i < course->refusals && pause_ms < PAUSE_LONGEST_MS; i++)
		pause_ms *= 2;
	return link_quiet(session->wire.link, pause_ms < PAUSE_LONGEST_MS ? pause_ms : PAUSE_LONGEST_MS);
}

static int judge_answer(struct stp_session *session, struct course *course, enum stp_answer answer)
{
	switch (answer) {
	case STP_ANSWER_TAKEN:
		return 0;
	case STP_ANSWER_SILENCE:
		count_silence(session, course);
		break;
	case STP_ANSWER_DAMAGED:
		course->refusals++;
		course->fate_known = false;
		session->summary->damaged++;
		session->summary->resends++;
		tell_trouble(session, course, "damaged answer");
		break;
	case STP_ANSWER_NOT_UNDERSTOOD:
		course->refusals++;
		session->summary->resends++;
		tell_trouble(session, course, "not understood");
		break;
	case STP_ANSWER_NACK:
		count_nack(session, course);
		break;
	}
	if (course->refusals >= REFUSALS_MAX)
		return -EBADMSG;
	if (course->patience->nack_limit > 0 && course->nacks >= course->patience->nack_limit && course->fate_known)
		return STP_REFUSED_AGAIN;
	if (clock_now_ms() >= course->patience->deadline_ms)
		return course->refusals > course->silences ? -EBADMSG : -ETIMEDOUT;
	return pause_after_refusals(session, course);
}

int stp_session_request(struct stp_session *session, struct stp_request *request, const struct stp_patience *patience,
			struct stp_response *ret)
{
	struct course course = {
	    .request = request,
	    .patience = patience,
	    .started_ms = clock_now_ms(),
	    .wait_ms = patience->first_wait_ms,
	    .fate_known = true,
	};

	for (;;) {
		enum stp_answer answer;
		int result = send_and_await(session, &course, &answer, ret);

		int64_t silence_ms = clock_now_ms() - course.started_ms;
		if (silence_ms > session->summary->longest_silence_ms)
			session->summary->longest_silence_ms = silence_ms;
		if (result < 0)
			return result;
		if (answer == STP_ANSWER_TAKEN)
			tell_silence(session, &course, silence_ms);
		result = judge_answer(session, &course, answer);
		if (result != 0 || answer == STP_ANSWER_TAKEN)
			return result;
	}
}
