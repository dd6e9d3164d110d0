/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of a session (protocol.md 4): RESET, OPEN_SESSION, data type, block command and block, RESET.
 */
#include "transport/stp/stp_session.h"

#include <errno.h>

#include "transport/clock.h"
#include "transport/stp/stp_position.h"

#define OPEN_TRIES           4 /* the first and three more */
#define OPEN_PAUSE_MS        500
#define OPEN_BUDGET_ANSWERS  5 /* answer timeouts until "no answer" */
#define CLOSE_WAIT_MS        2000
#define DATA_TYPE_VERSION    2u
#define SESSION_ID           1u
#define NACKS_BEFORE_PLAIN   3u
#define NACKS_BEFORE_SMALLER 3u
#define CLEAN_BLOCKS_TO_GROW 32u
#define BORDER_WAITS         4 /* answer timeouts before the first repeat where the modem erases */
#define WAITS_IN_BUDGET      4 /* however long a wait grows, a lost frame is repeated this often within the budget */

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct stp_patience opening_patience(const struct stp_session *session)
{
	int64_t answer_ms = session->options->answer_timeout_ms;

	return (struct stp_patience){
	    .first_wait_ms = answer_ms,
	    .longest_wait_ms = answer_ms,
	    .deadline_ms = clock_deadline_ms(smaller(answer_ms * OPEN_BUDGET_ANSWERS, session->options->block_budget_ms)),
	};
}

static int reset(struct stp_session *session)
{
	struct stp_request request = {.op = STP_RESET};
	struct stp_patience patience = opening_patience(session);
	struct stp_response response;

	session->transaction = 0;
	return stp_session_request(session, &request, &patience, &response);
}

/* 0 when the modem opened, STP_REFUSED_AGAIN when it said no. */
static int open_once(struct stp_session *session)
{
	struct stp_patience patience = opening_patience(session);
	struct stp_response response;
	int result = reset(session);

	if (result < 0)
		return result;
	session->transaction = 1;
	struct stp_request request = {.op = STP_OPEN_SESSION, .session = SESSION_ID, .transaction = session->transaction};
	result = stp_session_request(session, &request, &patience, &response);
	if (result < 0)
		return result;
	if (response.payload[0] == 0)
		return STP_REFUSED_AGAIN;
	session->summary->version = response.payload[1];
	session->summary->max_transfer = (uint16_t)(response.payload[2] << 8 | response.payload[3]);
	session->summary->sessions++;
	return 0;
}

static int send_data_type(struct stp_session *session, enum stp_data_type type, unsigned nack_limit)
{
	const uint8_t payload[4] = {0, 0, 0, (uint8_t)type};
	struct stp_patience patience = opening_patience(session);
	struct stp_request request = {.op = STP_TRANSFER_DATA_TYPE,
				      .session = SESSION_ID,
				      .transaction = ++session->transaction,
				      .payload = payload,
				      .length = sizeof payload};
	struct stp_response response;

	patience.nack_limit = nack_limit;
	return stp_session_request(session, &request, &patience, &response);
}

static int agree_on_data_type(struct stp_session *session)
{
	bool is_elf = session->source->is_elf;
	int result = STP_REFUSED_AGAIN;

	session->compressed = false;
	if (session->summary->version < DATA_TYPE_VERSION)
		return 0;
	if (session->source->compressed && session->options->allow_compression) {
		result = send_data_type(session, is_elf ? STP_DATA_ELF_ZLIB : STP_DATA_BUNDLE_ZLIB, NACKS_BEFORE_PLAIN);
		session->compressed = result == 0;
	}
	if (result == STP_REFUSED_AGAIN)
		result = send_data_type(session, is_elf ? STP_DATA_ELF : STP_DATA_BUNDLE, 0);
	return result;
}

static uint32_t block_minimum(const struct stp_session *session)
{
	uint32_t minimum = session->options->block_size_min > 0 ? session->options->block_size_min : 1;

	return minimum < session->block_limit ? minimum : session->block_limit;
}

