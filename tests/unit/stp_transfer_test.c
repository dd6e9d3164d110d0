/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stp/stp_transfer.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "stp_peer.h"
#include "transport/clock.h"
#include "transport/stp/stp_frame.h"
#include "transport/stp/stp_position.h"

#define IMAGE_SIZE  10000u
#define PACKED_SIZE 6000u
#define BLOCK       512u

#define RULES(...)                                                                                                                         \
	.rules = (const struct stp_peer_rule[]){__VA_ARGS__},                                                                              \
	.rule_count = sizeof((const struct stp_peer_rule[]){__VA_ARGS__}) / sizeof(struct stp_peer_rule)

/* The parts: borders at 700 and 9000. */
static const struct stp_part parts[] = {
    {0, 0, "bootrom upgrade package"},
    {700, 500, "fff upgrade package"},
    {9000, 5500, "fs upgrade package"},
};

/* One run: what goes in, what came of it. */
struct run {
	struct stp_source source;
	struct stp_options options;
	struct stp_summary summary;
	struct fault fault;
	struct link *link;
	struct link_counters counters;
	int result;
	uint8_t plain[IMAGE_SIZE];
	uint8_t packed[PACKED_SIZE];
	bool gate; /* what before_first_block answers */
	unsigned gate_calls;
	int cancel_at_gate; /* an eventfd made readable there, or 0 */
	unsigned reports;
	unsigned border_reports;
	uint64_t last_done;
	bool went_back;
	char last_part[64];
	char notes[2048];
};

static struct run run;
static struct stp_peer peer;

static bool gate(void *context)
{
	struct run *r = context;

	r->gate_calls++;
	if (r->cancel_at_gate > 0)
		eventfd_write(r->cancel_at_gate, 1);
	return r->gate;
}

static void progress(void *context, const struct stp_progress *p)
{
	struct run *r = context;

	r->reports++;
	r->border_reports += p->at_border;
	r->went_back = r->went_back || p->bytes_done < r->last_done || p->bytes_total != IMAGE_SIZE;
	r->last_done = p->bytes_done;
	snprintf(r->last_part, sizeof r->last_part, "%s", p->part);
}

static void note(void *context, const char *line)
{
	struct run *r = context;
	size_t used = strlen(r->notes);

	snprintf(r->notes + used, sizeof r->notes - used, "%s\n", line);
}

static void prepare(void)
{
	for (unsigned i = 0; i < IMAGE_SIZE; i++)
		run.plain[i] = (uint8_t)(i * 31u + i / 251u);
	for (unsigned i = 0; i < PACKED_SIZE; i++)
		run.packed[i] = (uint8_t)(i * 17u + i / 241u);
	run.gate = true;
	run.source = (struct stp_source){.plain = run.plain, .plain_size = IMAGE_SIZE, .parts = parts, .part_count = 3};
	run.options = (struct stp_options){
	    .block_size = BLOCK,
	    .block_size_min = 64,
	    .answer_timeout_ms = 2000, /* long: a busy machine must not make silence */
	    .block_budget_ms = 8000,
	    .allow_compression = true,
	    .before_first_block = gate,
	    .progress = progress,
	    .note = note,
	    .context = &run,
	};
}

/* For tests in which silence is part of the play. */
static void hurry(int64_t answer_timeout_ms, int64_t block_budget_ms)
{
	run.options.answer_timeout_ms = answer_timeout_ms;
	run.options.block_budget_ms = block_budget_ms;
}

/* Runs against the peer; afterwards all of both may be looked at. */
static void transfer(void)
{
	if (!run.link)
		ck_assert_int_eq(link_open_fd(stp_peer_start(&peer), &run.link), 0);
	run.result = stp_transfer(run.link, &run.source, &run.options, &run.fault, &run.summary);
	link_get_counters(run.link, &run.counters);
	link_close(run.link);
	run.link = NULL;
	stp_peer_stop(&peer);
}

static void assert_sent(const uint8_t *image, size_t size)
{
	ck_assert_msg(run.result == 0, "%d %s: %s", run.result, fault_code_name(run.fault.code), run.fault.message);
	ck_assert_uint_eq(peer.image_size, size);
	ck_assert_mem_eq(peer.image, image, size);
	for (size_t i = 0; i < peer.seen_count; i++)
		ck_assert(peer.seen[i].crc_good);
	ck_assert(!run.went_back);
	ck_assert_uint_eq(run.last_done, IMAGE_SIZE);
}

