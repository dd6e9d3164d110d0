/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stp/stp_transfer.h"

#include <errno.h>
#include <string.h>

#include "transport/clock.h"
#include "transport/stp/stp_position.h"
#include "transport/stp/stp_session.h"

#define RESTART_SHARE 50u /* start over when less than 1/50 was sent: later the modem has written too much to ask for it all again */
#define FLOW_LOOK_MS  200

/* A cancelled transfer leaves no session behind; the wait for the answer must not end at once by the very cancel. */
static void close_quietly(struct stp_session *session)
{
	int cancel_fd = link_set_cancel_fd(session->wire.link, -1);

	stp_session_close(session);
	link_set_cancel_fd(session->wire.link, cancel_fd);
}

static bool may_start_over(const struct stp_session *session)
{
	return session->first_block_passed && session->offset < session->wire_size / RESTART_SHARE;
}

static int run_session(struct stp_session *session)
{
	int result = stp_session_open(session);

	return result < 0 ? result : stp_session_send_blocks(session);
}

static int run_sessions(struct stp_session *session)
{
	int result = run_session(session);

	if (result == -ETIMEDOUT && may_start_over(session)) {
		stp_session_shrink(session);
		stp_session_note(session, "no answer at byte %llu: starting over with blocks of %u", (unsigned long long)session->offset,
				 session->block_size);
		result = run_session(session);
	}
	if (result == 0)
		stp_session_close(session);
	else if (result == -ECANCELED)
		close_quietly(session);
	return result;
}

/* What was written and has not left shows who is to blame: a short frame is accepted by the kernel even when CTS never comes. */
static bool flow_holds(const struct stp_session *session)
{
	return session->line_held || link_drain(session->wire.link, clock_deadline_ms(FLOW_LOOK_MS)) == -ETIMEDOUT;
}

static int fault_stalled(const struct stp_session *session, struct fault *ret)
{
	const struct stp_source *source = session->source;
	uint64_t at = stp_plain_position(source, session->compressed, session->offset);
	const char *part = stp_part_at(source, session->compressed, session->offset);
	char name[64];
	uint64_t percent = source->plain_size > 0 ? at * 100 / source->plain_size : 0;

	fault_escape(name, sizeof name, part, strnlen(part, sizeof source->parts[0].description));
	return fault_set(ret, FAULT_TRANSFER_STALLED, "the modem took nothing for %lld s at byte %llu of %llu (%llu %%)%s%s%s",
			 (long long)((session->options->block_budget_ms + 500) / 1000), (unsigned long long)at,
			 (unsigned long long)source->plain_size, (unsigned long long)percent, name[0] ? " in " : "", name,
			 flow_holds(session) ? "; flow control holds the line" : "");
}

static int fault_no_answer(const struct stp_session *session, struct fault *ret)
{
	return fault_set(ret, FAULT_STP_NO_ANSWER, "no answer to %s%s", session->transaction == 0 ? "RESET" : "OPEN_SESSION",
			 flow_holds(session) ? ": writing timed out, flow control holds the line" : "");
}

static int fault_refused(const struct stp_session *session, struct fault *ret)
{
	if (session->summary->sessions > 0)
		return fault_set(ret, FAULT_STP_REFUSED, "the modem opened a session of %u bytes at most, which leaves no room for data",
				 session->summary->max_transfer);
	return fault_set(ret, FAULT_STP_REFUSED, "the modem refused to open a session, four times");
}

static int fault_damaged(const struct stp_session *session, struct fault *ret)
{
	return fault_set(ret, FAULT_STP_DAMAGED,
			 "too many frames refused or damaged at byte %llu: %llu NACKs, %llu damaged answers, %llu repeats",
			 (unsigned long long)session->offset, (unsigned long long)session->summary->nacks,
			 (unsigned long long)session->summary->damaged, (unsigned long long)session->summary->resends);
}

static int explain(struct stp_session *session, int result, struct fault *ret)
{
	switch (result) {
	case 0:
	case -ECANCELED:
		return result;
	case -ETIMEDOUT:
		result = session->first_block_passed ? fault_stalled(session, ret) : fault_no_answer(session, ret);
		break;
	case -EBADMSG:
		result = fault_damaged(session, ret);
		break;
	case -ECONNREFUSED:
		result = fault_refused(session, ret);
		break;
	default:
		result = fault_set(ret, FAULT_PORT_GONE, "the port went away at byte %llu: %s", (unsigned long long)session->offset,
				   result == -ENODEV ? "hang-up" : strerrordesc_np(-result));
		break;
	}
	fault_set_evidence(ret, session->wire.last, session->wire.last_length);
	return result;
}

static uint64_t rise(int64_t before, int64_t now)
{
	return before >= 0 && now > before ? (uint64_t)(now - before) : 0;
}

/* What is counted besides the transfer, once it is over. */
static void sum_up(struct stp_session *session, const struct link_counters *before, int64_t started_ms)
{
	struct stp_summary *summary = session->summary;
	struct link_counters now;

	link_get_counters(session->wire.link, &now);
	summary->framing_errors = rise(before->framing_errors, now.framing_errors);
	summary->breaks = rise(before->breaks, now.breaks);
	summary->skipped_bytes = session->wire.reader.skipped;
	summary->duration_ms = clock_now_ms() - started_ms;
	if (session->untold > 0)
		stp_session_note(session, "%llu more resends, residues and silences are not listed", (unsigned long long)session->untold);
}

int stp_transfer(struct link *link, const struct stp_source *source, const struct stp_options *options, struct fault *ret_fault,
		 struct stp_summary *ret_summary)
{
	struct stp_session session = {.source = source, .options = options, .summary = ret_summary, .cancel_fd = -1};
	int64_t started_ms = clock_now_ms();
	struct link_counters counters;

	*ret_summary = (struct stp_summary){.version = 0};
	stp_wire_init(&session.wire, link);
	link_get_counters(link, &counters);
	session.overruns = counters.overruns;
	int result = run_sessions(&session);
	if (session.disarmed)
		link_set_cancel_fd(link, session.cancel_fd);
	sum_up(&session, &counters, started_ms);
	return explain(&session, result, ret_fault);
}