static void limit_blocks(struct stp_session *session)
{
	uint32_t maximum = session->summary->max_transfer - STP_HEADER_SIZE;
	uint32_t wanted = session->options->block_size > 0 ? session->options->block_size : 1;

	session->block_limit = wanted < maximum ? wanted : maximum;
	if (session->block_size == 0 || session->block_size > session->block_limit)
		session->block_size = session->block_limit;
	session->summary->block_size = session->block_size;
}

int stp_session_open(struct stp_session *session)
{
	int result = STP_REFUSED_AGAIN;

	for (int i = 0; i < OPEN_TRIES && result == STP_REFUSED_AGAIN; i++) {
		if (i > 0)
			result = link_quiet(session->wire.link, smaller(OPEN_PAUSE_MS, session->options->answer_timeout_ms));
		if (result >= 0)
			result = open_once(session);
		if (result == STP_REFUSED_AGAIN)
			stp_session_note(session, "session refused");
	}
	if (result == STP_REFUSED_AGAIN || (result == 0 && session->summary->max_transfer <= STP_HEADER_SIZE))
		return -ECONNREFUSED;
	if (result == 0)
		result = agree_on_data_type(session);
	if (result < 0)
		return result;
	session->wire_size = stp_wire_size(session->source, session->compressed);
	session->summary->compressed = session->compressed;
	session->offset = 0;
	limit_blocks(session);
	stp_session_note(session, "STP version %u, %u bytes at most, blocks of %u, %s", session->summary->version,
			 session->summary->max_transfer, session->block_size, session->compressed ? "compressed" : "plain");
	return 0;
}

void stp_session_shrink(struct stp_session *session)
{
	uint32_t minimum = block_minimum(session);
	uint32_t half = session->block_size / 2;

	session->clean_blocks = 0;
	session->block_size = half > minimum ? half : minimum;
}

static void grow(struct stp_session *session)
{
	if (++session->clean_blocks < CLEAN_BLOCKS_TO_GROW || session->block_size >= session->block_limit)
		return;
	session->clean_blocks = 0;
	uint64_t doubled = 2ull * session->block_size;
	session->block_size = doubled < session->block_limit ? (uint32_t)doubled : session->block_limit;
}

static uint64_t trouble_count(const struct stp_session *session)
{
	return session->summary->damaged + session->summary->nacks + session->summary->resends;
}

/* Answers that the kernel lost cost a repeat each, and a smaller block a shorter one. */
static bool overruns_rose(struct stp_session *session)
{
	struct link_counters counters;

	if (session->overruns < 0)
		return false;
	link_get_counters(session->wire.link, &counters);
	int64_t rise = counters.overruns - session->overruns;
	if (rise <= 0)
		return false;
	if (session->summary->overruns == 0)
		stp_session_note(session, "the kernel lost received bytes (overrun) at byte %llu", (unsigned long long)session->offset);
	session->overruns = counters.overruns;
	session->summary->overruns += (uint64_t)rise;
	return true;
}

static struct stp_patience block_patience(const struct stp_session *session, uint32_t length)
{
	int64_t budget_ms = session->options->block_budget_ms;
	int64_t answer_ms = session->options->answer_timeout_ms;
	bool at_border = stp_is_border(session->source, session->compressed, session->offset, length);

	return (struct stp_patience){
	    .first_wait_ms = smaller(at_border ? answer_ms * BORDER_WAITS : answer_ms, budget_ms / WAITS_IN_BUDGET),
	    .longest_wait_ms = at_border ? budget_ms : budget_ms / WAITS_IN_BUDGET,
	    .deadline_ms = session->advanced_ms + budget_ms,
	    .at_border = at_border,
	};
}

static int announce_block(struct stp_session *session, uint32_t length, const struct stp_patience *patience)
{
	const uint8_t payload[2] = {(uint8_t)(length >> 8), (uint8_t)length};
	struct stp_request request = {.op = STP_TRANSFER_BLOCK_CMD,
				      .session = SESSION_ID,
				      .transaction = ++session->transaction,
				      .payload = payload,
				      .length = sizeof payload};
	struct stp_response response;

	return stp_session_request(session, &request, patience, &response);
}