static void assert_fault(enum fault_code code, const char *text)
{
	ck_assert_int_eq(run.result, -EPROTO);
	ck_assert_str_eq(fault_code_name(run.fault.code), fault_code_name(code));
	ck_assert_msg(strstr(run.fault.message, text) != NULL, "%s", run.fault.message);
}

static void assert_request(size_t index, uint8_t op, uint8_t session, uint32_t transaction, uint16_t length)
{
	ck_assert_uint_lt(index, peer.seen_count);
	const struct stp_peer_seen *seen = &peer.seen[index];
	ck_assert_msg(seen->op == op && seen->session == session && seen->transaction == transaction && seen->length == length,
		      "request %zu: op %u session %u transaction %u length %u", index, seen->op, seen->session, seen->transaction,
		      seen->length);
}

/* The transactions of the requests with this op that came as first … fourth. */
static void assert_transactions(uint8_t op, size_t from, uint32_t a, uint32_t b)
{
	uint32_t found[STP_PEER_SEEN_MAX];
	size_t count = 0;

	for (size_t i = 0; i < peer.seen_count; i++) {
		if (peer.seen[i].op == op)
			found[count++] = peer.seen[i].transaction;
	}
	ck_assert_uint_ge(count, from + 2);
	ck_assert_uint_eq(found[from], a);
	ck_assert_uint_eq(found[from + 1], b);
}

START_TEST(version_1_sends_everything_in_order)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3};
	prepare();
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	assert_request(0, STP_RESET, 0, 0, 0);
	assert_request(1, STP_OPEN_SESSION, 1, 1, 0);
	for (size_t i = 0; i < 20; i++) {
		uint16_t length = i < 19 ? BLOCK : IMAGE_SIZE - 19 * BLOCK;
		assert_request(2 + 2 * i, STP_TRANSFER_BLOCK_CMD, 1, (uint32_t)(2 + 2 * i), 2);
		assert_request(3 + 2 * i, STP_TRANSFER_BLOCK, 1, (uint32_t)(3 + 2 * i), length);
		ck_assert_uint_eq(peer.seen[2 + 2 * i].announced, length);
	}
	assert_request(42, STP_RESET, 0, 0, 0);
	ck_assert_uint_eq(peer.seen_count, 43);
	ck_assert_uint_eq(run.counters.writes, 43);
	ck_assert_uint_eq(run.counters.bytes_sent, 43 * 16 + 20 * 2 + IMAGE_SIZE);
	ck_assert_uint_eq(run.reports, 20);
	ck_assert_uint_eq(run.gate_calls, 1);
	ck_assert_uint_eq(run.summary.version, 1);
	ck_assert_uint_eq(run.summary.max_transfer, 8192);
	ck_assert_uint_eq(run.summary.blocks, 20);
	ck_assert_uint_eq(run.summary.sessions, 1);
	ck_assert_uint_eq(run.summary.resends + run.summary.nacks + run.summary.damaged + run.summary.skipped_bytes, 0);
	ck_assert_str_eq(run.last_part, "fs upgrade package");
	ck_assert_str_eq(run.notes, "STP version 1, 8192 bytes at most, blocks of 512, plain\n");
}
END_TEST

static const struct {
	bool packed;
	bool is_elf;
	bool allowed;
	uint8_t version;
	uint32_t data_type;
} types[] = {
    {true, false, true, 2, 5}, {true, false, false, 2, 4}, {false, false, true, 2, 4},
    {true, true, true, 2, 3},  {false, true, true, 2, 2},  {true, false, true, 1, 0},
};

START_TEST(data_types_are_announced)
{
	bool packed = types[_i].data_type == 5 || types[_i].data_type == 3;

	peer = (struct stp_peer){.version = types[_i].version, .max_transfer = 8192, .fragment = 2, .checksums = true};
	prepare();
	run.source.compressed = types[_i].packed ? run.packed : NULL;
	run.source.compressed_size = types[_i].packed ? PACKED_SIZE : 0;
	run.source.is_elf = types[_i].is_elf;
	run.options.allow_compression = types[_i].allowed;
	transfer();
	assert_sent(packed ? run.packed : run.plain, packed ? PACKED_SIZE : IMAGE_SIZE);
	ck_assert_uint_eq(peer.data_type, types[_i].data_type);
	ck_assert_uint_eq(run.summary.compressed, packed);
	if (types[_i].version == 2) {
		assert_request(2, STP_TRANSFER_DATA_TYPE, 1, 2, 4);
		assert_request(3, STP_TRANSFER_BLOCK_CMD, 1, 3, 2);
	}
}
END_TEST

START_TEST(refused_compression_falls_back_to_plain)
{
	peer = (struct stp_peer){.version = 2, .max_transfer = 8192, .fragment = 5, RULES({STP_TRANSFER_DATA_TYPE, 1, 3, PEER_NACK, 0})};
	prepare();
	run.source.compressed = run.packed;
	run.source.compressed_size = PACKED_SIZE;
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	ck_assert_uint_eq(peer.data_type, STP_DATA_BUNDLE);
	ck_assert(!run.summary.compressed);
	ck_assert_uint_eq(run.summary.nacks, 3);
}
END_TEST

START_TEST(blocks_keep_to_the_sessions_maximum)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 216, .fragment = 4};
	prepare();
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	assert_request(3, STP_TRANSFER_BLOCK, 1, 3, 200);
	ck_assert_uint_eq(run.summary.block_size, 200);
}
END_TEST

/* F43: what is sent again, and under which transaction. The fifth block is away from every border. */
static const struct {
	uint8_t version;
	uint8_t op;
	enum stp_peer_action action;
	bool next_transaction;
	unsigned resends, nacks, damaged;
} repeats[] = {
    {1, STP_TRANSFER_BLOCK_CMD, PEER_DEAF, false, 1, 0, 0},
    {1, STP_TRANSFER_BLOCK, PEER_DEAF, false, 1, 0, 0},
    {1, STP_TRANSFER_BLOCK, PEER_MUTE, false, 1, 0, 0},
    {2, STP_TRANSFER_BLOCK, PEER_MUTE, false, 1, 0, 0},
    {2, STP_TRANSFER_BLOCK_CMD, PEER_NACK, true, 0, 1, 0},
    {2, STP_TRANSFER_BLOCK, PEER_NACK, true, 0, 1, 0},
    {2, STP_TRANSFER_BLOCK_CMD, PEER_NOT_UNDERSTOOD, false, 1, 0, 0},
    {2, STP_TRANSFER_BLOCK, PEER_NOT_UNDERSTOOD, false, 1, 0, 0},
    {1, STP_TRANSFER_BLOCK, PEER_DAMAGE, false, 1, 0, 1},
    {2, STP_TRANSFER_BLOCK_CMD, PEER_DAMAGE, false, 1, 0, 1},
};

START_TEST(trouble_is_answered_by_sending_again)
{
	const struct stp_peer_rule rule = {repeats[_i].op, 5, 5, repeats[_i].action, 0};
	uint32_t first = (repeats[_i].version == 2 ? 3u : 2u) + 8u + (repeats[_i].op == STP_TRANSFER_BLOCK);

	peer = (struct stp_peer){.version = repeats[_i].version, .max_transfer = 8192, .fragment = 3, .rules = &rule, .rule_count = 1};
	prepare();
	if (repeats[_i].action == PEER_DEAF || repeats[_i].action == PEER_MUTE)
		hurry(120, 8000);
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	assert_transactions(repeats[_i].op, 4, first, first + repeats[_i].next_transaction);
	ck_assert_uint_eq(run.summary.resends, repeats[_i].resends);
	ck_assert_uint_eq(run.summary.nacks, repeats[_i].nacks);
	ck_assert_uint_eq(run.summary.damaged, repeats[_i].damaged);
	ck_assert_uint_eq(run.summary.block_size, BLOCK / 2);
	ck_assert_msg(strstr(run.notes, "sent again") != NULL, "%s", run.notes);
}
END_TEST