static int send_announced(struct stp_session *session, uint32_t length, struct stp_patience *patience, uint32_t *ret_residue)
{
	const uint8_t *image = session->compressed ? session->source->compressed : session->source->plain;
	struct stp_request request = {.op = STP_TRANSFER_BLOCK,
				      .session = SESSION_ID,
				      .transaction = ++session->transaction,
				      .payload = image + session->offset,
				      .length = (uint16_t)length};
	struct stp_response response;

	patience->nack_limit = length > block_minimum(session) ? NACKS_BEFORE_SMALLER : 0;
	int result = stp_session_request(session, &request, patience, &response);
	if (result != 0)
		return result;
	*ret_residue = (uint32_t)(response.payload[0] << 8 | response.payload[1]);
	return 0;
}

/* A modem that takes nothing of a block answers at once: asked again at the same pace it would be for ever. */
static int wait_for_appetite(struct stp_session *session)
{
	int64_t idle_ms = clock_now_ms() - session->advanced_ms;

	if (idle_ms >= session->options->block_budget_ms)
		return -ETIMEDOUT;
	return link_quiet(session->wire.link, smaller(idle_ms / 4 + 1, OPEN_PAUSE_MS));
}

static int take_residue(struct stp_session *session, uint32_t length, uint32_t residue)
{
	session->summary->blocks++;
	session->summary->residue_bytes += residue;
	if (residue > 0)
		stp_session_tell(session, STP_EVENT_TROUBLE, "residue of %u bytes at byte %llu", residue,
				 (unsigned long long)session->offset);
	if (residue == length)
		return wait_for_appetite(session);
	session->offset += length - residue;
	session->advanced_ms = clock_now_ms();
	return 0;
}

static int send_block(struct stp_session *session)
{
	uint64_t left = session->wire_size - session->offset;
	uint32_t length = left < session->block_size ? (uint32_t)left : session->block_size;
	struct stp_patience patience = block_patience(session, length);
	uint64_t refusals_before = session->summary->damaged + session->summary->nacks;
	uint64_t trouble_before = trouble_count(session);
	uint32_t residue = 0;

	session->summary->block_size = session->block_size;
	int result = announce_block(session, length, &patience);
	session->first_block_passed = true;
	if (result == 0)
		result = send_announced(session, length, &patience, &residue);
	/* Silence at a border is the modem's, not the line's. */
	bool refused = session->summary->damaged + session->summary->nacks > refusals_before;
	bool overrun = overruns_rose(session);
	if (refused || overrun || (!patience.at_border && trouble_count(session) > trouble_before))
		stp_session_shrink(session);
	else if (result == 0)
		grow(session);
	if (result != 0)
		return result == STP_REFUSED_AGAIN ? 0 : result;
	result = take_residue(session, length, residue);
	session->progress_due = true;
	return result;
}

/* From the first block of a bundle on there is no way back: what was asked to stop is not looked at any more. */
static int pass_point_of_no_return(struct stp_session *session)
{
	if (session->first_block_passed || !session->options->before_first_block)
		return 0;
	if (!session->options->before_first_block(session->options->context))
		return -ECANCELED;
	session->cancel_fd = link_set_cancel_fd(session->wire.link, -1);
	session->disarmed = true;
	return 0;
}

int stp_session_send_blocks(struct stp_session *session)
{
	int result = pass_point_of_no_return(session);

	session->advanced_ms = clock_now_ms();
	while (result == 0 && session->offset < session->wire_size)
		result = send_block(session);
	if (session->progress_due)
		stp_session_report(session);
	return result;
}

void stp_session_close(struct stp_session *session)
{
	struct stp_request request = {.op = STP_RESET};
	int64_t deadline_ms = clock_deadline_ms(CLOSE_WAIT_MS);
	struct stp_response response;
	enum stp_answer answer;

	if (stp_send(&session->wire, &request, deadline_ms) == 0)
		(void)stp_await(&session->wire, &request, deadline_ms, &answer, &response);
}