START_TEST(blocks_shrink_and_grow_back)
{
	peer = (struct stp_peer){.version = 2,
				 .max_transfer = 8192,
				 .fragment = 9,
				 RULES({STP_TRANSFER_BLOCK, 5, 5, PEER_NACK, 0}, {STP_TRANSFER_BLOCK, 7, 7, PEER_NACK, 0})};
	prepare();
	run.options.block_size = 200;
	run.options.block_size_min = 70;
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	unsigned sizes[3] = {0};
	for (size_t i = 0; i < peer.seen_count; i++) {
		if (peer.seen[i].op != STP_TRANSFER_BLOCK_CMD)
			continue;
		sizes[0] += peer.seen[i].announced == 200;
		sizes[1] += peer.seen[i].announced == 100;
		sizes[2] += peer.seen[i].announced == 70;
	}
	/* 200: five until the first NACK; 100: one, which is refused as well; 70: 32 clean ones; 140 would be next. */
	ck_assert_uint_eq(sizes[1], 1);
	ck_assert_uint_eq(sizes[2], 32);
	ck_assert_uint_gt(sizes[0], 5);
}
END_TEST

START_TEST(a_block_refused_again_and_again_goes_in_smaller_ones)
{
	peer = (struct stp_peer){.version = 2, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 5, 7, PEER_NACK, 0})};
	prepare();
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	size_t at = 0;
	for (unsigned blocks = 0; blocks < 7; at++)
		blocks += peer.seen[at].op == STP_TRANSFER_BLOCK;
	ck_assert_uint_eq(peer.seen[at].op, STP_TRANSFER_BLOCK_CMD);
	ck_assert_uint_eq(peer.seen[at].announced, BLOCK / 2);
	ck_assert_uint_eq(peer.seen[at].transaction, peer.seen[at - 1].transaction + 2);
}
END_TEST

/* A block whose fate is not known must not be announced anew: the modem may have taken it. */
START_TEST(a_block_met_with_silence_keeps_its_transaction)
{
	peer = (struct stp_peer){.version = 2, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 5, 8, PEER_MUTE, 0})};
	prepare();
	hurry(60, 8000);
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	assert_transactions(STP_TRANSFER_BLOCK, 4, 12, 12);
	assert_transactions(STP_TRANSFER_BLOCK, 6, 12, 12);
	ck_assert_uint_eq(run.summary.resends, 4);
}
END_TEST

START_TEST(refusals_without_end_are_damage)
{
	peer = (struct stp_peer){.version = 2, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 5, 100000, PEER_NACK, 0})};
	prepare();
	hurry(2000, 300);
	int64_t started = clock_now_ms();
	transfer();
	assert_fault(FAULT_STP_DAMAGED, "at byte 2048");
	ck_assert_int_lt(clock_now_ms() - started, 3000);
	ck_assert_uint_lt(stp_peer_count(&peer, STP_TRANSFER_BLOCK), 60);
}
END_TEST

/* F42 */
START_TEST(residue_goes_again_in_the_next_block)
{
	peer = (struct stp_peer){.version = 1,
				 .max_transfer = 8192,
				 .fragment = 3,
				 RULES({STP_TRANSFER_BLOCK, 3, 4, PEER_RESIDUE, 100}, {STP_TRANSFER_BLOCK, 6, 6, PEER_RESIDUE, 512})};
	prepare();
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	ck_assert_uint_eq(run.summary.residue_bytes, 712);
	ck_assert_uint_eq(run.summary.resends, 0);
}
END_TEST

START_TEST(residue_of_everything_is_a_stall)
{
	peer =
	    (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 8, 100000, PEER_RESIDUE, 512})};
	prepare();
	hurry(2000, 300);
	transfer();
	assert_fault(FAULT_TRANSFER_STALLED, "at byte 3584 of 10000 (35 %) in fff upgrade package");
	ck_assert_uint_lt(stp_peer_count(&peer, STP_TRANSFER_BLOCK), 60);
}
END_TEST

/* F36 */
START_TEST(text_before_an_answer_is_skipped)
{
	peer = (struct stp_peer){
	    .version = 1,
	    .max_transfer = 8192,
	    .fragment = 3,
	    RULES({STP_RESET, 1, 1, PEER_TEXT, 0}, {STP_OPEN_SESSION, 1, 1, PEER_TEXT, 0}, {STP_TRANSFER_BLOCK, 1, 9, PEER_TEXT, 0})};
	prepare();
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	ck_assert_uint_eq(run.summary.skipped_bytes, 11 * 15);
	ck_assert_uint_eq(run.summary.resends, 0);
}
END_TEST

/* F38 */
START_TEST(a_refused_session_is_asked_for_three_times_more)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .refuse_opens = 3};
	prepare();
	hurry(150, 8000);
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	ck_assert_uint_eq(stp_peer_count(&peer, STP_OPEN_SESSION), 4);
	ck_assert_uint_eq(run.summary.sessions, 1);
	for (size_t i = 0; i < 8; i += 2) {
		assert_request(i, STP_RESET, 0, 0, 0);
		assert_request(i + 1, STP_OPEN_SESSION, 1, 1, 0);
	}
}
END_TEST

START_TEST(refused_sessions_are_a_fault)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .refuse_opens = 4};
	prepare();
	hurry(150, 8000);
	transfer();
	assert_fault(FAULT_STP_REFUSED, "refused to open a session");
	ck_assert_uint_eq(stp_peer_count(&peer, STP_OPEN_SESSION), 4);
	ck_assert_uint_eq(run.gate_calls, 0);
}
END_TEST

START_TEST(a_session_without_room_is_a_fault)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 16, .fragment = 3};
	prepare();
	transfer();
	assert_fault(FAULT_STP_REFUSED, "16 bytes at most");
	ck_assert_uint_eq(stp_peer_count(&peer, STP_TRANSFER_BLOCK_CMD), 0);
}
END_TEST

START_TEST(no_answer_to_the_opening_is_a_fault)
{
	const struct stp_peer_rule rule = {(uint8_t)_i, 1, 1000, PEER_DEAF, 0};

	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .rules = &rule, .rule_count = 1};
	prepare();
	hurry(50, 8000);
	transfer();
	assert_fault(FAULT_STP_NO_ANSWER, _i == STP_RESET ? "no answer to RESET" : "no answer to OPEN_SESSION");
	ck_assert_ptr_null(strstr(run.fault.message, "flow control"));
	ck_assert_uint_eq(stp_peer_count(&peer, (uint8_t)_i), 5);
	ck_assert_uint_eq(run.summary.sessions, 0);
}
END_TEST

/* F39: nothing after the session was opened; after another RESET it goes, in smaller blocks. */
START_TEST(a_session_that_dies_at_the_start_starts_over_once)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 1, 3, PEER_DEAF, 0})};
	prepare();
	hurry(50, 300);
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	ck_assert_uint_eq(run.summary.sessions, 2);
	ck_assert_uint_eq(run.gate_calls, 1);
	ck_assert_uint_eq(stp_peer_count(&peer, STP_OPEN_SESSION), 2);
	size_t at = peer.seen_count;
	while (peer.seen[at - 1].op != STP_OPEN_SESSION)
		at--;
	assert_request(at, STP_TRANSFER_BLOCK_CMD, 1, 2, 2);
	ck_assert_uint_eq(peer.seen[at].announced, BLOCK / 2);
}
END_TEST

START_TEST(a_session_that_dies_twice_is_a_stall)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 1, 100, PEER_DEAF, 0})};
	prepare();
	hurry(60, 300);
	transfer();
	assert_fault(FAULT_TRANSFER_STALLED, "at byte 0 of 10000 (0 %) in bootrom upgrade package");
	ck_assert_uint_eq(run.summary.sessions, 2);
}
END_TEST

START_TEST(a_session_that_dies_later_is_not_started_over)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 6, 100, PEER_DEAF, 0})};
	prepare();
	hurry(60, 600);
	transfer();
	assert_fault(FAULT_TRANSFER_STALLED, "took nothing for 1 s at byte 2560 of 10000 (25 %) in fff upgrade package");
	ck_assert_uint_eq(run.summary.sessions, 1);
	ck_assert_uint_eq(stp_peer_count(&peer, STP_OPEN_SESSION), 1);
	/* 60, 60, 120, 150, 150 ms and what is left of 600. */
	ck_assert_uint_ge(stp_peer_count(&peer, STP_TRANSFER_BLOCK), 5 + 4);
	ck_assert_uint_le(stp_peer_count(&peer, STP_TRANSFER_BLOCK), 5 + 7);
}
END_TEST

/* F40, F41: block 18 holds the border at 9000. */
START_TEST(silence_at_a_border_is_waited_for)
{
	static const unsigned blocks[] = {1, 18};
	const struct stp_peer_rule rule = {STP_TRANSFER_BLOCK, blocks[_i], blocks[_i], PEER_BUSY, 400};

	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .rules = &rule, .rule_count = 1};
	prepare();
	hurry(40, 2000);
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	/* 160 ms, 320 ms: two repeats where an unspaced wait of 40 ms would have sent a dozen. */
	ck_assert_uint_ge(run.summary.resends, 1);
	ck_assert_uint_le(run.summary.resends, 2);
	ck_assert_int_ge(run.summary.longest_silence_ms, 390);
	ck_assert_uint_eq(run.summary.block_size, BLOCK);
	ck_assert_uint_eq(run.summary.sessions, 1);
	ck_assert_uint_ge(run.border_reports, 1);
	ck_assert_msg(strstr(run.notes, "erasing flash") != NULL, "%s", run.notes);
}
END_TEST

START_TEST(borders_are_reported_before_they_are_met)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3};
	prepare();
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	/* Blocks 2 and 3 around 700, 18 and 19 around 9000, the last, and the end. */
	ck_assert_uint_eq(run.border_reports, 6);
}
END_TEST

START_TEST(a_late_answer_does_not_answer_the_next_request)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 5, 5, PEER_BUSY, 150})};
	prepare();
	hurry(60, 8000);
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	ck_assert_uint_ge(run.summary.resends, 1);
	/* Every repeat is answered as well: the answers that nobody waits for any more did no harm. */
	ck_assert_uint_eq(stp_peer_count(&peer, STP_TRANSFER_BLOCK), run.summary.blocks + run.summary.resends);
}
END_TEST

START_TEST(a_refusing_gate_cancels_before_the_first_block)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3};
	prepare();
	run.gate = false;
	transfer();
	ck_assert_int_eq(run.result, -ECANCELED);
	ck_assert_uint_eq(stp_peer_count(&peer, STP_TRANSFER_BLOCK_CMD), 0);
	ck_assert_uint_eq(peer.seen_count, 3);
	assert_request(2, STP_RESET, 0, 0, 0);
}
END_TEST

START_TEST(a_cancel_ends_the_opening)
{
	int cancel_fd = eventfd(1, EFD_CLOEXEC);

	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_OPEN_SESSION, 1, 9, PEER_DEAF, 0})};
	prepare();
	ck_assert_int_eq(link_open_fd(stp_peer_start(&peer), &run.link), 0);
	link_set_cancel_fd(run.link, cancel_fd);
	int64_t started = clock_now_ms();
	transfer();
	ck_assert_int_eq(run.result, -ECANCELED);
	ck_assert_int_lt(clock_now_ms() - started, 1000);
	ck_assert_uint_eq(run.gate_calls, 0);
	close(cancel_fd);
}
END_TEST

/* Past the first block a cancel is not looked at, and the descriptor is armed again when the transfer is over. */
START_TEST(a_cancel_after_the_first_block_is_too_late)
{
	int cancel_fd = eventfd(0, EFD_CLOEXEC);
	uint8_t byte;

	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3};
	prepare();
	ck_assert_int_eq(link_open_fd(stp_peer_start(&peer), &run.link), 0);
	link_set_cancel_fd(run.link, cancel_fd);
	run.cancel_at_gate = cancel_fd;
	run.result = stp_transfer(run.link, &run.source, &run.options, &run.fault, &run.summary);
	ck_assert_int_eq((int)link_read(run.link, &byte, 1, clock_deadline_ms(100)), -ECANCELED);
	link_close(run.link);
	stp_peer_stop(&peer);
	assert_sent(run.plain, IMAGE_SIZE);
	close(cancel_fd);
}
END_TEST

START_TEST(a_port_that_goes_away_is_a_fault)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_TRANSFER_BLOCK, 6, 6, PEER_HANG_UP, 0})};
	prepare();
	transfer();
	assert_fault(FAULT_PORT_GONE, "the port went away at byte 2560");
	ck_assert_uint_eq(run.summary.blocks, 5);
}
END_TEST

START_TEST(the_answer_to_the_closing_reset_may_never_come)
{
	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, RULES({STP_RESET, 2, 2, PEER_DEAF, 0})};
	prepare();
	int64_t started = clock_now_ms();
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	ck_assert_int_lt(clock_now_ms() - started, 2500);
}
END_TEST

START_TEST(a_damaged_opening_is_asked_again)
{
	peer = (struct stp_peer){.version = 2,
				 .max_transfer = 8192,
				 .fragment = 3,
				 RULES({STP_RESET, 1, 1, PEER_DAMAGE, 0}, {STP_OPEN_SESSION, 1, 1, PEER_MUTE, 0},
				       {STP_TRANSFER_DATA_TYPE, 1, 1, PEER_NOT_UNDERSTOOD, 0})};
	prepare();
	hurry(120, 8000);
	transfer();
	assert_sent(run.plain, IMAGE_SIZE);
	assert_request(1, STP_RESET, 0, 0, 0);
	assert_request(3, STP_OPEN_SESSION, 1, 1, 0);
	assert_request(5, STP_TRANSFER_DATA_TYPE, 1, 2, 4);
}
END_TEST

START_TEST(an_abandoned_session_answers)
{
	/* Idle in a session; at the very start of the largest block. */
	static const size_t missing[] = {0, 8176};
	struct link *link;

	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .half_block = missing[_i]};
	ck_assert_int_eq(link_open_fd(stp_peer_start(&peer), &link), 0);
	ck_assert_int_eq(stp_abandon(link), 1);
	link_close(link);
	stp_peer_stop(&peer);
	assert_request(0, STP_RESET, 0, 0, 0);
	ck_assert_uint_eq(peer.seen_count, 1);
}
END_TEST

START_TEST(a_modem_without_a_session_does_not_answer)
{
	struct link *link;

	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, RULES({STP_RESET, 1, 9, PEER_DEAF, 0})};
	ck_assert_int_eq(link_open_fd(stp_peer_start(&peer), &link), 0);
	int64_t started = clock_now_ms();
	ck_assert_int_eq(stp_abandon(link), 0);
	ck_assert_int_lt(clock_now_ms() - started, 5000);
	link_close(link);
	stp_peer_stop(&peer);
}
END_TEST

START_TEST(a_modem_waiting_for_a_session_gets_one_to_end)
{
	struct link *link;

	peer = (struct stp_peer){.version = 1, .max_transfer = 8192, .fragment = 3, .waits_for_open = true};
	ck_assert_int_eq(link_open_fd(stp_peer_start(&peer), &link), 0);
	ck_assert_int_eq(stp_abandon_waiting(link), 1);
	link_close(link);
	stp_peer_stop(&peer);
	assert_request(0, STP_OPEN_SESSION, 1, 1, 0);
	assert_request(1, STP_RESET, 0, 0, 0);
	ck_assert(!peer.waits_for_open);
}
END_TEST

START_TEST(positions_scale_part_by_part)
{
	const struct stp_source source = {
	    .plain_size = IMAGE_SIZE, .compressed = run.packed, .compressed_size = PACKED_SIZE, .parts = parts, .part_count = 3};
	uint64_t last = 0;

	for (uint64_t at = 0; at <= PACKED_SIZE; at++) {
		uint64_t position = stp_plain_position(&source, true, at);
		ck_assert_uint_ge(position, last);
		last = position;
	}
	ck_assert_uint_eq(stp_plain_position(&source, true, 0), 0);
	ck_assert_uint_eq(stp_plain_position(&source, true, 250), 350);
	ck_assert_uint_eq(stp_plain_position(&source, true, 500), 700);
	ck_assert_uint_eq(stp_plain_position(&source, true, 3000), 700 + 8300 / 2);
	ck_assert_uint_eq(stp_plain_position(&source, true, PACKED_SIZE), IMAGE_SIZE);
	ck_assert_uint_eq(stp_plain_position(&source, false, 1234), 1234);
	ck_assert_str_eq(stp_part_at(&source, true, 499), "bootrom upgrade package");
	ck_assert_str_eq(stp_part_at(&source, true, 500), "fff upgrade package");
	ck_assert_str_eq(stp_part_at(&source, false, 500), "bootrom upgrade package");
}
END_TEST

START_TEST(borders_lie_around_the_start_of_a_part)
{
	const struct stp_source source = {.plain_size = IMAGE_SIZE, .parts = parts, .part_count = 3};

	ck_assert(stp_is_border(&source, false, 0, 100));    /* the first block */
	ck_assert(!stp_is_border(&source, false, 500, 100)); /* ends before */
	ck_assert(stp_is_border(&source, false, 600, 100));  /* right behind it */
	ck_assert(stp_is_border(&source, false, 650, 100));  /* in it */
	ck_assert(stp_is_border(&source, false, 750, 100));  /* began just before it */
	ck_assert(!stp_is_border(&source, false, 800, 100)); /* long over */
	ck_assert(stp_is_border(&source, false, 9900, 100)); /* the last block */
	ck_assert(!stp_is_border(&source, false, 5000, 100));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("stp_transfer");
	TCase *ordinary = tcase_create("ordinary");
	TCase *trouble = tcase_create("trouble");
	TCase *abandon = tcase_create("abandon");

	tcase_set_timeout(trouble, 20);
	tcase_add_test(ordinary, version_1_sends_everything_in_order);
	tcase_add_loop_test(ordinary, data_types_are_announced, 0, (int)(sizeof types / sizeof types[0]));
	tcase_add_test(ordinary, refused_compression_falls_back_to_plain);
	tcase_add_test(ordinary, blocks_keep_to_the_sessions_maximum);
	tcase_add_test(ordinary, borders_are_reported_before_they_are_met);
	tcase_add_test(ordinary, positions_scale_part_by_part);
	tcase_add_test(ordinary, borders_lie_around_the_start_of_a_part);
	tcase_add_test(ordinary, a_refusing_gate_cancels_before_the_first_block);
	tcase_add_test(ordinary, a_cancel_ends_the_opening);
	tcase_add_test(ordinary, a_cancel_after_the_first_block_is_too_late);
	tcase_add_loop_test(trouble, trouble_is_answered_by_sending_again, 0, (int)(sizeof repeats / sizeof repeats[0]));
	tcase_add_test(trouble, blocks_shrink_and_grow_back);
	tcase_add_test(trouble, a_block_refused_again_and_again_goes_in_smaller_ones);
	tcase_add_test(trouble, a_block_met_with_silence_keeps_its_transaction);
	tcase_add_test(trouble, refusals_without_end_are_damage);
	tcase_add_test(trouble, residue_goes_again_in_the_next_block);
	tcase_add_test(trouble, residue_of_everything_is_a_stall);
	tcase_add_test(trouble, text_before_an_answer_is_skipped);
	tcase_add_test(trouble, a_refused_session_is_asked_for_three_times_more);
	tcase_add_test(trouble, refused_sessions_are_a_fault);
	tcase_add_test(trouble, a_session_without_room_is_a_fault);
	tcase_add_loop_test(trouble, no_answer_to_the_opening_is_a_fault, STP_RESET, STP_OPEN_SESSION + 1);
	tcase_add_test(trouble, a_session_that_dies_at_the_start_starts_over_once);
	tcase_add_test(trouble, a_session_that_dies_twice_is_a_stall);
	tcase_add_test(trouble, a_session_that_dies_later_is_not_started_over);
	tcase_add_loop_test(trouble, silence_at_a_border_is_waited_for, 0, 2);
	tcase_add_test(trouble, a_late_answer_does_not_answer_the_next_request);
	tcase_add_test(trouble, a_port_that_goes_away_is_a_fault);
	tcase_add_test(trouble, the_answer_to_the_closing_reset_may_never_come);
	tcase_add_test(trouble, a_damaged_opening_is_asked_again);
	tcase_add_loop_test(abandon, an_abandoned_session_answers, 0, 2);
	tcase_add_test(abandon, a_modem_without_a_session_does_not_answer);
	tcase_add_test(abandon, a_modem_waiting_for_a_session_gets_one_to_end);
	suite_add_tcase(suite, ordinary);
	suite_add_tcase(suite, trouble);
	suite_add_tcase(suite, abandon);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(make_suite());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
